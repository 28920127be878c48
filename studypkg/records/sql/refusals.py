"""What a database refused, in words of our own: its own words may quote rows, addresses and passwords."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

from studypkg.errors import ConfigError, DataRejectedError, StudyError

NOTHING = "Nothing was replaced."
#: SQLSTATE, or its class of two letters → what it means, and whether the declaration is at fault.
_STATES: Mapping[str, tuple[str, bool]] = {
    "28": ("the database refuses the user or the password. Mend the address in {variable}", True),
    "3D": ("there is no database of that name. Mend the address in {variable}", True),
    "42501": ("this user may not read that. Ask for the right to SELECT, and for nothing more", True),
    "42P01": ("there is no such table or view. Mend it under [sources.sql], with its schema in front", True),
    "42703": ("a column that is named does not exist. Mend it under [sources.sql]", True),
    "3F": ("there is no such schema. Mend it under [sources.sql]", True),
    "25006": ("the query tries to change the database, and only reading is allowed. Write one SELECT", True),
    "42601": ("the query is not one SELECT that this database understands. Mend it", True),
    "0A": ("the query is not one SELECT that can be read in a stream. Mend it", True),
    "42": ("the database cannot run this query. Try it in the database's own client and mend it", True),
    "57014": ("the read took longer than timeout_seconds and was stopped. Raise it, or read less", False),
    "57": ("the database shut down or broke off while it was read. Run again when it is back", False),
    "08": ("the connection was lost while the rows were read. Check the network and run again", False),
    "53": ("the database has no memory, disk or connections left. Run again later", False),
    "40": ("the database was too busy with other work to give one consistent view. Run again", False),
    "away": ("the database cannot be reached. Check that it runs, and the host and port in {variable}", True),
    "outside": ("the query reaches for something outside of its database. Read the database only", True),
    "file": ("the database file is damaged, locked, or holds text that is not UTF-8", False),
    "22": ("a value cannot be computed by the query as it is written. Mend the query", False),
}
#: Words by which drivers without a code tell what is wrong: any of the marks, each with all of its
#: parts; whether they count only before the connection stands; and the state above that they mean.
_MARKS: tuple[tuple[tuple[tuple[str, ...], ...], bool, str], ...] = (
    ((("password",), ("authentication",), ("role ",), ("access denied",)), True, "28"),
    ((("database", "does not exist"),), True, "3D"),
    ((("no such table",), ("unknown table",), ("catalog error",)), False, "42P01"),
    ((("no such column",), ("binder error", "column")), False, "42703"),
    ((("readonly",), ("not authorized",), ("prohibited",)), False, "25006"),
    ((("permission error",),), False, "outside"),
    ((("interrupt",),), False, "57014"),
    ((("binder error",),), False, "42"),
    ((("syntax error",), ("parser error",), ("one statement at a time",)), False, "42601"),
    ((("malformed",), ("not a database",), ("decode",)), False, "file"),
)


def refusal_of(fault: BaseException, *, place: str, variable: str, reading: bool) -> StudyError:
    """Turn an error of a database or its driver into one of ours.

    Parameters
    ----------
    fault
        The error. Nothing of its text is kept.
    place
        What messages call the source.
    variable
        The environment variable or file that names the database.
    reading
        Whether the connection stood already, so that a break means the database went away.
    """
    if isinstance(fault, StudyError):
        return fault
    if isinstance(fault, (NoSuchModuleError, ImportError)):
        return ConfigError(
            f"{place}: the kind of database in {variable} needs a driver that is not installed. Install it "
            f"beside this package, and check the beginning of the address."
        )
    origin = fault.orig if isinstance(fault, DBAPIError) and fault.orig is not None else fault
    state = getattr(origin, "sqlstate", None) or ""
    for code in (state, state[:2]):
        if code and code in _STATES:
            words, declared = _STATES[code]
            return _worded(f"{place}: {words.format(variable=variable)}.", declared)
    return _by_text(str(origin), origin, place, variable, reading)


def _by_text(text: str, origin: BaseException, place: str, variable: str, reading: bool) -> StudyError:
    """Tell by what the driver says where it gives no code; its text goes no further."""
    text = text.lower()
    for marks, at_login, code in _MARKS:
        if not (at_login and reading) and any(all(part in text for part in mark) for mark in marks):
            words, declared = _STATES[code]
            break
    else:
        if not reading:
            words, declared = _STATES["away"]
        elif isinstance(origin, (psycopg.OperationalError, OSError, SQLAlchemyError)):
            words, declared = _STATES["08"]
        else:
            words = f"the database gave up with {type(origin).__name__}. Try the query in its own client"
            declared = False
    return _worded(f"{place}: {words.format(variable=variable)}.", declared)


def _worded(text: str, declared: bool) -> StudyError:
    return ConfigError(text) if declared else DataRejectedError(f"{text} {NOTHING}")
