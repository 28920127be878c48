from __future__ import annotations

import numpy as np
import pytest

from studypkg.measures import improvement, mdc95, reliable_change
from studypkg.vocabulary import load_vocabulary


@pytest.mark.parametrize("instrument", list(load_vocabulary().instruments.values()), ids=lambda i: i.id)
def test_from_worst_to_best_is_the_whole_scale_on_every_instrument(instrument):
    worst, best = instrument.minimum, instrument.maximum
    if instrument.direction == "lower":
        worst, best = best, worst
    width = instrument.maximum - instrument.minimum
    assert improvement([worst], [best], instrument.sign)[0] == width
    assert improvement([best], [worst], instrument.sign)[0] == -width


def test_a_sign_that_is_none_is_refused():
    with pytest.raises(ValueError, match="−1 when lower is better"):
        improvement([1], [2], 0)


@pytest.mark.parametrize(("sd", "icc"), [(0, 0.9), (-1, 0.9), (2, 1.0), (2, -0.1), (float("nan"), 0.5)])
def test_measurement_error_needs_a_spread_and_an_icc(sd, icc):
    with pytest.raises(ValueError, match="must be"):
        mdc95(sd, icc)


def test_reliable_exactly_when_beyond_the_mdc():
    gains = np.linspace(-5, 5, 101)
    found = reliable_change(gains, sd=2.5, icc=0.8)
    np.testing.assert_array_equal(found.better, gains > mdc95(2.5, 0.8))
    np.testing.assert_array_equal(found.worse, gains < -mdc95(2.5, 0.8))
    assert not reliable_change([np.nan], 2, 0.9).better[0]
