"""What became of each session that was reported, and how much of its dose was done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from studypkg.measures.days import FAR_AHEAD, Floats, Ints, as_dates, codes_of, day_number, day_numbers, keyed
from studypkg.measures.dose import care_span, prescribed_lines

#: From the most to the least trusted. Of several sources for one session only the first is used.
SOURCE_ORDER = ("sensor", "app", "diary", "recall")

#: What a reported session can be. A day without a report is no session: `window_adherence` counts those.
SESSION_STATES = ("done", "partial", "not_done", "paused", "not_due", "after_discharge")

_DONE, _PARTIAL, _NOT_DONE, _PAUSED, _NOT_DUE, _AFTER = range(6)
_SIDES = ("left", "right", "unspecified", "both")
_LEFT, _RIGHT, _UNSPECIFIED, _BOTH = range(4)


def session_adherence(
    prescriptions: pd.DataFrame, logs: pd.DataFrame, episodes: pd.DataFrame, *, cutoff: pd.Timestamp
) -> pd.DataFrame:
    """Match every reported session with its prescription, and measure the dose.

    Parameters
    ----------
    prescriptions
        One row per exercise, side and validity.
    logs
        One row per exercise, side, session and source. Of several sources for one session one is used:
        sensor before app before diary before recall.
    episodes
        One row per episode of care.
    cutoff
        Last day whose records count; later rows are left out.

    Returns
    -------
    DataFrame
        One row per episode, day, exercise and side: `episode_id`, `date`, `exercise`, `side`, `source`,
        `state` (one of `SESSION_STATES`), `dose_due`, `dose_done` (not capped), `share` (capped at 1),
        and `line`, the position among `prescribed_lines`, −1 if nothing was due.

    Notes
    -----
    share = min(done, D)/D, per exercise, side and session. A session reported as done without numbers
    counts as D; one reported as partly done without numbers has no share, and is not taken for 0.
    A prescription without a side takes the mean of the sides that were logged; a log without a side
    stands for every side that was prescribed.
    """
    lines = prescribed_lines(prescriptions, episodes, cutoff=cutoff)
    found = matched_sessions(lines, logs, episodes, cutoff=cutoff)
    words = pd.Series(pd.concat([lines["exercise"], logs["exercise"].astype("str")]).unique(), dtype="str")
    return pd.DataFrame(
        {
            "episode_id": episodes["episode_id"].to_numpy()[found["episode"]],
            "date": as_dates(found["day"].to_numpy()),
            "exercise": words.to_numpy()[found["exercise"]],
            "side": np.array(_SIDES)[found["side"]],
            "source": np.array((*SOURCE_ORDER, "unknown"))[found["rank"]],
            "state": np.array(SESSION_STATES)[found["state"]],
            "dose_due": found["target"],
            "dose_done": found["done"],
            "share": found["share"],
            "line": found["line"],
        }
    )


def matched_sessions(
    lines: pd.DataFrame, logs: pd.DataFrame, episodes: pd.DataFrame, *, cutoff: pd.Timestamp
) -> pd.DataFrame:
    """Do the work of `session_adherence` on numbers: words become positions in their lists.

    Parameters
    ----------
    lines
        As `prescribed_lines` gives them.
    logs, episodes, cutoff
        As for `session_adherence`.

    Returns
    -------
    DataFrame
        `episode` (position in `episodes`), `exercise`, `side`, `day`, `rank` of the source, `state`,
        `line`, `target`, `done`, `share`.
    """
    span = care_span(episodes, cutoff)
    _, episode = codes_of(span.episode_ids, logs["episode_id"])
    line_exercise, exercise = codes_of(lines["exercise"], logs["exercise"])
    rows = pd.DataFrame(
        {
            "episode": episode,
            "exercise": exercise,
            "side": _position(logs["side"].fillna("unspecified"), _SIDES),
            "day": day_numbers(logs["date"], missing=FAR_AHEAD),
            "rank": _position(logs["source"], SOURCE_ORDER),
            "state": _position(logs["state"], SESSION_STATES[:4]),
            "sets": pd.to_numeric(logs["sets_done"]).to_numpy(dtype=float),
            "count": pd.to_numeric(logs["count_done"]).to_numpy(dtype=float),
            "hold": pd.to_numeric(logs["hold_s"]).to_numpy(dtype=float),
        }
    )
    rows = rows[(rows["episode"] < len(span.episode_ids)) & (rows["day"] <= day_number(cutoff))]
    both = rows["side"] == _BOTH
    if both.any():
        mirrored = [rows[both].assign(side=side) for side in (_LEFT, _RIGHT)]
        rows = pd.concat([rows[~both], *mirrored], ignore_index=True)
    rows = _with_line(rows, lines, line_exercise)
    rows = _with_dose(rows, lines)
    after = rows["day"].to_numpy() > span.discharged[rows["episode"].to_numpy()]
    unmatched = rows["line"].to_numpy() < 0
    rows["state"] = np.select([after, unmatched], [_AFTER, _NOT_DUE], rows["state"])
    return _one_per_line_and_day(rows)


def _position(words: pd.Series[Any], known: tuple[str, ...]) -> Ints:
    """Position of each word in a list; words that are not in it come after the last."""
    at = pd.Index(known).get_indexer(pd.Index(words.astype("str")))
    return np.where(at < 0, len(known), at).astype(np.int64)


def _with_line(sessions: pd.DataFrame, lines: pd.DataFrame, line_exercise: Ints) -> pd.DataFrame:
    """Add the line that was due on the day of each session: its own side first, then a fitting one."""
    rows = sessions.copy()
    wide = int(max(line_exercise.max(initial=0), rows["exercise"].max() if len(rows) else 0)) + 1

    def thread(episode: Ints, exercise: Ints, side: Ints) -> Ints:
        return (episode * wide + exercise) * len(_SIDES) + side

    first = lines["first"].to_numpy()
    code = thread(lines["episode"].to_numpy(), line_exercise, _position(lines["side"], _SIDES))
    # A line that is cut to nothing by care or by its successor is never found.
    alive = np.flatnonzero(lines["last"].to_numpy() >= first)
    keys = keyed(code[alive], first[alive])
    alive = alive[np.argsort(keys, kind="stable")]
    keys.sort()

    def due_line(part: pd.DataFrame, side: Ints) -> Ints:
        if not len(alive):
            return np.full(len(part), -1, dtype=np.int64)
        day = part["day"].to_numpy()
        wanted = thread(part["episode"].to_numpy(), part["exercise"].to_numpy(), side)
        at = np.searchsorted(keys, keyed(wanted, day), side="right") - 1
        line = alive[np.maximum(at, 0)]
        fits = (at >= 0) & (code[line] == wanted) & (day <= lines["last"].to_numpy()[line])
        return np.where(fits, line, -1).astype(np.int64)

    side = rows["side"].to_numpy()
    line = due_line(rows, side)
    one_sided = (line < 0) & (side != _UNSPECIFIED)
    line[one_sided] = due_line(rows[one_sided], np.full(int(one_sided.sum()), _UNSPECIFIED))
    rows["line"] = line
    sideless = (line < 0) & (side == _UNSPECIFIED)
    open_rows = rows[sideless]
    left, right = (due_line(open_rows, np.full(len(open_rows), s)) for s in (_LEFT, _RIGHT))
    placed: pd.DataFrame = pd.concat(
        [
            rows[~sideless],
            open_rows[(left < 0) & (right < 0)],
            open_rows.assign(line=left, side=_LEFT)[left >= 0],
            open_rows.assign(line=right, side=_RIGHT)[right >= 0],
        ],
        ignore_index=True,
    )
    return placed


def _with_dose(rows: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Add the dose that was due, the dose that was done, and the capped share."""
    at, matched = np.maximum(rows["line"].to_numpy(), 0), rows["line"].to_numpy() >= 0

    def of_line(column: str) -> Floats:
        if not len(lines):
            return np.full(len(rows), np.nan)
        return np.where(matched, lines[column].to_numpy(dtype=float)[at], np.nan)

    target, hold_due, state = of_line("target"), of_line("hold"), rows["state"].to_numpy()
    sets = np.where(np.isnan(rows["sets"]), of_line("sets"), rows["sets"])
    count, hold = rows["count"].to_numpy(), rows["hold"].to_numpy()
    timed = np.zeros(len(rows), dtype=bool)
    if len(lines):
        timed = matched & (lines["unit"] == "seconds").to_numpy()[at]
    counted, held = of_line("counted") == 1, np.isfinite(hold_due)
    seconds = np.select(
        [counted & held, held],
        [count * np.where(np.isnan(hold), hold_due, hold), np.where(np.isnan(hold), count, hold)],
        np.where(np.isnan(count), hold, count),
    )
    done = sets * np.where(timed, seconds, count)
    done = np.where(np.isnan(done) & (state == _DONE), target, done)
    done = np.select([state == _NOT_DONE, state == _PAUSED], [0.0, np.nan], done)
    return rows.assign(target=target, done=done, share=np.minimum(done, target) / target)


