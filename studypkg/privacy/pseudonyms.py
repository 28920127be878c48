"""Pseudonyms by keyed hashing: the same id and key give the same twenty letters, and nothing leads back.

A pseudonym is HMAC-SHA256 of the normalised id (RFC 2104; FIPS 198-1), written with twenty of the letters
in `ALPHABET`. Without the key, nobody can compute the pseudonym of a guessed id, which a plain hash would
allow. With the key, one can compute it again from an original; the way back from a pseudonym alone does
not exist, so re-linking always starts from a list of originals.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import duckdb
import pyarrow as pa

from studypkg.errors import ConfigError, QualityGateError
from studypkg.privacy.keys import SecretKey

#: No vowels, so no words; no digits, so nothing that a spreadsheet or a screen takes for a number.
ALPHABET = "bcdfghjkmnpqrstvwxyz"
LENGTH = 20
#: What a pseudonym looks like.
PATTERN = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")
_PSEUDONYMS: int = len(ALPHABET) ** LENGTH
_PAIRS = [a + b for a in ALPHABET for b in ALPHABET]
_BATCH = 50_000


@dataclass(frozen=True)
class Normalisation:
    """Which ways of writing an id are the same id.

    Parameters
    ----------
    case
        ``fold``: upper and lower case do not count.
    blanks
        ``trim`` removes them at both ends, ``remove`` everywhere.
    ignore
        Characters that do not count.

    Notes
    -----
    Unicode is always composed (NFC) and leading zeros always count: "007" and "7" are two people.
    """

    case: Literal["keep", "fold"] = "keep"
    blanks: Literal["keep", "trim", "remove"] = "trim"
    ignore: str = ""

    def __call__(self, text: str) -> str:
        """Reduce an id to the form that is hashed.

        Examples
        --------
        >>> Normalisation(case="fold", blanks="remove")("Aa 1") == Normalisation(
        ...     case="fold", blanks="remove"
        ... )("AA1 ")
        True
        >>> Normalisation()("Aa 1") == Normalisation()("AA1 ")
        False
        """
        if text.isascii():
            text = text.lower() if self.case == "fold" else text
        elif self.case == "fold":
            # Canonical caseless matching, The Unicode Standard, section 3.13, D145.
            text = unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold())
        if self.ignore:
            text = text.translate(dict.fromkeys(map(ord, self.ignore)))
        if self.blanks == "trim":
            text = text.strip()
        elif self.blanks == "remove":
            text = "".join(text.split())
        return unicodedata.normalize("NFC", text)


@dataclass(frozen=True)
class Pseudonyms:
    """The pseudonyms of some ids.

    Parameters
    ----------
    of
        Pseudonym by id as it was written.
    key_id
        Name of the key.
    merged
        Number of ids that were another way of writing an earlier one.
    """

    of: Mapping[str, str]
    key_id: str
    merged: int


def collision_chance(ids: int) -> float:
    """Bound the chance that any two of so many ids get the same pseudonym (the birthday bound).

    Examples
    --------
    >>> collision_chance(10_000_000) < 1e-12
    True
    """
    return math.comb(ids, 2) / float(_PSEUDONYMS)


def pseudonymise(
    ids: Iterable[str], key: SecretKey, normalise: Normalisation, *, purpose: str = "pseudonym"
) -> Pseudonyms:
    """Give every id its pseudonym, and make sure that no two ids share one.

    Parameters
    ----------
    ids
        Originals; repeated ones cost nothing.
    key
        The secret.
    normalise
        Which ways of writing are the same id.
    purpose
        Pseudonyms of two purposes have nothing in common, though the key is the same.

    Returns
    -------
    Pseudonyms
        An id of which normalising leaves nothing stays out: it is no id.

    Raises
    ------
    QualityGateError
        If two ids would get the same pseudonym.
    """
    secret = key.derived(purpose)
    owner: dict[str, str] = {}
    made: dict[str, str] = {}
    for text in ids:
        plain = normalise(text)
        if not plain or text in made:
            continue
        number = int.from_bytes(hmac.digest(secret, plain.encode("utf-8", "surrogatepass"), hashlib.sha256))
        made[text] = pseudonym = _letters(number)
        if owner.setdefault(pseudonym, plain) != plain:
            raise QualityGateError(
                "two different ids have the same pseudonym under this key, which should not happen in the "
                "lifetime of a study. Nothing was written. Make a new key and run again."
            )
    return Pseudonyms(made, key.id, len(made) - len(owner))


def _letters(number: int) -> str:
    number %= _PSEUDONYMS
    letters = []
    for _ in range(LENGTH // 2):
        number, place = divmod(number, len(_PAIRS))
        letters.append(_PAIRS[place])
    return "".join(letters)


def is_pseudonym(text: str) -> bool:
    """Say whether a text has the form of a pseudonym."""
    return PATTERN.fullmatch(text) is not None


def refuse_pseudonyms(ids: Iterable[str], place: str) -> None:
    """Make sure that ids are not pseudonyms already.

    Parameters
    ----------
    ids
        What is about to be replaced.
    place
        Where it stands, for the message.

    Raises
    ------
    ConfigError
        If some are: a pseudonym of a pseudonym finds no other row of its patient.
    """
    already = sum(map(is_pseudonym, ids))
    if already:
        raise ConfigError(
            f"{place}: {already} of the ids are pseudonyms already, and a pseudonym of a pseudonym finds no "
            f"other row of its patient. Replace ids once: in the file, or by `pseudonymise` of its source."
        )


def relink(
    pseudonyms: Iterable[str], originals: Iterable[str], key: SecretKey, normalise: Normalisation
) -> dict[str, str]:
    """Find the originals of pseudonyms among candidates, by computing each candidate's pseudonym again.

    Returns
    -------
    dict of str to str
        Original by pseudonym, of those that were found. Of several ways of writing the same id, the first.
    """
    wanted = set(pseudonyms)
    found: dict[str, str] = {}
    for original, pseudonym in pseudonymise(originals, key, normalise).of.items():
        if pseudonym in wanted:
            found.setdefault(pseudonym, original)
    return found


def rotate(
    pseudonyms: Iterable[str],
    originals: Iterable[str],
    old: SecretKey,
    new: SecretKey,
    normalise: Normalisation,
) -> dict[str, str]:
    """Give the pseudonym under a new key for every pseudonym under an old one.

    Notes
    -----
    HMAC has no way back, so this needs the candidates' originals, which only the owner of the ids has.

    Raises
    ------
    QualityGateError
        If a pseudonym belongs to none of the originals: half a rotation would tear patients apart.
    """
    wanted = set(pseudonyms)
    found = relink(wanted, originals, old, normalise)
    if lost := len(wanted) - len(found):
        raise QualityGateError(
            f"{lost} of {len(wanted)} pseudonyms belong to none of the originals under the old key. Nothing "
            f"was written. Check that the list of originals is whole, that the old key is the one that made "
            f"them, and that case, blanks and ignored characters are declared as they were then."
        )
    fresh = pseudonymise(found.values(), new, normalise).of
    return {pseudonym: fresh[original] for pseudonym, original in found.items()}


def replace_ids(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: Iterable[str],
    *,
    into: str,
    of: Mapping[str, str],
    blank: Iterable[str] = (),
) -> None:
    """Copy a relation with the ids of some columns replaced.

    Parameters
    ----------
    connection
        Where the relation lives.
    relation
        Table or view of text.
    columns
        Columns whose ids are replaced.
    into
        Name of the table that is made.
    of
        The replacement of every id.
    blank
        Texts that mean "no id here". They stay; any other text without a replacement becomes empty.
    """
    names = list(columns)
    pairs = pa.table({"was": pa.array(of.keys(), pa.string()), "now": pa.array(of.values(), pa.string())})
    stays = list(dict.fromkeys(("", *blank)))
    pairs = pa.concat_tables(
        [pairs, pa.table({"was": pa.array(stays, pa.string()), "now": pa.array(stays, pa.string())})]
    )
    # A word for "missing" that was also given a pseudonym keeps its meaning: one line for each text.
    connection.register("_ids", pairs)
    try:
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE _replacement AS SELECT was, max(now) FILTER "
            "(WHERE was NOT IN (SELECT unnest(?))) AS now FROM _ids GROUP BY was",
            [stays],
        )
        connection.execute("UPDATE _replacement SET now = was WHERE now IS NULL")
        joins = " ".join(
            f'LEFT JOIN _replacement _r{n} ON _r{n}.was = s."{_escaped(name)}"'
            for n, name in enumerate(names)
        )
        cells = ", ".join(f"coalesce(_r{n}.now, '') AS \"{_escaped(name)}\"" for n, name in enumerate(names))
        connection.execute(
            f'CREATE OR REPLACE TABLE "{into}" AS SELECT s.* REPLACE ({cells}) FROM "{relation}" s {joins}'
        )
    finally:
        connection.unregister("_ids")
        connection.execute("DROP TABLE IF EXISTS _replacement")


def distinct_ids(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Iterable[str]
) -> Iterable[str]:
    """List the different texts of some columns, once each."""
    parts = [f'SELECT "{_escaped(name)}" AS id FROM "{relation}"' for name in columns]
    found = connection.execute(f"SELECT DISTINCT id FROM ({' UNION ALL '.join(parts)}) WHERE id <> ''")
    while lines := found.fetchmany(_BATCH):
        yield from (line[0] for line in lines)


def _escaped(name: str) -> str:
    return name.replace('"', '""')
