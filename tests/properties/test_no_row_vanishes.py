"""Whatever a delivery holds: every record is accounted for, and no accepted one breaks a rule.

The rules are stated a second time here, in plain Python over single rows, as the oracle.
"""

from __future__ import annotations

import csv
import re
import tempfile
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from studypkg.config import check_study
from studypkg.records.ingest import ingest
from studypkg.records.result import IngestResult
from studypkg.store import Store

Row = tuple[str, ...]

CUTOFF = date(2026, 6, 30)
EPISODE_HEADER = (
    "patient_id",
    "episode_id",
    "clinic_id",
    "start_date",
    "end_date",
    "condition",
    "age_years",
    "x",
)
SCORE_HEADER = ("episode_id", "date", "instrument", "score", "role", "x")

CONDITIONS = {"ITBS": "itb_syndrome", "itb-syndrome": "itb_syndrome", "itb_syndrome": "itb_syndrome"}
INSTRUMENTS = {"NPRS": ("nprs", 10), "nprs": ("nprs", 10), "LEFS": ("lefs", 80)}
ROLES = {"intake": "intake", "Follow-up": "follow_up", "interim": "interim"}

GOOD_EPISODE = ("p1", "e1", "c1", "2026-01-05", "", "ITBS", "45", "x")
GOOD_SCORE = ("e0", "2026-02-01", "NPRS", "7", "interim", "x")
DAYS = ("2026-01-05", "2026-03-31", "2026-07-01", "2025-12-10", "2025-06-01", "2026-02-30", "soon", "", "NA")
EPISODE_CELLS = (
    ("p2", ""),
    ("e2", "e3", " e1 ", ""),
    ("c2",),
    DAYS,
    ("2026-05-01", "2026-01-04", "2026-99-01"),
    ("itb-syndrome", "itb_syndrome", "gout", ""),
    ("89", "90+", "97", "45.5", "130", "-3", "old", ""),
    ("y",),
)
SCORE_CELLS = (
    ("e2", "e3", "e9", ""),
    DAYS,
    ("nprs", "LEFS", "nprx", ""),
    ("7.0", "10", "10.5", "80", "81", "-1", "7/10", "7-8", "nan", "inf", "1e400", ""),
    ("intake", "Follow-up", "later", ""),
    ("y",),
)


def rows_like(good: Row, key: int, keys: list[str], cells: tuple[Row, ...]) -> st.SearchStrategy[Row]:
    """Copies of a good row, each with one of many keys and at most two cells changed for better or worse.

    The keys are many because rows of one key contradict each other, which would hide every other fault.
    """
    change = st.integers(0, len(good) - 1).flatmap(
        lambda at: st.tuples(st.just(at), st.sampled_from(cells[at]))
    )

    def changed(own: str, changes: list[tuple[int, str]]) -> Row:
        row = list(good)
        for at, word in [(key, own), *changes]:
            row[at] = word
        return tuple(row)

    return st.builds(changed, st.sampled_from(keys), st.lists(change, max_size=2))


episode_rows = rows_like(GOOD_EPISODE, 1, [f"e{number}" for number in range(1, 15)], EPISODE_CELLS)
score_rows = rows_like(GOOD_SCORE, 1, [f"2026-02-{day:02}" for day in range(1, 29)], SCORE_CELLS)


def cell(text: str) -> str | None:
    text = text.strip()
    return None if text in ("", "NA") else text


def number(text: str | None) -> float | None:
    return float(text) if text and re.fullmatch(r"-?\d+(\.\d+)?", text) else None


