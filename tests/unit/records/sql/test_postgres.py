"""PostgreSQL, for real: what the server holds becomes text, and nothing but reading is possible."""

import pyarrow.parquet as pq
import pytest

from studypkg.errors import ConfigError, DataRejectedError
from studypkg.records import sql as package
from studypkg.records.sql import server


@pytest.fixture
def fetch(source, tmp_path):
    """Fetch a source and give its rows as dictionaries, as they lie in the file."""

    def fetching(**block):
        (path,) = package.fetch(source(**block), tmp_path, tmp_path / "work")
        return pq.read_table(path).to_pylist()

    return fetching


def test_a_relation_and_a_query_give_the_same_rows(visits, fetch):
    rows = [
        {"id": "007", "pain": "7.50", "seen": "2026-01-05"},
        {"id": "1E5", "pain": None, "seen": "2026-02-06"},
    ]
    assert fetch(relation="front.visits") == rows
    assert fetch(relation="front.visits", columns=("id", "pain", "seen")) == rows
    assert fetch(query="SELECT * FROM front.visits ORDER BY id") == rows


def test_every_type_is_written_in_one_way(visits, fetch):
    cases = {
        "whole": ("7::int2", "7"),
        "big": ("12345678901::int8", "12345678901"),
        "exact": ("1.50::numeric", "1.50"),
        "long": ("12345678901234567890.123456789::numeric", "12345678901234567890.123456789"),
        "not_a_number": ("'NaN'::numeric", "NaN"),
        "endless": ("'Infinity'::float8", "Infinity"),
        "float": ("7::float8", "7"),
        "third": ("(1/3.0)::float8", "0.3333333333333333"),
        "single": ("0.1::float4", "0.1"),
        "flag": ("true", "true"),
        "no": ("false", "false"),
        "day": ("date '2026-01-05'", "2026-01-05"),
        "never": ("date 'infinity'", "infinity"),
        "ancient": ("date '0044-03-15 BC'", "0044-03-15 BC"),
        "far": ("timestamp '20000-01-01'", "20000-01-01"),
        "midnight": ("timestamp '2026-01-05'", "2026-01-05"),
        "stamp": ("timestamp '2026-01-05 13:45:30.25'", "2026-01-05 13:45:30.25"),
        "forever": ("timestamp '-infinity'", "-infinity"),
        "time": ("time '13:45'", "13:45:00"),
        "text": ("E'a\\tb'", "a\tb"),
        "fixed": ("'ab'::char(4)", "ab  "),
        "uuid": ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        "percent": ("'100 %s :x'", "100 %s :x"),
        "nothing": ("NULL", None),
    }
    listed = ", ".join(f"{expression} AS {name}" for name, (expression, _) in cases.items())
    assert fetch(query=f"SELECT {listed}") == [{name: text for name, (_, text) in cases.items()}]


def test_own_types_of_text_are_text(visits, fetch):
    visits.execute("CREATE TYPE front.side AS ENUM ('left', 'right')", "CREATE DOMAIN front.score AS int")
    assert fetch(query="SELECT 'left'::front.side AS side, 7::front.score AS score") == [
        {"side": "left", "score": "7"}
    ]


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("ARRAY[1, 2]", "a list"),
        ("'{}'::jsonb", "JSON"),
        ("'{}'::json", "JSON"),
        ("'\\x00'::bytea", "bytes"),
        ("interval '1 day'", "span of time"),
        ("int4range(1, 2)", "a range"),
        ("ROW(1, 2)", "structure"),
        ("now()", "time zone.*timezone ="),
        ("'12:00+01'::timetz", "one text"),
        ("'1'::money", "one text"),
        ("'10.0.0.1'::inet", "address"),
    ],
)
def test_types_without_one_text_are_refused_by_column(visits, fetch, expression, kind):
    with pytest.raises(DataRejectedError, match=rf'query \(CLINIC_DB\): the column "odd" .*{kind}'):
        fetch(query=f"SELECT 1 AS id, {expression} AS odd")


