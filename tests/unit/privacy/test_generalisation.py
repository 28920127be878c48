"""The proposal is the best there is: every combination tried by hand finds none that loses less."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from studypkg.declaration import QuasiIdentifier
from studypkg.errors import ConfigError
from studypkg.privacy.generalisation import Demand, apply, material_of, search
from studypkg.privacy.hierarchies import hierarchy_of

STEPS = {
    "age": QuasiIdentifier(bands=(5, 10, 20)),
    "zip": QuasiIdentifier(digits=(3, 1)),
    "sex": QuasiIdentifier(),
}


def people(seed: int, rows: int = 50, visits: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    one = pd.DataFrame(
        {
            "who": [f"p{n}" for n in range(rows)],
            "age": random.integers(20, 60, rows).astype(float),
            "zip": random.choice(["02139", "02138", "02451", "60601", "60614"], rows),
            "sex": random.choice(["f", "m"], rows),
            "ill": random.choice(["a", "b", "c"], rows),
        }
    )
    again = one.sample(visits - 1, random_state=seed, replace=True).assign(
        age=lambda frame: frame["age"] + 1, ill="a"
    )
    return pd.concat([one, again], ignore_index=True)


def coarse(rows: pd.DataFrame, steps: tuple[int, int, int]) -> list[pd.Series]:
    """Do by plain pandas what the steps say."""
    age, zip_code, sex = steps
    ages = [rows["age"], *(rows["age"] // width for width in (5, 10, 20)), 0 * rows["age"]]
    zips = [rows["zip"], rows["zip"].str[:3], rows["zip"].str[:1], rows["zip"].str[:0]]
    return [ages[age], zips[zip_code], rows["sex"] if sex == 0 else rows["sex"].str[:0]]


def by_brute_force(rows: pd.DataFrame, demand: Demand) -> tuple[float, int] | None:
    """Try everything, row by row."""
    found = []
    everybody = rows["who"].nunique()
    recorded = coarse(rows, (0, 0, 0))
    for steps in product(range(5), range(4), range(2)):
        made = pd.DataFrame(dict(enumerate(coarse(rows, steps))))
        by_class = rows.assign(at=made.apply(tuple, axis=1)).groupby("at")
        out = by_class["who"].transform("nunique") < demand.k
        if demand.l is not None:
            out |= by_class["ill"].transform("nunique") < demand.l
        if demand.t is not None:
            whole = rows["ill"].value_counts(normalize=True)
            far = by_class["ill"].agg(
                lambda ill, whole=whole: ill.value_counts(normalize=True)
                .reindex(whole.index, fill_value=0)
                .sub(whole).abs().sum() / 2
            )  # fmt: skip
            out |= rows.assign(at=made.apply(tuple, axis=1))["at"].map(far) > demand.t + 1e-12
        gone = rows.loc[out, "who"].nunique()
        if gone > demand.max_suppressed * everybody + 1e-9:
            continue
        lost = []
        for plain, changed in zip(recorded, coarse(rows, steps), strict=True):
            joined = pd.DataFrame({"p": plain, "c": changed}).groupby("c")["p"].transform("nunique")
            lost.append((joined - 1) / max(plain.nunique() - 1, 1))
        loss = pd.concat(lost, axis=1).mean(axis=1).where(~out, 1.0)
        pairs = rows.assign(loss=loss, v=pd.DataFrame(dict(enumerate(recorded))).apply(tuple, axis=1))
        found.append((pairs.drop_duplicates(["who", "v"])["loss"].mean(), gone))
    return min(found, default=None)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    "demand",
    [
        Demand(k=3),
        Demand(k=5, max_suppressed=0.1),
        Demand(k=4, l=2, max_suppressed=0.2),
        Demand(k=3, t=0.3, max_suppressed=0.15),
        Demand(k=2, l=3, t=0.25, max_suppressed=0.3),
    ],
    ids=str,
)
def test_no_combination_loses_less_than_the_proposal(seed, demand):
    rows = people(seed, visits=1 + 5 * (seed % 2))
    found = search(material_of(rows, STEPS, person="who", sensitive=["ill"]), demand)
    best = by_brute_force(rows, demand)
    if best is None:
        assert found.proposal is None
    else:
        assert found.proposal.loss == pytest.approx(best[0])
        assert found.proposal.suppressed == best[1]
    assert found.combinations == 40
    assert found.visited <= 40


def test_the_coarse_table_keeps_what_was_proposed():
    rows, demand = people(1, visits=9), Demand(k=5, l=2, max_suppressed=0.2)
    material = material_of(rows, STEPS, person="who", sensitive=["ill"])
    proposal = search(material, demand).proposal
    made = apply(rows, material, demand, proposal, keep=("who", "ill"))
    by_class = made.groupby(list(STEPS))
    assert by_class["who"].nunique().min() == proposal.k >= 5
    assert by_class["ill"].nunique().min() >= 2
    assert by_class.ngroups == proposal.classes
    whole = set(zip(rows["who"], rows["ill"], strict=True))
    assert set(zip(made["who"], made["ill"], strict=True)) <= whole


def test_what_cannot_be_reached_is_said():
    found = search(material_of(people(1), STEPS, person="who"), Demand(k=61))
    assert found.proposal is None
    assert "no combination" in found.reason


def test_steps_have_names_and_groups_have_labels():
    made = hierarchy_of("age", pd.Series([41.0, 44.0, 90.0, np.nan]), QuasiIdentifier(bands=(5, 20)))
    assert made.steps == ("as recorded", "bands of 5", "bands of 20", "left out")
    assert made.labels[1] == ("40 to under 45", "90 to under 95", "not recorded")
    assert [list(step) for step in made.groups] == [[0, 1, 2, 3], [0, 0, 1, 2], [0, 0, 1, 2], [0, 0, 0, 0]]
    days = pd.Series(pd.to_datetime(["2026-01-31", "2026-02-01", "2025-12-31"]))
    told = hierarchy_of("day", days, QuasiIdentifier(periods=("month", "quarter", "year", "decade")))
    assert told.labels[2:5] == (("2026 Q1", "2025 Q4"), ("2026", "2025"), ("2020s",))


def test_a_step_that_parts_what_was_joined_is_refused():
    steps = QuasiIdentifier(groups=({"leg": ("hip", "knee")}, {"joint": ("hip",)}))
    with pytest.raises(ConfigError, match="parts values"):
        hierarchy_of("site", pd.Series(["hip", "knee", "neck"]), steps)


@pytest.mark.parametrize(
    "steps", [QuasiIdentifier(bands=(5,)), QuasiIdentifier(periods=("year",))], ids=["bands", "periods"]
)
def test_steps_that_do_not_fit_the_column_are_refused(steps):
    with pytest.raises(ConfigError, match=r"for numbers|for dates"):
        hierarchy_of("site", pd.Series(["hip", "knee"]), steps)
