"""Tests of record exports: what comes in, what never does, and that every row of the export is told of."""

import csv
import re
import sys
from pathlib import Path

import pytest

from studypkg.errors import ConfigError, DataRejectedError, IdentifierFoundError
from studypkg.records.delimited import read_delimited
from studypkg.records.redcap import export as redcap_export

sys.path.insert(0, str(Path(__file__).parent))  # for the module beside the tests

from small_project import write_project

PROJECTS = Path(__file__).resolve().parents[3] / "data" / "redcap_exports"
PLACES = ("redcap_event", "redcap_arm", "redcap_instance", "redcap_group")


def export_of(project):
    """Rows of an export as the csv module reads them."""
    with (PROJECTS / project / "data.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_flat_project(read):
    raw, rows = read("simple", form="health")
    exported = export_of("simple")
    assert [row["redcap_record"] for row in rows] == [row["record_id"] for row in exported]
    assert [row["height"] for row in rows] == [row["height"] for row in exported]
    assert raw.n_rows == len(exported) == 5


def test_fields_that_find_a_person_are_never_read(read):
    raw, rows = read("simple", form="demographics")
    assert not {"name_first", "name_last", "address", "telephone", "email", "dob"} & set(rows[0])
    told = next(note for note in raw.notes if note.startswith("fields never read"))
    assert "telephone (" in told and "address (" in told


def test_500_people_without_what_is_flagged(read):
    raw, rows = read("clinical-trial-1", form="demographics")
    assert raw.n_rows == len(rows) == 500
    assert {"name_last", "name_first", "address", "phone", "dob"} & set(rows[0]) == set()
    # Nobody flagged the e-mail: that is for the screen of identifiers, which sees every column that is left.
    assert "email" in rows[0]


def test_a_mapping_of_a_flagged_field_is_refused(read):
    with pytest.raises(ConfigError, match='names the field "phone"') as refused:
        read("clinical-trial-1", form="demographics", columns={"arm": "phone"})
    assert "flagged as an identifier" in str(refused.value)


def test_events_and_arms(read):
    raw, rows = read("longitudinal", form="baseline_data")
    exported = [
        row
        for row in export_of("longitudinal")
        if row["baseline_data_complete"] in ("1", "2") or row["height2"]
    ]
    assert {(row["redcap_record"], row["redcap_event"]) for row in rows} >= {
        (row["study_id"], row["redcap_event_name"]) for row in exported
    }
    assert {row["redcap_arm"] for row in rows} <= {"1", "2"}
    assert all(row["redcap_event"].endswith(f"_arm_{row['redcap_arm']}") for row in rows)
    assert raw.n_rows == len(rows) > 0


def test_every_row_of_the_export_is_told_of(read):
    for form in ("demographics", "baseline_data", "visit_lab_data", "patient_morale_questionnaire"):
        raw, rows = read("longitudinal", form=form)
        told = raw.notes[-2] if raw.notes[-1].startswith("fields never read") else raw.notes[-1]
        numbers = [int(number) for number in re.findall(r"(\d+) (?:of|without|with)", told)]
        assert numbers[0] == len(rows)
        assert sum(numbers) == len(export_of("longitudinal")), told


ROWS = {
    "simple": 5, "longitudinal": 18, "checkboxes-1": 4, "repeating-instruments": 6, "clinical-trial-1": 500,
    "potentially-problematic-values": 2, "arm-multiple-delete": 60,
}  # fmt: skip


@pytest.mark.parametrize("project", ROWS)
def test_every_form_of_every_project(read, project):
    exported = export_of(project)
    assert len(exported) == ROWS[project]
    with (PROJECTS / project / "dictionary.csv").open(encoding="utf-8", newline="") as stream:
        fields = list(csv.DictReader(stream))
    personal = {
        field["Variable / Field Name"] for field in fields
        if field["Identifier?"] == "y" or field["Field Type"] in ("notes", "file")
        or field["Text Validation Type OR Show Slider Number"] in ("phone", "email")
    }  # fmt: skip
    for form in dict.fromkeys(field["Form Name"] for field in fields):
        own = {f["Variable / Field Name"]: f["Field Type"] for f in fields[1:] if f["Form Name"] == form}
        columns = [
            name for name in exported[0] if name.split("___")[0] in own.keys() - personal
        ]  # fmt: skip
        expected = [
            (row[fields[0]["Variable / Field Name"]], *(row[name] for name in columns)) for row in exported
            if row.get("redcap_repeat_instrument", "") in ("", form)
            and (row[f"{form}_complete"] in ("1", "2") or any(
                row[name] == "1" if "___" in name else row[name].strip() for name in columns))
        ]  # fmt: skip
        raw, rows = read(project, form=form)
        kept = [(row["redcap_record"], *(row[name] for name in columns)) for row in rows]
        assert kept == expected, form
        assert set(raw.columns) & set(own) == {name for name in columns if "___" not in name}
        told = next(note for note in raw.notes if "rows of the export hold" in note)
        numbers = [int(number) for number in re.findall(r"(\d+) (?:of|without|with)", told)]
        assert numbers[0] == len(rows) and sum(numbers) == ROWS[project], told


def test_an_event_that_there_is_not(read):
    with pytest.raises(ConfigError, match="Its events are: "):
        read("longitudinal", form="demographics", events=("week_9",))


def test_one_event_of_a_form(read):
    _, rows = read("longitudinal", form="patient_morale_questionnaire", events=("visit_1_arm_1",))
    assert {row["redcap_event"] for row in rows} == {"visit_1_arm_1"}


def test_repeating_forms_have_an_instance_each(read):
    exported = export_of("repeating-instruments")
    instruments = {row["redcap_repeat_instrument"] for row in exported} - {""}
    for form in sorted(instruments):
        _, rows = read("repeating-instruments", form=form)
        expected = [
            (row["record_id"], row["redcap_repeat_instance"]) for row in exported
            if row["redcap_repeat_instrument"] == form
        ]  # fmt: skip
        assert [(row["redcap_record"], row["redcap_instance"]) for row in rows] == expected


def test_a_baseline_stands_beside_every_instance(read):
    exported = export_of("repeating-instruments")
    form = next(row["redcap_repeat_instrument"] for row in exported if row["redcap_repeat_instrument"])
    _, rows = read("repeating-instruments", form=form, beside=("demographics",))
    first = {row["record_id"]: row for row in exported if not row["redcap_repeat_instrument"]}
    shared = (set(rows[0]) & set(exported[0])) - {"redcap_event_name"}
    own = {name for name in shared if any(first[row["redcap_record"]][name] for row in rows)}
    assert own
    for row in rows:
        for name in own:
            assert row[name] in (first[row["redcap_record"]][name], row[name])


def test_boxes_are_ticks_or_choices(read):
    exported = {line["record_id"]: line for line in export_of("checkboxes-1")}
    raw, ticks = read("checkboxes-1", form="form_2")
    boxes = [name for name in raw.columns if "___" in name]
    assert len(boxes) == 9
    for row in ticks:
        line = exported[row["redcap_record"]]
        assert {name: row[name] for name in boxes} == {name: line[name] for name in boxes}
    _, chosen = read("checkboxes-1", form="form_2", checkboxes="choices")
    for row in chosen:
        line = exported[row["redcap_record"]]
        assert [row[name] for name in boxes] == [
            name.split("___")[1] if line[name] == "1" else "" for name in boxes
        ]
    # Whoever has no row here has no box ticked and the form not begun.
    for record in exported.keys() - {row["redcap_record"] for row in ticks}:
        assert exported[record]["form_2_complete"] == "0"
        assert not any(exported[record][name] == "1" for name in boxes)


def test_values_that_break_their_own_rule_are_kept_as_they_are(read):
    exported = export_of("potentially-problematic-values")
    raw, rows = read("potentially-problematic-values")
    kept = [name for name in raw.columns if name in exported[0]]
    assert [[row[name] for name in kept] for row in rows] == [
        [line[name] for name in kept] for line in exported
    ]


def test_one_record_id_in_two_arms_is_two_rows(read):
    exported = export_of("arm-multiple-delete")
    form = next(name.removesuffix("_complete") for name in exported[0] if name.endswith("_complete"))
    _, rows = read("arm-multiple-delete", form=form)
    keys = [(row["redcap_record"], row["redcap_event"], row["redcap_instance"]) for row in rows]
    assert len(keys) == len(set(keys))
    assert {row["redcap_arm"] for row in rows} == {"1", "2", "3"}


def test_the_dictionary_of_the_api_is_the_same_dictionary(read):
    _, by_page = read("simple", form="health")
    _, by_api = read("simple", form="health", dictionary=PROJECTS / "simple" / "metadata.csv")
    assert by_page == by_api


FIELDS = (
    ("record_id", "visit", "text", "Record", "", "", "", ""),
    ("seen", "visit", "text", "Seen on", "", "date_dmy", "", ""),
    ("pain", "visit", "text", "Worst pain", "", "number_1dp_comma_decimal", "", ""),
    ("side", "visit", "radio", "Side", "1, Left | 2, Right", "", "", ""),
    ("given", "visit", "checkbox", "Given", "dn, Dry needling | ct, Cross-tape", "", "", ""),
    ("story", "visit", "notes", "Story", "", "", "", ""),
    ("called", "visit", "text", "Name", "", "", "y", ""),
)
RAW = (
    "record_id,seen,pain,side,given___dn,given___ct,story,called,visit_complete",
    '7,2026-01-05,"6,5",1,1,0,CNRYSTORY,CNRYNAME,2',
    '8,2026-01-06,"-99",2,0,0,CNRYSTORY,CNRYNAME,0',
)
LABELLED = (
    "Record,Seen on,Worst pain,Side,Given (choice=Dry needling),Given (choice=Cross-tape),Story,Name,"
    "Complete?",
    '7,2026-01-05,"6,5",Left,Checked,Unchecked,CNRYSTORY,CNRYNAME,Complete',
    '8,2026-01-06,"-99",Right,Unchecked,Unchecked,CNRYSTORY,CNRYNAME,Incomplete',
)


@pytest.mark.parametrize("export", [RAW, LABELLED])
def test_codes_and_labels_say_the_same(read, tmp_path, export):
    _, rows = read(write_project(tmp_path, export, fields=FIELDS), missing_codes=("-99",))
    kept = [{name: cell for name, cell in row.items() if name not in PLACES} for row in rows]
    assert kept == [
        {"_row": 2, "redcap_record": "7", "seen": "2026-01-05", "pain": "6.5", "side": "1",
         "given___dn": "1", "given___ct": "0"},
        {"_row": 3, "redcap_record": "8", "seen": "2026-01-06", "pain": "", "side": "2",
         "given___dn": "0", "given___ct": "0"},
    ]  # fmt: skip


@pytest.mark.parametrize("export", [RAW, LABELLED])
def test_labels_and_choices_where_they_are_asked_for(read, tmp_path, export):
    _, rows = read(write_project(tmp_path, export, fields=FIELDS), labels=True, checkboxes="choices")
    assert [(row["side"], row["given___dn"]) for row in rows] == [("Left", "Dry needling"), ("Right", "")]


def test_only_forms_that_are_marked_complete(read, tmp_path):
    raw, rows = read(write_project(tmp_path, RAW, fields=FIELDS), complete=True)
    assert [row["redcap_record"] for row in rows] == ["7"]
    assert any("1 with visit not marked complete" in note for note in raw.notes)


@pytest.mark.parametrize("export", [RAW, LABELLED])
def test_what_is_left_out_never_stands_in_a_table(read, connection, tmp_path, monkeypatch, export):
    seen = []

    def spy(*given, **named):
        raw = read_delimited(*given, **named)
        seen.append(str(given[0].execute(f'FROM "{raw.relation}"').fetchall()))
        return raw

    monkeypatch.setattr(redcap_export, "read_delimited", spy)
    raw, _ = read(write_project(tmp_path, export, fields=FIELDS))
    assert len(seen) == 1 and "CNRY" not in seen[0] and "2026-01-05" in seen[0]
    assert not {"story", "called"} & set(raw.columns)
    tables = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
    assert tables == [raw.relation]


def test_a_survey_address_is_left_out_too(read, tmp_path, monkeypatch):
    rows = ("record_id,redcap_survey_identifier,pain,visit_complete", "7,cnry@example.org,5,2")
    raw, _ = read(write_project(tmp_path, rows, fields=(FIELDS[0], FIELDS[2])))
    assert "redcap_survey_identifier" not in raw.columns


def test_rows_are_those_of_the_export_although_stories_of_several_lines_are_left_out(read, tmp_path):
    rows = (RAW[0], '7,2026-01-05,"6,5",1,1,0,"CNRY\n\nsaid ""no"", twice","CNRY, A",2', RAW[2])
    _, found = read(write_project(tmp_path, rows, fields=FIELDS))
    assert [(row["_row"], row["redcap_record"]) for row in found] == [(2, "7"), (5, "8")]


def test_a_record_id_that_is_flagged_is_refused_unless_it_is_replaced(read, tmp_path):
    flagged = (("record_id", "visit", "text", "Record", "", "", "y", ""), *FIELDS[1:])
    folder = write_project(tmp_path, RAW, fields=flagged)
    with pytest.raises(IdentifierFoundError, match="flagged as an identifier"):
        read(folder)
    raw, _ = read(folder, pseudonymise=("redcap_record",))
    assert raw.n_rows == 2


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ((RAW[0] + ",new", RAW[1] + ",1"), 'a column "new"'),
        ((RAW[0], RAW[1], RAW[1]), "stand twice"),
        ((RAW[0], RAW[1][:-2]), "Line 2"),
        ((LABELLED[0].replace("Side", "CNRY side"), LABELLED[1]), "neither a variable nor"),
    ],
)
def test_an_export_that_does_not_fit(read, tmp_path, rows, told):
    with pytest.raises(DataRejectedError, match=told) as refused:
        read(write_project(tmp_path, rows, fields=FIELDS))
    assert "CNRYNAME" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("a,b\n1,2\n", "no REDCap data dictionary"),
        ("Variable / Field Name,Form Name\n", "field_type"),
    ],
)
def test_a_dictionary_that_is_none(read, tmp_path, text, told):
    folder = write_project(tmp_path, RAW, fields=FIELDS)
    (folder / "dictionary.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataRejectedError, match=told):
        read(folder)


def test_several_forms_have_to_be_chosen_from(read):
    with pytest.raises(ConfigError, match="Add form = and one of: "):
        read("longitudinal")
    with pytest.raises(ConfigError, match=r'no form "basline_data".*baseline_data'):
        read("longitudinal", form="basline_data")


@pytest.mark.parametrize("cut", [";", "\t", "|"])
@pytest.mark.parametrize("export", [RAW, LABELLED])
def test_exports_cut_by_another_sign(read, tmp_path, export, cut):
    _, expected = read(write_project(tmp_path, export, fields=FIELDS))
    cells = list(csv.reader(export))
    rows = [cut.join(f'"{cell}"' for cell in line) for line in cells]
    _, found = read(write_project(tmp_path, rows, fields=FIELDS))
    assert found == expected


def test_a_label_may_hold_the_name_of_a_field(read, tmp_path):
    fields = (*FIELDS[:3], ("side", "visit", "radio", "Side", '1, the ""pain"" side | 2, R', "", "", ""),
              *FIELDS[4:])  # fmt: skip
    _, rows = read(write_project(tmp_path, RAW, fields=fields), labels=True)
    assert rows[0]["side"] == 'the "pain" side'


def test_not_asked_says_nothing_of_the_other_boxes(read, tmp_path):
    rows = ("record_id,seen,given___dn,given___ct,given____99,visit_complete",
            "7,2026-01-05,0,0,1,2", "8,2026-01-05,1,0,0,2")  # fmt: skip
    folder = write_project(tmp_path, rows, fields=FIELDS)
    _, found = read(folder, missing_codes=("-99",))
    assert [(row["given___dn"], row["given___ct"]) for row in found] == [("", ""), ("1", "0")]
    with pytest.raises(DataRejectedError, match="missing_codes"):
        read(folder)


def test_postcodes_and_telephones_of_any_country_are_left_out(read, tmp_path):
    checks = ("postalcode_netherlands", "phone_france", "ssn", "email", "mrn_generic", "zipcode")
    fields = (FIELDS[0], FIELDS[2], *(
        (f"f{k}", "visit", "text", "F", "", check, "", "") for k, check in enumerate(checks)
    ))  # fmt: skip
    head = ",".join(("record_id,pain", *(f"f{k}" for k in range(len(checks))), "visit_complete"))
    raw, _ = read(write_project(tmp_path, (head, "7,5" + ",CNRY" * len(checks) + ",2"), fields=fields))
    assert raw.columns[-1] == "pain"
    assert all(f"f{k} (" in raw.notes[-1] for k in range(len(checks)))
