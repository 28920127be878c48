"""Where the bytes of a source are: files on this machine, fetched first where they lie elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from studypkg.errors import ConfigError
from studypkg.records.raw import check_regular, sha256_of, shown
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
    """

    name: str
    files: tuple[Path, ...]
    sha256: str


#: Kinds that fetch before they are read, and the function that does: (source, root, work) → files.
_FETCHERS: Mapping[str, str] = {}


def arrive(source: Source, root: Path, work: Path) -> Arrival:
    """Find the files of a source, or fetch them into a private folder.

    Parameters
    ----------
    source
        Its declaration.
    root
        Folder that relative paths count from.
    work
        Private folder for what is fetched; it lives as long as the delivery.

    Raises
    ------
    ConfigError
        If the declaration names no place.
    DataRejectedError
        If there is no file, or it is none.
    """
    if source.kind in _FETCHERS:
        files = _function(_FETCHERS[source.kind])(source, root, work)
    elif not source.path:
        raise ConfigError(f'[[sources]] of table "{source.table}": the key "path" is missing. Name its file.')
    else:
        files = (root / source.path,)
    return arrival_of(files)


def arrival_of(files: tuple[Path, ...], name: str | None = None) -> Arrival:
    """Hash the files of one delivery."""
    for path in files:
        check_regular(path)
    hashes = [sha256_of(path) for path in files]
    together = hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
    return Arrival(name or shown(files[0]), files, together)


def _function(place: str) -> Callable[..., tuple[Path, ...]]:
    """Load a fetcher only where a source needs it: its libraries are slow to import."""
    module, name = place.split(":")
    found: Callable[..., tuple[Path, ...]] = getattr(import_module(module), name)
    return found
