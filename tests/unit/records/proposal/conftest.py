"""A file that nobody has described, and what is proposed for it."""

import duckdb
import pytest

from studypkg.records.proposal import look_into, propose
from studypkg.schema import TABLES
from studypkg.vocabulary import load_vocabulary


@pytest.fixture
def look(tmp_path):
    """Write a file, and open it without being told how."""
    with duckdb.connect() as connection:

        def looking(content, name="file.csv", **options):
            path = tmp_path / name
            if callable(content):
                content(path)
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
            return connection, look_into(connection, path, tmp_path, **options)

        yield looking


@pytest.fixture
def proposed(look):
    """Write a file, and give what is proposed for its only table."""

    def proposing(content, name="file.csv", *, flagged=None, wanted=None, **options):
        connection, (only,) = look(content, name, **options)
        return propose(
            connection, only, f"data/raw/{name}", tables=TABLES, vocabulary=load_vocabulary(),
            flagged=flagged or {}, wanted=wanted,
        )  # fmt: skip

    return proposing


@pytest.fixture
def rows():
    """A CSV of so many rows, each cell made from the number of its row."""

    def made(header, *cells, number=40, cut=","):
        lines = [cut.join(str(cell(i)) for cell in cells) for i in range(number)]
        return "\n".join([header, *lines]) + "\n"

    return made
