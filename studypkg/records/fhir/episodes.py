"""Episodes of care from FHIR: an EpisodeOfCare, a Condition, or all that is known of one patient."""

from __future__ import annotations

from studypkg.records.fhir.codings import declared_tokens, vocabulary_tokens
from studypkg.records.fhir.extraction import each_batch
from studypkg.records.fhir.reading import Reading
from studypkg.records.quoting import ident, literal
from studypkg.vocabulary import load_vocabulary

#: What each way of telling episodes apart has to read.
NEEDED = {
    "episode_of_care": ("EpisodeOfCare", "Condition", "Encounter", "Patient"),
    "condition": ("Condition", "Encounter", "Patient"),
    "patient": ("Patient", "Encounter", "Condition"),
}
#: The type whose resources become the rows.
SUBJECT = {"episode_of_care": "EpisodeOfCare", "condition": "Condition", "patient": "Patient"}
COLUMNS = (
    "patient_id", "episode_id", "clinic_id", "therapist_id", "start_date", "end_date", "condition", "side",
    "symptom_weeks",
)  # fmt: skip
_BEGUN = ("active", "onhold", "finished")
_CARE = ("finished", "in-progress", "arrived", "triaged", "onleave")
#: Words of `fhir_reason`. They are words and no sentences, because free text stops at the way in.
TWO_DIAGNOSES = "two_diagnoses"
NO_DIAGNOSIS = "no_diagnosis_of_the_study"


def condition_codes(reading: Reading, declared: bool) -> dict[str, str]:
    """Map codes to conditions: those of the vocabulary, and those that the block of the episodes declares."""
    known = vocabulary_tokens(load_vocabulary().conditions.values(), sided=True)
    if declared:
        own = declared_tokens(reading.options.codes, f"{reading.place} codes")
        known |= {token: f"{word}/" for token, word in own.items()}
    return known


def find_episodes(reading: Reading) -> str:
    """Make the table of the episodes.

    Parameters
    ----------
    reading
        The resources of `NEEDED` have been read.

    Returns
    -------
    str
        Name of a table with `place`, `fate` (NULL for a row), `reason` and `COLUMNS`, all text, and
        `first` and `last`, the days between which the episode lies.
    """
    name = reading.table("episodes")
    select = {"episode_of_care": _by_care, "condition": _by_condition, "patient": _by_patient}
    reading.sql(f"CREATE OR REPLACE TEMP TABLE {name}_made AS {select[reading.options.episode](reading)}")
    reading.sql(
        f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT place, fate, reason, patient AS patient_id, "
        f"episode AS episode_id, clinic AS clinic_id, therapist AS therapist_id, starts AS start_date, "
        f"ends AS end_date, split_part(term, '/', 1) AS condition, "
        f"coalesce(site_side, nullif(split_part(term, '/', 2), '')) AS side, "
        f"round(date_diff('day', fhir_date(onset), fhir_date(starts)) / 7.0, 1)::VARCHAR AS symptom_weeks, "
        f"fhir_date(starts) AS first, fhir_date(ends) AS last FROM {name}_made"
    )
    return name


def _diagnosis(reading: Reading, ids: str) -> str:
    """Write the SQL of the diagnosis of the study among some conditions: of one alone, nothing is chosen."""
    return (
        f"(SELECT struct_pack(n := count(DISTINCT c.terms[1]), term := min(c.terms[1]), onset := "
        f"min(c.onset), "
        f"site_side := CASE WHEN count(DISTINCT coalesce(c.site_side, '')) = 1 THEN min(c.site_side) END) "
        f"FROM {reading.table('conditions')} c WHERE {ids})"
    )


def _standing(reading: Reading) -> None:
    """List the conditions that hold and have one code of the study."""
    reading.sql(
        f"CREATE OR REPLACE TEMP TABLE {reading.table('conditions')} AS SELECT id, patient, terms, onset, "
        f"site_side "
        f"FROM {reading.current('Condition')} WHERE {reading.fates('Condition')} IS NULL AND status = "
        f"'stated' "
        f"AND len(terms) = 1"
    )


