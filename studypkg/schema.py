"""The seven tables of a study, each declared once and read, screened, simulated and documented from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from studypkg.columns import TOP_AGE_YEARS, Agreement, Column, Kind, Order, Plan, Table
from studypkg.errors import UnknownTermError, nearest

__all__ = [
    "ANALYSIS_COLUMNS",
    "TABLES",
    "TOP_AGE_YEARS",
    "Column",
    "Kind",
    "Order",
    "Table",
    "table",
    "with_covariates",
]

SIDES = ("left", "right", "both", "unspecified")
BODY_SITES = (
    "hip",
    "knee",
    "ankle_foot",
    "thigh",
    "low_back",
    "neck",
    "shoulder",
    "elbow_hand",
    "head",
    "other",
)
END_REASONS = (
    "completed", "discharged_better", "self_discharge_better", "self_discharge_not_helped",
    "referred_out", "surgery", "moved_away", "lost_contact", "other",
)  # fmt: skip
CONTEXTS = ("rest", "run", "downhill", "sitting", "night", "worst_24h", "average")
ROLES = ("intake", "interim", "discharge", "follow_up")
UNITS = ("reps", "steps", "seconds")
LOG_STATES = ("done", "partial", "not_done", "paused")
LOG_SOURCES = ("app", "diary", "sensor", "recall")
VISIT_STATUSES = ("attended", "cancelled", "no_show")
CLINICAL_EVENTS = ("adverse_event", "injection", "surgery", "referral", "medication")

_EPISODE = Column("episode_id", "id", "Episode of care this row belongs to.", required=True)
_DATE = Column("date", "date", "Day on which it happened.", required=True)
_THERAPIST = Column("therapist_id", "id", "Therapist who was there.")

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        Table(
            "episodes",
            "one episode of care: one person, one complaint, from first visit to discharge",
            (
                Column("patient_id", "id", "Pseudonym of the person.", required=True),
                Column("episode_id", "id", "Pseudonym of the episode.", required=True),
                Column("clinic_id", "id", "Clinic that gave the care.", required=True),
                Column("therapist_id", "id", "Therapist with most treatment visits."),
                Column("start_date", "date", "First visit.", required=True),
                Column("end_date", "date", "Discharge; empty while care goes on."),
                Column("end_reason", "code", "Why care ended.", allowed=END_REASONS),
                Column("condition", "code", "Diagnosis group.", required=True, vocabulary="conditions"),
                Column("side", "code", "Side of the body.", allowed=SIDES, default="unspecified"),
                Column("body_site", "code", "Where it hurts.", allowed=BODY_SITES),
                Column(
                    "symptom_weeks",
                    "number",
                    "Time since onset at intake.",
                    minimum=0,
                    maximum=5200,
                    unit="weeks",
                ),
                Column("age_years", "age", "Age at intake.", minimum=0, maximum=TOP_AGE_YEARS, unit="years"),
                Column("sex", "code", "Sex as recorded.", allowed=("female", "male", "other", "unknown")),
                Column("surgical", "flag", "Care follows an operation."),
                Column("population", "code", "Kind of person.", vocabulary="populations"),
                Column("arm", "id", "Arm of a trial."),
            ),
            key=("episode_id",),
            compulsory=True,
            orders=(Order("start_date", "end_date"),),
            event_date="start_date",
            parent=None,
        ),
        Table(
            "assessments",
            "one score of one instrument at one time",
            (
                _EPISODE,
                _DATE,
                Column(
                    "instrument", "code", "Questionnaire or scale.", required=True, vocabulary="instruments"
                ),
                Column("context", "code", "What the score refers to.", allowed=CONTEXTS, default="average"),
                Column("score", "number", "Score within the range of its instrument.", required=True),
                Column("role", "code", "What the assessment was for.", required=True, allowed=ROLES),
            ),
            key=("episode_id", "date", "instrument", "context", "role"),
            compulsory=True,
            event_date="date",
            lead_days=30,
            after_end=True,
            late=("role", ("discharge", "follow_up")),
            agreement=Agreement(("episode_id", "date", "instrument", "context"), "score"),
        ),
        Table(
            "prescriptions",
            "one exercise on one side, as prescribed from one day to another",
            (
                _EPISODE,
                Column("exercise", "code", "Exercise.", required=True, vocabulary="exercises"),
                Column("side", "code", "Side it is done on.", allowed=SIDES, default="unspecified"),
                Column("valid_from", "date", "First day it is due.", required=True),
                Column("valid_to", "date", "Last day it is due; empty while it stands."),
                Column("sets", "integer", "Sets in a session.", minimum=1, maximum=20, unit="sets"),
                Column(
                    "count_min", "integer", "Fewest repetitions or steps in a set.", minimum=1, maximum=500
                ),
                Column("count_max", "integer", "Most repetitions or steps in a set.", minimum=1, maximum=500),
                Column("unit", "code", "What is counted.", allowed=UNITS, default="reps"),
                Column("hold_min_s", "number", "Shortest hold.", minimum=0, maximum=600, unit="seconds"),
                Column("hold_max_s", "number", "Longest hold.", minimum=0, maximum=600, unit="seconds"),
                Column("sessions_per_week", "number", "Sessions due in a week.", minimum=0, maximum=28),
            ),
            key=("episode_id", "exercise", "side", "valid_from"),
            orders=(
                Order("valid_from", "valid_to"),
                Order("count_min", "count_max"),
                Order("hold_min_s", "hold_max_s"),
            ),
            event_date="valid_from",
        ),
        Table(
            "exercise_logs",
            "one exercise on one side in one session, as reported or measured",
            (
                _EPISODE,
                _DATE,
                Column("exercise", "code", "Exercise.", required=True, vocabulary="exercises"),
                Column("side", "code", "Side it was done on.", allowed=SIDES, default="unspecified"),
                Column("sets_done", "integer", "Sets done.", minimum=0, maximum=50, unit="sets"),
                Column(
                    "count_done",
                    "integer",
                    "Repetitions, steps or seconds in each set.",
                    minimum=0,
                    maximum=2000,
                ),
                Column("hold_s", "number", "Hold.", minimum=0, maximum=3600, unit="seconds"),
                Column("state", "code", "What became of the session.", required=True, allowed=LOG_STATES),
                Column("source", "code", "How it is known.", allowed=LOG_SOURCES, default="diary"),
            ),
            key=("episode_id", "date", "exercise", "side", "source"),
            event_date="date",
            plan=Plan("prescriptions", "exercise", "side", "valid_from", "valid_to"),
        ),
        Table(
            "treatments",
            "one hands-on modality given on one day",
            (
                _EPISODE,
                _DATE,
                Column("modality", "code", "Modality.", required=True, vocabulary="modalities"),
                Column("minutes", "number", "How long it was given.", minimum=0, maximum=480, unit="minutes"),
                _THERAPIST,
            ),
            key=("episode_id", "date", "modality"),
            event_date="date",
        ),
        Table(
            "visits",
            "one scheduled visit",
            (
                _EPISODE,
                _DATE,
                Column("status", "code", "What became of it.", required=True, allowed=VISIT_STATUSES),
                _THERAPIST,
            ),
            key=("episode_id", "date"),
            event_date="date",
        ),
        Table(
            "events",
            "one clinical event: a stop rule, an adverse event, an injection, an operation, a referral",
            (
                _EPISODE,
                _DATE,
                Column(
                    "kind",
                    "code",
                    "What happened.",
                    required=True,
                    allowed=CLINICAL_EVENTS,
                    vocabulary="stop_rules",
                ),
            ),
            key=("episode_id", "date", "kind"),
            event_date="date",
            after_end=True,
        ),
    )
}


def table(name: str) -> Table:
    """Find a table by name.

    Raises
    ------
    UnknownTermError
        If no table has that name.
    """
    try:
        return TABLES[name]
    except KeyError:
        raise UnknownTermError(
            f'there is no table "{name}".{nearest(name, TABLES)} The tables are: {", ".join(TABLES)}.'
        ) from None


def with_covariates(tables: Mapping[str, Table], covariates: tuple[Column, ...]) -> dict[str, Table]:
    """Add a study's own columns to the episodes.

    Parameters
    ----------
    tables
        The declared tables.
    covariates
        Columns that only this study has, such as a trial's diagnosis stratum.

    Returns
    -------
    dict of str to Table
        A new mapping; the tables given are not changed.
    """
    episodes = tables["episodes"]
    taken = [column.name for column in covariates if column.name in episodes.column_names]
    if taken:
        raise UnknownTermError(
            f'covariate "{taken[0]}" has the name of a column that every study has. Choose another name.'
        )
    return {**tables, "episodes": replace(episodes, columns=episodes.columns + covariates)}


#: Columns of the analysis rows that `measures` makes and formulas may name; the modalities and the
#: study's own covariates come on top.
ANALYSIS_COLUMNS: Mapping[str, str] = {
    "patient": "pseudonym of the person, the grouping factor of repeated scores",
    "episode": "episode of care",
    "therapist": "therapist, unique within the study",
    "clinic": "clinic",
    "date": "day of the score",
    "weeks": "time since the start of the episode, in weeks",
    "role": "intake, interim, discharge or follow_up",
    "score": "score of the outcome",
    "baseline": "score at intake",
    "adherence": "share of the prescribed dose done in the window before the score, 0 to 1",
    "adherence_within": "adherence minus the person's own mean",
    "adherence_between": "the person's mean adherence minus the mean of all",
    "age_years": "age at intake",
    "sex": "sex as recorded",
    "symptom_weeks": "time since onset at intake, in weeks",
    "condition": "diagnosis group",
    "body_site": "where it hurts",
    "side": "side of the body",
    "surgical": "care follows an operation",
    "population": "kind of person",
    "arm": "arm of a trial",
}
