"""Results on disk: one record per entrant, model and size, each under the run it was measured in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# Time grows at least with the rows: an entrant that would need this many times the limit is not tried.
HOPELESS = 2.0

Record = dict[str, Any]


class Store:
    """The records of all runs; a new figure replaces the old one of the same entrant, model and size."""

    def __init__(self, path: Path) -> None:
        self.path = path
        empty: dict[str, Any] = {"runs": {}, "records": [], "memory": {}, "import_seconds": {}}
        self.content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else empty

    def begin(self, run: str, facts: dict[str, Any]) -> None:
        """Open a run: its machine, versions and settings."""
        self.content["runs"][run] = facts

    def add(self, run: str, records: list[Record]) -> None:
        """Keep records of a run and write the file, so that what was measured survives what comes next."""
        for record in records:
            old = self.find(record["model"], record["rows"], record["entrant"])
            if old is not None:
                self.content["records"].remove(old)
            self.content["records"].append(record | {"run": run})
        used = {r["run"] for r in self.content["records"]}
        self.content["runs"] = {k: v for k, v in self.content["runs"].items() if k in used or k == run}
        self.save()

    def save(self) -> None:
        """Write the file."""
        self.path.write_text(json.dumps(self.content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def find(self, model: str, rows: int, entrant: str) -> Record | None:
        """Return the record, when there is one."""
        wanted = (model, rows, entrant)
        return next((r for r in self.records if (r["model"], r["rows"], r["entrant"]) == wanted), None)

    @property
    def records(self) -> list[Record]:
        """All records."""
        found: list[Record] = self.content["records"]
        return found

    def hopeless(self, model: str, rows: int, entrant: str, limit: float) -> str:
        """Say why an entrant need not be tried at this size, from what it needed on a smaller cohort."""
        smaller = [
            r for r in self.records if r["model"] == model and r["entrant"] == entrant and r["rows"] < rows
        ]
        if not smaller:
            return ""
        last = max(smaller, key=lambda r: r["rows"])
        size = f"{last['rows']:,} rows"
        if last["status"].startswith("over"):
            return f"{last['status']} at {size}"
        if last["status"].startswith("not tried"):
            return str(last["status"].removeprefix("not tried: "))
        if last["status"] == "ok" and last["seconds"] * rows / last["rows"] > HOPELESS * limit:
            return f"{last['seconds']:.0f} s at {size}"
        return ""