def test_instants_become_local_time_of_the_declared_zone(visits, fetch):
    query = """SELECT timestamptz '2026-01-06 03:30:00+00' AS late,
        timestamptz '2026-07-06 04:00:00+00' AS summer,
        timestamptz 'infinity' AS never, NULL::timestamptz AS none"""
    assert fetch(query=query, timezone="America/New_York") == [
        {"late": "2026-01-05 22:30:00", "summer": "2026-07-06", "never": "infinity", "none": None}
    ]


def test_many_rows_come_in_batches(visits, fetch, monkeypatch):
    seen = []
    write = server.write_rows

    def watched(target, names, batches, *, place):
        def counted():
            for batch in batches:
                seen.append(len(batch[0]))
                yield batch

        write(target, names, counted(), place=place)

    monkeypatch.setattr(server, "write_rows", watched)
    rows = fetch(query="SELECT g AS id FROM generate_series(1, 25000) g")
    assert [row["id"] for row in rows] == [str(number) for number in range(1, 25001)]
    assert seen == [10_000, 10_000, 5_000]


def test_no_rows_keep_their_columns(visits, source, tmp_path):
    (path,) = package.fetch(source(query="SELECT id FROM front.visits WHERE false"), tmp_path, tmp_path)
    assert pq.read_schema(path).names == ["id"]
    assert pq.read_metadata(path).num_rows == 0


def test_one_moment_is_seen_although_others_write(visits, fetch, monkeypatch):
    visits.execute(
        "INSERT INTO front.visits SELECT 'x' || g, 1, '2026-03-01' FROM generate_series(1, 30000) g"
    )
    columns_of = server.columns_of
    done = []

    def writing(*arguments):
        if not done:
            done.append(True)
            visits.execute("DELETE FROM front.visits", "INSERT INTO front.visits VALUES ('new', 1, NULL)")
        return columns_of(*arguments)

    monkeypatch.setattr(server, "columns_of", writing)
    rows = fetch(relation="front.visits")
    assert len(rows) == 30_002
    assert all(row["id"] != "new" for row in rows)


# ------------------------------------------------------------------ nothing but reading
@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM front.visits RETURNING *",
        "SELECT 1; DROP TABLE front.visits",
        "SELECT 1 AS a; COMMIT; DROP TABLE front.visits",
        "WITH gone AS (DELETE FROM front.visits RETURNING *) SELECT * FROM gone",
        "SELECT * INTO front.copy FROM front.visits",
        "SELECT * FROM front.visits FOR UPDATE",
        "CREATE TABLE front.other (a int)",
        "COPY front.visits TO '/tmp/study-copied'",
        "TRUNCATE front.visits",
        "",
    ],
)
def test_what_is_not_one_select_changes_nothing(visits, fetch, query):
    with pytest.raises(ConfigError, match=r"query \(CLINIC_DB\): "):
        fetch(query=query)
    assert len(fetch(relation="front.visits")) == 2


@pytest.mark.parametrize(
    ("block", "columns"),
    [
        ({"relation": 'front.visits"; DROP TABLE front.visits; --'}, ()),
        ({"relation": "front.visits; DROP TABLE front.visits"}, ()),
        ({"relation": "front.visits WHERE (SELECT 1)=1"}, ()),
        ({"relation": "front.visits"}, ("id FROM front.visits; DROP TABLE front.visits --",)),
        ({"relation": "front.visits"}, ('id", (SELECT 1) AS "x',)),
        ({"relation": "(SELECT 1 AS a) q"}, ()),
    ],
)
def test_names_are_only_names(visits, fetch, block, columns):
    with pytest.raises(ConfigError, match=r"\(CLINIC_DB\): (there is no such|a column that is named)"):
        fetch(**block, columns=columns)
    assert len(fetch(relation="front.visits")) == 2


def test_odd_names_that_exist_are_found(visits, fetch):
    visits.execute('CREATE TABLE front."Visit %s; list" ("Pain ""now"" %(x)s" int)')
    visits.execute('INSERT INTO front."Visit %s; list" VALUES (3)')
    assert fetch(relation="front.Visit %s; list", columns=('Pain "now" %(x)s',)) == [
        {'Pain "now" %(x)s': "3"}
    ]


