"""Formulas in lme4's notation, taken apart."""

import pytest

from studypkg.errors import ConfigError
from studypkg.models.formula import RandomTerm, columns_of, parse_formula


def terms(text):
    return [(t.lhs, t.group_label) for t in parse_formula(text).random]


def test_the_three_parts():
    parsed = parse_formula("pain ~ weeks * adherence + C(sex) + (1 + weeks | patient)")
    assert (parsed.response, parsed.fixed) == ("pain", "weeks * adherence + C(sex)")
    assert parsed.random == (RandomTerm("1 + weeks", ("patient",)),)


def test_random_terms_may_stand_anywhere():
    assert parse_formula("y ~ (1 | g) + x - 1").fixed == "x - 1"
    assert parse_formula("y ~ (1 | g)").fixed == "1"


def test_nesting_is_written_out():
    assert terms("y ~ (1 | a/b/c)") == [("1", "a"), ("1", "a:b"), ("1", "a:b:c")]
    assert terms("y ~ (1 | a:b)") == [("1", "a:b")]


def test_a_double_bar_gives_terms_without_correlation():
    assert terms("y ~ x + (1 + x*z || g)") == [("1", "g"), ("0 + x", "g"), ("0 + z", "g"), ("0 + x:z", "g")]


def test_brackets_of_functions_are_no_random_terms():
    assert parse_formula("log(y) ~ bs(x, df=4) + (x + z):w + (1 | g)").fixed == "bs(x, df=4) + (x + z):w"


def test_names_with_blanks_go_between_backticks():
    parsed = parse_formula("y ~ `pain now | here` + (1 | `the clinic`)")
    assert parsed.random[0].group == ("the clinic",)
    assert columns_of(parsed.fixed, ["pain now | here"]) == {"pain now | here"}


def test_columns_inside_functions_are_found():
    known = ["x", "z", "sex", "y"]
    assert columns_of("bs(x, df=4) + C(sex, contr.sum) + np.log(z)", known) == {"x", "z", "sex"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("pain weeks", "exactly one '~'"),
        ("y ~ x ~ z", "exactly one '~'"),
        ("~ x + (1 | g)", "lacks"),
        ("y ~ x", "no random term"),
        ("y ~ x + (1 | g", "not closed"),
        ("y ~ x) + (1 | g)", "not opened"),
        ("y ~ x + 1 | g", "in parentheses"),
        ("y ~ x * (1 | g)", "in parentheses"),
        ("y ~ x - (1 | g)", "taken away"),
        ("y ~ x + (| g)", "not of the form"),
        ("y ~ x + (1 | g | h)", "not of the form"),
        ("y ~ x + (0 | g)", "nothing vary"),
        ("y ~ x + (1 | g + h)", "not a grouping factor"),
        ("y ~ x + (1 | g) + (1 | g)", "twice"),
        ("y ~ x ++ z + (1 | g)", "two signs"),
        ("y ~ x + (1 | g) +", "a term is missing"),
    ],
)
def test_a_fault_is_named(text, says):
    with pytest.raises(ConfigError, match=says):
        parse_formula(text)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("weks", 'Did you mean "weeks"'),
        ("lgo(weeks)", 'Did you mean "log"'),
        ("np.load(weeks)", "only contr"),
        ("weeks.__class__", "only contr"),
        ("(lambda: weeks)()", "not define|cannot be read"),
        ("__import__('os').getcwd()", "cannot be read|not a column"),
        ("weeks + .", "cannot be read"),
    ],
)
def test_only_columns_and_known_functions_are_read(expression, says):
    with pytest.raises(ConfigError, match=says):
        columns_of(expression, ["weeks", "pain"])
