"""Faults of known kinds, planted as extra rows beside the clean ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from studypkg.schema import TABLES
from studypkg.simulate.seeds import pseudonyms

Row = dict[str, str]


@dataclass(frozen=True)
class Fault:
    """A planted row: what is wrong with it, its table, and its cells as text in the order of the schema."""

    kind: str
    table: str
    cells: tuple[str, ...]


def _score_out_of_range(row: Row) -> None:
    row.update(instrument="nprs", context="downhill", role="interim", score="11")


def _unknown_modality(row: Row) -> None:
    row["modality"] = "magnet_bracelet"


def _end_before_start(row: Row) -> None:
    start = np.datetime64(row["start_date"], "D")
    row.update(end_date=str(start - 14), end_reason="completed")


def _exact_duplicate(row: Row) -> None:
    pass


def _conflicting_key(row: Row) -> None:
    attended = row["status"] == "attended"
    row["status"] = "cancelled" if attended else "attended"


def _bad_date(row: Row) -> None:
    row["date"] = row["date"][:4] + "-02-30"


def _orphan_episode(row: Row) -> None:
    pass  # `plant` gives the row an episode that does not exist


@dataclass(frozen=True)
class _Kind:
    table: str
    spoil: Callable[[Row], None]
    new_episode: bool = False


#: Kind of fault → where it is planted and how a copied clean row is spoiled.
_KINDS: Mapping[str, _Kind] = {
    "score_out_of_range": _Kind("assessments", _score_out_of_range),
    "bad_date": _Kind("assessments", _bad_date),
    "unknown_modality": _Kind("treatments", _unknown_modality),
    "orphan_episode": _Kind("exercise_logs", _orphan_episode, new_episode=True),
    "exact_duplicate": _Kind("exercise_logs", _exact_duplicate),
    "end_before_start": _Kind("episodes", _end_before_start, new_episode=True),
    "conflicting_key": _Kind("visits", _conflicting_key),
}
FAULT_KINDS: Mapping[str, str] = {kind: how.table for kind, how in _KINDS.items()}


def plant(
    tables: Mapping[str, pa.Table], share: float, names: tuple[int, int, int], rng: np.random.Generator
) -> tuple[Fault, ...]:
    """Plant faults: about `share` of the rows of each table that has a kind of fault.

    Parameters
    ----------
    tables
        The clean rows; they are not changed.
    share
        Faults per clean row, split evenly between the kinds of one table.
    names
        Seed, clinic and month, from which the pseudonyms of episodes that do not exist are made.
    rng
        A stream of its own, so that the clean rows do not depend on the share.

    Notes
    -----
    Each fault copies another clean row of its table. The row it copies stays clean and stays
    acceptable, but for `conflicting_key`, where two rows contradict each other and neither is right.
    """
    planted: list[Fault] = []
    invented = iter(pseudonyms("Q", *names, 1 + int(sum(len(t) for t in tables.values()) * share * 2 + 8)))
    for table in dict.fromkeys(FAULT_KINDS.values()):
        clean = tables[table]
        kinds = [kind for kind, where in FAULT_KINDS.items() if where == table]
        wanted = [int(share * len(clean) / len(kinds) + rng.random()) for _ in kinds]
        order = rng.permutation(_one_per_key(clean, table))
        for kind, count in zip(kinds, wanted, strict=True):
            chosen, order = order[:count], order[count:]
            for cells in clean.take(pa.array(chosen)).to_pylist():
                row = {name: "" if cell is None else str(cell) for name, cell in cells.items()}
                _KINDS[kind].spoil(row)
                if _KINDS[kind].new_episode:
                    row["episode_id"] = next(invented)
                planted.append(Fault(kind, table, tuple(row.values())))
    return tuple(planted)


def _one_per_key(clean: pa.Table, table: str) -> np.ndarray:
    """Choose one row per episode and day, so that two faults never share a key."""
    names = [name for name in ("episode_id", "date") if name in TABLES[table].column_names]
    columns = [clean[name].to_numpy(zero_copy_only=False).astype(str) for name in names]
    if not len(clean):
        return np.arange(0)
    joined = columns[0] if len(columns) == 1 else np.char.add(columns[0], columns[1])
    return np.unique(joined, return_index=True)[1]
