"""What a batch needs of the store: where things stand now, and a place for what comes next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol


class Account(Protocol):
    """One batch of the history, as far as its files go."""

    @property
    def account(self) -> Mapping[str, Any]:
        """Everything that was written about the batch."""

    @property
    def number(self) -> int:
        """Place in the history, from 1."""


class Keeper(Protocol):
    """The folder of a study's tables."""

    def manifest(self) -> dict[str, Any]:
        """Read where the current tables come from."""

    def head(self) -> str | None:
        """Name the latest batch."""

    def batches(self) -> Sequence[Account]:
        """List the batches, the first one first."""

    def path(self, table: str) -> Path | None:
        """Find the file of a current table."""

    def waiting(self, name: str) -> Path | None:
        """Find a file of rows that wait."""

    def quarantine(self, table: str) -> Path | None:
        """Find the file of the rows of a table that are set aside."""

    def pieces(self, name: str) -> list[Path]:
        """Find the files of one name in all batches, the first batch first."""

    def snapshot(
        self, path: Path, *, sha256: str | None = None, unchanged: Callable[[], bool] | None = None
    ) -> str:
        """Keep a copy of a delivered file and return its SHA-256."""

    def workspace(self) -> AbstractContextManager[Path]:
        """Lend a private folder."""

    def publish(
        self,
        tables: Mapping[str, Path],
        manifest: Mapping[str, Any],
        *,
        quarantine: Mapping[str, Sequence[Path]] | None = None,
        waiting: Mapping[str, Path] | None = None,
        history: Mapping[str, Path] | None = None,
        after: str | None = None,
    ) -> str:
        """Make new tables the ones that count, and their batch part of the history."""

    def reject(self, quarantine: Mapping[str, Sequence[Path]]) -> Path:
        """Keep the faults of a refused delivery."""
