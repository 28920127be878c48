"""Tests of the contract: a good frame passes, each fault is named by its rule, and no value is told."""

from datetime import date

import pandas as pd
import pytest

from studypkg.errors import QualityGateError
from studypkg.records.contract import check_contract, contract_of
from studypkg.records.screening import Lists
from studypkg.schema import TABLES, Column, with_covariates

TABLE = with_covariates(TABLES, (Column("steps", "integer", "Steps of a day.", minimum=0, maximum=90_000),))
LISTS = Lists(
    words={
        "instrument": {"nprs": "nprs", "lefs": "lefs"},
        "context": {"average": "average"},
        "role": {"intake": "intake", "discharge": "discharge"},
        "condition": {"itbs": "itb_syndrome"},
    },
    ranges={"nprs": (0.0, 10.0), "lefs": (0.0, 80.0)},
    normalise=str.lower,
)
LISTED = dict.fromkeys(TABLE, LISTS)


def frame(table: str, **columns: list[object]) -> pd.DataFrame:
    """Make a frame with all columns of a table; those not given are empty."""
    kinds = {"date": "datetime64[us]", "number": "float64", "integer": "float64", "age": "float64"}
    rows = len(next(iter(columns.values())))
    return pd.DataFrame(
        {
            one.name: pd.Series(columns.get(one.name, [None] * rows), dtype=kinds.get(one.kind, "str"))
            for one in TABLE[table].columns
        }
    )


@pytest.fixture
def frames() -> dict[str, pd.DataFrame]:
    return {
        "episodes": frame(
            "episodes",
            patient_id=["p1", "p2"], episode_id=["e1", "e2"], clinic_id=["c1", "c1"],
            start_date=["2026-01-05", "2026-01-06"], end_date=["2026-03-02", None],
            condition=["itb_syndrome"] * 2, age_years=[90, 31], steps=[4000, None],
        ),
        "assessments": frame(
            "assessments",
            episode_id=["e1", "e1", "e2"], date=["2026-01-05", "2026-03-01", "2026-01-06"],
            instrument=["nprs", "nprs", "lefs"], context=["average"] * 3, score=[7, 2.5, 60],
            role=["intake", "discharge", "intake"],
        ),
    }  # fmt: skip


def faults_of(frames: dict[str, pd.DataFrame], cutoff: date | None = None) -> str:
    with pytest.raises(QualityGateError) as found:
        check_contract(frames, TABLE, LISTED, cutoff=cutoff)
    assert found.value.__cause__ is None
    return str(found.value)


def test_good_frames_keep_it(frames):
    check_contract(frames, TABLE, LISTED, cutoff=date(2026, 3, 2))


def test_empty_frames_keep_it(frames):
    check_contract({name: one.iloc[:0] for name, one in frames.items()}, TABLE, LISTED)


@pytest.mark.parametrize(
    ("table", "row", "column", "value", "told"),
    [
        ("assessments", 1, "date", None, "assessments, date: REQUIRED_MISSING (1 row)"),
        ("assessments", 1, "role", "first", "assessments, role: UNKNOWN_TERM (1 row)"),
        ("assessments", 2, "score", 80.5, "assessments, the row: SCORE_OUT_OF_RANGE (1 row)"),
        ("assessments", 2, "episode_id", "e9", "assessments: UNKNOWN_EPISODE (1 row)"),
        ("assessments", 2, "date", pd.Timestamp("2025-11-30"), "assessments: BEFORE_EPISODE (1 row)"),
        ("episodes", 0, "end_date", pd.Timestamp("2026-01-04"), "episodes, the row: WRONG_ORDER (1 row)"),
        ("episodes", 0, "age_years", 91.0, "episodes, age_years: OUT_OF_RANGE (1 row)"),
        ("episodes", 1, "age_years", 30.5, "episodes, age_years: NOT_AN_INTEGER (1 row)"),
        ("episodes", 0, "steps", -1.0, "episodes, steps: OUT_OF_RANGE (1 row)"),
        ("episodes", 1, "start_date", pd.Timestamp("1026-01-06"), "episodes, start_date: NOT_A_DATE (1 row)"),
    ],
)
def test_a_fault_is_named_by_its_rule(frames, table, row, column, value, told):
    frames[table].loc[row, column] = value
    assert told in faults_of(frames)


def test_a_day_after_the_cutoff_is_one(frames):
    assert "assessments, the row: FUTURE_DATE (1 row)" in faults_of(frames, date(2026, 2, 28))


def test_two_rows_with_one_key_are_both_at_fault(frames):
    twice = frames["assessments"].iloc[[0, 1, 2, 0]].assign(score=[7, 2.5, 60, 6])
    assert "assessments, the row: CONFLICTING_KEY (2 rows)" in faults_of({**frames, "assessments": twice})


def test_scores_of_one_day_and_context_that_differ_under_two_roles_are_both_at_fault(frames):
    other = frames["assessments"].iloc[[0, 1, 2, 1, 2]]
    other = other.assign(
        score=[7, 2.5, 60, 4, 60], role=["intake", "discharge", "intake", "interim", "interim"]
    )
    assert "assessments, the row: CONTRADICTING_SCORES (2 rows)" in faults_of(
        {**frames, "assessments": other}
    )


def test_after_discharge_only_a_discharge_score_or_a_follow_up_may_lie(frames):
    frames["assessments"].loc[1, "date"] = pd.Timestamp("2026-03-09")
    check_contract(frames, TABLE, LISTED)
    frames["assessments"].loc[1, "role"] = "interim"
    assert "assessments: SCORE_AFTER_DISCHARGE (1 row)" in faults_of(frames)


def test_a_column_of_another_type_or_none_is_one(frames):
    texts = frames["assessments"].astype({"score": "str"})
    assert "assessments, score: NOT_OF_ITS_TYPE" in faults_of({**frames, "assessments": texts})
    without = frames["assessments"].drop(columns="score")
    assert "assessments, score: MISSING" in faults_of({**frames, "assessments": without})


def test_no_value_is_told(frames):
    frames["assessments"].loc[0, ["role", "score", "episode_id"]] = ["CANARY1", 77.125, "CANARY2"]
    told = faults_of(frames)
    assert "CANARY" not in told and "77.125" not in told


def test_the_contract_is_pandera_s_and_can_be_read(frames):
    contract = contract_of(TABLE["assessments"], LISTS)
    assert list(contract.columns) == list(TABLE["assessments"].column_names)
    assert {check.error for check in contract.checks} == {
        "SCORE_OUT_OF_RANGE",
        "CONTRADICTING_SCORES",
        "CONFLICTING_KEY",
    }
