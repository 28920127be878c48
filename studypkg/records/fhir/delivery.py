"""What each file of a FHIR delivery holds, by its bulk manifest, its name or its first bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import urlsplit

from studypkg.errors import DataRejectedError
from studypkg.records.arrivals import Arrival
from studypkg.records.fhir.documents import load_document, load_lines, looks_like_lines

#: Resources that a study may read. A bulk file is named after the one it holds.
READ = (
    "AdverseEvent", "Appointment", "CarePlan", "Condition", "Encounter", "EpisodeOfCare", "Observation",
    "Patient", "Procedure", "ProcedureRequest", "QuestionnaireResponse", "ServiceRequest",
)  # fmt: skip
#: Names of files that say what they hold, such as Observation.ndjson, Observation_2.ndjson, 1.Patient.ndjson.
_NAMED = re.compile(r"(?:\d+[._-])?([A-Z][A-Za-z]{2,40})(?:[._-]?\d+)*\.(?:ndjson|jsonl)")
#: Where a bulk export or a server says which edition it speaks.
_EDITIONS = {"r4": "R4", "r4b": "R4", "stu3": "STU3", "dstu2": "DSTU2", "r5": "R5"}


@dataclass(frozen=True)
class Part:
    """One file of the delivery that holds resources.

    Parameters
    ----------
    number
        Its place among the files that arrived, from 0.
    path
        Where it is.
    label
        What messages call it: its name if that says nothing of a person, else its place.
    shape
        One resource on each line, or one document (a Bundle, an array, a single resource).
    resource
        The only type it may hold; `None` if neither manifest nor name says so.
    promised
        Resources that the manifest says are in it.
    """

    number: int
    path: Any
    label: str
    shape: Literal["lines", "document"]
    resource: str | None = None
    promised: int | None = None


@dataclass(frozen=True)
class Delivery:
    """Everything that arrived, sorted.

    Parameters
    ----------
    parts
        Files with resources, in the order in which they arrived.
    labels
        What messages call each file that arrived, by its number.
    deleted
        Resources that the source has deleted since, as ``Type/id``.
    edition
        The edition that the manifest names, if it does.
    notes
        What was noticed: the time of the export, errors that the server reported.
    """

    parts: tuple[Part, ...]
    labels: tuple[str, ...]
    deleted: frozenset[str] = frozenset()
    edition: str | None = None
    notes: tuple[str, ...] = ()


def sort_delivery(arrival: Arrival) -> Delivery:
    """Find out what each file of an arrival holds.

    Raises
    ------
    DataRejectedError
        If a file is neither NDJSON nor JSON, or the manifest names a file that did not arrive.
    """
    names = arrival.names or tuple(path.name for path in arrival.files)
    labels = tuple(_label(name, number, len(names)) for number, name in enumerate(names))
    parts: list[Part] = []
    manifests: list[tuple[str, Mapping[str, Any]]] = []
    for number, (path, name, label) in enumerate(zip(arrival.files, names, labels, strict=True)):
        found = _NAMED.fullmatch(PurePosixPath(name.removesuffix(".gz")).name)
        if found or looks_like_lines(path, label):
            named = found.group(1) if found and found.group(1) in READ else None
            parts.append(Part(number, path, label, "lines", named))
            continue
        document = load_document(path, label) if path.stat().st_size < MANIFEST_BYTES else None
        if isinstance(document, dict) and "output" in document and "resourceType" not in document:
            manifests.append((label, document))
        else:
            parts.append(Part(number, path, label, "document"))
    if not manifests:
        return Delivery(tuple(parts), labels)
    if len(manifests) > 1:
        raise DataRejectedError(
            f"{arrival.name}: {len(manifests)} bulk manifests are there, so it is not one export. Give each "
            f"export a folder of its own. Nothing was replaced."
        )
    return _by_manifest(*manifests[0], tuple(parts), names, labels)


#: A manifest is small; a larger document is no manifest.
MANIFEST_BYTES = 4 << 20


def _label(name: str, number: int, count: int) -> str:
    """Call a file by its name unless the name may be a person's, as in one Bundle for each patient."""
    plain = PurePosixPath(name).name
    if count == 1 or _NAMED.fullmatch(plain.removesuffix(".gz")) or plain in ("manifest.json", "bundle.json"):
        return name
    return f"file {number + 1} of {count}, by name"


