"""Commands on a study as a whole: start one, invent its records, say whether it can run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from studypkg import pipeline
from studypkg.cli.options import HERE, JsonOption, StudyOption, app, tell


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
    tell(written, as_json, "  ".join(f"{table}: {n:,} rows" for table, n in written.items()))


@app.command(epilog="Example: study check")
def check(study: StudyOption = HERE, as_json: JsonOption = False) -> None:
    """Say whether this study can run: files, mapping, environment, and what to do where it cannot."""
    checks = pipeline.check_study(pipeline.open_study(study))
    tell(
        [c.as_dict() for c in checks],
        as_json,
        "\n".join(f"{'ok  ' if c.ok else 'MEND'}  {c.what}: {c.found}" for c in checks),
    )
    if not all(c.ok for c in checks):
        raise typer.Exit(10)
