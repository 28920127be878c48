"""Commands on fits and pages."""

from __future__ import annotations

import json
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from studypkg import jobs, pipeline
from studypkg.cli.options import HERE, AsOfOption, JsonOption, MonthOption, StudyOption, app, now_of, today_of
from studypkg.errors import StudyError
from studypkg.progress import progress_for


@app.command(epilog="Example: study fit --study examples/neck_pain_laser")
def fit(
    study: StudyOption = HERE,
    month: MonthOption = None,
    cross_check: Annotated[
        bool, typer.Option("--cross-check", help="Fit again with statsmodels and compare.")
    ] = False,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit the study's models to all screened rows and print the answers, beside what was published."""
    opened = pipeline.as_known(pipeline.open_study(study), as_of)
    pipeline.issue_of(opened, month, ())
    with jobs.lock(opened), progress_for(sys.stderr) as progress:
        if as_of is None:
            now = now_of(opened)
            pipeline.ingest_records(opened, today=now.date(), now=now, progress=progress.say)
        run = pipeline.fit_models(opened, month=month, cross_check=cross_check, progress=progress.say)
    typer.echo(json.dumps(run.as_dict(), indent=2) if as_json else run.as_text())
    if run.failed:
        raise typer.Exit(14)


@app.command(epilog="Example: study report --month 2026-09 --clinic clinic_03")
def report(
    study: StudyOption = HERE,
    month: MonthOption = None,
    clinic: Annotated[list[str] | None, typer.Option(help="Only these clinics; may be repeated.")] = None,
    as_of: AsOfOption = None,
) -> None:
    """Render the pages of a month from the released numbers, for all clinics or some."""
    _month(study, month, clinics=tuple(clinic or ()), again=True, as_of=as_of)


@app.command(epilog="Example: study monthly --month 2026-09")
def monthly(
    study: StudyOption = HERE,
    month: MonthOption = None,
    again: Annotated[bool, typer.Option("--again", help="Run even if nothing has changed.")] = False,
    as_of: AsOfOption = None,
) -> None:
    """Make the whole month: screen, measure, fit, release, render, publish. The scheduled job."""
    _month(study, month, clinics=(), again=again, as_of=as_of)


@app.command("open", epilog="Example: study open")
def open_(study: StudyOption = HERE) -> None:
    """Open the index of all reports in the browser."""
    index = pipeline.open_study(study).reports / "index.html"
    if not index.is_file():
        raise StudyError(f"there is no {index} yet. `study monthly` makes it.")
    typer.echo(str(index))
    webbrowser.open(index.resolve().as_uri())


@app.command(epilog="Example: study lab -- --no-browser")
def lab(
    options: Annotated[list[str] | None, typer.Argument(help="Options for JupyterLab, after --.")] = None,
    study: StudyOption = HERE,
) -> None:
    """Open JupyterLab on this study's notebooks."""
    jobs.start_lab(pipeline.open_study(study), options or [])


def _month(
    study: Path, month: str | None, *, clinics: tuple[str, ...], again: bool, as_of: str | None
) -> None:
    opened = pipeline.as_known(pipeline.open_study(study), as_of)
    today = today_of(opened)
    month = pipeline.issue_of(opened, month, clinics)
    # What is rebuilt is, unless another month is named, what the run of that batch made.
    month = month or jobs.last_full_month(pipeline.day_of(opened) or today)
    with jobs.lock(opened), progress_for(sys.stderr) as progress:
        run = jobs.run_month(
            opened, month, today=today, clinics=clinics, again=again, progress=progress,
        )  # fmt: skip
    typer.echo(run.as_text())
    if run.exit_code:
        raise typer.Exit(run.exit_code)
