"""What came of a delivery: per source, how many records were read and where each of them went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from studypkg.errors import QualityGateError


@dataclass(frozen=True)
class SourceResult:
    """The account of one source file.

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
        What was done without being a fault, such as pooled ages.
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
                f"make {found}. Nothing was replaced. Please report this as a fault of the package."
            )


@dataclass(frozen=True)
class IngestResult:
    """The account of a whole delivery.

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
    """

    fingerprint: str
    cutoff: str | None
    sources: tuple[SourceResult, ...]
    unchanged: bool = False

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
        sources = tuple(
            SourceResult(**{**one, "ignored": tuple(one["ignored"]), "notes": tuple(one["notes"])})
            for one in manifest["sources"]
        )
        return cls(manifest["fingerprint"], manifest["cutoff"], sources, unchanged=True)
