"""Clean numbers, codes and labels never stop a file, whatever they are; what is planted always does."""

# ruff: noqa: E501 (tables of cells)
import random

import duckdb
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studypkg.privacy.identifiers import find_identifiers

SETTINGS = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])

LABELS = st.lists(
    st.sampled_from(
        ["goals met", "moved away", "Usual Care", "Dry Needling", "left knee", "no change", "other", "Low Back", "rest"]
    ),
    min_size=1, max_size=40,
)  # fmt: skip
NUMBERS = st.lists(
    st.one_of(st.integers(-999, 99_999), st.floats(-1e6, 1e6, width=32)).map(str), min_size=1, max_size=40
)
CODES = st.tuples(st.sampled_from(["C", "EP", "P-", "v_", ""]), st.integers(1, 6)).flatmap(
    lambda shape: st.lists(
        st.integers(0, 10 ** shape[1] - 1).map(lambda n: f"{shape[0]}{n:0{shape[1]}}"),
        min_size=1,
        max_size=40,
    )
)
DAYS = st.lists(st.dates(min_value=pd.Timestamp(2019, 1, 1).date(), max_value=pd.Timestamp(2026, 12, 31).date()).map(str),
                min_size=1, max_size=40)  # fmt: skip
PLANTED = st.one_of(
    st.emails(domains=st.sampled_from(["example.org", "mail.example.com"])).filter(lambda one: one.isascii()),
    st.integers(0, 9999999).map(lambda n: f"MRN {n:07}"),
    st.tuples(st.integers(200, 998), st.integers(200, 998), st.integers(0, 9999)).map(
        lambda n: f"({n[0]}) {n[1]}-{n[2]:04}"
    ),
    st.tuples(st.integers(1, 665), st.integers(1, 99), st.integers(1, 9999)).map(
        lambda n: f"{n[0]:03}-{n[1]:02}-{n[2]:04}"
    ),
    st.ip_addresses(v=4).map(str),
    st.sampled_from(
        ["Ms Oyelaran", "12 Oak Street", "data:image/png;base64,xyz", "https://example.org/p?id=7"]
    ),
)


def stopped(**columns):
    with duckdb.connect() as db:
        db.register("given", pd.DataFrame(columns))
        db.execute("CREATE TABLE t AS SELECT * FROM given")
        return {one.column: one.kind for one in find_identifiers(db, "t", list(columns))}


@SETTINGS
@given(cells=st.one_of(LABELS, NUMBERS, CODES, DAYS))
def test_clean_columns_never_stop_a_file(cells):
    assert stopped(field=cells * 5) == {}


@SETTINGS
@given(cells=st.one_of(LABELS, NUMBERS, CODES), planted=PLANTED, seed=st.integers(0, 10**6))
def test_what_is_planted_stops_it_wherever_it_stands(cells, planted, seed):
    column = cells * 5
    column.insert(random.Random(seed).randrange(len(column) + 1), planted)
    assert list(stopped(field=column)) == ["field"]


@SETTINGS
@given(cells=st.lists(st.text(max_size=30), min_size=1, max_size=30))
def test_no_text_makes_the_screen_fail(cells):
    stopped(field=[cell.replace("\x00", "").encode("utf-8", "ignore").decode() for cell in cells])
