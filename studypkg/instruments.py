"""Questionnaires and scales: their range, which way is better, and their published thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from studypkg.errors import ConfigError
from studypkg.terms import Certainty, Coded, Term, normalise

Measure = Literal["mcid", "mic", "mid", "mdc", "sem", "pass", "scb", "improved", "band"]
Kind = Literal["abs", "pct"]

#: Measures that are a point on the scale of the score; all others are an amount of change.
SCORE_MEASURES = ("pass",)


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A number that a score or a change is held against, with the people it was found in.

    Parameters
    ----------
    measure
        ``mcid`` minimal clinically important difference, ``mic`` minimal important change, ``mid``
        minimal important difference, ``mdc`` minimal (smallest) detectable change, ``sem`` standard
        error of measurement, ``scb`` substantial clinical benefit, ``band`` a named amount of change,
        ``improved`` a rating of change that counts as better, ``pass`` the score of an acceptable state.
    kind
        ``abs`` points of the instrument, ``pct`` per cent of the score at the start.
    value
        Always positive for an amount of change, whichever way is better.
    population, source
        The people in whom it was found, and the publication.
    qualifier, level
        The size or subscale that sets it apart; the confidence of a detectable change, such as 0.95.
    default
        Taken where nobody names a population and several thresholds would do.
    """

    measure: Measure
    value: float
    population: str
    source: str
    kind: Kind = "abs"
    qualifier: str | None = None
    level: float | None = None
    default: bool = False
    certainty: Certainty = "documented"
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class ThresholdRange:
    """A span of published thresholds, which informs a choice and is never applied by itself."""

    measure: Measure
    low: float
    high: float
    population: str
    source: str
    kind: Kind = "abs"
    qualifier: str | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class AdherenceInstrument(Term):
    """A way to record whether exercises were done; not every one has a scale."""

    minimum: float | None = None
    maximum: float | None = None
    direction: Literal["lower", "higher"] | None = None
    thresholds: tuple[Threshold, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Instrument(Coded):
    """A questionnaire or scale: its range, which way is better, and its published thresholds.

    Only scores are kept by a study. Item wording belongs to the owners of each instrument.
    """

    minimum: float
    maximum: float
    direction: Literal["lower", "higher"]
    thresholds: tuple[Threshold, ...] = ()
    ranges: tuple[ThresholdRange, ...] = ()

    def __post_init__(self) -> None:
        place = f'instrument "{self.id}"'
        if not self.minimum < self.maximum:
            raise ConfigError(f"{place}: minimum must be below maximum.")
        width = self.maximum - self.minimum
        for threshold in self.thresholds:
            found = f"{place}: {threshold.measure} of {threshold.value:g}"
            if threshold.measure in SCORE_MEASURES:
                if threshold.kind != "abs" or not self.minimum <= threshold.value <= self.maximum:
                    raise ConfigError(f"{found} is not a score from {self.minimum:g} to {self.maximum:g}.")
            elif not 0 < threshold.value <= (width if threshold.kind == "abs" else 100):
                raise ConfigError(f"{found} ({threshold.kind}) is not a change that this scale can show.")
        flagged = [(t.measure, t.kind) for t in self.thresholds if t.default]
        if len(flagged) > len(set(flagged)):
            raise ConfigError(f"{place}: two thresholds of one measure and kind are both the default.")

    @property
    def sign(self) -> Literal[-1, 1]:
        """−1 if lower is better, else +1: improvement is ``sign * (end - start)``."""
        return -1 if self.direction == "lower" else 1

    def threshold(
        self,
        measure: Measure,
        kind: Kind = "abs",
        population: str | None = None,
        qualifier: str | None = None,
    ) -> Threshold | None:
        """Find one published threshold, or None where there is none or a person must choose.

        Parameters
        ----------
        measure, kind
            What kind of threshold, in points or in per cent.
        population
            The people it must have been found in. None takes the instrument's default.
        qualifier
            The size or subscale, where one population has several.

        Returns
        -------
        Threshold or None
            The default among those that fit, or the only one that fits. Never a near miss.
        """
        fitting = [
            t
            for t in self.thresholds
            if (t.measure, t.kind) == (measure, kind)
            and (population is None or normalise(t.population) == normalise(population))
            and (qualifier is None or normalise(t.qualifier or "") == normalise(qualifier))
        ]
        fitting = [t for t in fitting if t.default] or fitting
        return fitting[0] if len(fitting) == 1 else None

    def mcid(
        self, kind: Kind = "abs", population: str | None = None, qualifier: str | None = None
    ) -> Threshold | None:
        """Find the minimal clinically important difference; see `threshold`."""
        return self.threshold("mcid", kind, population, qualifier)

    def acceptable_state(self, population: str) -> Threshold | None:
        """Find the score at or beyond which these people call their state acceptable; see `threshold`."""
        return self.threshold("pass", "abs", population)
