"""What is asked of an MMRM, checked once: formula, columns, structure, kinds of covariance."""

from __future__ import annotations

import re
from dataclasses import dataclass

from studypkg.errors import ConfigError, nearest
from studypkg.models.formula import ParsedFormula, RandomTerm
from studypkg.models.mmrm.sandwich import vcov_name
from studypkg.models.mmrm.structures import SPATIAL, covariance_name

KENWARD_ROGER: tuple[str, ...] = ("linear", "full")
_EXAMPLE = 'For example "pain ~ arm * visit + baseline".'


@dataclass(frozen=True)
class Request:
    """An MMRM as it was asked for; the names are those of the tables of structures and covariances."""

    formula: ParsedFormula
    subject: str
    visit: str
    group: str | None
    covariance: str
    reml: bool
    vcov: str
    kenward_roger: str

    @property
    def spatial(self) -> bool:
        """Whether visits are days on a line."""
        return self.covariance == SPATIAL


def make_request(
    formula: str,
    *,
    subject: str,
    visit: str,
    cov: str,
    group: str | None,
    reml: bool,
    vcov: str,
    kenward_roger: str,
) -> Request:
    """Check what was asked.

    Raises
    ------
    ConfigError
        If the formula is none or has a random term, or a name is not in its table.
    """
    names = [name for name in (subject, visit, group) if name is not None]
    if not all(isinstance(name, str) for name in names):
        raise ConfigError("subject, visit and group are names of columns.")
    if len(set(names)) < len(names):
        raise ConfigError("subject, visit and group must be different columns.")
    if kenward_roger not in KENWARD_ROGER:
        raise ConfigError(
            f'There is no kind "{kenward_roger}" of Kenward-Roger adjustment.'
            f"{nearest(str(kenward_roger), KENWARD_ROGER)} Available: {', '.join(KENWARD_ROGER)}."
        )
    return Request(
        _fixed_formula(formula, tuple(RandomTerm("1", (name,)) for name in names)),
        subject, visit, group, covariance_name(cov), bool(reml), vcov_name(vcov), kenward_roger,
    )  # fmt: skip


def _fixed_formula(text: str, columns: tuple[RandomTerm, ...]) -> ParsedFormula:
    """Split a formula; ``columns`` are read along so that rows without them are left out and counted."""
    if not isinstance(text, str) or text.count("~") != 1:
        raise ConfigError(
            f"The formula {text!r} is not of the form 'response ~ terms': exactly one '~'. {_EXAMPLE}"
        )
    if "|" in re.sub(r"`[^`]*`", "", text):
        raise ConfigError(
            f"The formula {text!r} has a random term: an MMRM has none, it models the covariance between "
            f"visits itself. Leave the term out, or use fit_lmm. {_EXAMPLE}"
        )
    response, fixed = (part.strip() for part in text.split("~"))
    if not response or not fixed:
        raise ConfigError(f"The formula {text!r} lacks its left or its right side. {_EXAMPLE}")
    return ParsedFormula(text.strip(), response, fixed, columns)
