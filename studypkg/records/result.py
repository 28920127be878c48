"""What came of a batch: per source and per table, how many records there were and where each went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from studypkg.errors import QualityGateError

_FAULT = "Nothing was replaced. Please report this as a fault of the package."


@dataclass(frozen=True)
class SourceResult:
    """The account of one source of a batch.

    Parameters
    ----------
    table, file, sha256
        Table that the file feeds, its name and the hash of its bytes.
    records
        Rows of the file.
    series
        Score columns of a wide file; 1 for a long one.
    empty
        Cells of a wide file that hold no score, and are therefore no record.
    read
        Records that were screened: `records` × `series` − `empty`.
    accepted, duplicate, quarantined
        Where they went; the three add up to `read`.
    reasons
        Quarantined records that break a rule, by rule. A record may break several.
    columns
        Quarantined records with a fault in a column, by column.
    ignored
        Columns of the file that the mapping neither uses nor drops.
    notes
        What was done without being a fault, such as pooled ages, or is worth a look.
    origin
        Name of the source in the history.
    new, corrected, unchanged, overruled
        What the accepted records did: their key was new; they replaced a row of that key; they repeat
        a row that stands; they lost to a row of higher precedence or of a later file.
    withdrawals
        Accepted records whose declared word says that a row is withdrawn. With the four before they
        add up to `accepted`.
    newest
        Latest day among the accepted records, as ISO text.
    parts
        Hash of each file that was read.
    """

    table: str
    file: str
    sha256: str
    records: int
    series: int
    empty: int
    read: int
    accepted: int
    duplicate: int
    quarantined: int
    reasons: Mapping[str, int] = field(default_factory=dict)
    columns: Mapping[str, int] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    origin: str = ""
    new: int = 0
    corrected: int = 0
    unchanged: int = 0
    overruled: int = 0
    withdrawals: int = 0
    newest: str | None = None
    parts: tuple[str, ...] = ()

    @property
    def bad_share(self) -> float:
        """Share of the records read that were quarantined; 0 for a file without records."""
        return self.quarantined / self.read if self.read else 0.0

    def check(self) -> None:
        """Make sure that no record has vanished or appeared.

        Raises
        ------
        QualityGateError
            If the counts do not add up. This is a fault of the package, not of the file.
        """
        due = self.records * self.series - self.empty
        found = self.accepted + self.duplicate + self.quarantined
        if self.read != due or self.read != found:
            raise QualityGateError(
                f"{self.file}: the file holds {due} records, {self.read} were screened, and "
                f"{self.accepted} accepted + {self.duplicate} duplicate + {self.quarantined} quarantined "
                f"make {found}. {_FAULT}"
            )

    def check_history(self) -> None:
        """Make sure that every accepted record did one thing to the table.

        Raises
        ------
        QualityGateError
            If the counts do not add up.
        """
        did = self.new + self.corrected + self.unchanged + self.overruled + self.withdrawals
        if did != self.accepted:
            raise QualityGateError(
                f"{self.file}: {self.accepted} records were accepted, and {self.new} new + "
                f"{self.corrected} corrected + {self.unchanged} unchanged + {self.overruled} overruled + "
                f"{self.withdrawals} withdrawing make {did}. {_FAULT}"
            )


@dataclass(frozen=True)
class TableResult:
    """What a batch did to one table.

    Parameters
    ----------
    table
        Its name.
    key, columns
        The columns that identify a row, and all that are stored.
    before, now
        Rows before and after the batch.
    new, corrected, unchanged, overruled
        As in `SourceResult`, for all sources together; rows that had waited are among them.
    withdrawn
        Rows that ended because a source withdrew them.
    set_aside
        Rows that ended because what stands for them now breaks a rule: their source sent a faulty
        version, or their episode changed or went.
    returned
        Rows that had been set aside with their episode and came back with it.
    readmitted
        Of the new and corrected rows, those that people mended in the quarantine.
    waiting
        Records that are set aside now and will be screened again.
    """

    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    before: int
    now: int
    new: int = 0
    corrected: int = 0
    unchanged: int = 0
    overruled: int = 0
    withdrawn: int = 0
    set_aside: int = 0
    returned: int = 0
    readmitted: int = 0
    waiting: int = 0

    @property
    def changed(self) -> bool:
        """Whether any row came in, ended or lost."""
        return bool(
            self.new + self.corrected + self.overruled + self.withdrawn + self.set_aside + self.returned
        )

    def check(self) -> None:
        """Make sure that the rows before, what came and what went make the rows now.

        Raises
        ------
        QualityGateError
            If they do not.
        """
        due = self.before + self.new + self.returned - self.withdrawn - self.set_aside
        if due != self.now:
            raise QualityGateError(
                f'table "{self.table}": {self.before} rows + {self.new} new + {self.returned} returned − '
                f"{self.withdrawn} withdrawn − {self.set_aside} set aside make {due}, and it holds "
                f"{self.now}. {_FAULT}"
            )


@dataclass(frozen=True)
class WaitingResult:
    """What became of the records that had been set aside earlier and were screened again.

    Parameters
    ----------
    table, file, sha256, origin
        Table, file and source of the records.
    waited
        Records that were screened again.
    accepted
        Those that keep every rule now; the table's account says what they did.
    duplicate
        Exact copies of an accepted row.
    retired
        Those that gave way to a later delivery of the same key or the same row.
    still
        Those that wait on. With the three before they add up to `waited`.
    new, corrected, unchanged, overruled
        What the accepted ones did.
    reasons, columns
        Rules that those who wait on break, and columns in which.
    """

    table: str
    file: str
    sha256: str
    origin: str
    waited: int
    accepted: int
    duplicate: int
    retired: int
    still: int
    new: int = 0
    corrected: int = 0
    unchanged: int = 0
    overruled: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    columns: Mapping[str, int] = field(default_factory=dict)

    def check(self) -> None:
        """Make sure that no waiting record has vanished.

        Raises
        ------
        QualityGateError
            If the counts do not add up.
        """
        found = self.accepted + self.duplicate + self.retired + self.still
        did = self.new + self.corrected + self.unchanged + self.overruled
        if found != self.waited or did != self.accepted:
            raise QualityGateError(
                f"{self.file}: {self.waited} records had waited, and {self.accepted} accepted + "
                f"{self.duplicate} duplicate + {self.retired} retired + {self.still} still waiting make "
                f"{found}. {_FAULT}"
            )


@dataclass(frozen=True)
class IngestResult:
    """The account of a whole batch.

    Parameters
    ----------
    fingerprint
        Hash of everything the tables depend on: files, mapping, vocabulary, cut-off, package version.
    cutoff
        Last day that a row may carry, as ISO text; `None` if no cut-off was given.
    sources
        One account per source, in the order of the declaration.
    unchanged
        The delivery was the one already stored; nothing was written.
    tables
        What the batch did to each table.
    waiting
        What became of records that had been set aside earlier.
    inputs
        Hash of everything that ever came in, in its order: equal ones stand for equal rows. Unlike the
        fingerprint it stays the same where a later cut-off changes no row.
    """

    fingerprint: str
    cutoff: str | None
    sources: tuple[SourceResult, ...]
    unchanged: bool = False
    tables: tuple[TableResult, ...] = ()
    waiting: tuple[WaitingResult, ...] = ()
    inputs: str = ""

    @property
    def read(self) -> int:
        """Records screened in all sources."""
        return sum(source.read for source in self.sources)

    @property
    def accepted(self) -> int:
        """Records accepted in all sources."""
        return sum(source.accepted for source in self.sources)

    @property
    def duplicate(self) -> int:
        """Exact copies found in all sources."""
        return sum(source.duplicate for source in self.sources)

    @property
    def quarantined(self) -> int:
        """Records quarantined in all sources."""
        return sum(source.quarantined for source in self.sources)

    def as_manifest(self) -> dict[str, Any]:
        """Give the account as plain values for a JSON file."""
        plain = asdict(self)
        del plain["unchanged"]
        return plain

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> IngestResult:
        """Read the account of an earlier run back from its manifest and marked as unchanged."""
        return cls(
            manifest["fingerprint"],
            manifest["cutoff"],
            tuple(SourceResult(**_tuples(one, "ignored", "notes", "parts")) for one in manifest["sources"]),
            unchanged=True,
            tables=tuple(TableResult(**_tuples(one, "key", "columns")) for one in manifest.get("tables", ())),
            waiting=tuple(WaitingResult(**one) for one in manifest.get("waiting", ())),
            inputs=manifest.get("inputs", ""),
        )


def _tuples(plain: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Make tuples again of what JSON knows as lists."""
    return {**plain, **{name: tuple(plain[name]) for name in names}}
