"""A file appears whole or not at all: written aside, flushed to the disk, then renamed into place."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def publish_text(path: Path, text: str) -> Path:
    """Write a text file so that no reader ever sees half of it.

    Parameters
    ----------
    path
        Where it shall stand; its folder is made if it is lacking.
    text
        The whole content, written as UTF-8.

    Returns
    -------
    Path
        The same path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(prefix=".writing-", suffix=path.suffix, dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(aside, 0o644)
        os.replace(aside, path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)
    return path


def _flush_folder(folder: Path) -> None:
    """Make the new name durable too, where the system lets one open a folder."""
    if os.name != "posix":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