def _by_care(reading: Reading) -> str:
    _standing(reading)
    diagnoses, leading = reading.table("diagnoses"), reading.table("leading")
    current = reading.current("EpisodeOfCare")
    joined = (
        f"(SELECT e.place, unnest(e.conditions) AS id, generate_subscripts(e.conditions, 1) AS n, "
        f"e.first_rank "
        f"FROM {reading.table('EpisodeOfCare')} e)"
    )
    for table, keep in ((diagnoses, "true"), (leading, "j.n = j.first_rank")):
        reading.sql(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT j.place, count(DISTINCT c.terms[1]) AS n, "
            f"min(c.terms[1]) AS term, min(c.onset) AS onset, min(c.site_side) AS site_side "
            f"FROM {joined} j JOIN {reading.table('conditions')} c USING (id) WHERE {keep} GROUP BY j.place"
        )
    begun = ", ".join(map(literal, _BEGUN))
    return f"""SELECT e.place, coalesce(e.fate, CASE WHEN e.status IN ({begun}) THEN NULL
            WHEN e.status IS NULL THEN 'without a status' ELSE 'not begun: ' || e.status END) AS fate,
        CASE WHEN l.n IS NULL AND d.n > 1 THEN '{TWO_DIAGNOSES}'
            WHEN coalesce(l.n, d.n) IS NULL THEN '{NO_DIAGNOSIS}' END AS reason,
        e.patient, e.id AS episode, e.clinic, e.therapist, e.starts,
        CASE WHEN e.status = 'finished' THEN e.ends END AS ends,
        CASE WHEN l.n = 1 THEN l.term WHEN l.n IS NULL AND d.n = 1 THEN d.term END AS term,
        CASE WHEN l.n = 1 THEN l.onset WHEN l.n IS NULL AND d.n = 1 THEN d.onset END AS onset,
        CASE WHEN l.n = 1 THEN l.site_side WHEN l.n IS NULL AND d.n = 1 THEN d.site_side END AS site_side
        FROM (SELECT *, {reading.fates("EpisodeOfCare")} AS fate FROM {current}) e
        LEFT JOIN {diagnoses} d USING (place) LEFT JOIN {leading} l USING (place)"""


def _care(reading: Reading) -> str:
    """Write the SQL of the encounters that took place."""
    care = ", ".join(map(literal, _CARE))
    return (
        f"(SELECT * FROM {reading.current('Encounter')} WHERE {reading.fates('Encounter')} IS NULL "
        f"AND status IN ({care}) AND fhir_date(day) IS NOT NULL)"
    )


def _first(column: str) -> str:
    """Write the SQL of a column at the first encounter; of several on one day, the first in the files."""
    return f"arg_min({column}, e.day || lpad(e.place::VARCHAR, 20, '0'))"


def _by_condition(reading: Reading) -> str:
    visits = reading.table("visits_of")
    reading.sql(
        f"CREATE OR REPLACE TEMP TABLE {visits} AS SELECT c.place, min(e.day) AS day, "
        f"{_first('e.clinic')} AS clinic, {_first('e.therapist')} AS therapist "
        f"FROM {reading.table('Condition')} c JOIN {_care(reading)} e "
        f"ON e.patient = c.patient AND (e.id = c.encounter OR list_contains(e.conditions, c.id)) GROUP BY "
        f"c.place"
    )
    return f"""SELECT c.place, coalesce(c.fate, CASE WHEN c.status = 'refuted' THEN 'refuted'
            WHEN len(c.terms) = 0 THEN 'another diagnosis' END) AS fate,
        CASE WHEN len(c.terms) > 1 THEN '{TWO_DIAGNOSES}' END AS reason,
        c.patient, c.id AS episode, v.clinic, v.therapist, coalesce(v.day, c.recorded) AS starts,
        c.abated AS ends, CASE WHEN len(c.terms) = 1 THEN c.terms[1] END AS term, c.onset, c.site_side
        FROM (SELECT *, {reading.fates("Condition")} AS fate FROM {reading.current("Condition")}) c
        LEFT JOIN {visits} v USING (place)"""


