"""HTML and SVG: visible text, tables, attributes, comments, scripts and everything in data: addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from studypkg.privacy.published.addresses import taken_apart
from studypkg.privacy.published.piece import Content, Inside, Table, decoded

_BLOCKS = frozenset((
    "p", "div", "td", "th", "li", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article",
    "header", "footer", "aside", "nav", "figure", "figcaption", "table", "tr", "caption", "summary",
    "details", "pre", "text", "title", "desc", "option", "button", "label", "br", "hr", "blockquote",
))  # fmt: skip
_APART = {"script", "style", "template", "noscript", "metadata"}
#: Attributes of drawings that hold nothing but coordinates and numbers.
_DRAWN = frozenset((
    "d", "points", "transform", "viewbox", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "ry",
    "width", "height", "dx", "dy", "style", "clip-path",
))  # fmt: skip
_COORDINATES = re.compile(r"[MmLlHhVvCcSsQqTtAaZz0-9eE.,\s+-]*")
_EMPTY = frozenset((
    "br", "hr", "img", "input", "meta", "link", "source", "col", "wbr", "area", "base", "embed", "param",
    "track",
))  # fmt: skip


def read_markup(data: bytes, place: str) -> Iterator[Content]:
    """Read HTML or SVG."""
    reader = _Reader(place)
    text = decoded(data)
    # A comment that never ends goes to the end of the page, as browsers have it; the parser would look for
    # its end from every "<!--" again.
    if text.rfind("<!--") > text.rfind("-->"):
        text += "-->"
    reader.feed(text)
    reader.close()
    reader.flush()
    yield from reader.found


def read_style(data: bytes, place: str) -> Iterator[Content]:
    """Read a style sheet or a script: its text, and the files in its data: addresses."""
    yield from taken_apart(decoded(data), place, "hidden")


class _Reader(HTMLParser):
    def __init__(self, place: str) -> None:
        super().__init__(convert_charrefs=True)
        self.place, self.found = place, list[Content]()
        self._text: list[str] = []
        self._apart = ""
        self._block = "text"
        self._tables: list[_Grid] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value:
                drawn = name in _DRAWN and _COORDINATES.fullmatch(value) is not None
                # An attribute that a reader or a screen reader sees counts as visible.
                seen = name in ("alt", "title", "aria-label", "placeholder", "value")
                role = "drawing" if drawn else "visible" if seen else "hidden"
                self.found += taken_apart(value, f"{self.place} <{tag} {name}>".strip(), role)
        if tag in _APART:
            self.flush()
            self._apart = tag
        elif tag in _BLOCKS:
            self.flush()
            self._block = tag
        if tag == "table":
            self._tables.append(_Grid())
        elif self._tables:
            self._tables[-1].open(tag, dict(attrs))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _EMPTY:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS or tag == self._apart:
            self.flush()
        if tag == self._apart:
            self._apart = ""
        if tag == "table" and self._tables:
            self.found.append(self._tables.pop().table(f"{self.place} <table>".strip()))
        elif self._tables:
            self._tables[-1].close(tag)

    def handle_data(self, data: str) -> None:
        self._text.append(data)
        if self._tables and not self._apart:
            self._tables[-1].add(data)

    def handle_comment(self, data: str) -> None:
        self.found += taken_apart(data, f"{self.place} comment".strip(), "hidden")

    def handle_decl(self, decl: str) -> None:
        self.found += taken_apart(decl, f"{self.place} declaration".strip(), "hidden")

    def unknown_decl(self, data: str) -> None:
        self.found += taken_apart(data, f"{self.place} declaration".strip(), "hidden")

    def handle_pi(self, data: str) -> None:
        self.found += taken_apart(data, f"{self.place} instruction".strip(), "hidden")

    def flush(self) -> None:
        text, self._text = "".join(self._text), []
        if not text.strip():
            return
        tag = self._apart or self._block
        role = "hidden" if self._apart else "visible"
        place = f"{self.place} <{tag}>".strip()
        if tag == "script":
            self.found.append(Inside(place, text.encode(), "text/script"))
            return
        self.found += taken_apart(text, place, role)


class _Grid:
    """A table while it is read."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.rows: list[list[str]] = []
        self._row: list[str] | None = None
        self._cell: list[str] | None = None
        self._span = 1
        self._all_heads = True

    def open(self, tag: str, attrs: dict[str, str | None]) -> None:
        if tag == "tr":
            self._end_row()
            self._row, self._all_heads = [], True
        elif tag in ("td", "th"):
            self._end_cell()
            self._row = [] if self._row is None else self._row
            self._cell = []
            span = attrs.get("colspan") or "1"
            self._span = min(int(span), 100) if span.isdecimal() and len(span) < 4 else 1
            self._all_heads &= tag == "th"

    def add(self, text: str) -> None:
        if self._cell is not None:
            self._cell.append(text)

    def close(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._end_cell()
        elif tag == "tr":
            self._end_row()

    def table(self, place: str) -> Table:
        self._end_row()
        return Table(place, tuple(self.heads), tuple(map(tuple, self.rows)))

    def _end_cell(self) -> None:
        if self._cell is not None and self._row is not None:
            self._row += [" ".join("".join(self._cell).split())] * max(self._span, 1)
        self._cell = None

    def _end_row(self) -> None:
        self._end_cell()
        if self._row:
            if self._all_heads and not self.rows:
                # Of two rows of heads a column has both.
                widest = max(len(self.heads), len(self._row))
                pad = [[*names, *[""] * (widest - len(names))] for names in (self.heads, self._row)]
                self.heads = [f"{above} {below}".strip() for above, below in zip(*pad, strict=True)]
            else:
                self.rows.append(self._row)
        self._row = None
