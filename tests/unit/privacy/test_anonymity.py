"""k, l and t of the tables in the papers, and of random tables counted the slow way."""

import math

import numpy as np
import pandas as pd
import pytest

from studypkg.privacy.anonymity import (
    codes_of,
    distinct_values,
    entropy_values,
    equal_distance,
    measure_likeness,
    ordered_distance,
    spread_of,
)

#: Sweeney (2002), figure 2: a table with k = 2 on race, birth, gender and ZIP.
SWEENEY = pd.DataFrame(
    [
        ("Black", 1965, "m", "0214*", "short breath"),
        ("Black", 1965, "m", "0214*", "chest pain"),
        ("Black", 1965, "f", "0213*", "hypertension"),
        ("Black", 1965, "f", "0213*", "hypertension"),
        ("Black", 1964, "f", "0213*", "obesity"),
        ("Black", 1964, "f", "0213*", "chest pain"),
        ("White", 1964, "m", "0213*", "chest pain"),
        ("White", 1964, "m", "0213*", "obesity"),
        ("White", 1964, "m", "0213*", "short breath"),
        ("White", 1967, "m", "0213*", "chest pain"),
        ("White", 1967, "m", "0213*", "chest pain"),
    ],
    columns=["race", "birth", "gender", "zip", "problem"],
)
#: Machanavajjhala et al. (2007), figures 2 and 3: the same people, 4-anonymous and 3-diverse.
DISEASES = [
    "heart", "heart", "viral", "viral", "cancer", "heart", "viral", "viral",
    "cancer", "cancer", "cancer", "cancer",
]  # fmt: skip
FOUR_ANONYMOUS = pd.DataFrame(
    {"zip": ["130**"] * 4 + ["1485*"] * 4 + ["130**"] * 4, "age": ["<30"] * 4 + [">=40"] * 4 + ["3*"] * 4,
     "disease": DISEASES}
)  # fmt: skip
THREE_DIVERSE = pd.DataFrame(
    {"zip": ["1305*", "1306*", "1306*", "1305*", *["1485*"] * 4, "1305*", "1305*", "1306*", "1306*"],
     "disease": DISEASES}
)  # fmt: skip
#: Li et al. (2007), table 3: salaries of three classes of three people.
SALARIES = pd.DataFrame(
    {"people": [1, 1, 1, 2, 2, 2, 3, 3, 3], "salary": [3, 4, 5, 6, 11, 8, 7, 9, 10],
     "disease": ["ulcer", "gastritis", "stomach cancer", "gastritis", "flu", "bronchitis", "bronchitis",
                 "pneumonia", "stomach cancer"]}
)  # fmt: skip


def test_the_table_of_sweeney_is_2_anonymous():
    found = measure_likeness(SWEENEY, ["race", "birth", "gender", "zip"], k=3)
    assert (found.k, found.classes, found.people) == (2, 5, 11)
    assert found.below == 8  # everybody but the class of three
    assert found.share_below == pytest.approx(8 / 11)


def test_four_anonymous_people_can_all_have_cancer():
    found = measure_likeness(FOUR_ANONYMOUS, ["zip", "age"], sensitive=["disease"])
    assert found.k == 4
    assert found.diversity[0].distinct == 1
    assert found.diversity[0].entropy == pytest.approx(1)


def test_the_table_of_machanavajjhala_is_3_diverse():
    found = measure_likeness(THREE_DIVERSE, ["zip"], sensitive=["disease"])
    assert (found.k, found.diversity[0].distinct) == (4, 3)
    # Every class has shares 1/2, 1/4, 1/4: entropy 1.5 log 2.
    assert found.diversity[0].entropy == pytest.approx(2**1.5)


def test_salaries_are_as_far_apart_as_li_computes():
    spread = spread_of(codes_of(SALARIES["people"]), SALARIES["salary"].to_numpy() - 3)
    assert ordered_distance(spread)[:2] == pytest.approx([0.375, 1 / 6])
    found = measure_likeness(SALARIES, ["people"], sensitive=["salary", "disease"])
    assert found.diversity[0].ordered == pytest.approx(0.375)
    # Each class has three of nine salaries, a third each: (3 (1/3 - 1/9) + 6/9) / 2.
    assert found.diversity[0].equal == pytest.approx(2 / 3)
    # Each class has one disease of share 1/9 and two of 2/9, a third each: (2/9 + 1/9 + 1/9 + 4/9) / 2.
    assert found.diversity[1].equal == pytest.approx(4 / 9)
    assert found.diversity[1].ordered is None


def test_people_are_counted_and_not_their_rows():
    rows = pd.DataFrame({"who": ["a", "a", "a", "b", "c"], "sex": ["f", "f", "m", "f", "m"]})
    found = measure_likeness(rows, ["sex"], person="who", k=3)
    assert (found.people, found.classes, found.k, found.below) == (3, 2, 2, 3)


def test_a_missing_value_is_a_value():
    rows = pd.DataFrame({"age": [40.0, np.nan, np.nan], "sex": ["f", None, None]})
    assert measure_likeness(rows, ["age", "sex"]).sizes == (1, 1, 1, 2, 2)


def test_an_empty_table_has_nobody():
    assert measure_likeness(pd.DataFrame({"sex": []}), ["sex"]).k == 0


@pytest.mark.parametrize("seed", range(40))
def test_random_tables_agree_with_the_definitions(seed):
    random = np.random.default_rng(seed)
    rows = random.integers(1, 40)
    classes = codes_of(pd.Series(random.integers(0, 6, rows)))
    values, _ = pd.factorize(random.integers(0, 8, rows), sort=True)
    many = values.max() + 1
    spread = spread_of(classes, values)
    whole = np.bincount(values, minlength=many) / rows
    for one in range(classes.max() + 1):
        share = np.bincount(values[classes == one], minlength=many) / (classes == one).sum()
        entropy = -sum(p * math.log(p) for p in share if p)
        assert distinct_values(spread)[one] == (share > 0).sum()
        assert entropy_values(spread)[one] == pytest.approx(math.exp(entropy))
        assert equal_distance(spread)[one] == pytest.approx(np.abs(share - whole).sum() / 2)
        ranks = np.abs(np.cumsum(share - whole))[:-1].sum() / max(many - 1, 1)
        assert ordered_distance(spread)[one] == pytest.approx(ranks, abs=1e-9)
