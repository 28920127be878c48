"""The fitted model as an object: frozen, printable, storable without a row."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from studypkg.errors import ConfigError, ModelError
from studypkg.models import Fit, fit_lmm
from studypkg.models.fit import variance_table


@pytest.fixture(scope="module")
def fit(study):
    rows = study.copy()
    rows.loc[5, "adherence"] = np.nan
    return fit_lmm("pain ~ weeks + adherence + sex + (1 + weeks | patient)", rows)


def test_it_is_frozen(fit):
    with pytest.raises(dataclasses.FrozenInstanceError):
        fit.sigma = 1.0


def test_through_json_and_back(fit):
    back = Fit.from_dict(json.loads(json.dumps(fit.to_dict(), allow_nan=False)))
    assert back.summary() == fit.summary()
    pd.testing.assert_series_equal(back.params, fit.params)
    pd.testing.assert_frame_equal(back.vcov, fit.vcov)
    pd.testing.assert_frame_equal(back.varcomp, fit.varcomp)
    np.testing.assert_array_equal(back.vcov_jacobian, fit.vcov_jacobian)
    assert back.optimisation == fit.optimisation


def test_what_is_stored_or_printed_names_no_patient(fit, study):
    texts = [json.dumps(fit.to_dict()), fit.summary(), fit._repr_html_(), repr(fit), str(fit)]
    for text in texts:
        assert not any(patient in text for patient in study["patient"].unique())


def test_a_stored_fit_has_no_rows(fit, study):
    back = Fit.from_dict(fit.to_dict())
    for ask in (lambda: back.fitted, lambda: back.residuals, back.ranef, lambda: back.predict(study)):
        with pytest.raises(ModelError, match="holds no rows"):
            ask()


def test_another_format_is_refused(fit):
    with pytest.raises(ModelError, match="another format"):
        Fit.from_dict(fit.to_dict() | {"format": 0})


def test_fitted_and_residuals_add_up_under_the_index_of_the_data(fit, study):
    assert 5 not in fit.fitted.index
    np.testing.assert_allclose(fit.fitted + fit.residuals, study["pain"].drop(5))
    np.testing.assert_allclose(fit.predict(study.drop(index=5), random=True), fit.fitted, rtol=1e-9)


def test_prediction_of_new_rows(fit, study):
    new = study.head(3).copy()
    new.loc[1, "weeks"] = np.nan
    plain = fit.predict(new)
    assert plain.isna().tolist() == [False, True, False]
    by_hand = fit.params["Intercept"] + fit.params["weeks"] * new["weeks"][2]
    by_hand += fit.params["adherence"] * new["adherence"][2]
    by_hand += fit.params["sex[T.male]"] * (new["sex"][2] == "male")
    assert plain[2] == pytest.approx(by_hand)
    stranger = fit.predict(new.assign(patient="unknown"), random=True)
    pd.testing.assert_series_equal(stranger, plain)


def test_prediction_for_a_category_never_seen_is_refused(fit, study):
    with pytest.raises(ModelError, match="category"):
        fit.predict(study.head(2).assign(sex="other"))
    with pytest.raises(ConfigError, match='lack the column "adherence"'):
        fit.predict(study.drop(columns="adherence"))


def test_transforms_are_remembered(study):
    fit = fit_lmm("pain ~ bs(weeks, df=4) + scale(adherence) + (1 | patient)", study)
    few = study.iloc[[3, 17]]
    np.testing.assert_allclose(fit.predict(few, random=True), fit.fitted.iloc[[3, 17]], rtol=1e-9)


def test_the_asymptotic_interval(fit):
    interval = fit.conf_int(0.90)
    half = 1.6448536 * fit.bse["weeks"]
    assert interval.loc["weeks"].tolist() == pytest.approx(
        [fit.params["weeks"] - half, fit.params["weeks"] + half]
    )
    with pytest.raises(ConfigError, match="between 0 and 1"):
        fit.conf_int(95)


def test_the_summary_says_what_should_be_known(fit):
    text = fit.summary()
    for part in ("239 of 240 rows", "40 patient", "adherence 1", "REML", "Found by"):
        assert part in text


def test_names_are_escaped_in_html(study):
    fit = fit_lmm("pain ~ `<b>` + (1 | patient)", study.assign(**{"<b>": study["weeks"]}))
    assert "<b>" not in fit._repr_html_()


def test_variance_table_by_hand():
    # T = [[2, 0], [1, 1]] and σ² = 3: variances 12 and 6, covariance 6.
    table = variance_table([("g", ("Intercept", "x"), np.array([[2.0, 0.0], [1.0, 1.0]]))], 3.0)
    assert table["variance"].tolist() == pytest.approx([12.0, 6.0, 3.0])
    assert table["corr_1"][1] == pytest.approx(6 / np.sqrt(72))
    assert table["group"].tolist() == ["g", "g", "Residual"]
