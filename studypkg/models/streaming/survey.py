"""What one look over all rows tells before any matrix is built: missing values, faults, who leads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from studypkg.errors import ConfigError, ModelError, nearest
from studypkg.models.design import columns_read
from studypkg.models.formula import ParsedFormula
from studypkg.models.streaming.source import Source, quoted

# Approximate counts of levels are right to a few per cent; closer calls are counted exactly.
_CLOSE = 0.7


@dataclass(frozen=True)
class Survey:
    """Rows read and complete, missing values by variable, and what to do with whom.

    Notes
    -----
    ``groups`` are the distinct grouping factors in the order of the formula and ``lead`` the place of the one
    with the most levels. ``complete`` is the SQL condition of a complete row.
    """

    fixed_columns: tuple[str, ...]
    used: tuple[str, ...]
    needed: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    lead: int
    n_read: int
    n: int
    dropped: dict[str, int]
    complete: str
    weights: str | None


def survey(parsed: ParsedFormula, source: Source, weights: str | None) -> Survey:
    """Count rows and missing values, and refuse what `build_design` refuses.

    Raises
    ------
    ConfigError
        If the formula or the weights name a column that is not there.
    ModelError
        If a column holds dates or infinite numbers, weights are not positive, or no row is complete.
    """
    fixed, used, grouping = columns_read(parsed, source.columns)
    if weights is not None and weights not in source.columns:
        hint = nearest(weights, source.columns)
        raise ConfigError(f'The weights column "{weights}" is not in the data.{hint}')
    needed = tuple(c for c in source.columns if c in used or c in grouping)
    _refuse_kinds(source, [c for c in needed if c in used], weights)
    absent = {c: _absent(c, source.kinds[c]) for c in needed}
    w = None if weights is None else f"TRY_CAST({quoted(weights)} AS DOUBLE)"
    if w is not None:
        absent["weights of the rows"] = f"({w} IS NULL OR isnan({w}))"
    complete = " AND ".join(f"NOT {a}" for a in absent.values())
    groups = tuple(dict.fromkeys(t.group for t in parsed.random))
    floats = [c for c in needed if c in used and source.kinds[c] == "float"]
    asked = ["count(*)", f"count(*) FILTER ({complete})"]
    asked += [f"count(*) FILTER ({a})" for a in absent.values()]
    asked += [f"count(*) FILTER (isinf({quoted(c)}))" for c in floats]
    asked.append("0" if w is None else f"count(*) FILTER ({w} <= 0 OR isinf({w}))")
    several = groups if len(groups) > 1 else ()
    asked += [f"approx_count_distinct({_hash(g)}) FILTER ({complete})" for g in several]
    answers = [int(v) for v in source.relation.aggregate(", ".join(asked)).fetchall()[0]]
    n_read, n = answers[:2]
    counts, rest = answers[2 : 2 + len(absent)], answers[2 + len(absent) :]
    for name, bad in zip(floats, rest, strict=False):
        if bad:
            raise ModelError(f'Column "{name}" holds {bad} infinite values: make them missing or finite.')
    if rest[len(floats)]:
        raise ModelError(
            f"{rest[len(floats)]} weights are zero, negative or infinite: weights must be positive numbers."
        )
    dropped = {name: count for name, count in zip(absent, counts, strict=True) if count}
    if not n:
        raise ModelError(
            f"No row is complete: all {n_read} rows lack a value in {', '.join(map(repr, dropped))}."
        )
    lead = _leading(groups, rest[len(floats) + 1 :], source.relation, complete)
    return Survey(
        tuple(sorted(fixed)), tuple(c for c in needed if c in used), needed, groups, lead, n_read, n, dropped,
        complete, weights,
    )  # fmt: skip


def _refuse_kinds(source: Source, used: list[str], weights: str | None) -> None:
    for name in used:
        if source.kinds[name] == "time":
            raise ModelError(
                f'Column "{name}" holds dates: a model needs numbers, such as weeks since the start.'
            )
        if source.kinds[name] == "other":
            raise ModelError(f'Column "{name}" holds neither numbers, truth values nor text.')
    if weights is not None and source.kinds[weights] in ("time", "other"):
        raise ModelError(f'The weights column "{weights}" does not hold numbers.')


def _absent(name: str, kind: str) -> str:
    column = quoted(name)
    return f"({column} IS NULL OR isnan({column}))" if kind == "float" else f"({column} IS NULL)"


def _hash(group: tuple[str, ...]) -> str:
    return f"hash({', '.join(quoted(c) for c in group)})"


def _leading(groups: tuple[tuple[str, ...], ...], about: list[int], relation: Any, complete: str) -> int:
    """Find the factor with the most levels; the first one of equals."""
    if len(groups) == 1:
        return 0
    close = [at for at, count in enumerate(about) if count >= _CLOSE * max(about)]
    if len(close) == 1:
        return close[0]
    exact = {}
    for at in close:
        names = ", ".join(quoted(c) for c in groups[at])
        exact[at] = relation.filter(complete).project(names).distinct().aggregate("count(*)").fetchall()[0][0]
    return max(close, key=lambda at: (exact[at], -at))
