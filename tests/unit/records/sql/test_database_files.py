"""DuckDB and SQLite files: read as they are, never written, and no way from them to other files."""

import sqlite3

import duckdb
import pyarrow.parquet as pq
import pytest

from studypkg.errors import ConfigError, DataRejectedError
from studypkg.records import sql as package


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "secret.csv").write_text("canary\n1\n")
    return tmp_path


@pytest.fixture
def clinic_duckdb(folder):
    with duckdb.connect(str(folder / "clinic.duckdb")) as connection:
        connection.execute("CREATE SCHEMA front")
        connection.execute("CREATE TABLE front.visits (id VARCHAR, pain DECIMAL(4,2), seen DATE)")
        connection.execute("INSERT INTO front.visits VALUES ('007', 7.5, '2026-01-05'), ('1E5', NULL, NULL)")
    return folder


@pytest.fixture
def clinic_sqlite(folder):
    with sqlite3.connect(folder / "clinic.sqlite") as connection:
        connection.execute("CREATE TABLE visits (id TEXT, pain REAL, seen TEXT)")
        connection.executemany(
            "INSERT INTO visits VALUES (?, ?, ?)", [("007", 7.0, "2026-01-05"), ("1E5", None, None)]
        )
    connection.close()
    return folder


@pytest.fixture
def fetch(source, folder):
    def fetching(path, **block):
        (file,) = package.fetch(source(path=path, **block), folder, folder / "work")
        return pq.read_table(file).to_pylist()

    return fetching


def state(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


ROWS = [{"id": "007", "seen": "2026-01-05"}, {"id": "1E5", "seen": None}]


def test_duckdb_by_relation_and_by_query(clinic_duckdb, fetch):
    before = state(clinic_duckdb)
    assert fetch("clinic.duckdb", relation="front.visits", columns=("id", "seen")) == ROWS
    assert fetch("clinic.duckdb", query="SELECT id, seen FROM front.visits -- all of them") == ROWS
    assert fetch("clinic.duckdb", relation="front.visits")[0]["pain"] == "7.50"
    assert state(clinic_duckdb) == before


def test_sqlite_by_relation_and_by_query(clinic_sqlite, fetch):
    before = state(clinic_sqlite)
    assert fetch("clinic.sqlite", relation="visits", columns=("id", "seen")) == ROWS
    assert fetch("clinic.sqlite", query="SELECT id, seen FROM visits WHERE id LIKE '%' ORDER BY 1") == ROWS
    assert fetch("clinic.sqlite", relation="visits")[0]["pain"] == "7"
    assert state(clinic_sqlite) == before


def test_a_file_named_by_the_environment(clinic_sqlite, clinic_duckdb, source, monkeypatch):
    for address in ("sqlite:///clinic.sqlite", f"duckdb:///{clinic_duckdb}/clinic.duckdb"):
        monkeypatch.setenv("CLINIC_DB", address)
        relation = "visits" if "sqlite" in address else "front.visits"
        (file,) = package.fetch(source(relation=relation), clinic_sqlite, clinic_sqlite / relation)
        assert pq.read_table(file)["id"].to_pylist() == ["007", "1E5"]


def test_every_type_of_duckdb_is_written_in_one_way(clinic_duckdb, fetch):
    cases = {
        "whole": ("7::TINYINT", "7"),
        "big": ("170141183460469231731687303715884105727", "170141183460469231731687303715884105727"),
        "exact": ("1.50::DECIMAL(9,2)", "1.50"),
        "float": ("7.0::DOUBLE", "7"),
        "odd": ("'nan'::DOUBLE", "nan"),
        "single": ("0.1::FLOAT", "0.1"),
        "flag": ("true", "true"),
        "day": ("DATE '2026-01-05'", "2026-01-05"),
        "never": ("DATE 'infinity'", "infinity"),
        "midnight": ("TIMESTAMP '2026-01-05 00:00:00'", "2026-01-05"),
        "stamp": ("TIMESTAMP '2026-01-05 13:45:30'", "2026-01-05 13:45:30"),
        "code": ("'left'::ENUM('left', 'right')", "left"),
        "nothing": ("NULL", None),
    }
    listed = ", ".join(f"{expression} AS {name}" for name, (expression, _) in cases.items())
    assert fetch("clinic.duckdb", query=f"SELECT {listed}") == [{n: text for n, (_, text) in cases.items()}]


def test_instants_of_duckdb(clinic_duckdb, fetch):
    query = "SELECT TIMESTAMPTZ '2026-01-06 03:30:00+00' AS late"
    with pytest.raises(DataRejectedError, match=r'"late" holds an instant with a time zone.*timezone ='):
        fetch("clinic.duckdb", query=query)
    rows = fetch("clinic.duckdb", query=query, timezone="America/New_York")
    assert rows == [{"late": "2026-01-05 22:30:00"}]


@pytest.mark.parametrize("odd", ["[1, 2]", "{'a': 1}", "'x'::BLOB", "INTERVAL 1 DAY", "'{}'::JSON"])
def test_duckdb_types_without_one_text(clinic_duckdb, fetch, odd):
    with pytest.raises(DataRejectedError, match='column "odd" holds'):
        fetch("clinic.duckdb", query=f"SELECT {odd} AS odd")


def test_sqlite_bytes_are_refused_by_column(clinic_sqlite, fetch):
    with pytest.raises(DataRejectedError, match=r'query \(clinic.sqlite\): the column "photo" holds bytes'):
        fetch("clinic.sqlite", query="SELECT 1 AS id, x'00ff' AS photo")


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM visits",
        "INSERT INTO visits (id) VALUES ('x') RETURNING id",
        "SELECT 1; DROP TABLE visits",
        "CREATE TABLE other (a INTEGER)",
        "ATTACH 'FOLDER/secret.csv' AS other",
        "ATTACH 'file:FOLDER/made.db?mode=rwc' AS other",
        "PRAGMA query_only = OFF",
        "PRAGMA journal_mode = DELETE",
        "VACUUM INTO 'FOLDER/made.db'",
        "SELECT load_extension('FOLDER/x.so')",
        "SELECT writefile('FOLDER/made', 'x')",
        "",
    ],
)
def test_a_query_of_sqlite_only_reads_its_file(clinic_sqlite, fetch, query):
    before = state(clinic_sqlite)
    with pytest.raises((ConfigError, DataRejectedError)) as caught:
        fetch("clinic.sqlite", query=query.replace("FOLDER", str(clinic_sqlite)))
    assert "canary" not in str(caught.value)
    assert state(clinic_sqlite) == before


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM front.visits",
        "INSERT INTO front.visits (id) VALUES ('x') RETURNING id",
        "SELECT 1; DROP TABLE front.visits",
        "CREATE TABLE other AS SELECT 1",
        "SELECT * FROM read_csv('FOLDER/secret.csv')",
        "SELECT * FROM 'FOLDER/secret.csv'",
        "COPY front.visits TO 'FOLDER/made.csv'",
        "SELECT * FROM glob('FOLDER/*')",
        "ATTACH 'FOLDER/made.duckdb' AS other",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "SELECT getenv('HOME')",
        "",
    ],
)
def test_a_query_of_duckdb_only_reads_its_file(clinic_duckdb, fetch, query):
    before = state(clinic_duckdb)
    with pytest.raises((ConfigError, DataRejectedError)) as caught:
        fetch("clinic.duckdb", query=query.replace("FOLDER", str(clinic_duckdb)))
    assert "canary" not in str(caught.value)
    assert str(clinic_duckdb) not in str(caught.value)
    assert state(clinic_duckdb) == before


