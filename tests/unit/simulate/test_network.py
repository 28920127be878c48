"""The invented network obeys the schema, and depends on nothing but its seed."""

import numpy as np
import pandas as pd
import pytest

from studypkg.errors import ConfigError
from studypkg.schema import TABLES
from studypkg.simulate import Truth, clinic_of, simulate_block, simulate_network
from studypkg.simulate.seeds import first_day, month_number, month_text, pseudonyms
from studypkg.vocabulary import load_vocabulary

PLAN = {"clinics": 3, "months": 4, "first_month": "2025-11", "seed": 7, "episodes_per_month": 30}
CUTOFF = pd.Timestamp("2026-02-28")
DATES = ("start_date", "end_date", "date", "valid_from", "valid_to")


def frames(blocks):
    blocks = list(blocks)
    made = {}
    for name in TABLES:
        made[name] = pd.concat([block.frame(name) for block in blocks], ignore_index=True)
        for column in set(DATES) & set(made[name]):
            made[name][column] = pd.to_datetime(made[name][column])
    return made


@pytest.fixture(scope="module")
def blocks():
    return list(simulate_network(Truth(), **PLAN))


@pytest.fixture(scope="module")
def tables(blocks):
    return frames(blocks)


@pytest.mark.parametrize("name", TABLES)
def test_columns_are_those_of_the_schema(blocks, name):
    for block in blocks:
        assert tuple(block.tables[name].column_names) == TABLES[name].column_names


@pytest.mark.parametrize("name", TABLES)
def test_keys_are_unique_and_required_cells_are_filled(tables, name):
    table = tables[name]
    assert len(table) > 0
    assert not table.duplicated(list(TABLES[name].key)).any()
    for column in TABLES[name].columns:
        if column.required:
            assert table[column.name].notna().all(), column.name


@pytest.mark.parametrize("name", TABLES)
def test_values_are_allowed(tables, name):
    vocabulary = load_vocabulary()
    for column in TABLES[name].columns:
        values = tables[name][column.name].dropna()
        words = set(column.allowed)
        if column.vocabulary:
            words |= set(getattr(vocabulary, column.vocabulary))
        if words:
            assert set(values) <= words, column.name
        if column.kind in ("number", "integer") and column.maximum is not None:
            assert values.astype(float).between(column.minimum, column.maximum).all(), column.name
        if column.kind == "age":
            assert (values.replace("90+", "90").astype(int) <= 90).all()


@pytest.mark.parametrize("name", [name for name in TABLES if name != "episodes"])
def test_rows_belong_to_an_episode_and_lie_within_it(tables, name):
    spec, rows = TABLES[name], tables[name]
    joined = rows.merge(tables["episodes"], on="episode_id", how="left", suffixes=("", "_of_episode"))
    assert joined["start_date"].notna().all()
    day = joined[spec.event_date]
    assert (day >= joined["start_date"] - pd.Timedelta(days=spec.lead_days)).all()
    assert (day <= CUTOFF).all()
    if not spec.after_end:
        assert (day <= joined["end_date"].fillna(CUTOFF)).all()
    for order in spec.orders:
        low, high = rows[order.low], rows[order.high]
        assert (low.isna() | high.isna() | (low <= high)).all()


def test_scores_lie_within_their_instruments(tables):
    for instrument, rows in tables["assessments"].groupby("instrument"):
        scale = load_vocabulary().instruments[instrument]
        assert rows["score"].between(scale.minimum, scale.maximum).all()
        assert (rows["score"] % 1 == 0).all()


def test_episodes_end_from_the_first_month_to_the_cutoff_or_are_still_open(tables):
    episodes = tables["episodes"]
    ended = episodes["end_date"].notna()
    assert set(episodes.loc[ended, "end_date"].dt.strftime("%Y-%m")) == {
        "2025-11", "2025-12", "2026-01", "2026-02",
    }  # fmt: skip
    assert (episodes["end_reason"].notna() == ended).all()
    assert (~ended).sum() > 20
    assert episodes["start_date"].min() < pd.Timestamp("2025-09-01")


