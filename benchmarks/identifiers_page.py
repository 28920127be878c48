"""The tables of docs/explanation/identifiers.md, written from the counts."""

# ruff: noqa: E501 (lists of words and templates)
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "docs/explanation/identifiers.md"
BEGIN, END = "<!-- figures: {} -->", "<!-- end of {} -->"
RATES = ("every cell", "1 in 10", "1 in 100", "one cell")
LONG = "one of 100 000"

Row = Mapping[str, Any]


def write_page(results: Mapping[str, Any]) -> None:
    """Put the tables between the marks of the page."""
    page = PAGE.read_text(encoding="utf-8")
    for name, table in TABLES.items():
        begin, end = BEGIN.format(name), END.format(name)
        before, rest = page.split(begin)
        after = rest.split(end)[1]
        page = f"{before}{begin}\n{table(results)}\n{end}{after}"
    PAGE.write_text(page, encoding="utf-8")


def _share(rows: Sequence[Row]) -> str:
    trials = sum(row["trials"] for row in rows)
    if not trials:
        return "–"
    found = sum(row["found"] for row in rows)
    # 100 only if none was missed.
    return "100" if found == trials else f"{min(100 * found / trials, 99.9):.3g}"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    text = [f"| {' | '.join(head)} |", f"| {' | '.join(['---'] * 1 + ['--:'] * (len(head) - 1))} |"]
    return "\n".join([*text, *(f"| {' | '.join(line)} |" for line in lines)])


def _recall(rows: Sequence[Row], label: Callable[[Row], str]) -> str:
    labels = sorted({label(row) for row in rows})
    cells = [(rate, carrier) for rate in RATES for carrier in ("codes", "words")]
    long = any(row["rate"] == LONG for row in rows)
    lines = []
    for one in labels:
        mine = [row for row in rows if label(row) == one]
        line = [one, str(sum(row["trials"] for row in mine))]
        line += [_share([r for r in mine if (r["rate"], r["carrier"]) == cell]) for cell in cells]
        lines.append([*line, *([_share([r for r in mine if r["rate"] == LONG])] if long else [])])
    if long:
        everything = [_share([r for r in rows if (r["rate"], r["carrier"]) == cell]) for cell in cells]
        total = str(sum(row["trials"] for row in rows))
        lines.append(["**all**", total, *everything, _share([r for r in rows if r["rate"] == LONG])])
    head = ["planted", "columns", *(f"{rate}, {carrier}" for rate, carrier in cells)]
    return _table([*head, *([f"{LONG}, codes"] if long else [])], lines)


def sharp(results: Mapping[str, Any]) -> str:
    """Recall of what one cell tells, by kind."""
    return _recall([r for r in results["recall"] if r["sharpness"] == "sharp"], lambda r: r["kind"])


def soft(results: Mapping[str, Any]) -> str:
    """Recall of what one cell does not always tell, by form."""
    return _recall(
        [r for r in results["recall"] if r["sharpness"] == "soft"], lambda r: f"{r['kind']}: {r['form']}"
    )


def heads(results: Mapping[str, Any]) -> str:
    """Recall by headers."""
    lines = [[r["kind"], str(r["headers"]), str(r["found"])] for r in results["headers"]]
    return _table(("kind", "headers", "found"), lines)


def clean(results: Mapping[str, Any]) -> str:
    """False stops."""
    drawn, studies = results["clean_columns"], results["clean_studies"]
    wrong = {
        lot: sum(one.startswith("tests/") or one.startswith("examples/") for one in studies["stopped"])
        for lot in ("real",)
    }
    wrong["simulated"] = len(studies["stopped"]) - wrong["real"]
    lines = [
        [f"{len(drawn)} kinds of columns, drawn", str(drawn[0]["files"]), str(sum(r["files"] for r in drawn)),
         str(sum(r["stopped"] for r in drawn))],
        [f"{studies['studies']} simulated studies", str(studies["simulated"]["files"]), str(studies["simulated"]["columns"]),
         str(wrong["simulated"])],
        ["real data sets, without the columns that do name someone", str(studies["real"]["files"]),
         str(studies["real"]["columns"]), str(wrong["real"])],
    ]  # fmt: skip
    return _table(("clean data", "files", "columns", "columns stopped"), lines)


def fast(results: Mapping[str, Any]) -> str:
    """Write the speed as a sentence."""
    one = results["speed"]
    return (
        f"{one['rows']:,} rows of {one['columns']} columns: {one['screen']:.1f} CPU seconds, where DuckDB needs "
        f"{one['parse']:.1f} to parse the file as text ({one['screen'] / one['parse']:.1f} times)."
    )


TABLES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "sharp": sharp, "soft": soft, "headers": heads, "clean": clean, "speed": fast,
}  # fmt: skip
