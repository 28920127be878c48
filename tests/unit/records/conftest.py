"""A study folder to which a test delivers files, month after month."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

from studypkg.config import check_study
from studypkg.declaration import Study
from studypkg.records.ingest import ingest
from studypkg.records.result import IngestResult
from studypkg.store import Store

EPISODE_HEADER = "patient_id,episode_id,clinic_id,start_date,end_date,condition"
SCORE_HEADER = "episode_id,date,instrument,score,role"


class Inbox:
    """A study of episodes and pain scores whose files a test writes and delivers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = Store(root / "data/processed")
        self.sources: list[dict[str, object]] = [
            {"table": "episodes", "path": "e.csv"},
            {"table": "assessments", "path": "a.csv"},
        ]
        self.screening: dict[str, object] = {"max_bad_share": 1.0}
        self.more: dict[str, object] = {}

    @property
    def study(self) -> Study:
        raw = {
            "study": {"name": "test", **self.more.get("study", {})},
            "sources": self.sources,
            "screening": self.screening,
            "outcomes": {"pain": {"instrument": "nprs"}},
            **{key: value for key, value in self.more.items() if key != "study"},
        }
        return check_study(raw, root=self.root)

    def additions(self, *tables: str, **keys: object) -> None:
        """Let the sources of some tables, or all, deliver additions only."""
        for source in self.sources:
            if not tables or source["table"] in tables:
                source |= {"delivery": "additions", **keys}

    def episodes(self, *rows: str, file: str = "e.csv") -> None:
        """Write episodes, each as `episode start end`; `-` is an empty end."""
        lines = [EPISODE_HEADER]
        for row in rows:
            episode, start, end = row.split()
            lines.append(f"p-{episode},{episode},c1,{start},{'' if end == '-' else end},ITBS")
        (self.root / file).write_text("\n".join(lines) + "\n", encoding="utf-8")

    def scores(self, *rows: str, file: str = "a.csv", more: str = "") -> None:
        """Write scores, each as `episode day score`; `more` adds a column, its word the fourth of a row."""
        lines = [SCORE_HEADER + (f",{more}" if more else "")]
        for row in rows:
            episode, day, score, *rest = row.split()
            cells = [episode, day, "NPRS", "" if score == "-" else score, "interim", *rest]
            lines.append(",".join(cells + [""] * (bool(more) and not rest)))
        (self.root / file).write_text("\n".join(lines) + "\n", encoding="utf-8")

    def deliver(
        self,
        day: str | None = None,
        *,
        cutoff: date | None = None,
        gate: Callable = lambda *_: None,
    ) -> IngestResult:
        """Take in what lies there."""
        now = datetime.fromisoformat(day) if day else None
        return ingest(self.study, self.store, cutoff=cutoff, gate=gate, now=now, threads=1)

    def table(self, name: str = "assessments", as_of: object = None) -> list[tuple]:
        """Give the scores that stand as (episode, day, score), or the episodes as (episode, start)."""
        columns = ["episode_id", "date", "score"] if name == "assessments" else ["episode_id", "start_date"]
        frame = self.store.read(name, columns, as_of=as_of)
        return [
            tuple(v.date().isoformat() if hasattr(v, "date") else v for v in row)
            for row in frame.itertuples(index=False)
        ]


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    made = Inbox(tmp_path)
    made.episodes("e1 2026-01-05 -", "e2 2026-01-12 -")
    made.scores("e1 2026-01-05 7", "e1 2026-02-05 5", "e2 2026-01-12 6")
    return made
