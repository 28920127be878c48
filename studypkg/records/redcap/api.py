"""Questions to the API of a REDCap project: put again where the server stumbles, and no secret is told."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from redcap.project import Project
from redcap.request import RedcapError

from studypkg.errors import ConfigError, DataRejectedError
from studypkg.systems import Redcap

#: Seconds to wait before a question is put again.
PAUSES = (2.0, 10.0)
#: Seconds to wait for a connection, and for the next bytes of an answer.
TIMEOUT_SECONDS = (10.0, 120.0)


class Api:
    """The API of one project.

    Parameters
    ----------
    options
        Names of the environment variables that hold its address and token.

    Raises
    ------
    ConfigError
        If a variable is not set, or holds what cannot be an address or a token.

    Notes
    -----
    PyCap looks at the text of an answer only. The status of the answer, which the API documents, says
    more: 400 refuses the question and 403 the token, and from 500 on the server stumbled. No redirection
    is followed, because it would carry the token to another address.
    """

    def __init__(self, options: Redcap) -> None:
        url, token = address(options)
        self.place = f"the REDCap API ({options.url_variable})"
        self._status = 0
        project = None
        with suppress(AssertionError):
            project = Project(
                url, token, timeout=TIMEOUT_SECONDS, allow_redirects=False, hooks={"response": self._seen}
            )
        if project is None:  # outside, because the words of that error hold the token
            raise ConfigError(
                f"{self.place}: the address must end in /api/ and the token must be the 32 letters that "
                f"REDCap gave you. Mend the environment variables {options.url_variable} and "
                f"{options.token_variable}."
            )
        self.project = project

    def answer(self, ask: Callable[[Project], str], first: str) -> str | None:
        """Put a question, and put it again if the network or the server stumbles.

        Parameters
        ----------
        ask
            The question.
        first
            How a right answer begins; anything else is a page of a proxy or of maintenance.

        Returns
        -------
        str or None
            The answer; empty where the project holds nothing of the kind. `None` if REDCap knows no answer
            to this question (status 400), such as for the events of a project that has none.

        Raises
        ------
        ConfigError
            If REDCap refuses the token, or the address leads elsewhere.
        DataRejectedError
            If nothing answers, or something else than REDCap does.
        """
        for pause in (*PAUSES, None):
            told, refused = self._ask(ask)
            if 300 <= self._status < 400:
                raise ConfigError(
                    f"{self.place}: the address leads to another one, and a token is not sent on. Write the "
                    f"address to which it leads, with https:// and /api/, into the variable."
                )
            if self._status in (401, 403):
                raise ConfigError(
                    f"{self.place}: REDCap refused the token: it may be wrong or withdrawn, or its account "
                    f"may lack the right to export data. Ask whoever runs the project. Nothing was replaced."
                )
            if 400 <= self._status < 500 and self._status not in (408, 429):
                return None
            if self._status == 200 and refused:
                return None
            if self._status == 200 and told is not None:
                if not told.strip():
                    return ""
                if told.lstrip('\ufeff"').startswith(first):
                    return told
            if pause is not None:
                time.sleep(pause)
        raise DataRejectedError(
            f"{self.place}: there is no answer, or not one of REDCap's, after {len(PAUSES) + 1} tries. Look "
            f"at the address in a browser; the server may be down for maintenance. Nothing was replaced."
        )

    def needed(self, ask: Callable[[Project], str], first: str, what: str) -> str:
        """Put a question that has to have an answer.

        Raises
        ------
        ConfigError
            If REDCap refuses it.
        """
        told = self.answer(ask, first)
        if told is None:
            raise ConfigError(
                f"{self.place}: REDCap refused to give {what}. The account of the token may lack the right "
                f"to export them, or somebody edits the project now. Ask whoever runs it. Nothing was "
                f"replaced."
            )
        return told

    def _ask(self, ask: Callable[[Project], str]) -> tuple[str | None, bool]:
        """Put a question once: its answer, if there is one, and whether REDCap wrote an error instead."""
        self._status = 0
        try:
            return ask(self.project), False
        except (OSError, ValueError) as fault:
            # What REDCap says no to is this very class; the network's errors are its children.
            return None, type(fault) is RedcapError

    def _seen(self, response: Any, *_: object, **__: object) -> None:
        self._status = int(response.status_code)
        # Without a charset in its head the answer would be read as Latin-1; REDCap writes UTF-8 only.
        response.encoding = "utf-8"


def address(options: Redcap) -> tuple[str, str]:
    """Give the address and the token of the environment.

    Raises
    ------
    ConfigError
        Naming the variable that is not set.
    """
    found = []
    for variable in (options.url_variable, options.token_variable):
        value = os.environ.get(str(variable), "").strip()
        if not value:
            raise ConfigError(
                f"[sources.redcap]: the environment variable {variable} is not set where the run is started. "
                f"Set it there, never in study.toml."
            )
        found.append(value)
    return found[0], found[1]
