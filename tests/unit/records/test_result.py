"""Tests of the account of a delivery."""

import json

import pytest

from studypkg.errors import QualityGateError
from studypkg.records.result import IngestResult, SourceResult

GOOD = SourceResult(
    table="assessments", file="trial.csv", sha256="ab", records=401, series=3, empty=175,
    read=1028, accepted=1000, duplicate=8, quarantined=20, reasons={"NOT_A_NUMBER": 20},
    columns={"score": 20}, ignored=("age",), notes=("a note",),
)  # fmt: skip


def test_a_sound_account_adds_up() -> None:
    GOOD.check()
    assert GOOD.bad_share == pytest.approx(20 / 1028)


@pytest.mark.parametrize("change", [{"accepted": 999}, {"read": 1029, "accepted": 1001}, {"empty": 174}])
def test_a_vanished_or_invented_record_is_an_error(change: dict[str, int]) -> None:
    wrong = SourceResult(**{**GOOD.__dict__, **change})
    with pytest.raises(QualityGateError, match=r"trial\.csv: the file holds"):
        wrong.check()


def test_a_file_without_records_has_no_bad_ones() -> None:
    empty = SourceResult("visits", "v.csv", "cd", 0, 1, 0, 0, 0, 0, 0)
    empty.check()
    assert empty.bad_share == 0.0


def test_an_account_survives_the_manifest() -> None:
    result = IngestResult("f", "2026-11-01", (GOOD,))
    back = IngestResult.from_manifest(json.loads(json.dumps(result.as_manifest())))
    assert back.sources == result.sources
    assert back.cutoff == "2026-11-01"
    assert (back.unchanged, result.unchanged) == (True, False)
    assert (back.read, back.accepted, back.duplicate, back.quarantined) == (1028, 1000, 8, 20)
