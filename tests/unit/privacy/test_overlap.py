"""Tests of what a page about all clinics says of one of them."""

from studypkg.privacy import Additive, Statistic, release
from studypkg.privacy.board import narrowed
from studypkg.privacy.bounds import Range
from studypkg.privacy.overlap import Overlap
from studypkg.privacy.relations import Issue, relations_of
from studypkg.privacy.suppression import Limits

TOTAL = Additive("network/m/ended", ("a/m/ended", "b/m/ended", "c/m/ended"))
#: Clinic a is large and withheld to protect b and c, who have three patients and one.
ALL = Issue(
    "network", "m", 0, "now", 11, {"network/m/ended": Range(104, 104)},
    withheld=frozenset(("a/m/ended", "b/m/ended", "c/m/ended")), small=frozenset(("b/m/ended", "c/m/ended")),
    sums=(TOTAL,),
)  # fmt: skip


def of_a():
    """The count of clinic a, on its own page."""
    return Statistic("flow", "clinic", "ended", "m", "count", 100, value=100.0, n_cell="a/m/ended")


def test_small_groups_of_other_clinics_in_the_same_sum_come_along() -> None:
    (seen,) = Overlap([ALL]).of("a")
    assert seen.sums == (TOTAL,)
    assert seen.small == ALL.small
    assert seen.withheld == {"a/m/ended"}


def test_a_clinic_without_a_gap_there_is_told_nothing_of_others() -> None:
    shown = {**ALL.shown, "a/m/ended": Range(100, 100)}
    other = Issue("network", "m", 0, "now", 11, shown, small=ALL.small, sums=(TOTAL,))
    (seen,) = Overlap([other]).of("a")
    assert seen.sums == ()
    assert seen.small == frozenset()


def test_a_page_of_a_large_clinic_does_not_give_two_small_ones_away() -> None:
    # Another way to the same count: its parts are shown although it is withheld itself.
    parts = (
        Statistic("flow", "clinic", "paired", "m", "count", 80, value=80.0, n_cell="a/m/paired"),
        Statistic("flow", "clinic", "not", "m", "count", 20, value=20.0, n_cell="a/m/unpaired"),
    )
    sums = (Additive("a/m/ended", ("a/m/paired", "a/m/unpaired")),)
    made = release(
        (of_a(), *parts), relations=sums, limits=Limits(11), earlier=Overlap([ALL]).of("a"), batch="now"
    )
    shown = {s.n_cell: Range(s.n, s.n) for s in made.statistics if s.status == "shown"}
    assert shown.keys() < {"a/m/paired", "a/m/unpaired"}
    page = Issue("a", "m", 0, "now", 11, shown, sums=sums)
    assert narrowed(relations_of([ALL, page]), 11) == ()


def test_a_share_of_many_visits_of_few_patients_is_withheld() -> None:
    def visits(people: int) -> Statistic:
        return Statistic(
            "no_show", "clinic", "all", "m", "share", 40, 15, 0.375, n_cell="a/m/visits", people=people
        )

    (few,) = release([visits(3)]).statistics
    assert (few.status, few.n, few.k, few.value, few.people) == ("withheld", None, None, None, None)
    (many,) = release([visits(11)]).statistics
    assert (many.status, many.k, many.people) == ("shown", 15, None)
    assert "people" not in many.to_dict()
