"""An executed notebook as one HTML file: own style, no script, no request to anywhere."""

from __future__ import annotations

import re
from pathlib import Path

from nbconvert import HTMLExporter
from nbformat import NotebookNode

from studypkg.reports.elements import anchor

TEMPLATES = Path(__file__).parent / "templates"
#: Nothing may be fetched; pictures are in the page and styles stand in its head.
CONTENT_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)


def stylesheet() -> str:
    """Give the style of every page."""
    return (TEMPLATES / "page" / "page.css").read_text(encoding="utf-8")


def sections(notebook: NotebookNode) -> list[tuple[str, str]]:
    """List the sections of a notebook with their anchors: a cell that begins with ``##`` opens one."""
    titles = [cell.source.splitlines()[0].removeprefix("## ").strip() for cell in _openings(notebook)]
    return [(title, anchor(title)) for title in titles]


def _openings(notebook: NotebookNode) -> list[NotebookNode]:
    return [c for c in notebook.cells if c.cell_type == "markdown" and c.source.startswith("## ")]


def _body_from(notebook: NotebookNode) -> int:
    """Find the cell of the first section; what stands before it is the top of the page."""
    openings = _openings(notebook)
    return notebook.cells.index(openings[0]) if openings else len(notebook.cells)


def _story(notebook: NotebookNode) -> str:
    """Give what the first cell says of the notebook, without its title: the page has one already."""
    first = notebook.cells[0] if notebook.cells else None
    if first is None or first.cell_type != "markdown":
        return ""
    return re.sub(r"^#\s.*$", "", str(first.source), count=1, flags=re.MULTILINE).strip()


def export_html(notebook: NotebookNode, *, title: str, show_code: bool, remark: str = "") -> str:
    """Turn an executed notebook into a page.

    Parameters
    ----------
    notebook
        Executed; its second-level headings are the sections of the page.
    title
        What the browser's tab says.
    show_code
        Researchers see the cells; owners see only what they say.
    remark
        Stands above everything else on the page, such as that it shows a past state.

    Returns
    -------
    str
        A whole HTML document in UTF-8 that opens without a network and from a mail attachment.
    """
    exporter = HTMLExporter(
        extra_template_basedirs=[str(TEMPLATES)],
        template_name="page",
        exclude_input=not show_code,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
        exclude_raw=True,
    )
    resources = {
        "metadata": {"name": title},
        "page": {
            "title": title,
            "remark": remark,
            "policy": CONTENT_POLICY,
            "css": stylesheet(),
            "sections": sections(notebook),
            "story": _story(notebook),
            "body_from": _body_from(notebook),
            "kind": "research" if show_code else "owner",
        },
    }
    html, _ = exporter.from_notebook_node(notebook, resources=resources)
    return str(html)
