"""Whatever is delivered in whatever order, the tables are what the deliveries say, now and as of then."""

import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from studypkg.config import check_study
from studypkg.records.ingest import ingest
from studypkg.store import Store

EPISODES = ("e1", "e2", "e3")
STARTS = (date(2026, 1, 1), date(2026, 2, 25), date(2026, 3, 20))
DAYS = (date(2026, 1, 1), date(2026, 2, 10), date(2026, 3, 1))
SCORES = ("2", "5", "8", "7/10")
LEAD = timedelta(days=30)

keys = st.tuples(st.sampled_from(EPISODES), st.sampled_from(DAYS))
deliveries = st.fixed_dictionaries(
    {
        "episodes": st.dictionaries(st.sampled_from(EPISODES), st.sampled_from(STARTS), max_size=3),
        "a": st.dictionaries(keys, st.sampled_from(SCORES), max_size=5),
        "b": st.dictionaries(keys, st.sampled_from(SCORES), max_size=5),
    }
)


def write(folder: Path, delivery: dict) -> None:
    lines = ["patient_id,episode_id,clinic_id,start_date,condition"]
    # Every episode is another person's: scores of one complaint must not differ (see test_sense.py).
    lines += [f"p-e0,e0,c1,{STARTS[0]},ITBS"]
    lines += [f"p-{episode},{episode},c1,{start},ITBS" for episode, start in delivery["episodes"].items()]
    (folder / "episodes.csv").write_text("\n".join(lines) + "\n")
    for name in ("a", "b"):
        lines = ["episode_id,date,instrument,score,role", f"e0,{DAYS[0]},nprs,1,interim"]
        lines += [f"{e},{day},nprs,{score},interim" for (e, day), score in delivery[name].items()]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")


def take_in(folder: Path, store: Store, number: int, mode: str) -> None:
    sources = [
        {"table": "episodes", "path": "episodes.csv"},
        {"table": "assessments", "path": "a.csv", "precedence": 0},
        {"table": "assessments", "path": "b.csv", "precedence": 1},
    ]
    raw = {
        "study": {"name": "property"},
        "sources": [{**source, "delivery": mode, "date_format": "%Y-%m-%d"} for source in sources],
        "screening": {"max_bad_share": 1.0},
        "outcomes": {"pain": {"instrument": "nprs"}},
    }
    now = datetime(2026, 4, 1) + timedelta(days=number)
    ingest(check_study(raw, root=folder), store, cutoff=None, gate=lambda *_: None, now=now, threads=1)


def scores(store: Store) -> dict[tuple[str, date], float]:
    frame = store.read("assessments", ["episode_id", "date", "score"])
    return {(e, day.date()): score for e, day, score in frame.itertuples(index=False) if e != "e0"}


@settings(max_examples=8, deadline=None)
@given(st.lists(deliveries, min_size=2, max_size=4))
def test_whole_deliveries_leave_what_the_last_one_says_whatever_came_before(months) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        folder, fresh = Path(one), Path(two)
        store, alone = Store(folder / "kept"), Store(fresh / "kept")
        for number, delivery in enumerate(months):
            write(folder, delivery)
            take_in(folder, store, number, "whole")
        write(fresh, months[-1])
        take_in(fresh, alone, 0, "whole")
        for table in ("episodes", "assessments"):
            columns = [c for c in alone.read(table).columns if not c.startswith("source_")]
            pd.testing.assert_frame_equal(store.read(table, columns), alone.read(table, columns))


@settings(max_examples=8, deadline=None)
@given(st.lists(deliveries, min_size=2, max_size=4))
def test_additions_leave_the_strongest_then_latest_word_on_each_key_that_fits_its_episode(months) -> None:
    starts: dict[str, date] = {}
    said: dict[tuple[str, date], tuple[tuple[int, int], float]] = {}
    with tempfile.TemporaryDirectory() as one:
        folder = Path(one)
        store = Store(folder / "kept")
        seen = []
        for number, delivery in enumerate(months):
            write(folder, delivery)
            take_in(folder, store, number, "additions")
            starts |= delivery["episodes"]
            for strength, name in enumerate(("a", "b")):
                for key, score in delivery[name].items():
                    word = ((strength, number), float(score) if score.isdigit() else None)
                    if word[1] is not None and (key not in said or said[key][0] < word[0]):
                        said[key] = word
            due = {
                (episode, day): score
                for (episode, day), (_, score) in said.items()
                if episode in starts and day >= starts[episode] - LEAD
            }
            assert scores(store) == due, number
            frames = {name: store.read(name) for name in ("episodes", "assessments")}
            seen.append((store.batches()[-1].number, frames))
        for number, frames in seen:
            for name, frame in frames.items():
                pd.testing.assert_frame_equal(store.read(name, as_of=number), frame)
