"""One notebook, run for one month and clinic, and published as a page with its record beside it."""

from __future__ import annotations

import json
import logging
import math
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from studypkg import errors
from studypkg.errors import ConfigError, RenderError, StudyError, nearest
from studypkg.reports.export import export_html
from studypkg.reports.publish import publish_text

Scalar = str | int | float | bool | None
#: papermill tells every parameter to its logger; what a study asks is nobody's business there.
logging.getLogger("papermill").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Rendered:
    """What one run of a notebook left behind."""

    html: Path
    notebook: Path
    seconds: float


def render_notebook(
    notebook: Path,
    parameters: Mapping[str, Scalar],
    output_dir: Path,
    *,
    stem: str,
    show_code: bool,
    title: str,
    remark: str = "",
    timeout: int = 600,
    cwd: Path | None = None,
) -> Rendered:
    """Run a notebook with parameters and publish its page.

    Parameters
    ----------
    notebook
        With one cell tagged ``parameters``; it is not changed.
    parameters
        Value of each parameter. Only what the cell names, and only text, numbers, yes/no and None. A
        parameter whose default is None must be given.
    output_dir
        Folder of the page; it is made if it is lacking.
    stem
        Name of the page without suffix.
    show_code
        Whether the page shows the cells.
    title
        What the browser's tab says.
    remark
        Stands above everything else on the page.
    timeout
        Seconds that one cell may take.
    cwd
        Folder in which the notebook runs, and from which relative paths count. Text parameters that
        begin with it are made relative, so that the record names no folder of this machine.

    Returns
    -------
    Rendered
        Paths of ``stem.html`` and ``stem.ipynb``.

    Raises
    ------
    ConfigError
        If a parameter is unknown, lacking, or of a kind that cannot stand in a notebook.
    RenderError
        If a cell failed: the notebook, the cell's number and the class of the error, and nothing of
        the data. A `StudyError` raised in the notebook comes out as its own class, because its message
        holds no patient's value. The executed copy is kept as ``stem.failed.ipynb``, and a page of an
        earlier run stays as it was.
    """
    checked = check_parameters(notebook, _relative(parameters, cwd))
    output_dir.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    # papermill fills braces in paths from the parameters, so it only ever sees paths of our making.
    with tempfile.TemporaryDirectory(prefix="studypkg-render-") as folder:
        told, done = Path(folder) / "told.ipynb", Path(folder) / "done.ipynb"
        shutil.copyfile(notebook, told)
        try:
            papermill.execute_notebook(
                told, done, checked, progress_bar=False, log_output=False, cwd=cwd,
                execution_timeout=timeout, **_private_channel(Path(folder)),
            )  # fmt: skip
        except PapermillExecutionError as fault:
            cell, kind, said = fault.exec_count, fault.ename, fault.evalue
            _keep_failed(done, output_dir, stem, {"cell": cell, "error": kind})
            failure: StudyError = _failure(notebook, output_dir / f"{stem}.failed.ipynb", cell, kind, said)
        except Exception as fault:
            kind = type(fault).__name__
            _keep_failed(done, output_dir, stem, {"cell": None, "error": kind})
            failure = RenderError(
                f"{notebook.name}: the run ended with {kind}, before a cell could fail. "
                f"If it took longer than {timeout} s a cell, raise [jobs] timeout_seconds."
            )
        else:
            executed = _cleaned(nbformat.read(done, as_version=4))
            page = export_html(executed, title=title, show_code=show_code, remark=remark)
            record = publish_text(output_dir / f"{stem}.ipynb", nbformat.writes(executed) + "\n")
            html = publish_text(output_dir / f"{stem}.html", page)
            for old in (f"{stem}.failed.ipynb", f"{stem}.failed.json"):
                (output_dir / old).unlink(missing_ok=True)
            return Rendered(html, record, time.perf_counter() - started)
    raise failure


