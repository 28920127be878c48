"""A study's screened tables on disk: raw copies by content, and tables that are swapped in one step."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from studypkg.errors import DataRejectedError, QualityGateError, UnknownTermError, nearest

_CHUNK = 1 << 20
_MANIFEST = "ingest.json"
_WORK = ".work-"


class Store:
    """The folder of processed data of one study.

    Parameters
    ----------
    root
        The folder. It is made when something is first written.

    Notes
    -----
    Every issue of the tables lives in a folder of its own, named after its content::

        raw/SHA256               what was delivered, read-only
        tables-ID/               one issue: TABLE.parquet, ingest.json, quarantine/TABLE.parquet and .csv
        tables -> tables-ID      the issue that counts; renaming this link is the only switch
        ingest.json, quarantine/TABLE.*    links through `tables`, so they switch with it
        quarantine/rejected/     what was wrong with a delivery that was refused

    A reader follows `tables` once and then stays with that issue; the issue before it is kept, so a
    reader that came just before a switch still finds its files.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def snapshot(self, path: Path) -> str:
        """Keep a read-only copy of a delivered file, named after its content.

        Returns
        -------
        str
            SHA-256 of the copy. The same content is kept once.

        Raises
        ------
        DataRejectedError
            If the file is not there, or changes while it is copied.
        """
        if not path.is_file():
            raise DataRejectedError(f"there is no file {path.name} in {path.parent}. Nothing was replaced.")
        before = _sha256(path)
        folder = self.root / "raw"
        if (folder / before).exists():
            return before
        folder.mkdir(parents=True, exist_ok=True)
        with self.workspace() as work:
            copy = work / "snapshot"
            shutil.copyfile(path, copy)
            if _sha256(copy) != before:
                raise DataRejectedError(
                    f"{path.name} changed while it was read. Wait until it is written, and run again. "
                    f"Nothing was replaced."
                )
            copy.chmod(0o444)
            _sync(copy)
            os.replace(copy, folder / before)
            _sync(folder)
        return before

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """Lend a private folder beside the tables, gone afterwards; folders of dead runs are swept first."""
        self.root.mkdir(parents=True, exist_ok=True)
        self._sweep()
        work = self.root / f"{_WORK}{secrets.token_hex(6)}"
        # The lock is let go when the process dies, however it dies; that is how a sweep knows.
        lock = FileLock(work.with_suffix(".lock"))
        with lock:
            work.mkdir()
            try:
                yield work
            finally:
                shutil.rmtree(work)
                Path(lock.lock_file).unlink()

    def publish(
        self,
        tables: Mapping[str, Path | duckdb.DuckDBPyRelation],
        manifest: Mapping[str, Any],
        *,
        quarantine: Mapping[str, Sequence[Path]] | None = None,
    ) -> str:
        """Make new tables the ones that count, all of them in one step.

        Parameters
        ----------
        tables
            For each table a Parquet file, which is moved, or a DuckDB relation, which is written.
        manifest
            Where the tables come from; plain values for JSON.
        quarantine
            For each table the files of the rows that were set aside; they are moved.

        Returns
        -------
        str
            Id of the issue: the same content has the same id, and publishing it again changes nothing.
        """
        with self.workspace() as work:
            issue = work / "issue"
            (issue / "quarantine").mkdir(parents=True)
            for name, table in sorted(tables.items()):
                target = issue / f"{name}.parquet"
                if isinstance(table, Path):
                    shutil.move(table, target)
                else:
                    table.write_parquet(str(target), compression="zstd")
            for paths in (quarantine or {}).values():
                for path in paths:
                    shutil.move(path, issue / "quarantine" / path.name)
            hashes = {str(p.relative_to(issue)): _sha256(p) for p in sorted(issue.rglob("*")) if p.is_file()}
            text = (
                json.dumps({**manifest, "files": hashes}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
            )
            (issue / _MANIFEST).write_text(text, encoding="utf-8")
            for path in (*sorted(issue.rglob("*")), issue):
                _sync(path)
            identity = hashlib.sha256(text.encode()).hexdigest()[:12]
            target = self.root / f"tables-{identity}"
            current = self._issue()
            if current == target:
                return identity
            if target.exists():
                shutil.rmtree(target)
            os.rename(issue, target)
            self._link(self.root / "tables", target.name, work)
            self._link_outer(target, work)
            shutil.rmtree(self.root / "quarantine" / "rejected", ignore_errors=True)
        for old in self.root.glob("tables-*"):
            if old not in (target, current):
                shutil.rmtree(old)
        return identity

    def reject(self, quarantine: Mapping[str, Sequence[Path]]) -> Path:
        """Keep what was wrong with a refused delivery, in place of an earlier refused one.

        Returns
        -------
        Path
            The folder. The tables that count are not touched.
        """
        folder = self.root / "quarantine" / "rejected"
        folder.parent.mkdir(parents=True, exist_ok=True)
        with self.workspace() as work:
            fresh = work / "rejected"
            fresh.mkdir()
            for paths in quarantine.values():
                for path in paths:
                    shutil.move(path, fresh / path.name)
            if folder.exists():
                os.rename(folder, work / "earlier")
            os.rename(fresh, folder)
        return folder

    def manifest(self) -> dict[str, Any]:
        """Read where the tables come from; empty before the first issue."""
        issue = self._issue()
        if issue is None:
            return {}
        plain: dict[str, Any] = json.loads((issue / _MANIFEST).read_text(encoding="utf-8"))
        return plain

    def has(self, table: str) -> bool:
        """Say whether the current issue has a table."""
        return table in self._names(self._issue())

    def read(self, table: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Read a table with plain dtypes: text as str, days as datetime64, numbers as float64.

        Parameters
        ----------
        table
            Its name.
        columns
            The columns that are needed; all of them if not given.

        Raises
        ------
        UnknownTermError
            If the issue has no such table or the table no such column.
        """
        issue = self._issue()
        names = self._names(issue)
        if issue is None or table not in names:
            raise UnknownTermError(
                f'there is no table "{table}" in {self.root}.{nearest(table, names)} '
                f"It holds: {', '.join(names) or 'nothing yet; run `study ingest`'}."
            )
        return _frame(issue / f"{table}.parquet", columns)

    def quarantined(self, table: str) -> pd.DataFrame:
        """Read the rows of a table that were set aside, one line per broken rule; for the office only."""
        issue = self._issue()
        path = issue / "quarantine" / f"{table}.parquet" if issue is not None else None
        if path is None or not path.is_file():
            raise UnknownTermError(f'there is no quarantine of a table "{table}" in {self.root}.')
        return _frame(path, None)

    def query(self, sql: str) -> pd.DataFrame:
        """Put a DuckDB query to the tables of the current issue, each a view under its name.

        Raises
        ------
        UnknownTermError
            If there are no tables yet.
        """
        issue = self._issue()
        if issue is None:
            raise UnknownTermError(f"there are no tables in {self.root} yet. Run `study ingest`.")
        with duckdb.connect() as connection:
            for name in self._names(issue):
                source = str(issue / f"{name}.parquet").replace("'", "''")
                connection.execute(f"CREATE VIEW \"{name}\" AS SELECT * FROM read_parquet('{source}')")
            return _plain(connection.sql(sql).to_arrow_table())

    def _issue(self) -> Path | None:
        """Find the folder of the issue that counts, once, so that one call sees one issue."""
        link = self.root / "tables"
        return self.root / os.readlink(link) if link.is_symlink() else None

    @staticmethod
    def _names(issue: Path | None) -> tuple[str, ...]:
        return tuple(sorted(path.stem for path in issue.glob("*.parquet"))) if issue is not None else ()

    def _link_outer(self, issue: Path, work: Path) -> None:
        """Link for people: the links lead through `tables`, so they need no switch of their own."""
        self._link(self.root / _MANIFEST, f"tables/{_MANIFEST}", work)
        outer = self.root / "quarantine"
        outer.mkdir(exist_ok=True)
        wanted = {path.name for path in (issue / "quarantine").iterdir()}
        for link in outer.iterdir():
            if link.is_symlink() and link.name not in wanted:
                link.unlink()
        for name in wanted:
            self._link(outer / name, f"../tables/quarantine/{name}", work)

    def _link(self, link: Path, target: str, work: Path) -> None:
        if link.is_symlink() and os.readlink(link) == target:
            return
        if link.exists() and not link.is_symlink():
            raise QualityGateError(
                f"{link} stands where this package keeps a link of its own. Move it away and run again. "
                f"Nothing was replaced."
            )
        fresh = work / "link"
        os.symlink(target, fresh)
        os.replace(fresh, link)
        _sync(link.parent)

    def _sweep(self) -> None:
        """Remove the working folders of runs that are no longer alive."""
        for left in self.root.glob(f"{_WORK}*.lock"):
            try:
                with FileLock(left, timeout=0):
                    shutil.rmtree(left.with_suffix(""), ignore_errors=True)
            except Timeout:
                continue  # a live run works there
            left.unlink(missing_ok=True)


def _frame(path: Path, columns: Sequence[str] | None) -> pd.DataFrame:
    with pq.ParquetFile(path) as file:
        known = file.schema_arrow.names
        for column in columns or ():
            if column not in known:
                raise UnknownTermError(
                    f'table "{path.stem}" has no column "{column}".{nearest(column, known)} '
                    f"Its columns are: {', '.join(known)}."
                )
        return _plain(file.read(columns=list(columns) if columns is not None else None))


def _plain(table: pa.Table) -> pd.DataFrame:
    """Make a frame of str, float64, int64, bool and datetime64 only; see the storage contract."""
    for place, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.float64()))
        elif pa.types.is_date(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.timestamp("us")))
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    """Make sure that a file or the names in a folder survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
