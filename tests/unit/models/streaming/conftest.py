"""A small study on disk, and a way to hold a streamed fit against the one in memory."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def visits():
    """900 visits of 150 patients, in no order, with missing values; every number is invented."""
    draw = np.random.default_rng(7)
    n, patient = 900, np.repeat(np.arange(150), 6)
    table = pd.DataFrame(
        {
            "patient": [f"p{k:03d}" for k in patient],
            "therapist": patient // 10 + 500,
            "clinic": [f"c{k}" for k in patient // 30],
            "device": draw.integers(0, 7, n),
            "weeks": np.tile(np.arange(6.0), 150),
            "adherence": draw.uniform(0, 1, n),
            "sex": np.where(draw.integers(0, 2, 150)[patient] == 1, "female", "male"),
            "dose": draw.integers(1, 4, n),
            "treated": draw.integers(0, 2, n) == 1,
            "sureness": draw.uniform(0.5, 2, n),
        }
    )
    between = draw.normal(0, [1.2, 0.3], (150, 2))[patient]
    table["pain"] = (
        6 - 0.4 * table["weeks"] - 0.8 * table["adherence"] + between[:, 0] + between[:, 1] * table["weeks"]
        + draw.normal(0, 0.8, 15)[patient // 10] + draw.normal(0, 0.5, 5)[patient // 30]
        + draw.normal(0, 0.6, 7)[table["device"]] + draw.normal(0, 0.9, n)
    )  # fmt: skip
    table.loc[draw.choice(n, 20, replace=False), "adherence"] = np.nan
    table.loc[draw.choice(n, 9, replace=False), "sex"] = None
    return table.sample(frac=1.0, random_state=1).reset_index(drop=True)


@pytest.fixture(scope="session")
def visits_file(visits, tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "visits.parquet"
    visits.to_parquet(path)
    return path


@pytest.fixture(scope="session")
def same_digits():
    """Assert that two fits are the same to the rounding of their sums."""

    def check(streamed, whole):
        assert list(streamed.params.index) == list(whole.params.index)
        for name in ("params", "bse", "vcov", "parameter_cov", "vcov_jacobian"):
            one, other = (np.asarray(getattr(f, name)) for f in (streamed, whole))
            np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11 * np.abs(other).max())
        np.testing.assert_allclose(streamed.varcomp["variance"], whole.varcomp["variance"], rtol=1e-11)
        assert streamed.loglik == pytest.approx(whole.loglik, rel=1e-13)
        assert (streamed.n, streamed.n_read, streamed.groups) == (whole.n, whole.n_read, whole.groups)
        assert (streamed.dropped, streamed.aliased) == (whole.dropped, whole.aliased)

    return check
