"""Tests of visits: which rows belong to an event, and what stands beside what."""

import sys
from pathlib import Path

import pytest

from studypkg.errors import ConfigError

sys.path.insert(0, str(Path(__file__).parent))  # for the module beside the tests

from small_project import write_project

VISITS = (
    ("record_id", "visit", "text", "Record", "", "", "", ""),
    ("pain", "visit", "text", "Pain", "", "number", "", ""),
    ("bp", "vitals", "text", "Pressure", "", "integer", "", ""),
    ("age", "intake", "text", "Age", "", "integer", "", ""),
)
HEAD = "record_id,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,pain,bp,age"


def test_what_belongs_to_a_visit_stays_with_it(read, tmp_path):
    # Each record has its pressure once, but not all at the same visit: so it is not a baseline.
    rows = (HEAD, "1,v1_arm_1,,,5,120,", "1,v2_arm_1,,,4,,", "2,v1_arm_1,,,7,,", "2,v2_arm_1,,,3,130,")
    _, found = read(write_project(tmp_path, rows, fields=VISITS), form="visit", beside=("vitals",))
    assert [(row["pain"], row["bp"]) for row in found] == [("5", "120"), ("4", ""), ("7", ""), ("3", "130")]


def test_the_list_of_forms_and_events_says_what_belongs_to_a_visit(read, tmp_path):
    rows = (HEAD, "1,v1_arm_1,,,5,120,", "1,v2_arm_1,,,4,,")
    folder = write_project(tmp_path, rows, fields=VISITS)
    _, found = read(folder, form="visit", beside=("vitals",))
    assert [row["bp"] for row in found] == ["120", "120"]
    mapping = folder / "forms.csv"
    mapping.write_text(
        "arm_num,unique_event_name,form\n1,v1_arm_1,visit\n1,v2_arm_1,visit\n1,v1_arm_1,vitals\n"
        "1,v2_arm_1,vitals\n", encoding="utf-8",
    )  # fmt: skip
    _, found = read(folder, form="visit", beside=("vitals",), event_forms=mapping)
    assert [row["bp"] for row in found] == ["120", ""]


def test_a_baseline_of_each_arm_stands_beside_the_visits_of_that_arm(read, tmp_path):
    rows = (HEAD, "1,in_arm_1,,,,,30", "1,v1_arm_1,,,5,,", "1,in_arm_2,,,,,31", "1,v1_arm_2,,,4,,")
    _, found = read(write_project(tmp_path, rows, fields=VISITS), form="visit", beside=("intake",))
    assert [(row["redcap_arm"], row["age"]) for row in found] == [("1", "30"), ("2", "31")]


def test_forms_of_a_repeating_event_stand_beside_each_other(read, tmp_path):
    rows = (HEAD, "1,v_arm_1,,1,5,120,", "1,v_arm_1,,2,4,125,")
    _, found = read(write_project(tmp_path, rows, fields=VISITS), form="visit", beside=("vitals",))
    assert [(row["redcap_instance"], row["bp"]) for row in found] == [("1", "120"), ("2", "125")]


def test_a_repeating_form_stands_beside_nothing(read):
    with pytest.raises(ConfigError, match='the form "bp" repeats'):
        read("repeating-instruments", form="demographics", beside=("bp",))


def test_an_event_that_is_still_to_come_is_no_mistake(read, tmp_path):
    folder = write_project(tmp_path, (HEAD, "1,v1_arm_1,,,5,,"), fields=VISITS)
    names = folder / "events.csv"
    names.write_text(
        "event_name,arm_num,unique_event_name\nOne,1,v1_arm_1\nTwo,1,v2_arm_1\n", encoding="utf-8"
    )
    with pytest.raises(ConfigError, match='no row of an event "v2_arm_1"'):
        read(folder, form="visit", events=("v1_arm_1", "v2_arm_1"))
    _, found = read(folder, form="visit", events=("v1_arm_1", "v2_arm_1"), event_names=names)
    assert len(found) == 1


def test_a_labelled_export_says_its_arms_and_events(read, tmp_path):
    rows = ("Record,Event Name,Repeat Instrument,Repeat Instance,Pain,Pressure,Age",
            "1,In (Arm 2: Drug B),,,,,30", "1,One (Arm 2: Drug B),,,5,120,")  # fmt: skip
    folder = write_project(tmp_path, rows, fields=VISITS)
    _, found = read(folder, form="visit", beside=("intake",))
    assert [(row["redcap_event"], row["redcap_arm"], row["age"]) for row in found] == [
        ("One (Arm 2: Drug B)", "2", "30")
    ]
    names = folder / "events.csv"
    names.write_text("event_name,arm_num,unique_event_name\nOne,2,one_arm_2\n", encoding="utf-8")
    _, found = read(folder, form="visit", event_names=names)
    assert [(row["redcap_event"], row["redcap_arm"]) for row in found] == [("one_arm_2", "2")]


def test_a_labelled_export_names_repeating_forms_by_their_title(read, tmp_path):
    rows = ("Record,Event Name,Repeat Instrument,Repeat Instance,Pain,Pressure,Age",
            "1,V,Visit,1,5,,", "1,V,Vitals,1,,120,")  # fmt: skip
    _, found = read(write_project(tmp_path, rows, fields=VISITS), form="vitals")
    assert [row["bp"] for row in found] == ["120"]
