"""Who counts as better, worse or well enough: each answer with a status that says whether it is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from studypkg.declaration import Outcome
from studypkg.measures.change import improvement, improvement_percent
from studypkg.measures.days import Floats
from studypkg.vocabulary import Instrument

#: Room for binary fractions: 5.3 − 3.0 must reach a threshold of 2.3.
TOLERANCE = 1e-9

Bools = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass(frozen=True)
class Cut:
    """One threshold as it is used: its value, whom it was found in, and who says so."""

    value: float
    population: str
    source: str


@dataclass(frozen=True)
class ResponseRule:
    """The thresholds a study holds its scores against, resolved once.

    Parameters
    ----------
    rule
        The rule that can be applied: ``abs``, ``pct``, ``either``, or ``none``.
    reason
        Why the rule is ``none``, or differs from the one declared; empty otherwise.
    points, percent
        Smallest important improvement in points, and in per cent of the baseline.
    acceptable
        Score at or beyond which a patient's state is acceptable.
    acceptable_reason
        Why there is no such score; empty otherwise.
    """

    rule: str
    reason: str
    points: Cut | None
    percent: Cut | None
    acceptable: Cut | None
    acceptable_reason: str


def response_rule(instrument: Instrument, outcome: Outcome) -> ResponseRule:
    """Take the thresholds of the study, and of the vocabulary where the study sets none.

    Parameters
    ----------
    instrument
        Scale of the outcome.
    outcome
        What the study declares about it.

    Returns
    -------
    ResponseRule
        Without a threshold the rule is ``none``, with the reason. If the study asks for ``either`` and
        only one kind of threshold exists, the rule is that kind, and `reason` says so.
    """
    asked = outcome.responder
    declared = asked.source or "set by the study"
    points = _cut(instrument, "abs", asked.abs, declared)
    percent = _cut(instrument, "pct", asked.pct, declared)
    usable = {"abs": points is not None, "pct": percent is not None}
    rule: str = asked.rule
    reason = ""
    if asked.rule == "either" and not all(usable.values()):
        left = [kind for kind, there in usable.items() if there]
        if left:
            rule, reason = left[0], f'only the "{left[0]}" threshold exists for {instrument.id}'
    if not (any(usable.values()) if rule == "either" else usable[rule]):
        reason = f'no "{rule}" threshold applies to {instrument.id}, and the study sets none'
        rule = "none"
    acceptable, acceptable_reason = None, ""
    if outcome.acceptable is not None:
        source = outcome.acceptable_source or "set by the study"
        acceptable = Cut(outcome.acceptable, "the study's patients", source)
    else:
        acceptable_reason = f"the study sets no acceptable score for {instrument.id}"
    return ResponseRule(rule, reason, points, percent, acceptable, acceptable_reason)


def responses(
    baseline: Floats, final: Floats, paired: Bools, instrument: Instrument, rule: ResponseRule
) -> pd.DataFrame:
    """Judge each pair of scores.

    Parameters
    ----------
    baseline, final
        Scores, shape (n,); missing where there is none.
    paired
        Which rows have a valid pair; all answers about change are missing elsewhere.
    instrument, rule
        The scale, and the thresholds in use.

    Returns
    -------
    DataFrame
        One row per input row. `improvement`, `improvement_pct` and its `pct_status`; `responder_abs`,
        `responder_pct`, `responder`, `worsened`, `acceptable` and `can_respond` as nullable booleans,
        each with a status (``ok``, ``not_paired``, or the reason why there is no answer); `at_floor` and
        `at_ceiling` (the final score is the worst, or the best, the scale can show), and the same at
        baseline.
    """
    sign = instrument.sign
    start = np.where(paired, baseline, np.nan)
    end = np.where(paired, final, np.nan)
    gain = improvement(start, end, sign)
    gain_pct = improvement_percent(start, end, sign)
    zero = paired & (start == 0)
    by_points = _reached(gain, rule.points)
    by_percent = _reached(gain_pct, rule.percent)
    known_points = paired & (rule.points is not None)
    known_percent = paired & ~zero & (rule.percent is not None)
    if rule.rule == "abs":
        responder, known = by_points, known_points
    elif rule.rule == "pct":
        responder, known = by_percent, known_percent
    elif rule.rule == "either":
        # At baseline 0 no percentage exists, and the points alone decide.
        responder, known = by_points | (by_percent & ~zero), known_points
    else:
        responder, known = np.zeros_like(paired), np.zeros_like(paired)
    not_known = rule.reason if rule.rule == "none" else "baseline_zero"
    no_points = f"no smallest important change in points is known for {instrument.id}"
    worse = _reached(-gain, rule.points)
    well = np.zeros_like(paired)
    if rule.acceptable is not None:
        well = sign * (end - rule.acceptable.value) >= -TOLERANCE
    room, room_known = _room(baseline, instrument, rule)
    worst, best = (
        (instrument.maximum, instrument.minimum) if sign < 0 else (instrument.minimum, instrument.maximum)
    )
    return pd.DataFrame(
        {
            "improvement": gain,
            "improvement_pct": gain_pct,
            "pct_status": np.select([~paired, zero], ["not_paired", "baseline_zero"], "ok"),
            "responder_abs": _flags(by_points, known_points),
            "responder_pct": _flags(by_percent, known_percent),
            "responder": _flags(responder, known),
            "responder_rule": rule.rule,
            "responder_status": np.select([~paired, known], ["not_paired", "ok"], not_known),
            "can_respond": _flags(room, room_known),
            "worsened": _flags(worse, known_points),
            "worsened_status": np.select([~paired, known_points], ["not_paired", "ok"], no_points),
            "acceptable": _flags(well, paired & (rule.acceptable is not None)),
            "acceptable_status": np.where(~paired, "not_paired", rule.acceptable_reason or "ok"),
            "at_floor": _flags(end == worst, paired),
            "at_ceiling": _flags(end == best, paired),
            "baseline_at_floor": _flags(baseline == worst, np.isfinite(baseline)),
            "baseline_at_ceiling": _flags(baseline == best, np.isfinite(baseline)),
        }
    )


def _cut(instrument: Instrument, kind: str, own: float | None, source: str) -> Cut | None:
    if own is not None:
        return Cut(own, "the study's patients", source)
    found = instrument.mcid("abs" if kind == "abs" else "pct")
    return None if found is None else Cut(found.value, found.population, found.source)


def _reached(gain: Floats, cut: Cut | None) -> Bools:
    if cut is None:
        return np.zeros(gain.shape, dtype=bool)
    return np.asarray(gain >= cut.value - TOLERANCE)


def _room(baseline: Floats, instrument: Instrument, rule: ResponseRule) -> tuple[Bools, Bools]:
    """Whether the scale leaves room for an improvement that the rule would count."""
    best = instrument.minimum if instrument.sign < 0 else instrument.maximum
    largest = improvement(baseline, np.full_like(baseline, best), instrument.sign)
    largest_pct = improvement_percent(baseline, np.full_like(baseline, best), instrument.sign)
    by_points, by_percent = _reached(largest, rule.points), _reached(largest_pct, rule.percent)
    room = {"abs": by_points, "pct": by_percent, "either": by_points | by_percent}.get(
        rule.rule, np.zeros(baseline.shape, dtype=bool)
    )
    known = np.isfinite(baseline) & (rule.rule != "none")
    return room, known & (baseline != 0) if rule.rule == "pct" else known


def _flags(values: Bools, known: Bools) -> pd.arrays.BooleanArray:
    return pd.arrays.BooleanArray(np.asarray(values, dtype=bool), ~np.asarray(known, dtype=bool))