def day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def judge_episode(row: Row) -> tuple | None:
    """Content of a good episode, or None."""
    patient, episode, clinic, start_text, end_text, condition_text, age_text, _ = map(cell, row)
    start, end, condition = day(start_text), day(end_text), CONDITIONS.get(condition_text or "")
    age = 90.0 if age_text == "90+" else number(age_text)
    if None in (patient, episode, clinic, start, condition) or (end_text and end is None):
        return None
    if age_text and (age is None or age != int(age) or not 0 <= age <= 120):
        return None
    if (end and end < start) or start > CUTOFF or (end and end > CUTOFF):
        return None
    return episode, patient, clinic, start, end, condition, min(age, 90.0) if age is not None else None


def judge_score(row: Row, episodes: dict[str, tuple]) -> tuple | None:
    """Content of a good assessment, or None."""
    episode, day_text, instrument_text, score_text, role_text, _ = map(cell, row)
    when, score = day(day_text), number(score_text)
    instrument, top = INSTRUMENTS.get(instrument_text or "", (None, 0))
    role = ROLES.get(role_text or "")
    if episode not in episodes or None in (when, score, instrument, role) or not 0 <= score <= top:
        return None
    if when > CUTOFF or when < episodes[episode][3] - timedelta(days=30):
        return None
    end = episodes[episode][4]
    if end and when > end and role != "follow_up":
        return None
    return episode, when, instrument, role, score


def settle(contents: list[tuple | None], key: int) -> tuple[set[tuple], int, int]:
    """Accepted contents, copies and bad rows, where the first `key` cells are the key."""
    good = Counter(content for content in contents if content is not None)
    twins = Counter(content[:key] for content in good)
    accepted = {content for content in good if twins[content[:key]] == 1}
    copies = sum(count - 1 for content, count in good.items() if content in accepted)
    return accepted, copies, len(contents) - len(accepted) - copies


def agreed(accepted: set[tuple], episodes: dict[str, tuple]) -> set[tuple]:
    """Scores that no other of the same complaint (person and condition), day and instrument contradicts."""
    told: dict[tuple, set[float]] = {}
    for episode, when, instrument, _, score in accepted:
        told.setdefault((episodes[episode][1], episodes[episode][5], when, instrument), set()).add(score)
    return {
        one for one in accepted if len(told[episodes[one[0]][1], episodes[one[0]][5], one[1], one[2]]) == 1
    }


def deliver(folder: Path, episodes: list[Row], scores: list[list[Row]]) -> tuple[IngestResult, Store]:
    """Write the files, one per list of scores, and take them in however bad they are."""
    files = {"episodes.csv": (EPISODE_HEADER, episodes)}
    files |= {f"scores_{place}.csv": (SCORE_HEADER, rows) for place, rows in enumerate(scores)}
    for name, (header, rows) in files.items():
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *rows])
    sources = [{"table": "episodes", "path": "episodes.csv"}]
    sources += [{"table": "assessments", "path": f"scores_{place}.csv"} for place in range(len(scores))]
    raw = {
        "study": {"name": "property"},
        "sources": sources,
        "screening": {"max_bad_share": 1.0},
        "outcomes": {"pain": {"instrument": "nprs"}},
    }
    study = check_study(raw, root=folder)
    store = Store(study.processed)
    return ingest(study, store, cutoff=CUTOFF, gate=lambda *_: None, threads=1), store


def kept(store: Store, table: str, columns: list[str]) -> list[tuple]:
    """Accepted rows as plain Python values."""
    frame = store.read(table, columns)
    plain = frame.astype(object).where(frame.notna(), None)
    return [
        tuple(v.date() if hasattr(v, "date") else v for v in row) for row in plain.itertuples(index=False)
    ]


