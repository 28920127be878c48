"""The numbers of the data-quality page: what is recorded of whom, through the release gate."""

from __future__ import annotations

import pandas as pd

from studypkg.config import Study, study_vocabulary
from studypkg.pipeline.issuing import Desk
from studypkg.pipeline.measuring import Measured
from studypkg.privacy.released import Released
from studypkg.reports.run_documents import FreshNote
from studypkg.review import Periods, Recorded, quality_statistics

#: Tables whose newest row says whether a clinic still sends, and the column of its day.
_DAYS = {
    "episodes": "start_date",
    "assessments": "date",
    "exercise_logs": "date",
    "treatments": "date",
    "visits": "date",
}


def release_quality(study: Study, measured: Measured, when: Periods, *, state: str) -> Released | None:
    """Release completeness, habits and exclusions; None for a study without an outcome.

    Parameters
    ----------
    study, measured, when
        The declaration, the rows, and the months.
    state
        State of the records; see `releasing.state_of`.

    Raises
    ------
    DisclosureError
        If a small cell could be worked out.
    """
    name = study.primary_outcome
    if name is None:
        return None
    instrument = study_vocabulary(study).instruments[study.outcomes[name].instrument]
    tables = measured.tables
    middle = (instrument.minimum + instrument.maximum) / 2
    recorded = Recorded(
        outcomes=measured.outcomes(name),
        traits=tables["episodes"][["episode_id", "age_years", "symptom_weeks", "sex"]].merge(
            measured.outcomes(name)[["episode_id", "baseline"]], on="episode_id"
        ),
        prescribed=frozenset(tables["prescriptions"]["episode_id"]),
        logged=frozenset(tables["exercise_logs"]["episode_id"]),
        treated=frozenset(tables["treatments"]["episode_id"]),
        marks=(instrument.minimum, middle, instrument.maximum),
    )
    desk = Desk(study, when.month, state)
    released, _ = desk.shared_page("quality", *quality_statistics(recorded, when))
    desk.close()
    return released


def fresh_notes(measured: Measured, released: Released | None, when: Periods) -> tuple[FreshNote, ...]:
    """Say how old each clinic's newest row is, for clinics whose number of patients may be shown."""
    if released is None:
        return ()
    shown = {
        s.group
        for s in released.statistics
        if s.scope == "clinic" and s.measure == "capture" and s.period == when.window and s.n is not None
    }
    clinic_of = measured.tables["episodes"].set_index("episode_id")["clinic_id"]
    newest = {}
    for table, column in _DAYS.items():
        frame = measured.tables[table]
        if len(frame):
            days = frame[column].where(frame[column] <= measured.latest)
            newest[table] = days.groupby(frame["episode_id"].map(clinic_of)).max()
    return tuple(
        FreshNote(clinic, {table: _age(days, clinic, measured.latest) for table, days in newest.items()})
        for clinic in sorted(shown)
    )


def _age(days: pd.Series, clinic: str, latest: pd.Timestamp) -> int | None:
    day = days.get(clinic)
    return None if day is None or pd.isna(day) else int((latest - day).days)
