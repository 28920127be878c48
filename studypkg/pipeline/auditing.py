"""`study audit`: read back all that was published, and attack it as a stranger would."""

from __future__ import annotations

import fnmatch
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import duckdb

from studypkg.config import Study, study_tables
from studypkg.errors import StudyError
from studypkg.pipeline.audited import Audit, Found
from studypkg.privacy.board import narrowed
from studypkg.privacy.ledger import Ledger, issue_of, page_name
from studypkg.privacy.published import Opaque, Table, Text, read_published
from studypkg.privacy.published.counting import Seen, counts_of, told
from studypkg.privacy.published.known_ids import KnownIds
from studypkg.privacy.published.ledgered import LetOut
from studypkg.privacy.published.screening import Machine, shaped
from studypkg.privacy.relations import Issue, relations_of
from studypkg.privacy.released import Released

__all__ = ["Audit", "Found", "audit_reports"]

#: Texts that the identifier screen looks at in one go.
_BATCH = 4_000
#: Columns of ids that pages show.
_SHOWN_IDS = frozenset(("clinic_id",))
#: Pages about all clinics: folder, and name in the ledger.
_LEDGER_NAMES = {"network": "network", "ingest": "quality", "research": None}
#: A column of text with so large a share of different values names its rows.
_UNIQUE = 0.5
_UNIQUE_FROM = 20


def audit_reports(
    study: Study, *, allow: Collection[str] = (), progress: Callable[[str], None] = lambda _: None
) -> Audit:
    """Re-read everything in the folder of reports; nothing is written.

    Parameters
    ----------
    study
        The declaration.
    allow
        Patterns of files, such as ``*.woff2``, that need not be understood.
    progress
        Told where the audit is.

    Raises
    ------
    StudyError
        If there is no folder of reports.
    DisclosureError
        If the ledger of what was given out was changed.
    """
    if not study.reports.is_dir():
        raise StudyError(f"there is no folder {study.reports} yet. `study monthly` makes it.")
    progress("reading the ledger of what was given out")
    issues, unlisted, let_out = _issues(study)
    reading = _Reading(study, let_out, allow)
    paths = list(_files(study.reports))
    for path, file in zip(paths, reading.names(paths), strict=True):
        reading.read(path, file)
    reading.screen()
    progress("working out the withheld counts")
    return Audit(
        reading.files, len(reading.looked), reading.tables, len(reading.known), reading.known.plain,
        len(issues), len({(cell, i.batch) for i in issues for cell in (*i.shown, *i.withheld)}),
        (*sorted(reading.found, key=lambda one: (one.file, one.kind)), *unlisted, *_derivable(study, issues)),
        tuple(reading.passed_over),
    )  # fmt: skip


class _Reading:
    """The files one after the other, each different text looked at once."""

    def __init__(self, study: Study, let_out: dict[str, LetOut], allow: Collection[str]) -> None:
        self.study, self.let_out, self.allow = study, let_out, allow
        self.connection = duckdb.connect()
        self.known = KnownIds(_ids(study, self.connection))
        self.machine = Machine()
        self.files = self.tables = 0
        self.found: dict[Found, None] = {}
        self.passed_over: list[str] = []
        self.looked: dict[bytes, tuple[tuple[str, str], ...]] = {}
        self._waiting: dict[bytes, tuple[str, list[tuple[str, str]]]] = {}

    def names(self, paths: Sequence[Path]) -> list[str]:
        """Give the name of each file for messages; one that holds an id is not repeated."""
        told = [path.relative_to(self.study.reports).as_posix() for path in paths]
        bad = {shape.number for shape in shaped(self.connection, [path.name for path in paths])}
        bad |= {number for number, name in enumerate(told) if self._kinds(name)}
        for number in sorted(bad):
            told[number] = f"file {number + 1} of the folder"
            self._note("identifier", told[number], "name of the file", "what looks like an id of a person")
        return told

    def read(self, path: Path, file: str) -> None:
        self.files += 1
        if path.is_symlink():
            self._opaque(file, "", "a link to another place")
            return
        parts = path.relative_to(self.study.reports).parts
        unit = parts[1] if len(parts) > 2 else ""
        for piece in read_published(path):
            if isinstance(piece, Opaque):
                self._opaque(file, piece.place, piece.why)
            elif isinstance(piece, Table):
                self.tables += 1
                self._table(file, unit, piece)
            else:
                self._text(file, unit, piece)
        if len(self._waiting) > _BATCH:
            self.screen()

    def screen(self) -> None:
        """Let the identifier screen look at the texts that wait."""
        marks = list(self._waiting)
        for shape in shaped(self.connection, [self._waiting[mark][0] for mark in marks]):
            mark = marks[shape.number]
            self.looked[mark] += (("identifier", shape.kind),)
            for file, place in self._waiting[mark][1]:
                self._note("identifier", file, place, shape.kind)
        self._waiting.clear()

    def _text(self, file: str, unit: str, piece: Text) -> None:
        if piece.role == "trace":
            self._note("machine", file, piece.place, "traceback of a program")
        mark = hashlib.blake2b(piece.text.encode("utf-8", "replace"), digest_size=16).digest()
        if mark not in self.looked:
            self.looked[mark] = self._kinds(piece.text)
            if piece.role != "drawing":
                self._waiting[mark] = (piece.text, [])
        if mark in self._waiting:
            self._waiting[mark][1].append((file, piece.place))
        for kind, what in self.looked[mark]:
            self._note(kind, file, piece.place, what)
        if piece.role == "visible":
            for seen in told(piece.text, piece.place):
                self._count(file, unit, seen)

    def _kinds(self, text: str) -> tuple[tuple[str, str], ...]:
        ids = (("identifier", "id of a person in the records"),) if self.known.found(text) else ()
        return (*ids, *(("machine", what) for what in self.machine.kinds(text)))

    def _table(self, file: str, unit: str, table: Table) -> None:
        for seen in counts_of(table):
            self._count(file, unit, seen)
        if unit in self.let_out and file.endswith(".html"):
            for place in self.let_out[unit].strange(table):
                self._note("number", file, place, "a number that no issue of the page let out")

    def _count(self, file: str, unit: str, seen: Seen) -> None:
        if 0 < seen.n < self.study.privacy.min_cell:
            what = f"a count of people below {self.study.privacy.min_cell}"
            self._note("small count", file, seen.place, what)
        elif unit in self.let_out and seen.n not in self.let_out[unit].counts:
            self._note("number", file, seen.place, "a count of people that no issue of the page let out")

    def _opaque(self, file: str, place: str, why: str) -> None:
        if any(fnmatch.fnmatch(file, pattern) for pattern in self.allow):
            if file not in self.passed_over:
                self.passed_over.append(file)
            return
        self._note("not understood", file, place, why)

    def _note(self, kind: str, file: str, place: str, what: str) -> None:
        self.found[Found(kind, file, place, what)] = None


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or path.is_file():
            yield path


