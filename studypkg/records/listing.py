"""Which files a `path` means: one file, the files of a folder, or those that fit a pattern."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from studypkg.errors import DataRejectedError
from studypkg.records.raw import printable

#: More files than this make one delivery only by mistake.
MOST_FILES = 10_000
#: What a file of each kind is called. A folder may hold nothing else.
SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "csv": (".csv", ".tsv", ".txt"),
    "excel": (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"),
    "parquet": (".parquet", ".pq"),
    "redcap": (".csv",),
    "fhir": (".json", ".ndjson", ".jsonl"),
    "spss": (".sav", ".zsav", ".por"),
    "stata": (".dta",),
    "sas": (".sas7bdat", ".xpt"),
}
PACKED = (".gz", ".zip")
#: Names by which programs mark what is not data: hidden files, locks of an open workbook, markers of Spark.
_ASIDE = (".", "_", "~$")
_MAGIC = "*?["


@dataclass(frozen=True)
class Listed:
    """One file of a delivery.

    Parameters
    ----------
    path
        Where it is on this machine.
    name
        What messages call it: its path below the folder or the fixed part of the pattern.
    """

    path: Path
    name: str


def is_pattern(text: str) -> bool:
    """Say whether a path holds one of the signs ``* ? [``."""
    return any(sign in text for sign in _MAGIC)


def list_files(root: Path, path: str, kind: str) -> tuple[Listed, ...]:
    """List the files that a path means, in the order of their names.

    Parameters
    ----------
    root
        Folder that relative paths count from.
    path
        A file, a folder, or a pattern of `glob`; a file whose name holds such a sign is that file.
    kind
        Kind of the source; a folder may hold files of this kind only.

    Raises
    ------
    DataRejectedError
        If nothing fits, or something fits that is no file of this kind or leads out of its folder.

    Notes
    -----
    In a folder, names that begin with a point, an underscore or ``~$`` are left aside; sub-folders are
    not entered, as a pattern can name them. A link is followed where the declaration names it. A link
    found in a folder is followed only to a place in that folder: whoever may write into an inbox shall
    not choose which other files of this machine are read.
    """
    place = root / path
    if place.is_dir():
        entries = sorted(one for one in place.iterdir() if not one.name.startswith(_ASIDE))
        strangers = [one.name for one in entries if one.is_dir() or not of_kind(one.name, kind)]
        if strangers:
            raise _stranger(path, strangers, kind)
        return _checked(place, entries, path)
    if not is_pattern(path) or _exists(place):
        return (Listed(place, printable(place.name)),)
    base, pattern = _split(root, path)
    found = (base / one for one in glob.iglob(pattern, root_dir=base, recursive=True))
    entries = sorted(one for one in found if not one.name.startswith(_ASIDE))
    folders = [one.name for one in entries if one.is_dir()]
    if folders:
        raise DataRejectedError(
            f'{printable(path)}: "{printable(folders[0])}" fits the pattern and is a folder. Write a pattern '
            f"that names its files, such as {printable(path)}/*{SUFFIXES.get(kind, ('',))[0]}. "
            f"Nothing was replaced."
        )
    return _checked(base, entries, path)


def of_kind(name: str, kind: str) -> bool:
    """Say whether a file name belongs to a kind, packed or not.

    Examples
    --------
    >>> of_kind("visits.CSV.gz", "csv"), of_kind("visits.docx", "csv")
    (True, False)
    """
    plain = name.lower()
    for suffix in PACKED:
        plain = plain.removesuffix(suffix)
    return kind not in SUFFIXES or plain.endswith(SUFFIXES[kind])


def refuse_count(path: str, number: int) -> None:
    """Refuse a delivery of no files, or of more than are believed."""
    if not number:
        raise DataRejectedError(
            f"{printable(path)}: no file is there. Put the export there or mend the path. "
            f"Nothing was replaced."
        )
    if number > MOST_FILES:
        raise DataRejectedError(
            f"{printable(path)}: {number} files are there; at most {MOST_FILES} make one delivery. "
            f"Mend the path, or join them. Nothing was replaced."
        )


def state(files: Iterable[Listed]) -> tuple[object, ...]:
    """Give what shows that a listing is still the same: names, sizes and times of change."""
    found = []
    for one in files:
        try:
            now = one.path.stat()
        except OSError:
            found.append((one.name, None, None))
        else:
            found.append((one.name, now.st_size, now.st_mtime_ns))
    return tuple(found)


def _checked(base: Path, entries: Sequence[Path], path: str) -> tuple[Listed, ...]:
    refuse_count(path, len(entries))
    inside = base.resolve()
    for one in entries:
        if not one.resolve().is_relative_to(inside):
            raise DataRejectedError(
                f'{printable(path)}: "{printable(one.name)}" is a link that leads out of its folder, so it '
                f"is not followed. Put the file itself there, or name its true place. Nothing was replaced."
            )
    return tuple(Listed(one, printable(one.relative_to(base).as_posix())) for one in entries)


def _stranger(path: str, names: Sequence[str], kind: str) -> DataRejectedError:
    suffixes = SUFFIXES.get(kind, ("",))
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return DataRejectedError(
        f'{printable(path)}: the folder holds "{printable(names[0])}"{more}, which is no file of kind '
        f'"{kind}" ({", ".join(suffixes)}). Move it away, or say which files are meant: '
        f'path = "{printable(path.rstrip("/"))}/*{suffixes[0]}". Nothing was replaced.'
    )


def _split(root: Path, path: str) -> tuple[Path, str]:
    """Cut a pattern into the folder that it fixes and the rest."""
    parts = (root / path).parts
    first = next(number for number, part in enumerate(parts) if is_pattern(part))
    # Signs in the names of the study's own folders are no pattern.
    first = max(first, len(root.parts) if not Path(path).is_absolute() else 0)
    first = next(number for number, part in enumerate(parts) if number >= first and is_pattern(part))
    return Path(*parts[:first]), str(Path(*parts[first:]))


def _exists(place: Path) -> bool:
    try:
        return place.exists()
    except (OSError, ValueError):
        return False
