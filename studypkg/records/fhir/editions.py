"""Which edition of FHIR an export speaks: as declared, else as profiles and the shape of resources tell."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from studypkg.errors import ConfigError, DataRejectedError
from studypkg.records.fhir.reading import Reading
from studypkg.records.quoting import ident

EDITIONS = ("R4", "STU3", "DSTU2")


def make_edition_macro(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the SQL macro `fhir_profiled(profiles)`: the edition that a profile names, or NULL."""
    tests = " ".join(
        f"WHEN len(list_filter(p, lambda u: regexp_matches(u, '{pattern}'))) > 0 THEN '{edition}'"
        for edition, pattern in (
            ("R5", "(?i)[/|](5[.]0|r5)([./|]|$)"),
            ("R4", "(?i)[/|](4[.]0|r4)([./|]|$)"),
            ("STU3", "(?i)[/|](3[.]0|stu3)([./|]|$)"),
            ("DSTU2", "(?i)[/|](1[.]0|dstu2)([./|]|$)"),
        )
    )
    connection.execute(f"CREATE OR REPLACE TEMP MACRO fhir_profiled(p) AS CASE {tests} END")


def settle_edition(reading: Reading, kinds: Iterable[str]) -> str:
    """Say which edition the resources are, and refuse what is not read.

    Parameters
    ----------
    reading
        The resources have been read.
    kinds
        Their types.

    Returns
    -------
    str
        The edition and how it is known, for the notes.

    Raises
    ------
    DataRejectedError
        If the resources are R5.
    ConfigError
        If two editions are mixed and none is declared.

    Notes
    -----
    The declaration wins, then the manifest. The shape of many resources is the same in all editions: if
    nothing tells, they are read as R4, which is what servers give today.
    """
    if reading.options.version is not None:
        return f"{reading.options.version}, as declared"
    if reading.delivery.edition in EDITIONS:
        return f"{reading.delivery.edition}, as the manifest says"
    counts: dict[str, int] = {}
    for kind in kinds:
        for edition, number in reading.connection.execute(
            f"SELECT edition, count(*) FROM {ident(reading.table(kind))} WHERE edition IS NOT NULL GROUP "
            f"BY edition"
        ).fetchall():
            counts[edition] = counts.get(edition, 0) + number
    if "R5" in counts or reading.delivery.edition == "R5":
        told = f"{counts['R5']} resources have" if "R5" in counts else "its manifest names"
        raise DataRejectedError(
            f"{reading.place}: the export is FHIR R5 ({told} what only R5 has), and R4, STU3 and DSTU2 "
            f"are read. "
            f'Ask for R4, or declare version = "R4" under [sources.fhir] if that is what it is. '
            f"Nothing was replaced."
        )
    if len(counts) > 1:
        mixed = " and ".join(
            f"{number} that look like {edition}" for edition, number in sorted(counts.items())
        )
        raise ConfigError(
            f"{reading.place}: the export holds {mixed}. Deliver one edition, or declare version under "
            f"[sources.fhir]."
        )
    if counts:
        return f"{next(iter(counts))}, by the shape of {sum(counts.values())} resource(s)"
    return "R4, as nothing says otherwise"
