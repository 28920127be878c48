"""The rules a row must keep, declared once: code, what is wrong, and what the office can do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """One reason for which a row is set aside.

    Parameters
    ----------
    code
        Short name, used in the quarantine, in counts and in the reference.
    what
        What is wrong, in one sentence that holds for every row: it never names a value.
    advice
        The next move of the person who can mend the row.
    """

    code: str
    what: str
    advice: str


RULES: Mapping[str, Rule] = {
    rule.code: rule
    for rule in (
        Rule(
            "REQUIRED_MISSING",
            "A column that every row needs is empty.",
            "Fill the cell in the source, or check the words that the mapping lists under `missing`.",
        ),
        Rule(
            "NOT_A_NUMBER",
            "The cell is not one plain number: a range, a fraction, a unit or a wrong decimal sign.",
            "Write one number only; for a decimal comma set `decimal` of the source.",
        ),
        Rule(
            "NOT_AN_INTEGER",
            "The number is not whole, and the column counts whole things.",
            "Write a whole number.",
        ),
        Rule(
            "NOT_A_DATE",
            "The cell is not a calendar day from 1900 to 2199 in the date format of the source.",
            "Mend the day, or check `date_format` of the source.",
        ),
        Rule(
            "OUT_OF_RANGE",
            "The number lies outside the limits of its column.",
            "Mend the number, or check its unit; `scale` of the source converts units.",
        ),
        Rule(
            "SCORE_OUT_OF_RANGE",
            "The score lies outside the range of its instrument.",
            "Mend the score, or check the instrument; `scale` of the source converts scales.",
        ),
        Rule(
            "UNKNOWN_TERM",
            "The word is not in the closed list of its column.",
            "Use a listed word, translate it under `values` of the source, or add a term to the study.",
        ),
        Rule(
            "CODE_NOT_IN_FORCE",
            "The code of the condition was not in force on the day on which care began.",
            "Use the code of that day, or translate it under `values` of the source.",
        ),
        Rule(
            "WRONG_ORDER",
            "Two columns of the row are the wrong way round: the first must not exceed the second.",
            "Mend one of the two cells.",
        ),
        Rule(
            "FUTURE_DATE",
            "The day lies after the data cut-off.",
            "Mend the day, or run with a later cut-off.",
        ),
        Rule(
            "BEFORE_EPISODE",
            "The row lies too long before the first visit of its episode.",
            "Mend the day, or the episode's start.",
        ),
        Rule(
            "AFTER_EPISODE",
            "The row lies after the discharge of its episode.",
            "Mend the day, or the episode's end.",
        ),
        Rule(
            "UNKNOWN_EPISODE",
            "No delivered episode has this episode's key.",
            "Deliver the episode, or mend the key.",
        ),
        Rule(
            "EPISODE_QUARANTINED",
            "The episode of this row was itself set aside.",
            "Mend the episode; this row then comes in by itself.",
        ),
        Rule(
            "SCORE_AFTER_DISCHARGE",
            "The score lies after the discharge of its episode, but is no discharge score and no follow-up.",
            "Mend the day or the role, or the episode's end.",
        ),
        Rule(
            "NOT_PRESCRIBED",
            "The episode has prescriptions, but none of this exercise, or none on this side.",
            "Deliver the prescription, or mend the exercise or the side.",
        ),
        Rule(
            "BEFORE_PRESCRIPTION",
            "The log lies before the first day of every prescription of its exercise.",
            "Mend the day, or the first day of the prescription.",
        ),
        Rule(
            "AFTER_PRESCRIPTION",
            "The log lies after the last day of a prescription of its exercise, and no other had begun.",
            "Mend the day or the last day of the prescription, or deliver the one that came after it.",
        ),
        Rule(
            "PRESCRIPTION_QUARANTINED",
            "A prescription of the exercise of this row was itself set aside.",
            "Mend the prescription; this row then comes in by itself.",
        ),
        Rule(
            "CONTRADICTING_SCORES",
            "Scores of one complaint, day, instrument and context differ, so none of them can be believed.",
            "Mend or withdraw all but one of them, or say the context of each.",
        ),
        Rule(
            "CONFLICTING_KEY",
            "Several rows have the same key but different content, so none of them can be believed.",
            "Delete or mend all but one of them.",
        ),
    )
}

#: Not a fault: an exact copy of an accepted row. It is counted, and set aside without a reason.
DUPLICATE = "DUPLICATE"


@dataclass(frozen=True)
class Check:
    """One rule put to one column of a table, with the bit that a row's mask gets when it fails.

    Parameters
    ----------
    rule
        Code of the rule.
    column
        Schema column at fault; two columns, joined by a comma, where their order is at fault.
    condition
        SQL that is true for a row at fault.
    """

    rule: str
    column: str
    condition: str
