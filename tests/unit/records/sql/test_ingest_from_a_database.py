"""From a database to screened tables: the same door as for a file, and nothing of it in what is left."""

import csv
import json
from datetime import date

import duckdb
import pytest

from studypkg.config import check_study
from studypkg.errors import ConfigError
from studypkg.records import ingest
from studypkg.store import Store

SCORES = """
SELECT * FROM (VALUES
    ('e1', timestamp '2026-01-05', numeric '7', 'intake'),
    ('e1', timestamp '2026-02-05', numeric 'NaN', 'interim'),
    ('e1', timestamp 'infinity', numeric '3', 'interim'),
    ('e1', timestamp '2026-03-02', numeric '2.50', 'discharge')
) AS s (episode_id, date, score, role)
"""


@pytest.fixture
def study(tmp_path):
    """A study whose episodes lie in a DuckDB file and whose scores lie in PostgreSQL."""
    with duckdb.connect(str(tmp_path / "clinic.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE episodes AS SELECT 'p1' AS patient_id, 'e1' AS episode_id, 'c1' AS clinic_id, "
            "DATE '2026-01-05' AS start_date, 'ITBS' AS condition"
        )
    sources = [
        {"table": "episodes", "kind": "sql", "path": "clinic.duckdb", "sql": {"relation": "episodes"}},
        {
            "table": "assessments",
            "kind": "sql",
            "sql": {"url_variable": "CLINIC_DB", "query": SCORES},
            "constants": {"instrument": "nprs", "context": "worst_24h"},
        },
    ]
    raw = {"study": {"name": "test"}, "sources": sources, "screening": {"max_bad_share": 0.5}}
    return check_study(raw, root=tmp_path)


def deliver(study):
    store = Store(study.root / "out")
    return store, ingest(study, store, cutoff=date(2026, 6, 1), gate=lambda *_: None, threads=1)


def test_odd_values_are_quarantined_and_the_rest_is_accepted(visits, study):
    store, result = deliver(study)
    episodes, scores = result.sources
    assert (episodes.accepted, episodes.file) == (1, "episodes (clinic.duckdb)")
    assert (scores.read, scores.accepted, scores.quarantined) == (4, 2, 2)
    assert scores.file == "query (CLINIC_DB)"
    assert sorted(store.read("assessments")["score"]) == [2.5, 7.0]
    with (store.root / "quarantine" / "assessments.csv").open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [(line["row"], line["rule"]) for line in lines] == [("2", "NOT_A_NUMBER"), ("3", "NOT_A_DATE")]
    assert json.loads(lines[1]["raw"])["date"] == "infinity"


def test_nothing_that_is_left_names_the_server_or_the_password(visits, study):
    store, _ = deliver(study)
    for path in store.root.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"s3cret" not in content, path
            assert b"127.0.0.1" not in content, path


def test_an_unchanged_database_is_an_unchanged_delivery(visits, study):
    deliver(study)
    assert deliver(study)[1].unchanged


def test_a_refused_read_replaces_nothing(visits, study, monkeypatch):
    store, _ = deliver(study)
    before = store.manifest()
    monkeypatch.setenv("CLINIC_DB", visits.url(password="wrong"))
    with pytest.raises(ConfigError, match="refuses the user or the password"):
        deliver(study)
    assert store.manifest() == before
    assert len(store.read("assessments")) == 2
