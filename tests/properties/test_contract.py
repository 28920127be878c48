"""The two things that are made of one rule table agree: the fast screening, and the contract of frames."""

from datetime import date, timedelta

import duckdb
import pandas as pd
import pandera.errors
from hypothesis import given, settings
from hypothesis import strategies as st

from studypkg.records.cells import Reading
from studypkg.records.contract import contract_of
from studypkg.records.mapping import Mapped
from studypkg.records.screening import Lists, screen_source, settle_episodes, settle_keys, start_screen
from studypkg.schema import TABLES

LISTS = Lists(
    words={
        "instrument": {"nprs": "nprs", "lefs": "lefs", "other": "other"},
        "context": {"average": "average"},
        "role": {"intake": "intake", "interim": "interim"},
    },
    ranges={"nprs": (0.0, 10.0), "lefs": (0.0, 80.0)},
    normalise=str.lower,
)
CUTOFF = date(2026, 6, 30)
FIRST = date(2026, 6, 1)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["e1", "e2"]),
        st.integers(0, 45).map(lambda days: FIRST + timedelta(days)),
        st.sampled_from(["nprs", "lefs", "other"]),
        st.sampled_from([None, -1.0, 0.0, 5.5, 10.0, 10.5, 80.0, 81.0]),
        st.sampled_from(["intake", "interim"]),
    ),
    min_size=1,
    max_size=12,
)
RULES = ("REQUIRED_MISSING", "SCORE_OUT_OF_RANGE", "FUTURE_DATE", "CONFLICTING_KEY")


def by_screening(frame: pd.DataFrame) -> dict[str, set[int]]:
    """Rows that break each rule, by the masks of the fast screening."""
    table = TABLES["assessments"]
    with duckdb.connect() as connection:
        for name in ("episodes", "assessments"):
            columns = ", ".join(f'"{column}" VARCHAR' for column in TABLES[name].column_names)
            connection.execute(f"CREATE TABLE m_{name} (_row BIGINT, _series INTEGER, {columns})")
        for one in ("e1", "e2"):
            connection.execute(
                "INSERT INTO m_episodes (_row, _series, patient_id, episode_id, clinic_id, start_date, "
                "condition) VALUES (1, 0, 'p', ?, 'c', '2026-06-01', 'itbs')", [one],
            )  # fmt: skip
        for row, cells in enumerate(frame.itertuples(index=False)):
            texts = [str(cells.date.date()), None if pd.isna(cells.score) else repr(cells.score)]
            connection.execute(
                "INSERT INTO m_assessments (_row, _series, episode_id, date, score, instrument, context, "
                "role) VALUES (?, 0, ?, ?, ?, ?, ?, ?)",
                [row, cells.episode_id, *texts, cells.instrument, cells.context, cells.role],
            )
        found = {}
        for name in ("episodes", "assessments"):
            screen = start_screen(connection, TABLES[name], LISTS, cutoff=CUTOFF)
            columns = TABLES[name].column_names
            mapped = Mapped(
                relation=f"m_{name}", records=len(frame), series=1, empty=0, constants=(), absent=(),
                ignored=(), origins={column: (column,) for column in columns},
            )  # fmt: skip
            screen_source(connection, screen, mapped, Reading({}, {}, {}), LISTS, number=0)
            settle_keys(connection, screen)
            if name == "episodes":
                settle_episodes(connection, screen)
        for rule in RULES:
            rows = connection.execute(f"SELECT _row FROM {screen.stage} WHERE {screen.failed(rule=rule)}")
            found[rule] = {row for (row,) in rows.fetchall()}
    assert table.name == screen.table.name
    return found


def by_contract(frame: pd.DataFrame) -> dict[str, set[int]]:
    """Rows that break each rule, by pandera."""
    found: dict[str, set[int]] = {rule: set() for rule in RULES}
    try:
        contract_of(TABLES["assessments"], LISTS, cutoff=CUTOFF).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as refused:
        cases = refused.failure_cases.replace({"check": {"not_nullable": "REQUIRED_MISSING"}})
        for rule, rows in cases.groupby("check")["index"]:
            found[str(rule)] = set(rows.astype(int))
    return found


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_screening_and_contract_set_the_same_rows_aside(rows):
    frame = pd.DataFrame(rows, columns=["episode_id", "date", "instrument", "score", "role"]).assign(
        context="average"
    )
    frame = frame.astype({"date": "datetime64[us]", "score": "float64"})
    screened, kept = by_screening(frame), by_contract(frame)
    for rule in RULES[:-1]:
        assert screened[rule] == kept[rule], rule
    # The screening compares keys among rows that break no other rule, and exact copies contradict nothing.
    clean = frame.drop(index=sorted(set().union(*(kept[rule] for rule in RULES[:-1])))).drop_duplicates()
    again = by_contract(clean.reset_index(drop=True))["CONFLICTING_KEY"]
    assert screened["CONFLICTING_KEY"] >= {clean.index[row] for row in again}
    copies = set(frame.index[frame.duplicated(keep="first")])
    assert screened["CONFLICTING_KEY"] - copies == {clean.index[row] for row in again}
