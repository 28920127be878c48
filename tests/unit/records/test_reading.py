"""Tests of the reading of a source: declared, found beyond doubt, or asked for."""

from collections.abc import Iterator

import duckdb
import pytest

from studypkg.errors import DataRejectedError
from studypkg.records.cells import ISO_FORMATS, Reading
from studypkg.records.mapping import map_source
from studypkg.records.raw import RawTable
from studypkg.records.reading import find_reading
from studypkg.schema import TABLES
from studypkg.sources import Source


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def reading(connection: duckdb.DuckDBPyConnection, *rows: tuple[str, str], **declared: object) -> Reading:
    """Reading of assessments with a day and a score per row."""
    connection.execute("CREATE TABLE raw (tag VARCHAR, score VARCHAR, _row BIGINT)")
    for number, row in enumerate(rows, start=2):
        connection.execute("INSERT INTO raw VALUES (?, ?, ?)", [*row, number])
    source = Source.model_validate(
        {
            "table": "assessments",
            "path": "a.csv",
            "columns": {"date": "tag"},
            "constants": {"episode_id": "e1", "instrument": "nprs", "role": "intake"},
            **declared,
        }
    )
    raw = RawTable("a.csv", "ab", "raw", ("tag", "score"), len(rows))
    table = TABLES["assessments"]
    return find_reading(connection, raw, source, table, map_source(connection, raw, source, table, into="m"))


def test_iso_days_and_points_need_no_declaration(connection: duckdb.DuckDBPyConnection) -> None:
    found = reading(connection, ("2026-01-05", "7.5"), ("NA", ""))
    assert found.date_formats == {"date": ISO_FORMATS}
    assert found.decimals == {"score": "."}


def test_an_order_beyond_doubt_is_found(connection: duckdb.DuckDBPyConnection) -> None:
    found = reading(connection, ("05/01/2026", "7,5"), ("28/01/2026", "8"))
    assert found.date_formats["date"] == ("%d/%m/%Y", *ISO_FORMATS)
    assert found.decimals == {"score": ","}


def test_an_order_in_doubt_is_asked_for(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(DataRejectedError) as asked:
        reading(connection, ("05/01/2026", "7"), ("06/02/2026", "8"))
    message = str(asked.value)
    assert message.startswith('a.csv: column "tag" (date): 2 dates')
    assert 'Declare date_format = "%d/%m/%Y" or date_format = "%m/%d/%Y"' in message
    assert "05" not in message


def test_a_declared_order_settles_the_doubt(connection: duckdb.DuckDBPyConnection) -> None:
    found = reading(connection, ("05/01/2026", "7"), date_format="%m/%d/%Y")
    assert found.date_formats["date"][0] == "%m/%d/%Y"


def test_a_sign_in_doubt_is_asked_for_and_a_declared_one_settles_it(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    with pytest.raises(DataRejectedError, match=r'column "score" \(score\).*decimal = "\."'):
        reading(connection, ("2026-01-05", "7.5"), ("2026-01-06", "7,5"))
    connection.execute("DROP TABLE raw")
    connection.execute("DROP VIEW m")
    found = reading(connection, ("2026-01-05", "7.5"), ("2026-01-06", "7,5"), decimal=".")
    assert found.decimals == {"score": "."}


def test_constants_are_not_asked_about(connection: duckdb.DuckDBPyConnection) -> None:
    found = reading(
        connection,
        ("x", "7"),
        date_format="%d.%m.%Y",
        decimal=",",
        columns={},
        constants={
            "episode_id": "e1",
            "date": "2026-01-05",
            "instrument": "nprs",
            "role": "intake",
            "score": "7.5",
        },
    )
    assert found.date_formats == {}
    assert found.decimals == {}