# ------------------------------------------------------------------ when it goes wrong
def refusal(fetch, **block):
    with pytest.raises((ConfigError, DataRejectedError)) as caught:
        fetch(**block)
    fault = caught.value
    told = f"{fault} {fault.__cause__} {fault.__context__} {vars(fault)}"
    for secret in ("s3cret", "127.0.0.1", "owner:", "canary"):
        assert secret not in told
    return fault


def test_a_wrong_password(visits, fetch, monkeypatch):
    monkeypatch.setenv("CLINIC_DB", visits.url(password="canary"))
    fault = refusal(fetch, relation="front.visits")
    assert fault.exit_code == 10
    assert "refuses the user or the password" in str(fault)


def test_an_unknown_database(visits, fetch, monkeypatch):
    monkeypatch.setenv("CLINIC_DB", visits.url(database="canary"))
    assert "no database of that name" in str(refusal(fetch, relation="front.visits"))


def test_no_server(visits, fetch, monkeypatch):
    monkeypatch.setenv("CLINIC_DB", "postgresql://owner:s3cret@127.0.0.1:1/clinic")
    assert "cannot be reached" in str(refusal(fetch, relation="front.visits"))


def test_an_unknown_table_column_and_schema(visits, fetch):
    assert "no such table or view" in str(refusal(fetch, relation="front.other"))
    assert "no such table or view" in str(refusal(fetch, relation="other.visits"))
    assert "column that is named" in str(refusal(fetch, relation="front.visits", columns=("other",)))


def test_a_user_without_the_right(visits, fetch, monkeypatch):
    visits.execute(
        "DROP ROLE IF EXISTS guest",
        "CREATE ROLE guest LOGIN PASSWORD 'canary'",
        "GRANT USAGE ON SCHEMA front TO guest",
    )
    monkeypatch.setenv("CLINIC_DB", visits.url(user="guest", password="canary"))
    fault = refusal(fetch, relation="front.visits")
    assert fault.exit_code == 10
    assert "may not read" in str(fault)


def test_a_value_that_cannot_be_computed_is_not_quoted(visits, fetch):
    visits.execute("INSERT INTO front.visits VALUES ('canary-patient', 0, NULL)")
    assert refusal(fetch, query="SELECT id::int FROM front.visits WHERE id LIKE 'canary%'").exit_code == 11


def test_a_read_that_takes_too_long(visits, fetch):
    fault = refusal(fetch, query="SELECT pg_sleep(30)::text AS slept", timeout_seconds=1)
    assert fault.exit_code == 11
    assert "timeout_seconds" in str(fault)


def test_a_server_that_dies_while_it_is_read(visits, fetch, monkeypatch, tmp_path, capfd):
    columns_of = server.columns_of
    killed = []

    def killing(*arguments):
        if not killed:
            killed.append(True)
            visits.stop()
        return columns_of(*arguments)

    monkeypatch.setattr(server, "columns_of", killing)
    try:
        fault = refusal(fetch, query="SELECT 'canary' AS a FROM generate_series(1, 200000)")
    finally:
        visits.start()
    assert fault.exit_code == 11
    assert "lost" in str(fault) or "shut down" in str(fault)
    assert not list(tmp_path.rglob("query*"))
    assert capfd.readouterr().err == ""


def test_two_columns_of_one_name(visits, fetch):
    with pytest.raises(DataRejectedError, match="more than once"):
        fetch(query="SELECT 1 AS a, 2 AS a")


def test_the_variable_is_not_set_or_no_address(visits, fetch, monkeypatch):
    monkeypatch.setenv("CLINIC_DB", "canary//owner:s3cret")
    assert "holds no address" in str(refusal(fetch, relation="front.visits"))
    monkeypatch.delenv("CLINIC_DB")
    assert "CLINIC_DB is not set" in str(refusal(fetch, relation="front.visits"))


def test_a_database_whose_driver_is_not_installed(visits, fetch, monkeypatch):
    monkeypatch.setenv("CLINIC_DB", "mssql+nothing://owner:s3cret@canary/clinic")
    assert "driver that is not installed" in str(refusal(fetch, relation="front.visits"))
