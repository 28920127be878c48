"""A file of scores as a network of clinics would export it, with planted faults and the list of them."""

from __future__ import annotations

from pathlib import Path

import duckdb

#: Scores of an episode, two on each of ten days.
SCORES = 20
#: Columns of the file. Four of them the study does not use, as in every export.
COLUMNS = (
    "visit_no", "clinic", "therapist", "episode_id", "date", "instrument", "context", "score", "role",
    "channel",
)  # fmt: skip
#: Last day that a row may carry.
CUTOFF = "2026-06-30"
#: Planted faults: column and rule of each; every kind has the same share of the rows.
FAULTS: tuple[tuple[str, str], ...] = (
    ("score", "REQUIRED_MISSING"),
    ("episode_id", "REQUIRED_MISSING"),
    ("score", "NOT_A_NUMBER"),
    ("score", "NOT_A_NUMBER"),
    ("date", "NOT_A_DATE"),
    ("date", "NOT_A_DATE"),
    ("date", "FUTURE_DATE"),
    ("score", "SCORE_OUT_OF_RANGE"),
    ("score", "SCORE_OUT_OF_RANGE"),
    ("instrument", "UNKNOWN_TERM"),
    ("role", "UNKNOWN_TERM"),
    ("episode_id", "UNKNOWN_EPISODE"),
    ("date", "BEFORE_EPISODE"),
    ("episode_id, date, instrument, context, role", "CONFLICTING_KEY"),
    ("", "DUPLICATE"),
)
#: Rows in a million that get one of the faults; faulty episodes add as many rows as one kind has.
FAULTY_PER_MILLION = 6_500
_BAD_EPISODES_PER_MILLION = 500

STUDY = """
[study]
name = "Ingest benchmark"
[[sources]]
table = "episodes"
path = "episodes.csv"
[[sources]]
table = "assessments"
path = "assessments.csv"
[privacy]
allow_columns = ["visit_no"]
[screening]
waive = ["SCORE_AFTER_DISCHARGE"]  # a planted day in the future would break this one, too
"""


