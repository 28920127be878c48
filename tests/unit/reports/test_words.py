"""Numbers and their uncertainty in words."""

import pytest
from sample_pages import MONTH, OUTCOME, count, mean, share

from studypkg.reports.closing import answer_sentence
from studypkg.reports.compare import difference
from studypkg.reports.document import Answer, OutcomeNote
from studypkg.reports.words import (
    change_sentence,
    comparison_sentence,
    shown_or_reason,
    sureness,
    value_text,
    why_absent,
)  # fmt: skip

FUNCTION = OutcomeNote("function", "LEFS", "higher", 0, 80)


@pytest.mark.parametrize(
    ("outcome", "improvement", "sentence"),
    [
        (OUTCOME, 2.9, "Pain fell by 2.9 points on average during care."),
        (OUTCOME, -0.4, "Pain rose by 0.4 points on average during care."),
        (FUNCTION, 11.2, "Function rose by 11.2 points on average during care."),
        (FUNCTION, -3.0, "Function fell by 3.0 points on average during care."),
        (OUTCOME, 0.04, "Pain was the same on average at the end of care as at the start."),
    ],
)
def test_a_change_is_said_in_the_direction_of_the_score(outcome, improvement, sentence):
    assert change_sentence(mean("improvement", improvement, 40), outcome) == sentence


def test_how_sure_a_mean_is():
    assert "it is clear that they got better" in sureness(mean("improvement", 2.9, 40), OUTCOME)
    assert "too few patients to tell" in sureness(mean("improvement", 0.2, 12), OUTCOME)
    assert "got worse" in sureness(mean("improvement", -2.0, 60), OUTCOME)


def test_a_comparison_tells_the_interval_of_the_difference():
    here, there = mean("improvement", 2.9, 37), mean("improvement", 2.5, 470)
    said = comparison_sentence(difference(here, there), "your own past", there, "points")
    assert said == (
        "No clear difference from your own past (2.5): it may be up to 0.3 lower or 1.1 points higher."
    )


def test_a_clear_difference_is_said_with_its_size():
    here, there = share("capture", 30, 100), share("capture", 70, 100)
    said = comparison_sentence(difference(here, there), "the other clinics", there, "%")
    assert said.startswith("Clearly lower than the other clinics (70%): by 40 percentage points, likely 2")


def test_a_withheld_number_is_never_written():
    few = count("flow", 7, group="ended")
    assert "7" not in shown_or_reason(few, 11)
    assert why_absent(few, 11) == "fewer than 11 patients, or it would reveal so few, so not shown"
    assert why_absent(None, 11) == "not recorded in this study"
    assert value_text(few) == "not shown"


def test_zero_is_written():
    assert shown_or_reason(count("safety", 0, group="adverse_event", period=MONTH), 11) == "0"


@pytest.mark.parametrize(
    ("estimate", "low", "high", "words"),
    [
        (-0.62, -0.9, -0.34, "Pain 0.62 points lower on average, likely 0.34 to 0.90 lower. On this "
                             "scale lower is better."),
        (0.5, 0.2, 0.8, "Pain 0.50 points higher on average, likely 0.20 to 0.80 higher. On this "
                        "scale higher is worse."),
        (-0.41, -1.1, 0.28, "No clear link with pain: from 1.10 points lower to 0.28 points higher."),
    ],
)  # fmt: skip
def test_an_answer_in_plain_words(estimate, low, high, words):
    assert answer_sentence(Answer("q", estimate, ci_low=low, ci_high=high), OUTCOME) == words


def test_an_answer_that_is_none_says_why():
    assert answer_sentence(Answer("q", status="failed", reason="no convergence"), OUTCOME) == (
        "No answer: no convergence."
    )
