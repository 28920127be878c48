"""Files that survive a power cut: hashes, flushes, and links that switch whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from studypkg.errors import QualityGateError

_CHUNK = 1 << 20


def sha256_of(path: Path) -> str:
    """Hash of the bytes of a file, read piece by piece."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()


def copied(source: Path, target: Path) -> str:
    """Copy a file and give the hash of what was copied, in one reading."""
    digest = hashlib.sha256()
    with source.open("rb") as file, target.open("wb") as copy:
        while block := file.read(_CHUNK):
            digest.update(block)
            copy.write(block)
    return digest.hexdigest()


def hashes_of(folder: Path) -> dict[str, str]:
    """Hash of every file of a folder, by its path in it."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}


def sync(path: Path) -> None:
    """Make sure that a file or the names in a folder survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_all(folder: Path) -> None:
    """Make sure that a folder with everything in it survives a power cut."""
    for path in (*sorted(folder.rglob("*")), folder):
        sync(path)


def share(source: Path, target: Path) -> None:
    """Give a file a second name, so that an unchanged table costs no room; a copy where that cannot be."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)


def switch_link(link: Path, target: str, work: Path) -> None:
    """Point a link at a target in one step, or leave it as it is.

    Raises
    ------
    QualityGateError
        If something else stands in the link's place.
    """
    if link.is_symlink() and os.readlink(link) == target:
        return
    if link.exists() and not link.is_symlink():
        raise QualityGateError(
            f"{link} stands where this package keeps a link of its own. Move it away and run again. "
            f"Nothing was replaced."
        )
    fresh = work / "link"
    os.symlink(target, fresh)
    os.replace(fresh, link)
    sync(link.parent)
