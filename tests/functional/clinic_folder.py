"""A clinic's folder with two small exports whose every identifier is a canary, and what a run did to it."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from studypkg.store import Store

#: Every id and every free text begins so; it may stand in the records and nowhere else.
CANARY = "CNRY"
STUDY = """
[study]
name = "Bad inputs"
[[sources]]
table = "episodes"
path = "episodes.csv"
[[sources]]
table = "assessments"
path = "assessments.csv"
"""
EPISODES = 40
#: Day, role and score of each assessment of an episode.
COURSE = (("01", "intake", "7"), ("02", "interim", "5.5"), ("03", "interim", "4"), ("04", "discharge", "2"))
#: Work of a command of its own: what it writes is all that anybody sees of it.
_COMMAND = [str(Path(sys.executable).with_name("study"))]


def exports() -> dict[str, list[list[str]]]:
    """Rows of the two files, headers first."""
    episodes = [["patient_id", "episode_id", "clinic_id", "start_date", "end_date", "condition", "age_years"]]
    scores = [["episode_id", "date", "instrument", "context", "score", "role"]]
    for i in range(EPISODES):
        key, day = f"{CANARY}E{i:03d}", f"{i % 28 + 1:02d}"
        episodes.append(
            [f"{CANARY}P{i:03d}", key, f"clinic_0{i % 2 + 1}", f"2026-01-{day}", f"2026-04-{day}",
             "gluteal_tendinopathy", str(40 + i)]
        )  # fmt: skip
        scores += [
            [key, f"2026-{month}-{day}", "nprs", "worst_24h", score, role] for month, role, score in COURSE
        ]
    return {"episodes": episodes, "assessments": scores}


def as_csv(rows: list[list[str]], *, delimiter: str = ",", end: str = "\n") -> str:
    """Write rows as a spreadsheet program would."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)
    return text.getvalue()


@dataclass
class Clinic:
    """A study folder, with the rows that its exports are to hold."""

    folder: Path
    rows: dict[str, list[list[str]]] = field(default_factory=exports)

    def write(self, **texts: str | bytes) -> Clinic:
        """Write the exports; a text or bytes given for one stands in for its rows."""
        for name, rows in self.rows.items():
            given = texts.get(name, as_csv(rows))
            data = given.encode() if isinstance(given, str) else given
            (self.folder / f"{name}.csv").write_bytes(data)
        return self

    def declare(self, text: str) -> Clinic:
        """Write another study.toml."""
        (self.folder / "study.toml").write_text(text, encoding="utf-8")
        return self

    def edit(self, table: str, row: int, column: str, value: str) -> Clinic:
        """Put a value into a cell; rows count from 1 behind the header."""
        self.rows[table][row][self.rows[table][0].index(column)] = value
        return self

    @property
    def store(self) -> Store:
        """What is stored."""
        return Store(self.folder / "data" / "processed")

    def state(self) -> dict[str, bytes]:
        """Everything that counts: the tables and their account."""
        place = self.folder / "data" / "processed" / "tables"
        return {path.name: path.read_bytes() for path in sorted(place.glob("*")) if path.is_file()}

    def ingest(self, run: Callable[[list[str]], int], capsys: object) -> Outcome:
        """Run `study ingest` in this process, and read what it said."""
        before = self.state()
        capsys.readouterr()
        code = run(["ingest", "--study", str(self.folder)])
        said = capsys.readouterr()
        return Outcome(self, code, said.out + said.err, before)

    def ingest_apart(self, **environment: str) -> Outcome:
        """Run `study ingest` as a command of its own."""
        before = self.state()
        done = subprocess.run(
            [*_COMMAND, "ingest", "--study", str(self.folder)],
            capture_output=True, text=True, check=False, env={**os.environ, **environment},
        )  # fmt: skip
        return Outcome(self, done.returncode, done.stdout + done.stderr, before)


@dataclass
class Outcome:
    """What a run did and said."""

    clinic: Clinic
    code: int
    said: str
    before: dict[str, bytes]

    def accepted(self, table: str = "assessments") -> int:
        """Count the rows that came in, after making sure that the account of every file adds up."""
        assert self.code == 0, self.said
        found = json.loads(self.clinic.state()["ingest.json"])
        for one in found["sources"]:
            assert one["read"] == one["accepted"] + one["duplicate"] + one["quarantined"]
            assert one["read"] == one["records"]
        return next(one["accepted"] for one in found["sources"] if one["table"] == table)

    def reasons(self, table: str = "assessments") -> dict[str, int]:
        """Count the rows set aside, by rule."""
        self.accepted(table)
        found = json.loads(self.clinic.state()["ingest.json"])
        return next(one["reasons"] for one in found["sources"] if one["table"] == table)

    def refused(self, code: int, *words: str) -> str:
        """Make sure that the delivery was refused in one message, and that nothing was replaced."""
        assert self.code == code, self.said
        message = self.said.split("error ", 1)[1]
        for word in words:
            assert word in message, message
        assert "Traceback" not in self.said
        assert self.clinic.state() == self.before
        return message

    def tells_no_value(self) -> None:
        """Search every byte that the run wrote outside the private folder of records for canaries."""
        assert CANARY not in self.said
        for path in self.clinic.folder.rglob("*"):
            assert CANARY not in path.name
            inside = path.relative_to(self.clinic.folder).parts
            if path.is_file() and inside[0] not in ("episodes.csv", "assessments.csv", "inbox", "data"):
                assert CANARY.encode() not in path.read_bytes(), path.name