def test_therapist_of_the_episode_gave_most_visits(tables):
    counted = tables["visits"].dropna(subset="therapist_id")
    counts = counted.groupby(["episode_id", "therapist_id"]).size()
    own = tables["episodes"].set_index("episode_id")["therapist_id"]
    mine = pd.Series({key: counts[key] for key in zip(own.index, own, strict=True) if key in counts})
    highest = counts.groupby(level=0).max()
    assert (mine.to_numpy() == highest.reindex(mine.index.get_level_values(0)).to_numpy()).all()


def test_a_few_people_come_twice_and_stay_the_same_person():
    made = frames(simulate_network(Truth(returning_share=0.2), **{**PLAN, "months": 8}))["episodes"]
    again = made[made.duplicated("patient_id", keep=False)].groupby("patient_id")
    assert len(again) > 20
    assert (again["sex"].nunique() == 1).all()
    assert (again["age_years"].nunique() == 1).all()
    assert (again["start_date"].agg(lambda d: (d.max() - d.min()).days) > 120).all()


def test_a_block_does_not_depend_on_the_blocks_before_it(blocks):
    window = (first_day(month_number("2025-11")), first_day(month_number("2026-03")) - 1)
    for block in reversed(blocks):
        number = int(block.clinic_id.removeprefix("clinic_"))
        clinic = clinic_of(Truth(), number, 3, 7, 30)
        alone = simulate_block(Truth(), clinic, month_number(block.month), seed=7, window=window)
        assert all(alone.tables[name].equals(table) for name, table in block.tables.items())


def test_a_later_cutoff_adds_rows_and_changes_none():
    early = frames(simulate_network(Truth(), **{**PLAN, "months": 2}))["assessments"]
    late = frames(simulate_network(Truth(), **PLAN))["assessments"]
    both = early.merge(late, how="left", on=list(early), indicator=True)
    assert (both["_merge"] == "both").all()
    assert len(late) > len(early)


def test_another_seed_gives_other_rows(blocks):
    other = next(iter(simulate_network(Truth(), **{**PLAN, "seed": 8})))
    assert not other.tables["episodes"].equals(blocks[0].tables["episodes"])


def test_a_month_without_a_single_start_is_an_empty_block():
    made = list(
        simulate_network(Truth(), clinics=1, months=12, first_month="2025-01", seed=1, episodes_per_month=1)
    )
    empty = [block for block in made if block.tables["episodes"].num_rows == 0]
    assert empty
    assert all(table.num_rows == 0 for block in empty for table in block.tables.values())


def test_pseudonyms_have_no_digits_and_no_vowels():
    names = pseudonyms("P", 1, 2, 3, 500)
    assert len(set(names)) == 500
    assert all(set(name[1:]) <= set("BCDFGHJKLMNPQRST") and len(name) == 13 for name in names)


def test_months_are_counted_over_the_turn_of_the_year():
    assert month_text(month_number("2025-12") + 1) == "2026-01"
    assert np.datetime64(first_day(month_number("2024-03")), "D") == np.datetime64("2024-03-01")


@pytest.mark.parametrize(
    "wrong",
    [
        {"clinics": 0}, {"months": 0}, {"first_month": "2025-13"}, {"first_month": "Oct 2025"},
        {"bad_rows": 0.9}, {"episodes_per_month": 0}, {"seed": -1},
    ],
)  # fmt: skip
def test_impossible_plans_are_refused(wrong):
    with pytest.raises(ConfigError):
        next(simulate_network(Truth(), **{**PLAN, **wrong}))


def test_a_truth_about_an_unknown_modality_is_refused():
    with pytest.raises(ConfigError, match='Did you mean "dry_needling"'):
        Truth(modality_points={"dry_needlin": -1.0})
