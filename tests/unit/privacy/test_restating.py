"""What happens to a number that was issued before: it stands, is issued anew, or is withheld."""

import pytest

from studypkg.privacy import Additive, Statistic
from studypkg.privacy.ledger import issue_of
from studypkg.privacy.suppression import Limits, release

CELL = "a/2026-01/paired"


def mean(n, value, weights=()):
    return Statistic("improvement", "clinic", "all", "2026-01", "mean", n, value=value, low=value - 1,
                     high=value + 1, n_cell=CELL, weights=weights)  # fmt: skip


def median(n):
    return Statistic("adherence", "clinic", "all", "2026-01", "median", n, value=0.6, low=0.4, high=0.8,
                     n_cell=CELL)  # fmt: skip


def issued(*numbers, batch="1", sums=()):
    return issue_of(release(list(numbers), relations=sums), month="2026-01", page="clinic-a", batch=batch,
                    sums=sums)  # fmt: skip


@pytest.mark.parametrize(("n", "shown"), [(50, 50), (53, 50), (60, 50), (61, 61), (45, 50), (39, 39)])
def test_a_number_is_issued_anew_only_when_eleven_patients_have_come_or_gone(n, shown):
    (only,) = release(
        [mean(n, 2.5 if n != 50 else 2.0)], earlier=[issued(mean(50, 2.0))], batch="2"
    ).statistics
    assert (only.status, only.n) == ("shown", shown)
    assert only.value == (2.0 if shown == 50 else 2.5)
    assert only.code == ("earlier_issue" if n not in (50, 61, 39) else None)


def test_a_score_that_was_corrected_for_someone_does_not_move_the_mean():
    (only,) = release([mean(50, 2.02)], earlier=[issued(mean(50, 2.0))], batch="2").statistics
    assert (only.value, only.code) == (2.0, "earlier_issue")


def test_a_new_number_about_a_group_that_hardly_changed_is_withheld():
    other = Statistic("baseline", "clinic", "all", "2026-01", "mean", 53, value=5.0, n_cell=CELL)
    (only,) = release([other], earlier=[issued(mean(50, 2.0))], batch="2").statistics
    assert (only.status, only.n, only.code) == ("withheld", None, "earlier_issue")


def test_what_an_earlier_page_protected_by_withholding_another_group_stays_protected():
    """The same records again: the second page may not show the group that covers the small one."""
    sums = [Additive("t", ("u", "v"))]

    def count(cell, n):
        return Statistic("x", "clinic", cell, "p", "count", n, value=float(n), n_cell=cell)

    first = issued(count("t", 60), count("u", 56), count("v", 4), sums=sums)
    assert first.withheld == {"u", "v"}
    for batch in ("1", "2"):
        second = release([count("u", 56)], earlier=[first], batch=batch)
        assert second.statistics[0].status == "withheld", batch


def test_quartiles_need_twenty_patients_by_default():
    assert release([median(19)]).statistics[0].code == "few_for_quantile"
    assert release([median(19)]).statistics[0].n == 19
    assert release([median(20)]).statistics[0].status == "shown"
    assert release([median(12)], limits=Limits(quantile=12)).statistics[0].status == "shown"


@pytest.mark.parametrize(
    ("weights", "code"),
    [((100.0, 60.0, 36.0), "dominated"), ((100.0, 50.0, 10.0), None), ((0.0, 0.0, 0.0), None)],
)
def test_a_mean_that_one_patient_makes_is_withheld(weights, code):
    """p % rule with p = 10: what is left after the two largest must be a tenth of the largest."""
    (only,) = release([mean(30, 2.0, weights)]).statistics
    assert only.code == code
    assert only.weights == ()
    assert "weights" not in only.to_dict()