def _issues(study: Study) -> tuple[list[Issue], list[Found], dict[str, LetOut]]:
    """Give all issues, the documents that are in no ledger, and what each folder of pages may show."""
    ledger = Ledger(study.processed / "issued")
    issues = list(ledger.all_issues())
    by_page: dict[str, list[Issue]] = defaultdict(list)
    for issue in issues:
        by_page[issue.page].append(issue)
    let_out: dict[str, LetOut] = {}
    unlisted = []
    for path in sorted((study.processed / "released").rglob("*.json")):
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw.get("kind") not in ("clinic", "network"):
            continue
        unit = raw.get("clinic", "network")
        page = page_name("clinic", unit) if "clinic" in raw else "network"
        made = issue_of(Released.from_dict(raw["released"]), month=raw["month"], page=page)
        if not any(_same(made, one) for one in by_page[page]):
            unlisted.append(Found("unlisted", "", f"{page}, {raw['month']}", "a page that is in no ledger"))
            issues.append(made)
        may = let_out.setdefault(unit, LetOut())
        for one in (made, *by_page[page]):
            may.add_issue(one)
        may.add_document({key: value for key, value in raw.items() if key != "released"})
    return issues, unlisted, let_out


def _same(one: Issue, other: Issue) -> bool:
    return (one.month, one.shown, one.withheld) == (other.month, other.shown, other.withheld)


def _derivable(study: Study, issues: list[Issue]) -> list[Found]:
    """Attack all issues together."""
    least = study.privacy.min_cell
    protects = study.privacy.late_groups == "protect"
    return [
        Found("derivable", "", one.cell, f"a count below {least} that all pages together give away")
        for one in narrowed(relations_of(issues), least, differences=protects)
    ]


def _ids(study: Study, connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Give every id of the records, of rows set aside and of the history, and whatever else names a row."""
    declared = {
        column.name
        for table in study_tables(study).values()
        for column in table.columns
        if column.kind == "id" and column.name not in _SHOWN_IDS
    }
    for path in sorted({path.resolve() for path in study.processed.rglob("*.parquet")}):
        file = str(path).replace("'", "''")
        columns = connection.execute(f"DESCRIBE SELECT * FROM read_parquet('{file}')").fetchall()
        for name, kind, *_ in columns:
            if kind != "VARCHAR" or name in _SHOWN_IDS or name.startswith("_"):
                continue
            cell = '"' + name.replace('"', '""') + '"'
            where = f"FROM read_parquet('{file}') WHERE {cell} <> ''"
            if name not in declared:
                rows, different = connection.execute(
                    f"SELECT count({cell}), approx_count_distinct({cell}) {where}"
                ).fetchall()[0]
                if rows < _UNIQUE_FROM or different < _UNIQUE * rows:
                    continue
                # Numbers and days are in every text.
                where += rf" AND NOT regexp_full_match({cell}, '[-+0-9.,:/ TZ]*')"
            cursor = connection.execute(f"SELECT DISTINCT {cell} {where}")
            while some := cursor.fetchmany(100_000):
                yield from (value for (value,) in some)
