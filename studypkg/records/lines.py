"""Where the records of a delimited file start and end, and on which physical line, from its bytes."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from studypkg.records.grammar import LONGEST_RECORD, Bytes

Offsets = NDArray[np.int64]

_WINDOW = 1 << 23
_QUOTE, _LF, _CR, _TAB, _SPACE = 34, 10, 13, 9, 32
#: Small enough for the processor's cache; with a line end in each stretch no record is longer than believed.
_STRETCH = min(1 << 18, LONGEST_RECORD // 2)
#: The two bytes of the no-break space, and with them some letters: whoever has them is looked at closely.
_NO_BREAK = (0xC2, 0xA0)
_ASCII = 128
_NONE: Offsets = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Window:
    """Records that end within one stretch of the file; blank lines are left out.

    Parameters
    ----------
    starts, stops
        Offsets of the first byte and of the byte behind the last one, without the line end.
    lines
        Physical line of the first byte, from 1.
    lf, crlf, cr
        Line ends of each kind outside quotes.
    inner, blank
        Line ends inside quotes, and blank lines.
    bad_quotes
        Quote marks that do not stand at the edge of a field.
    misfits
        Records with another number of fields than the header.
    """

    starts: Offsets
    stops: Offsets
    lines: Offsets
    lf: int = 0
    crlf: int = 0
    cr: int = 0
    inner: int = 0
    blank: int = 0
    bad_quotes: int = 0
    misfits: int = 0


@dataclass
class Survey:
    """The totals over a file.

    Parameters
    ----------
    records
        Records, the header among them.
    longest
        Bytes of the longest record.
    lf, crlf, cr, inner, blank, bad_quotes, misfits
        As in `Window`.
    open_end
        Whether the last record has no line end.
    tidy
        Whether certainly no cell begins or ends with a blank.
    quoted
        Whether there may be quote marks.
    """

    records: int = 0
    longest: int = 0
    lf: int = 0
    crlf: int = 0
    cr: int = 0
    inner: int = 0
    blank: int = 0
    bad_quotes: int = 0
    misfits: int = 0
    open_end: bool = field(default=False)
    tidy: bool = field(default=False)
    quoted: bool = field(default=True)

    @property
    def plain(self) -> bool:
        """Whether record n stands on line n and all line ends are alike, so that any reader will do."""
        kinds = sum(number > 0 for number in (self.lf, self.crlf))
        return not (self.cr or self.inner or self.blank) and kinds <= 1


def survey(data: Bytes, start: int, *, delimiter: bytes, fields: int, line: int = 1) -> Survey:
    """Count the records and line ends of a file, check every quote mark, and count every record's fields.

    Parameters
    ----------
    data
        Bytes of the file, UTF-8.
    start, line
        Offset and physical line of the header.
    delimiter
        The delimiter, one byte.
    fields
        Fields of the header.

    Notes
    -----
    Counting marks from the header on, every odd one opens a quoted field and every even one closes it;
    a doubled mark closes and opens again. A file is well formed if every opening mark follows a
    delimiter, a line end or a closing mark, every closing mark precedes a delimiter, a line end, an
    opening mark or the end, and the last one closes.

    Most files have no quote mark, one kind of line end and no blank line. There it is enough to count
    delimiters and line ends, see `survey_plain`; any other file is looked at record by record.
    """
    return survey_plain(data, start, delimiter=delimiter, fields=fields) or _survey_records(
        data, start, delimiter=delimiter, fields=fields, line=line
    )


def survey_plain(data: Bytes, start: int, *, delimiter: bytes, fields: int) -> Survey | None:
    """Count the records of a file without quote marks, or say that it takes a closer look.

    Parameters
    ----------
    data, start, delimiter, fields
        As in `survey`.

    Returns
    -------
    Survey or None
        None if there is a quote mark, a blank line, a line end of another kind than the first, a very
        long record, or another number of delimiters than the records make due.

    Notes
    -----
    Of a file that passes, the parser that cuts it refuses every record with another number of fields.
    """
    found, size, cut = Survey(tidy=True, quoted=False), int(data.size), delimiter[0]
    last, cuts = _LF, 0
    # A mapped file checks what it is at every comparison; the plain array does not.
    plain = np.asarray(data)
    for low in range(start, size, _STRETCH):
        part = plain[low : min(low + _STRETCH, size)]
        ends = part == _LF
        n_ends = int(np.count_nonzero(ends))
        if not n_ends and low + _STRETCH < size:
            return None
        # Quote marks, blanks and other line ends are all small numbers; most stretches hold few of them.
        low_ones = part <= _QUOTE
        small = np.flatnonzero(low_ones & ~ends) if int(np.count_nonzero(low_ones)) > n_ends else _NONE
        kinds = part[small]
        if (kinds == _QUOTE).any():
            return None
        n_returns = int(np.count_nonzero(kinds == _CR))
        if n_returns or found.crlf:
            returns = part == _CR
            paired = int(np.count_nonzero(ends[1:] & returns[:-1])) + int(ends[0] and last == _CR)
            if found.lf or paired != n_ends:
                return None
            found.crlf, found.cr = found.crlf + n_ends, found.cr + n_returns
            if (last == _LF and returns[0]) or (returns[1:] & ends[:-1]).any():
                return None
        else:
            found.lf += n_ends
        if (last == _LF and ends[0]) or (ends[1:] & ends[:-1]).any():
            return None
        cuts += int(np.count_nonzero(part == cut))
        after = int(data[low + _STRETCH]) if low + _STRETCH < size else _LF
        if found.tidy:
            places = small[(kinds == _SPACE) | ((kinds == _TAB) & (cut != _TAB))]
            found.tidy = _is_tidy(part, places, last, after, cut)
        last = int(part[-1])
        release(data, low, low + int(part.size))
    if found.cr != found.crlf:
        return None
    found.cr, found.open_end = 0, last != _LF
    found.records = found.lf + found.crlf + found.open_end
    return found if cuts == found.records * (fields - 1) else None


def _is_tidy(part: Bytes, blanks: Offsets, last: int, after: int, cut: int) -> bool:
    """Whether no blank of a stretch stands at the edge of a cell; rather no than a wrong yes."""
    edge = np.zeros(256, dtype=np.bool_)
    edge[[cut, _LF, _CR]] = True
    places = blanks
    if part.max() >= _ASCII:
        places = np.concatenate((blanks, *(np.flatnonzero(part == one) for one in _NO_BREAK)))
    if not places.size:
        return True
    before = np.where(places > 0, part[np.maximum(places - 1, 0)], last)
    behind = np.where(places < part.size - 1, part[np.minimum(places + 1, part.size - 1)], after)
    return not (edge[before].any() or edge[behind].any())


def release(data: Bytes, low: int, high: int) -> None:
    """Give the memory of a stretch of a mapped file back: it has been looked at."""
    base = data.base
    if isinstance(base, mmap.mmap) and high > low:
        first = -(-low // mmap.PAGESIZE) * mmap.PAGESIZE
        if high > first:
            base.madvise(mmap.MADV_DONTNEED, first, high - first)


def _survey_records(data: Bytes, start: int, *, delimiter: bytes, fields: int, line: int) -> Survey:
    """Survey a file record by record."""
    total = Survey()
    stop = start
    for window in windows(data, start, delimiter=delimiter, fields=fields, line=line):
        total.records += window.starts.size
        if window.starts.size:
            total.longest = max(total.longest, int((window.stops - window.starts).max()))
            stop = int(window.stops[-1])
        for name in ("lf", "crlf", "cr", "inner", "blank", "bad_quotes", "misfits"):
            setattr(total, name, getattr(total, name) + getattr(window, name))
    total.open_end = total.records > 0 and stop == data.size
    return total


def windows(data: Bytes, start: int, *, delimiter: bytes, fields: int, line: int = 1) -> Iterator[Window]:
    """Give the records of a file, stretch by stretch; see `survey`."""
    size, cut = int(data.size), delimiter[0]
    quotes_before, ends_before, cuts_before = 0, 0, 0
    plain = np.asarray(data)
    open_start, open_line = start, line
    for low in range(start, size, _WINDOW):
        high = min(low + _WINDOW, size)
        part = plain[low:high]
        quotes = np.flatnonzero(part == _QUOTE) + low
        firsts, nexts, kinds = _line_ends(data, start, low, high)
        bad = _bad_quotes(data, start, quotes, quotes_before, cut) if quotes.size else 0
        inside = _inside(firsts, quotes, quotes_before)
        cuts = np.flatnonzero(part == cut) + low
        cuts = cuts[~_inside(cuts, quotes, quotes_before)]
        outer = np.flatnonzero(~inside)
        starts = np.concatenate(([open_start], nexts[outer]))
        lines = np.concatenate(([open_line], outer + (line + ends_before + 1)))
        stops = firsts[outer]
        full = stops > starts[:-1]
        kinds = kinds[outer]
        behind = np.searchsorted(cuts, starts)
        behind[1:] += cuts_before
        found = np.diff(behind) + 1
        cuts_before += int(cuts.size) - int(behind[-1])
        yield Window(
            starts[:-1][full],
            stops[full],
            lines[:-1][full],
            lf=int((kinds == _LF).sum()),
            crlf=int((kinds == 0).sum()),
            cr=int((kinds == _CR).sum()),
            inner=int(inside.sum()),
            blank=int((~full).sum()),
            bad_quotes=bad,
            misfits=int((found[full] != fields).sum()),
        )
        open_start, open_line = int(starts[-1]), int(lines[-1])
        quotes_before += int(quotes.size)
        ends_before += int(firsts.size)
        # The next window looks one byte back.
        release(data, low, high - 1)
    unclosed = quotes_before & 1
    if open_start < size:
        one = (np.array([open_start]), np.array([size]), np.array([open_line]))
        yield Window(*one, bad_quotes=unclosed, misfits=int(cuts_before + 1 != fields))


def _inside(places: Offsets, quotes: Offsets, before: int) -> NDArray[np.bool_]:
    """Whether each place lies in a quoted field, by the number of quote marks before it."""
    if not quotes.size:
        return np.full(places.size, bool(before & 1))
    return ((before + np.searchsorted(quotes, places)) & 1).astype(np.bool_)


def _line_ends(data: Bytes, start: int, low: int, high: int) -> tuple[Offsets, Offsets, Offsets]:
    """Give the first byte, the byte behind, and the kind (10, 13, or 0 for both) of the line ends."""
    part = data[low:high]
    feeds = np.flatnonzero(part == _LF) + low
    returns = np.flatnonzero(part == _CR) + low
    if not returns.size and not (low > start and data[low - 1] == _CR):
        return feeds, feeds + 1, np.full(feeds.size, _LF)
    paired = (feeds > start) & (data[np.maximum(feeds - 1, 0)] == _CR)
    follower = data[np.minimum(returns + 1, data.size - 1)]
    lone = returns[(follower != _LF) | (returns == data.size - 1)]
    firsts = np.concatenate((feeds - paired, lone))
    nexts = np.concatenate((feeds + 1, lone + 1))
    kinds = np.concatenate((np.where(paired, 0, _LF), np.full(lone.size, _CR)))
    order = np.argsort(firsts, kind="stable")
    return firsts[order], nexts[order], kinds[order]


def _bad_quotes(data: Bytes, start: int, quotes: Offsets, before: int, cut: int) -> int:
    edges = np.array([cut, _LF, _CR, _QUOTE], dtype=np.uint8)
    opening = ((before + np.arange(quotes.size)) & 1) == 0
    opens, closes = quotes[opening], quotes[~opening]
    good_open = np.isin(data[np.maximum(opens - 1, 0)], edges) | (opens == start)
    good_close = np.isin(data[np.minimum(closes + 1, data.size - 1)], edges) | (closes == data.size - 1)
    return int((~good_open).sum() + (~good_close).sum())
