"""Files that are damaged, packed, or made to hurt: one clear error with file and line, and nothing shown."""

import gzip
import json

import pytest

from studypkg.errors import DataRejectedError, StudyError

CANARY = "Zzyzwick"


def lines(*resources):
    return "".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in resources)


@pytest.fixture
def score(make):
    return make.pain(1, "2026-01-05", 7)


def observations(read, make, text, name="Observation.ndjson"):
    return read("assessments", {name: text, "care.ndjson": lines(*make.care)})


def twice(score):
    return json.dumps(score).replace('"status":', '"status": "preliminary", "status":')


#: What stands on line 2 of Observation.ndjson, and what the message says.
DAMAGED = (
    ('{"resourceType": "Observation", "id": "Zzyzwick', "line 2, column 48: the text breaks off"),
    ("Zzyzwick", "line 2, column 1: this is not JSON"),
    ('["Zzyzwick"]', "line 2 is no FHIR resource"),
    ('"Zzyzwick"', "line 2 is no FHIR resource"),
    ("null", "line 2 is no FHIR resource"),
    ('{"id": "Zzyzwick"}', "line 2 is no FHIR resource: it has no resourceType"),
    ('{"resourceType": ["Zzyzwick"]}', "line 2 is a resource of another type than Observation"),
    (
        '{"resourceType": "Patient", "id": "Zzyzwick"}',
        "line 2 is a resource of another type than Observation",
    ),
    ('{"a":' * 200_000 + CANARY, "line 2"),
)


