"""Files with pseudonyms in the place of ids: made, given a new key, and linked back by the key's owner."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import duckdb

from studypkg.config import load_study
from studypkg.errors import ConfigError, nearest
from studypkg.pipeline.deriving import normalisation_of, study_key
from studypkg.privacy.keys import SecretKey, check_place, read_key
from studypkg.privacy.pseudonyms import (
    Normalisation,
    collision_chance,
    distinct_ids,
    is_pseudonym,
    pseudonymise,
    refuse_pseudonyms,
    relink,
    replace_ids,
    rotate,
)
from studypkg.records import RawTable
from studypkg.records.read import open_source

_KINDS: dict[str, Literal["csv", "excel", "parquet"]] = {
    ".xlsx": "excel",
    ".xls": "excel",
    ".parquet": "parquet",
}


@dataclass(frozen=True)
class Pseudonymised:
    """What was done to a file.

    Parameters
    ----------
    file
        What was written.
    rows, ids
        Rows of the file, and different ids in it.
    merged
        Ids that are another way of writing an earlier one, by the declared rules.
    key
        Name of the key; not the key.
    collision_chance
        Bound of the chance that any two of so many ids share a pseudonym. None do: that was checked.
    """

    file: str
    rows: int
    ids: int
    merged: int
    key: str
    collision_chance: float

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain values."""
        return asdict(self)

    def as_text(self) -> str:
        """Say it in a sentence."""
        merged = f", {self.merged} of them other ways of writing the same id" if self.merged else ""
        return f"{self.file}: {self.rows:,} rows, {self.ids:,} ids{merged}; key {self.key}."


@dataclass(frozen=True)
class Originals:
    """A list of ids as the clinic writes them.

    Parameters
    ----------
    file, column
        Where they are.
    """

    file: Path
    column: str


def study_folder(path: Path) -> Path | None:
    """Find the folder of a study by its file or folder; None if there is no study there."""
    file = path / "study.toml" if path.is_dir() else path
    return file.parent if file.is_file() else None


def key_in(path: Path, *, root: Path | None) -> SecretKey:
    """Read the key in a file, with all guards."""
    return read_key(variable=None, file=path.absolute(), root=root)


def key_and_rules(path: Path, key_file: Path | None) -> tuple[SecretKey, Normalisation]:
    """Give the key and the rules for writing ids: those of a study, or the usual rules with a key's file.

    Raises
    ------
    ConfigError
        If there is neither a study nor a key file.
    """
    root = study_folder(path)
    if root is None:
        if key_file is None:
            raise ConfigError(f"there is no study {path} that names a key. Name one with --key-file.")
        return key_in(key_file, root=None), Normalisation()
    study = load_study(path)
    key = study_key(study) if key_file is None else key_in(key_file, root=root)
    return key, normalisation_of(study)


def pseudonymise_file(
    path: Path, columns: Sequence[str], out: Path, key: SecretKey, normalise: Normalisation
) -> Pseudonymised:
    """Write a copy of a file, as CSV, with the ids of some columns replaced by pseudonyms.

    Raises
    ------
    ConfigError
        If a column is not in the file, or the copy is there already.
    DataRejectedError
        If the file cannot be read as a table.
    QualityGateError
        If two ids would share a pseudonym.
    """
    with _opened(path, columns) as (connection, raw):
        ids = list(distinct_ids(connection, raw.relation, columns))
        refuse_pseudonyms(ids, raw.name)
        made = pseudonymise(ids, key, normalise)
        replace_ids(connection, raw.relation, columns, into="replaced", of=made.of)
        _write(connection, raw, out)
    count = len(made.of)
    return Pseudonymised(str(out), raw.n_rows, count, made.merged, key.id, collision_chance(count))


