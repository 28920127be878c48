"""Tables that a screen reader can walk through: a caption, scoped headings, numbers that line up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from studypkg.privacy.suppression import Statistic
from studypkg.reports.compare import is_shown
from studypkg.reports.elements import Content, Html, tag
from studypkg.reports.words import shown_or_reason, statistic_interval, value_text

#: A table of more columns than this sets intervals below their numbers.
FEW_COLUMNS = 5


@dataclass(frozen=True)
class Column:
    """A column: its heading, and whether it holds numbers."""

    title: str
    numeric: bool = True


def table(
    caption: str,
    columns: Sequence[str | Column],
    rows: Sequence[Sequence[Content]],
    *,
    remark: str | None = None,
) -> Html:
    """Make a table whose first column names the rows.

    Parameters
    ----------
    caption
        What the table shows, as a sentence or a title.
    columns
        Headings. A plain string is text in the first place and numbers in all others.
    rows
        One sequence of cells per row; plain text is escaped.
    remark
        A quiet line below.

    Returns
    -------
    Html
        In a box that scrolls on a narrow screen and that the keyboard can reach.
    """
    heads = [c if isinstance(c, Column) else Column(c, numeric=i > 0) for i, c in enumerate(columns)]
    head = tag(
        "tr", *[tag("th", c.title, scope="col", class_="number" if c.numeric else None) for c in heads]
    )
    body = []
    for row in rows:
        cells = [tag("th", row[0], scope="row")]
        cells += [
            tag("td", cell, class_="number" if column.numeric else None)
            for column, cell in zip(heads[1:], row[1:], strict=True)
        ]
        body.append(tag("tr", *cells))
    many = "many" if len(heads) > FEW_COLUMNS else None
    made = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body), class_=many)
    box = tag("div", made, class_="scroll", tabindex="0", role="region", aria_label=caption)
    return tag("div", box, tag("p", remark, class_="note") if remark else Html(""), class_="table")


def cell(statistic: Statistic | None, digits: int = 1) -> Content:
    """Write a number with its interval behind it in a table."""
    if statistic is None or not is_shown(statistic):
        return tag("span", "not shown", class_="absent")
    interval = statistic_interval(statistic, digits, precise=True)
    value = value_text(statistic, digits, precise=True)
    if not interval:
        return value
    return tag("span", value, " ", tag("span", interval, class_="interval"))


def patients(statistic: Statistic | None) -> Content:
    """Write how many patients a number rests on."""
    if statistic is None or statistic.n is None or not is_shown(statistic):
        return tag("span", "not shown", class_="absent")
    return f"{statistic.n:,}"


def numbers_table(
    caption: str, rows: Sequence[tuple[str, Statistic | None]], min_cell: int, *, what: str = "Value"
) -> Html:
    """List released numbers with the patients they rest on, or the reason why one is not shown."""
    return table(
        caption,
        ["", Column(what), Column("Patients")],
        [
            [
                name,
                cell(s) if s is not None and is_shown(s) else shown_or_reason(s, min_cell),
                patients(s),
            ]
            for name, s in rows
        ],
    )
