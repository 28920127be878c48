"""Tests of the mapping: which cell of a file becomes which cell of a table, and what is refused."""

from collections.abc import Iterator

import duckdb
import pytest

from studypkg.errors import ConfigError, DataRejectedError
from studypkg.records.mapping import Mapped, map_source
from studypkg.records.raw import RawTable
from studypkg.schema import TABLES
from studypkg.sources import Source


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def raw_table(connection: duckdb.DuckDBPyConnection, *rows: str) -> RawTable:
    """A file as the reader leaves it: text cells parted by `|`, the first row the header."""
    header, *body = [tuple(row.split("|")) for row in rows]
    columns = ", ".join(f'"{name}" VARCHAR' for name in header)
    connection.execute(f"CREATE TABLE raw ({columns}, _row BIGINT)")
    for number, cells in enumerate(body, start=2):
        connection.execute(f"INSERT INTO raw VALUES ({', '.join('?' * len(cells))}, {number})", cells)
    return RawTable(
        name="file.csv",
        sha256="0" * 64,
        relation="raw",
        columns=header,
        n_rows=len(body),
        encoding="utf-8",
        delimiter=",",
        notes=(),
    )


def scores(
    connection: duckdb.DuckDBPyConnection, *rows: str, **declared: object
) -> tuple[Mapped, list[tuple]]:
    """Map a file to assessments; returns its episode, date, instrument, score and role cells."""
    source = Source.model_validate({"table": "assessments", "path": "file.csv", **declared})
    mapped = map_source(connection, raw_table(connection, *rows), source, TABLES["assessments"], into="m")
    found = connection.execute(
        "SELECT episode_id, date, instrument, score, role FROM m ORDER BY _row, _series"
    )
    return mapped, found.fetchall()


LONG = "episode_id|date|instrument|score|role"


def test_columns_are_found_under_their_own_names(connection: duckdb.DuckDBPyConnection) -> None:
    mapped, cells = scores(connection, LONG, "e1|2026-01-05|nprs|7|intake")
    assert cells == [("e1", "2026-01-05", "nprs", "7", "intake")]
    assert (mapped.records, mapped.series, mapped.empty) == (1, 1, 0)
    assert mapped.absent == ("context",)


def test_columns_are_renamed_and_constants_fill_the_rest(connection: duckdb.DuckDBPyConnection) -> None:
    mapped, cells = scores(
        connection,
        "Case No|day|pain now|comment",
        "e1|2026-01-05|7|fine",
        columns={"episode_id": "Case No", "date": "day", "score": "pain now"},
        constants={"instrument": "nprs", "role": "interim"},
    )
    assert cells == [("e1", "2026-01-05", "nprs", "7", "interim")]
    assert mapped.constants == ("instrument", "role")
    assert mapped.ignored == ("comment",)
    assert mapped.origins["score"] == ("pain now",)


def test_dropped_columns_are_not_ignored_and_not_used(connection: duckdb.DuckDBPyConnection) -> None:
    mapped, _ = scores(
        connection, LONG + "|comment|context", "e1|d|nprs|7|intake|x|run", drop=["comment", "context"]
    )
    assert mapped.ignored == ()
    assert "context" in mapped.absent


def test_cells_are_trimmed_and_missing_words_become_missing(connection: duckdb.DuckDBPyConnection) -> None:
    _, cells = scores(connection, LONG, " e1 |\t| NA|\u00a07|.", missing=["NA", "."])
    assert cells == [("e1", None, None, "7", None)]


def test_values_translate_words_even_those_that_mean_missing(connection: duckdb.DuckDBPyConnection) -> None:
    _, cells = scores(
        connection,
        LONG,
        "e1|d|nprs|7|0",
        "e1|d|nprs|7|9",
        "e1|d|nprs|7|intake",
        missing=["0"],
        values={"role": {"0": "intake", "9": ""}},
    )
    assert [cell[4] for cell in cells] == ["intake", None, "intake"]


