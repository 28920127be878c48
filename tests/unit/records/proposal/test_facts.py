"""Three facts of a column, and no value of it."""

import random

import pytest


def facts(proposed, text):
    return {one.facts.column: one.facts for one in proposed(text).columns}


def test_kinds_and_shares(proposed, rows):
    text = rows(
        "n,w,d,y,k,many,text,none",
        lambda i: i * 0.5, lambda i: i, lambda i: f"2026-0{1 + i % 9}-17", lambda i: ("ja", "nein")[i % 2],
        lambda i: ("a", "b", "c")[i % 3], lambda i: f"x{i}y", lambda i: f"she said that hill {i} hurts",
        lambda i: ("", "NA")[i % 2],
    )  # fmt: skip
    found = facts(proposed, text)
    assert [one.kind for one in found.values()] == [
        "number", "whole number", "day", "yes or no", "words", "many words", "free text", "empty",
    ]  # fmt: skip
    assert found["n"].range == "5 to 15"  # the 11th from both ends are 5 and 14.5
    assert found["d"].range == "2026-03 to 2026-07"
    assert found["k"].range == "3 different"
    assert found["none"].missing == "100 %"


def test_a_bound_is_shown_only_if_eleven_rows_lie_behind_it(proposed, rows):
    found = facts(proposed, rows("score,b", lambda i: 7391 if i == 3 else i % 11, lambda i: i, number=160))
    assert found["score"].range == "0 to 10"
    assert "7391" not in str(found)


@pytest.mark.parametrize("number", [1, 10, 21])
def test_few_rows_have_no_range(proposed, rows, number):
    found = facts(
        proposed, rows("score,day", lambda i: i * 7, lambda i: f"2026-01-{i % 28 + 1:02d}", number=number)
    )
    assert {one.range for one in found.values()} == {"too few rows to say"}


def test_bounds_of_pseudonyms_are_not_told(proposed, rows):
    text = rows("Case No,date,status", lambda i: 5000 + i, lambda _: "2026-01-05", lambda _: "kept")
    found = facts(proposed, text)["Case No"]
    assert (found.kind, found.range) == ("whole number", "40 different")


def test_equal_numbers_are_not_told(proposed, rows):
    assert facts(proposed, rows("a,b", lambda _: 7391, lambda i: i))["a"].range == "hardly any difference"


def test_years_only_where_day_and_month_cannot_be_told_apart(proposed, rows):
    found = facts(proposed, rows("day,b", lambda i: f"0{i % 9 + 1}/0{i % 8 + 1}/2026", lambda i: i))
    assert found["day"].range == "2026"


def test_words_for_not_recorded_are_missing_and_odd_cells_are_counted(proposed, rows):
    cells = ("7", "k.A.", "7/10, worse on hills", "3")
    found = facts(proposed, rows("score,b", lambda i: f'"{cells[i % 4]}"', lambda i: i))["score"]
    assert (found.kind, found.missing, found.odd, found.blanks) == ("whole number", "25 %", 10, ("k.A.",))


def test_the_counts_agree_with_a_count_by_hand(proposed):
    chance = random.Random(4)
    cells = [chance.choice(["", "NA", "1", "2,5", "x", "-"]) for _ in range(300)]
    text = "a;b\n" + "".join(f"{cell};{i}\n" for i, cell in enumerate(cells))
    found = facts(proposed, text)["a"]
    empty = sum(cell in ("", "NA", "-") for cell in cells)
    assert found.filled == 300 - empty
    assert found.missing == f"{round(100 * empty / 300)} %"
    assert found.odd == cells.count("x")
