"""The command that looks at a file and proposes how it maps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from studypkg import pipeline
from studypkg.cli.options import HERE, JsonOption, StudyOption, app, console


@app.command("map", epilog="Example: study map data/raw/visits.xlsx --write")
def map_(
    file: Annotated[Path, typer.Argument(help="CSV, Excel, Parquet, SPSS, Stata or SAS; packed or not.")],
    study: StudyOption = HERE,
    table: Annotated[str | None, typer.Option(help="Propose for this table, such as visits.")] = None,
    sheet: Annotated[str | None, typer.Option(help="Look at this sheet of a workbook only.")] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Add the proposed blocks to the end of study.toml.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Look at a file and propose its mapping for study.toml. No value of a patient is shown."""
    found = pipeline.map_file(file, study, wanted=table, sheet=sheet)
    written = pipeline.add_to_study(study, [one.text for one in found if one.text]) if write else None
    if as_json:
        made = {"tables": [one.as_dict() for one in found], "written": str(written) if written else None}
        typer.echo(json.dumps(made, indent=2, ensure_ascii=False))
        return
    for one in found:
        _show(one)
    if written is not None:
        typer.echo(
            f"Added to the end of {written}. Read it through, then run `study check` and `study ingest`."
        )
    elif any(one.text for one in found):
        typer.echo("Nothing was written. --write adds these lines to study.toml.")


def _show(one: pipeline.MappedFile) -> None:
    sheet = one.look.options.get("sheet")
    name = _plain(f'{one.file}, sheet "{sheet}"' if sheet else one.file)
    kind = one.look.kind
    typer.echo(
        f"{name}: {kind}, {one.rows:,} rows, {len(one.proposal.columns)} columns" if one.rows else name
    )
    for note in one.notes:
        typer.echo(f"  {_plain(note)}")
    if one.proposal.columns:
        shown = Table("column", "kind", "range", "missing", "becomes", "confidence", "look at", box=None)
        for column in one.proposal.columns:
            facts = column.facts
            cells = (
                facts.column, facts.kind, facts.range, facts.missing, ", ".join(column.becomes) or "-",
                column.confidence or "-", column.remark,
            )  # fmt: skip
            # Text, so that a heading such as [red] is a heading and no style.
            shown.add_row(*(Text(_plain(cell)) for cell in cells))
        console().print(shown)
        if not one.proposal.blocks:
            typer.echo("No table was recognised. --table episodes (or another) proposes for one you name.")
    for text in one.proposal.blocks.values():
        typer.echo(f"\n{text}")
    for table, told in one.proposal.open.items():
        for line in told:
            typer.echo(_plain(f"To choose for {table}: {line}"))


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