def rotate_file(
    path: Path,
    columns: Sequence[str],
    out: Path,
    *,
    originals: Originals,
    old: SecretKey,
    new: SecretKey,
    normalise: Normalisation,
) -> Pseudonymised:
    """Write a copy of a pseudonymised file with the pseudonyms of a new key.

    Raises
    ------
    QualityGateError
        If a pseudonym belongs to none of the originals.
    """
    candidates = _ids_of(originals)
    with _opened(path, columns) as (connection, raw):
        found = list(distinct_ids(connection, raw.relation, columns))
        fresh = rotate(found, candidates, old, new, normalise)
        replace_ids(connection, raw.relation, columns, into="replaced", of=fresh)
        _write(connection, raw, out)
    return Pseudonymised(str(out), raw.n_rows, len(fresh), 0, new.id, collision_chance(len(fresh)))


def relink_file(
    path: Path, column: str, out: Path, *, originals: Originals, key: SecretKey, normalise: Normalisation,
    root: Path | None,
) -> tuple[int, int]:  # fmt: skip
    """Write which original belongs to which pseudonym of a file, as far as the originals are given.

    Returns
    -------
    tuple of int
        Pseudonyms that were found, and pseudonyms in the file.

    Raises
    ------
    ConfigError
        If the list would lie in the study's folder or a working copy, or is there already.
    """
    check_place(out, root)
    candidates = _ids_of(originals)
    with _opened(path, (column,)) as (connection, raw):
        wanted = [one for one in distinct_ids(connection, raw.relation, (column,)) if is_pseudonym(one)]
        found = relink(wanted, candidates, key, normalise)
        connection.execute("CREATE TABLE replaced (pseudonym VARCHAR, original VARCHAR)")
        if found:
            connection.executemany("INSERT INTO replaced VALUES (?, ?)", sorted(found.items()))
        _write(connection, None, out)
    return len(found), len(wanted)


def _ids_of(originals: Originals) -> list[str]:
    with _opened(originals.file, (originals.column,)) as (connection, raw):
        return list(distinct_ids(connection, raw.relation, (originals.column,)))


@contextmanager
def _opened(path: Path, columns: Sequence[str]) -> Iterator[tuple[duckdb.DuckDBPyConnection, RawTable]]:
    """Read a file as text, for a while, where no other account can look."""
    with TemporaryDirectory(prefix="study-") as folder, duckdb.connect() as connection:
        connection.execute("SET temp_directory = ?", [folder])
        raw = open_source(connection, path, kind=_KINDS.get(path.suffix.lower(), "csv"))
        for column in columns:
            if column not in raw.columns:
                raise ConfigError(
                    f'{raw.name} has no column "{column}".{nearest(column, raw.columns)} '
                    f"Its columns are: {', '.join(raw.columns)}."
                )
        yield connection, raw


def _write(connection: duckdb.DuckDBPyConnection, raw: RawTable | None, out: Path) -> None:
    """Write the replaced rows in the order of the file, readable for the owner alone, whole or not at all."""
    names = "*" if raw is None else ", ".join('"' + name.replace('"', '""') + '"' for name in raw.columns)
    order = "pseudonym" if raw is None else "_row"
    if out.exists():
        raise ConfigError(f"{out.name} is there already and was left as it is. Choose another --out.")
    try:
        # A folder of its own beside the target: nobody else can look into it while the file is written.
        with TemporaryDirectory(prefix=".study-", dir=out.parent) as folder:
            aside = Path(folder) / "rows.csv"
            place = str(aside).replace("'", "''")
            connection.execute(
                f"COPY (SELECT {names} FROM replaced ORDER BY {order}) TO '{place}' (FORMAT csv, HEADER)"
            )
            aside.chmod(0o600)
            # A link does not replace a file that somebody else has just made, as a renaming would.
            os.link(aside, out)
    except FileExistsError:
        raise ConfigError(f"{out.name} is there already and was left as it is.") from None
    except OSError:
        raise ConfigError(f"{out} cannot be written. Make its folder, or choose another --out.") from None
