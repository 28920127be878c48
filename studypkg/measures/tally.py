"""How much exercise was due in a window of days, and how much of it was reported done."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from studypkg.measures.days import DAYS_PER_WEEK, Floats, Ints, keyed, ranges


@dataclass(frozen=True)
class Windows:
    """Stretches of days of single episodes.

    Parameters
    ----------
    episode
        Position of the episode, shape (n,); beyond the last episode if it is not known.
    first, last
        Day numbers, both included, shape (n,).
    """

    episode: Ints
    first: Ints
    last: Ints


def due_and_done(windows: Windows, lines: pd.DataFrame, sessions: pd.DataFrame) -> pd.DataFrame:
    """Count what was due and what was done, for each window and each prescription line that stood in it.

    Parameters
    ----------
    windows
        The days to look at.
    lines
        As `prescribed_lines` gives them.
    sessions
        As `matched_sessions` gives them.

    Returns
    -------
    DataFrame
        One row per window and line that share a day, sorted: `window`, `line`; `asked` (sessions due
        before pauses), `due` (after them), `reported` (sessions with a report, at most `due`), `known`
        (of these, with a dose), `credit` (doses done, in sessions), `extra` (doses done without any cap),
        `target`; the states `done`, `partial`, `not_done`, `paused` as counts of sessions.

    Notes
    -----
    due = sessions per week × days/7 − paused sessions. If more sessions were reported than were due, the
    best ones count, up to the number due; the rest shows in `extra` alone. A share above the dose of one
    session never makes up for another session, exercise or side.
    """
    pairs = _pairs(windows, lines)
    hits = _hits(windows, sessions, pairs, len(lines))
    pair, n = hits["pair"].to_numpy(), len(pairs)
    state, share = hits["state"].to_numpy(), hits["share"].to_numpy(dtype=float)
    for position, name in enumerate(("done", "partial", "not_done", "paused")):
        pairs[name] = np.bincount(pair[state == position], minlength=n)
    pairs["due"] = np.maximum(pairs["asked"] - pairs["paused"], 0)
    open_to_credit = state < 3
    pair, share = pair[open_to_credit], share[open_to_credit]
    best_first = np.lexsort((-np.nan_to_num(share, nan=-1), pair))
    pair, share = pair[best_first], share[best_first]
    rank = np.arange(len(pair)) - np.searchsorted(pair, pair)
    weight = np.clip(pairs["due"].fillna(0).to_numpy()[pair] - rank, 0, 1)
    has_share = np.isfinite(share)
    pairs["reported"] = np.bincount(pair, weight, minlength=n)
    pairs["known"] = np.bincount(pair, weight * has_share, minlength=n)
    pairs["credit"] = np.bincount(pair, weight * np.nan_to_num(share), minlength=n)
    done = hits["done_share"].to_numpy(dtype=float)
    pairs["extra"] = np.bincount(hits["pair"], np.nan_to_num(done), minlength=n)
    return pairs


def _pairs(windows: Windows, lines: pd.DataFrame) -> pd.DataFrame:
    """Pair each window with the lines of its episode that stand on at least one of its days."""
    of_line = lines["episode"].to_numpy()
    low = np.searchsorted(of_line, windows.episode, side="left")
    high = np.searchsorted(of_line, windows.episode, side="right")
    window, line = ranges(low, high)
    first = np.maximum(windows.first[window], lines["first"].to_numpy()[line])
    last = np.minimum(windows.last[window], lines["last"].to_numpy()[line])
    days = last - first + 1
    stands = days > 0
    window, line, days = window[stands], line[stands], days[stands]
    return pd.DataFrame(
        {
            "window": window,
            "line": line,
            "asked": lines["per_week"].to_numpy()[line] * days / DAYS_PER_WEEK,
            "target": lines["target"].to_numpy()[line],
        }
    )


def _hits(windows: Windows, sessions: pd.DataFrame, pairs: pd.DataFrame, n_lines: int) -> pd.DataFrame:
    """Find the sessions of each window, with the pair of window and line that each belongs to."""
    due = sessions[(sessions["line"] >= 0) & (sessions["state"] < 4)]
    keys = keyed(due["episode"].to_numpy(), due["day"].to_numpy())
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    low = np.searchsorted(keys, keyed(windows.episode, windows.first), side="left")
    high = np.searchsorted(keys, keyed(windows.episode, windows.last), side="right")
    window, at = ranges(low, high)
    found = due.iloc[order[at]]
    pair = np.searchsorted(
        _pair_key(pairs["window"].to_numpy(), pairs["line"].to_numpy(), n_lines),
        _pair_key(window, found["line"].to_numpy(), n_lines),
    )
    target: Floats = found["target"].to_numpy(dtype=float)
    return pd.DataFrame(
        {
            "pair": pair,
            "state": found["state"].to_numpy(),
            "share": found["share"].to_numpy(),
            "done_share": found["done"].to_numpy(dtype=float) / target,
        }
    )


def _pair_key(window: Ints, line: Ints, n_lines: int) -> Ints:
    return window * max(n_lines, 1) + line