def _by_manifest(
    label: str,
    manifest: Mapping[str, Any],
    parts: Sequence[Part],
    names: Sequence[str],
    labels: tuple[str, ...],
) -> Delivery:
    """Sort the files by the manifest of a bulk export; what it does not name is no part of the export."""
    by_name = {PurePosixPath(names[part.number]).name: part for part in parts}
    by_name |= {name.removesuffix(".gz"): part for name, part in by_name.items()}
    chosen, seen = [], set()
    for entry in _entries(manifest, "output", label):
        part = _found(entry, by_name, label)
        seen.add(part.number)
        kind, count = entry.get("type"), entry.get("count")
        if kind in READ:
            promised = count if isinstance(count, int) and not isinstance(count, bool) else None
            chosen.append(Part(part.number, part.path, part.label, "lines", str(kind), promised))
    deleted: set[str] = set()
    for entry in _entries(manifest, "deleted", label):
        part = _found(entry, by_name, label)
        seen.add(part.number)
        for _, bundle in load_lines(part.path, part.label):
            deleted |= deletions(bundle)
    notes = [f"bulk export as of {_time(manifest)}"]
    if deleted:
        notes.append(f"the export lists {len(deleted)} deleted resource(s)")
    faults = 0
    for entry in _entries(manifest, "error", label):
        part = _found(entry, by_name, label)
        seen.add(part.number)
        faults += sum(_is_fault(outcome) for _, outcome in load_lines(part.path, part.label))
    if faults:
        notes.append(f"the server reported {faults} error(s) while it exported: resources may be missing")
    strangers = [part.label for part in parts if part.number not in seen]
    if strangers:
        raise DataRejectedError(
            f"{strangers[0]}: the manifest {label} does not name this file"
            f"{f', nor {len(strangers) - 1} more' if len(strangers) > 1 else ''}. Keep one export in one "
            f"folder. Nothing was replaced."
        )
    chosen.sort(key=lambda part: part.number)
    return Delivery(tuple(chosen), labels, frozenset(deleted), _edition(manifest), tuple(notes))


def deletions(bundle: Any) -> set[str]:
    """List the resources that a Bundle of deletions names, as ``Type/id``.

    Examples
    --------
    >>> deletions({"entry": [{"request": {"method": "DELETE", "url": "Patient/7"}}]})
    {'Patient/7'}
    """
    entries = bundle.get("entry") if isinstance(bundle, dict) else None
    found = set()
    for entry in entries if isinstance(entries, list) else ():
        request = entry.get("request") if isinstance(entry, dict) else None
        if isinstance(request, dict) and request.get("method") == "DELETE":
            match = re.search(r"([A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64})$", str(request.get("url", "")))
            if match:
                found.add(match.group(1))
    return found


def _entries(manifest: Mapping[str, Any], key: str, label: str) -> list[Mapping[str, Any]]:
    entries = manifest.get(key) or []
    if not isinstance(entries, list) or not all(
        isinstance(one, dict) and isinstance(one.get("url"), str) for one in entries
    ):
        raise DataRejectedError(
            f'{label}: the list "{key}" of the bulk manifest has entries without a url. '
            f"Deliver the manifest as the server wrote it. Nothing was replaced."
        )
    return entries


def _found(entry: Mapping[str, Any], by_name: Mapping[str, Part], label: str) -> Part:
    """Find the file of a manifest's entry by the last part of its address; addresses are never followed."""
    # A shape that no address has, such as half a bracket, is no reason to fall: it names no file.
    try:
        name = PurePosixPath(urlsplit(entry["url"]).path).name
    except ValueError:
        name = ""
    if name not in by_name:
        kind = entry.get("type")
        word = f" of {kind}" if kind in READ else ""
        raise DataRejectedError(
            f"{label}: the bulk manifest names a file{word} that is not there. Keep the names under which "
            f"the server gives its files, and deliver all of them. Nothing was replaced."
        )
    return by_name[name]


def _is_fault(outcome: Any) -> bool:
    issues = outcome.get("issue") if isinstance(outcome, dict) else None
    return any(
        isinstance(one, dict) and one.get("severity") in ("error", "fatal")
        for one in (issues if isinstance(issues, list) else ())
    )


def _time(manifest: Mapping[str, Any]) -> str:
    found = re.match(r"\d{4}-\d{2}-\d{2}", str(manifest.get("transactionTime", "")))
    return found.group() if found else "a time that it does not tell"


def _edition(manifest: Mapping[str, Any]) -> str | None:
    words = re.split(r"[^A-Za-z0-9]+", str(manifest.get("request", "")).casefold())
    return next((_EDITIONS[word] for word in words if word in _EDITIONS), None)
