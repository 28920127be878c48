"""Where the rows lie: Parquet files or a DuckDB relation, seen as one table with kinds of columns."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studypkg.errors import ConfigError

_NUMBERS = (
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
    "UHUGEINT", "FLOAT", "DOUBLE",
)  # fmt: skip
_TIMES = ("DATE", "TIME", "INTERVAL")
_GLOB = frozenset("*?[")


@dataclass(frozen=True)
class Source:
    """A table outside memory.

    Notes
    -----
    ``kinds`` says of every column whether it holds ``float``, ``whole`` or ``decimal`` numbers, ``truth``
    values, ``text``, ``time`` or something ``other``. ``orders`` holds the categories of columns that have an
    order of their own, as the file or the type declares them.
    """

    relation: Any
    kinds: dict[str, str]
    orders: Mapping[str, tuple[str, ...]]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.kinds)


def engine() -> Any:
    """Return the module that reads and deals rows; it is loaded when it is first needed."""
    return importlib.import_module("duckdb")


def is_relation(data: object) -> bool:
    """Say whether something is a DuckDB relation, without loading DuckDB."""
    return type(data).__name__ == "DuckDBPyRelation"


def open_source(data: object, connection: Any) -> Source:
    """Open Parquet files or take a relation.

    Parameters
    ----------
    data
        A path to a file, a folder of Parquet files (read with its subfolders), a glob, or a relation.
    connection
        The DuckDB connection that reads files; a relation brings its own.

    Raises
    ------
    ConfigError
        If there is nothing of the kind, or it cannot be read.
    """
    if is_relation(data):
        return _described(data, None)
    if not isinstance(data, str | Path):
        raise ConfigError(
            f"The data are a {type(data).__name__}: give a pandas DataFrame, the path of a Parquet file or "
            "of a folder of them, or a DuckDB relation."
        )
    files = _files(str(data))
    try:
        relation = connection.read_parquet(
            files, union_by_name=len(files) > 1, hive_partitioning=_named_folders(files, str(data))
        )
    except engine().Error:
        raise ConfigError(f'"{data}" cannot be read as Parquet.') from None
    return _described(relation, files[0])


def _files(path: str) -> list[str]:
    if _GLOB & set(path):
        anchor = Path(path).anchor
        found = Path(anchor or ".").glob(path[len(anchor) :])
        files = sorted(str(f) for f in found if f.is_file())
    elif Path(path).is_dir():
        files = sorted(str(f) for f in Path(path).rglob("*.parquet"))
    else:
        files = [path] if Path(path).is_file() else []
    if not files:
        raise ConfigError(f'There is no Parquet file at "{path}".')
    return files


def _named_folders(files: list[str], path: str) -> bool:
    """Say whether folders below the one given hold a column, as in ``clinic=3/rows.parquet``."""
    return Path(path).is_dir() and all("=" in Path(f).relative_to(path).parent.name for f in files)


def _described(relation: Any, first: str | None) -> Source:
    kinds: dict[str, str] = {}
    orders: dict[str, tuple[str, ...]] = {}
    for name, kind in zip(relation.columns, relation.types, strict=True):
        text = str(kind).upper()
        if text in ("FLOAT", "DOUBLE"):
            kinds[name] = "float"
        elif text in _NUMBERS:
            kinds[name] = "whole"
        elif text.startswith("DECIMAL"):
            kinds[name] = "decimal"
        elif text == "BOOLEAN":
            kinds[name] = "truth"
        elif text.startswith(_TIMES):
            kinds[name] = "time"
        elif text in ("VARCHAR", "UUID"):
            kinds[name] = "text"
        elif text.startswith("ENUM"):
            kinds[name] = "text"
            orders[name] = tuple(str(c) for c in kind.children[0][1])
        else:
            kinds[name] = "other"
    if first is not None:
        orders |= _categories(first, [n for n, k in kinds.items() if k == "text"])
    return Source(relation, kinds, orders)


def _categories(first: str, texts: list[str]) -> dict[str, tuple[str, ...]]:
    """Read the order of categories that pandas or Arrow wrote with a file."""
    file = importlib.import_module("pyarrow.parquet").ParquetFile(first)
    found: dict[str, tuple[str, ...]] = {}
    for field in file.schema_arrow:
        if field.name in texts and str(field.type).startswith("dictionary") and file.num_row_groups:
            chunk = file.read_row_group(0, columns=[field.name]).column(0).chunk(0)
            found[field.name] = tuple(str(c) for c in chunk.dictionary.to_pylist() if c is not None)
    return found


def quoted(name: str) -> str:
    """Write a column name for SQL."""
    return '"' + name.replace('"', '""') + '"'
