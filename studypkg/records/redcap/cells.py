"""The cells of an export, written as SQL: codes or labels, missing-data codes emptied, commas turned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from studypkg.records.quoting import ident, literal
from studypkg.records.redcap.choices import as_code, as_label, pairs_of
from studypkg.records.redcap.dictionary import Field, checkbox_column
from studypkg.records.redcap.events import EventName
from studypkg.records.redcap.headers import form_key

#: Fields with this action tag have no missing-data codes.
_NO_CODES = "@NOMISSING"


@dataclass(frozen=True)
class Cells:
    """How the cells of one export are to be read.

    Parameters
    ----------
    columns
        Columns of the export.
    fields
        The field behind every column.
    labelled
        The export holds labels, not codes.
    give_labels, give_choices
        Whether choices leave as labels, and ticked boxes as their choice instead of 1.
    missing
        Missing-data codes of the project.
    events
        Names of the events, where they are known.
    forms
        Names of the forms.
    file
        Name of the export, for messages.
    comma
        The study says itself that this source writes decimal commas.
    """

    columns: frozenset[str]
    fields: Mapping[str, Field]
    labelled: bool
    give_labels: bool
    give_choices: bool
    missing: Sequence[str]
    events: Sequence[EventName]
    forms: Sequence[str]
    file: str
    comma: bool = False

    def code(self, column: str, of: str = "") -> str:
        """Write the SQL of a cell as the project stores it: a code where there are choices.

        Parameters
        ----------
        column
            Name of the column.
        of
            Alias of the relation, where several are joined.
        """
        cell = _cell(column, of)
        field = self.fields.get(column)
        pairs = pairs_of(column, self.fields)
        coded = bool(self.missing) and (field is None or _NO_CODES not in field.annotation)
        if coded:
            listed = ", ".join(literal(code) for code in self.missing)
            cell = f"CASE WHEN trim({cell}) IN ({listed}) THEN '' ELSE {cell} END"
        if self.labelled and pairs:
            cell = as_code(cell, pairs, column=column, file=self.file)
        elif field is not None and field.validation.endswith("comma_decimal") and not self.comma:
            # The project itself says that this is a decimal comma.
            number = f"regexp_full_match({cell}, '[+-]?[0-9]*,[0-9]+')"
            cell = f"CASE WHEN {number} THEN replace({cell}, ',', '.') ELSE {cell} END"
        boxes = self._missing_boxes(field) if coded and field is not None else []
        if boxes:
            # Whoever ticks "not asked" has said nothing of the other choices.
            ticked = " OR ".join(f"{_cell(box, of)} IN ('1', 'Checked')" for box in boxes)
            cell = f"CASE WHEN {ticked} THEN '' ELSE {cell} END"
        return cell

    def value(self, column: str, of: str = "") -> str:
        """Write the SQL of a cell as it leaves: code or label, tick or choice."""
        cell = self.code(column, of)
        field = self.fields.get(column)
        if field is None:
            return cell
        if field.kind == "checkbox":
            if not self.give_choices:
                return cell
            code, label = field.choices[field.columns.index(column)]
            return f"CASE WHEN {cell} = '1' THEN {literal(label if self.give_labels else code)} ELSE '' END"
        return as_label(cell, field.choices) if self.give_labels else cell

    def filled(self, column: str) -> str:
        """Write SQL that is true where somebody entered something: an empty box is nothing."""
        field = self.fields.get(column)
        if field is not None and field.kind == "checkbox":
            return f"{self.code(column)} = '1'"
        return f"trim({self.code(column)}) <> ''"

    def event(self) -> str:
        """Write the SQL of the unique name of the row's event, from the name itself or from its label."""
        cell = ident("redcap_event_name")
        cases = [
            f"WHEN {cell} = {literal(one.label)} OR starts_with({cell}, {literal(one.label_in_arm)}) "
            f"THEN {literal(one.unique)}"
            for one in self.events
        ]
        return f"CASE {' '.join(cases)} ELSE {cell} END" if cases else cell

    def arm(self) -> str:
        """Write the SQL of the number of the row's arm: unique names end in it, labels say it."""
        cell = self.event()
        unique, label = (
            f"regexp_extract({cell}, {literal(how)}, 1)" for how in (r"_arm_([0-9]+)$", r"\(Arm ([0-9]+):")
        )
        return f"CASE WHEN {unique} <> '' THEN {unique} ELSE {label} END"

    def instrument(self) -> str:
        """Write the SQL of the name of the row's repeating form, from the name itself or from its title."""
        cell = ident("redcap_repeat_instrument")
        key = f"trim(regexp_replace(lower({cell}), '[^a-z0-9]+', '_', 'g'), '_')"
        names = ", ".join(literal(form) for form in self.forms)
        cases = [f"WHEN {key} = {literal(form_key(form))} THEN {literal(form)}" for form in self.forms]
        return f"CASE WHEN {cell} IN ({names}) THEN {cell} {' '.join(cases)} ELSE {cell} END"

    def _missing_boxes(self, field: Field) -> list[str]:
        if field.kind != "checkbox":
            return []
        boxes = (checkbox_column(field.name, code) for code in self.missing)
        return [box for box in boxes if box in self.columns and box not in field.columns]


def _cell(column: str, of: str) -> str:
    return f"{of}.{ident(column)}" if of else ident(column)
