"""From the screened tables to what happened to each patient, as of a day."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

import pandas as pd

from studypkg.config import Study, study_tables, study_vocabulary
from studypkg.declaration import Model
from studypkg.errors import ConfigError, DataRejectedError
from studypkg.measures import (
    analysis_rows,
    counted_adherence,
    episode_adherence,
    episode_modalities,
    episode_outcomes,
    score_changes,
)
from studypkg.records.fingerprint import lists_of
from studypkg.review import Material, arm_table
from studypkg.schema import CLINICAL_EVENTS, TABLES
from studypkg.store import Store
from studypkg.vocabulary import Vocabulary

#: Its library is slow to import, and most commands do without.
_CONTRACT = "studypkg.records.contract"
_SAFETY_LEVELS = ("stop", "caution", "refer")


@dataclass(frozen=True)
class Measured:
    """The screened tables of a study, read once, and what is measured from them.

    Parameters
    ----------
    tables
        Every table of the schema; one without a source is empty.
    cutoff
        Last day whose records count.
    latest
        Newest day in the records, whatever the cut-off.
    study
        The declaration.
    """

    study: Study
    tables: dict[str, pd.DataFrame]
    cutoff: pd.Timestamp
    latest: pd.Timestamp

    def outcomes(self, name: str) -> pd.DataFrame:
        """Judge every episode by one of the study's outcomes."""
        outcome = self.study.outcomes[name]
        return episode_outcomes(
            self.tables["episodes"], self.tables["assessments"],
            instrument=study_vocabulary(self.study).instruments[outcome.instrument],
            outcome=outcome, cutoff=self.cutoff,
        )  # fmt: skip

    def analysis(self, study: Study, model: Model) -> tuple[pd.DataFrame, dict[str, int]]:
        """Make the rows that a model is fitted to, and count those left out by reason."""
        name = model.outcome or study.primary_outcome
        if name is None:
            raise ConfigError("a model needs an outcome. Add an [outcomes.NAME] block to study.toml.")
        outcome = study.outcomes[name]
        vocabulary = study_vocabulary(study)
        made = analysis_rows(
            self.tables["episodes"], self.tables["assessments"], self.tables["prescriptions"],
            self.tables["exercise_logs"], self.tables["treatments"],
            instrument=vocabulary.instruments[outcome.instrument], outcome=outcome,
            adherence=study.adherence, modalities=tuple(vocabulary.modalities),
            covariates=tuple(study.covariates), roles=model.roles, cutoff=self.cutoff,
        )  # fmt: skip
        excluded = {str(r.reason): int(r.n) for r in made.excluded.itertuples(index=False) if r.n}
        rows = made.rows
        if model.weeks is not None:
            inside = rows["weeks"].between(*model.weeks)
            excluded[f"not between week {model.weeks[0]:g} and {model.weeks[1]:g}"] = int((~inside).sum())
            rows = rows[inside]
        return rows.reset_index(drop=True), excluded

    def material(self) -> Material:
        """Measure everything that the pages of the primary outcome show."""
        vocabulary = study_vocabulary(self.study)
        name = self.study.primary_outcome
        if name is None:
            raise ConfigError("pages need an outcome. Add an [outcomes.NAME] block to study.toml.")
        episodes, visits = self.tables["episodes"], self.tables["visits"]
        exercise = episode_adherence(
            self.tables["prescriptions"], self.tables["exercise_logs"], episodes,
            adherence=self.study.adherence, cutoff=self.cutoff,
        )  # fmt: skip
        given = episode_modalities(
            episodes, self.tables["treatments"], tuple(vocabulary.modalities), cutoff=self.cutoff
        )
        used = [m for m in vocabulary.modalities if m in given and (given[m] > 0).any()]
        prescribed = set(self.tables["prescriptions"]["exercise"].dropna())
        return Material(
            outcomes=self.outcomes(name),
            adherence=exercise.by_episode,
            exercise_adherence=exercise.by_exercise,
            modalities=given,
            visits=visits[visits["date"] <= self.cutoff],
            events=self.tables["events"][self.tables["events"]["date"] <= self.cutoff],
            exercises=[e for e in vocabulary.exercises if e in prescribed],
            modality_names=used,
            event_kinds=[*_warnings(vocabulary), *CLINICAL_EVENTS],
        )

    def arms(self) -> pd.DataFrame | None:
        """Compare a trial's arms in the raw scores, if the episodes have arms and the study an outcome."""
        episodes = self.tables["episodes"]
        if not self.study.outcomes or episodes["arm"].dropna().nunique() < 2:
            return None
        vocabulary = study_vocabulary(self.study)
        parts = []
        for name, outcome in self.study.outcomes.items():
            for role in ("interim", "discharge", "follow_up"):
                changes = score_changes(
                    episodes, self.tables["assessments"], outcome=outcome, role=role, cutoff=self.cutoff,
                    instrument=vocabulary.instruments[outcome.instrument],
                )  # fmt: skip
                changes = changes.merge(episodes[["episode_id", "arm"]], on="episode_id")
                parts.append(arm_table(changes).assign(outcome=name, role=role))
        return pd.concat(parts, ignore_index=True)

    def counted_adherence(self) -> dict[str, dict[str, float]] | None:
        """Adherence from counts per person, for studies that have no log; by arm, and for all."""
        done, due = self.study.adherence.sessions_done, self.study.adherence.sessions_due
        if done is None or due is None:
            return None
        episodes = self.tables["episodes"]
        groups = {"all": episodes, **dict(tuple(episodes.groupby("arm")))}
        return {str(group): vars(counted_adherence(rows[done], rows[due])) for group, rows in groups.items()}


