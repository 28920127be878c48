"""The least coarse way to make people alike enough: a search over all combinations of declared steps.

Each column is made coarser as a whole (full-domain generalisation), and the rows of classes that are still
too small may be left out, up to a declared share of the people. The search visits the combinations in the
order of what they lose before anything is left out, which can never be more than what they lose in all; it
ends as soon as no later one can beat the best. So the proposal is the best there is, not a good one.

References
----------
LeFevre, DeWitt, Ramakrishnan (2005), Incognito, doi:10.1145/1066157.1066164 (full-domain lattice);
El Emam et al. (2009), optimal lattice anonymisation, doi:10.1197/jamia.M3144 (suppression limit, tags);
Iyengar (2002), doi:10.1145/775047.775089 (the loss).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studypkg.declaration import QuasiIdentifier
from studypkg.errors import ConfigError
from studypkg.privacy.anonymity import (
    Codes,
    codes_of,
    combine,
    distinct_values,
    equal_distance,
    people_in,
    spread_of,
)
from studypkg.privacy.hierarchies import EVERYBODY, Hierarchy, hierarchy_of

#: More combinations than this are not searched; fewer columns or steps are asked for.
MAX_COMBINATIONS = 50_000
_WHY_NONE = "no combination of the declared steps reaches it; declare coarser steps or allow more left out"


@dataclass(frozen=True)
class Demand:
    """What a table must reach.

    Parameters
    ----------
    k
        People in every class.
    l
        Different values of each sensitive column in every class; `None` asks for none.
    t
        Largest distance of a class from the whole table, equally far values; `None` asks for none.
    max_suppressed
        Share of the people whose rows may be left out.
    """

    k: int
    l: float | None = None  # noqa: E741 - the name of the field
    t: float | None = None
    max_suppressed: float = 0.0


@dataclass(frozen=True)
class Proposal:
    """One way to reach a demand: a step for each column, and what it costs.

    Parameters
    ----------
    steps
        The step of each column, 0 for "as recorded".
    names
        What these steps are called.
    loss
        0 where nothing is lost, 1 where everything is: for each row the mean over the columns of
        (values joined - 1) / (values - 1), and 1 for a row that is left out; the mean over all rows.
    classes, k
        Classes that stay, and people in the smallest of them.
    suppressed
        People who lose a row.
    share_suppressed
        The same as a share of all people.
    """

    steps: Mapping[str, int]
    names: Mapping[str, str]
    loss: float
    classes: int
    k: int
    suppressed: int
    share_suppressed: float

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain values."""
        return {**vars(self), "steps": dict(self.steps), "names": dict(self.names)}


@dataclass(frozen=True)
class Search:
    """What came of a search.

    Parameters
    ----------
    proposal
        The best way; `None` if there is none.
    combinations, visited
        Combinations of steps, and how many of them had to be looked at.
    reason
        Why there is no proposal.
    """

    proposal: Proposal | None
    combinations: int
    visited: int
    reason: str = ""


@dataclass
class Material:
    """A table as the search sees it: its different combinations of quasi-identifiers, and who has them.

    Parameters
    ----------
    hierarchies
        One per column.
    values
        Place of each combination's value in each hierarchy; shape (combinations, columns).
    weight
        Pairs of person and combination; shape (combinations,).
    alone
        People who have only this combination; shape (combinations,).
    shared
        Combination and person of the people who have several; shape (pairs, 2).
    people
        All people.
    sensitive
        For each sensitive column: combination, value and count of what occurs.
    """

    hierarchies: list[Hierarchy]
    values: Codes
    weight: Codes
    alone: Codes
    shared: Codes
    people: int
    sensitive: list[tuple[Codes, Codes, NDArray[np.float64]]] = field(default_factory=list)


def material_of(
    rows: pd.DataFrame,
    declared: Mapping[str, QuasiIdentifier],
    *,
    person: str | None = None,
    sensitive: Sequence[str] = (),
) -> Material:
    """Reduce a table to its different combinations of quasi-identifiers.

    Raises
    ------
    ConfigError
        If the declared steps do not fit the columns, or make too many combinations.
    """
    columns, hierarchies = [], []
    for name, steps in declared.items():
        codes, uniques = pd.factorize(rows[name], use_na_sentinel=False)
        columns.append(codes.astype(np.int64))
        hierarchies.append(hierarchy_of(name, pd.Series(uniques, dtype=rows[name].dtype), steps))
    nodes = int(np.prod([len(one.steps) for one in hierarchies], dtype=float))
    if nodes > MAX_COMBINATIONS:
        raise ConfigError(
            f"[privacy.quasi_identifiers] make {nodes:,} combinations of steps, and {MAX_COMBINATIONS:,} are "
            f"searched at most. Declare fewer steps."
        )
    which = combine(columns, len(rows))
    _, first = np.unique(which, return_index=True)
    values = np.column_stack([codes[first] for codes in columns])
    whose = codes_of(rows[person]) if person is not None else np.arange(len(rows))
    people = int(whose.max(initial=-1)) + 1
    pairs = pd.unique(which * max(people, 1) + whose)
    at, who = pairs // max(people, 1), pairs % max(people, 1)
    several = np.bincount(who, minlength=people)[who] > 1
    count = len(first)
    made = Material(
        hierarchies, values, np.bincount(at, minlength=count), np.bincount(at[~several], minlength=count),
        np.column_stack([at[several], who[several]]), people,
    )  # fmt: skip
    for name in sensitive:
        found = spread_of(which, codes_of(rows[name]))
        made.sensitive.append((found.of_class, found.value, found.count))
    return made


