"""The data dictionary of a REDCap project: which fields there are, on which form, and which name people."""

from __future__ import annotations

import csv
import html
import io
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from studypkg.errors import ConfigError, DataRejectedError, nearest
from studypkg.records.dialect import open_text
from studypkg.records.raw import shown
from studypkg.systems import Redcap

#: A dictionary has 18 columns; those that matter here, as the download and as the API name them.
_HEADINGS: Mapping[str, str] = {
    "Variable / Field Name": "field_name",
    "Form Name": "form_name",
    "Field Type": "field_type",
    "Field Label": "field_label",
    "Choices, Calculations, OR Slider Labels": "select_choices_or_calculations",
    "Text Validation Type OR Show Slider Number": "text_validation_type_or_show_slider_number",
    "Identifier?": "identifier",
    "Field Annotation": "field_annotation",
}
_NEEDED = ("field_name", "form_name", "field_type")
#: Kinds of field that hold no data of a study: free text, files, headings.
_NO_DATA = {"notes": "free text", "file": "a file", "descriptive": "a heading", "signature": "a signature"}
#: Text that REDCap itself checks to be something that finds a person, by how the name of the check
#: begins: there is one for the postcodes and telephones of each country.
_PERSONAL = {
    "email": "e-mail", "phone": "telephone", "zipcode": "postcode", "postalcode": "postcode",
    "ssn": "social security number", "mrn": "record number", "vmrn": "record number",
    "signature": "a signature",
}  # fmt: skip
_MOST_BYTES = 50_000_000


@dataclass(frozen=True)
class Field:
    """One field of the dictionary.

    Parameters
    ----------
    name, form, kind, label
        Variable name, form name, field type and label (markup taken out).
    choices
        Label of each code, in order, for fields with choices.
    validation
        Name of REDCap's own check of a text field.
    identifier
        Whether the project says that the field can identify a person.
    annotation
        Action tags such as ``@NOMISSING``.
    """

    name: str
    form: str
    kind: str
    label: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    validation: str = ""
    identifier: bool = False
    annotation: str = ""

    @property
    def why_left_out(self) -> str:
        """Why the field never enters a study; empty where it may."""
        if self.identifier:
            return "flagged as an identifier"
        found = (why for check, why in _PERSONAL.items() if self.validation.startswith(check))
        return next(found, "") or _NO_DATA.get(self.kind, "")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns in an export: one per choice for a checkbox."""
        if self.kind == "checkbox":
            return tuple(checkbox_column(self.name, code) for code, _ in self.choices)
        return () if self.kind == "descriptive" else (self.name,)


@dataclass(frozen=True)
class Dictionary:
    """All fields in the order of the project; the first one is the record's id."""

    file: str
    fields: tuple[Field, ...]

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """The fields by their name."""
        return {field.name: field for field in self.fields}

    @cached_property
    def forms(self) -> tuple[str, ...]:
        """The forms, in order."""
        return tuple(dict.fromkeys(field.form for field in self.fields))

    @property
    def record_field(self) -> Field:
        """The field that holds the record's id."""
        return self.fields[0]

    def of_form(self, form: str) -> tuple[Field, ...]:
        """List the fields of a form, the record's id left out."""
        return tuple(field for field in self.fields[1:] if field.form == form)

    @cached_property
    def field_of_column(self) -> Mapping[str, Field]:
        """The field behind every column that an export can have; form status columns are none."""
        return {column: field for field in self.fields for column in field.columns}


def checkbox_column(name: str, code: str) -> str:
    """Name the column of one choice of a checkbox as exports do.

    Examples
    --------
    >>> checkbox_column("mods", "DN"), checkbox_column("mods", "-1")
    ('mods___dn', 'mods____1')
    """
    return f"{name}___{re.sub('[^a-z0-9_]', '_', code.lower())}"


