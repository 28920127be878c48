"""Several tests at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from studypkg.errors import ConfigError
from studypkg.inference import adjust_p_values
from studypkg.inference.adjust_multivariate import largest_t
from studypkg.inference.adjust_range import range_quantile, range_tail
from studypkg.inference.adjustments import ADJUSTMENTS, BY_P_VALUE, Family, adjustment
from studypkg.inference.student import t_quantile, two_sided

P_VALUES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12)


def pairs(k):
    """The correlation of all differences of k independent means of the same precision."""
    unit = np.eye(k)
    weights = np.array([unit[i] - unit[j] for i in range(k) for j in range(i + 1, k)])
    return weights @ weights.T / 2.0


def with_control(k):
    return np.full((k, k), 0.5) + 0.5 * np.eye(k)


def family(statistic, df, correlation, means=0):
    statistic = np.array(statistic, dtype=float)
    return Family(statistic, np.full(len(statistic), float(df)), means, lambda: correlation)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("none", [0.01, 0.02, 0.03, 0.04]),
        ("bonferroni", [0.04, 0.08, 0.12, 0.16]),
        ("sidak", [1 - 0.99**4, 1 - 0.98**4, 1 - 0.97**4, 1 - 0.96**4]),
        ("holm", [0.04, 0.06, 0.06, 0.06]),
        ("hochberg", [0.04, 0.04, 0.04, 0.04]),
        ("bh", [0.04, 0.04, 0.04, 0.04]),
        ("by", [0.04 * 25 / 12] * 4),
    ],
)
def test_four_p_values_by_hand(method, expected):
    order = [2, 0, 3, 1]
    shuffled = np.array([0.01, 0.02, 0.03, 0.04])[order]
    assert adjust_p_values(shuffled, method) == pytest.approx(np.array(expected)[order])


def test_a_missing_p_value_is_not_counted():
    assert adjust_p_values([0.02, np.nan, 0.5], "bonferroni")[[0, 2]].tolist() == [0.04, 1.0]
    assert np.isnan(adjust_p_values([0.02, np.nan], "holm")[1])
    assert adjust_p_values([], "holm").tolist() == []


@given(P_VALUES, st.sampled_from(sorted(BY_P_VALUE)))
def test_adjusting_keeps_the_order_and_never_makes_a_p_value_smaller(p, method):
    adjusted = adjust_p_values(p, method)
    order = np.argsort(p, kind="stable")
    assert (np.diff(adjusted[order]) >= -1e-15).all()
    assert (adjusted >= np.array(p) * (1 - 1e-12)).all()
    assert (adjusted <= 1.0).all()


def test_names_are_checked_once():
    with pytest.raises(ConfigError, match=r'no adjustment "tuckey".* Did you mean "tukey"'):
        adjustment("tuckey")
    with pytest.raises(ConfigError, match="needs the estimates and their correlation"):
        adjust_p_values([0.1], "mvt")
    with pytest.raises(ConfigError, match="between 0 and 1"):
        adjust_p_values([1.2])
    assert adjustment("FDR").name == "bh"
    assert adjustment("Scheffé").name == "scheffe"


@pytest.mark.parametrize("df", [3.0, 12.5, np.inf])
def test_the_range_of_two_means_is_student_t(df):
    t = np.array([0.5, 2.0, 4.0])
    tail = [range_tail(np.sqrt(2.0) * one, 2, df) for one in t]
    assert tail == pytest.approx(two_sided(t, np.full(3, df)), rel=1e-10)


@pytest.mark.parametrize(
    ("means", "df", "critical"), [(3, 10, 3.877), (4, 20, 3.958), (5, 60, 3.977), (10, np.inf, 4.474)]
)
def test_the_studentised_range_has_its_tabled_five_percent_points(means, df, critical):
    assert range_quantile(0.95, means, df) == pytest.approx(critical, abs=6e-4)


@pytest.mark.parametrize("df", [4.0, 30.0, np.inf])
@pytest.mark.parametrize("k", [3, 5])
def test_all_pairs_of_equal_means_are_tukeys_case(k, df):
    joint = largest_t(pairs(k))
    for t in (1.0, 2.5):
        assert joint.tail(t, df) == pytest.approx(range_tail(np.sqrt(2.0) * t, k, df), abs=2e-4)
    assert joint.quantile(0.95, df) == pytest.approx(range_quantile(0.95, k, df) / np.sqrt(2.0), rel=1e-3)


def test_comparisons_with_a_control_have_dunnetts_tabled_points():
    assert largest_t(with_control(3)).quantile(0.95, 20.0) == pytest.approx(2.54, abs=6e-3)
    assert largest_t(with_control(2)).quantile(0.95, np.inf) == pytest.approx(2.21, abs=6e-3)


def test_independent_statistics_are_sidaks_case():
    tail = largest_t(np.eye(4)).tail(2.5, np.inf)
    assert tail == pytest.approx(1.0 - (1.0 - 2.0 * special.ndtr(-2.5)) ** 4, rel=1e-6)


def test_the_same_question_has_the_same_answer():
    first, second = (largest_t(pairs(4)).tail(2.2, 9.0) for _ in range(2))
    assert first == second


def test_many_degrees_of_freedom_are_answered_by_a_few():
    df = np.array([4.0, 5.0, 7.0, 11.0, 20.0, 60.0, np.inf])
    joint = largest_t(with_control(3))
    exact = [joint.quantile(0.95, float(one)) for one in df]
    assert joint.quantiles(0.95, df) == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize("method", ["tukey", "mvt", "sidak", "bonferroni", "scheffe"])
@pytest.mark.parametrize("df", [6.0, np.inf])
def test_an_interval_ends_at_zero_where_the_p_value_is_its_level(method, df):
    one = ADJUSTMENTS[method]
    critical = one.critical(family([1.0, 1.0, 1.0], df, pairs(3), 3), 0.95)
    at = one.p_values(family(critical, df, pairs(3), 3))
    assert at == pytest.approx([0.05] * 3, rel=1e-6)


def test_stricter_methods_give_larger_p_values():
    asked = family([2.4, 1.1, 1.3], 20.0, pairs(3), 3)
    p = {
        name: ADJUSTMENTS[name].p_values(asked)[0]
        for name in ("none", "mvt", "sidak", "bonferroni", "scheffe")
    }
    assert p["none"] < p["mvt"] < p["sidak"] < p["bonferroni"]
    assert p["mvt"] < p["scheffe"]


def test_one_contrast_needs_no_adjustment():
    asked = family([2.1], 14.0, np.eye(1))
    for name in ("mvt", "scheffe", "sidak", "holm"):
        assert ADJUSTMENTS[name].p_values(asked) == pytest.approx(asked.raw)
    assert ADJUSTMENTS["mvt"].critical(asked, 0.9) == pytest.approx(t_quantile(0.9, asked.df))


def test_tukey_is_refused_for_other_families():
    with pytest.raises(ConfigError, match="for all pairs of means"):
        ADJUSTMENTS["tukey"].p_values(family([2.1], 14.0, np.eye(1)))


def test_quantiles_of_t():
    assert t_quantile(0.95, np.array([10.0, np.inf])) == pytest.approx([2.2281388520, 1.9599639845])
