"""Marginal means and slopes as a table that can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studypkg.errors import ConfigError, nearest
from studypkg.inference.adjustments import adjustment
from studypkg.inference.comparison_question import question
from studypkg.inference.comparison_weights import ContrastLike, Weighting, named_as_ratios, weighting
from studypkg.inference.comparisons import Comparisons, Group, as_html, as_text, compared, family_notes
from studypkg.inference.contrasts import joint_test
from studypkg.inference.interaction_weights import Reference, interaction, is_interaction
from studypkg.inference.marginal_rows import NO_COEFFICIENT, NO_ROWS, NOT_ESTIMABLE, Columns
from studypkg.inference.marginal_scale import RATIOS, ratios

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class MarginalMeans:
    """Means of a model at the cells of a reference grid, or slopes there.

    Notes
    -----
    ``table`` has one row per combination of levels: the ``variables``, the ``by`` variables, ``estimate``,
    ``se``, ``df``, ``ci_low`` and ``ci_high``; where a cell has no estimate there is a column ``reason``.
    ``linear`` holds the weight of every coefficient, one row per cell. Intervals of ``table`` hold each by
    itself. ``quantity`` is ``mean`` or the slope's name; ``notes`` say what was averaged over,
    what was held where, and what should be known.
    """

    table: pd.DataFrame
    linear: pd.DataFrame
    quantity: str
    variables: tuple[str, ...]
    by: tuple[str, ...]
    ddf: str | None
    level: float
    scale: str
    notes: tuple[str, ...]
    cells: pd.DataFrame = field(repr=False)
    columns: Columns = field(repr=False)
    full: Floats = field(repr=False)
    reasons: NDArray[np.object_] = field(repr=False)

    def pairwise(
        self, adjust: str = "holm", *, by: str | Sequence[str] | None = None, reverse: bool = False
    ) -> Comparisons:
        """Compare all pairs of means, the earlier minus the later one.

        Parameters
        ----------
        adjust
            ``holm``, ``tukey``, ``mvt``, ``bonferroni``, ``sidak``, ``scheffe``, ``hochberg``, ``bh``, ``by``
            or ``none``; p-values are adjusted within each ``by`` group.
        by
            Variables whose levels are not compared with each other; the own ones by default, ``[]`` for none.
        reverse
            The later minus the earlier one.
        """
        return self.contrast("revpairwise" if reverse else "pairwise", adjust, by=by)

    def contrast(
        self,
        contrasts: ContrastLike = "effects",
        adjust: str = "holm",
        *,
        by: str | Sequence[str] | None = None,
        reference: Reference = None,
        null: float | None = None,
        side: str = "two-sided",
    ) -> Comparisons:
        """Estimate and test contrasts of the means.

        Parameters
        ----------
        contrasts
            ``pairwise``, ``revpairwise``, ``trt.vs.ctrl``, ``consecutive``, ``polynomial`` (levels taken as
            equally spaced), ``effects`` (each less the mean of all) or ``identity`` (each against zero);
            ``{label: weights}`` with one weight per mean or ``{mean: weight}``; or a matrix, one row per
            contrast. ``{variable: name}``, such as ``{"arm": "pairwise", "week": "consecutive"}``, multiplies
            them: does a difference between arms change between weeks?
        adjust, by
            As in `pairwise`.
        reference
            The control of ``trt.vs.ctrl``: a mean's name, or its place counted from 0;
            ``{variable: control}`` where several variables have one.
        null
            What is tested against, such as a margin: on the scale of the estimates, no difference by default.
        side
            The alternative: ``two-sided``, ``greater`` or ``less`` than ``null``. Intervals of one side have
            one end.

        Raises
        ------
        ConfigError
            If a name is unknown, numbers do not fit, or the adjustment is not for these contrasts.
        """
        method = adjustment(adjust)
        names = self._by(by)
        if by is None and is_interaction(contrasts):
            names = tuple(n for n in names if n not in dict(contrasts))
        labelled = [(group, self._labels(group, names)) for group in self._groups(names)]
        groups = [(g, self._weighting(contrasts, g, labels, names, reference)) for g, labels in labelled]
        measure = self._measure([made for _, made in groups])
        if measure in RATIOS.values():
            groups = [
                (g, named_as_ratios(made, labels))
                for (g, made), (_, labels) in zip(groups, labelled, strict=True)
            ]
        asked = question(null, side, method, ratio=measure in RATIOS.values())
        table, weights = compared(
            self.columns,
            self.full,
            self.reasons,
            groups,
            names,
            method,
            asked,
            ddf=self.ddf,
            level=self.level,
        )
        if measure in RATIOS.values():
            table = ratios(table)
        notes = family_notes(method, asked, groups, names, self.level)
        if null is not None or side != "two-sided":
            notes.append(f"Tested against {null if null is not None else 'no difference'}, {side}.")
        if self.scale == "response" and measure == "difference" and self.columns.fit.link != "identity":
            notes.append(f"Differences are on the {self.columns.fit.link} scale: they have no way back.")
        coefficients = pd.DataFrame(weights, columns=self.linear.columns, index=table["contrast"].to_numpy())
        return Comparisons(
            without_empty_reason(table), coefficients, names, method.name, measure,
            method.critical is not None and method.name != "none", self.level, tuple(notes),
        )  # fmt: skip

    def joint(self, *, by: str | Sequence[str] | None = None) -> pd.DataFrame:
        """Test by F that all means are equal, within each ``by`` group.

        Returns
        -------
        pandas.DataFrame
            One row per group with ``statistic`` (F), ``num_df``, ``den_df`` and ``p_value``; a group with a
            mean that has no estimate has no test, and a column ``reason``.
        """
        names = self._by(by)
        found = []
        for group in self._groups(names):
            if len(group.places) < 2:
                raise ConfigError("A test of equality needs at least two means in each group.")
            row: dict[str, Any] = dict(zip(names, group.values, strict=True))
            found.append({**row, **self._joint_row(group.places)})
        return without_empty_reason(pd.DataFrame(found))

    def __repr__(self) -> str:
        return as_text(self.table, self.notes)

    def _repr_html_(self) -> str:
        return as_html(self.table, f"Estimates: {self.quantity}, {self.scale} scale", self.notes)

    def _joint_row(self, places: NDArray[np.intp]) -> dict[str, Any]:
        steps = np.diff(np.nan_to_num(self.full[places]), axis=0)
        reason = ""
        if (self.reasons[places] == NO_ROWS).any():
            reason = NO_ROWS
        elif not self.columns.estimable(steps).all():
            reason = NOT_ESTIMABLE
        weights = self.columns.of_coefficients(steps)
        weights = weights[weights.any(axis=1)]
        if not reason and not len(weights):
            reason = NO_COEFFICIENT
        if reason:
            return {**dict.fromkeys(["statistic", "num_df", "den_df", "p_value"], np.nan), "reason": reason}
        tested = joint_test(self.columns.fit, weights, ddf=self.ddf)
        return {**{str(k): v for k, v in tested.iloc[0].items()}, "reason": ""}

    def _by(self, by: str | Sequence[str] | None) -> tuple[str, ...]:
        if by is None:
            return self.by
        names = (by,) if isinstance(by, str) else tuple(by)
        known = [*self.variables, *self.by]
        for name in names:
            if name not in known:
                raise ConfigError(
                    f'by: "{name}" is not a variable of these means.{nearest(str(name), known)} '
                    f"Variables: {', '.join(known)}."
                )
        return names

    def _groups(self, by: tuple[str, ...]) -> list[Group]:
        """Take the rows apart by the levels of some variables, in the order in which these come."""
        if not by:
            return [Group((), np.arange(len(self.cells)))]
        values = list(zip(*(self.cells[name].tolist() for name in by), strict=True))
        return [
            Group(value, np.array([at for at, v in enumerate(values) if v == value]))
            for value in dict.fromkeys(values)
        ]

    def _labels(self, group: Group, by: tuple[str, ...]) -> list[str]:
        names = [n for n in (*self.variables, *self.by) if n not in by]
        if not names:
            return [self.quantity] * len(group.places)
        texts = [[_level_text(name, v) for v in self.cells[name].iloc[group.places]] for name in names]
        return [" ".join(parts) for parts in zip(*texts, strict=True)]

    def _weighting(
        self,
        contrasts: ContrastLike,
        group: Group,
        labels: list[str],
        by: tuple[str, ...],
        reference: Reference,
    ) -> Weighting:
        if not is_interaction(contrasts):
            if isinstance(reference, Mapping):
                raise ConfigError("reference: name one mean, or its place counted from 0.")
            return weighting(contrasts, labels, reference=reference)
        levels = self.cells.iloc[group.places]
        names = [n for n in (*self.variables, *self.by) if n not in by]
        by_variable = {n: [_level_text(n, v) for v in dict.fromkeys(levels[n].tolist())] for n in names}
        return interaction(contrasts, by_variable, reference=reference)

    def _measure(self, made: list[Weighting]) -> str:
        """Say what a contrast is on the scale asked for."""
        link = self.columns.fit.link
        if self.scale == "link" or link not in RATIOS:
            return "difference"
        if any((np.abs(m.weights.sum(axis=1)) > 1e-9 * np.abs(m.weights).sum(axis=1)).any() for m in made):
            raise ConfigError(
                f"On the response scale of a {link} link contrasts are ratios, so their weights must sum to "
                'zero: change them, or ask for marginal means with scale="link".'
            )
        return RATIOS[link]


def without_empty_reason(table: pd.DataFrame) -> pd.DataFrame:
    """Leave the column ``reason`` out where nothing is missing."""
    return table if (table["reason"] != "").any() else table.drop(columns="reason")


def _level_text(name: str, value: object) -> str:
    """Write a level; numbers, yes and no mean nothing without the variable's name."""
    if isinstance(value, bool | np.bool_):
        return f"{name} {value}"
    if isinstance(value, int | float | np.number):
        return f"{name} {value:.10g}"
    return str(value)