@pytest.mark.parametrize(("line", "told"), DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_line_is_named_and_not_shown(read, make, score, line, told):
    with pytest.raises(DataRejectedError) as caught:
        observations(read, make, lines(score, line))
    assert "Observation.ndjson" in str(caught.value)
    assert told in str(caught.value)
    assert CANARY not in repr(caught.value) + repr(caught.value.__dict__)
    assert caught.value.__cause__ is None


def test_a_key_twice_says_two_things_at_once(read, make, score):
    with pytest.raises(DataRejectedError, match=r"line 2: an object has the same key twice"):
        observations(read, make, lines(score, twice(score)))
    bundle = '{"resourceType": "Bundle", "entry": [{"resource": ' + twice(score) + "}]}"
    with pytest.raises(DataRejectedError, match=r"an object has the same key twice"):
        read("assessments", {"bundle.json": bundle}, path="delivery/bundle.json")


def test_bytes_that_are_not_utf8_are_named_by_their_line(read, make, score):
    text = lines(score).encode() + b'{"resourceType": "Observation", "note": "Zzyz\xffwick"}\n'
    with pytest.raises(
        DataRejectedError, match=r"Observation\.ndjson: line 2 holds bytes that are not UTF-8"
    ):
        observations(read, make, text)


def test_half_of_a_sign_is_no_text(read, make, score):
    half = make.pain(2, "2026-01-06", 3, note="Zzyz\ud800wick")
    with pytest.raises(DataRejectedError, match=r"Observation\.ndjson: line 2 holds half of a sign"):
        observations(read, make, lines(score, half))
    bundle = json.dumps({"resourceType": "Bundle", "entry": [{"resource": one} for one in (score, half)]})
    with pytest.raises(DataRejectedError, match=r"entry 2 holds half of a sign"):
        read("assessments", {"bundle.json": bundle}, path="delivery/bundle.json")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf16_is_refused(read, make, score, encoding):
    with pytest.raises(DataRejectedError, match=r"UTF-8|not JSON|no FHIR|NUL"):
        observations(read, make, lines(score).encode(encoding))


@pytest.mark.parametrize(
    "change",
    [lambda text: b"\xef\xbb\xbf" + text, lambda text: text.replace(b"\n", b"\r\n"),
    lambda text: text.rstrip(),
     lambda text: b"\n" + text + b"\n  \n"],
    ids=["a mark", "line ends of Windows", "no last line end", "blank lines"],
)  # fmt: skip
def test_harmless_differences_change_nothing(read, make, score, change):
    found = observations(read, make, change(lines(score).encode()))
    assert [row["score"] for row in found.rows] == ["7"]


def test_a_packed_file_is_unpacked(read, make, score):
    packed = gzip.compress(lines(*make.care, score).encode())
    found = read("assessments", {"all.ndjson.gz": packed}, path="delivery/all.ndjson.gz")
    assert [row["score"] for row in found.rows] == ["7"]


def test_a_bomb_of_brackets_in_a_field_that_is_not_read_is_harmless(read, make, score):
    deep = json.dumps(score)[:-1] + ', "note": ' + "[" * 100_000 + "]" * 100_000 + "}"
    assert [row["score"] for row in observations(read, make, lines(deep)).rows] == ["7"]
    bundle = '{"resourceType": "Bundle", "entry": [{"resource": ' + deep + "}]}"
    with pytest.raises(DataRejectedError, match=r"nested deeper than any resource"):
        read("assessments", {"bundle.json": bundle}, path="delivery/bundle.json")


@pytest.mark.parametrize(
    ("text", "told"),
    [("{}", "no resourceType"), ("[1]", "entry 1 is no FHIR resource"), ('"Zzyzwick"', "no resourceType"),
     ('{"resourceType": "Bundle", "entry": 5}', "no list of entries"),
     ('{"resourceType": "Bundle", "entry": ["Zzyzwick"]}', "no list of entries"),
     ('{"resourceType": "Bundle", "link": [{"relation": "next"}]}', "one page of a search"),
     ('{"resourceType": "Bundle", "link": 5, "entry": [{"resource": {}}]}', "entry 1 is no FHIR resource"),
     ("name,score\nZzyzwick,7\n", "not JSON")],
)  # fmt: skip
def test_a_document_that_is_no_delivery(read, text, told):
    with pytest.raises(DataRejectedError) as caught:
        read("assessments", {"one.json": text}, path="delivery/one.json")
    assert told in str(caught.value)
    assert CANARY not in repr(caught.value)


def manifest(*entries, **fields):
    return json.dumps({"transactionTime": "2026-05-01T04:00:00Z", "output": list(entries), **fields})


def entry(kind, count=None):
    return {"type": kind, "url": f"https://ehr.example/{kind}.ndjson", **({"count": count} if count else {})}


@pytest.mark.parametrize(
    ("text", "told"),
    [(manifest(entry("Patient"), entry("Observation", 2)), "promises 2 resources and the file holds 1"),
     (manifest(entry("Patient"), entry("Observation"), entry("Encounter")),
     "names a file of Encounter that is not"),
     (manifest(entry("Patient")), "does not name this file"),
     (manifest({"type": "Patient", "url": 5}), "entries without a url"),
     (manifest({"type": "Patient", "url": "http://[Zzyzwick"}), "that is not there")],
)  # fmt: skip
def test_a_manifest_that_does_not_fit_its_files(read, make, score, text, told):
    files = {
        "manifest.json": text,
        "Patient.ndjson": lines(make.care[0]),
        "Observation.ndjson": lines(score),
    }
    with pytest.raises(StudyError) as caught:
        read("assessments", files, episode="patient")
    assert told in str(caught.value)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1" * 400, '"7"', "[7]", "true"])
def test_what_is_no_number_is_no_score(read, make, score, number):
    odd = json.dumps(score).replace('"value": 7', f'"value": {number}')
    assert odd != json.dumps(score)
    try:
        found = observations(read, make, lines(odd))
    except DataRejectedError:
        return
    assert [row["score"] for row in found.rows if not row["fhir_reason"]] in ([], ["7"])


def test_of_versions_without_a_time_the_highest_number_counts(read, make):
    versions = [make.pain(1, "2026-01-05", n, meta={"versionId": str(n)}) for n in (2, 10, 9)]
    found = read("assessments", [*make.care, *versions])
    assert [row["score"] for row in found.rows] == ["10"]
    assert "2 of them: an older version" in found.notes


def test_a_modifier_extension_may_turn_the_meaning_round(read, make, score):
    turned = make.pain(
        2, "2026-01-06", 3, modifierExtension=[{"url": "https://x.example/not", "valueBoolean": True}]
    )
    found = read("assessments", [*make.care, score, turned])
    assert [row["score"] for row in found.rows] == ["7"]
    assert "1 of them: with a modifier extension" in found.notes


def test_types_that_no_study_needs_are_counted(read, make, score):
    others = [{"resourceType": "Claim", "id": "x"}, {"resourceType": "Zzyzwick"}, {"resourceType": "Claim"}]
    found = read("assessments", [*make.care, score, *others])
    assert "3 resource(s) of types that this table does not need were passed over" in found.notes
    assert CANARY not in found.notes
