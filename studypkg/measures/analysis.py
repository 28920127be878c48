"""The rows a model is fitted to: one score each, with everything known before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from studypkg.declaration import Adherence, Outcome
from studypkg.errors import QualityGateError, nearest
from studypkg.measures.adherence import window_adherence
from studypkg.measures.days import DAYS_PER_WEEK, FAR_AHEAD, LONG_AGO, day_number, day_numbers
from studypkg.measures.episodes import intake_scores, same_outcome
from studypkg.measures.exposure import modality_exposure
from studypkg.schema import ANALYSIS_COLUMNS
from studypkg.vocabulary import Instrument

_FROM_EPISODE = {
    "patient": "patient_id",
    "therapist": "therapist_id",
    "clinic": "clinic_id",
    **{
        name: name
        for name in (
            "age_years", "sex", "symptom_weeks", "condition", "body_site", "side", "surgical", "population",
            "arm",
        )
    },
}  # fmt: skip


@dataclass(frozen=True)
class AnalysisRows:
    """Rows for a model, and where the other rows went.

    Parameters
    ----------
    rows
        One row per score, by patient, episode and day: the columns of `schema.ANALYSIS_COLUMNS`, one per
        modality (applications strictly before the score), and the covariates.
    excluded
        `reason` and `n`. Rows read = rows kept + Σ n.
    adherence_states
        `status` and `n`: how many of the rows kept have an adherence, and why the others have none.
    n_read
        Rows of the assessments table.
    """

    rows: pd.DataFrame
    excluded: pd.DataFrame
    adherence_states: pd.DataFrame
    n_read: int


def analysis_rows(
    episodes: pd.DataFrame,
    assessments: pd.DataFrame,
    prescriptions: pd.DataFrame | None,
    logs: pd.DataFrame | None,
    treatments: pd.DataFrame | None,
    *,
    instrument: Instrument,
    outcome: Outcome,
    adherence: Adherence,
    modalities: Sequence[str],
    covariates: Sequence[str],
    roles: Sequence[str],
    cutoff: pd.Timestamp,
) -> AnalysisRows:
    """Build the rows of the longitudinal model.

    Parameters
    ----------
    episodes, assessments, prescriptions, logs, treatments
        The screened tables; the last three may be None. Without treatments the modality columns are
        missing values: nobody knows what was given.
    instrument, outcome, adherence
        Scale, outcome and adherence rule of the study.
    modalities, covariates
        Columns to add: counts of modalities, and columns of the episodes that only this study has.
    roles
        Roles of the scores to keep; the intake score is a row only if asked for.
    cutoff
        Last day whose records count.

    Returns
    -------
    AnalysisRows
        No row vanishes: each excluded row is counted under its first reason.

    Raises
    ------
    QualityGateError
        If a covariate is not a column of the episodes, or an episode is there twice.

    Notes
    -----
    `adherence_within` is A_it − Ā_i and `adherence_between` is Ā_i minus the mean of all Ā_i, with Ā_i the
    mean over the person's rows that have an adherence. Ā_i looks ahead in time, so `adherence_between`
    describes persons and does not predict.
    """
    _check(episodes, covariates)
    reason = _reasons(episodes, assessments, instrument, outcome, roles, cutoff)
    baselines = intake_scores(episodes, assessments, instrument=instrument, outcome=outcome, cutoff=cutoff)
    baseline = baselines.reindex(assessments["episode_id"]).to_numpy(dtype=float)
    reason = np.where((reason == "") & np.isnan(baseline), "no intake score", reason)
    kept = reason == ""
    scores = assessments[kept]
    own = episodes.set_index("episode_id").reindex(scores["episode_id"])
    start = day_numbers(own["start_date"], missing=LONG_AGO)
    day = day_numbers(scores["date"], missing=FAR_AHEAD)
    done = window_adherence(scores, prescriptions, logs, episodes, adherence=adherence, cutoff=cutoff)
    rows = pd.DataFrame({column: own[source].to_numpy() for column, source in _FROM_EPISODE.items()})
    rows["episode"] = scores["episode_id"].to_numpy()
    rows["date"] = pd.to_datetime(scores["date"]).dt.normalize().to_numpy()
    rows["weeks"] = (day - start) / DAYS_PER_WEEK
    rows["role"] = scores["role"].to_numpy()
    rows["score"] = scores["score"].to_numpy(dtype=float)
    rows["baseline"] = baseline[kept]
    rows["adherence"] = done["adherence"].to_numpy()
    rows["adherence_within"], rows["adherence_between"] = _centred(rows["patient"], rows["adherence"])
    rows = rows[list(ANALYSIS_COLUMNS)]
    rows = pd.concat([rows, _modalities(scores, treatments, modalities)], axis=1)
    for name in covariates:
        if name not in rows:
            rows[name] = own[name].to_numpy()
    states = done["adherence_status"].value_counts().sort_index()
    reasons = pd.Series(reason[~kept], dtype="str").value_counts().sort_index()
    return AnalysisRows(
        rows=rows.sort_values(["patient", "episode", "date", "role"], kind="stable", ignore_index=True),
        excluded=reasons.rename_axis("reason").rename("n").reset_index(),
        adherence_states=states.rename_axis("status").rename("n").reset_index(),
        n_read=len(assessments),
    )


def _check(episodes: pd.DataFrame, covariates: Sequence[str]) -> None:
    known = [str(column) for column in episodes.columns]
    for name in covariates:
        if name not in known:
            raise QualityGateError(
                f'covariate "{name}" is not a column of the episodes.{nearest(name, known)} '
                "Map it in [[sources]] of study.toml, or remove it from [covariates]."
            )
    if episodes["episode_id"].duplicated().any():
        raise QualityGateError(
            f"{int(episodes['episode_id'].duplicated().sum())} episodes stand twice in the episodes. "
            "Screen the table first; one row per episode is allowed."
        )


def _reasons(
    episodes: pd.DataFrame,
    assessments: pd.DataFrame,
    instrument: Instrument,
    outcome: Outcome,
    roles: Sequence[str],
    cutoff: pd.Timestamp,
) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Say for each score why it is not a row; an empty reason keeps it."""
    mine = same_outcome(assessments, instrument, outcome)
    day = day_numbers(assessments["date"], missing=FAR_AHEAD)
    names = ["episode_id", "date", "role"]
    ready = mine & assessments["score"].notna()
    again = assessments.where(ready)[names].duplicated() & ready
    return np.select(
        [
            np.asarray(assessments["instrument"] != instrument.id),
            np.asarray(~mine),
            np.asarray(assessments["score"].isna()),
            day > day_number(cutoff),
            ~np.asarray(assessments["episode_id"].isin(episodes["episode_id"])),
            ~np.asarray(assessments["role"].isin(list(roles))),
            np.asarray(again),
        ],
        [
            "another instrument",
            "another context",
            "no score",
            "after the data cut-off",
            "episode not known",
            "role not asked for",
            "same day and role twice",
        ],
        "",
    ).astype(object)


def _centred(patient: pd.Series[Any], adherence: pd.Series[Any]) -> tuple[pd.Series[Any], pd.Series[Any]]:
    means = adherence.groupby(patient).mean()
    person = patient.map(means).astype(float)
    return adherence - person, person - means.mean()


def _modalities(
    scores: pd.DataFrame, treatments: pd.DataFrame | None, modalities: Sequence[str]
) -> pd.DataFrame:
    if treatments is None:
        return pd.DataFrame(np.nan, index=range(len(scores)), columns=list(modalities))
    counted = modality_exposure(scores, treatments, modalities)
    return counted[list(modalities)].reset_index(drop=True)
