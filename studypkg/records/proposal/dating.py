"""How a block reads days, numbers and blanks: declared where the rows leave no doubt, else left to choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from studypkg.records.dates import Ambiguous, DateOrder, DecimalSign
from studypkg.records.proposal.block import Draft
from studypkg.records.proposal.facts import Facts
from studypkg.records.proposal.matching import PERHAPS, Match
from studypkg.records.proposal.scoring import Scores

_FIRST = {"d": "the day stands first", "m": "the month stands first", "Y": "the year stands first"}
_ISO = ("%Y-%m-%d",)


def add_reading(
    draft: Draft, matches: Mapping[str, Match], scores: Scores | None, facts: Sequence[Facts]
) -> None:
    """Add `date_format`, `decimal` and `missing` as far as the columns that are used need them.

    Parameters
    ----------
    draft
        The block.
    matches, scores
        The columns that it uses.
    facts
        All that is known of the file's columns.
    """
    by_column = {one.column: one for one in facts}
    used = [
        by_column[one.origin]
        for one in matches.values()
        if one.confidence != PERHAPS and one.origin in by_column
    ]
    used += [by_column[column] for column in (scores.columns if scores else ())]
    kinds = {match.origin: match.column.kind for match in matches.values()}
    days = [one for one in used if one.order is not None and kinds.get(one.column) == "date"]
    _days(draft, days)
    _signs(
        draft,
        [
            one
            for one in used
            if one.sign is not None and kinds.get(one.column, "number") not in ("id", "code")
        ],
    )
    blanks = sorted({word for one in used for word in one.blanks})
    if blanks:
        draft.set("missing", ["", "NA", *blanks], remark="they stand for 'not recorded'")


def _days(draft: Draft, days: Sequence[Facts]) -> None:
    formats = {
        one.order.formats for one in days if isinstance(one.order, DateOrder) and one.order.formats != _ISO
    }
    open_ = {one.column: one.order for one in days if isinstance(one.order, Ambiguous)}
    if open_:
        columns = ", ".join(f'"{column}"' for column in open_)
        reasons = "; ".join(dict.fromkeys(order.reason for order in open_.values()))
        candidates = dict.fromkeys(one for order in open_.values() for one in order.candidates)
        for one in candidates:
            draft.set("date_format", one, active=False, remark=f"CHOOSE for {columns}: {_FIRST[one[1]]}")
        draft.open.append(f"date_format of {columns}: {reasons}")
    elif len(formats) == 1:
        (only,) = formats
        if len(only) == 1:
            draft.set("date_format", only[0], remark=_FIRST[only[0][1]])


def _signs(draft: Draft, numbers: Sequence[Facts]) -> None:
    signs = {one.sign.sign for one in numbers if isinstance(one.sign, DecimalSign)}
    open_ = {one.column: one.sign for one in numbers if isinstance(one.sign, Ambiguous)}
    if open_:
        columns = ", ".join(f'"{column}"' for column in open_)
        for candidate in (".", ","):
            draft.set("decimal", candidate, active=False, remark=f"CHOOSE for {columns}")
        draft.open.append(f"decimal of {columns}: {'; '.join(sign.reason for sign in open_.values())}")
    elif "," in signs and not any(
        isinstance(one.sign, DecimalSign) and one.sign.sign == "." and one.kind == "number" for one in numbers
    ):
        draft.set("decimal", ",")
