"""Tests of screening: one small drawn table per rule."""

from collections.abc import Iterator, Mapping
from datetime import date

import duckdb
import pytest

from studypkg.records.cells import Reading
from studypkg.records.mapping import Mapped
from studypkg.records.screening import (
    Lists,
    Screen,
    screen_source,
    settle_episodes,
    settle_keys,
    start_screen,
)
from studypkg.schema import TABLES, Column, with_covariates
from studypkg.sources import Scale
from studypkg.vocabulary import normalise

AS_WRITTEN = Reading({}, {}, {})
LISTS = Lists(
    words={
        "condition": {"itbs": "itb_syndrome", "itbsyndrome": "itb_syndrome"},
        "sex": {"female": "female", "male": "male"},
        "instrument": {"nprs": "nprs", "lefs": "lefs"},
        "context": {"average": "average", "run": "run"},
        "role": {"intake": "intake", "interim": "interim", "discharge": "discharge", "followup": "follow_up"},
        "kind": {"severepain": "severe_pain", "surgery": "surgery"},
        "status": {"attended": "attended", "noshow": "no_show"},
        "side": {"left": "left", "right": "right", "unspecified": "unspecified"},
    },
    ranges={"nprs": (0.0, 10.0), "lefs": (0.0, 80.0)},
    normalise=normalise,
)
EPISODES = """
    patient_id | episode_id | clinic_id | start_date | end_date   | condition
    p1         | e1         | c1        | 2026-01-05 | 2026-03-02 | ITBS
    p2         | e2         | c1        | 2026-01-05 |            | ITB syndrome
"""


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def drawn(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]


def screened(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    *sources: str,
    reading: Reading = AS_WRITTEN,
    cutoff: date | None = None,
    covariates: tuple[Column, ...] = (),
) -> Screen:
    """Screen drawn sources, blank cells missing, and settle their keys."""
    declared = with_covariates(TABLES, covariates)[table]
    screen = start_screen(connection, declared, LISTS, cutoff=cutoff)
    for number, text in enumerate(sources):
        header, *rows = drawn(text)
        into = f"mapped_{table}_{number}"
        cells = ", ".join(f'"{name}" VARCHAR' for name in declared.column_names)
        connection.execute(f"CREATE TABLE {into} (_row BIGINT, _series INTEGER, {cells})")
        for row, values in enumerate(rows, start=2):
            given = dict(zip(header, values, strict=True))
            filled = [given.get(name) or None for name in declared.column_names]
            connection.execute(
                f"INSERT INTO {into} VALUES ({row}, 0{', ?' * len(filled)})",
                filled,
            )
        mapped = Mapped(into, len(rows), 1, 0, {}, (), (), ())
        screen_source(connection, screen, mapped, reading, LISTS, number=number)
    settle_keys(connection, screen)
    if table == "episodes":
        settle_episodes(connection, screen)
    return screen


