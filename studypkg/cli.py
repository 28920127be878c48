"""The commands: parse, call, say what came of it, end with the exit code of its class."""

from __future__ import annotations

import datetime as dt
import json
import sys
import webbrowser
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table
from typer.exceptions import TyperException

from studypkg import __version__, jobs, pipeline
from studypkg.config import Study
from studypkg.errors import EXIT_CODES, StudyError
from studypkg.progress import progress_for

app = typer.Typer(
    name="study",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback with locals could show a patient
    rich_markup_mode="rich",
    help="Outcome studies for physical therapy: screened records, mixed-effects models, monthly reports.",
    epilog="Exit codes: " + " · ".join(f"{code} {what}" for code, what in EXIT_CODES.items()),
)

StudyOption = Annotated[
    Path, typer.Option("--study", "-s", help="The study file, or the folder that holds study.toml.")
]
MonthOption = Annotated[
    str | None,
    typer.Option("--month", "-m", help="Month of episode end, YYYY-MM. Default: the last full one."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
HERE = Path("study.toml")


@app.command(epilog="Example: study init my-clinic && cd my-clinic && study check")
def init(folder: Annotated[Path, typer.Argument(help="Folder to make the study in.")]) -> None:
    """Start a study: a commented study.toml, the four notebooks, and the folders for records and pages."""
    for made in pipeline.init_study(folder):
        typer.echo(f"made {made}")
    typer.echo(f"Next: put your exports into {folder / 'data' / 'raw'} and run `study check` in {folder}.")


@app.command(epilog="Example: study simulate --clinics 6 --months 12")
def simulate(
    study: StudyOption = HERE,
    clinics: Annotated[int | None, typer.Option(help="Number of clinics.", min=1)] = None,
    months: Annotated[int | None, typer.Option(help="Months with episode ends.", min=1)] = None,
    per_month: Annotated[
        float | None, typer.Option(help="Episodes that start in a clinic in a month.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed; the same seed gives the same bytes.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to. Default: where the study reads.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the records of an invented network with known true effects, one CSV file per table."""
    opened = pipeline.open_study(study)
    written = pipeline.simulate_records(
        opened, clinics=clinics, months=months, per_month=per_month, seed=seed, folder=out
    )
    _tell(written, as_json, "  ".join(f"{table}: {n:,} rows" for table, n in written.items()))


@app.command(epilog="Example: study check")
def check(study: StudyOption = HERE, as_json: JsonOption = False) -> None:
    """Say whether this study can run: files, mapping, environment, and what to do where it cannot."""
    checks = pipeline.check_study(pipeline.open_study(study))
    _tell(
        [c.as_dict() for c in checks],
        as_json,
        "\n".join(f"{'ok  ' if c.ok else 'MEND'}  {c.what}: {c.found}" for c in checks),
    )
    if not all(c.ok for c in checks):
        raise typer.Exit(10)


@app.command(epilog="Example: study ingest")
def ingest(study: StudyOption = HERE, as_json: JsonOption = False) -> None:
    """Read the raw files, screen every row, and store what can be trusted."""
    opened = pipeline.open_study(study)
    with jobs.lock(opened), progress_for(sys.stderr) as progress:
        result = pipeline.ingest_records(opened, today=_today(opened), progress=progress.say)
    if as_json:
        typer.echo(json.dumps(result.as_manifest(), indent=2))
        return
    table = Table("table", "file", "read", "accepted", "duplicate", "quarantined", "reasons", box=None)
    for source in result.sources:
        reasons = ", ".join(f"{rule} {n:,}" for rule, n in source.reasons.items())
        numbers = (source.read, source.accepted, source.duplicate, source.quarantined)
        table.add_row(source.table, source.file, *(f"{n:,}" for n in numbers), reasons or "-")
    _console().print(table)
    if result.unchanged:
        typer.echo("Nothing has changed since the last ingest: nothing was written.")


@app.command(epilog="Example: study fit --study examples/neck_pain_laser")
def fit(
    study: StudyOption = HERE,
    month: MonthOption = None,
    cross_check: Annotated[
        bool, typer.Option("--cross-check", help="Fit again with statsmodels and compare.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Fit the study's models to all screened rows and print the answers, beside what was published."""
    opened = pipeline.open_study(study)
    with jobs.lock(opened), progress_for(sys.stderr) as progress:
        pipeline.ingest_records(opened, today=_today(opened), progress=progress.say)
        run = pipeline.fit_models(opened, month=month, cross_check=cross_check, progress=progress.say)
    typer.echo(json.dumps(run.as_dict(), indent=2) if as_json else run.as_text())
    if run.failed:
        raise typer.Exit(14)


@app.command(epilog="Example: study report --month 2026-09 --clinic clinic_03")
def report(
    study: StudyOption = HERE,
    month: MonthOption = None,
    clinic: Annotated[list[str] | None, typer.Option(help="Only these clinics; may be repeated.")] = None,
) -> None:
    """Render the pages of a month from the released numbers, for all clinics or some."""
    _month(study, month, clinics=tuple(clinic or ()), again=True)


@app.command(epilog="Example: study monthly --month 2026-09")
def monthly(
    study: StudyOption = HERE,
    month: MonthOption = None,
    again: Annotated[bool, typer.Option("--again", help="Run even if nothing has changed.")] = False,
) -> None:
    """Make the whole month: screen, measure, fit, release, render, publish. The scheduled job."""
    _month(study, month, clinics=(), again=again)


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


def _month(study: Path, month: str | None, *, clinics: tuple[str, ...], again: bool) -> None:
    opened = pipeline.open_study(study)
    today = _today(opened)
    with jobs.lock(opened), progress_for(sys.stderr) as progress:
        run = jobs.run_month(
            opened, month or jobs.last_full_month(today), today=today, clinics=clinics, again=again,
            progress=progress,
        )  # fmt: skip
    typer.echo(run.as_text())
    if run.exit_code:
        raise typer.Exit(run.exit_code)


def _today(study: Study) -> dt.date:
    """Read the clock, in the one place that may, where the study is."""
    return dt.datetime.now(tz=ZoneInfo(study.study.timezone)).date()


def _tell(value: Any, as_json: bool, text: str) -> None:
    typer.echo(json.dumps(value, indent=2) if as_json else text)


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 160)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"study {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Hold the options that every command has."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command; end with the exit code of its class, and one message instead of a traceback."""
    try:
        ended = app(args=arguments, standalone_mode=False)
    except StudyError as fault:
        typer.echo(f"error {fault.exit_code}: {fault}", err=True)
        return fault.exit_code
    except typer.Abort:
        typer.echo("stopped", err=True)
        return 130
    except TyperException as fault:
        fault.show()  # a usage error names the option and points to --help
        return 10
    return ended if isinstance(ended, int) else 0
