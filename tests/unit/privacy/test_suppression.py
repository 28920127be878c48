"""The release gate withholds small groups, and whatever would give one back."""

import json

import pytest

from studypkg.errors import DisclosureError
from studypkg.privacy import Additive, Released, Statistic, audit, release
from studypkg.privacy.ledger import issue_of


def count(group, n, cell=None):
    return Statistic("flow", "clinic", group, "2026-09", "count", n, value=float(n), n_cell=cell or group)


def share(measure, k, n, cell="paired"):
    return Statistic(
        measure, "clinic", "all", "2026-09", "share", n, k, k / n if n else None, 0.1, 0.9,
        n_cell=cell, k_cell=f"{cell}&{measure}",
    )  # fmt: skip


def statuses(released):
    return {(s.measure, s.group): s.status for s in released.statistics}


@pytest.mark.parametrize(("n", "status"), [(0, "shown"), (1, "withheld"), (10, "withheld"), (11, "shown")])
def test_a_count_of_1_to_10_is_withheld_and_0_is_shown(n, status):
    (only,) = release([count("ended", n)]).statistics
    assert only.status == status
    assert (only.value is None) == (status == "withheld")


@pytest.mark.parametrize(
    ("k", "n", "status"),
    [
        (20, 40, "shown"), (5, 40, "withheld"), (35, 40, "withheld"), (0, 40, "shown"), (40, 40, "shown"),
        (4, 9, "withheld"),
    ],
)  # fmt: skip
def test_a_share_needs_a_large_numerator_and_a_large_rest(k, n, status):
    (only,) = release([share("responder", k, n)]).statistics
    assert only.status == status
    if status == "withheld":
        assert (only.k, only.value, only.low, only.high) == (None, None, None, None)


def test_a_mean_of_few_is_withheld_with_its_number_of_patients():
    few = Statistic("improvement", "clinic", "all", "m", "mean", 7, value=2.0, low=1.0, high=3.0)
    (only,) = release([few]).statistics
    assert (only.status, only.n, only.value) == ("withheld", None, None)
    assert (only.code, only.reason) == (
        "small_group",
        "fewer than 11 patients, or a number that would reveal so few",
    )


def test_a_total_minus_the_parts_shown_does_not_give_a_part_back():
    parts = [count("a", 30), count("b", 25), count("c", 4)]
    made = release([count("all", 59), *parts], relations=[Additive("all", ("a", "b", "c"))])
    assert statuses(made)[("flow", "c")] == "withheld"
    assert sum(s.status == "withheld" for s in made.statistics) == 2
    assert audit(made, [Additive("all", ("a", "b", "c"))]) == ()


def test_a_loss_that_two_steps_of_the_flow_would_reveal_is_protected():
    numbers = [count("ended", 50), count("intake", 47), count("no intake", 3)]
    sums = [Additive("ended", ("intake", "no intake"))]
    made = release(numbers, relations=sums)
    assert statuses(made)[("flow", "no intake")] == "withheld"
    assert "withheld" in (statuses(made)[("flow", "ended")], statuses(made)[("flow", "intake")])
    assert audit(made, sums) == ()


def test_the_attacker_finds_what_the_gate_would_have_stopped():
    leaking = {"min_cell": 11, "statistics": [
        {**vars(count("ended", 50))}, {**vars(count("intake", 47))},
        {**vars(count("no intake", 3)), "n": None, "value": None, "status": "withheld"},
    ]}  # fmt: skip
    found = audit(Released.from_dict(leaking), [Additive("ended", ("intake", "no intake"))])
    assert [(b.cell, b.low, b.high) for b in found] == [("no intake", 3, 3)]


def test_numbers_of_one_group_of_patients_are_withheld_together():
    mean = Statistic("improvement", "clinic", "all", "m", "mean", 8, value=2.0, n_cell="paired")
    made = release([mean, count("paired", 8, cell="paired")])
    assert {s.status for s in made.statistics} == {"withheld"}


def test_one_cell_cannot_have_two_values():
    with pytest.raises(DisclosureError, match="two values"):
        release([count("a", 30, cell="same"), count("b", 31, cell="same")])


def test_nothing_is_released_but_through_the_gate():
    with pytest.raises(DisclosureError, match="only by"):
        Released([count("ended", 3)], 11)


def test_released_numbers_survive_json_and_withheld_ones_do_not_come_back():
    made = release([count("a", 30), count("b", 4), share("responder", 20, 41)])
    again = Released.from_dict(json.loads(json.dumps(made.to_dict())))
    assert again == made
    assert "4" not in json.dumps(again.get("flow", group="b", period="2026-09").n)


def test_what_is_not_computable_keeps_its_reason_and_no_small_count():
    none = Statistic("x", "clinic", "all", "m", "mean", 1, status="not_computable", reason="fewer than two")
    (only,) = release([none]).statistics
    assert (only.status, only.n, only.reason) == ("not_computable", None, "fewer than two")


@pytest.mark.parametrize("other_state", [False, True])
def test_what_one_state_of_the_records_gives_away_is_no_supposition(other_state):
    def count(cell, n):
        return Statistic("x", "c", cell, "p", "count", n, value=float(n), n_cell=cell)

    shown = release([count("t", 50), count("u", 47)], batch="1")
    earlier = [issue_of(shown, month="m", page="a", batch="1")]
    if other_state:
        # It says nothing of v, but then the sum is about two states.
        before = release([count("t", 50)], batch="0")
        earlier.insert(0, issue_of(before, month="m", page="b", batch="0"))
    with pytest.raises(DisclosureError, match="could not be protected"):
        release([count("v", 3)], relations=[Additive("t", ("u", "v"))], earlier=earlier, batch="1")
