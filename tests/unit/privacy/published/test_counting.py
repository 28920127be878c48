"""Counts of people are told from other numbers."""

import pytest

from studypkg.privacy.published import Table
from studypkg.privacy.published.counting import counts_of, is_count, told


@pytest.mark.parametrize(
    "head", ["Patients", "n", "N", "Number of patients", "n_patients", "Episodes", "Count"]
)
def test_a_head_that_counts_people(head):
    assert is_count(head)


@pytest.mark.parametrize(
    "head", ["Share of patients", "patient_id", "Rows", "Value", "Improvement", "Weeks", "% of patients", ""]
)
def test_a_head_that_does_not(head):
    assert not is_count(head)


def test_counts_come_from_columns_and_from_rows():
    down = Table("", ("Group", "Patients", "Share"), (("a", "1,204", "7%"), ("b", "not shown", "3")))
    across = Table("", ("", "May", "June"), (("Patients", "12", "3"), ("Average", "4", "5")))
    assert [seen.n for seen in counts_of(down)] == [1204]
    assert [seen.n for seen in counts_of(across)] == [12, 3]


def test_the_account_of_the_rows_of_files_counts_no_people():
    account = Table("", ("Table", "Read", "Set aside", "Patients"), (("episodes", "1,641", "3", "4"),))
    assert [seen.n for seen in counts_of(account)] == [4]


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("This is the average of 61 patients with a score.", [61]),
        ("3 of the 40 patients got worse.", [3]),
        ("A group of fewer than 11 patients is not shown.", []),
        ("Of 1,204 episodes, 7 people left.", [1204, 7]),
        ("Clinic 05 patients did 1.5 patients", []),
    ],
)
def test_counts_in_sentences(text, counts):
    assert [seen.n for seen in told(text, "")] == counts
