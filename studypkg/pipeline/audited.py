"""What an audit found, as one says it: never with a value, and with what to do next."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

_ADVICE = {
    "identifier": "Take the page off, and do not send it on. Find out how the value came there.",
    "small count": "Take the page off, and make it again with `study report`.",
    "number": "The page shows what the release gate did not let out. Make it again with `study report`.",
    "machine": "Make the page again with `study report`; give nobody the notebook.",
    "not understood": "Take the file out of the folder, or name it with --allow if you know what it is.",
}


@dataclass(frozen=True)
class Found:
    """Something that should not have left; never with the value itself.

    Parameters
    ----------
    kind
        ``identifier``, ``small count``, ``number``, ``derivable``, ``unlisted``, ``machine`` or
        ``not understood``.
    file
        Relative to the folder of reports; empty for what follows from several pages.
    place
        Element within the file, or the cell.
    what
        What kind of thing it is.
    """

    kind: str
    file: str
    place: str
    what: str


@dataclass(frozen=True)
class Audit:
    """What an audit looked at, and what it found.

    Parameters
    ----------
    files, texts, tables
        How much was read; texts are different texts.
    ids, plain_ids
        Different ids of the records that were looked for, and how many of these look like any number, so
        that they are recognised only next to a word such as "patient".
    issues, cells
        Issues of pages, and counts shown or withheld in them, that the attack on small cells used.
    found
        Findings in the order of files.
    passed_over
        Files that were not understood and that the caller allowed.
    """

    files: int
    texts: int
    tables: int
    ids: int
    plain_ids: int
    issues: int
    cells: int
    found: tuple[Found, ...]
    passed_over: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 if nothing was found, else 13."""
        return 13 if self.found else 0

    def as_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        return {"clean": not self.found, **asdict(self)}

    def as_text(self, most: int = 40) -> str:
        """Say it in sentences; of many findings the first `most`."""
        lines = [
            f"{self.files:,} files, {self.texts:,} different texts and {self.tables:,} tables were read; "
            f"{self.ids:,} ids of the records were looked for.",
            f"{self.issues:,} issues of pages with {self.cells:,} counts were put together to work out the "
            "withheld ones.",
        ]
        if self.plain_ids:
            lines.append(
                f"{self.plain_ids:,} ids look like any number or word; they were looked for only next to a "
                'word such as "patient".'
            )
        if self.passed_over:
            lines.append(f"{len(self.passed_over)} files were not understood and passed over, as you said.")
        if not self.found:
            return "\n".join([*lines, "No identifier was found, and no small count can be worked out."])
        lines.append(f"{len(self.found)} findings:")
        lines += [f"  {_line(one)}" for one in self.found[:most]]
        if len(self.found) > most:
            lines.append(f"  and {len(self.found) - most} more; --json lists all.")
        kinds = dict.fromkeys(one.kind for one in self.found)
        lines += [f"{kind}: {_ADVICE[kind]}" for kind in kinds if kind in _ADVICE]
        return "\n".join(lines)


def _line(one: Found) -> str:
    place = " · ".join(part for part in (one.file, one.place) if part)
    return f"{one.kind}: {place}: {one.what}"
