"""The folder of a study's tables: raw copies by content, tables and history that switch in one step."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import duckdb
from filelock import FileLock

from studypkg.errors import DataRejectedError, LockedError
from studypkg.store import batches as books
from studypkg.store.durable import copied, hashes_of, sha256_of, share, switch_link, sync, sync_all
from studypkg.store.reading import MANIFEST, Tables
from studypkg.store.workspaces import lend_workspace


class Store(Tables):
    """The folder of processed data of one study.

    Parameters
    ----------
    root
        The folder. It is made when something is first written.
    as_of
        Read everything as it was known then: the number of a batch, a day, or a month (its last day).
        `None` reads what is known now.

    Notes
    -----
    Every issue of the tables lives in a folder of its own, named after its content::

        raw/SHA256               what was delivered; only the owner may read it
        history/NNNN-ID/         one batch, never changed again: batch.json (its account), TABLE.in.parquet
                                 (rows that came in), TABLE.out.parquet (rows that ended, and why),
                                 TABLE.overruled.parquet (rows that lost to a source of higher precedence)
        tables-ID/               one issue: TABLE.parquet, ingest.json, quarantine/TABLE.parquet and .csv,
                                 waiting/ (rows set aside, as they were delivered)
        tables -> tables-ID      the issue that counts; renaming this link is the only switch
        ingest.json, quarantine/TABLE.*    links through `tables`, so they switch with it
        quarantine/rejected/     what was wrong with a delivery that was refused

    A reader follows `tables` once and then stays with that issue; the issue before it is kept, so a
    reader that came just before a switch still finds its files. A batch counts if the issue that counts
    names it, or a batch that does; anything else in `history/` is left over from a run that died.
    """

    def snapshot(
        self, path: Path, *, sha256: str | None = None, unchanged: Callable[[], bool] | None = None
    ) -> str:
        """Keep a copy of a delivered file, named after its content, that only the owner can read.

        Parameters
        ----------
        path
            The file.
        sha256
            What its content has to be, where that is known.
        unchanged
            Says, after the copy, whether the file is still the one whose content was hashed; then the copy
            is not hashed again.

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
        folder = self.root / "raw"
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        with self.workspace() as work:
            copy = work / "snapshot"
            if sha256 is not None and unchanged is not None:
                shutil.copyfile(path, copy)
                before = sha256 if unchanged() else copied(path, copy)
            else:
                before = copied(path, copy)
            if before != (sha256 or sha256_of(path)):
                raise DataRejectedError(
                    f"{path.name} changed while it was read. Wait until it is written, and run again. "
                    f"Nothing was replaced."
                )
            if (folder / before).exists():
                return before
            copy.chmod(0o400)
            sync(copy)
            os.replace(copy, folder / before)
            sync(folder)
        return before

    def workspace(self) -> AbstractContextManager[Path]:
        """Lend a private folder beside the tables, gone afterwards; folders of dead runs are swept first."""
        return lend_workspace(self.root)

    def publish(
        self,
        tables: Mapping[str, Path | duckdb.DuckDBPyRelation],
        manifest: Mapping[str, Any],
        *,
        quarantine: Mapping[str, Sequence[Path]] | None = None,
        waiting: Mapping[str, Path] | None = None,
        history: Mapping[str, Path] | None = None,
        after: str | None = None,
    ) -> str:
        """Make new tables the ones that count, all of them in one step, and their batch part of the history.

        Parameters
        ----------
        tables
            For each table a Parquet file, which gets a second name, or a DuckDB relation, which is written.
        manifest
            Where the tables come from; plain values for JSON.
        quarantine
            For each table the files of the rows that were set aside; they are moved.
        waiting
            For each name a file of rows as they were delivered, which wait to be screened again.
        history
            The files of a new batch by their names in its folder; `None` if nothing came in or went.
        after
            Name of the batch that the tables were made from.

        Returns
        -------
        str
            Id of the issue: the same content has the same id, and publishing it again changes nothing.

        Raises
        ------
        LockedError
            If another run has published a batch since `after`.
        """
        with self._publishing(), self.workspace() as work:
            head = self.head()
            if head != after:
                raise LockedError(
                    "another run published while this one worked. Run again; nothing was replaced."
                )
            issue = work / "issue"
            for folder in ("quarantine", "waiting"):
                (issue / folder).mkdir(parents=True)
            for name, table in sorted(tables.items()):
                target = issue / f"{name}.parquet"
                if isinstance(table, Path):
                    share(table, target)
                else:
                    table.write_parquet(str(target), compression="zstd")
            for paths in (quarantine or {}).values():
                for path in paths:
                    shutil.move(path, issue / "quarantine" / path.name)
            for name, path in (waiting or {}).items():
                share(path, issue / "waiting" / name)
            if history is not None:
                head = self._add_batch(work, manifest, history, head)
            text = books.batch_text({**manifest, "batch": head, "files": hashes_of(issue)})
            (issue / MANIFEST).write_text(text, encoding="utf-8")
            sync_all(issue)
            identity = hashlib.sha256(text.encode()).hexdigest()[:12]
            target = self.root / f"tables-{identity}"
            current = self._issue()
            if current == target:
                return identity
            if target.exists():
                shutil.rmtree(target)
            os.rename(issue, target)
            wanted = self._link_outer(target, work)
            switch_link(self.root / "tables", target.name, work)
            self._unlink_outer(wanted)
            self._sweep({target, current}, head)
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

    @contextmanager
    def _publishing(self) -> Iterator[None]:
        """Let one run at a time publish, even if somebody deleted the lock of the study."""
        self.root.mkdir(parents=True, exist_ok=True)
        with FileLock(self.root / ".publish.lock"):
            yield

    def _add_batch(
        self, work: Path, account: Mapping[str, Any], files: Mapping[str, Path], head: str | None
    ) -> str:
        """Put a batch into the history; it counts only once an issue names it."""
        number = int(head.partition("-")[0]) + 1 if head else 1
        batch = work / "batch"
        batch.mkdir()
        for name, path in files.items():
            share(path, batch / name)
        text = books.batch_text({**account, "number": number, "parent": head, "files": hashes_of(batch)})
        (batch / books.BATCH_FILE).write_text(text, encoding="utf-8")
        sync_all(batch)
        name = books.batch_name(number, text)
        target = self.root / "history" / name
        target.parent.mkdir(exist_ok=True)
        target.parent.chmod(0o700)
        if target.exists():  # left over from a run that died before the switch
            shutil.rmtree(target)
        os.rename(batch, target)
        sync(target.parent)
        return name

    def _sweep(self, issues: set[Path | None], head: str | None) -> None:
        """Remove older issues, and batches that no issue names."""
        for old in self.root.glob("tables-*"):
            if old not in issues:
                shutil.rmtree(old)
        if head is not None:
            named = {batch.name for batch in books.chain(self.root / "history", head)}
            for left in (self.root / "history").iterdir():
                if left.name not in named:
                    shutil.rmtree(left)

    def _link_outer(self, issue: Path, work: Path) -> set[str]:
        """Link for people, before the switch: the links lead through `tables`, so they switch with it."""
        switch_link(self.root / MANIFEST, f"tables/{MANIFEST}", work)
        outer = self.root / "quarantine"
        outer.mkdir(exist_ok=True)
        wanted = {path.name for path in (issue / "quarantine").iterdir()}
        for name in wanted:
            switch_link(outer / name, f"../tables/quarantine/{name}", work)
        return wanted

    def _unlink_outer(self, wanted: set[str]) -> None:
        """Remove the links to files that the issue that counts does not have, and an earlier refusal."""
        outer = self.root / "quarantine"
        for link in outer.iterdir():
            if link.is_symlink() and link.name not in wanted:
                link.unlink()
        shutil.rmtree(outer / "rejected", ignore_errors=True)
