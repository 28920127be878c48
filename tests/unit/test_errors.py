"""Each class of error ends with its own exit code, and an unknown word with the nearest known ones."""

import pytest

from studypkg import errors


def test_every_exit_code_of_the_list_has_a_class():
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.StudyError)]
    codes = {c.exit_code for c in classes} - {errors.StudyError.exit_code}
    assert codes == set(errors.EXIT_CODES) - {0}


@pytest.mark.parametrize(
    ("word", "said"),
    [("lef", ' Did you mean "lefs"?'), ("LEFS", ' Did you mean "lefs"?'), ("qqqq", "")],
)
def test_nearest_suggests_only_what_is_near(word, said):
    assert errors.nearest(word, ["nprs", "lefs"]) == said
