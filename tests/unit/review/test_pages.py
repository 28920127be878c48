"""The numbers of a page, from drawn episodes: who is compared with whom, and what adds up."""

import numpy as np
import pandas as pd
import pytest

from studypkg.privacy import audit, release
from studypkg.review import (
    Material,
    cells_withheld,
    clinic_page,
    network_page,
    periods,
    shares_shown,
    tallies,
)

WHEN = periods("2026-03", 3)
STRETCHES = {month: (month,) for month in WHEN.months} | {WHEN.past: WHEN.before}


def episodes(clinic, month, n, responders, *, lost=12, worse=0):
    """`n` paired episodes of a clinic and month, and `lost` without a final score."""
    rows = []
    for i in range(n + lost):
        paired = i < n
        improvement = (3.0 if i < responders else 0.0) - (3.0 if n - worse <= i < n else 0.0)
        rows.append(
            {
                "episode_id": f"{clinic}{month}{i}",
                "clinic_id": clinic,
                "month": month,
                "status": "paired" if paired else "no_final",
                "end_reason": "completed",
                "condition": "hip_bursitis",
                "baseline": 6.0 if paired else np.nan,
                "improvement": improvement if paired else np.nan,
                "responder": (i < responders) if paired else None,
                "acceptable": (i < responders) if paired else None,
                "worsened": (n - worse <= i < n) if paired else None,
            }
        )
    return rows


def material(*blocks):
    outcomes = pd.DataFrame([row for block in blocks for row in block])
    for column in ("responder", "acceptable", "worsened"):
        outcomes[column] = outcomes[column].astype("boolean")
    ids = outcomes["episode_id"]
    adherence = pd.DataFrame({"episode_id": ids, "adherence": 0.7, "no_report_share": 0.1})
    return Material(
        outcomes, adherence, adherence.assign(exercise="clamshell"),
        pd.DataFrame({"episode_id": ids, "iastm": 1}),
        pd.DataFrame({"episode_id": ids, "status": "attended"}),
        pd.DataFrame({"episode_id": ids[:0], "kind": ids[:0]}),
        ["clamshell"], ["iastm"], ["severe_pain"],
    )  # fmt: skip


@pytest.fixture
def network():
    blocks = [
        episodes(clinic, month, n, responders)
        for month in WHEN.months
        for clinic, n, responders in (("a", 40, 20), ("b", 50, 15), ("c", 30, 12), ("tiny", 4, 2))
    ]
    return material(*blocks)


def only(numbers, measure, scope, period, group="all"):
    (found,) = [
        s for s in numbers
        if (s.measure, s.scope, s.group, s.period) == (measure, scope, group, period)
    ]  # fmt: skip
    return found


def page(network, clinic):
    pool = tallies(network.outcomes, STRETCHES, min_cell=11)
    shares = {(m, p) for m in ("responder", "capture", "acceptable") for p in (WHEN.month, WHEN.past)}
    return clinic_page(network, pool, clinic, WHEN, comparable=shares)


def test_a_clinics_own_numbers_are_of_its_patients_in_the_month(network):
    numbers, _ = page(network, "a")
    own = only(numbers, "responder", "clinic", "2026-03")
    assert (own.k, own.n, own.value) == (20, 40, 0.5)
    assert only(numbers, "improvement", "clinic", "2026-03").value == pytest.approx(1.5)
    assert only(numbers, "responder", "own_past", WHEN.past).n == 80


def test_the_comparison_is_with_the_other_clinics_that_are_large_enough(network):
    others = only(page(network, "a")[0], "responder", "network", "2026-03")
    assert (others.k, others.n) == (15 + 12, 50 + 30)
    assert only(page(network, "a")[0], "improvement", "network", "2026-03").value == pytest.approx(
        3 * 27 / 80
    )


def test_a_clinic_is_never_left_out_of_the_pool_for_its_results():
    blocks = [
        episodes(clinic, month, 40, 20, worse=worse)
        for month in WHEN.months
        for clinic, worse in (("a", 3), ("b", 0), ("c", 5), ("d", 4))
    ]
    pool = tallies(material(*blocks).outcomes, STRETCHES, min_cell=11)
    sums, clinics = pool.pooled("worsened", "2026-03")
    assert (clinics, sums["total"], sums["n"]) == (4, 12, 160)


def test_with_one_other_clinic_there_is_no_comparison():
    blocks = [episodes(c, m, 40, 20) for m in WHEN.months for c in ("a", "b")]
    others = only(page(material(*blocks), "a")[0], "improvement", "network", "2026-03")
    assert (others.status, others.value) == ("not_computable", None)


@pytest.mark.parametrize("clinic", ["a", "b", "c", "tiny"])
def test_the_sums_that_a_page_declares_are_true(network, clinic):
    numbers, sums = page(network, clinic)
    value = {s.n_cell: s.n for s in numbers if s.n is not None}
    value |= {s.k_cell: s.k for s in numbers if s.k is not None}
    checked = [r for r in sums if r.total in value and all(p in value for p in r.parts)]
    assert checked
    assert all(value[r.total] == sum(value[p] for p in r.parts) for r in checked)


def test_a_released_page_keeps_its_headline_and_survives_the_attacker(network):
    numbers, sums = page(network, "a")
    released = release(numbers, relations=sums)
    assert released.get("improvement", period="2026-03").status == "shown"
    assert released.get("responder", period="2026-03").status == "shown"
    assert audit(released, sums) == ()


def test_the_networks_page_and_the_clinics_pages_withhold_the_same():
    blocks = [
        episodes(clinic, month, 40, 20, worse=worse)
        for month in WHEN.months
        for clinic, worse in (("a", 3), ("b", 12), ("c", 14), ("d", 0))
    ]
    network = material(*blocks)
    pool = tallies(network.outcomes, STRETCHES, min_cell=11)
    numbers, sums = network_page(network, pool, ("a", "b", "c", "d"), WHEN)
    released = release(numbers, relations=sums)
    assert audit(released, sums) == ()
    hidden = cells_withheld(released)
    for clinic in ("a", "b", "c", "d"):
        own, own_sums = clinic_page(network, pool, clinic, WHEN, comparable=shares_shown(released))
        shown = release(own, relations=own_sums, also_withhold=hidden)
        for s in shown.statistics:
            if s.status == "shown":
                assert not {s.n_cell, s.k_cell} & hidden
