"""Which clinics are unlike the others, against a funnel worked out by hand."""

from math import sqrt

import numpy as np
import pandas as pd
import pytest

from studypkg.privacy import Statistic, release
from studypkg.review import out_of_pattern, standardised_difference
from studypkg.review.summaries import Place, mean, share

WINDOW = "2025-10..2026-09"


def released(*shares, n=400):
    places = [Place("clinic", f"c{i}", WINDOW) for i in range(len(shares))]
    return release(
        [
            share(p, "capture", round(s * n), n, cell="ended", group=p.unit)
            for p, s in zip(places, shares, strict=True)
        ]
    )


def test_a_clinic_far_from_the_others_is_named_with_its_share_and_theirs():
    found = out_of_pattern(released(0.70, 0.72, 0.71, 0.69, 0.70, 0.71, 0.40), ["capture"], WINDOW)
    assert [o.clinic for o in found] == ["c6"]
    assert found[0].share == pytest.approx(0.40)
    assert found[0].others == pytest.approx(4.63 / 7, abs=0.001)
    assert found[0].distance < -3


def test_the_distance_is_that_of_the_funnel_where_the_others_scatter_as_chance_does():
    shares = (0.50, 0.51, 0.49, 0.50, 0.50, 0.50, 0.50, 0.50, 0.50, 0.50, 0.66)
    (odd,) = out_of_pattern(released(*shares, n=200), ["capture"], WINDOW)
    centre = np.mean(shares)
    assert odd.distance == pytest.approx((0.66 - centre) / sqrt(centre * (1 - centre) / 200), rel=1e-6)


def test_where_all_clinics_scatter_widely_no_one_is_odd():
    assert out_of_pattern(released(0.3, 0.4, 0.5, 0.6, 0.7, 0.8), ["capture"], WINDOW) == ()


def test_too_few_clinics_are_no_pattern():
    assert out_of_pattern(released(0.7, 0.7, 0.7, 0.1), ["capture"], WINDOW) == ()


def test_a_clinic_that_is_not_shown_is_not_judged():
    places = [Place("clinic", f"c{i}", WINDOW) for i in range(6)]
    numbers = [
        share(p, "capture", 280 if i else 1, 400 if i else 8, cell="ended", group=p.unit)
        for i, p in enumerate(places)
    ]
    assert out_of_pattern(release(numbers), ["capture"], WINDOW) == ()


def test_a_standardised_difference_needs_only_released_numbers():
    place = Place("network", "network", WINDOW)
    random = np.random.default_rng(3)
    first, second = (pd.Series(random.normal(m, 2.0, 500)) for m in (6.0, 5.0))
    expected = (first.mean() - second.mean()) / sqrt((first.var() + second.var()) / 2)
    numbers = [mean(place, "baseline", v, cell=g, group=g) for v, g in ((first, "a"), (second, "b"))]
    shown = release(numbers).statistics
    assert standardised_difference(*shown) == pytest.approx(expected, rel=1e-9)


def test_a_standardised_difference_of_shares_and_of_what_is_not_shown():
    place = Place("network", "network", WINDOW)
    a, b = (share(place, "female", k, 100, cell=g, group=g) for k, g in ((60, "a"), (40, "b")))
    assert standardised_difference(a, b) == pytest.approx(0.2 / sqrt(0.24))
    hidden = Statistic("female", "network", "c", WINDOW, "share", None, status="withheld")
    assert standardised_difference(a, hidden) is None
