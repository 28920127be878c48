"""Commands on the records of a study."""

from __future__ import annotations

import json
import sys

import typer
from rich.table import Table

from studypkg import jobs, pipeline
from studypkg.cli.options import HERE, JsonOption, StudyOption, app, console, today_of
from studypkg.progress import progress_for


@app.command(epilog="Example: study ingest")
def ingest(study: StudyOption = HERE, as_json: JsonOption = False) -> None:
    """Read the raw files, screen every row, and store what can be trusted."""
    opened = pipeline.open_study(study)
    with jobs.lock(opened), progress_for(sys.stderr) as progress:
        result = pipeline.ingest_records(opened, today=today_of(opened), progress=progress.say)
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
