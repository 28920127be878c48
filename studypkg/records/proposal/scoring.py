"""The scores of a file: one column of them, or several that become rows of their own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from studypkg.records.proposal.block import Draft, comment_of, value_of
from studypkg.records.proposal.facts import Facts
from studypkg.records.proposal.matching import PERHAPS, Match
from studypkg.records.proposal.series import NOMINAL_START, ScoreColumn, numbered_groups, score_column
from studypkg.vocabulary import Vocabulary

_MOST_CANDIDATES = 4


@dataclass(frozen=True)
class Scores:
    """Where the scores stand.

    Parameters
    ----------
    series
        Columns that each hold the scores of one instrument, context or occasion.
    long
        The one column of scores of a file with one score per row, if that is its shape.
    groups
        Columns that differ in a number only, and may be a score that was taken several times.
    facts
        What is known of all these columns, by name.
    """

    series: tuple[ScoreColumn, ...]
    long: str | None
    groups: tuple[tuple[str, ...], ...]
    facts: Mapping[str, Facts]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the file that hold scores."""
        return (self.long,) if self.long else tuple(one.column for one in self.series)

    def told(self, column: str) -> str:
        """Say what the heading of a column says of its scores."""
        for one in self.series:
            if one.column == column:
                when = one.occasion.label if one.occasion else ""
                parts = [one.instrument or "which instrument?", one.context or "", when]
                return ", ".join(part for part in parts if part)
        for group in self.groups:
            if column in group:
                return f"one score at several times, with {', '.join(one for one in group if one != column)}?"
        return ""


def find_scores(facts: Sequence[Facts], matches: Mapping[str, Match], vocabulary: Vocabulary) -> Scores:
    """Find the columns of a file that hold scores.

    Parameters
    ----------
    facts
        The columns that may be used.
    matches
        What fits the columns of the assessments.
    vocabulary
        Its instruments.
    """
    by_name = {one.column: one for one in facts}
    score, named = matches.get("score"), matches.get("instrument")
    long = (
        score.origin
        if score is not None and score.confidence != PERHAPS and score.origin in by_name
        else None
    )
    if long and named is not None and named.confidence != PERHAPS and named.words and named.words.as_they_are:
        return Scores((), long, (), by_name)
    other = {one.origin for name, one in matches.items() if name != "score" and one.confidence != PERHAPS}
    series = [
        found
        for one in facts
        if (one.numeric or one.kind == "empty")
        and one.column not in other
        and (found := score_column(one.column, vocabulary)) is not None
    ]
    if all(by_name[one.column].kind == "empty" for one in series):
        series = []
    # A heading that only says when or how, such as "rest", is a score beside others, not by itself.
    if not any(one.instrument for one in series) and len(series) == 1 and long in (None, series[0].column):
        long = long if long and not series[0].occasion else None
        series = [] if long else series
    taken = [one.column for one in series]
    groups = tuple(numbered_groups(facts, (*taken, *other, *([long] if long else []))))
    return Scores(tuple(series), None if series else long, groups, by_name)


def add_scores(
    draft: Draft, scores: Scores, matches: Mapping[str, Match], vocabulary: Vocabulary
) -> set[str]:
    """Add the lines of the scores to the block of the assessments.

    Returns
    -------
    set of str
        Columns of the table that the lines supply.
    """
    supplied: set[str] = set()
    if scores.long:
        if scores.long != "score":
            draft.set("score", scores.long, part="columns")
        supplied.add("score")
    elif scores.series:
        supplied = _one(draft, scores) if _is_one(scores) else _several(draft, scores, matches, vocabulary)
    _scale(draft, scores, vocabulary)
    if scores.groups and not scores.columns:
        _offer(draft, scores)
        supplied.add("score")
    return supplied


def _offer(draft: Draft, scores: Scores) -> None:
    """Offer columns that differ in a number only as one score at several times, all commented out."""
    for group in scores.groups:
        draft.tail += [
            comment_of("CHOOSE: one score at several times? Then say of which instrument, when and why:"),
            "# [sources.melt]", '# value = "score"', "# series = [",
        ]  # fmt: skip
        for number, column in enumerate(group):
            role = "interim" if number else "intake"
            entry = {"column": column, "set": {"date": str(NOMINAL_START), "role": role}}
            draft.tail.append(f"#     {value_of(entry)},")
        draft.tail.append("# ]")
    draft.open.append("score: which columns hold it, of which instrument, and when?")


