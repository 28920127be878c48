"""Commands on the records of a study."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from studypkg import jobs, pipeline
from studypkg.cli.options import HERE, JsonOption, StudyOption, app, console, now_of, tell
from studypkg.errors import ConfigError, QualityGateError
from studypkg.progress import progress_for

#: What a batch does to a table, in the order in which it is shown.
_DID = ("before", "new", "corrected", "unchanged", "overruled", "withdrawn", "set_aside", "returned", "now")


@app.command(epilog="Example: study ingest")
def ingest(study: StudyOption = HERE, as_json: JsonOption = False) -> None:
    """Read the raw files, screen every row, and store what can be trusted."""
    opened = pipeline.open_study(study)
    now = now_of(opened)
    with jobs.lock(opened), progress_for(sys.stderr) as progress:
        result = pipeline.ingest_records(opened, today=now.date(), now=now, progress=progress.say)
    if as_json:
        typer.echo(json.dumps(result.as_manifest(), indent=2))
        return
    table = Table("table", "file", "read", "accepted", "duplicate", "quarantined", "reasons", box=None)
    for source in result.sources:
        reasons = ", ".join(f"{rule} {n:,}" for rule, n in source.reasons.items())
        numbers = (source.read, source.accepted, source.duplicate, source.quarantined)
        table.add_row(source.table, source.file, *(f"{n:,}" for n in numbers), reasons or "-")
    console().print(table)
    if result.unchanged:
        typer.echo("Nothing has changed since the last ingest: nothing was written.")
        return
    did = Table("table", *(name.replace("_", " ") for name in _DID), box=None)
    for one in result.tables:
        did.add_row(one.table, *(f"{getattr(one, name):,}" for name in _DID))
    console().print(did)
    for source in result.sources:
        for note in source.notes:
            typer.echo(f"{source.table}, {source.file}: {note}")


@app.command(epilog="Example: study history assessments")
def history(
    table: Annotated[str | None, typer.Argument(help="Only what was done to this table.")] = None,
    study: StudyOption = HERE,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare every file of the history with its hash.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List what came in when: one batch after the other, and what each did to the tables."""
    opened = pipeline.open_study(study)
    told = pipeline.history_of(opened, table)
    if verify:
        damaged = pipeline.damaged_history(opened)
        if damaged:
            names = ", ".join(f"{path.parent.name}/{path.name}" for path in damaged[:5])
            raise QualityGateError(
                f"{len(damaged)} file(s) of the history are missing or not what they were: {names}. "
                f"Restore them from a backup."
            )
    tell(told, as_json, _history_text(told))


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _history_text(told: list[dict[str, Any]]) -> str:
    if not told:
        return "There is no history yet. `study ingest` begins it."
    blocks = []
    for batch in told:
        files = ", ".join(file["name"] for file in batch["files"])
        lines = [f"batch {batch['batch']}  {batch['day'] or 'no date'}  {batch['kind']}  {files}"]
        for one in batch["tables"]:
            did = [f"{one[name]:,} {name.replace('_', ' ')}" for name in _DID[1:-1] if one[name]]
            waiting = f", {one['waiting']:,} waiting" if one["waiting"] else ""
            lines.append(f"  {one['table']}: {', '.join(did) or 'nothing'} → {one['now']:,} rows{waiting}")
        blocks.append("\n".join(lines))
    return "\n".join(blocks)


@app.command(epilog="Example: study quarantine --export mend.csv")
def quarantine(
    study: StudyOption = HERE,
    export: Annotated[
        Path | None, typer.Option(help="Write the rows that are set aside into this new CSV, to be mended.")
    ] = None,
    readmit: Annotated[
        Path | None, typer.Option(help="Take in what was mended in a CSV that --export wrote.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is set aside and what to do; write the rows out for mending, and take mended ones in."""
    if export is not None and readmit is not None:
        raise ConfigError("--export and --readmit are two steps. Give one of them.")
    opened = pipeline.open_study(study)
    if export is not None:
        with jobs.lock(opened):
            rows = pipeline.export_rows(opened, export)
        said = (
            f"{_counted(rows, 'row')} written to {export}. It holds patients' values: keep it safe, and "
            f"delete it later."
        )
        tell({"rows": rows, "file": str(export)}, as_json, said)
        return
    if readmit is not None:
        now = now_of(opened)
        with jobs.lock(opened), progress_for(sys.stderr) as progress:
            result = pipeline.readmit_rows(opened, readmit, today=now.date(), now=now, progress=progress.say)
        came = sum(one.accepted for one in result.waiting)
        still = sum(one.still for one in result.waiting)
        said = f"{_counted(came, 'record')} came in; {still} still set aside."
        said += " `study quarantine` says why." if still else ""
        tell({"came_in": came, "still_set_aside": still}, as_json, said)
        return
    found = pipeline.quarantine_of(opened)
    if as_json:
        typer.echo(json.dumps([one.as_dict() for one in found], indent=2))
        return
    if not found:
        typer.echo("Nothing is set aside.")
        return
    table = Table("table", "file", "rows", "column", "rule", "what to do", "first row", box=None)
    for one in found:
        column = one.source_column or one.column
        table.add_row(
            one.table, one.file, f"{one.rows:,}", column, one.rule, one.advice, f"{one.first_row:,}"
        )
    console().print(table)