def read_dictionary(path: Path) -> Dictionary:
    """Read a data dictionary, as the project's page downloads it or as the API gives it.

    Raises
    ------
    DataRejectedError
        If it is no data dictionary. The message names what is missing, never a field's content.
    """
    file = shown(path)
    rows = _rows(path, file)
    if not rows:
        raise DataRejectedError(f"{file}: the data dictionary is empty. Download it again.")
    heads = [_HEADINGS.get(name.strip(), name.strip()) for name in rows[0]]
    lacking = [name for name in _NEEDED if name not in heads]
    if lacking:
        raise DataRejectedError(
            f'{file}: this is no REDCap data dictionary: it has no column "{lacking[0]}".'
            f"{nearest(lacking[0], heads)} Download it again under Project Setup, Data Dictionary."
        )
    fields = []
    for line, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(heads):
            raise DataRejectedError(
                f"{file}: row {line} of the data dictionary has {len(row)} cells and its header has "
                f"{len(heads)}. Download it again and do not save it from a spreadsheet program."
            )
        # The API's own client writes NA for an empty cell.
        cells = {
            name: "" if cell.strip() == "NA" else cell.strip() for name, cell in zip(heads, row, strict=True)
        }
        fields.append(_field(cells))
    if not fields:
        raise DataRejectedError(f"{file}: the data dictionary has no field. Download it again.")
    names = [field.name for field in fields]
    if len(set(names)) < len(names):
        name = next(n for n in names if names.count(n) > 1)
        raise DataRejectedError(f'{file}: the field "{name}" stands twice. Download the dictionary again.')
    return Dictionary(file, tuple(fields))


def chosen_form(dictionary: Dictionary, options: Redcap) -> str:
    """Give the form that a source reads, and make sure that the project has it and those beside it.

    Raises
    ------
    ConfigError
        If it has not, or if it has several forms and none is declared.
    """
    forms = dictionary.forms
    if options.form is None and len(forms) > 1:
        raise ConfigError(
            f"[sources.redcap]: the project has {len(forms)} forms and one source reads one of them. Add "
            f"form = and one of: {', '.join(forms)}."
        )
    form = options.form or forms[0]
    for name in (form, *options.beside):
        if name not in forms:
            raise ConfigError(
                f'[sources.redcap]: the project has no form "{name}".{nearest(name, forms)} Its forms are: '
                f"{', '.join(forms)}."
            )
    if form in options.beside:
        raise ConfigError(f'[sources.redcap]: the form "{form}" cannot stand beside itself. Mend `beside`.')
    return form


def plain_label(text: str) -> str:
    """Take markup and runs of blanks out of a label."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", text)).split())


def parse_choices(kind: str, text: str) -> tuple[tuple[str, str], ...]:
    """Split the choices of a field into codes and labels.

    Examples
    --------
    >>> parse_choices("radio", "1, One|2,Two, or more | x, X")
    (('1', 'One'), ('2', 'Two, or more'), ('x', 'X'))
    >>> parse_choices("yesno", "")
    (('1', 'Yes'), ('0', 'No'))
    """
    if kind == "yesno":
        return (("1", "Yes"), ("0", "No"))
    if kind == "truefalse":
        return (("1", "True"), ("0", "False"))
    if kind not in ("radio", "dropdown", "checkbox"):
        return ()
    pairs = (part.partition(",") for part in text.split("|") if part.strip())
    return tuple((code.strip(), plain_label(label)) for code, _, label in pairs)


def _field(cells: Mapping[str, str]) -> Field:
    kind = cells["field_type"]
    validation = cells.get("text_validation_type_or_show_slider_number", "")
    return Field(
        name=cells["field_name"],
        form=cells["form_name"],
        kind=kind,
        label=plain_label(cells.get("field_label", "")),
        choices=parse_choices(kind, cells.get("select_choices_or_calculations", "")),
        validation=validation if kind in ("text", "file") else "",
        identifier=cells.get("identifier", "").casefold() in ("y", "yes", "1", "true"),
        annotation=cells.get("field_annotation", ""),
    )


def _rows(path: Path, file: str) -> Sequence[list[str]]:
    if path.stat().st_size > _MOST_BYTES:
        raise DataRejectedError(f"{file}: a data dictionary is no file of this size. Name the right file.")
    with tempfile.TemporaryDirectory(prefix="study-") as private:
        text = open_text(path, encoding=None, folder=Path(private))
        content = text.path.read_bytes()[text.start :].decode("utf-8")
    try:
        return list(csv.reader(io.StringIO(content, newline=""), strict=True))
    except csv.Error:
        raise DataRejectedError(
            f"{file}: the data dictionary cannot be read as CSV. Download it again and do not save it "
            f"from a spreadsheet program."
        ) from None