def _is_one(scores: Scores) -> bool:
    """Say whether there is one column of scores, filled in every row, without a time in its heading."""
    (first, *rest) = scores.series
    return not rest and first.occasion is None and scores.facts[first.column].missing == "0 %"


def _one(draft: Draft, scores: Scores) -> set[str]:
    (one,) = scores.series
    supplied = {"score"}
    if one.column != "score":
        draft.set("score", one.column, part="columns")
    if one.instrument:
        draft.set("instrument", one.instrument, part="constants")
        supplied.add("instrument")
    if one.context:
        draft.set("context", one.context, part="constants")
        supplied.add("context")
    return supplied


def _several(draft: Draft, scores: Scores, matches: Mapping[str, Match], vocabulary: Vocabulary) -> set[str]:
    """Write `[sources.melt]`: every series sets the same columns, or none of them sets a column."""
    series = scores.series
    supplied = {"score"}

    def free(name: str) -> bool:
        return name not in matches or matches[name].confidence == PERHAPS

    instruments = free("instrument") and any(one.instrument for one in series)
    contexts = free("context") and any(one.context for one in series)
    timed = [one.occasion for one in series if one.occasion is not None]
    roles = free("role") and len(timed) == len(series)
    dates = free("date") and roles and all(one.day for one in timed)
    for name, is_set in (
        ("instrument", instruments),
        ("context", contexts),
        ("role", roles),
        ("date", dates),
    ):
        supplied |= {name} if is_set else set()
    draft.set("value", "score", part="melt")
    remark = "CHECK the roles" + ("; the days are nominal: only their distances matter" if dates else "")
    draft.line("series = [", part="melt", remark=remark if roles else "")
    for one in series:
        sets: dict[str, str] = {}
        guess = one.instrument or _candidates(scores.facts[one.column], vocabulary)[0]
        if instruments:
            sets["instrument"] = guess
        if contexts:
            sets["context"] = one.context or "average"
        if roles and one.occasion:
            sets["role"] = one.occasion.role
        if dates and one.occasion and one.occasion.day:
            sets["date"] = one.occasion.day
        entry = {"column": one.column, **({"set": sets} if sets else {})}
        chosen = not instruments or one.instrument is not None
        line = f"    {'' if chosen else '# '}{value_of(entry)},"
        why = f"CHOOSE the instrument: {', '.join(_candidates(scores.facts[one.column], vocabulary))}?"
        draft.line(line, part="melt", remark="" if chosen else why)
        if not chosen:
            draft.open.append(f'instrument of "{one.column}": its heading does not say it')
    draft.line("]", part="melt")
    return supplied


def _candidates(facts: Facts, vocabulary: Vocabulary) -> list[str]:
    """Name instruments whose range holds the scores, those of pain first."""
    fitting = [
        name
        for name, one in vocabulary.instruments.items()
        if math.isnan(facts.high) or (one.minimum <= facts.low and facts.high <= one.maximum)
    ]
    return (fitting or ["nprs"])[:_MOST_CANDIDATES]


def _scale(draft: Draft, scores: Scores, vocabulary: Vocabulary) -> None:
    """Offer a change of unit where scores and the range of their instrument differ tenfold; never make it."""
    named = {one.instrument for one in scores.series if one.instrument}
    if len(named) != 1:
        return
    instrument = vocabulary.instruments[named.pop()]
    highs = [scores.facts[one.column].high for one in scores.series]
    high = max((one for one in highs if not math.isnan(one)), default=0.0)
    told = f"{instrument.id} goes from {instrument.minimum:g} to {instrument.maximum:g}"
    up = 100 if high <= instrument.maximum / 100 else 10
    for factor, differs, said in (
        (0.1, instrument.maximum < high <= 10 * instrument.maximum, "the scores go beyond"),
        (
            up,
            0 < high <= instrument.maximum / 10,
            f"the scores stay below a {'tenth' if up == 10 else 'hundredth'}",
        ),
    ):
        if differs:
            draft.set(
                "multiply", factor, part="scale.score", active=False, remark=f"CHOOSE: {told} and {said}"
            )
            draft.open.append(f"scale of the score: {told} and {said}. Is it another scale?")