@pytest.mark.parametrize(("path", "prefix"), [("clinic.duckdb", "front."), ("clinic.sqlite", "")])
def test_names_are_only_names(clinic_duckdb, clinic_sqlite, fetch, path, prefix):
    for relation in (f'{prefix}visits"; DROP TABLE visits; --', f"{prefix}visits WHERE 1=1", "(SELECT 1) q"):
        with pytest.raises(ConfigError):
            fetch(path, relation=relation)
    with pytest.raises(ConfigError):
        fetch(path, relation=f"{prefix}visits", columns=('id" FROM x --',))
    assert len(fetch(path, relation=f"{prefix}visits")) == 2


ENDLESS = {
    "clinic.duckdb": "SELECT count(*) FROM range(9000000000) a, range(9000000000) b WHERE a.range < -b.range",
    "clinic.sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
}


@pytest.mark.parametrize("path", ENDLESS)
def test_a_query_that_never_ends_is_stopped(clinic_duckdb, clinic_sqlite, fetch, path):
    with pytest.raises(DataRejectedError, match="timeout_seconds"):
        fetch(path, query=ENDLESS[path], timeout_seconds=1)


def test_text_of_sqlite_that_is_no_text_is_not_quoted(clinic_sqlite, fetch):
    with sqlite3.connect(clinic_sqlite / "clinic.sqlite") as connection:
        connection.execute("INSERT INTO visits (id) VALUES (CAST(x'63616e617279ff' AS TEXT))")
    connection.close()
    with pytest.raises(DataRejectedError, match="not UTF-8") as caught:
        fetch("clinic.sqlite", relation="visits")
    assert "canary" not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"


def test_a_document_is_no_value(clinic_sqlite, clinic_duckdb, fetch):
    with pytest.raises(DataRejectedError, match='"note" holds a text of more than'):
        fetch("clinic.sqlite", query="SELECT printf('%2000000s', 'x') AS note")
    with pytest.raises(DataRejectedError, match='"note" holds a document'):
        fetch("clinic.duckdb", query="SELECT repeat('x', 2000000) AS note")


def test_what_is_no_database(folder, fetch):
    with pytest.raises(DataRejectedError, match="neither a DuckDB nor a SQLite file"):
        fetch("secret.csv", relation="visits")
    with pytest.raises(DataRejectedError, match="there is no such file"):
        fetch("none.duckdb", relation="visits")
    for name, head in (
        ("a.duckdb", b"12345678DUCK" + b"x" * 9000),
        ("a.sqlite", b"SQLite format 3\0" + b"x" * 99),
    ):
        (folder / name).write_bytes(head + b"x" * 9000)
        with pytest.raises((ConfigError, DataRejectedError), match=rf"visits \({name}\): "):
            fetch(name, relation="visits")


def test_what_is_there_is_said_without_asking(clinic_duckdb, source, monkeypatch):
    assert package.look(source(path="clinic.duckdb", relation="x"), clinic_duckdb) == (
        True,
        "clinic.duckdb: x",
    )
    assert package.look(source(path="no.duckdb", relation="x"), clinic_duckdb)[0] is False
    monkeypatch.delenv("CLINIC_DB", raising=False)
    there, told = package.look(source(query="SELECT 1"), clinic_duckdb)
    assert not there
    assert "CLINIC_DB is not set" in told
