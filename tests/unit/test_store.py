"""Tests of the store: what is kept, what is swapped, what a dead run leaves behind."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from studypkg.errors import DataRejectedError, QualityGateError, UnknownTermError
from studypkg.store import Store

ROWS = """
    SELECT * FROM (VALUES
        ('e1', TIMESTAMP '2026-01-05', 7.0::DOUBLE, NULL),
        ('e2', NULL, NULL::DOUBLE, 'yes')) t(episode_id, end_date, score, surgical)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "processed")


def publish(store: Store, sql: str, manifest: dict[str, object] | None = None, name: str = "episodes") -> str:
    with duckdb.connect() as connection:
        return store.publish({name: connection.sql(sql)}, manifest or {})


def test_a_new_store_is_empty(store: Store) -> None:
    assert store.manifest() == {}
    assert not store.has("episodes")
    with pytest.raises(UnknownTermError, match="study ingest"):
        store.read("episodes")
    with pytest.raises(UnknownTermError, match="no tables"):
        store.query("SELECT 1")


def test_a_table_comes_back_with_plain_dtypes(store: Store) -> None:
    publish(store, ROWS)
    frame = store.read("episodes")
    assert [str(t) for t in frame.dtypes] == ["str", "datetime64[us]", "float64", "str"]
    assert frame["end_date"][0] == pd.Timestamp("2026-01-05")
    assert np.isnan(frame["score"][1])
    assert list(store.read("episodes", ["score"]).columns) == ["score"]


def test_a_query_sees_the_tables_by_name_and_returns_plain_dtypes(store: Store) -> None:
    publish(store, ROWS)
    frame = store.query("SELECT count(*) AS n, sum(1) AS s, min(end_date)::DATE AS d FROM episodes")
    assert [str(t) for t in frame.dtypes] == ["int64", "float64", "datetime64[us]"]
    assert frame.iloc[0].tolist() == [2, 2.0, pd.Timestamp("2026-01-05")]


def test_unknown_tables_and_columns_are_named_with_the_nearest(store: Store) -> None:
    publish(store, ROWS)
    with pytest.raises(UnknownTermError, match='Did you mean "episodes"'):
        store.read("episode")
    with pytest.raises(UnknownTermError, match='Did you mean "score"'):
        store.read("episodes", ["scor"])


def test_the_contract_paths_lead_to_the_current_issue(store: Store, tmp_path: Path) -> None:
    fault = tmp_path / "episodes.csv"
    fault.write_text("file,row\n")
    with duckdb.connect() as connection:
        store.publish({"episodes": connection.sql(ROWS)}, {"a": 1}, quarantine={"episodes": [fault]})
    assert pd.read_parquet(store.root / "tables" / "episodes.parquet").shape == (2, 4)
    assert (store.root / "quarantine" / "episodes.csv").read_text() == "file,row\n"
    assert '"a": 1' in (store.root / "ingest.json").read_text()
    assert not fault.exists()


def test_publishing_replaces_all_tables_at_once(store: Store) -> None:
    publish(store, ROWS, name="episodes")
    publish(store, ROWS, name="visits")
    assert store.has("visits")
    assert not store.has("episodes")


def test_the_same_content_is_the_same_issue(store: Store) -> None:
    first = publish(store, ROWS, {"a": 1})
    inode = os.stat(store.root / "tables" / "episodes.parquet").st_ino
    assert publish(store, ROWS, {"a": 1}) == first
    assert os.stat(store.root / "tables" / "episodes.parquet").st_ino == inode
    assert publish(store, ROWS, {"a": 2}) != first


def test_the_issue_before_stays_for_slow_readers_and_older_ones_go(store: Store) -> None:
    issues = [publish(store, ROWS, {"a": number}) for number in range(3)]
    left = {path.name for path in store.root.glob("tables-*")}
    assert left == {f"tables-{issues[1]}", f"tables-{issues[2]}"}


def test_a_publish_that_fails_leaves_the_old_tables(store: Store, tmp_path: Path) -> None:
    publish(store, ROWS, {"a": 1})
    with pytest.raises(FileNotFoundError):
        store.publish({"episodes": tmp_path / "absent.parquet"}, {"a": 2})
    assert store.manifest()["a"] == 1
    assert len(store.read("episodes")) == 2
    assert not list(store.root.glob(".work-*"))


def test_a_foreign_folder_in_the_way_is_not_replaced(store: Store) -> None:
    (store.root / "tables").mkdir(parents=True)
    with pytest.raises(QualityGateError, match="Move it away"):
        publish(store, ROWS)


def test_a_snapshot_is_named_after_its_content_and_read_only(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "delivery.csv"
    file.write_bytes(b"a,b\n1,2\n")
    sha = store.snapshot(file)
    assert sha == hashlib.sha256(b"a,b\n1,2\n").hexdigest()
    kept = store.root / "raw" / sha
    assert kept.read_bytes() == b"a,b\n1,2\n"
    assert kept.stat().st_mode & 0o777 == 0o400
    assert store.snapshot(file) == sha


def test_a_snapshot_of_a_file_that_changed_since_it_was_hashed_is_refused(
    store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "delivery.csv"
    file.write_bytes(b"a,b\n1,2\n")
    known = hashlib.sha256(b"a,b\n1,2\n").hexdigest()
    assert store.snapshot(file, sha256=known, unchanged=lambda: True) == known
    # What only seems to have changed is hashed again.
    assert store.snapshot(file, sha256=known, unchanged=lambda: False) == known
    file.write_bytes(b"a,b\n1,3\n")
    with pytest.raises(DataRejectedError, match="changed while it was read"):
        store.snapshot(file, sha256=known, unchanged=lambda: False)


def test_a_snapshot_of_nothing_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(DataRejectedError, match=r"absent\.csv"):
        store.snapshot(tmp_path / "absent.csv")


def test_folders_of_dead_runs_are_swept_and_those_of_live_runs_are_not(store: Store) -> None:
    script = (
        "import os, sys; from pathlib import Path; from studypkg.store import Store\n"
        "space = Store(Path(sys.argv[1])).workspace(); (space.__enter__() / 'half').write_text('x')\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(store.root)], check=False)
    dead = [path for path in store.root.glob(".work-*") if path.is_dir()]
    assert len(dead) == 1
    with store.workspace() as live:
        assert not dead[0].exists()
        with store.workspace():
            assert live.exists()
    assert not list(store.root.glob(".work-*"))


def test_a_refused_delivery_leaves_its_faults_until_the_next_good_one(store: Store, tmp_path: Path) -> None:
    publish(store, ROWS, {"a": 1})
    for text in ("first", "second"):
        fault = tmp_path / "visits.csv"
        fault.write_text(text)
        folder = store.reject({"visits": [fault]})
    assert (folder / "visits.csv").read_text() == "second"
    assert store.manifest()["a"] == 1
    publish(store, ROWS, {"a": 2})
    assert not folder.exists()