def _by_patient(reading: Reading) -> str:
    _standing(reading)
    visits, diagnoses = reading.table("visits_of"), reading.table("diagnoses")
    reading.sql(
        f"CREATE OR REPLACE TEMP TABLE {visits} AS SELECT patient, min(e.day) AS day, "
        f"{_first('e.clinic')} AS clinic, "
        f"{_first('e.therapist')} AS therapist FROM {_care(reading)} e GROUP BY patient"
    )
    reading.sql(
        f"CREATE OR REPLACE TEMP TABLE {diagnoses} AS SELECT patient, count(DISTINCT terms[1]) AS n, "
        f"min(terms[1]) AS term, min(onset) AS onset, min(site_side) AS site_side "
        f"FROM {reading.table('conditions')} GROUP BY patient"
    )
    people = f"(SELECT *, id AS patient, '' AS status FROM {reading.table('Patient')})"
    current = reading.current("Patient").replace(f"FROM {reading.table('Patient')} t", f"FROM {people} t")
    return f"""SELECT p.place, p.fate, CASE WHEN d.n > 1 THEN '{TWO_DIAGNOSES}'
            WHEN d.n IS NULL THEN '{NO_DIAGNOSIS}' END AS reason,
        p.patient, p.patient AS episode, v.clinic, v.therapist, v.day AS starts, NULL AS ends,
        CASE WHEN d.n = 1 THEN d.term END AS term, CASE WHEN d.n = 1 THEN d.onset END AS onset,
        CASE WHEN d.n = 1 THEN d.site_side END AS site_side
        FROM (SELECT *, {reading.fates("Patient")} AS fate FROM {current}) p
        LEFT JOIN {visits} v ON v.patient = p.patient LEFT JOIN {diagnoses} d ON d.patient = p.patient"""


def add_persons(reading: Reading, episodes: str) -> None:
    """Write sex, and age at the start, beside the episodes.

    Notes
    -----
    The birth date is read, used and forgotten in one statement: no table ever holds it. An age is whole
    years, and ``90+`` for everyone over 89. Where only the year or month of birth is given, or the start
    is no day, there is no age.
    """
    ages = reading.table("ages")
    reading.sql(f"CREATE OR REPLACE TEMP TABLE {ages} (episode VARCHAR, age VARCHAR)")
    born = "try_cast(left(text->>'$.birthDate', 10) AS DATE)"
    years = (
        f"year(e.first) - year({born}) - CASE WHEN strftime(e.first, '%m%d') < strftime({born}, '%m%d') "
        f"THEN 1 ELSE 0 END"
    )
    statement = (
        f"INSERT INTO {ages} SELECT e.episode_id, CASE WHEN {years} > 89 THEN '90+' "
        f"ELSE CAST({years} AS VARCHAR) END FROM fhir_batch b JOIN {ident(episodes)} e "
        f"ON e.patient_id = coalesce(text->>'$.id', fhir_url(b.url)) WHERE e.fate IS NULL AND {born} IS "
        f"NOT NULL "
        f"AND e.first IS NOT NULL AND text->>'$.resourceType' = 'Patient'"
    )
    for _ in each_batch(reading.connection, reading.delivery, ("Patient",)):
        reading.sql(statement)
    reading.sql(f"ALTER TABLE {ident(episodes)} ADD COLUMN sex VARCHAR")
    reading.sql(f"ALTER TABLE {ident(episodes)} ADD COLUMN age_years VARCHAR")
    people = f"(SELECT id, max(sex) AS sex FROM {reading.table('Patient')} GROUP BY id)"
    reading.sql(f"UPDATE {ident(episodes)} e SET sex = p.sex FROM {people} p WHERE p.id = e.patient_id")
    unique = f"(SELECT episode, min(age) AS age FROM {ages} GROUP BY episode HAVING count(DISTINCT age) = 1)"
    reading.sql(
        f"UPDATE {ident(episodes)} e SET age_years = a.age FROM {unique} a WHERE a.episode = e.episode_id"
    )
