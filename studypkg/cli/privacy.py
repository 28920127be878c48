"""Commands on who could be recognised: pseudonyms, their way back, and how alike people are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from studypkg.cli.options import HERE, JsonOption, StudyOption, app, console, tell
from studypkg.errors import ConfigError
from studypkg.pipeline import open_study
from studypkg.pipeline import pseudonymising as files
from studypkg.pipeline.likening import Alike, alike, export_alike
from studypkg.privacy.keys import new_key as draw_key

ColumnOption = Annotated[
    list[str] | None, typer.Option("--column", "-c", help="A column of ids; may be repeated.")
]
OutOption = Annotated[Path | None, typer.Option("--out", help="The new file. It must not be there yet.")]
KeyFileOption = Annotated[
    Path | None, typer.Option("--key-file", help="The key, in place of the one the study names.")
]
OriginalsOption = Annotated[
    Path | None, typer.Option("--originals", help="A file that lists the clinic's own ids.")
]
OriginalsColumnOption = Annotated[
    str, typer.Option("--originals-column", help="The column of that file with the ids.")
]


@app.command(epilog="Example: study pseudonymise visits.csv -c patient_id --out data/raw/visits.csv")
def pseudonymise(
    file: Annotated[Path | None, typer.Argument(help="A CSV, Excel or Parquet file with ids.")] = None,
    column: ColumnOption = None,
    out: OutOption = None,
    study: StudyOption = HERE,
    key_file: KeyFileOption = None,
    new_key: Annotated[
        Path | None, typer.Option("--new-key", help="Only draw a new key, into this new file.")
    ] = None,
    rotate_from: Annotated[
        Path | None,
        typer.Option("--rotate-from", help="The columns hold pseudonyms of the key in this file."),
    ] = None,
    originals: OriginalsOption = None,
    originals_column: OriginalsColumnOption = "id",
    as_json: JsonOption = False,
) -> None:
    """Replace ids by keyed pseudonyms in a copy of a file; the key stays outside the data."""
    root = files.study_folder(study)
    if new_key is not None:
        made = draw_key(new_key, root=root)
        said = f"{new_key}: key {made.id}. Keep a copy where the data is not: without it, no link."
        tell({"file": str(new_key), "key": made.id}, as_json, said)
        return
    if file is None or not column or out is None:
        raise ConfigError("name a file, at least one --column, and the new file with --out.")
    key, normalise = files.key_and_rules(study, key_file)
    if rotate_from is None:
        done = files.pseudonymise_file(file, column, out, key, normalise)
    else:
        if originals is None:
            raise ConfigError(
                "a pseudonym does not lead back to its id, so a new key needs the ids: name the file that "
                "lists them with --originals."
            )
        done = files.rotate_file(
            file, column, out,
            originals=files.Originals(originals, originals_column),
            old=files.key_in(rotate_from, root=root), new=key, normalise=normalise,
        )  # fmt: skip
    tell(done.as_dict(), as_json, done.as_text())


@app.command(epilog="Example: study relink ask.csv -c patient_id --originals all.csv --out link.csv")
def relink(
    file: Annotated[Path, typer.Argument(help="A CSV, Excel or Parquet file with pseudonyms.")],
    column: Annotated[str, typer.Option("--column", "-c", help="The column of pseudonyms.")],
    originals: Annotated[Path, typer.Option("--originals", help="A file that lists the clinic's own ids.")],
    out: Annotated[Path, typer.Option("--out", help="The new file, outside the study.")],
    originals_column: OriginalsColumnOption = "id",
    study: StudyOption = HERE,
    key_file: KeyFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find whose pseudonyms these are, among ids that you have; only with the key."""
    key, normalise = files.key_and_rules(study, key_file)
    found, wanted = files.relink_file(
        file, column, out, originals=files.Originals(originals, originals_column), key=key,
        normalise=normalise, root=files.study_folder(study),
    )  # fmt: skip
    said = f"{out}: {found} of {wanted} pseudonyms found. It names people: delete it when it has served."
    tell({"file": str(out), "found": found, "pseudonyms": wanted}, as_json, said)


@app.command(epilog="Example: study anonymity --json")
def anonymity(
    study: StudyOption = HERE,
    export: Annotated[
        Path | None,
        typer.Option("--export", help="Write the columns, as coarse as proposed, into this new CSV."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say how many people share what an outsider may know, and how coarse it must be to share more."""
    opened = open_study(study)
    found = alike(opened) if export is None else export_alike(opened, export)
    if as_json:
        typer.echo(json.dumps(found.as_dict(), indent=2))
    else:
        _show(found)
        if export is not None:
            typer.echo(f"{found.rows:,} rows written to {export}.")
    if found.found.proposal is None:
        raise typer.Exit(13)


def _show(found: Alike) -> None:
    """Print what was measured as a table for people."""
    states = [("as it is", found.now)] + ([("as proposed", found.then)] if found.then else [])
    table = Table("", *(name for name, _ in states), box=None)
    table.add_row("people", *(f"{one.people:,}" for _, one in states))
    table.add_row("classes of people who look alike", *(f"{one.classes:,}" for _, one in states))
    table.add_row("people in the smallest (k)", *(str(one.k) for _, one in states))
    table.add_row("people in the middle one", *(f"{one.sizes[2]:,}" for _, one in states))
    label = f"people in classes below {found.demand.k}"
    table.add_row(label, *(f"{one.below:,} ({one.share_below:.1%})" for _, one in states))
    for place, one in enumerate(found.now.diversity):
        both = [state.diversity[place] for _, state in states]
        table.add_row(f"{one.column}: values in a class (l)", *(str(d.distinct) for d in both))
        table.add_row(f"{one.column}: by entropy (l)", *(f"{d.entropy:.2f}" for d in both))
        table.add_row(f"{one.column}: farthest from all (t)", *(f"{d.equal:.3f}" for d in both))
        if one.ordered is not None:
            table.add_row(f"{one.column}: the same, in order (t)", *(f"{d.ordered or 0:.3f}" for d in both))
    console().print(table)
    proposal = found.found.proposal
    if proposal is None:
        typer.echo(f"Not reached: {found.found.reason}.")
        return
    if found.reached:
        typer.echo("The tables are as is asked: nothing needs to be coarser.")
        return
    steps = ", ".join(f"{column} {name}" for column, name in proposal.names.items())
    typer.echo(
        f"Least coarse way: {steps}. {proposal.suppressed:,} people lose a row "
        f"({proposal.share_suppressed:.1%}); loss {proposal.loss:.3f} of 1."
    )
