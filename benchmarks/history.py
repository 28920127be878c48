"""What history costs: months of deliveries taken in, beside Delta Lake's merge of the same rows.

Run `python -m benchmarks.history --months 60`; with `--rows 100000` this takes some minutes. Delta Lake is
no dependency of the package: without `deltalake` in the environment its lines are left out.
"""

from __future__ import annotations

import argparse
import importlib
import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from studypkg.config import check_study
from studypkg.records import ingest
from studypkg.store import Store

EPISODES = 5_000
FIRST = date(2020, 1, 5)
KEY = ("episode_id", "date", "instrument", "context")
SHOWN = (1, 2, 12, 24, 60)


def deliveries(mode: str, rows: int, months: int) -> Iterator[dict[int, int]]:
    """Make each month's scores by number of the row: a whole file, or what is new and corrected in it."""
    dice, few = random.Random(1), rows // 100
    standing = {row: dice.randrange(11) for row in range(rows)}
    yield dict(standing)
    fresh = rows
    for _ in range(1, months):
        corrected = {row: dice.randrange(11) for row in dice.sample(sorted(standing), few)}
        added = few if mode == "whole" else rows - few
        new = {row: dice.randrange(11) for row in range(fresh, fresh + added)}
        fresh += added
        if mode == "whole":
            for row in dice.sample(sorted(standing.keys() - corrected.keys()), few):
                del standing[row]
        standing |= corrected | new
        yield dict(standing) if mode == "whole" else corrected | new


def frame(scores: Mapping[int, int]) -> dict[str, list[Any]]:
    """Spell the rows out, column by column."""
    return {
        "episode_id": [f"e{row % EPISODES}" for row in scores],
        "date": [FIRST + timedelta(days=row // EPISODES) for row in scores],
        "instrument": ["nprs"] * len(scores),
        "context": ["average"] * len(scores),
        "score": [float(score) for score in scores.values()],
        "role": ["interim"] * len(scores),
    }


def ours(folder: Path, mode: str) -> Any:
    """Give a function that takes a month in with this package: read, screen, compare, write."""
    lines = [f"p{n},e{n},c{n % 20},{FIRST},ITBS" for n in range(EPISODES)]
    text = "\n".join(["patient_id,episode_id,clinic_id,start_date,condition", *lines])
    (folder / "e.csv").write_text(text + "\n", encoding="utf-8")
    sources = [
        {"table": "episodes", "path": "e.csv"}, {"table": "assessments", "path": "a.csv", "delivery": mode},
    ]  # fmt: skip
    raw = {"study": {"name": "history", "keep_raw": False}, "sources": sources,
           "outcomes": {"pain": {"instrument": "nprs"}}}  # fmt: skip
    study, store = check_study(raw, root=folder), Store(folder / "store")

    def take_in(month: int, scores: Mapping[int, int]) -> float:
        columns = frame(scores)
        rows = (",".join(map(str, row)) for row in zip(*columns.values(), strict=True))
        (folder / "a.csv").write_text("\n".join([",".join(columns), *rows]) + "\n", encoding="utf-8")
        now, begun = datetime(2020, 1, 1) + timedelta(days=30 * month), time.process_time()
        ingest(study, store, cutoff=None, gate=lambda *_: None, now=now, threads=1)
        return time.process_time() - begun

    return take_in


def delta(folder: Path, mode: str) -> Any:
    """Give a function that merges a month into a Delta table; None where `deltalake` is not there."""
    try:
        lake = importlib.import_module("deltalake")
    except ImportError:
        return None
    place = str(folder / "store")
    same = " AND ".join(f"t.{name} = s.{name}" for name in KEY)

    def take_in(month: int, scores: Mapping[int, int]) -> float:
        table, begun = pa.table(frame(scores)), time.process_time()
        if month == 1:
            lake.write_deltalake(place, table)
        else:
            merge = lake.DeltaTable(place).merge(table, same, source_alias="s", target_alias="t")
            merge = merge.when_matched_update_all(predicate="t.score <> s.score OR t.role <> s.role")
            merge = merge.when_not_matched_insert_all()
            (merge.when_not_matched_by_source_delete() if mode == "whole" else merge).execute()
        return time.process_time() - begun

    return take_in


def on_disk(folder: Path) -> float:
    """Add up the files of a store in MB, each once however many names it has."""
    found = {one.stat().st_ino: one.stat().st_size for one in folder.rglob("*") if one.is_file()}
    return sum(found.values()) / 1e6


def main() -> None:
    """Print CPU seconds and MB at some months, for both ways of delivering."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--months", type=int, default=60)
    told = options.parse_args()
    for mode in ("whole", "additions"):
        for name, maker in (("studypkg ingest", ours), ("Delta Lake merge", delta)):
            with tempfile.TemporaryDirectory() as place:
                folder = Path(place)
                take_in = maker(folder, mode)
                months = () if take_in is None else deliveries(mode, told.rows, told.months)
                for month, scores in enumerate(months, start=1):
                    seconds = take_in(month, scores)
                    if month in SHOWN or month == told.months:
                        size = on_disk(folder / "store")
                        print(f"{mode:10} {name:17} month {month:3}: {seconds:6.2f} CPU s, {size:7.1f} MB")


if __name__ == "__main__":
    main()
