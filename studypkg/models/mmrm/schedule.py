"""Who was seen when: rows put in order of subject and visit, and the questions asked of that order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studypkg.errors import ConfigError, ModelError
from studypkg.models.design import Codes, Design, Floats, level_text

Places = NDArray[np.intp]
# A hyphen inside or after a word is no sign.
_NUMBER = re.compile(r"((?<![\w-])-?\d+(?:\.\d+)?|\d+)")


@dataclass(frozen=True)
class Schedule:
    """The rows of a design by subject and visit.

    Notes
    -----
    ``order`` sorts the rows by subject, then visit; everything below is in that order. ``subject`` and
    ``group`` (a code per row), ``visit`` (a code per row; for irregular days the rank of the day) and
    ``time`` (the day itself, or the visit's number) have n entries. ``starts`` are the first rows of the
    subjects, with n at the end. ``visits`` and ``groups`` are labels.
    """

    order: Places
    subject: Codes
    visit: Codes
    time: Floats
    group: Codes
    starts: Places
    subject_name: str
    visit_name: str
    group_name: str | None
    visits: tuple[str, ...]
    groups: tuple[str, ...]
    spatial: bool

    @property
    def n_subjects(self) -> int:
        """How many subjects have a complete row."""
        return len(self.starts) - 1

    @property
    def sizes(self) -> Places:
        """How many rows every subject has."""
        return np.diff(self.starts)

    def same_size(self) -> list[tuple[int, Places]]:
        """List (subjects × size) row numbers for every size there is: subjects one below the other."""
        sizes = self.sizes
        return [
            (int(size), self.starts[:-1][sizes == size][:, None] + np.arange(size))
            for size in np.unique(sizes)
        ]


def make_schedule(
    design: Design, data: pd.DataFrame, *, subject: str, visit: str, group: str | None, spatial: bool
) -> Schedule:
    """Order the rows of a design by subject and visit.

    Parameters
    ----------
    design
        The matrices; its first term holds the subjects.
    data
        The table they came from.
    subject, visit, group
        Column names.
    spatial
        Read the visit as a number of days (or other time), not as a label.

    Raises
    ------
    ConfigError
        If irregular days are asked for and the column holds no numbers.
    ModelError
        If a subject has a visit twice or belongs to two groups, nobody was seen twice, or a day is infinite.
    """
    codes = design.terms[0].codes
    kept = data.loc[design.kept]
    if spatial:
        if not pd.api.types.is_numeric_dtype(kept[visit].dtype):
            raise ConfigError(
                f'The covariance by distance in time needs numbers in "{visit}", such as days since a start.'
            )
        time = kept[visit].to_numpy(dtype=float)
        infinite = int((~np.isfinite(time)).sum())
        if infinite:
            raise ModelError(
                f'Column "{visit}" holds {infinite} infinite values: make them missing or finite.'
            )
        visit_codes = np.unique(time, return_inverse=True)[1].astype(np.int64)
        visits: tuple[str, ...] = (visit,)
    else:
        visit_codes, visits = ordered_levels(kept[visit])
        time = visit_codes.astype(float)
    group_codes, groups = (
        (np.zeros(len(codes), dtype=np.int64), (subject,)) if group is None else ordered_levels(kept[group])
    )
    order = np.lexsort((visit_codes, codes))
    codes, visit_codes, group_codes = codes[order], visit_codes[order], group_codes[order]
    new = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
    starts = np.append(new, len(codes)).astype(np.intp)
    made = Schedule(
        order.astype(np.intp), codes, visit_codes, time[order], group_codes, starts, subject, visit, group,
        visits, groups, spatial,
    )  # fmt: skip
    _check(made)
    return made


def ordered_levels(column: pd.Series[Any]) -> tuple[Codes, tuple[str, ...]]:
    """Give the levels of a column numbers: categories in their own order, numbers by size, text as read.

    Numbers inside text count as numbers, so that ``week 4`` comes before ``week 12``.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        used = column.cat.remove_unused_categories()
        codes = np.asarray(used.cat.codes, dtype=np.int64)
        return codes, tuple(level_text(level) for level in used.cat.categories)
    places, levels = pd.factorize(column)
    if pd.api.types.is_numeric_dtype(column.dtype):
        order = np.argsort(np.asarray(levels, dtype=float))
    else:
        order = np.array(sorted(range(len(levels)), key=lambda at: _as_read(level_text(levels[at]))))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[places], tuple(level_text(levels[at]) for at in order)


def _as_read(text: str) -> list[str | float]:
    """Cut a text into words and numbers, one after the other."""
    parts = _NUMBER.split(text)
    return [float(part) if at % 2 else part for at, part in enumerate(parts)]


def _check(made: Schedule) -> None:
    same = made.subject[1:] == made.subject[:-1]
    twice = same & (made.visit[1:] == made.visit[:-1])
    if twice.any():
        affected = len(np.unique(made.subject[1:][twice]))
        raise ModelError(
            f'{affected} levels of "{made.subject_name}" have the same "{made.visit_name}" more than once: '
            "a subject is seen once at a visit. Remove repeats or take their mean first."
        )
    crossing = same & (made.group[1:] != made.group[:-1])
    if crossing.any():
        affected = len(np.unique(made.subject[1:][crossing]))
        raise ModelError(
            f'{affected} levels of "{made.subject_name}" belong to more than one "{made.group_name}": '
            "the covariance of a subject has one group."
        )
    if not made.spatial and len(made.visits) < 2:
        raise ModelError(
            f'"{made.visit_name}" has one level in the complete rows: there is no covariance between visits '
            "to model. Fit a linear regression instead."
        )
    for at in range(len(made.groups)):
        rows = made.group[1:] == at
        if not (same & rows).any():
            where = (
                f' within level {at + 1} of {len(made.groups)} of "{made.group_name}"'
                if made.group_name
                else ""
            )
            raise ModelError(
                f'No level of "{made.subject_name}" has two complete rows{where}: the covariance between '
                "visits cannot be estimated."
            )