def measure(study: Study, store: Store, *, month: str | None = None) -> Measured:
    """Read the screened tables as of the end of a month.

    Parameters
    ----------
    study, store
        The declaration, and its screened tables.
    month
        Count records up to the last day of this month; all of them where `None`.

    Raises
    ------
    DataRejectedError
        If nothing has been ingested yet.
    QualityGateError
        If the tables do not keep their contract: somebody changed them since they were screened.
    """
    if not store.has("episodes"):
        raise DataRejectedError("there are no screened tables yet. Run `study ingest` first.")
    tables = {name: _read(study, store, name) for name in TABLES}
    if study.as_of is None:
        # A past state was screened by the rules of then.
        declared = study_tables(study)
        import_module(_CONTRACT).check_contract(tables, declared, lists_of(study, declared))
    latest = max(
        (frame["date"].max() for frame in tables.values() if "date" in frame and len(frame)),
        default=tables["episodes"]["start_date"].max(),
    )
    latest = pd.Timestamp(latest)
    cutoff = latest
    if month is not None:
        cutoff = min(cutoff, pd.Period(month, freq="M").end_time.normalize())
    return Measured(study, tables, cutoff, latest)


def _read(study: Study, store: Store, name: str) -> pd.DataFrame:
    """Read a table; a covariate that the study got after the state that is looked at is empty there."""
    if not store.has(name):
        return _empty(name)
    frame = store.read(name)
    for column in study_tables(study)[name].columns:
        if column.name not in frame:
            number = column.kind in ("number", "integer", "age")
            frame[column.name] = pd.Series(
                float("nan") if number else None, index=frame.index, dtype=float if number else "str"
            )
    return frame


def _empty(name: str) -> pd.DataFrame:
    dtypes = {"date": "datetime64[us]", "number": float, "integer": float, "age": float}
    return pd.DataFrame(
        {column.name: pd.Series(dtype=dtypes.get(column.kind, "str")) for column in TABLES[name].columns}
    )


def _warnings(vocabulary: Vocabulary) -> list[str]:
    """List the stop rules that are about the patient's safety, not about technique."""
    return [rule.id for rule in vocabulary.stop_rules.values() if rule.level in _SAFETY_LEVELS]
