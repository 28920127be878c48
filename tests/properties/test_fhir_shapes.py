"""Whatever stands where in a FHIR export: it is read or refused, and nothing of it is shown."""

import copy
import json
import tempfile
from pathlib import Path

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studypkg.errors import StudyError
from studypkg.records.arrivals import arrive
from studypkg.records.read import open_arrival
from studypkg.sources import Source

P, E, C, V = (f"{d * 8}-{d * 4}-4{d * 3}-8{d * 3}-{d * 12}" for d in "1234")
DAY, TIME = "2026-01-12", "2026-01-12T09:00:00-05:00"
CANARY = "qzxqzx"


def coded(system, code):
    return {"coding": [{"system": system, "code": code, "display": "pain"}], "text": "cupping"}


def about(kind, digit, **fields):
    head = {"resourceType": kind, "id": f"{digit * 8}-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "status": "completed"}
    link = {"subject": {"reference": f"Patient/{P}"}, "encounter": {"reference": f"Encounter/{V}"}}
    return {**head, "meta": {"versionId": "1", "lastUpdated": TIME, "profile": ["x"]}, **link, **fields}


QUANTITY = {"value": 7, "unit": "{score}", "code": "{score}"}
REPEAT = {"boundsPeriod": {"start": DAY, "end": DAY}, "frequency": 1, "period": 1, "periodUnit": "d"}
DETAIL = {"status": "scheduled", "code": {"text": "clamshells"}, "quantity": QUANTITY, "scheduledTiming": {}}
WHOLE = (
    {"resourceType": "Patient", "id": P, "gender": "female", "birthDate": "1980-06-15",
     "identifier": [{"system": "s", "value": "v"}]},
    about("EpisodeOfCare", "6", id=E, status="finished", patient={"reference": f"Patient/{P}"},
          diagnosis=[{"condition": {"reference": f"Condition/{C}"}, "rank": 1}],
          period={"start": TIME, "end": DAY}),
    about("Condition", "6", id=C, code=coded("http://hl7.org/fhir/sid/icd-10-cm", "M76.31"),
    onsetDateTime=DAY,
          bodySite=[coded("http://snomed.info/sct", "7771000")]),
    about("Encounter", "6", id=V, status="finished", period={"start": TIME},
          episodeOfCare=[{"reference": f"EpisodeOfCare/{E}"}]),
    about("Observation", "7", status="final", code=coded("http://loinc.org", "72514-3"),
    effectiveDateTime=TIME,
          valueQuantity=QUANTITY,
          component=[{"code": coded("http://loinc.org", "72514-3"), "valueInteger": 6}]),
    about("QuestionnaireResponse", "8", questionnaire="https://x/lefs", authored=TIME,
          item=[{"linkId": "g", "item": [{"linkId": "total", "answer": [{"valueInteger": 52}]}]}]),
    about("Procedure", "9", code=coded("http://snomed.info/sct", "1"), performedPeriod={"start": TIME}),
    about("ServiceRequest", "a", status="active", intent="order", code={"text": "clamshells"},
          occurrenceTiming={"repeat": REPEAT}, quantityQuantity=QUANTITY),
    about("CarePlan", "b", status="active", intent="plan", period={"start": DAY},
    activity=[{"detail": DETAIL}]),
    about("Appointment", "c", status="noshow", start=TIME,
    participant=[{"actor": {"reference": f"Patient/{P}"}}]),
    about("AdverseEvent", "d", actuality="actual", date=DAY),
)  # fmt: skip

leaf = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(),
    st.sampled_from([CANARY, f"{CANARY} é", f"#{CANARY} ", f"urn:uuid:{CANARY} ", "",
    "0000-00-00", "2026-02-30",
                     "9999-12-31T23:59:60+14:00", "Patient/", "\0", "Observation", "\ud800"]),
)  # fmt: skip
junk = st.recursive(
    leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just(CANARY), inner), max_leaves=4
)


def places(value, path=()):
    """List the path of everything that can be replaced."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*path, key)
        yield from places(one, (*path, key))


PLACES = [(n, path) for n, one in enumerate(WHOLE) for path in places(one)]


@given(
    table=st.sampled_from(["episodes", "assessments", "treatments", "visits", "events", "prescriptions"]),
    changes=st.lists(st.tuples(st.sampled_from(PLACES), junk), min_size=1, max_size=4),
    as_lines=st.booleans(),
    episode=st.sampled_from(["episode_of_care", "condition", "patient"]),
)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_shape_is_read_or_refused_and_not_shown(table, changes, as_lines, episode):
    resources = copy.deepcopy(list(WHOLE))
    for (number, path), value in changes:
        at = resources[number]
        try:
            for key in path[:-1]:
                at = at[key]
            at[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    text = "".join(json.dumps(one) + "\n" for one in resources)
    if not as_lines:
        text = json.dumps({"resourceType": "Bundle", "entry": [{"resource": one} for one in resources]})
    options = {"timezone": "America/New_York", "episode": episode, "role": "by_order"}
    source = Source(
        table=table, kind="fhir", path="all.ndjson" if as_lines else "all.json",
        fhir={**options, "instruments": {"lefs#total": "lefs"}},
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(config={"threads": 1}) as connection:
        place = Path(folder)
        (place / source.path).write_text(text, encoding="utf-8")
        try:
            raw = open_arrival(connection, arrive(source, place, place), source)
        except StudyError as fault:
            assert CANARY not in repr(fault) + repr(fault.__dict__)
            assert fault.__cause__ is None
            return
        assert CANARY not in " ".join(raw.notes)
        named = [name for name in raw.columns if not name.endswith("_id")]
        listed = ", ".join(f'"{name}"' for name in named)
        rows = connection.execute(f"SELECT {listed} FROM {raw.relation}").fetchall()
        assert CANARY not in repr(rows)
        assert len(connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()) == 1
