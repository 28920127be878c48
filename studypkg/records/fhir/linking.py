"""The episode of care that a dated record belongs to: by its encounter, else by its day."""

from __future__ import annotations

from studypkg.records.fhir.reading import Reading
from studypkg.records.quoting import ident, literal

#: How long before its first and after its last day a record may still belong to an episode. A score is
#: often taken with the referral, or some days after discharge.
LEAD_DAYS = 30
LAG_DAYS = 30
NO_EPISODE = "no episode of care of the study on that day"
#: The word of `fhir_reason` for a row that two episodes fit; a reference to an encounter would tell.
SEVERAL = "two_episodes"


def link(reading: Reading, candidates: str, episodes: str, *, around: bool) -> None:
    """Give every candidate row its episode.

    Parameters
    ----------
    reading
        The resources of the episodes have been read.
    candidates
        Table with `place`, `nth`, `fate`, `reason`, `patient`, `encounter` and the text `day`. Gets
        `episode_id`; a row without any episode gets a fate.
    episodes
        Table made by `find_episodes`.
    around
        Whether a row may lie `LEAD_DAYS` before or `LAG_DAYS` after its episode.

    Notes
    -----
    An encounter that belongs to one episode settles it. Else the episode of the patient in which the day
    lies, and only if there is none, one whose edge is near. Where two fit nothing is chosen: the row
    goes on without an episode, and the screening sets it aside.
    """
    visits, spans = reading.table("visit_episodes"), reading.table("spans")
    care = reading.options.episode
    # An encounter's episode is known if it names one, or if one condition is its reason.
    told = {"episode_of_care": "episodes", "condition": "conditions"}.get(care)
    source = (
        f"SELECT id, {told} AS named FROM {reading.table('Encounter')}"
        if told
        else "SELECT '' AS id, []::VARCHAR[] AS named LIMIT 0"
    )
    reading.sql(
        f"CREATE OR REPLACE TEMP TABLE {spans} AS SELECT DISTINCT patient_id, episode_id, first, last "
        f"FROM {ident(episodes)} WHERE fate IS NULL"
    )
    reading.sql(
        f"CREATE OR REPLACE TEMP TABLE {visits} AS SELECT v.id, min(s.episode_id) AS episode_id, "
        f"min(s.patient_id) "
        f"AS patient FROM (SELECT id, unnest(named) AS episode_id FROM ({source})) v JOIN {spans} s USING "
        f"(episode_id) "
        f"GROUP BY v.id HAVING count(DISTINCT s.episode_id) = 1"
    )
    lead, lag = (LEAD_DAYS, LAG_DAYS) if around else (0, 0)
    found = reading.table("links_of_rows")
    last = "coalesce(s.last, DATE '9999-12-31')"
    day = "fhir_date(c.day)"
    # With a day that is none, the only episode of the patient will do: the row is set aside for its day.
    inside = f"({day} IS NULL OR {day} BETWEEN s.first AND {last})"
    if care == "patient":
        inside = "true"
    near = f"{day} BETWEEN s.first - {lead} AND coalesce(s.last + {lag}, DATE '9999-12-31')"
    reading.sql(
        f"CREATE OR REPLACE TEMP TABLE {found} AS SELECT c.place, c.nth, "
        f"list(DISTINCT s.episode_id) FILTER ({inside}) AS within, list(DISTINCT s.episode_id) FILTER "
        f"({near}) AS about "
        f"FROM {candidates} c JOIN {spans} s ON s.patient_id = c.patient WHERE c.fate IS NULL GROUP BY "
        f"c.place, c.nth"
    )
    chosen = (
        "CASE WHEN v.episode_id IS NOT NULL AND v.patient = c.patient THEN v.episode_id "
        "WHEN len(f.within) = 1 THEN f.within[1] WHEN len(f.within) > 1 THEN '' "
        "WHEN len(f.about) = 1 THEN f.about[1] WHEN len(f.about) > 1 THEN '' END"
    )
    made = f"{candidates}_linked"
    reading.sql(
        f"CREATE OR REPLACE TEMP TABLE {made} AS SELECT c.* EXCLUDE (fate, reason), "
        f"CASE WHEN c.fate IS NULL AND e IS NULL THEN {literal(NO_EPISODE)} ELSE c.fate END AS fate, "
        f"CASE WHEN e = '' THEN {literal(SEVERAL)} ELSE c.reason END AS reason, e AS episode_id "
        f"FROM (SELECT c.*, {chosen} AS e FROM {candidates} c LEFT JOIN {visits} v ON v.id = c.encounter "
        f"LEFT JOIN {found} f ON f.place = c.place AND f.nth = c.nth) c"
    )
    reading.sql(f"DROP TABLE {candidates}")
    reading.sql(f"ALTER TABLE {made} RENAME TO {candidates}")
