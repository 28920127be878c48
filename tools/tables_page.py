"""Write docs/reference/tables.md, the data dictionary, from the declared tables."""

from __future__ import annotations

import sys
from pathlib import Path

from studypkg.schema import TABLES, Column

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "tables.md"


def allowed(column: Column) -> str:
    """Say in a few words what a column may hold."""
    if column.kind == "code":
        words = [f"`{word}`" for word in column.allowed]
        if column.vocabulary:
            words.append(f"[{column.vocabulary}](vocabulary.md)")
        return ", ".join(words)
    limits = [f"{limit:g}" for limit in (column.minimum, column.maximum) if limit is not None]
    unit = f" {column.unit}" if column.unit else ""
    kinds = {"id": "a pseudonym", "date": "a day", "flag": "`yes`, `no`", "age": "0–89, or `90+`"}
    return kinds.get(column.kind, f"{column.kind} {' to '.join(limits)}{unit}".strip())


def page() -> str:
    """Text of the data dictionary."""
    lines = [
        "# The seven tables", "",
        "Written from `studypkg/schema.py`. Only `episodes` and `assessments` are compulsory. "
        "A column marked • must be there and filled in every row.", "",
    ]  # fmt: skip
    for table in TABLES.values():
        lines += [
            f"## {table.name}",
            "",
            f"One row: {table.row}. Key: {', '.join(f'`{k}`' for k in table.key)}.",
            "",
        ]
        lines += ["| column | | what it means | what it may hold | if absent |", "|---|---|---|---|---|"]
        for column in table.columns:
            mark = "•" if column.required else ""
            default = f"`{column.default}`" if column.default else ""
            lines.append(f"| `{column.name}` | {mark} | {column.meaning} | {allowed(column)} | {default} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.name, file=sys.stderr)
