"""Feed the readers with bytes that a fuzzer invents: they read, or refuse in words that quote no cell.

`test_readers.py` runs it for a moment; by hand it runs for as long as one likes::

    python tests/fuzz/readers.py csv -max_total_time=600 tests/data/csv_spectrum
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["studypkg.records"]):
    from studypkg.records.arrivals import arrival_of
    from studypkg.records.read import open_arrival

import duckdb

from studypkg.errors import StudyError
from studypkg.sources import Source
from studypkg.systems import Fhir

#: A text of more than eight letters of the input that stands again in a refusal is a leak.
_LONGEST_WORD = 8
SUFFIXES = {"csv": "csv", "parquet": "parquet", "fhir": "ndjson"}


def fuzz(kind: str) -> Callable[[bytes], None]:
    """Make the function that takes one input."""
    path = Path(tempfile.mkdtemp(prefix="fuzz-")) / f"delivered.{SUFFIXES[kind]}"
    own = {"fhir": Fhir(timezone="UTC")} if kind == "fhir" else {}
    source = Source(table="assessments", kind=kind, path=path.name, **own)

    def one(data: bytes) -> None:
        path.write_bytes(data)
        with duckdb.connect() as connection:
            try:
                raw = open_arrival(connection, arrival_of([path]), source)
            except StudyError as refusal:
                check_refusal(str(refusal), data)
                return
            held = connection.execute(f'SELECT count(*) FROM "{raw.relation}"').fetchall()[0][0]
            if held != raw.n_rows:
                raise AssertionError("rows vanished")

    return one


def check_refusal(told: str, data: bytes) -> None:
    """Make sure that a refusal quotes no cell; names of the header may stand in it."""
    records = data.split(b"\n", 1)[-1]
    for word in records.decode("utf-8", "ignore").split(","):
        if len(word) > _LONGEST_WORD and word.isalnum() and word in told and word not in KNOWN:
            raise AssertionError("the refusal quotes a value")


#: Words that refusals use themselves.
KNOWN = frozenset(("assessments", "delivered", "delimiter", "encoding", "resourceType"))

if __name__ == "__main__":
    atheris.Setup(sys.argv[:1] + sys.argv[2:], fuzz(sys.argv[1]))
    atheris.Fuzz()
