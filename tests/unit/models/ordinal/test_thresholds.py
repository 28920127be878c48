"""How bound thresholds depend on their few numbers."""

import numpy as np
import pytest

from studypkg.models.ordinal.thresholds import THRESHOLDS, threshold_map


@pytest.mark.parametrize(
    ("many", "numbers", "expected"),
    [
        (1, [0.5], [0.5]),
        (3, [0.5, 2.0], [-1.5, 0.5, 2.5]),
        (4, [-1.0, 1.0, 2.0], [-3.0, -1.0, 1.0, 3.0]),
        (5, [0.0, 1.0, 4.0], [-4.0, -1.0, 0.0, 1.0, 4.0]),
    ],
)
def test_symmetric_thresholds_are_mirrored_around_their_middle(many, numbers, expected):
    np.testing.assert_array_equal(threshold_map("symmetric", many) @ numbers, expected)


def test_equidistant_thresholds_have_a_first_one_and_a_distance():
    np.testing.assert_array_equal(threshold_map("equidistant", 4) @ [-1.0, 0.5], [-1.0, -0.5, 0.0, 0.5])


@pytest.mark.parametrize("structure", THRESHOLDS)
@pytest.mark.parametrize("many", [1, 2, 3, 4, 7, 10])
def test_every_structure_can_be_shifted_and_has_no_idle_number(structure, many):
    shape = threshold_map(structure, many)
    tau = np.linalg.lstsq(shape, np.ones(many), rcond=None)[0]
    np.testing.assert_allclose(shape @ tau, 1.0)
    assert np.linalg.matrix_rank(shape) == shape.shape[1]