def _definitions(rows: int) -> list[str]:
    """Define every row by its number alone, so that the same rows come on every machine."""
    episodes = max(rows // SCORES, 1)
    share = FAULTY_PER_MILLION // len(FAULTS)
    return [
        "CREATE MACRO dice(i, salt) AS (hash(i::BIGINT * 64 + salt) % 1000000)::INTEGER",
        f"CREATE MACRO drawn(i) AS CASE WHEN dice(i, 1) < {share * len(FAULTS)} "
        f"THEN dice(i, 1) // {share} + 1 ELSE 0 END",
        # A fault stands alone among its neighbours, so that a copy is a copy of a good row.
        "CREATE MACRO fault_of(i) AS CASE WHEN drawn(i - 1) + drawn(i + 1) = 0 AND i > 0 "
        f"AND NOT bad_episode(i % {episodes}) AND NOT bad_episode((i - 1) % {episodes}) "
        "THEN drawn(i) ELSE 0 END",
        f"CREATE MACRO bad_episode(e) AS dice(e, 2) < {_BAD_EPISODES_PER_MILLION}",
        "CREATE MACRO start_of(e) AS DATE '2024-01-01' + dice(e, 3) % 700",
        f"""CREATE VIEW rows AS
        WITH f AS (SELECT i, fault_of(i)::INTEGER AS fault FROM range({rows}) AS r(i)),
        p AS (SELECT *, CASE WHEN fault >= {len(FAULTS) - 1} THEN i - 1 ELSE i END AS said FROM f),
        e AS (SELECT *, said % {episodes} AS e, (said // {episodes})::INTEGER AS j FROM p)
        SELECT *, start_of(e) + (j // 2) * 7 AS day, j % 2 AS second,
            -- A contradicting row has the score of its neighbour and half a point more or less.
            CASE WHEN j % 2 = 0 THEN dice(said, 4) % 20 / 2.0 ELSE dice(said, 4) % 80 END
            + CASE WHEN fault = {len(FAULTS) - 1} THEN 0.5 ELSE 0 END AS value FROM e""",
    ]


def _fault(number: int) -> int:
    """Number of a planted fault as the rows have it, from 1."""
    return number + 1


def write_file(folder: Path, rows: int) -> int:
    """Write `assessments.csv`, `episodes.csv`, `study.toml` and `truth.parquet`.

    Parameters
    ----------
    folder
        Where to.
    rows
        Rows of `assessments.csv`.

    Returns
    -------
    int
        Bytes of `assessments.csv`.

    Notes
    -----
    The rows of an episode lie far apart, visit after visit, as in an export by day. `truth.parquet`
    has one line for each faulty row: the physical line, the column and the rule.
    """
    folder.mkdir(parents=True, exist_ok=True)
    episodes = max(rows // SCORES, 1)
    scores, truth = folder / "assessments.csv", folder / "truth.parquet"
    with duckdb.connect() as connection:
        for statement in sorted(_definitions(rows), key=lambda text: "fault_of(i) AS" in text[:30]):
            if not statement.startswith("CREATE VIEW"):
                connection.execute(statement)
        connection.execute(_definitions(rows)[-1])
        connection.execute(
            f"COPY (SELECT format('V{{:08d}}', i) AS visit_no, format('C{{:04d}}', e // 500) AS clinic, "
            f"format('T{{:05d}}', e // 50) AS therapist, "
            f"CASE fault WHEN 2 THEN NULL WHEN 12 THEN format('EP9{{:07d}}', e) "
            f"ELSE format('EP{{:08d}}', e) END AS episode_id, "
            f"CASE fault WHEN 5 THEN '2025-02-30' WHEN 6 THEN 'last week' WHEN 7 THEN '2031-01-15' "
            f"WHEN 13 THEN '2019-05-05' ELSE strftime(day, '%Y-%m-%d') END AS date, "
            f"CASE WHEN fault = 10 THEN 'vas_other' WHEN second = 0 THEN 'nprs' ELSE 'LEFS' END "
            f"AS instrument, "
            f"CASE WHEN second = 0 THEN 'worst_24h' ELSE 'average' END AS context, "
            f"CASE fault WHEN 1 THEN 'NA' WHEN 3 THEN '7/10' WHEN 4 THEN '7-8' WHEN 8 THEN '95' "
            f"WHEN 9 THEN '-1' ELSE format('{{:g}}', value) END AS score, "
            f"CASE WHEN fault = 11 THEN 'first' WHEN j < 2 THEN 'intake' WHEN j < 18 THEN 'interim' "
            f"ELSE 'discharge' END AS role, "
            f"CASE WHEN dice(i, 5) < 600000 THEN 'app' ELSE 'front desk' END AS channel "
            f"FROM rows ORDER BY i) TO '{scores}' (FORMAT csv, HEADER)"
        )
        connection.execute(
            f"COPY (SELECT format('P{{:08d}}', e // 2) AS patient_id, format('EP{{:08d}}', e) AS episode_id, "
            f"format('C{{:04d}}', e // 500) AS clinic_id, format('T{{:05d}}', e // 50) AS therapist_id, "
            f"start_of(e) AS start_date, CASE WHEN bad_episode(e) THEN DATE '2023-12-31' "
            f"ELSE start_of(e) + 90 END AS end_date, 'gluteal_tendinopathy' AS condition, "
            # The two episodes of a person are about two sides, so that their scores may differ on one day.
            f"CASE e % 2 WHEN 0 THEN 'left' ELSE 'right' END AS side, "
            f"20 + dice(e, 6) % 60 AS age_years, CASE WHEN dice(e, 7) < 500000 THEN 'female' ELSE 'male' END "
            f"AS sex FROM range({episodes}) AS r(e) ORDER BY e) "
            f"TO '{folder / 'episodes.csv'}' (FORMAT csv, HEADER)"
        )
        listed = ", ".join(
            f"({number}, '{column}', '{rule}')" for number, (column, rule) in enumerate(FAULTS, start=1)
        )
        conflict = len(FAULTS) - 1
        connection.execute(
            f"COPY (WITH t(fault, col, rule) AS (VALUES {listed}) "
            f"SELECT i + 2 AS row, col AS column, rule FROM rows JOIN t USING (fault) "
            f"UNION ALL SELECT i + 1, col, rule FROM rows JOIN t USING (fault) WHERE fault = {conflict} "
            f"UNION ALL SELECT i + 2, 'episode_id', 'EPISODE_QUARANTINED' FROM rows WHERE bad_episode(e) "
            f"ORDER BY ALL) TO '{truth}' (FORMAT parquet)"
        )
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    return scores.stat().st_size
