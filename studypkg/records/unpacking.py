"""Compressed deliveries: one file in a .gz or a .zip, unpacked in a stream that knows when to stop."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

from studypkg.errors import DataRejectedError
from studypkg.records.raw import shown

#: Unpacked bytes of one file that are still read.
MOST_BYTES = 64 << 30
#: Beyond `_UNSUSPECTED` bytes, nothing that people write packs better than this.
MOST_RATIO = 200
_UNSUSPECTED = 256 << 20
_CHUNK = 1 << 20
#: What a Mac adds to every archive.
_MAC = "__MACOSX/"


def unpacked(path: Path, work: Path) -> Path:
    """Unpack a file whose name ends in .gz or .zip into a private folder; give any other as it is.

    Parameters
    ----------
    path
        The delivered file.
    work
        Private folder of the delivery.

    Returns
    -------
    Path
        The content, under the name of the delivered file, so that messages name what was delivered.

    Raises
    ------
    DataRejectedError
        If the archive is damaged, holds more or less than one file, or grows beyond belief.

    Notes
    -----
    No name that stands in an archive is ever used as a path.
    """
    opener = _OPENERS.get(path.suffix.lower())
    if opener is None:
        return path
    folder = work / "unpacked" / hashlib.sha256(str(path).encode(errors="surrogateescape")).hexdigest()[:16]
    target = folder / path.name
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "part"
    try:
        with path.open("rb") as packed, part.open("wb") as plain, opener(packed, shown(path)) as stream:
            _copy(stream, plain, packed_bytes=path.stat().st_size, file=shown(path))
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
        raise DataRejectedError(
            f"{shown(path)}: the archive is damaged, cut off, or not what its name says. Deliver it again. "
            f"Nothing was replaced."
        ) from None
    except RuntimeError:
        raise DataRejectedError(
            f"{shown(path)}: the archive is locked with a password. Deliver it without one, over a way that "
            f"is safe itself. Nothing was replaced."
        ) from None
    part.rename(target)
    return target


def _gzip(packed: IO[bytes], file: str) -> IO[bytes]:
    return gzip.GzipFile(fileobj=packed)


def _zip(packed: IO[bytes], file: str) -> IO[bytes]:
    archive = zipfile.ZipFile(packed)
    members = [one for one in archive.infolist() if not one.is_dir() and not one.filename.startswith(_MAC)]
    if len(members) != 1:
        raise DataRejectedError(
            f"{file}: the archive holds {len(members)} files and exactly one is read. Unpack it and name the "
            f"files, or their folder. Nothing was replaced."
        )
    if stat.S_ISLNK(members[0].external_attr >> 16):
        raise DataRejectedError(
            f"{file}: the archive holds a link and no file. Pack the file itself. Nothing was replaced."
        )
    return archive.open(members[0])


_OPENERS: dict[str, Callable[[IO[bytes], str], IO[bytes]]] = {".gz": _gzip, ".zip": _zip}


def _copy(stream: IO[bytes], target: IO[bytes], *, packed_bytes: int, file: str) -> None:
    """Copy in pieces and stop before a bomb fills the disk."""
    room = shutil.disk_usage(target.name).free
    allowed = min(max(_UNSUSPECTED, MOST_RATIO * packed_bytes), MOST_BYTES)
    written = 0
    while piece := stream.read(_CHUNK):
        written += len(piece)
        if written > allowed:
            raise DataRejectedError(
                f"{file}: {packed_bytes} bytes unpack to more than {allowed >> 20} MB, which "
                f"no export does. If it is true, unpack it yourself. Nothing was replaced."
            )
        if written > room:
            raise DataRejectedError(
                f"{file}: there is no room on this disk to unpack the file. Nothing was replaced."
            )
        target.write(piece)
