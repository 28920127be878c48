"""A run that dies anywhere leaves the state of before or the new one, and the next run ends whole."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from datetime import date
from pathlib import Path

import duckdb
import pytest

from studypkg.errors import LockedError, QualityGateError
from studypkg.store import Store

#: Every call by which a store changes the disk, besides what DuckDB writes into the private folder.
WRITES = [
    *((os, name) for name in ("rename", "replace", "symlink", "link", "fsync")),
    *((shutil, name) for name in ("rmtree", "move", "copyfile")),
    *((Path, name) for name in ("mkdir", "write_text", "chmod", "unlink")),
]


class Dead(BaseException):
    """Stands for the death of the process: nothing catches it."""


class Fuse:
    """Stops a run at one of its writes: for good, as if it had died, or once, as a full disk does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.last, self.fault, self.count = 0, Dead(), 0
        for owner, name in WRITES:
            monkeypatch.setattr(owner, name, self._guarded(getattr(owner, name)))

    def _guarded(self, real):
        def write(*given, **more):
            if self.last and threading.current_thread() is threading.main_thread():
                self.count += 1
                dead = isinstance(self.fault, Dead)
                if self.count == self.last or (dead and self.count > self.last):
                    raise self.fault
            return real(*given, **more)

        return write

    def set(self, last: int, fault: BaseException) -> None:
        self.last, self.fault, self.count = last, fault, 0


@pytest.fixture
def fuse(monkeypatch: pytest.MonkeyPatch) -> Fuse:
    return Fuse(monkeypatch)


# ------------------------------------------------------------------ every single write of the switch


