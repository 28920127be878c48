"""From the facts of a file to its proposed blocks: which tables, which columns, and what stays open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb

from studypkg.columns import Table
from studypkg.records.proposal.block import Draft, comment_of, value_of
from studypkg.records.proposal.dating import add_reading
from studypkg.records.proposal.facts import Facts, facts_of
from studypkg.records.proposal.matching import LIKELY, PERHAPS, Match, match_table
from studypkg.records.proposal.opening import Look
from studypkg.records.proposal.scoring import Scores, add_scores, find_scores
from studypkg.schema import CONTEXTS
from studypkg.vocabulary import Vocabulary

#: Two of these make a file one of episodes.
_EPISODE_SIGNS = ("start_date", "end_date", "end_reason", "condition", "age_years", "sex", "arm", "surgical",
                  "symptom_weeks", "population", "clinic_id", "body_site")  # fmt: skip
#: What makes a file one of another table: the column whose words are known, and any of some others.
_SIGNS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "prescriptions": ("exercise", ("valid_from", "sets", "sessions_per_week", "count_min")),
    "exercise_logs": ("exercise", ("state", "sets_done", "count_done")),
    "treatments": ("modality", ()),
    "visits": ("status", ()),
    "events": ("kind", ()),
}
#: What to write where no column holds what every row needs.
_OPEN: Mapping[str, tuple[str, str]] = {
    "patient_id": ("", "no column holds the pseudonym of the patient; `study pseudonymise` makes one"),
    "episode_id": ("", "no column holds the number of the episode"),
    "clinic_id": ("clinic_01", "no column says which clinic: was it one for all rows?"),
    "start_date": ("2000-01-01", "no column says when the episode began; in a trial only distances matter"),
    "condition": ("outside_hip_pain", "no column says the diagnosis group: was it one for all rows?"),
    "date": ("2000-01-01", "no column says when it was"),
    "role": ("interim", "no column says what the score was for: intake, interim, discharge or follow_up?"),
    "instrument": ("nprs", "no column names the instrument: was it one for all rows?"),
    "status": ("attended", "no column says what became of the visit: are only attended ones in the file?"),
    "state": ("done", "no column says whether it was done: are only sessions that were done in the file?"),
}


@dataclass(frozen=True)
class Proposed:
    """A column of the file: its facts, what it becomes, how surely, and what a person should look at."""

    facts: Facts
    becomes: tuple[str, ...] = ()
    confidence: str = ""
    remark: str = ""


@dataclass(frozen=True)
class Proposal:
    """What is proposed for one table of a file.

    Parameters
    ----------
    columns
        Every column of the file, in order.
    blocks
        The `[[sources]]` blocks as text, by table.
    open
        What has to be chosen, by table, before rows can come in.
    """

    columns: tuple[Proposed, ...]
    blocks: Mapping[str, str]
    open: Mapping[str, tuple[str, ...]]


def propose(
    connection: duckdb.DuckDBPyConnection,
    look: Look,
    path: str,
    *,
    tables: Mapping[str, Table],
    vocabulary: Vocabulary,
    flagged: Mapping[str, str],
    wanted: str | None = None,
) -> Proposal:
    """Propose how a file maps.

    Parameters
    ----------
    connection
        Where the rows of `look` are.
    look
        The opened file.
    path
        What the blocks call it.
    tables, vocabulary
        What a study can hold.
    flagged
        Columns that look like identifiers or free text, and what they look like. They are dropped.
    wanted
        Propose for this table, whatever the file looks like.

    Returns
    -------
    Proposal
        Without any value of a row. Words of a closed list that the vocabulary knows may stand in it.
    """
    raw = look.raw
    if raw is None:
        return Proposal((), {}, {})
    facts = [facts_of(connection, raw.relation, column, raw.n_rows) for column in raw.columns]
    barred = tuple(flagged)
    matches = {
        name: match_table(connection, raw.relation, facts, table, vocabulary, barred=barred)
        for name, table in tables.items()
    }
    usable = [one for one in facts if one.column not in flagged]
    scores = find_scores(usable, matches["assessments"], vocabulary)
    chosen = (wanted,) if wanted is not None else _tables(matches, scores)
    drafts = {
        name: _draft(look, path, tables[name], matches[name], usable, flagged, scores, vocabulary)
        for name in chosen
    }
    return Proposal(
        tuple(_proposed(one, chosen, matches, scores, flagged) for one in facts),
        {name: draft.text(_remarks(draft)) for name, draft in drafts.items()},
        {name: tuple(draft.open) for name, draft in drafts.items()},
    )


def _tables(matches: Mapping[str, Mapping[str, Match]], scores: Scores) -> tuple[str, ...]:
    """Say which tables a file feeds, in the order in which a study declares them."""

    def holds(table: str, column: str) -> bool:
        match = matches[table].get(column)
        return match is not None and match.confidence != PERHAPS

    def known(table: str, column: str) -> bool:
        words = matches[table][column].words if holds(table, column) else None
        return words is not None and words.unknown < words.different

    found = ["episodes"] if sum(holds("episodes", one) for one in _EPISODE_SIGNS) > 1 else []
    found += ["assessments"] if scores.series or scores.long else []
    for table, (sign, others) in _SIGNS.items():
        if known(table, sign) and (not others or any(holds(table, one) for one in others)):
            found.append(table)
    return tuple(name for name in matches if name in found)


def _draft(
    look: Look,
    path: str,
    table: Table,
    matches: Mapping[str, Match],
    facts: Sequence[Facts],
    flagged: Mapping[str, str],
    scores: Scores,
    vocabulary: Vocabulary,
) -> Draft:
    draft = Draft(table.name)
    if look.kind != "csv":
        draft.set("kind", look.kind)
    draft.set("path", path)
    for name, value in look.options.items():
        draft.set(name, value)
    used = dict(matches)
    taken = scores.columns if table.name == "assessments" else ()
    used = (
        {name: one for name, one in used.items() if name != "score" and one.origin not in taken}
        if taken
        else used
    )
    used = {name: used[name] for name in table.column_names if name in used}
    add_reading(draft, used, scores if taken else None, facts)
    if flagged:
        draft.set("drop", list(flagged), remark="they look like identifiers or free text")
    for match in used.values():
        _map(draft, match)
    supplied = {name for name, one in used.items() if one.confidence != PERHAPS}
    if table.name == "assessments":
        supplied |= add_scores(draft, scores, used, vocabulary)
    for column in table.columns:
        if column.required and column.name not in supplied:
            _leave_open(draft, column.name, used.get(column.name))
    if table.name == "assessments" and "context" not in supplied:
        remark = f"CHOOSE unless it is {table.column('context').default}: {', '.join(CONTEXTS)}"
        draft.set("context", "worst_24h", part="constants", active=False, remark=remark)
    return draft


def _map(draft: Draft, match: Match) -> None:
    """Write the line of one column, and those of its words."""
    name, sure = match.column.name, match.confidence != PERHAPS
    if match.origin != name:
        remark = f"CHECK: {match.remark}" if match.remark else "CHECK" * (not sure)
        draft.set(name, match.origin, part="columns", active=sure, remark=remark)
    if match.words is None or not sure:
        return
    for word, meaning in match.words.values.items():
        draft.set(word, meaning, part=f"values.{name}")
    unknown = match.words.unknown
    if unknown:
        more = " more" if match.words.values or match.words.as_they_are else ""
        told = f"{unknown}{more} word{'s are' if unknown > 1 else ' is'} not known"
        meanings = " or ".join(map(value_of, match.column.allowed)) or "a term of the vocabulary"
        draft.line(comment_of(f"CHOOSE: {told}. Add it here: word = {meanings}"), part=f"values.{name}")
        draft.open.append(f"{name}: {told}")


def _leave_open(draft: Draft, name: str, perhaps: Match | None) -> None:
    example, why = _OPEN.get(name, ("", "no column holds it"))
    if perhaps is not None:
        why = f'is it the column "{perhaps.origin}"? {perhaps.remark or "Its heading fits in part"}'
    draft.open.append(f"{name}: {why}")
    if example and perhaps is None:
        draft.set(name, example, part="constants", active=False, remark=f"CHOOSE: {why}")
    elif perhaps is None:
        draft.set(name, "…", part="columns", active=False, remark=f"CHOOSE: {why}")


def _remarks(draft: Draft) -> list[str]:
    choices = ", ".join(dict.fromkeys(one.split(":")[0] for one in draft.open))
    return [f"Proposed by `study map`.{f' Still to choose: {choices}' if choices else ''}"]


def _proposed(
    one: Facts,
    chosen: Sequence[str],
    matches: Mapping[str, Mapping[str, Match]],
    scores: Scores,
    flagged: Mapping[str, str],
) -> Proposed:
    """Say what becomes of one column of the file."""
    if one.column in flagged:
        return Proposed(replace(one, range=""), ("dropped",), LIKELY, f"looks like: {flagged[one.column]}")
    if "assessments" in chosen and one.column in scores.columns:
        told = "; ".join(part for part in (scores.told(one.column), _odd(one)) if part)
        return Proposed(one, ("assessments.score",), LIKELY, told)
    found = [
        (table, match)
        for table in chosen
        for match in matches[table].values()
        if match.origin == one.column
        and not (table == "assessments" and match.column.name == "score" and scores.series)
    ]
    if not found:
        return Proposed(one, remark=_odd(one) or scores.told(one.column))
    if any(match.column.kind == "id" for _, match in found):
        # The bound of a column of pseudonyms would be somebody's.
        one = replace(one, range=f"{one.different:,} different")
    best = max((match.confidence for _, match in found), key=(PERHAPS, LIKELY, "sure").index)
    remarks = [match.remark for _, match in found if match.remark] + [_odd(one)] * bool(_odd(one))
    return Proposed(
        one, tuple(f"{table}.{match.column.name}" for table, match in found), best,
        "; ".join(dict.fromkeys(remarks)),
    )  # fmt: skip


def _odd(one: Facts) -> str:
    if one.odd and (one.numeric or one.kind == "day"):
        return f"{one.odd:,} cells are no {'day' if one.kind == 'day' else 'number'}"
    return "nobody typed anything" if one.kind == "empty" else ""