EPISODE_COLUMNS = [
    "episode_id",
    "patient_id",
    "clinic_id",
    "start_date",
    "end_date",
    "condition",
    "age_years",
]
SCORE_COLUMNS = ["episode_id", "date", "instrument", "role", "score"]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(episode_rows, max_size=10),
    st.lists(score_rows, max_size=12),
    st.lists(score_rows, max_size=12),
    st.randoms(use_true_random=False),
)
def test_every_record_is_accounted_for_and_none_accepted_breaks_a_rule(more, first, second, random) -> None:
    # One episode with a good score keeps the delivery alive; its key is not among the drawn ones.
    anchor = ("p0", "e0", "c1", "2026-01-05", "", "ITBS", "45", "x")
    anchor_score = ("e0", "2026-01-05", "NPRS", "3", "intake", "x")
    episodes = [anchor, *more]
    scores = [[anchor_score, *first], second]
    accepted_episodes, copies, bad = settle([judge_episode(row) for row in episodes], 1)
    by_id = {content[0]: content for content in accepted_episodes}
    judged = [judge_score(row, by_id) for rows in scores for row in rows]
    believed, score_copies, score_bad = settle(judged, 4)
    accepted_scores = agreed(believed, by_id)
    score_bad += len(believed) - len(accepted_scores)

    with tempfile.TemporaryDirectory() as folder:
        result, store = deliver(Path(folder), episodes, scores)
        assert sorted(kept(store, "episodes", EPISODE_COLUMNS), key=str) == sorted(accepted_episodes, key=str)
        assert sorted(kept(store, "assessments", SCORE_COLUMNS), key=str) == sorted(accepted_scores, key=str)
        source, *score_sources = result.sources
        assert (source.read, source.duplicate, source.quarantined) == (len(episodes), copies, bad)
        assert [one.read for one in score_sources] == [len(rows) for rows in scores]
        assert sum(one.duplicate for one in score_sources) == score_copies
        assert sum(one.quarantined for one in score_sources) == score_bad
        for one in result.sources:
            assert one.read == one.accepted + one.duplicate + one.quarantined
        listed = store.quarantined("assessments")[["file", "row"]].drop_duplicates()
        assert len(listed) == score_bad

    random.shuffle(episodes)
    shuffled = [row for rows in scores for row in rows]
    random.shuffle(shuffled)
    with tempfile.TemporaryDirectory() as folder:
        again, store = deliver(Path(folder), episodes, [shuffled])
        assert sorted(kept(store, "episodes", EPISODE_COLUMNS), key=str) == sorted(accepted_episodes, key=str)
        assert sorted(kept(store, "assessments", SCORE_COLUMNS), key=str) == sorted(accepted_scores, key=str)
        assert (again.read, again.accepted, again.duplicate, again.quarantined) == (
            result.read,
            result.accepted,
            result.duplicate,
            result.quarantined,
        )


def test_every_single_change_of_a_good_row_is_judged_as_it_should_be(tmp_path: Path) -> None:
    episodes, scores = [("p0", "e0", "c1", "2026-01-05", "", "ITBS", "45", "x")], []
    for at, words in enumerate(EPISODE_CELLS):
        for word in words:
            row = [GOOD_EPISODE[0], f"one{len(episodes)}", *GOOD_EPISODE[2:]]
            row[at] = word
            episodes.append(tuple(row))
    for at, words in enumerate(SCORE_CELLS):
        for word in words:
            # A day of its own for every row, so that no two rows share a key.
            row = ["e0", (date(2026, 2, 1) + timedelta(days=len(scores))).isoformat(), *GOOD_SCORE[2:]]
            row[at] = word
            scores.append(tuple(row))
    accepted_episodes, _, bad = settle([judge_episode(row) for row in episodes], 1)
    by_id = {content[0]: content for content in accepted_episodes}
    accepted_scores, _, score_bad = settle([judge_score(row, by_id) for row in scores], 4)
    result, store = deliver(tmp_path, episodes, [scores])
    assert sorted(kept(store, "episodes", EPISODE_COLUMNS), key=str) == sorted(accepted_episodes, key=str)
    assert sorted(kept(store, "assessments", SCORE_COLUMNS), key=str) == sorted(accepted_scores, key=str)
    assert [source.quarantined for source in result.sources] == [bad, score_bad]
    assert bad >= 15
    assert score_bad >= 20