def test_a_value_is_missing_when_another_column_says_so(connection: duckdb.DuckDBPyConnection) -> None:
    rows = [
        LONG + "|diary|device",
        "e1|d|nprs|0|intake||on",
        "e1|d|nprs|0|intake|4|off",
        "e1|d|nprs|0|intake|4|on",
    ]
    _, cells = scores(connection, *rows, missing_when={"score": {"diary": "", "device": "off"}})
    assert [cell[3] for cell in cells] == [None, None, "0"]


TRIAL = {
    "constants": {"instrument": "nprs"},
    "columns": {"episode_id": "id"},
    "melt": {
        "value": "score",
        "series": [
            {"column": "pain0", "set": {"date": "2026-01-01", "role": "intake"}},
            {"column": "pain12", "set": {"date": "2026-03-26", "role": "discharge"}},
        ],
    },
}


def test_a_wide_trial_becomes_one_record_per_score(connection: duckdb.DuckDBPyConnection) -> None:
    mapped, cells = scores(connection, "id|pain0|pain12", "1|7|3", "2|6|", "3||", **TRIAL)
    assert cells == [
        ("1", "2026-01-01", "nprs", "7", "intake"),
        ("1", "2026-03-26", "nprs", "3", "discharge"),
        ("2", "2026-01-01", "nprs", "6", "intake"),
    ]
    assert (mapped.records, mapped.series, mapped.empty) == (3, 2, 3)
    assert mapped.origins["score"] == ("pain0", "pain12")
    assert mapped.ignored == ()


def test_a_long_file_with_blank_scores_can_be_read_as_one_series(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    melt = {"value": "score", "series": [{"column": "score"}]}
    mapped, cells = scores(connection, LONG, "e1|d|nprs|7|intake", "e1|d|nprs||interim", melt=melt)
    assert len(cells) == 1
    assert (mapped.records, mapped.series, mapped.empty) == (2, 1, 1)


def test_a_name_with_quotes_is_only_a_name(connection: duckdb.DuckDBPyConnection) -> None:
    odd = "it's; DROP TABLE raw --"
    _, cells = scores(
        connection, f"episode_id|date|instrument|{odd}|role", "e1|d|nprs|7|intake", columns={"score": odd}
    )
    assert cells[0][3] == "7"


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"columns": {"score": "scoer"}}, r'names a column "scoer".*Did you mean "score"'),
        ({"drop": ["comment"]}, 'names a column "comment"'),
        ({"missing_when": {"score": {"diray": ""}}}, 'names a column "diray"'),
        ({"melt": {"value": "score", "series": [{"column": "pk1"}]}}, 'names a column "pk1"'),
        ({"drop": ["score"]}, 'needs a column "score"'),
    ],
)
def test_a_column_that_is_not_there_is_refused(
    connection: duckdb.DuckDBPyConnection, declared: dict[str, object], message: str
) -> None:
    with pytest.raises(DataRejectedError, match=message):
        scores(connection, LONG, "e1|d|nprs|7|intake", **declared)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"columns": {"score": "score"}, "constants": {"score": "1"}}, "under columns and under constants"),
        ({"columns": {"score": "score"}, "drop": ["score"]}, "also dropped"),
        ({"constants": {"date": "5.1.2026"}}, "YYYY-MM-DD"),
        (
            {"melt": {"value": "score", "series": [{"column": "score"}]}, "constants": {"score": "1"}},
            "melt.series",
        ),
        (
            {
                "melt": {
                    "value": "score",
                    "series": [{"column": "score", "set": {"role": "intake"}}, {"column": "date"}],
                }
            },
            "must set the same columns",
        ),
        (
            {
                "melt": {"value": "score", "series": [{"column": "score", "set": {"role": "intake"}}]},
                "columns": {"role": "role"},
            },
            "set by melt.series",
        ),
    ],
)
def test_a_mapping_that_contradicts_itself_is_refused(
    connection: duckdb.DuckDBPyConnection, declared: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        scores(connection, LONG, "e1|d|nprs|7|intake", **declared)
