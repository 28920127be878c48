"""A month's pages: what they depend on, which are due, and how each is rendered and published."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from studypkg import __version__
from studypkg.config import Study
from studypkg.errors import StudyError
from studypkg.pipeline.crossing import check_released, check_study_policy
from studypkg.pipeline.late import first_batch
from studypkg.pipeline.opening import NOTEBOOKS, notebook_file, open_store
from studypkg.pipeline.past import remark_of
from studypkg.pipeline.releasing import config_hash
from studypkg.pipeline.running import ingest_records
from studypkg.pipeline.runs import library_versions, other_libraries, read_run, run_file, runs
from studypkg.privacy.policies import RESEARCH_ISSUE, policy_of, refuse_calendar
from studypkg.progress import Reporter
from studypkg.records.arrivals import witness
from studypkg.reports import read_document
from studypkg.reports.render import render_notebook
from studypkg.reports.site import IndexEntry, write_index

#: Pages that are the run itself: they come first, and without them there is no month.
RUN_PAGES = {"ingest": "ingest", "research": "models"}
_TITLES = {"ingest": "Data quality", "research": "Research report", "network": "Network report"}


@dataclass(frozen=True)
class Page:
    """One page of a month and what became of it.

    Parameters
    ----------
    unit
        A clinic, or ``ingest``, ``research``, ``network``.
    name
        Name to print.
    status
        ``ok``, ``too_small`` (published, and says that little may be shown) or ``failed``.
    key_figure
        The number that the index shows.
    href
        Where the page is, relative to the folder of reports.
    seconds
        Time to make it.
    reason
        Why it failed, or why the research page holds no answer of a model; without any value from the
        records.
    """

    unit: str
    name: str
    status: str
    key_figure: str
    href: str
    seconds: float
    reason: str | None = None


@dataclass(frozen=True)
class Plan:
    """What a month depends on, and what an earlier run left.

    Parameters
    ----------
    month, today
        The month, and the last day that a row may carry.
    fingerprint
        Hash of the declaration, the raw files, the notebooks and the package version.
    clinics
        Only these clinics; all of them where empty.
    pages_before
        The pages of the last run of this month.
    is_done
        The last run had the same fingerprint, and every page of it stands.
    other_libraries
        Libraries in another version than that of the run before; see `runs.other_libraries`.
    """

    month: str
    today: dt.date
    fingerprint: str
    clinics: tuple[str, ...]
    pages_before: tuple[Page, ...]
    is_done: bool
    other_libraries: tuple[str, ...] = ()


def plan_month(study: Study, month: str, *, today: dt.date, clinics: tuple[str, ...] = ()) -> Plan:
    """Compare what a month depends on with what the last run of it left."""
    fingerprint = _fingerprint(study, month)
    before: tuple[Page, ...] = ()
    same = False
    manifest = run_file(study, month)
    if manifest.is_file():
        last = read_run(manifest)
        before = tuple(Page(**page) for page in last["pages"])
        stands = all(p.status != "failed" and (study.reports / p.href).is_file() for p in before)
        same = last.get("fingerprint") == fingerprint and stands
    done = same and bool(before) and (study.reports / "index.html").is_file()
    return Plan(month, today, fingerprint, clinics, before, done, other_libraries(study, month))


def make_month(study: Study, plan: Plan, *, progress: Reporter) -> tuple[Page, ...]:
    """Run the notebooks of a month and publish their pages; one clinic's failure stops no other.

    Parameters
    ----------
    study, plan
        The declaration, and what is due.
    progress
        Told of every page.

    Returns
    -------
    tuple of Page
        Every page of the month, the failed ones too.

    Raises
    ------
    StudyError
        If the ingest or the models notebook fails: there is nothing to report then. Pages of earlier
        runs stay as they are.
    """
    study_file = str((study.root / "study.toml").resolve())
    month = {"study_file": study_file, "month": plan.month}
    progress.say("reading and screening the records")
    # A study whose records were taken in under another policy stops here, before any page.
    check_study_policy(study)
    wanted = dict(RUN_PAGES)
    if study.privacy.policy == "research":
        if plan.month != RESEARCH_ISSUE or plan.clinics:
            refuse_calendar(policy_of(study), "a page of a clinic or of a month")
        ingest_records(study, today=plan.today)
        del wanted["ingest"]
    if study.as_of is not None:
        month["as_of"] = str(study.as_of)
    run_parameters = {"ingest": {**month, "today": plan.today.isoformat()}, "research": month}
    pages = []
    for unit, notebook in wanted.items():
        page = _make_page(
            study, plan.month, unit, notebook, _TITLES[unit], run_parameters[unit], show_code=True
        )
        if page.status == "failed":
            _write_manifest(study, plan, _merge(plan.pages_before, [page]))
            raise _fault_of(page)
        pages.append(page)
        progress.say(f"{_TITLES[unit].lower()}: done in {page.seconds:.1f} s")
    documents = released_folder(study, plan.month)
    check_released(study, documents)
    units = list(_units(documents, plan.clinics))
    progress.total(len(units))
    with ProcessPoolExecutor(study.jobs.workers, mp_context=get_context("spawn")) as pool:
        waiting = [
            pool.submit(
                _make_page,
                study,
                plan.month,
                unit,
                notebook,
                title,
                _document_parameters(unit, plan.month, path),
                show_code=False,
            )
            for unit, notebook, title, path in units
        ]
        for done in as_completed(waiting):
            page = done.result()
            pages.append(page)
            progress.page(f"{page.name} {page.status}")
    merged = _merge(plan.pages_before, pages)
    _write_manifest(study, plan, merged)
    name = " · ".join(filter(None, (study.study.name, remark_of(study))))
    write_index(study.reports, list(_index_entries(study)), name)
    return merged


def released_folder(study: Study, month: str) -> Path:
    """Folder of the released documents of a month: aggregates only, no row of a patient."""
    return study.processed / "released" / study.past / month


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("w", encoding="utf-8") as stream:
        json.dump(value, stream, indent=1, ensure_ascii=False, allow_nan=False)
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(path)


def _make_page(
    study: Study,
    month: str,
    unit: str,
    notebook: str,
    title: str,
    parameters: dict[str, Any],
    *,
    show_code: bool,
) -> Page:
    """Render one page; a failure is a page too, with its reason."""
    folder = study.reports / month / unit
    started = dt.datetime.now(tz=dt.UTC)
    href = f"{month}/{unit}/{unit}.html"
    try:
        rendered = render_notebook(
            notebook_file(study, notebook), parameters, folder, stem=unit, show_code=show_code,
            title=f"{title}, {month}", remark=remark_of(study), timeout=study.jobs.timeout_seconds,
            cwd=study.root.resolve(),
        )  # fmt: skip
    except StudyError as fault:
        seconds = (dt.datetime.now(tz=dt.UTC) - started).total_seconds()
        return Page(
            unit, title, "failed", "no page this time", href, seconds, f"{type(fault).__name__}: {fault}"
        )
    status, figure = _headline(parameters, month)
    reason = _model_failure(study, month) if unit == "research" else None
    return Page(unit, title, status, figure, href, rendered.seconds, reason)


def _model_failure(study: Study, month: str) -> str | None:
    """Say why the released documents of a month have no answer of a model, if they have none."""
    for path in sorted(released_folder(study, month).glob("*.json")):
        model = json.loads(path.read_text(encoding="utf-8")).get("model")
        if model is not None and model["status"] == "failed":
            return str(model["reason"])
    return None


def _headline(parameters: dict[str, Any], month: str) -> tuple[str, str]:
    if "document_path" not in parameters:
        return "ok", ""
    document = read_document(parameters["document_path"])
    scope = "network" if document.kind == "network" else "clinic"
    found = document.released.get("improvement", scope=scope, group="all", period=month)
    if found is None or found.status != "shown" or found.value is None:
        return "too_small", "too few patients to show"
    return "ok", f"{found.value:+.1f} points ({found.low:.1f} to {found.high:.1f})"


def _document_parameters(unit: str, month: str, path: Path) -> dict[str, Any]:
    clinic = {} if unit == "network" else {"clinic": unit}
    return {"document_path": str(path), "month": month, **clinic}


def _units(documents: Path, clinics: tuple[str, ...]) -> Iterator[tuple[str, str, str, Path]]:
    """List the pages that follow from the released documents: unit, notebook, title, document."""
    for path in sorted(documents.glob("clinic-*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        if not clinics or document["clinic"] in clinics:
            yield document["clinic"], "clinic_report", document["clinic_name"], path.resolve()
    network = documents / "network.json"
    if network.is_file() and not clinics:
        yield "network", "network_report", _TITLES["network"], network.resolve()


def _index_entries(study: Study) -> Iterator[IndexEntry]:
    for month, run in reversed(runs(study).items()):
        for page in (Page(**raw) for raw in run["pages"]):
            stands = (study.reports / page.href).is_file()
            href = page.href if stands else None
            yield IndexEntry(month, page.unit, page.name, page.status, page.key_figure, href)


def _merge(before: tuple[Page, ...], now: list[Page]) -> tuple[Page, ...]:
    merged = {page.unit: page for page in before} | {page.unit: page for page in now}
    first = {unit: place for place, unit in enumerate((*RUN_PAGES, "network"))}
    return tuple(sorted(merged.values(), key=lambda p: (first.get(p.unit, len(first)), p.unit)))


def _write_manifest(study: Study, plan: Plan, pages: tuple[Page, ...]) -> None:
    file = run_file(study, plan.month)
    everything = not plan.clinics and all(page.status != "failed" for page in pages)
    partly = bool(plan.clinics) and file.is_file()
    write_json(
        file,
        {
            "month": plan.month,
            "fingerprint": plan.fingerprint if everything else "",
            "package": __version__,
            # Where only some pages were made again, the others are still those of the versions of before.
            "libraries": read_run(file).get("libraries", {}) if partly else library_versions(),
            "first_batch": first_batch(study, plan.month),
            "policy": policy_of(study).name,
            "pages": [asdict(page) for page in pages],
        },
    )


def _fingerprint(study: Study, month: str) -> str:
    digest = hashlib.sha256(f"{__version__} {month} {study.as_of} {config_hash(study)}".encode())
    if study.as_of is not None:  # the files of today say nothing of the records of then
        digest.update(open_store(study).batches()[-1].name.encode())
    for source in study.sources if study.as_of is None else ():
        # What cannot be known without reading it counts as new.
        seen = witness(source, study.root)
        digest.update((secrets.token_hex() if seen is None else seen).encode())
    for name in NOTEBOOKS:
        digest.update(notebook_file(study, name).read_bytes())
    return digest.hexdigest()


def _fault_of(page: Page) -> StudyError:
    """Make the error of a failed run page again, so that the exit code is that of its cause."""
    kind, _, message = (page.reason or "").partition(": ")
    classes = {cls.__name__: cls for cls in _all_errors(StudyError)}
    return classes.get(kind, StudyError)(message)


def _all_errors(cls: type[StudyError]) -> Iterator[type[StudyError]]:
    yield cls
    for below in cls.__subclasses__():
        yield from _all_errors(below)
