"""What was done and when: modalities, visits and clinical events from Procedures, Encounters and the like."""

from __future__ import annotations

from studypkg.records.fhir.linking import link
from studypkg.records.fhir.reading import Reading
from studypkg.records.quoting import literal

TREATMENT_COLUMNS = ("episode_id", "date", "modality", "therapist_id")
VISIT_COLUMNS = ("episode_id", "date", "status", "therapist_id")
EVENT_COLUMNS = ("episode_id", "date", "kind")

FATE_BILLED = "a billing code, which says nothing of the modality"
#: What became of a visit, by the status of its Encounter or Appointment. Others are not over yet.
_ENCOUNTERS = {
    "finished": "attended", "in-progress": "attended", "arrived": "attended", "triaged": "attended",
    "onleave": "attended", "cancelled": "cancelled",
}  # fmt: skip
_APPOINTMENTS = {
    "fulfilled": "attended", "arrived": "attended", "checked-in": "attended", "cancelled": "cancelled",
    "noshow": "no_show",
}  # fmt: skip


def find_treatments(reading: Reading, episodes: str) -> str:
    """Make the table of the modalities; a procedure with several codes of modalities gives none of them."""
    name = reading.table("treatments")
    fate = f"""CASE WHEN status IS NULL THEN 'without a status' WHEN status <> 'completed' THEN
    'not done: ' || status
        WHEN len(terms) = 0 AND billed THEN {literal(FATE_BILLED)}
        WHEN len(terms) = 0 THEN 'another procedure' END"""
    reading.sql(
        f"""CREATE OR REPLACE TEMP TABLE {name} AS SELECT place, 1 AS nth, patient, encounter, day,
        coalesce({reading.fates("Procedure")}, {fate}) AS fate,
        CASE WHEN len(terms) > 1 THEN 'two_modalities' END AS reason,
        CASE WHEN len(terms) = 1 THEN terms[1] END AS modality, therapist AS therapist_id
        FROM {_dated(reading, "Procedure")}"""
    )
    link(reading, name, episodes, around=False)
    _date(reading, name)
    return name


def find_visits(reading: Reading, episodes: str) -> str:
    """Make the table of the visits: Encounters, and the Appointments that no Encounter speaks for."""
    name, told = reading.table("visits"), reading.table("told")
    reading.sql(
        f"CREATE OR REPLACE TEMP TABLE {told} AS SELECT DISTINCT unnest(appointments) AS id "
        f"FROM {reading.table('Encounter')}"
    )
    encounters = f"EXISTS (SELECT 1 FROM {reading.table('Encounter')})"
    # Who keeps Encounters keeps one of every visit that took place, whether it names its appointment or not.
    kept = "status IN ('fulfilled', 'arrived', 'checked-in')"
    spoken = f"(id IN (SELECT id FROM {told}) OR ({encounters} AND {kept}))"
    parts = []
    for kind, statuses, extra in (
        ("Encounter", _ENCOUNTERS, "NULL"),
        (
            "Appointment",
            _APPOINTMENTS,
            f"CASE WHEN {spoken} THEN 'an appointment whose Encounter is read' END",
        ),
    ):
        became = " ".join(
            f"WHEN {literal(word)} THEN {literal(meaning)}" for word, meaning in statuses.items()
        )
        own = "id" if kind == "Encounter" else "NULL"
        parts.append(
            f"""SELECT place, 1 AS nth, patient, {own} AS encounter, day, coalesce({reading.fates(kind)},
            {extra},
            CASE WHEN status IS NULL THEN 'without a status' WHEN CASE status {became} END IS NULL
            THEN 'not over: ' || status END) AS fate, NULL AS reason, CASE status {became} END AS status,
            therapist AS therapist_id FROM {reading.current(kind)}"""
        )
    reading.sql(f"CREATE OR REPLACE TEMP TABLE {name} AS {' UNION ALL '.join(parts)}")
    link(reading, name, episodes, around=False)
    _date(reading, name)
    return name


def find_events(reading: Reading, episodes: str) -> str:
    """Make the table of the events: AdverseEvents that happened, and what the study declares by its code."""
    name = reading.table("events")
    parts = [
        f"""SELECT place, 1 AS nth, patient, encounter, day, coalesce({reading.fates("AdverseEvent")},
        CASE WHEN status <> 'actual' THEN 'not said to have happened' END) AS fate, NULL AS reason,
        'adverse_event' AS kind FROM {reading.current("AdverseEvent")}"""
    ]
    for kind, day, good in (
        ("Procedure", "day", "status = 'completed'"),
        ("Condition", "coalesce(onset, recorded)", "status = 'stated'"),
        ("ServiceRequest", "day", "status IN ('active', 'completed')"),
    ):
        parts.append(
            f"""SELECT place, 1 AS nth, patient, encounter, {day} AS day, coalesce({reading.fates(kind)},
            CASE WHEN len(terms) = 0 THEN 'no event of the study' WHEN {good} THEN NULL
            ELSE 'not done: ' || coalesce(status, 'without a status') END) AS fate,
            CASE WHEN len(terms) > 1 THEN 'two_events' END AS reason,
            CASE WHEN len(terms) = 1 THEN terms[1] END AS kind FROM {reading.current(kind)}"""
        )
    reading.sql(f"CREATE OR REPLACE TEMP TABLE {name} AS {' UNION ALL '.join(parts)}")
    link(reading, name, episodes, around=True)
    _date(reading, name)
    return name


def _dated(reading: Reading, kind: str) -> str:
    """Write the SQL of a type with the day of its encounter where it has none and the study allows it."""
    current = reading.current(kind)
    if "encounter" not in reading.options.date_fallback:
        return current
    days = f"(SELECT id, min(day) AS day FROM {reading.table('Encounter')} GROUP BY id)"
    return (
        f"(SELECT c.* REPLACE (coalesce(c.day, v.day) AS day) FROM {current} c "
        f"LEFT JOIN {days} v ON v.id = c.encounter)"
    )


def _date(reading: Reading, name: str) -> None:
    reading.sql(f'ALTER TABLE {name} RENAME COLUMN day TO "date"')
