"""What every command shares: its options, the clock, and how an answer is printed."""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from studypkg.config import Study
from studypkg.errors import EXIT_CODES

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
AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of", help="Use the records as they were known then: a batch's number, YYYY-MM-DD or YYYY-MM."
    ),
]
HERE = Path("study.toml")


def today_of(study: Study) -> dt.date:
    """Read the clock, in the one place that may, where the study is."""
    return now_of(study).date()


def now_of(study: Study) -> dt.datetime:
    """Read the clock to the second."""
    return dt.datetime.now(tz=ZoneInfo(study.study.timezone)).replace(microsecond=0)


def tell(value: Any, as_json: bool, text: str) -> None:
    """Print an answer, as text or as one JSON object."""
    typer.echo(json.dumps(value, indent=2) if as_json else text)


def console() -> Console:
    """Make a console that keeps its width where nobody watches."""
    return Console(width=None if sys.stdout.isatty() else 160)
