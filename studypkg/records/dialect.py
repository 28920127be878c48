"""How a text file is written: its encoding and its delimiter, found without guessing or asked for."""

from __future__ import annotations

import codecs
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from studypkg.errors import ConfigError, DataRejectedError
from studypkg.records.grammar import Bytes, Grammar
from studypkg.records.raw import shown

DELIMITERS: dict[str, str] = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}

_CHUNK = 1 << 22
_SAMPLE = 200
#: Longest mark first: the mark of UTF-32 begins with that of UTF-16.
_MARKS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
          (codecs.BOM_UTF16_BE, "utf-16"), (codecs.BOM_UTF8, "utf-8"))  # fmt: skip
_PACKED = (
    (b"PK\x03\x04", 'an Excel workbook or a ZIP archive. Declare kind = "excel", or unpack it'),
    (b"PAR1", 'a Parquet file. Declare kind = "parquet"'),
    (b"\x1f\x8b", "compressed with gzip. Unpack it"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Office file. Save it as CSV or as .xlsx"),
)
_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class TextFile:
    """A text file that is UTF-8, if need be as a private copy.

    Parameters
    ----------
    path
        The file itself, or its decoded copy.
    start
        Offset of the first byte behind a byte-order mark.
    sha256
        Hash of the file as delivered.
    encoding
        How the delivered file was encoded.
    notes
        What was done.
    """

    path: Path
    start: int
    sha256: str
    encoding: str
    notes: tuple[str, ...]


def open_text(path: Path, *, encoding: str | None, folder: Path, sha256: str | None = None) -> TextFile:
    """Make sure that a file is text in a known encoding.

    Parameters
    ----------
    path
        The delivered file.
    encoding
        As declared, such as ``"cp1252"``; `None` means UTF-8, or UTF-16 and UTF-32 with their mark.
    folder
        Private folder for a decoded copy.
    sha256
        Hash of the file, where it is known already.

    Returns
    -------
    TextFile
        The file as UTF-8.

    Raises
    ------
    DataRejectedError
        If the bytes do not fit the encoding, hold NUL, or are another format.
    ConfigError
        If the declared encoding is unknown.
    """
    with path.open("rb") as stream:
        head = stream.read(8)
    for magic, what in _PACKED:
        if head.startswith(magic):
            raise DataRejectedError(f"{shown(path)}: this is not a text file but {what}.")
    mark, marked = next(((m, name) for m, name in _MARKS if head.startswith(m)), (b"", None))
    declared = _known(encoding, path) if encoding else None
    if marked and declared and not declared.startswith(marked):
        raise DataRejectedError(
            f'{shown(path)}: the file starts with the mark of {marked} and encoding = "{encoding}" is '
            f"declared. Remove the declaration."
        )
    name = marked or declared or "utf-8"
    notes = ("byte-order mark removed",) if mark else ()
    if name == "utf-8":
        return TextFile(path, len(mark), _check_utf8(path, sha256), "utf-8", notes)
    copy = folder / "decoded.txt"
    digest = _decode(path, name, copy)
    return TextFile(copy, 0, digest, name, (*notes, f"decoded from {name}"))


def _known(encoding: str, path: Path) -> str:
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)
    except LookupError:
        raise ConfigError(
            f'{shown(path)}: encoding = "{encoding}" is unknown. Usual ones: utf-8, cp1252, utf-16.'
        ) from None
    return "utf-8" if name == "utf-8-sig" else name


def _check_utf8(path: Path, sha256: str | None) -> str:
    """Refuse bytes that are not UTF-8, or NUL, and give the hash of the file."""
    digest, decoder, read = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")(), 0
    with path.open("rb") as stream:
        while True:
            piece = stream.read(_CHUNK)
            if sha256 is None:
                digest.update(piece)
            _refuse_nul(b"\0" in piece, path)
            held = len(decoder.getstate()[0])
            if held or not piece.isascii():
                try:
                    decoder.decode(piece, final=not piece)
                except UnicodeDecodeError as fault:
                    line = _line_at(path, read - held + fault.start)
                    raise DataRejectedError(_not_utf8(path, line, piece)) from None
            if not piece:
                return sha256 or digest.hexdigest()
            read += len(piece)