def search(material: Material, demand: Demand) -> Search:
    """Find the combination of steps that reaches a demand and loses least.

    Notes
    -----
    Ties go to the one that leaves out fewer people, then to the one that is less coarse in the first
    columns. Without a demand on t, a combination that fails also rules out every less coarse one.
    """
    losses = [one.losses() for one in material.hierarchies]
    combinations = np.array(list(product(*(range(len(one.steps)) for one in material.hierarchies))))
    if not len(material.weight):
        return Search(None, len(combinations), 0, "the table has no rows")
    share = material.weight / material.weight.sum()
    bound = np.zeros(len(combinations))
    for column, steps in enumerate(losses):
        costs = np.array([share @ step[material.values[:, column]] for step in steps])
        bound += costs[combinations[:, column]] / len(losses)
    failed = np.zeros(len(combinations), bool)
    best: Proposal | None = None
    visited = 0
    for place in np.lexsort((*combinations.T[::-1], bound)):
        if best is not None and bound[place] > best.loss + 1e-12:
            break
        if failed[place]:
            continue
        visited += 1
        found = _judge(material, demand, combinations[place], losses)
        if found is None:
            if demand.t is None:
                failed |= (combinations <= combinations[place]).all(axis=1)
        elif best is None or (found.loss, found.suppressed) < (best.loss - 1e-12, best.suppressed):
            best = found
    return Search(best, len(combinations), visited, "" if best else _WHY_NONE)


def _judge(
    material: Material, demand: Demand, steps: NDArray[np.int64], losses: list[list[NDArray[np.float64]]]
) -> Proposal | None:
    """Apply one step to each column; None if too many people would have to be left out."""
    classes, sizes, bad = _classes(material, demand, steps)
    out = bad[classes]
    suppressed = int(material.alone[out].sum()) + len(
        np.unique(material.shared[out[material.shared[:, 0]], 1])
    )
    if suppressed > demand.max_suppressed * material.people + 1e-9:
        return None
    lost = np.zeros(len(classes))
    for column, step in enumerate(steps):
        lost += losses[column][step][material.values[:, column]] / len(losses)
    loss = float((np.where(out, 1.0, lost) * material.weight).sum() / material.weight.sum())
    kept = sizes[~bad]
    hierarchies = material.hierarchies
    return Proposal(
        steps={one.column: int(step) for one, step in zip(hierarchies, steps, strict=True)},
        names={one.column: one.steps[step] for one, step in zip(hierarchies, steps, strict=True)},
        loss=loss, classes=len(kept), k=int(kept.min()) if len(kept) else 0,
        suppressed=suppressed, share_suppressed=suppressed / material.people,
    )  # fmt: skip


def _classes(
    material: Material, demand: Demand, steps: NDArray[np.int64]
) -> tuple[Codes, Codes, NDArray[np.bool_]]:
    """Give the class of each combination, the people of each class, and which classes fall short."""
    columns = [
        one.groups[step][material.values[:, place]]
        for place, (one, step) in enumerate(zip(material.hierarchies, steps, strict=True))
    ]
    classes = combine(columns, len(material.values))
    sizes = np.bincount(classes, weights=material.alone).astype(np.int64)
    if len(material.shared):
        at, whose = material.shared[:, 0], codes_of(pd.Series(material.shared[:, 1]))
        more, _ = people_in(np.append(classes[at], classes.max()), np.append(whose, whose.max() + 1))
        more[-1] -= 1  # the one that was added so that the last class is counted too
        sizes += more
    bad = sizes < demand.k
    for at, value, count in material.sensitive if (demand.l, demand.t) != (None, None) else ():
        spread = spread_of(classes[at], value, count)
        if demand.l is not None:
            bad |= distinct_values(spread) < demand.l
        if demand.t is not None:
            bad |= equal_distance(spread) > demand.t + 1e-12
    return classes, sizes, bad


def apply(
    rows: pd.DataFrame, material: Material, demand: Demand, proposal: Proposal, keep: Sequence[str] = ()
) -> pd.DataFrame:
    """Make the coarser table: the quasi-identifiers in their groups, without the rows that are left out.

    Parameters
    ----------
    rows, material
        The table, and what `material_of` made of it.
    demand, proposal
        What was asked, and the way to it.
    keep
        Other columns that go along.

    Returns
    -------
    pandas.DataFrame
        One row per kept row, in no order that tells anything: sorted by what is in it.
    """
    steps = np.array([proposal.steps[one.column] for one in material.hierarchies])
    classes, _, bad = _classes(material, demand, steps)
    which = combine([codes_of(rows[one.column]) for one in material.hierarchies], len(rows))
    kept = ~bad[classes[which]]
    made = {}
    for place, one in enumerate(material.hierarchies):
        labels = np.array(one.labels[steps[place]], dtype=object)
        made[one.column] = labels[one.groups[steps[place]][material.values[which[kept], place]]]
    frame = pd.DataFrame({**made, **{name: rows.loc[kept, name].to_numpy() for name in keep}})
    names = [name for name in made if (frame[name] != EVERYBODY).any()]
    return frame.sort_values([*names, *keep], ignore_index=True) if names or keep else frame
