"""What an MMRM refuses, each with one message that names no patient."""

import numpy as np
import pytest

from studypkg.errors import ConfigError, ModelError
from studypkg.models import fit_mmrm


def ask(data, formula="pain ~ arm", cov="ar1", visit="visit", **more):
    return fit_mmrm(formula, data, subject="patient", visit=visit, cov=cov, **more)


def test_a_random_term_belongs_to_another_function(visits):
    with pytest.raises(ConfigError, match="use fit_lmm"):
        ask(visits, "pain ~ arm + (1 | patient)")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"cov": "arr1"}, 'no covariance structure "arr1".*Did you mean "ar1"'),
        ({"vcov": "empircal"}, 'Did you mean "empirical"'),
        ({"kenward_roger": "half"}, "Available: linear, full"),
        ({"group": "patient"}, "must be different columns"),
        ({"group": "site"}, 'grouping factor "site" is not a column'),
        ({"visit": "vist"}, 'Did you mean "visit"'),
        ({"visit": "arm", "cov": "sp_exp"}, "needs numbers"),
        ({"formula": "pain"}, "exactly one '~'"),
        ({"formula": "pain ~ "}, "lacks its left or its right side"),
        ({"formula": "pain ~ arms"}, 'Did you mean "arm"'),
    ],
)
def test_wrong_names(visits, more, says):
    with pytest.raises(ConfigError, match=says):
        ask(visits, **more)


def test_a_visit_twice(visits):
    twice = visits.assign(patient="Jane Roe " + visits["patient"]).iloc[[0, 0, *range(1, len(visits))]]
    for cov, visit in (("ar1", "visit"), ("sp_exp", "day")):
        with pytest.raises(ModelError, match=r"have the same .* more than once") as fault:
            ask(twice, cov=cov, visit=visit)
        assert "Jane" not in str(fault.value)
        assert str(fault.value).startswith('1 levels of "patient"')


@pytest.mark.parametrize(
    ("change", "more", "says"),
    [
        ({"visit": "only"}, {}, "more than once"),
        ({"pain": 5.0}, {}, "is the same in all"),
        ({"pain": np.nan}, {}, "No row is complete"),
        ({"patient": range(200)}, {}, "has two complete rows"),
        ({"arm": "row by row"}, {"group": "arm"}, "belong to more than one"),
        ({"age": "pain"}, {"formula": "pain ~ age"}, "explain .* exactly"),
    ],
)
def test_rows_that_cannot_carry_the_model(visits, change, more, says):
    rows = visits.copy()
    for name, value in change.items():
        if isinstance(value, range):
            value = list(value)[: len(rows)]
        elif value == "row by row":
            value = np.where(np.arange(len(rows)) % 2, "a", "b")
        rows[name] = rows[value] if isinstance(value, str) and value in rows else value
    with pytest.raises(ModelError, match=says) as fault:
        ask(rows, **more)
    assert "p00" not in str(fault.value)


def test_one_visit(visits):
    with pytest.raises(ModelError, match="has one level in the complete rows"):
        ask(visits[visits["visit"] == "base"])


def test_more_parameters_than_rows(visits):
    with pytest.raises(ModelError, match=r"rows for 12 parameters \(2 coefficients, 10 of the covariance\)"):
        ask(visits.head(11), cov="un")


def test_visits_never_seen_together(visits):
    apart = visits[
        ~visits["visit"].isin(["base"])
        | ~visits["patient"].isin(visits.loc[visits["visit"] == "end", "patient"])
    ]
    with pytest.raises(ModelError, match="1 pairs of visits were never seen in the same"):
        ask(apart, cov="un")
    assert ask(apart, cov="ar1h").n == len(apart)


def test_a_group_that_was_never_seen_twice(visits):
    rows = visits.assign(site=np.where(visits["patient"] == "p00", "small", "large"))
    first = rows[(rows["site"] == "large") | ~rows.duplicated("patient")]
    with pytest.raises(ModelError, match="two complete rows within level 2 of 2"):
        ask(first, group="site")


@pytest.mark.parametrize(
    ("cov", "says"),
    [
        ("ar1h", 'Nobody was seen at level 3 of 4 of "visit" within level 2 of 2 of "arm"'),
        ("un", 'Nobody was seen at level 3 of 4 of "visit"'),
        ("ad", "do not identify every|edge of what its structure"),
    ],
)
def test_a_visit_that_one_group_never_had(visits, cov, says):
    gone = visits[(visits["visit"] != "week 8") | (visits["arm"] == "new")]
    with pytest.raises(ModelError, match=says) as fault:
        ask(gone, cov=cov, group="arm")
    assert "week 8" not in str(fault.value)
    assert ask(gone, cov="ar1", group="arm").n == len(gone)


def test_a_distance_between_visits_that_was_never_seen(visits):
    ends = set(visits.loc[visits["visit"] == "end", "patient"])
    apart = visits[(visits["visit"] != "base") | ~visits["patient"].isin(ends)]
    with pytest.raises(ModelError, match="seen twice 3 visits apart, so the correlation there is unknown"):
        ask(apart, cov="toep")


@pytest.mark.parametrize("scale", [1e-90, 1e90])
def test_a_response_out_of_reach(visits, scale):
    with pytest.raises(ModelError, match="change its unit"):
        ask(visits.assign(pain=scale * visits["pain"]))


def test_infinite_days(visits):
    with pytest.raises(ModelError, match='Column "day" holds 1 infinite values'):
        ask(visits.assign(day=visits["day"].where(visits.index > 0, np.inf)), cov="sp_exp", visit="day")
