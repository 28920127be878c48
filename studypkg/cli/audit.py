"""The command that reads back what was published."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from studypkg.cli.options import HERE, JsonOption, StudyOption, app, tell
from studypkg.pipeline.auditing import audit_reports
from studypkg.pipeline.opening import open_study
from studypkg.progress import progress_for

AllowOption = Annotated[
    list[str] | None,
    typer.Option("--allow", help="Files that need not be understood, such as '*.woff2'; may be repeated."),
]


@app.command(epilog="Example: study audit --json")
def audit(study: StudyOption = HERE, allow: AllowOption = None, as_json: JsonOption = False) -> None:
    """Re-read everything under reports/: no identifier in it, no small count that could be worked out."""
    opened = open_study(study)
    with progress_for(sys.stderr) as progress:
        done = audit_reports(opened, allow=tuple(allow or ()), progress=progress.say)
    tell(done.as_dict(), as_json, done.as_text())
    if done.exit_code:
        raise typer.Exit(done.exit_code)