def _private_channel(folder: Path) -> dict[str, Any]:
    """Let the kernel talk through sockets in a folder of ours, where no other user can listen.

    The default is an open port of this machine. Windows has no such sockets and keeps the default.
    """
    if os.name != "posix":
        return {}
    channel = {"transport": "ipc", "connection_file": str(folder / "kernel.json")}
    # what a kernel says of itself while it stops is no news to who reads the log of a run
    quiet = {"extra_arguments": ["--log-level=50"]}
    return {"config": Config({"KernelManager": channel, "NotebookClient": quiet})}


def check_parameters(notebook: Path, parameters: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Compare parameters with what the notebook's tagged cell declares.

    Parameters
    ----------
    notebook
        The notebook.
    parameters
        Name and value of each.

    Raises
    ------
    ConfigError
        On the first parameter that is unknown, lacking, or not a plain value.
    """
    with tempfile.TemporaryDirectory(prefix="studypkg-inspect-") as folder:
        told = Path(folder) / "told.ipynb"
        shutil.copyfile(notebook, told)
        declared: dict[str, Any] = papermill.inspect_notebook(told)
    for name, value in parameters.items():
        if name not in declared:
            raise ConfigError(
                f'{notebook.name}: unknown parameter "{name}".{nearest(name, declared)} '
                f"It takes: {', '.join(declared) or 'none'}."
            )
        if not isinstance(value, str | int | float | bool | None) or type(value).__module__ != "builtins":
            raise ConfigError(
                f'{notebook.name}: parameter "{name}" is a {type(value).__name__}; give text, a number, '
                "yes or no, or nothing."
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f'{notebook.name}: parameter "{name}" is not a finite number.')
    for name, declaration in declared.items():
        if declaration["default"] == "None" and name not in parameters:
            raise ConfigError(f'{notebook.name}: parameter "{name}" has no default. Give it a value.')
    return dict(parameters)


def _relative(parameters: Mapping[str, Scalar], cwd: Path | None) -> dict[str, Scalar]:
    if cwd is None:
        return dict(parameters)
    root = f"{cwd.resolve()}/"
    return {
        name: value.removeprefix(root) if isinstance(value, str) else value
        for name, value in parameters.items()
    }


def _failure(notebook: Path, kept: Path, cell: int | None, kind: str, said: str) -> StudyError:
    """Give a study's own error back as its class; of any other error only the class is told."""
    place = f"{notebook.name}, cell {cell}"
    own = getattr(errors, kind, None)
    if isinstance(own, type) and issubclass(own, StudyError):
        return own(f"{place}: {said}")
    return RenderError(f'{place}: stopped with {kind}. The executed copy is "{kept.name}".')


def _keep_failed(done: Path, output_dir: Path, stem: str, state: Mapping[str, Any]) -> None:
    if done.is_file():
        copy = _cleaned(nbformat.read(done, as_version=4))
        publish_text(output_dir / f"{stem}.failed.ipynb", nbformat.writes(copy) + "\n")
    status = json.dumps({"status": "failed", **state}, indent=2)
    publish_text(output_dir / f"{stem}.failed.json", status + "\n")


def _cleaned(executed: NotebookNode) -> NotebookNode:
    """Remove what names a machine or a moment, or may quote data: paths, times, tracebacks, warnings."""
    kept = executed.metadata.get("papermill", {})
    executed.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python", "pygments_lexer": "python"},
        papermill={"parameters": kept.get("parameters", {})},
    )
    for number, cell in enumerate(executed.cells):
        tags = cell.metadata.get("tags", [])
        cell.metadata = NotebookNode(tags=tags) if tags else NotebookNode()
        cell.id = f"cell-{number}"
        if cell.cell_type == "code":
            cell.outputs = [_harmless(output) for output in cell.outputs]
    return executed


def _harmless(output: NotebookNode) -> NotebookNode:
    if output.output_type == "error":
        output.evalue, output.traceback = "", [f"{output.ename} (the message may quote data and is not kept)"]
    if output.output_type == "stream" and output.name == "stderr":
        lines = len(output.text.splitlines())
        output.text = f"{lines} lines of warnings (they may quote data and are not kept)\n"
    return output