def publish(store: Store, folder: Path, number: int) -> None:
    """Publish one more batch of a table of one column, with a quarantine and a row that waits."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, rows in (("now", number), ("visits.in", 1), ("waiting", 1)):
        sql = f"SELECT range AS n, 'f' AS source_file, 1 AS source_row, {number} AS _batch FROM range({rows})"
        if name == "visits.in":
            sql = sql.replace("range AS", f"{number - 1} AS")
        duckdb.sql(sql).write_parquet(str(folder / f"{name}.parquet"))
    (folder / f"visits-{number}.csv").write_text("file,row\n")
    store.publish(
        {"visits": folder / "now.parquet"},
        {"day": None, "tables": [{"table": "visits", "key": ["n"], "columns": ["n"]}]},
        quarantine={"visits": [folder / f"visits-{number}.csv"]},
        waiting={"visits.parquet": folder / "waiting.parquet"},
        history={"visits.in.parquet": folder / "visits.in.parquet"},
        after=store.head(),
    )


def seen(store: Store) -> tuple[int, list[list[int]], int]:
    """What a reader finds: rows now, rows at every batch, and damaged files."""
    past = [store.read("visits", as_of=one.number)["n"].tolist() for one in store.batches()]
    return len(store.read("visits")), past, len(store.damaged())


BEFORE, AFTER = (1, [[0]], 0), (2, [[0], [0, 1]], 0)


@pytest.mark.parametrize("kind", ["killed", "disk full"])
def test_whichever_write_of_a_publish_fails_readers_see_the_old_state_or_the_new_one(
    tmp_path: Path, fuse: Fuse, kind: str
) -> None:
    reached, outcomes, store = 0, [], Store(tmp_path / "store")
    publish(Store(tmp_path / "first"), tmp_path / "made", 1)
    for last in range(1, 500):
        shutil.rmtree(store.root, ignore_errors=True)
        shutil.copytree(tmp_path / "first", store.root, symlinks=True)
        fuse.set(last, Dead() if kind == "killed" else OSError(errno.ENOSPC, "no room"))
        try:
            publish(store, tmp_path / "made", 2)
        except (Dead, OSError):
            reached = last
        broke = fuse.count >= last
        fuse.set(0, Dead())
        found = seen(store)
        assert found in (BEFORE, AFTER), last
        outcomes.append(found == AFTER)
        if last % 3 == 0 or found == AFTER:
            # whatever is left over, the next run ends whole and sweeps it
            number = 3 if found == AFTER else 2
            publish(store, tmp_path / "made", number)
            assert seen(store)[1][-1] == list(range(number)), last
            assert len(list((store.root / "history").iterdir())) == number
            assert not [path.name for path in store.root.iterdir() if path.name.startswith(".work")]
        if not broke:
            break
    assert reached > 20
    if kind == "killed":
        assert outcomes == sorted(outcomes), "one write switches: before it all is old, after it all is new"


# ------------------------------------------------------------------ a whole run


def second_month(inbox) -> None:
    inbox.episodes("e1 2026-01-05 -", "e2 2026-01-12 -", "e3 2026-02-01 -")
    inbox.scores("e1 2026-01-05 7", "e1 2026-02-05 4", "e3 2026-02-05 7/10", "e3 2026-02-06 3")


def state(inbox) -> tuple:
    names = ("episodes", "assessments")
    numbers = [batch.number for batch in inbox.store.batches()]
    past = [inbox.table(name, as_of=number) for number in numbers for name in names]
    return [inbox.table(name) for name in names], past, inbox.store.damaged()


def test_a_full_disk_says_so_and_leaves_everything_as_it_was(inbox, fuse) -> None:
    inbox.deliver("2026-03-01")
    before = state(inbox)
    second_month(inbox)
    for last in (1, 5, 9, 14, 20):
        fuse.set(last, OSError(errno.ENOSPC, "no room"))
        with pytest.raises(QualityGateError, match="Nothing was replaced"):
            inbox.deliver("2026-04-01")
        fuse.set(0, Dead())
        assert state(inbox) == before
    inbox.deliver("2026-04-01")
    assert len(inbox.store.batches()) == 2


def test_a_run_killed_by_the_system_is_swept_up_by_the_next(inbox) -> None:
    inbox.deliver("2026-03-01")
    before = state(inbox)
    second_month(inbox)
    script = (
        "import os, pickle, sys\n"
        "from pathlib import Path\n"
        "from studypkg.config import check_study\n"
        "from studypkg.records.ingest import ingest\n"
        "from studypkg.store import Store\n"
        "from studypkg.store import folder\n"
        "folder.switch_link = lambda *given: os.kill(os.getpid(), 9)\n"
        "root = Path(sys.argv[1])\n"
        "raw = {'study': {'name': 'test'}, 'sources': [{'table': 'episodes', 'path': 'e.csv'},\n"
        "       {'table': 'assessments', 'path': 'a.csv'}], 'screening': {'max_bad_share': 1.0},\n"
        "       'outcomes': {'pain': {'instrument': 'nprs'}}}\n"
        "ingest(check_study(raw, root=root), Store(root / 'data/processed'), cutoff=None,\n"
        "       gate=lambda *given: None, threads=1)\n"
    )
    run = subprocess.run([sys.executable, "-c", script, str(inbox.root)], check=False)
    assert run.returncode == -signal.SIGKILL
    assert len(list((inbox.store.root / "history").iterdir())) == 2, "a batch that no issue names"
    assert state(inbox) == before
    inbox.deliver("2026-04-01")
    assert [batch.number for batch in inbox.store.batches()] == [1, 2]
    assert len(list((inbox.store.root / "history").iterdir())) == 2
    assert not list(inbox.store.root.glob(".work*"))


# ------------------------------------------------------------------ two runs at once


def test_of_two_runs_at_once_the_slower_is_refused_and_replaces_nothing(inbox) -> None:
    inbox.deliver("2026-03-01")

    def meanwhile(*given) -> None:
        if len(inbox.store.batches()) == 1:
            inbox.scores("e1 2026-01-05 1")
            inbox.deliver("2026-04-02")
            second_month(inbox)

    second_month(inbox)
    with pytest.raises(LockedError, match="another run published"):
        inbox.deliver("2026-04-01", gate=meanwhile)
    assert inbox.table() == [("e1", "2026-01-05", 1.0)]
    assert len(inbox.store.batches()) == 2


def test_a_slow_run_that_changes_no_row_does_not_put_the_older_tables_back(inbox) -> None:
    inbox.deliver("2026-03-01")
    first = (inbox.root / "a.csv").read_bytes()

    def meanwhile(*given) -> None:
        if len(inbox.store.batches()) == 1:
            inbox.scores("e1 2026-01-05 1")
            inbox.deliver("2026-04-02")
            (inbox.root / "a.csv").write_bytes(first)

    # The same files under a cut-off: screened again, nothing comes of it, and there is no batch to add.
    with pytest.raises(LockedError, match="another run published"):
        inbox.deliver("2026-04-01", cutoff=date(2026, 4, 1), gate=meanwhile)
    assert inbox.table() == [("e1", "2026-01-05", 1.0)]
