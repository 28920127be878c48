"""Pieces of a page: escaped text in, HTML out, shown by a notebook as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Html:
    """A piece of HTML that a notebook shows as it is; only this room makes one.

    Parameters
    ----------
    text
        Markup in which every word that came from outside has been escaped.
    """

    text: str

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.text


Content = Html | str


def markup(content: Content) -> str:
    """Give the markup of a piece; plain text is escaped."""
    return content.text if isinstance(content, Html) else escape(content, quote=True)


def join(parts: Iterable[Content | None], separator: str = "\n") -> Html:
    """Put pieces one after the other and leave out those that are None."""
    return Html(separator.join(markup(part) for part in parts if part is not None))


def tag(name: str, *content: Content, **attributes: str | None) -> Html:
    """Make one element.

    Parameters
    ----------
    name
        Name of the element.
    content
        What it holds; plain text is escaped.
    attributes
        ``class_`` stands for ``class`` and an underscore for a hyphen; None leaves the attribute out.

    Examples
    --------
    >>> tag("p", "5 < 11", class_="note").text
    '<p class="note">5 &lt; 11</p>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value, quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{written}>{join(content, '').text}</{name}>")


def paragraph(*content: Content, class_: str | None = None) -> Html:
    """Make a paragraph."""
    return tag("p", *content, class_=class_)


def with_code(text: str) -> Html:
    """Set what stands between backticks as code.

    Examples
    --------
    >>> with_code("set `decimal` there").text
    'set <code>decimal</code> there'
    """
    parts = text.split("`")
    return join([tag("code", part) if place % 2 else part for place, part in enumerate(parts)], "")


def strong(text: str) -> Html:
    """Set words in bold."""
    return tag("strong", text)


def note(*content: Content) -> Html:
    """Make a quiet remark below a figure or a table."""
    return paragraph(*content, class_="note")


def heading(text: str, level: int = 3, *, anchor: str | None = None) -> Html:
    """Make a heading inside a section; the sections' own headings stand in the notebook."""
    return tag(f"h{level}", text, id=anchor)


def bullets(items: Iterable[Content], *, class_: str | None = None) -> Html:
    """Make a list without an order."""
    return tag("ul", *[tag("li", item) for item in items], class_=class_)


def numbered(items: Iterable[Content], *, class_: str | None = None) -> Html:
    """Make a numbered list."""
    return tag("ol", *[tag("li", item) for item in items], class_=class_)


def details(summary: str, *content: Content) -> Html:
    """Make a part that is closed until the reader opens it; print shows it open."""
    return tag("details", tag("summary", summary), *content)


def facts(pairs: Mapping[str, Content], *, class_: str = "facts") -> Html:
    """Make a list of names and what each is."""
    rows = [tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs.items()]
    return tag("dl", *rows, class_=class_)


def anchor(title: str) -> str:
    """Give the anchor of a section.

    Examples
    --------
    >>> anchor("Who got better, who got worse")
    'who-got-better-who-got-worse'
    """
    return "-".join(re.findall(r"\w+", title.casefold()))


def link(href: str, text: str, *, class_: str | None = None) -> Html:
    """Make a link inside the page, or to a page beside it."""
    return tag("a", text, href=href, class_=class_)


def masthead(study: str, title: str, line: str, **attributes: str | None) -> Html:
    """Make the top of a page: whose it is, what it is, and of when.

    Parameters
    ----------
    study
        Name of the study, above the title.
    title
        The only first-level heading of the page.
    line
        Period, data cut-off and issue.
    attributes
        Further attributes of the element.
    """
    return tag(
        "header",
        paragraph(study, class_="study"),
        tag("h1", title),
        paragraph(line, class_="period"),
        class_="masthead",
        **attributes,
    )
