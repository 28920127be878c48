"""A source of kind "sql": find its database, read it once, and leave a Parquet file of text columns."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from studypkg.errors import ConfigError, DataRejectedError, StudyError
from studypkg.records.raw import check_regular, printable, shown
from studypkg.records.sql.duckdb_file import read_duckdb
from studypkg.records.sql.refusals import refusal_of
from studypkg.records.sql.server import read_server
from studypkg.sources import Source
from studypkg.systems import Sql

_SQLITE, _DUCKDB = b"SQLite format 3\0", b"DUCK"


def fetch(source: Source, root: Path, work: Path) -> tuple[Path, ...]:
    """Read the rows of a database into a private file, in batches and in one consistent view.

    Parameters
    ----------
    source
        A source with a `[sources.sql]` block.
    root
        Folder that relative paths count from.
    work
        Private folder of the delivery. What several sources read alike is read once.

    Returns
    -------
    tuple of Path
        One Parquet file of text columns.

    Raises
    ------
    ConfigError
        If the environment variable is not set, or the database refuses what the declaration asks for.
    DataRejectedError
        If the database goes away or a column has no one way of being written. No message holds the
        address, a password or a value.
    """
    sql = _block(source)
    address = _address(source, root)
    place = f"{printable(sql.relation or 'query')} ({_called(source)})"
    key = hashlib.sha256(repr((str(source.path), sql)).encode()).hexdigest()[:16]
    target = work / "sql" / key / place.replace("/", "_")
    if target.exists():
        return (target,)
    target.parent.mkdir(parents=True, exist_ok=True)
    stood = False

    def opened() -> None:
        nonlocal stood
        stood = True

    refusal: StudyError
    try:
        if isinstance(address, Path):
            read_duckdb(address, sql, target, place=place, opened=opened)
        else:
            read_server(address, sql, target, place=place, opened=opened)
    except Exception as fault:  # drivers have errors of their own, and their words may quote rows
        refusal = refusal_of(fault, place=place, variable=_called(source), reading=stood)
    else:
        return (target,)
    # Raised here and not above, so that it does not carry the driver's error with it.
    raise refusal


def look(source: Source, root: Path) -> tuple[bool, str]:
    """Say whether a database is named; it is not asked anything."""
    try:
        _address(source, root)
    except StudyError as fault:
        return False, str(fault)
    return True, f"{_called(source)}: {printable(_block(source).relation or 'a query')}"


def _block(source: Source) -> Sql:
    if source.sql is None:
        raise ConfigError(f'{source.label}: kind = "sql" needs a [sources.sql] block.')
    return source.sql


def _called(source: Source) -> str:
    return _block(source).url_variable or shown(Path(source.path))


def _address(source: Source, root: Path) -> URL | Path:
    """Find the database: a URL for SQLAlchemy, or the path of a DuckDB file."""
    variable = _block(source).url_variable
    if variable is None:
        return _file(root / source.path)
    text = os.environ.get(variable, "").strip()
    if not text:
        raise ConfigError(
            f"the environment variable {variable} is not set. Put the address of the database into it, such "
            f"as postgresql://USER:PASSWORD@HOST/DATABASE, where the run is started, and never into a file "
            f"of the study."
        )
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None:
        raise ConfigError(
            f"the environment variable {variable} holds no address of a database. It looks like "
            f"postgresql://USER:PASSWORD@HOST/DATABASE; signs such as @ and / in a password are written "
            f"%40 and %2F."
        )
    kind = url.drivername.partition("+")[0]
    if kind in ("duckdb", "sqlite"):
        return _file(root / (url.database or ""))
    return url


def _file(path: Path) -> URL | Path:
    check_regular(path)
    with path.open("rb") as stream:
        head = stream.read(16)
    if head.startswith(_SQLITE):
        return URL.create("sqlite", database=str(path))
    if head[8:12] == _DUCKDB:
        return path
    raise DataRejectedError(
        f"{shown(path)}: this is neither a DuckDB nor a SQLite file. Name the database, or declare the true "
        f"kind of the file. Nothing was replaced."
    )
