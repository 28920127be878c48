"""The program: every command, one message instead of a traceback, and the exit code of its class."""

from __future__ import annotations

from typing import Annotated

import typer
from typer.exceptions import TyperException

from studypkg import __version__

# The help lists the commands in this order.
from studypkg.cli import studies, mapping, records, privacy, pages, audit  # isort: skip
from studypkg.cli.options import app
from studypkg.errors import StudyError

__all__ = ["app", "audit", "main", "mapping", "pages", "privacy", "records", "studies"]


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
