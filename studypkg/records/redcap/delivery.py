"""The files of a REDCap delivery: exports that lie in the study's folder, or those that the API gives."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from redcap import Project, RedcapError

from studypkg.errors import ConfigError, DataRejectedError, StudyError
from studypkg.records.raw import check_regular, shown
from studypkg.records.redcap.dictionary import Dictionary, read_dictionary
from studypkg.records.unpacking import unpacked
from studypkg.sources import Source
from studypkg.systems import Redcap

T = TypeVar("T")

#: Records asked for at once: a large project in one piece ends in a time-out of the server.
BATCH = 500
#: Seconds to wait before a question is put again.
PAUSES = (2.0, 10.0)
TIMEOUT_SECONDS = 120
_EVENT_FORMS, _EVENT_NAMES = "arm_num,unique_event_name,form\n", "event_name,arm_num,unique_event_name\n"


def fetch(source: Source, root: Path, work: Path) -> tuple[Path, ...]:
    """Find the files of a delivery, or make them from what the API answers.

    Parameters
    ----------
    source
        A source with a `[sources.redcap]` block.
    root
        Folder that relative paths count from.
    work
        Private folder of the delivery. What several sources ask alike is asked once.

    Returns
    -------
    tuple of Path
        The export, the data dictionary, and, where they are declared or the API was asked, the list of
        events of each form and the list of events.

    Raises
    ------
    ConfigError
        If an environment variable is not set, or REDCap refuses the token or the question.
    DataRejectedError
        If a file is not there, or REDCap cannot be reached. No message holds the token or a value.
    """
    options = block(source)
    if options.live:
        return _asked_for(source, options, work)
    paths = [root / source.path, root / str(options.dictionary)]
    paths += [root / name for name in (options.event_forms, options.event_names) if name is not None]
    for path in paths:
        check_regular(path)
    return tuple(unpacked(path, work) for path in paths)


def look(source: Source, root: Path) -> tuple[bool, str]:
    """Say whether the files are there, or the API is named; it is not asked anything."""
    try:
        options = block(source)
        if options.live:
            _address(options)
            return True, f"the REDCap API named by {options.url_variable}, form {options.form or 'only one'}"
        files = [root / source.path, root / str(options.dictionary)]
        files += [root / name for name in (options.event_forms, options.event_names) if name is not None]
        for path in files:
            check_regular(path)
    except StudyError as fault:
        return False, str(fault)
    return True, ", ".join(shown(path) for path in files)


def block(source: Source) -> Redcap:
    """Give the options of a source, which its declaration has checked."""
    if source.redcap is None:
        raise ConfigError(f'{source.label}: kind = "redcap" needs a [sources.redcap] block.')
    return source.redcap


def _asked_for(source: Source, options: Redcap, work: Path) -> tuple[Path, ...]:
    url, token = _address(options)
    folder = work / "redcap" / hashlib.sha256(repr((url, options)).encode()).hexdigest()[:16]
    names = ("records.csv", "dictionary.csv", "event_forms.csv", "event_names.csv")
    files = tuple(folder / name for name in names)
    if files[0].exists():
        return files
    folder.mkdir(parents=True)
    place = f"the REDCap API ({options.url_variable})"
    try:
        project = Project(url, token)
    except AssertionError:  # whose words hold the token
        raise ConfigError(
            f"{place}: the address must end in /api/ and the token must be the 32 or 64 letters that REDCap "
            f"gave you. Mend the environment variables {options.url_variable} and {options.token_variable}."
        ) from None
    files[1].write_text(_answer(place, lambda: project.export_metadata(format_type="csv"), "field_name"))
    dictionary = read_dictionary(files[1])
    longitudinal = _if_any(lambda: project.export_instrument_event_mappings(format_type="csv"), place)
    files[2].write_text(longitudinal or _EVENT_FORMS)
    events = _answer(place, lambda: project.export_events(format_type="csv"), "") if longitudinal else ""
    files[3].write_text(events or _EVENT_NAMES)
    partial = folder / "partial.csv"
    _write_records(project, dictionary, wanted_fields(dictionary, options), partial, place)
    os.replace(partial, files[0])
    return files


def wanted_fields(dictionary: Dictionary, options: Redcap) -> list[str]:
    """List the fields to ask for: those that a study may have, so that no other ever leaves REDCap."""
    forms = [options.form or dictionary.forms[0], *options.beside]
    fields = [dictionary.record_field.name]
    for form in forms:
        own = [field for field in dictionary.of_form(form) if not field.why_left_out and field.columns]
        fields += [*(field.name for field in own), f"{form}_complete"]
    return list(dict.fromkeys(fields))


def _write_records(
    project: Project, dictionary: Dictionary, fields: Sequence[str], path: Path, place: str
) -> None:
    """Write all records, a batch of ids at a time, under one header."""
    record = dictionary.record_field.name
    listed = _answer(place, lambda: project.export_records(format_type="csv", fields=[record]), record)
    ids = list(dict.fromkeys(row[0] for row in list(csv.reader(io.StringIO(listed)))[1:] if row))
    header: str | None = None
    with path.open("w", encoding="utf-8", newline="") as target:
        for start in range(0, max(len(ids), 1), BATCH):
            batch = ids[start : start + BATCH]
            text = _answer(
                place,
                lambda batch=batch: project.export_records(  # type: ignore[misc]
                    format_type="csv", records=batch or None, fields=list(fields), event_name="unique",
                    export_data_access_groups=True,
                ),
                record,
            )  # fmt: skip
            head, _, body = text.partition("\n")
            if header is None:
                header = head.strip()
                target.write(header + "\n")
            elif head.strip() != header:
                raise DataRejectedError(
                    f"{place}: the fields changed while the records were fetched. Somebody edits the project "
                    f"now: try again later. Nothing was replaced."
                )
            target.write(body if not body or body.endswith("\n") else body + "\n")


def _answer(place: str, ask: Callable[[], T], first: str) -> T:
    """Ask, and ask again if the network or the server stumbles.

    Parameters
    ----------
    place
        What is asked, for messages.
    ask
        The question.
    first
        How a right answer begins; anything else is a page of a proxy or of maintenance.

    Raises
    ------
    ConfigError
        If REDCap says no.
    DataRejectedError
        If it does not answer, or something else does.
    """
    for pause in (*PAUSES, None):
        told, refused = None, False
        try:
            told = ask()
        except (OSError, ValueError) as fault:
            # What REDCap says no to is this very class; the network's errors are its children.
            refused = type(fault) is RedcapError
        if refused:  # outside, so that the server's words hang on no error
            raise ConfigError(
                f"{place}: REDCap refused the question. The token may be wrong, or its account may lack the "
                f"right to export data. Ask whoever runs the project. Nothing was replaced."
            )
        if isinstance(told, str) and told.lstrip('\ufeff"').startswith(first):
            return told
        if pause is not None:
            time.sleep(pause)
    raise DataRejectedError(
        f"{place}: there is no answer, or not one of REDCap's, after {len(PAUSES) + 1} tries. Look at the "
        f"address in a browser; the server may be down for maintenance. Nothing was replaced."
    )


def _if_any(ask: Callable[[], str], place: str) -> str:
    """Ask what only longitudinal projects have; empty for the others, which answer with an error."""
    try:
        return _answer(place, ask, "")
    except ConfigError:
        return ""


def _address(options: Redcap) -> tuple[str, str]:
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