def _one_per_line_and_day(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep the best source of each session, and one row per line and day."""
    unmatched = rows["line"].to_numpy() < 0
    spot = np.where(
        unmatched,
        -1 - (rows["episode"].to_numpy() * (rows["exercise"].max() + 1 if len(rows) else 1)
              + rows["exercise"].to_numpy()) * len(_SIDES) - rows["side"].to_numpy(),
        rows["line"].to_numpy(),
    )  # fmt: skip
    place = keyed(spot.astype(np.int64), rows["day"].to_numpy())
    # Of a session logged twice by one source, the larger dose is kept, whatever the order of the file.
    order = np.lexsort((-rows["done"].fillna(-1).to_numpy(), rows["side"], rows["rank"], place))
    rows, place = rows.iloc[order].reset_index(drop=True), place[order]
    start = np.r_[True, place[1:] != place[:-1]] if len(rows) else np.zeros(0, dtype=bool)
    group = np.cumsum(start) - 1
    best = rows["rank"].to_numpy()[np.flatnonzero(start)][group] if len(rows) else rows["rank"].to_numpy()
    side = rows["side"].to_numpy()
    again = np.r_[False, ~start[1:] & (side[1:] == side[:-1])] if len(rows) else start
    keep = (rows["rank"].to_numpy() == best) & ~again
    rows, group = rows[keep].reset_index(drop=True), group[keep]
    size = np.bincount(group)
    several = size[group] > 1 if len(group) else np.zeros(0, dtype=bool)
    if not several.any():
        return rows
    sides = rows[several].groupby(group[several], sort=True)
    merged = sides.first().reset_index(drop=True)
    merged["done"] = sides["done"].agg(lambda doses: doses.mean(skipna=False)).to_numpy()
    merged["share"] = sides["share"].agg(lambda shares: shares.mean(skipna=False)).to_numpy()
    same = sides["state"].nunique().to_numpy() == 1
    merged["state"] = np.where(same, merged["state"], _PARTIAL)
    merged["side"] = _UNSPECIFIED
    return pd.concat([rows[~several], merged], ignore_index=True)
