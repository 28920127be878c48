"""The ids of the study's own records, looked up in published text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

#: An id of fewer letters and figures than this, or of figures alone that are this few, is any number.
SHORTEST = 5
SHORTEST_NUMBER = 7
#: An id is at most so many runs of letters and figures, such as ``P-2026-0013``.
MOST_RUNS = 8
_RUN = re.compile(r"[^\W_]+")
_ID_WORDS = frozenset(
    [
        "patient",
        "patients",
        "person",
        "subject",
        "episode",
        "client",
        "record",
        "id",
        "ids",
        "pid",
        "mrn",
        "case",
        "therapist",
        "patientid",
        "episodeid",
    ]
)


class KnownIds:
    """A set of ids that finds them in text, however their parts are joined there.

    Parameters
    ----------
    values
        The ids. Case and what stands between letters and figures does not count: ``P-0013`` is found as
        ``p0013`` and as ``P_0013``.

    Notes
    -----
    An id that looks like any number (`plain` counts these) is found only next to a word such as "patient".
    """

    def __init__(self, values: Iterable[str]) -> None:
        self._joined: set[str] = set()
        self._plain: set[str] = set()
        self._sizes: dict[str, int] = {}
        for value in values:
            runs = _RUN.findall(value.casefold())
            if not runs or len(runs) > MOST_RUNS:
                continue
            joined = "".join(runs)
            least = SHORTEST_NUMBER if joined.isdigit() else SHORTEST
            if len(joined) < least or (joined.isalpha() and len(joined) < 2 * SHORTEST):
                self._plain.add(joined)
            else:
                self._joined.add(joined)
            # By its first run, how many runs an id may have: most text is passed over at once.
            for size, start in ((len(runs), runs[0]), (1, joined)):
                self._sizes[start] = max(self._sizes.get(start, 1), size)

    def __len__(self) -> int:
        return len(self._joined) + len(self._plain)

    @property
    def plain(self) -> int:
        """How many ids look like any number or word."""
        return len(self._plain)

    def found(self, text: str) -> int:
        """Count the places of a text that hold an id."""
        return sum(1 for _ in self._places(text))

    def _places(self, text: str) -> Iterator[int]:
        runs = _RUN.findall(text.casefold())
        sizes = self._sizes
        for at, run in enumerate(runs):
            most = sizes.get(run)
            if most is None:
                continue
            joined = ""
            for part in runs[at : at + most]:
                joined += part
                near = _ID_WORDS.intersection(runs[max(0, at - 2) : at])
                if joined in self._joined or (joined in self._plain and near):
                    yield at
                    break
