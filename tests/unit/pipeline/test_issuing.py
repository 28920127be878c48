"""Pages of one state of the records are attacked together, whichever run they came out in."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from studypkg.errors import DisclosureError
from studypkg.pipeline.issuing import Desk
from studypkg.privacy import Additive, Statistic
from studypkg.privacy.board import narrowed
from studypkg.privacy.relations import relations_of

MONTH = "2026-02"
#: Too small to be shown: 5 patients, the rest of a total of 100.
CLINICS = {"south": 5, "north": 45, "east": 50}
ASKED = {f"north/{MONTH}/n", f"east/{MONTH}/n"}


def count(unit: str, what: str, n: int) -> Statistic:
    cell = f"{unit}/{MONTH}/{what}"
    return Statistic(what, "c", unit, MONTH, "count", n, value=float(n), n_cell=cell)


def desk(folder: Path, month: str = MONTH) -> Desk:
    rules = SimpleNamespace(min_cell=11, min_quantile=20, dominance=10.0, late_groups="hold")
    return Desk(SimpleNamespace(processed=folder, privacy=rules), month, "0001")  # type: ignore[arg-type]


def network(at: Desk) -> None:
    numbers = [count("network", "n", 100), *(count(unit, "n", n) for unit, n in CLINICS.items())]
    over = Additive(f"network/{MONTH}/n", tuple(f"{unit}/{MONTH}/n" for unit in CLINICS))
    at.shared_page("network", numbers, [over], also_withhold=ASKED)


def clinic(at: Desk, unit: str, *halves: int) -> None:
    numbers = [count(unit, f"half {place}", n) for place, n in enumerate(halves)]
    whole = Additive(f"{unit}/{MONTH}/n", tuple(one.n_cell for one in numbers))
    at.clinic_page(unit, numbers, [whole], also_withhold=ASKED)


def test_two_clinics_of_one_run_that_meet_in_a_total(tmp_path: Path) -> None:
    run = desk(tmp_path)
    network(run)
    clinic(run, "north", 20, 25)
    clinic(run, "east", 24, 26)
    assert run.joining(ASKED) == {f"network/{MONTH}/n"}
    with pytest.raises(DisclosureError):
        run.close()


def test_two_clinics_of_two_runs_that_meet_in_a_total(tmp_path: Path) -> None:
    first = desk(tmp_path)
    network(first)
    clinic(first, "north", 20, 25)
    assert first.joining(ASKED) == set()
    first.close()
    second = desk(tmp_path, "2026-03")
    clinic(second, "east", 24, 26)
    assert second.joining(ASKED)
    with pytest.raises(DisclosureError):
        second.close()
    assert narrowed(relations_of(second.ledger.all_issues())) == ()
