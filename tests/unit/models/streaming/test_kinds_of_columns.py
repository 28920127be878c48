"""Columns of all kinds: what is a number, a category, a level, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from studypkg.errors import ConfigError, ModelError
from studypkg.models import fit_lmm


@pytest.fixture
def fits(tmp_path):
    """Fit rows from memory and from disk."""

    def both(formula, rows, **options):
        rows.to_parquet(tmp_path / "rows.parquet")
        whole = fit_lmm(formula, pd.read_parquet(tmp_path / "rows.parquet"))
        return fit_lmm(formula, tmp_path / "rows.parquet", partition_rows=450, **options), whole

    return both


@pytest.mark.parametrize(
    ("kind", "as_stored"),
    [
        ("text", lambda ids: [f"id {k}" for k in ids]),
        ("whole", lambda ids: ids.astype("int32")),
        ("long", lambda ids: ids.astype("int64") + 2**60),
        ("float", lambda ids: ids.astype(float)),
        ("category", lambda ids: pd.Categorical([f"{k:03d}" for k in ids])),
        ("day", lambda ids: pd.Timestamp("2024-01-01") + pd.to_timedelta(ids, unit="D")),
    ],
)
def test_levels_of_any_kind_are_the_same_levels(visits, fits, same_digits, kind, as_stored):
    ids = visits["patient"].str[1:].astype(int).to_numpy()
    streamed, whole = fits("pain ~ weeks + (1 | who)", visits.assign(who=as_stored(ids)))
    same_digits(streamed, whole)
    assert sorted(streamed.ranef()["level"]) == sorted(whole.ranef()["level"])


@pytest.mark.parametrize("term", ["arm", "C(arm)", "arm:weeks", "weeks * C(arm, contr.treatment(base='b'))"])
@pytest.mark.parametrize("stored", ["text", "category", "ordered"])
def test_categories_keep_the_order_they_were_stored_in(visits, fits, same_digits, stored, term):
    arm = pd.Series(np.array(["c", "a", "b"])[np.arange(len(visits)) % 3])
    if stored != "text":
        arm = pd.Series(pd.Categorical(arm, ["b", "never", "c", "a"], ordered=stored == "ordered"))
    streamed, whole = fits(f"pain ~ {term} + (1 | patient)", visits.assign(arm=arm))
    same_digits(streamed, whole)


def test_truth_values_with_and_without_gaps(visits, fits, same_digits):
    loose = visits["treated"].astype("object").where(visits.index % 40 != 0, None)
    for column in (visits["treated"], loose):
        same_digits(*fits("pain ~ flag + C(flag):weeks + (1 | patient)", visits.assign(flag=column)))


def test_a_category_that_one_partition_lacks(visits, fits, same_digits):
    # One patient alone has the arm "rare", so most partitions never see it.
    arm = np.where(visits["patient"] == "p000", "rare", np.where(visits["dose"] > 1, "high", "low"))
    same_digits(*fits("pain ~ arm * weeks + (1 | patient)", visits.assign(arm=arm)))


def test_text_compared_inside_a_formula(visits, fits, same_digits):
    same_digits(*fits("pain ~ I(sex == 'male') + (1 | patient)", visits))


def test_names_with_blanks_and_quotes(visits, fits, same_digits):
    rows = visits.rename(columns={"weeks": "weeks since", "patient": 'who "is"'})
    same_digits(*fits('pain ~ `weeks since` + (1 | `who "is"`)', rows))


REFUSED = [
    ("pain ~ day + (1 | patient)", {"day": pd.Timestamp("2024-01-01")}, ModelError),
    ("pain ~ huge + (1 | patient)", {"huge": np.inf}, ModelError),
    ("sex ~ weeks + (1 | patient)", {}, ModelError),
    ("pain ~ wekks + (1 | patient)", {}, ConfigError),
    ("pain ~ (weeks > 2) + (1 | patient)", {}, ConfigError),
    ("pain ~ weeks + (1 | pateint)", {}, ConfigError),
    ("pain ~ np.log(weeks) + (1 | patient)", {}, ModelError),
    ("flat ~ weeks + (1 | patient)", {"flat": 1.0}, ModelError),
    ("tiny ~ weeks + (1 | patient)", {"tiny": lambda rows: rows["pain"] * 1e-200}, ModelError),
    ("pain ~ weeks + (1 | one)", {"one": 1}, ModelError),
    ("pain ~ weeks + (1 | row)", {"row": range(900)}, ModelError),
    ("pain ~ none + (1 | patient)", {"none": np.nan}, ModelError),
    ("pain ~ weeks + (0 + zero | patient)", {"zero": 0.0}, ModelError),
    ("pain ~ weeks + (weeks + twice | patient)", {"twice": lambda rows: 2 * rows["weeks"]}, ModelError),
    ("exact ~ weeks + (1 | patient)", {"exact": lambda rows: 2 * rows["weeks"]}, ModelError),
    ("pain ~ weeks + (1 | therapist) + (1 | same)", {"same": lambda rows: rows["therapist"] * 2}, ModelError),
    ("pain ~ weeks + (1 | patient) + (1 | same)", {"same": lambda rows: rows["patient"] + "x"}, ModelError),
]


@pytest.mark.parametrize(("formula", "change", "error"), REFUSED, ids=[r[0] for r in REFUSED])
def test_what_memory_refuses_is_refused_in_the_same_words(visits, tmp_path, formula, change, error):
    rows = visits.copy()
    for name, value in change.items():
        rows[name] = value(rows) if callable(value) else value
    rows.to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(error) as whole:
        fit_lmm(formula, rows)
    with pytest.raises(error) as streamed:
        fit_lmm(formula, tmp_path / "rows.parquet", partition_rows=450)
    assert str(streamed.value) == str(whole.value)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.inf])
def test_weights_that_are_not_positive(visits, tmp_path, bad):
    visits.assign(sureness=bad).to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(ModelError, match="900 weights are zero, negative or infinite"):
        fit_lmm("pain ~ weeks + (1 | patient)", tmp_path / "rows.parquet", weights="sureness")


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("pain ~ bs(weeks, df=4) + (1 | patient)", "needs the whole column"),
        ("pain ~ center(weeks) + (1 | patient)", "needs the whole column"),
        ("pain ~ weeks + (1 + scale(weeks) | patient)", "needs the whole column"),
        ("pain ~ C(weeks > 2) + (1 | patient)", "takes the name of a column"),
    ],
)
def test_transformations_that_learn_from_the_whole_column_are_refused(visits_file, formula, says):
    with pytest.raises(ConfigError, match=says):
        fit_lmm(formula, visits_file)


def test_sources_and_options_that_cannot_be(visits, visits_file, tmp_path):
    formula = "pain ~ weeks + (1 | patient)"
    (tmp_path / "no.parquet").write_text("not parquet")
    for source, options, says in [
        (tmp_path / "missing.parquet", {}, "no Parquet file"),
        (str(tmp_path / "x-*.parquet"), {}, "no Parquet file"),
        (tmp_path / "no.parquet", {}, "cannot be read as Parquet"),
        ([1, 2], {}, "The data are a list"),
        (visits_file, {"weights": [1.0, 2.0]}, "give its name"),
        (visits_file, {"weights": "surenes"}, 'Did you mean "sureness"'),
        (visits_file, {"engine": "glmm"}, "does not take rows outside memory"),
        (visits_file, {"executor": 3}, "The executor is a int"),
        (visits_file, {"partition_rows": 0}, "must be positive"),
        (visits_file, {"scratch": tmp_path / "nowhere"}, "is not there"),
        (visits_file, {"start": [1.0, 2.0]}, "A start has 1 finite"),
        (visits, {"executor": object()}, "need no executor"),
    ]:
        with pytest.raises(ConfigError, match=says):
            fit_lmm(formula, source, **options)
