"""Prescribed exercises from ServiceRequests and the activities of CarePlans."""

from __future__ import annotations

from studypkg.records.fhir.linking import link
from studypkg.records.fhir.reading import Reading
from studypkg.records.quoting import literal

COLUMNS = (
    "episode_id", "exercise", "valid_from", "valid_to", "sets", "count_min", "count_max", "unit",
    "sessions_per_week",
)  # fmt: skip
_STANDING = ("active", "completed", "on-hold", "in-progress", "scheduled", "accepted")
_INTENTS = ("proposal", "option")
#: What a quantity counts, by its unit, and the factor that makes it so.
_COUNTS = {
    "{reps}": ("reps", 1), "{rep}": ("reps", 1), "reps": ("reps", 1), "{repetitions}": ("reps", 1),
    "{steps}": ("steps", 1), "steps": ("steps", 1), "s": ("seconds", 1), "sec": ("seconds", 1),
    "min": ("seconds", 60),
}  # fmt: skip
_SETS = ("{sets}", "{set}", "sets")


def find_prescriptions(reading: Reading, episodes: str) -> str:
    """Make the table of the prescriptions.

    Returns
    -------
    str
        Name of a table with `place`, `nth` (which activity of a plan), `fate`, `reason` and `COLUMNS`.

    Notes
    -----
    FHIR has a frequency and a quantity, and nothing for sets: a quantity in ``{sets}`` is sets, one in
    ``{reps}``, ``{steps}``, ``s`` or ``min`` is what is counted. A frequency by day or week becomes
    sessions a week; any other is left empty, because months have no fixed number of weeks.
    """
    name = reading.table("prescriptions")
    known = " ".join(f"WHEN {literal(unit)} THEN {literal(word)}" for unit, (word, _) in _COUNTS.items())
    factor = " ".join(f"WHEN {literal(unit)} THEN {number}" for unit, (_, number) in _COUNTS.items())
    sets = ", ".join(map(literal, _SETS))
    count = f"(d.amount::DOUBLE * CASE d.unit {factor} END)::BIGINT"
    whole = "regexp_full_match(d.amount, '[0-9]{1,6}')"
    number = "regexp_full_match({0}, '[0-9]{{1,4}}([.][0-9]{{1,3}})?')"
    weekly = (
        f"CASE WHEN {number.format('d.frequency')} AND {number.format('d.period')} AND d.period::DOUBLE > 0 "
        f"AND d.period_unit IS NOT NULL THEN round(d.frequency::DOUBLE / d.period::DOUBLE * "
        f"CASE d.period_unit WHEN 'd' THEN 7 ELSE 1 END, 2)::VARCHAR END"
    )
    made = " UNION ALL ".join(_select(reading, kind) for kind in ("ServiceRequest", "CarePlan"))
    reading.sql(
        f"""CREATE OR REPLACE TEMP TABLE {name} AS SELECT place, nth, patient, encounter, fate,
        CASE WHEN len(d.terms) > 1 THEN 'two_exercises' END AS reason,
        coalesce(d.valid_from, day) AS day, d.valid_to,
        CASE WHEN len(d.terms) = 1 THEN d.terms[1] END AS exercise,
        CASE WHEN d.unit IN ({sets}) THEN d.amount END AS sets,
        CASE WHEN {whole} AND CASE d.unit {known} END IS NOT NULL THEN {count}::VARCHAR END AS count_min,
        CASE WHEN {whole} AND CASE d.unit {known} END IS NOT NULL THEN {count}::VARCHAR END AS count_max,
        CASE WHEN d.amount IS NOT NULL THEN CASE d.unit {known} END END AS unit,
        {weekly} AS sessions_per_week FROM ({made})"""
    )
    link(reading, name, episodes, around=True)
    reading.sql(f"ALTER TABLE {name} RENAME COLUMN day TO valid_from")
    return name


def _select(reading: Reading, kind: str) -> str:
    """Write the SQL of every exercise of a type; a resource without any has one row with its fate."""
    standing, ideas = ", ".join(map(literal, _STANDING)), ", ".join(map(literal, _INTENTS))
    # The status of an activity counts beside that of its plan; a request has one status.
    good = "list_filter(doses, lambda d: len(d.terms) > 0)"
    live = f"list_filter({good}, lambda d: coalesce(d.status, 'active') IN ({standing}))"
    every = f"""SELECT *, coalesce({reading.fates(kind)}, CASE WHEN status IS NULL THEN 'without a status'
        WHEN status NOT IN ({standing}) THEN 'not in force: ' || status
        WHEN intent IN ({ideas}) THEN 'a proposal, no prescription' END,
        CASE WHEN len({good}) = 0 THEN 'no exercise of the study' WHEN len({live}) = 0 THEN 'not in force' END
        ) AS fate, {live} AS live FROM {reading.current(kind)}"""
    shown = "CASE WHEN fate IS NULL THEN live ELSE [doses[1]] END"
    return (
        f"SELECT place, patient, encounter, day, fate, unnest({shown}) AS d, "
        f"generate_subscripts({shown}, 1) AS nth FROM ({every})"
    )
