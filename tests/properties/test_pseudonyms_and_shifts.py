"""Whatever the ids are: the same is the same, others are others, and moving keeps what lies between."""

from datetime import date, timedelta

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from studypkg.declaration import Research
from studypkg.privacy.coarsening import Coarsening, coarsen
from studypkg.privacy.keys import SecretKey
from studypkg.privacy.pseudonyms import Normalisation, is_pseudonym, pseudonymise, relink
from studypkg.schema import TABLES

KEY = SecretKey(bytes(range(32)))
RULES = st.builds(
    Normalisation,
    case=st.sampled_from(["keep", "fold"]),
    blanks=st.sampled_from(["keep", "trim", "remove"]),
    ignore=st.sampled_from(["", "-", " ./"]),
)
IDS = st.lists(st.text(max_size=12), max_size=30)
DAYS = st.dates(date(1990, 1, 1), date(2100, 1, 1))


@given(IDS, RULES)
def test_ids_share_a_pseudonym_exactly_if_they_are_the_same_id(ids, rules):
    made = pseudonymise(ids, KEY, rules).of
    assert set(made) == {one for one in ids if rules(one)}
    assert all(map(is_pseudonym, made.values()))
    for one in made:
        for other in made:
            assert (made[one] == made[other]) == (rules(one) == rules(other))


@given(IDS, RULES)
def test_normalising_twice_changes_nothing_more(ids, rules):
    for one in ids:
        assert rules(rules(one)) == rules(one)


@given(IDS, IDS)
def test_the_way_back_finds_what_is_in_the_list_and_nothing_else(ids, others):
    rules = Normalisation(blanks="keep")
    made = pseudonymise(ids, KEY, rules).of
    found = relink(made.values(), others, KEY, rules)
    assert {rules(one) for one in found.values()} == (
        {rules(one) for one in made} & {rules(one) for one in others}
    )


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), DAYS, st.integers(0, 400)), min_size=1, max_size=8),
    st.sampled_from(["shift", "relative"]),
    st.integers(7, 3650),
)
def test_moving_keeps_every_interval_of_a_patient_and_no_day(episodes, dates, most):
    tables = {name: TABLES[name] for name in ("episodes",)}
    with duckdb.connect() as db:
        kinds = {"date": "TIMESTAMP", "age": "DOUBLE", "number": "DOUBLE"}
        cells = ", ".join(f'"{c.name}" {kinds.get(c.kind, "VARCHAR")}' for c in tables["episodes"].columns)
        db.execute(f"CREATE TABLE episodes ({cells})")
        for number, (patient, start, length) in enumerate(episodes):
            db.execute(
                "INSERT INTO episodes (patient_id, episode_id, clinic_id, start_date, end_date, "
                "symptom_weeks) VALUES (?, ?, 'c', ?, ?, ?)",
                [patient, f"e{number}", start, start + timedelta(days=length), float(number)],
            )
        made = coarsen(db, tables, Coarsening(Research(dates=dates, max_shift_days=most), {}, KEY))
        rows = made["episodes"].project("symptom_weeks, start_date, end_date, patient_id").fetchall()
    moved = {int(row[0]): row for row in rows}
    shifts: dict[str, set[int]] = {}
    for number, (patient, start, length) in enumerate(episodes):
        _, first, last, _ = moved[number]
        assert (last - first).days == length
        shifts.setdefault(patient, set()).add((first.date() - start).days)
    assert all(len(days) == 1 for days in shifts.values())
    if dates == "shift":
        assert all(1 <= abs(day) <= most for days in shifts.values() for day in days)
    assert len({row[3] for row in rows}) == len(shifts)
