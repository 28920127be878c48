"""Files that lie elsewhere: listed, copied in streams into a private folder, and listed again."""

from __future__ import annotations

import hashlib
import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast
from urllib.parse import unquote, urlsplit

from fsspec.core import url_to_fs
from fsspec.registry import known_implementations

from studypkg.errors import ConfigError, DataRejectedError, StudyError
from studypkg.records.listing import Listed, is_pattern, of_kind, refuse_count
from studypkg.records.raw import printable

#: Bytes of one delivery that are fetched.
MOST_BYTES = 64 << 30
SECONDS = 60
_CHUNK = 1 << 20
_WEB = ("http", "https")
#: What an object's listing may say of its version; no store says all of it.
_VERSION = ("ETag", "etag", "LastModified", "last_modified", "mtime", "created", "updated", "md5Hash")


@dataclass(frozen=True)
class _Remote:
    """One object: its place in the store, its name for messages, its size and its version if known."""

    place: str
    name: str
    size: int | None
    version: str


def shown_address(address: str) -> str:
    """Give an address as a message may show it: without a user and without what follows the path."""
    parts = urlsplit(address)
    return printable(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{unquote(parts.path)}")


def download(address: str, kind: str, work: Path) -> tuple[Listed, ...]:
    """Copy the files of an address into a private folder.

    Parameters
    ----------
    address
        One file by ``https://``; a file, a folder or a pattern by anything that fsspec opens. How the
        run may read there comes from the environment, in the way of each store's own library.
    kind
        Kind of the source; a folder may hold files of this kind only.
    work
        Private folder of the delivery. One address is fetched once in a delivery.

    Returns
    -------
    tuple of Listed
        The copies in the order of their names, under the names they have there.

    Raises
    ------
    ConfigError
        If the address cannot be opened at all, or needs a library that is not installed.
    DataRejectedError
        If nothing is there, it may not be read, or it changed while it was read.
    """
    folder = work / "fetched" / hashlib.sha256(f"{kind} {address}".encode()).hexdigest()[:16]
    index = folder / "index.json"
    if not index.exists():
        folder.mkdir(parents=True, exist_ok=True)
        names = _fetch(address, kind, folder)
        index.write_text(json.dumps(names), encoding="utf-8")
    names = json.loads(index.read_text(encoding="utf-8"))
    return tuple(Listed(_copy_of(folder, number, name), name) for number, name in enumerate(names))


def _fetch(address: str, kind: str, folder: Path) -> list[str]:
    scheme = urlsplit(address).scheme.lower()
    if scheme in _WEB:
        name = printable(unquote(PurePosixPath(urlsplit(address).path).name)) or "download"
        if is_pattern(urlsplit(address).path):
            raise ConfigError(
                f"{shown_address(address)}: a web server gives no list of its files. Name one file."
            )
        target = _copy_of(folder, 0, name)
        with _worded(address), _web(address) as (stream, size):
            _stream(stream, target, size, address, MOST_BYTES)
        return [name]
    if scheme in ("file", "local") or "::" in address:
        raise ConfigError(
            f"{shown_address(address)}: write a place on this machine as a plain path, and an address as one "
            f"address, not a chain."
        )
    with _worded(address):
        store, path = cast(tuple[Any, str], url_to_fs(address))
        found = _list(store, path, address, kind)
        left = MOST_BYTES
        for number, one in enumerate(found):
            with store.open(one.place, "rb") as stream:
                left -= _stream(stream, _copy_of(folder, number, one.name), one.size, address, left)
        if _list(store, path, address, kind) != found:
            raise _changed(address)
    return [one.name for one in found]


def _list(store: Any, path: str, address: str, kind: str) -> list[_Remote]:
    """List what an address means now, not what the library remembers."""
    store.invalidate_cache()
    if is_pattern(path):
        fixed = path[: next(i for i, sign in enumerate(path) if is_pattern(sign))]
        base = fixed.rpartition("/")[0]
        entries = list(cast(Mapping[str, Any], store.glob(path, detail=True)).values())
    elif store.isdir(path):
        base = path.rstrip("/")
        entries = [one for one in store.ls(path, detail=True) if one["name"].strip("/") != path.strip("/")]
    else:
        base, entries = path.rpartition("/")[0], [store.info(path)]
    files = []
    for entry in sorted(entries, key=lambda one: str(one["name"])):
        place = str(entry["name"])
        last = PurePosixPath(place).name
        # A name of no length, or ending in a slash, is how object stores write down a folder.
        if last.startswith((".", "_")) or place.endswith("/"):
            continue
        name = printable(place.strip("/").removeprefix(base.strip("/")).strip("/")) or printable(last)
        if entry.get("type") == "directory" or not (place == path or of_kind(last, kind)):
            raise DataRejectedError(
                f'{shown_address(address)}: "{name}" is there and is no file of kind "{kind}". Write a '
                f"pattern that names the files that are meant. Nothing was replaced."
            )
        size = entry.get("size")
        version = repr([str(entry[key]) for key in _VERSION if key in entry])
        files.append(_Remote(place, name, None if size is None else int(size), version))
    refuse_count(shown_address(address), len(files))
    return files


def _copy_of(folder: Path, number: int, name: str) -> Path:
    """Name a copy: a folder of its own keeps equal names apart, and no name leads out of it."""
    place = folder / f"{number:05d}"
    place.mkdir(exist_ok=True)
    last = PurePosixPath(name.replace("\\", "/").replace("\0", "?")).name
    return place / (last[-200:] if last not in ("", ".", "..") else "file")


@contextmanager
def _web(address: str) -> Iterator[tuple[IO[bytes], int | None]]:
    request = urllib.request.Request(address, headers={"User-Agent": "studypkg", "Accept": "*/*"})
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        if answer.headers.get_content_type() == "text/html":
            raise DataRejectedError(
                f"{shown_address(address)}: the server answered with a web page, perhaps to log in, and not "
                f"with a file. Nothing was replaced."
            )
        size = answer.headers.get("Content-Length")
        yield answer, int(size) if size and size.isdigit() else None


def _stream(stream: IO[bytes], target: Path, size: int | None, address: str, most: int) -> int:
    """Copy piece by piece, and make sure that what was promised has come; returns its size."""
    room = min(most, shutil.disk_usage(target.parent).free)
    written = 0
    with target.open("wb") as copy:
        while piece := stream.read(_CHUNK):
            written += len(piece)
            if written > room:
                raise DataRejectedError(
                    f"{shown_address(address)}: the files are larger than {room >> 20} MB, which is the "
                    f"limit or the room on this disk. Nothing was replaced."
                )
            copy.write(piece)
    if size is not None and written != size:
        raise _changed(address)
    return written


@contextmanager
def _worded(address: str) -> Iterator[None]:
    """Let no error of a library through: its text may quote an address with its secrets, or a key."""
    refusal: StudyError
    try:
        yield
        return  # noqa: TRY300
    except StudyError:
        raise
    except (ImportError, ValueError) as fault:
        known = isinstance(fault, ImportError) or "rotocol" in str(fault)
        scheme = printable(urlsplit(address).scheme)
        library = known_implementations.get(scheme, {}).get("err", "")
        refusal = (
            ConfigError(f'an address that begins with "{scheme}://" cannot be opened here. {library}'.strip())
            if known
            else DataRejectedError(f"{shown_address(address)}: cannot be read. Nothing was replaced.")
        )
    except FileNotFoundError:
        refusal = DataRejectedError(
            f"{shown_address(address)}: nothing is there. Mend the address. Nothing was replaced."
        )
    except PermissionError:
        refusal = DataRejectedError(f"{shown_address(address)}: {_FORBIDDEN}")
    except urllib.error.HTTPError as fault:
        fault.close()
        means = _FORBIDDEN if fault.code in (401, 403, 407) else "Nothing was replaced."
        refusal = DataRejectedError(
            f"{shown_address(address)}: the server answered with the code {fault.code}. {means}"
        )
    except (OSError, HTTPException) as fault:
        refusal = DataRejectedError(
            f"{shown_address(address)}: the store cannot be reached, or broke off ({type(fault).__name__}). "
            f"Check the network and the address, and run again. Nothing was replaced."
        )
    except Exception as fault:  # every store's library has errors of its own
        refusal = DataRejectedError(
            f"{shown_address(address)}: the store's library gave up with {type(fault).__name__}. Check the "
            f"address and the rights that the environment gives. Nothing was replaced."
        )
    raise refusal from None


_FORBIDDEN = (
    "This run may not read it. Give it the right by the environment, as the store's own tools do; never "
    "by the address. Nothing was replaced."
)


def _changed(address: str) -> DataRejectedError:
    return DataRejectedError(
        f"{shown_address(address)}: the files changed, or came short, while they were fetched. Wait until "
        f"they are written, and run again. Nothing was replaced."
    )
