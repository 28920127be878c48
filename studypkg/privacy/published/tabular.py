"""CSV, TSV, JSON, NDJSON, Parquet and Excel."""

from __future__ import annotations

import csv
import importlib
import io
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from studypkg.privacy.published.notebooks import is_notebook, read_notebook
from studypkg.privacy.published.piece import Content, Inside, Opaque, Table, Text, decoded

#: Rows that are held at a time.
_ROWS = 20_000
_FIELD = 1 << 27


def read_csv(data: bytes, place: str) -> Iterator[Content]:
    """Read delimited text; the delimiter is the one that the first line has most of."""
    text = decoded(data)
    yield Text(place, text)
    first = text.partition("\n")[0]
    mark = max(",;\t|", key=first.count)
    csv.field_size_limit(_FIELD)
    rows = csv.reader(io.StringIO(text.replace("\x00", "")), delimiter=mark)
    heads = next(rows, [])
    yield from _tables(place, heads, rows)


def _tables(place: str, heads: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[Content]:
    while some := tuple(tuple(row) for row in islice(rows, _ROWS)):
        yield Table(place, tuple(heads), some)


def read_json(data: bytes, place: str) -> Iterator[Content]:
    """Read JSON, NDJSON or a notebook."""
    text = decoded(data)
    try:
        value = json.loads(text)
    except RecursionError:
        yield Text(place, text, "hidden")
        yield Opaque(place, "JSON that is nested too deep")
        return
    except ValueError:
        yield from _lines(text, place)
        return
    if is_notebook(value):
        yield from read_notebook(value, place)
    else:
        yield from _walk(value, place)


def _lines(text: str, place: str) -> Iterator[Content]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            yield Text(f"{place} line {number}".strip(), line, "hidden")
            yield Opaque(f"{place} line {number}".strip(), "a line that is not JSON")
            return
        yield from _walk(value, f"{place} line {number}".strip())


def _walk(value: Any, place: str) -> Iterator[Content]:
    """Give every key and value; the numbers of an object are a table of one row."""
    waiting = [(value, place, 0)]
    while waiting:
        one, where, depth = waiting.pop()
        if isinstance(one, dict):
            yield Text(where, " ".join(map(str, one)), "hidden")
            numbers = {k: v for k, v in one.items() if isinstance(v, int | float) and not isinstance(v, bool)}
            if numbers:
                yield Table(where, tuple(map(str, numbers)), (tuple(map(str, numbers.values())),))
                yield Text(where, json.dumps(numbers), "hidden")
            for key, item in one.items():
                if key not in numbers:
                    near = f"{where}.{key}" if str(key).isidentifier() and depth < 6 else where
                    waiting.append((item, near, depth + 1))
        elif isinstance(one, list):
            waiting += [(item, where, depth + 1) for item in one]
        elif isinstance(one, str):
            if one[:5].casefold() == "data:" or one[:1] == "<":
                yield Inside(where, one.encode(), "text/html")
            else:
                yield Text(where, one, "hidden")
        elif one is not None and not isinstance(one, bool):
            yield Text(where, str(one), "hidden")


def read_parquet(data: bytes, place: str) -> Iterator[Content]:
    """Read the cells and the metadata of a Parquet file."""
    parquet = importlib.import_module("pyarrow.parquet")
    file = parquet.ParquetFile(io.BytesIO(data))
    for key, value in (file.schema_arrow.metadata or {}).items():
        if key != b"ARROW:schema":
            yield Text(f"{place} metadata".strip(), f"{decoded(key)} {decoded(value)}", "hidden")
    for batch in file.iter_batches(batch_size=_ROWS):
        heads = tuple(batch.schema.names)
        columns = [["" if v is None else str(v) for v in column.to_pylist()] for column in batch.columns]
        rows = tuple(zip(*columns, strict=True))
        yield Text(place, "\n".join("\t".join(row) for row in ((heads), *rows)))
        yield Table(place, heads, rows)


def read_workbook(data: bytes, place: str) -> Iterator[Content]:
    """Read the sheets of a workbook, hidden ones too; its other parts are read as the archive it is."""
    reader = importlib.import_module("fastexcel").read_excel(data)
    for name in reader.sheet_names:
        where = f"{place} sheet".strip()
        yield Text(where, name, "hidden")
        frame = reader.load_sheet(name, header_row=None, dtypes="string").to_pandas()
        rows = [["" if v is None or v != v else str(v) for v in row] for row in frame.itertuples(index=False)]
        yield Text(where, "\n".join("\t".join(row) for row in rows))
        if rows:
            yield from _tables(where, rows[0], iter(rows[1:]))
