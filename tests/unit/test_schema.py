"""The seven tables are declared once, and hold together."""

import pytest

from studypkg.columns import Column
from studypkg.errors import UnknownTermError
from studypkg.schema import TABLES, table, with_covariates


def test_there_are_seven_tables_and_two_are_compulsory():
    assert list(TABLES) == [
        "episodes", "assessments", "prescriptions", "exercise_logs", "treatments", "visits", "events",
    ]  # fmt: skip
    assert [t.name for t in TABLES.values() if t.compulsory] == ["episodes", "assessments"]


@pytest.mark.parametrize("name", list(TABLES))
def test_keys_orders_and_dates_are_columns_of_their_table(name):
    declared = TABLES[name]
    named = {*declared.key, *(c for o in declared.orders for c in (o.low, o.high)), declared.event_date}
    assert named <= set(declared.column_names)
    assert len(set(declared.column_names)) == len(declared.column_names)


@pytest.mark.parametrize("name", list(TABLES))
def test_every_column_says_what_it_means_and_every_code_where_its_list_is(name):
    for column in TABLES[name].columns:
        assert column.meaning.endswith(".")
        assert (column.kind == "code") == bool(column.allowed or column.vocabulary)
        if column.default is not None and column.allowed:
            assert column.default in column.allowed


def test_an_unknown_table_or_column_names_the_nearest():
    with pytest.raises(UnknownTermError, match='Did you mean "visits"'):
        table("visit")
    with pytest.raises(UnknownTermError, match='Did you mean "episode_id"'):
        table("visits").column("episode")


def test_a_covariate_may_not_take_the_name_of_a_column_that_every_study_has():
    with pytest.raises(UnknownTermError, match="age_years"):
        with_covariates(TABLES, (Column("age_years", "number", "Twice."),))