def faults(connection: duckdb.DuckDBPyConnection, screen: Screen) -> dict[tuple[int, int], list[str]]:
    """For each row (source, row) the rules it breaks, `COPY` for an exact copy, nothing if accepted."""
    masks = [f"_mask{word}" for word in range(-(-len(screen.checks) // 62))]
    found: dict[tuple[int, int], list[str]] = {}
    rows = connection.execute(
        f"SELECT _source, _row, _copy, {', '.join(masks)} FROM {screen.stage}"
    ).fetchall()
    for source, row, copy, *bits in rows:
        broken = [
            f"{check.rule} {check.column}"
            for place, check in enumerate(screen.checks)
            if bits[place // 62] >> (place % 62) & 1
        ]
        found[source, row] = broken + (["COPY"] if copy else [])
    return found


def one_source(found: Mapping[tuple[int, int], list[str]]) -> list[list[str]]:
    return [found[key] for key in sorted(found)]


def test_good_episodes_are_accepted_with_aliases_resolved(connection: duckdb.DuckDBPyConnection) -> None:
    screen = screened(connection, "episodes", EPISODES)
    assert one_source(faults(connection, screen)) == [[], []]
    assert connection.execute("SELECT DISTINCT condition, side FROM stage_episodes").fetchall() == [
        ("itb_syndrome", "unspecified")
    ]


def test_every_fault_of_an_episode_is_named(connection: duckdb.DuckDBPyConnection) -> None:
    screen = screened(
        connection,
        "episodes",
        """
        patient_id | episode_id | clinic_id | start_date | end_date   | condition | age_years | symptom_weeks
                   | e1         | c1        | 2026-01-05 |            | ITBS      | 45        | 8
        p1         | e2         | c1        | 05.01.2026 |            | gout      | 45.5      | 6-8
        p1         | e3         | c1        | 2026-02-30 |            | ITBS      | 999       | 9000
        p1         | e4         | c1        | 2026-01-05 | 2026-01-04 | ITBS      | -1        | 1e999
        p1         | e5         | c1        | 0026-01-05 |            | ITBS      | x         | nan
        """,
    )
    assert one_source(faults(connection, screen)) == [
        ["REQUIRED_MISSING patient_id"],
        [
            "NOT_A_DATE start_date",
            "UNKNOWN_TERM condition",
            "NOT_A_NUMBER symptom_weeks",
            "NOT_AN_INTEGER age_years",
        ],
        ["NOT_A_DATE start_date", "OUT_OF_RANGE symptom_weeks", "OUT_OF_RANGE age_years"],
        ["NOT_A_NUMBER symptom_weeks", "OUT_OF_RANGE age_years", "WRONG_ORDER start_date, end_date"],
        ["NOT_A_DATE start_date", "NOT_A_NUMBER symptom_weeks", "NOT_A_NUMBER age_years"],
    ]


def test_a_flag_is_yes_or_no(connection: duckdb.DuckDBPyConnection) -> None:
    words = ["yes", "No", "TRUE", "false", "1", "0", "maybe", "2"]
    rows = [f"p{n} | e{n} | c1 | 2026-01-05 | ITBS | {word}" for n, word in enumerate(words)]
    header = "patient_id | episode_id | clinic_id | start_date | condition | surgical"
    screen = screened(connection, "episodes", "\n".join([header, *rows]))
    unknown = ["UNKNOWN_TERM surgical"]
    assert one_source(faults(connection, screen)) == [[], [], [], [], [], [], unknown, unknown]
    kept = connection.execute("SELECT surgical FROM stage_episodes WHERE _mask0 = 0 ORDER BY _row").fetchall()
    assert [word for (word,) in kept] == ["yes", "no", "yes", "no", "yes", "no"]


def test_ages_over_89_are_one_group(connection: duckdb.DuckDBPyConnection) -> None:
    screened(
        connection,
        "episodes",
        """
        patient_id | episode_id | clinic_id | start_date | condition | age_years
        p1         | e1         | c1        | 2026-01-05 | ITBS      | 89
        p2         | e2         | c1        | 2026-01-05 | ITBS      | 90
        p3         | e3         | c1        | 2026-01-05 | ITBS      | 90+
        p4         | e4         | c1        | 2026-01-05 | ITBS      | 104
        p5         | e5         | c1        | 2026-01-05 | ITBS      |
        """,
    )
    kept = connection.execute(
        "SELECT age_years, _pooled, _mask0 FROM stage_episodes ORDER BY _row"
    ).fetchall()
    assert kept == [(89.0, False, 0), (90.0, False, 0), (90.0, False, 0), (90.0, True, 0), (None, False, 0)]


def test_a_score_must_be_one_number_in_the_range_of_its_instrument(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    screened(connection, "episodes", EPISODES)
    screen = screened(
        connection,
        "assessments",
        """
        episode_id | date       | instrument | score | role
        e1         | 2026-01-05 | NPRS       | 10    | intake
        e1         | 2026-01-06 | NPRS       | 10.5  | interim
        e1         | 2026-01-07 | LEFS       | 80    | interim
        e1         | 2026-01-08 | NPRS       | 7/10  | interim
        e1         | 2026-01-09 | NPRS       | 7-8   | interim
        e1         | 2026-01-10 | NPRS       | 7,5   | interim
        e1         | 2026-01-11 | NPRS       | 1_0   | interim
        e1         | 2026-01-12 | NPRS       | .5    | follow-up
        """,
    )
    assert one_source(faults(connection, screen)) == [
        [],
        ["SCORE_OUT_OF_RANGE score"],
        [],
        ["NOT_A_NUMBER score"],
        ["NOT_A_NUMBER score"],
        ["NOT_A_NUMBER score"],
        ["NOT_A_NUMBER score"],
        [],
    ]


def test_dates_decimals_and_scales_are_read_as_declared(connection: duckdb.DuckDBPyConnection) -> None:
    screened(connection, "episodes", EPISODES)
    reading = Reading({"date": ("%d.%m.%Y",)}, {"score": ","}, {"score": Scale(multiply=0.1)})
    screen = screened(
        connection,
        "assessments",
        """
        episode_id | date      | instrument | score | role
        e1         | 3.2.2026  | nprs       | 70    | interim
        e1         | 4.2.2026  | nprs       | 72,5  | interim
        e1         | 5.2.2026  | nprs       | 72.5  | interim
        e1         | 3.13.2026 | nprs       | 70    | interim
        """,
        reading=reading,
    )
    assert one_source(faults(connection, screen)) == [[], [], ["NOT_A_NUMBER score"], ["NOT_A_DATE date"]]
    kept = connection.execute(
        "SELECT date::DATE, score FROM stage_assessments ORDER BY _row LIMIT 2"
    ).fetchall()
    assert kept == [(date(2026, 2, 3), 7.0), (date(2026, 2, 4), 7.25)]


def test_rows_must_lie_in_their_episode(connection: duckdb.DuckDBPyConnection) -> None:
    screened(connection, "episodes", EPISODES)
    assessments = screened(
        connection,
        "assessments",
        """
        episode_id | date       | instrument | score | role
        e1         | 2025-12-06 | nprs       | 7     | intake
        e1         | 2025-12-05 | nprs       | 7     | intake
        e1         | 2026-09-01 | nprs       | 7     | follow_up
        """,
    )
    assert one_source(faults(connection, assessments)) == [[], ["BEFORE_EPISODE date"], []]
    visits = screened(
        connection,
        "visits",
        """
        episode_id | date       | status
        e1         | 2026-01-05 | attended
        e1         | 2026-01-04 | attended
        e1         | 2026-03-02 | no show
        e1         | 2026-03-03 | attended
        e2         | 2029-01-01 | attended
        """,
    )
    assert one_source(faults(connection, visits)) == [
        [],
        ["BEFORE_EPISODE date"],
        [],
        ["AFTER_EPISODE date"],
        [],
    ]


def test_rows_need_an_accepted_episode(connection: duckdb.DuckDBPyConnection) -> None:
    screened(
        connection,
        "episodes",
        EPISODES + "    p3         | e3         | c1        | 2026-99-99 |            | ITBS",
    )
    screen = screened(
        connection,
        "visits",
        """
        episode_id | date       | status
        e1         | 2026-01-05 | attended
        e3         | 2026-01-05 | attended
        e9         | 2026-01-05 | attended
                   | 2026-01-05 | attended
        """,
    )
    assert one_source(faults(connection, screen)) == [
        [],
        ["EPISODE_QUARANTINED episode_id"],
        ["UNKNOWN_EPISODE episode_id"],
        ["REQUIRED_MISSING episode_id"],
    ]


def test_nothing_may_have_happened_after_the_cutoff(connection: duckdb.DuckDBPyConnection) -> None:
    cutoff = date(2026, 3, 1)
    episodes = screened(connection, "episodes", EPISODES, cutoff=cutoff)
    assert one_source(faults(connection, episodes)) == [["FUTURE_DATE end_date"], []]
    visits = screened(
        connection,
        "visits",
        """
        episode_id | date       | status
        e2         | 2026-03-01 | attended
        e2         | 2026-03-02 | attended
        """,
        cutoff=cutoff,
    )
    assert one_source(faults(connection, visits)) == [[], ["FUTURE_DATE date"]]


def test_a_prescription_may_end_in_the_future(connection: duckdb.DuckDBPyConnection) -> None:
    screened(connection, "episodes", EPISODES)
    screen = screened(
        connection,
        "prescriptions",
        """
        episode_id | exercise | valid_from | valid_to   | sets | count_min | count_max
        e2         | clam     | 2026-01-05 | 2026-12-31 | 2    | 10        | 15
        e2         | clam     | 2026-01-06 | 2026-01-05 | 2.5  | 15        | 10
        """,
        cutoff=date(2026, 2, 1),
    )
    assert one_source(faults(connection, screen)) == [
        [],
        ["NOT_AN_INTEGER sets", "WRONG_ORDER valid_from, valid_to", "WRONG_ORDER count_min, count_max"],
    ]


def test_exact_copies_are_counted_once_also_across_files(connection: duckdb.DuckDBPyConnection) -> None:
    screened(connection, "episodes", EPISODES)
    first = """
        episode_id | date       | status
        e1         | 2026-01-05 | attended
        e1         | 2026-01-05 | Attended
        e1         | 2026-01-06 | attended
    """
    second = """
        episode_id | date       | status
        e1         | 2026-01-06 | attended
        e1         | 2026-01-07 | attended
    """
    screen = screened(connection, "visits", first, second)
    assert faults(connection, screen) == {
        (0, 2): [],
        (0, 3): ["COPY"],
        (0, 4): [],
        (1, 2): ["COPY"],
        (1, 3): [],
    }


def test_rows_that_contradict_each_other_are_all_set_aside(connection: duckdb.DuckDBPyConnection) -> None:
    screened(connection, "episodes", EPISODES)
    key = "episode_id, date"
    screen = screened(
        connection,
        "visits",
        """
        episode_id | date       | status
        e1         | 2026-01-05 | attended
        e1         | 2026-01-05 | attended
        e1         | 2026-01-05 | no_show
        e1         | 2026-01-06 | attended
        e1         | 2026-01-06 | postponed
        """,
    )
    conflict = [f"CONFLICTING_KEY {key}"]
    assert one_source(faults(connection, screen)) == [
        conflict,
        conflict,
        conflict,
        [],
        ["UNKNOWN_TERM status"],
    ]


def test_copies_of_a_bad_row_are_all_bad(connection: duckdb.DuckDBPyConnection) -> None:
    screened(connection, "episodes", EPISODES)
    screen = screened(
        connection,
        "visits",
        """
        episode_id | date       | status
        e1         | 2026-01-05 | postponed
        e1         | 2026-01-05 | postponed
        """,
    )
    assert one_source(faults(connection, screen)) == [["UNKNOWN_TERM status"], ["UNKNOWN_TERM status"]]


def test_a_quarantined_episode_with_a_good_twin_is_known(connection: duckdb.DuckDBPyConnection) -> None:
    screened(
        connection,
        "episodes",
        """
        patient_id | episode_id | clinic_id | start_date | condition
        p1         | e1         | c1        | 2026-01-05 | ITBS
        p1         | e1         | c1        | 2026-01-05 | gout
        """,
    )
    screen = screened(connection, "visits", "episode_id | date | status\n e1 | 2026-01-05 | attended")
    assert one_source(faults(connection, screen)) == [[]]


def test_more_checks_than_one_mask_holds(connection: duckdb.DuckDBPyConnection) -> None:
    own = tuple(Column(f"own_{number}", "integer", "A count.", minimum=0, maximum=9) for number in range(30))
    header = "patient_id | episode_id | clinic_id | start_date | condition | own_0 | own_29"
    screen = screened(
        connection,
        "episodes",
        f"{header}\n p1 | e1 | c1 | 2026-01-05 | ITBS | 1 | 9\n p2 | e2 | c1 | 2026-01-05 | ITBS | x | 10",
        covariates=own,
    )
    assert len(screen.checks) > 62
    assert one_source(faults(connection, screen)) == [[], ["NOT_A_NUMBER own_0", "OUT_OF_RANGE own_29"]]
    bad = connection.execute(
        f"SELECT _row FROM {screen.stage} WHERE {screen.failed(column='own_29')}"
    ).fetchall()
    assert bad == [(3,)]
    assert screen.failed(rule="FUTURE_DATE") == "false"


def test_a_word_that_looks_like_sql_is_only_a_word(connection: duckdb.DuckDBPyConnection) -> None:
    screened(connection, "episodes", EPISODES)
    screen = screened(
        connection, "visits", "episode_id | date | status\n e1 | 2026-01-05 | '; DROP TABLE stage_visits; --"
    )
    assert one_source(faults(connection, screen)) == [["UNKNOWN_TERM status"]]


DATED = Lists(
    words={"condition": {"m54.5": "referred_low_back_pain", "m54.50": "referred_low_back_pain"}},
    ranges={},
    normalise=normalise,
    in_force={"condition": {"m54.5": (None, "2021-09-30"), "m54.50": ("2021-10-01", None)}},
)


@pytest.mark.parametrize(
    ("code", "day", "good"),
    [
        ("M54.5", "2021-09-30", True), ("M54.5", "2021-10-01", False), ("m54.50", "2021-10-01", True),
        ("M54.50", "2021-09-30", False), ("M54.99", "2021-09-30", False),
    ],
)  # fmt: skip
def test_a_code_is_judged_by_the_day_on_which_care_began(connection, monkeypatch, code, day, good):
    monkeypatch.setitem(globals(), "LISTS", DATED)
    screen = screened(connection, "episodes", f"""
        patient_id | episode_id | clinic_id | start_date | condition
        p1         | e1         | c1        | {day}      | {code}
    """)  # fmt: skip
    rules = {check.rule for check in screen.checks if _fails(connection, screen, check.rule)}
    assert rules == (set() if good else {"UNKNOWN_TERM"} if code == "M54.99" else {"CODE_NOT_IN_FORCE"})


def _fails(connection, screen, rule):
    found = connection.execute(f"SELECT count(*) FROM {screen.stage} WHERE {screen.failed(rule=rule)}")
    return found.fetchall()[0][0] > 0