def _line_at(path: Path, offset: int) -> int:
    """Physical line of a byte, from 1."""
    before = np.memmap(path, dtype=np.uint8, mode="r").data[:offset]
    return 1 + sum(1 for _ in _LINE_END.finditer(before))


def _not_utf8(path: Path, line: int, piece: bytes) -> str:
    try:
        piece.decode("cp1252")
    except UnicodeDecodeError:
        likely = 'Ask how it was exported and declare it, such as encoding = "latin-1"'
    else:
        likely = 'Declare encoding = "cp1252" (likely: its bytes fit Windows text)'
    return (
        f"{shown(path)}: line {line} is not UTF-8 text. {likely} for this source, or export it as UTF-8. "
        f"Nothing was replaced."
    )


def _decode(path: Path, name: str, copy: Path) -> str:
    """Write the UTF-8 copy and hash the original; refuse UTF-8 that was declared as something else."""
    digest, decoder = hashlib.sha256(), codecs.getincrementaldecoder(name)()
    other, plain, lines = codecs.getincrementaldecoder("utf-8")(), True, 1
    is_utf8 = True
    with path.open("rb") as stream, copy.open("wb") as target:
        while True:
            piece = stream.read(_CHUNK)
            digest.update(piece)
            try:
                text = decoder.decode(piece, final=not piece)
            except UnicodeDecodeError:
                raise DataRejectedError(
                    f"{shown(path)}: a character at or after line {lines} is not {name} text, which is "
                    f"declared or marked. Declare the true encoding. Nothing was replaced."
                ) from None
            _refuse_nul("\0" in text, path)
            plain = plain and piece.isascii()
            if is_utf8:
                try:
                    other.decode(piece, final=not piece)
                except UnicodeDecodeError:
                    is_utf8 = False
            target.write(text.encode("utf-8"))
            lines += text.count("\n")
            if not piece:
                break
    if is_utf8 and not plain:
        raise DataRejectedError(
            f'{shown(path)}: encoding = "{name}" is declared and the file is UTF-8: letters would be '
            f"garbled. Remove the declaration. Nothing was replaced."
        )
    return digest.hexdigest()


def _refuse_nul(found: bool, path: Path) -> None:
    if found:
        raise DataRejectedError(
            f"{shown(path)}: the file holds NUL bytes. Either it is damaged, or it is UTF-16 without a mark: "
            f'then declare encoding = "utf-16-le". Nothing was replaced.'
        )


def find_delimiter(data: Bytes, start: int, *, declared: str | None, file: str) -> str:
    """Find the one delimiter under which the first records have as many fields as the header.

    Parameters
    ----------
    data, start
        Bytes of the file, and offset of its header.
    declared
        The delimiter of the declaration, which then only is checked.
    file
        Name of the file, for the message.

    Returns
    -------
    str
        The delimiter; a comma for a file of one column.

    Raises
    ------
    DataRejectedError
        If several will do, or none of several does.
    """
    widths = {cut: _widths(Grammar(cut), data, start) for cut in DELIMITERS}
    wide = [cut for cut, seen in widths.items() if seen and seen[0] > 1]
    fitting = [cut for cut in wide if len(set(widths[cut])) == 1]
    if declared is not None:
        if declared not in wide and len(fitting) == 1:
            raise DataRejectedError(
                f'{file}: delimiter = "{declared}" is declared and the header is cut by '
                f"the {DELIMITERS[fitting[0]]}. Remove the declaration or mend it. Nothing was replaced."
            )
        return declared
    choices = fitting or wide
    if len(choices) > 1:
        named = " and ".join(DELIMITERS[cut] for cut in choices)
        found = "would all do" if fitting else "both occur in the header and neither fits the rows"
        raise DataRejectedError(
            f"{file}: the delimiter is not clear: {named} {found}. Declare delimiter for this source. "
            f"Nothing was replaced."
        )
    return choices[0] if choices else ","


def _widths(grammar: Grammar, data: Bytes, start: int) -> list[int]:
    return [grammar.count(record) for record in grammar.records(data, start, most=_SAMPLE)]
