"""The files of a REDCap delivery: exports that lie in the study's folder, or those that the API gives."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Sequence
from pathlib import Path

from redcap.project import Project

from studypkg.errors import ConfigError, DataRejectedError, StudyError
from studypkg.records.raw import check_regular, shown
from studypkg.records.redcap.api import Api, address
from studypkg.records.redcap.dictionary import Dictionary, chosen_form, read_dictionary
from studypkg.records.unpacking import unpacked
from studypkg.sources import Source
from studypkg.systems import Redcap

#: Records asked for at once: a large project in one piece ends in a time-out of the server.
BATCH = 500
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
            address(options)
            form = f"form {options.form}" if options.form else "its only form"
            return True, f"the REDCap API named by {options.url_variable}, {form}"
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
    folder = work / "redcap" / hashlib.sha256(repr((address(options)[0], options)).encode()).hexdigest()[:16]
    names = ("records.csv", "dictionary.csv", "event_forms.csv", "event_names.csv")
    files = tuple(folder / name for name in names)
    if files[0].exists():
        return files
    folder.mkdir(parents=True, exist_ok=True)
    api = Api(options)
    fields = api.needed(lambda one: one.export_metadata(format_type="csv"), "field_name", "its dictionary")
    _write(files[1], fields)
    dictionary = read_dictionary(files[1])
    chosen_form(dictionary, options)
    # A project without events refuses both questions.
    forms = api.answer(lambda one: one.export_instrument_event_mappings(format_type="csv"), "arm_num")
    _write(files[2], forms or _EVENT_FORMS)
    events = api.answer(lambda one: one.export_events(format_type="csv"), "event_name") if forms else ""
    _write(files[3], events or _EVENT_NAMES)
    partial = folder / "partial.csv"
    _write_records(api, dictionary, wanted_fields(dictionary, options), partial)
    os.replace(partial, files[0])
    return files


def wanted_fields(dictionary: Dictionary, options: Redcap) -> list[str]:
    """List the fields to ask for: those that a study may have, so that no other ever leaves REDCap."""
    forms = [chosen_form(dictionary, options), *options.beside]
    fields = [dictionary.record_field.name]
    for form in forms:
        own = [field for field in dictionary.of_form(form) if not field.why_left_out and field.columns]
        fields += [*(field.name for field in own), f"{form}_complete"]
    return list(dict.fromkeys(fields))


def _write_records(api: Api, dictionary: Dictionary, fields: Sequence[str], path: Path) -> None:
    """Write all records, a batch of ids at a time, under one header."""
    record = dictionary.record_field.name
    listed = api.needed(
        lambda one: one.export_records(format_type="csv", fields=[record]), record, "the ids of its records"
    )
    ids = list(dict.fromkeys(row[0] for row in list(csv.reader(io.StringIO(listed)))[1:] if row))
    if not ids:
        raise DataRejectedError(
            f"{api.place}: the project holds no record that this token may read. Nothing was replaced."
        )
    header: str | None = None
    with path.open("w", encoding="utf-8", newline="") as target:
        for start in range(0, len(ids), BATCH):
            text = _batch(api, ids[start : start + BATCH], fields, record)
            head, _, body = text.partition("\n")
            if header is None:
                header = head.strip()
                target.write(header + "\n")
            elif body and head.strip() != header:
                raise DataRejectedError(
                    f"{api.place}: the fields changed while the records were fetched. Somebody edits the "
                    f"project now: try again later. Nothing was replaced."
                )
            target.write(body if not body or body.endswith("\n") else body + "\n")


def _batch(api: Api, ids: Sequence[str], fields: Sequence[str], record: str) -> str:
    def ask(project: Project) -> str:
        told: str = project.export_records(
            format_type="csv", records=list(ids), fields=list(fields), event_name="unique",
            export_data_access_groups=True,
        )  # fmt: skip
        return told

    return api.needed(ask, record, "records of this form")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="")
