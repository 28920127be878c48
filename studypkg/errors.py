"""Every exception of the package, by audience, each with the exit code the job ends with.

A message names the thing, what came (its kind, never a patient's value), what is allowed, and the
next move. None of these classes keeps a data frame, a row or a cell, so a traceback that is printed,
logged or saved in a notebook cannot show a patient.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

EXIT_CODES: dict[int, str] = {
    0: "ok",
    10: "usage or configuration",
    11: "data rejected",
    12: "identifier found",
    13: "quality gate",
    14: "model failed",
    15: "render failed",
    16: "partly failed (some clinics)",
    17: "locked by another run",
}


class StudyError(Exception):
    """A failure that is shown to the reader as one message, without a traceback."""

    exit_code: int = 1


class ConfigError(StudyError):
    """The command line or `study.toml` asks for something that cannot be."""

    exit_code = 10


class UnknownTermError(ConfigError):
    """A word is not in the vocabulary, the schema or the configuration."""


class DataRejectedError(StudyError):
    """A source cannot be read as a table, or too many of its rows are bad."""

    exit_code = 11


class IdentifierFoundError(StudyError):
    """A column or its values look like a direct identifier of a person."""

    exit_code = 12


class QualityGateError(StudyError):
    """The tables are readable but break a promise the study relies on."""

    exit_code = 13


class DisclosureError(QualityGateError):
    """Something that could reveal a small cell was about to be published."""


class ModelError(StudyError):
    """A model did not converge, or cannot be fitted to these rows: there is no number to show."""

    exit_code = 14


class RenderError(StudyError):
    """A notebook or a page failed; the executed copy was kept."""

    exit_code = 15


class PartialFailureError(StudyError):
    """Some clinics failed; the pages of the others were published."""

    exit_code = 16


class LockedError(StudyError):
    """Another run holds the lock of this study."""

    exit_code = 17


def nearest(word: str, known: Iterable[str], *, limit: int = 3) -> str:
    """Say which known words are nearest to an unknown one, as the tail of a message.

    Parameters
    ----------
    word
        The word that was not recognised. It must come from a configuration or a column name,
        never from a patient's record.
    known
        The words that are allowed.
    limit
        At most this many suggestions.

    Returns
    -------
    str
        ``' Did you mean "nprs"?'`` with a leading blank, or an empty string.

    Examples
    --------
    >>> nearest("nrps", ["nprs", "lefs"])
    ' Did you mean "nprs"?'
    >>> nearest("zzz", ["nprs", "lefs"])
    ''
    """
    by_fold = {k.casefold(): k for k in known}
    close = get_close_matches(word.casefold(), by_fold, n=limit, cutoff=0.6)
    if not close:
        return ""
    quoted = [f'"{by_fold[c]}"' for c in close]
    return f" Did you mean {' or '.join(quoted)}?"
