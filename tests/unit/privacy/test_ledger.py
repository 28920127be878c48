"""The ledger keeps what was given out, never what was withheld, and notices when it is changed."""

import json

import pytest

from studypkg.errors import DisclosureError
from studypkg.privacy import Additive, Statistic
from studypkg.privacy.board import narrowed
from studypkg.privacy.ledger import Ledger, issue_of, page_name
from studypkg.privacy.relations import relations_of
from studypkg.privacy.suppression import release

SUMS = [Additive("a/2026-01/ended", ("a/2026-01/better", "a/2026-01/worse"))]


def number(cell, n):
    return Statistic("flow", "clinic", cell, "2026-01", "count", n, value=float(n), n_cell=cell)


def page(**counts):
    return release([number(f"a/2026-01/{what}", n) for what, n in counts.items()], relations=SUMS)


def issue(released, **rest):
    return issue_of(released, month="2026-01", page=page_name("clinic", "a"), sums=SUMS, **rest)


def test_what_is_read_is_what_was_written(tmp_path):
    ledger = Ledger(tmp_path)
    made = [
        issue(page(ended=50, better=47, worse=3), batch="1"),
        issue(page(ended=62, better=48, worse=14), batch="2", number=2),
    ]
    ledger.append(made)
    for read, written in zip(ledger.issues("clinic-a"), made, strict=True):
        assert read == written
    assert ledger.pages() == ("clinic-a",)


def test_no_withheld_count_is_in_the_file(tmp_path):
    Ledger(tmp_path).append([issue(page(ended=50, better=47, worse=3))])
    (line,) = (tmp_path / "clinic-a.jsonl").read_text().splitlines()
    raw = json.loads(line)
    assert "a/2026-01/worse" in raw["withheld"]
    assert raw["small"] == ["a/2026-01/worse"]
    assert set(raw["shown"]) | set(raw["withheld"]) == {
        f"a/2026-01/{w}" for w in ("ended", "better", "worse")
    }
    assert not set(raw["shown"]) & set(raw["withheld"])


def test_a_line_that_is_changed_or_taken_out_is_noticed(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.append([issue(page(ended=50, better=30, worse=20), batch=str(b), number=b) for b in (1, 2)])
    file = tmp_path / "clinic-a.jsonl"
    whole = file.read_text()
    file.write_text(whole.replace('/better":30', '/better":31', 1))
    with pytest.raises(DisclosureError, match="line 1: the ledger"):
        ledger.issues("clinic-a")
    file.write_text(whole.splitlines(keepends=True)[1])
    with pytest.raises(DisclosureError, match="line 1"):
        ledger.append([issue(page(ended=50, better=30, worse=20))])


def test_a_line_cut_short_was_never_given_out_and_is_written_over(tmp_path):
    ledger = Ledger(tmp_path)
    first = issue(page(ended=50, better=30, worse=20), batch="1")
    second = issue(page(ended=70, better=41, worse=29), batch="2", number=2)
    ledger.append([first])
    with (tmp_path / "clinic-a.jsonl").open("a") as stream:
        stream.write('{"format":1,"page":"clin')
    assert ledger.issues("clinic-a") == (first,)
    ledger.append([second])
    assert ledger.issues("clinic-a") == (first, second)


def test_runs_are_counted_over_all_pages(tmp_path):
    ledger = Ledger(tmp_path)
    assert ledger.next_run() == 1
    ledger.append([issue(page(ended=50, better=30, worse=20))])
    assert ledger.next_run() == 1, "the first issue was of run 0"


def test_a_page_name_with_other_signs_stays_in_its_folder(tmp_path):
    ledger = Ledger(tmp_path / "issued")
    made = issue_of(page(ended=50, better=30, worse=20), month="2026-01", page="clinic-../../x y")
    ledger.append([made])
    assert ledger.issues("clinic-../../x y") == (made,)
    assert [p.parent.name for p in tmp_path.rglob("*.jsonl")] == ["issued"]


def test_an_attacker_with_two_issues_finds_what_neither_gives_away_alone():
    """March minus February of a year to date."""

    def total(period, n):
        cell = f"a/{period}/better"
        return issue_of(release([number(cell, n)]), month=period[-7:], page="a", batch="1")

    february, march = total("2026-01..2026-02", 40), total("2026-01..2026-03", 44)
    assert narrowed(relations_of([february])) == ()
    (found,) = narrowed(relations_of([february, march]))
    assert (found.cell, found.low, found.high) == ("a/2026-03/better", 4, 4)
