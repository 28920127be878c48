"""Exports with labels instead of names: the header is matched to the dictionary, field by field, in order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from studypkg.errors import DataRejectedError
from studypkg.records.redcap.dictionary import Dictionary, checkbox_column, plain_label

#: Columns of an export that are of no form, and how the labelled export calls them.
STRUCTURE = {
    "redcap_event_name": "Event Name",
    "redcap_repeat_instrument": "Repeat Instrument",
    "redcap_repeat_instance": "Repeat Instance",
    "redcap_data_access_group": "Data Access Group",
    "redcap_survey_identifier": "Survey Identifier",
}
_STATUS, _STAMP = "Complete?", "Survey Timestamp"


@dataclass(frozen=True)
class Header:
    """The names of an export's columns as REDCap's variables, and whether they stood there as labels."""

    names: tuple[str, ...]
    labelled: bool


def known_columns(dictionary: Dictionary, missing: Sequence[str] = ()) -> tuple[tuple[str, str], ...]:
    """List every column that an export can have, in the order of exports, with its label.

    Parameters
    ----------
    dictionary
        The project's dictionary.
    missing
        Its missing-data codes: checkboxes have a column for each of them too.
    """
    record = dictionary.record_field
    found = [(record.name, record.label), *STRUCTURE.items()]
    for form in dictionary.forms:
        found.append((f"{form}_timestamp", _STAMP))
        for field in dictionary.of_form(form):
            if field.kind == "checkbox":
                found += [
                    (column, f"{field.label} (choice={label})")
                    for column, (_, label) in zip(field.columns, field.choices, strict=True)
                ]
                found += [
                    (checkbox_column(field.name, code), f"{field.label} (choice={code})") for code in missing
                ]
            else:
                found += [(column, field.label) for column in field.columns]
        found.append((f"{form}_complete", _STATUS))
    return tuple(found)


def read_header(
    names: Sequence[str], dictionary: Dictionary, *, file: str, missing: Sequence[str] = ()
) -> Header:
    """Find the variable behind every column of an export.

    Parameters
    ----------
    names
        Cells of the first line.
    dictionary
        The project's dictionary.
    file
        Name of the export, for messages.
    missing
        Missing-data codes of the project.

    Raises
    ------
    DataRejectedError
        If a column is neither a variable nor the label of one. Labels may repeat ("Complete?" does), so
        they are matched in the order of the dictionary, in which REDCap writes them.
    """
    columns = known_columns(dictionary, missing)
    known = {name for name, _ in columns}
    trimmed = [name.strip() for name in names]
    if trimmed and trimmed[0] == dictionary.record_field.name:
        for name in trimmed:
            if name not in known:
                field = dictionary.by_name.get(name.partition("___")[0])
                box = field is not None and field.kind == "checkbox"
                raise DataRejectedError(
                    f'{file}: the export has a column "{_shown(name)}" and the dictionary {dictionary.file} '
                    f"has no such {'choice' if box else 'field'}. Download both on the same day"
                    f"{', or name the missing-data codes of the project in missing_codes' if box else ''}. "
                    f"Nothing was replaced."
                )
        return Header(tuple(trimmed), labelled=False)
    found, place = [], 0
    for name in trimmed:
        wanted = plain_label(name)
        at = next((k for k in range(place, len(columns)) if columns[k][1] == wanted), None)
        if at is None:
            # Reports may change the order; a label that stands once is known wherever it stands.
            places = [k for k, (_, label) in enumerate(columns) if label == wanted]
            at = places[0] if len(places) == 1 else None
        else:
            place = at + 1
        if at is None or columns[at][0] in found:
            raise DataRejectedError(
                f'{file}: the column "{_shown(name)}" is neither a variable nor, at this place, the label of '
                f"one in {dictionary.file}. Export again with raw headers. Nothing was replaced."
            )
        found.append(columns[at][0])
    return Header(tuple(found), labelled=True)


def form_key(label: str) -> str:
    """Give the form's name that REDCap makes of its title.

    Examples
    --------
    >>> form_key("Weekly Pain (NPRS)")
    'weekly_pain_nprs'
    """
    return re.sub(r"[^a-z0-9]+", "_", label.casefold()).strip("_")


def _shown(name: str) -> str:
    printable = "".join(letter if letter.isprintable() else "?" for letter in name)
    return printable if len(printable) <= 60 else printable[:57] + "…"
