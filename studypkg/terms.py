"""The records a vocabulary is made of: terms, their codes in outside systems, doses, rules."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, fields
from typing import Literal

from studypkg.errors import UnknownTermError

Certainty = Literal["verified", "documented", "recalled", "unverified"]
Side = Literal["left", "right", "both", "unspecified"]

#: From the least to the most certain.
CERTAINTIES: tuple[Certainty, ...] = ("unverified", "recalled", "documented", "verified")
#: Unicode categories of dashes, underscores and invisible marks such as the soft hyphen.
_JOINERS = ("Pd", "Pc", "Cf")


def normalise(word: str) -> str:
    """Reduce a word to what two ways of writing it share: no case, spaces, hyphens or underscores.

    Examples
    --------
    >>> normalise("  IT-Band Syndrome ") == normalise("itband_syndrome")
    True
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold())
    return "".join(c for c in folded if not c.isspace() and unicodedata.category(c) not in _JOINERS)


@dataclass(frozen=True, kw_only=True)
class Term:
    """A word of the field: its id, how it is called, and where it comes from.

    Parameters
    ----------
    id, name, aliases
        Key in snake case, name for a reader, and other names by which records call it.
    source
        ``article`` the clinic article it all started from, ``outside`` the literature or a standard,
        ``study`` a study's own file.
    kind
        A finer group within the section.
    note
        What a user of the term must know.
    """

    id: str
    name: str
    aliases: tuple[str, ...] = ()
    source: str = "study"
    kind: str | None = None
    note: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """Every word that means this term: id, name, aliases."""
        return (self.id, self.name, *self.aliases)


@dataclass(frozen=True, kw_only=True)
class Code:
    """One code of an outside system, with how sure the mapping is.

    Parameters
    ----------
    system, code
        The system, and the code itself.
    certainty
        ``verified`` against the release, ``documented`` in a page that was read, ``recalled`` from
        general knowledge, ``unverified`` because sources disagree.
    side
        Side of the body the code names; None for a code without a side.
    alternative
        The code is a second choice, or only for a special case, and is never a default.
    timed
        For a billing code: whether it counts 15-minute units.
    since, until
        First and last day of service (``YYYY-MM-DD``) on which the code may stand; None for no limit. A
        code that has ended, or was made lately, is right or wrong by the day it was given.
    """

    system: Literal["icd10cm", "cpt", "loinc", "snomed"]
    code: str
    certainty: Certainty
    side: Side | None = None
    alternative: bool = False
    timed: bool | None = None
    since: str | None = None
    until: str | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Coded(Term):
    """A term that has codes in outside systems."""

    codes: tuple[Code, ...] = ()

    def default_code(self, side: Side = "unspecified", *, at_least: Certainty = "documented") -> Code | None:
        """Give the one code that may stand for this term, or None where a person must choose.

        Parameters
        ----------
        side
            Side of the body. A code that names the side is preferred to a code without a side.
        at_least
            The least certainty accepted. An unverified code is never a default, whatever is asked.

        Returns
        -------
        Code or None
            None if no code is certain enough, or if more than one would do.

        Raises
        ------
        UnknownTermError
            If `at_least` is not a grade of certainty.
        """
        if at_least not in CERTAINTIES:
            raise UnknownTermError(f'"{at_least}" is not a certainty. Allowed: {", ".join(CERTAINTIES)}.')
        floor = max(CERTAINTIES.index(at_least), 1)
        lasting = [c for c in self.codes if not c.alternative and c.until is None]
        sure = [c for c in lasting if CERTAINTIES.index(c.certainty) >= floor]
        fitting = [c for c in sure if c.side == side] or [c for c in sure if c.side is None]
        return fitting[0] if len(fitting) == 1 else None


@dataclass(frozen=True, kw_only=True)
class Dose:
    """What one session of an exercise asks for; None means that nobody has said.

    Parameters
    ----------
    sets, count_min, count_max, unit
        Sets, and the fewest and most repetitions or steps in a set.
    hold_min_s, hold_max_s
        Shortest and longest hold, in seconds.
    sides
        Whether the count is for each side or direction, or alternates between them.
    sessions_per_week
        Sessions due in a week.
    """

    sets: int | None = None
    count_min: int | None = None
    count_max: int | None = None
    unit: Literal["reps", "steps", "seconds"] | None = None
    hold_min_s: float | None = None
    hold_max_s: float | None = None
    sides: Literal["each_side", "each_direction", "alternate"] | None = None
    sessions_per_week: float | None = None

    @property
    def unstated(self) -> tuple[str, ...]:
        """Names of the parts that nobody has said, which a study's prescriptions must supply."""
        return tuple(f.name for f in fields(self) if getattr(self, f.name) is None)


@dataclass(frozen=True, kw_only=True)
class Exercise(Term):
    """A home exercise; `targets` are ids of the section ``anatomy``."""

    purpose: str | None = None
    targets: tuple[str, ...] = ()
    position: str | None = None
    steps: tuple[str, ...] = ()
    dose: Dose = Dose()
    equipment: tuple[str, ...] = ()
    tempo: str | None = None
    intensity: str | None = None
    progression: str | None = None
    expected_sensation: str | None = None
    error_cues: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Modality(Coded):
    """A treatment a therapist gives; a billing code does not identify it."""


@dataclass(frozen=True, kw_only=True)
class Condition(Coded):
    """A diagnosis, an impairment or a status; where it hurts is a separate column of the episode."""

    role: Literal["index", "consequence", "rule_out", "status", "impairment"] | None = None


@dataclass(frozen=True, kw_only=True)
class StopRule(Term):
    """A sign on which to stop, take care or refer; its name is the sign itself.

    `level` and `action` are None where no source says what to do: a study must decide. A rule of
    technique names its `exercise`.
    """

    level: Literal["stop", "caution", "refer", "technique"] | None = None
    action: str | None = None
    exercise: str | None = None
    certainty: Certainty = "documented"


@dataclass(frozen=True, kw_only=True)
class Finding(Term):
    """A symptom or risk factor; `expected` marks what exercise brings at first and is not harm."""

    expected: bool = False
    modifiable: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Care(Term):
    """Something done beside the exercises; `analysis` says how an analysis must treat it."""

    duration: str | None = None
    analysis: Literal["co_intervention", "intercurrent_event", "exclusion_or_stratum"] | None = None
