"""Where the bytes of a source are: files on this machine, fetched first where they lie elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from studypkg.errors import ConfigError, DataRejectedError, StudyError
from studypkg.records.listing import Listed, list_files, state
from studypkg.records.raw import check_regular, printable, sha256_of, shown
from studypkg.records.unpacking import unpacked
from studypkg.sources import Source


@dataclass(frozen=True)
class Arrival:
    """One delivery of a source, on this machine.

    Parameters
    ----------
    name
        What messages and pages call it.
    files
        The files to read, the main one first; companions such as a data dictionary follow.
    sha256
        Hash of the bytes of all files.
    names
        What messages call each of the files.
    stamps
        What the system said of each file before it was hashed.
    """

    name: str
    files: tuple[Path, ...]
    sha256: str
    names: tuple[str, ...] = ()
    stamps: tuple[tuple[int, ...], ...] = ()

    def unchanged(self) -> bool:
        """Say whether every file is still the one that was hashed: the system notes every write to it."""
        try:
            return tuple(map(_stamp, self.files)) == self.stamps
        except OSError:
            return False


#: Kinds that fetch before they are read, and the function that does: (source, root, work) → files.
_FETCHERS: Mapping[str, str] = {
    "redcap": "studypkg.records.redcap:fetch",
    "sql": "studypkg.records.sql:fetch",
}
#: Kinds that can say what they will read before they do: (source, root) → whether it is there, and what.
_LOOKERS: Mapping[str, str] = {
    "redcap": "studypkg.records.redcap:look",
    "sql": "studypkg.records.sql:look",
}
#: Loaded only where a source has an address: the library behind it is slow to import.
_DOWNLOADER = "studypkg.records.downloads:download"


def arrive(source: Source, root: Path, work: Path) -> Arrival:
    """Find the files of a source, or fetch them into a private folder.

    Parameters
    ----------
    source
        Its declaration.
    root
        Folder that relative paths count from.
    work
        Private folder for what is fetched or unpacked; it lives as long as the delivery.

    Raises
    ------
    ConfigError
        If the declaration names no place.
    DataRejectedError
        If there is no file, or it is none, or the files change while they are looked at.
    """
    if source.kind in _FETCHERS:
        return arrival_of(_function(_FETCHERS[source.kind])(source, root, work))
    if not source.path:
        raise ConfigError(f'[[sources]] of table "{source.table}": the key "path" is missing. Name its file.')
    if is_address(source.path):
        listed: tuple[Listed, ...] = _function(_DOWNLOADER)(source.path, source.kind, work)
        return _arrival(listed, source, work)
    listed = list_files(root, source.path, source.kind)
    before = state(listed)
    found = _arrival(listed, source, work)
    if state(list_files(root, source.path, source.kind)) != before:
        raise DataRejectedError(
            f"{found.name}: files changed, came or went while they were looked at. Wait until they are "
            f"written, and run again. Nothing was replaced."
        )
    return found


def arrival_of(files: Sequence[Path], name: str | None = None, names: Sequence[str] | None = None) -> Arrival:
    """Hash the files of one delivery."""
    for path in files:
        check_regular(path)
    stamps = tuple(map(_stamp, files))
    hashes = [sha256_of(path) for path in files]
    together = hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
    called = tuple(names) if names is not None else tuple(shown(path) for path in files)
    return Arrival(name or shown(files[0]), tuple(files), together, called, stamps)


def _stamp(path: Path) -> tuple[int, ...]:
    """Give what no write to a file leaves as it is: the file's number, its size, and both times of change."""
    now = path.stat()
    return now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns


def look(source: Source, root: Path) -> tuple[bool, str]:
    """Say what a source would read, without reading it.

    Returns
    -------
    tuple
        Whether it is there as far as can be told, and what it is or what to do.
    """
    if source.kind in _LOOKERS:
        told: tuple[bool, str] = _function(_LOOKERS[source.kind])(source, root)
        return told
    if not source.path or is_address(source.path):
        return True, f"{printable(source.label)}, fetched when it is read"
    try:
        listed = list_files(root, source.path, source.kind)
        if not listed[0].path.exists():
            return False, (
                f"there is no {printable(source.path)}. Put the export there, or mend `path` in its "
                f"[[sources]] block."
            )
        for one in listed:
            check_regular(one.path)
    except StudyError as fault:
        return False, str(fault)
    size = sum(one.path.stat().st_size for one in listed)
    files = f", {len(listed)} files" if len(listed) > 1 else ""
    return True, f"{printable(source.path)}{files} {size / 1e6:.1f} MB"


def witness(source: Source, root: Path) -> str | None:
    """Hash the files that a source would read; None where that cannot be known without fetching them.

    Notes
    -----
    Rows of a database and files behind an address may be others at any time, so whoever asks whether
    there is something new has to read them.
    """
    if not source.path or is_address(source.path) or source.kind in _FETCHERS:
        return None
    digest = hashlib.sha256()
    try:
        for one in list_files(root, source.path, source.kind):
            digest.update(sha256_of(one.path).encode() if one.path.is_file() else b"-")
    except StudyError:
        return ""
    return digest.hexdigest()


def is_address(path: str) -> bool:
    """Say whether a path is an address such as ``s3://bucket/visits/`` rather than a place here.

    Examples
    --------
    >>> is_address("s3://clinic/visits.csv"), is_address("data/raw/visits.csv")
    (True, False)
    """
    return "://" in path


def _arrival(listed: Sequence[Listed], source: Source, work: Path) -> Arrival:
    for one in listed:
        check_regular(one.path)
    name = listed[0].name
    if len(listed) > 1:
        name = f"{printable(Path(source.path.rstrip('/')).name)} ({len(listed)} files)"
    return arrival_of([unpacked(one.path, work) for one in listed], name, [one.name for one in listed])


def _function(place: str) -> Callable[..., Any]:
    """Load a function only where a source needs it: its libraries are slow to import."""
    module, name = place.split(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found
