"""The accounts of a batch: what each delivery brought, and what became of the rows that had waited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from studypkg.records.history.drift import compare_profiles
from studypkg.records.history.origins import Bringer
from studypkg.records.result import SourceResult, WaitingResult


def account_of_delivery(
    bringer: Bringer,
    result: SourceResult,
    counts: Mapping[int, Mapping[str, int]],
    withdrawn: Mapping[int, SourceResult],
    profiles: Mapping[int, Mapping[str, Any]],
    notes: Mapping[int, list[str]],
) -> SourceResult:
    """Add to the account of a delivery what its records did, and what is worth a look.

    Parameters
    ----------
    bringer, result
        The delivery, and its account so far.
    counts
        What the records of each bringer did.
    withdrawn
        The accounts of the records that withdraw something, by bringer.
    profiles, notes
        What each delivery looked like, and what its header told.
    """
    did, profile = counts.get(bringer.number, {}), profiles[bringer.number]
    result = replace(
        result,
        origin=bringer.origin.name,
        new=did.get("new", 0),
        corrected=did.get("corrected", 0),
        unchanged=did.get("unchanged", 0),
        overruled=did.get("overruled", 0),
        newest=profile["newest"],
        parts=tuple(part.sha256 for part in bringer.raw.parts) or (bringer.raw.sha256,),
        notes=(*result.notes, *notes.get(bringer.number, ()), *compare_profiles(bringer, profile)),
    )
    gone = withdrawn.get(bringer.number)
    if gone is None:
        return result
    return replace(
        result,
        records=result.records + gone.records,
        read=result.read + gone.read,
        accepted=result.accepted + gone.accepted,
        duplicate=result.duplicate + gone.duplicate,
        quarantined=result.quarantined + gone.quarantined,
        withdrawals=gone.accepted,
        reasons=added(result.reasons, gone.reasons),
        columns=added(result.columns, gone.columns),
    )


def account_of_waiting(
    bringer: Bringer, result: SourceResult, counts: Mapping[int, Mapping[str, int]], retired: int
) -> WaitingResult:
    """Say what became of rows that had waited; `retired` of them gave way to a later delivery."""
    did = counts.get(bringer.number, {})
    return WaitingResult(
        result.table, bringer.raw.name, bringer.raw.sha256, bringer.origin.name, waited=result.read,
        accepted=result.accepted, duplicate=result.duplicate, retired=retired,
        still=result.quarantined - retired, new=did.get("new", 0), corrected=did.get("corrected", 0),
        unchanged=did.get("unchanged", 0), overruled=did.get("overruled", 0),
        reasons=result.reasons, columns=result.columns,
    )  # fmt: skip


def with_mended(result: SourceResult, waited: list[WaitingResult]) -> SourceResult:
    """Bring the account of a delivery up to date after rows of it that had waited were screened again."""
    waited = [one for one in waited if one.origin == result.origin and one.sha256 in result.parts]
    if not waited:
        return result
    reasons: Mapping[str, int] = {}
    columns: Mapping[str, int] = {}
    for one in waited:
        reasons, columns = added(reasons, one.reasons), added(columns, one.columns)
    return replace(
        result,
        accepted=result.accepted + sum(one.accepted for one in waited),
        duplicate=result.duplicate + sum(one.duplicate for one in waited),
        quarantined=result.quarantined - sum(one.accepted + one.duplicate for one in waited),
        new=result.new + sum(one.new for one in waited),
        corrected=result.corrected + sum(one.corrected for one in waited),
        unchanged=result.unchanged + sum(one.unchanged for one in waited),
        overruled=result.overruled + sum(one.overruled for one in waited),
        reasons=reasons,
        columns=columns,
    )


def carried(idle: SourceResult, before: SourceResult | None, waited: list[WaitingResult]) -> SourceResult:
    """Give the account of a file that was taken in before: what it brought then, of which nothing is new."""
    if before is None:
        return idle
    then = with_mended(before, waited)
    unchanged = then.accepted - then.withdrawals
    return replace(then, new=0, corrected=0, overruled=0, unchanged=unchanged, notes=idle.notes)


def added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Add up two counts by name.

    Examples
    --------
    >>> added({"a": 1}, {"a": 2, "b": 3})
    {'a': 3, 'b': 3}
    """
    names = dict.fromkeys((*one, *other))
    return {name: one.get(name, 0) + other.get(name, 0) for name in names}
