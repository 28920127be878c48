"""What a generalised mixed model refuses, and that no refusal holds a value of a patient."""

import numpy as np
import pytest

from studypkg.errors import ConfigError, ModelError
from studypkg.models import fit_glmm
from studypkg.models.generalised import model

PLAIN = "responder ~ week + (1 | patient)"


def separated(table):
    return table.assign(x=table["responder"] * 5.0 + table["week"] * 0.01)


def half_separated(table):
    return table.assign(x=((table["responder"] == 1) & (table.index % 5 == 0)) * 1.0)


IMPOSSIBLE = [
    (separated, "responder ~ x + (1 | patient)", {}, "separate successes from failures"),
    (half_separated, "responder ~ x + week + (1 | patient)", {}, "separate successes from failures"),
    (
        lambda t: t.assign(falls=np.where(t["week"] == 3, 0, t["falls"])),
        "falls ~ C(week) + (1 | patient)",
        {"family": "poisson"},
        "separate zero counts",
    ),
    (
        lambda t: t.assign(falls=0),
        "falls ~ week + (1 | patient)",
        {"family": "poisson"},
        "is zero in all 300",
    ),
    (lambda t: t.assign(responder=1), PLAIN, {}, "no failure in all 300"),
    (lambda t: t.assign(one="a"), "responder ~ week + (1 | one)", {}, "has one level"),
    (lambda t: t, "falls ~ week + (1 | patient)", {}, "must be 0 or 1"),
    (
        lambda t: t.assign(falls=t["falls"] + 0.5),
        "falls ~ week + (1 | patient)",
        {"family": "poisson"},
        "counts",
    ),
    (
        lambda t: t.assign(falls=t["falls"] - 1),
        "falls ~ week + (1 | patient)",
        {"family": "poisson"},
        "counts",
    ),
    (lambda t: t, "falls ~ week + (1 | patient)", {"trials": "week"}, "at least 1"),
    (lambda t: t, "days ~ week + (1 | patient)", {"trials": "days_done"}, "trials"),
    (
        lambda t: t.assign(y=np.where(t["week"] == 2, "maybe", np.where(t["responder"] == 1, "yes", "no"))),
        "y ~ week + (1 | patient)",
        {},
        "3 categories",
    ),
    (
        lambda t: t.assign(y=np.where(t["responder"] == 1, "yes", "no")),
        "y ~ week + (1 | patient)",
        {"family": "poisson"},
        "not a number",
    ),
    (
        lambda t: t.assign(y=t["patient"].str[1:].astype(int) % 2),
        "y ~ week + (1 | patient)",
        {},
        "responses are all alike",
    ),
    (lambda t: t.assign(row=t.index), "responder ~ week + (1 | row)", {}, "cannot be told apart"),
    (lambda t: t.assign(same=t["patient"]), "responder ~ week + (1 | patient) + (1 | same)", {}, "flat"),
    (lambda t: t, "responder ~ therapist + (1 | therapist)", {}, "already hold every level"),
    (lambda t: t, "responder ~ week + (1 + I(2 * week) + week | patient)", {}, "repeat each other"),
    (lambda t: t.head(3), PLAIN, {}, "3 complete rows"),
    (
        lambda t: t.assign(y=np.random.default_rng(4).binomial(10, 0.5, 300)),
        "y ~ week + (1 | patient)",
        {"family": "negative-binomial"},
        'family="poisson"',
    ),
    (
        lambda t: t.assign(days=np.where(t["week"] == 1, 0.0, t["days"])),
        "falls ~ week + offset(log(days)) + (1 | patient)",
        {"family": "poisson"},
        "not a finite number in 50 rows",
    ),
]


@pytest.mark.parametrize(("change", "formula", "more", "reason"), IMPOSSIBLE)
def test_rows_that_cannot_carry_the_model(visits, change, formula, more, reason):
    with pytest.raises(ModelError, match=reason) as caught:
        fit_glmm(formula, change(visits), **more)
    assert "p07" not in str(caught.value)
    assert "maybe" not in str(caught.value)


WRONG = [
    (PLAIN, {"family": "binomal"}, 'Did you mean "binomial"'),
    (PLAIN, {"link": "log"}, "Available: logit, probit, cloglog"),
    ("falls ~ week + (1 | patient)", {"family": "poisson", "link": "identity"}, "Available: log"),
    (PLAIN, {"quadrature": 0}, "between 1 and"),
    (PLAIN, {"quadrature": 2.5}, "whole number of nodes"),
    ("responder ~ week + (1 | patient) + (1 | therapist)", {"quadrature": 5}, "one random term"),
    ("responder ~ week + (1 + week | patient)", {"quadrature": 5}, "one random term"),
    ("responder ~ week", {}, "no mixed model"),
    (PLAIN, {"engine": "lme4"}, "Available: own, glmm"),
    ("falls ~ week + (1 | patient)", {"family": "poisson", "trials": "days"}, "for no other family"),
    ("cbind(days_done, days - days_done) ~ week + (1 | patient)", {"trials": "days"}, "given once"),
    ("days_done / days ~ week + (1 | patient)", {}, "add trials="),
    ("falls ~ week + offset(days) + (1 | patient)", {"family": "poisson", "offset": "days"}, "given twice"),
    (PLAIN, {"offset": "dayz"}, 'Did you mean "days"'),
]


@pytest.mark.parametrize(("formula", "more", "reason"), WRONG)
def test_wrong_words(visits, formula, more, reason):
    with pytest.raises(ConfigError, match=reason):
        fit_glmm(formula, visits, **more)


def test_an_offset_of_numbers_cannot_be_predicted(visits):
    fit = fit_glmm("falls ~ week + (1 | patient)", visits, family="poisson", offset=[0.5] * 300)
    with pytest.raises(ConfigError, match="given as numbers"):
        fit.predict(visits)


def test_the_compiled_engine_refuses_what_it_does_not_take(visits):
    with pytest.raises(ModelError, match='Use engine="own"'):
        fit_glmm("responder ~ week + (0 + week | patient)", visits, engine="glmm")


def test_an_answer_that_is_no_maximum_is_not_returned(visits, monkeypatch):
    right = model.compiled_start

    def wrong(*args):
        psi, free = right(*args)
        psi[0] += 0.05
        return psi, free

    monkeypatch.setattr(model, "compiled_start", wrong)
    with pytest.raises(ModelError, match="did not converge"):
        fit_glmm(PLAIN, visits, engine="glmm")


def test_a_variance_wrongly_held_at_zero_is_noticed(visits, monkeypatch):
    right = model.compiled_start

    def wrong(*args):
        psi, free = right(*args)
        psi[2], free[2] = 0.0, False
        return psi, free

    monkeypatch.setattr(model, "compiled_start", wrong)
    with pytest.raises(ModelError, match="did not converge"):
        fit_glmm(PLAIN, visits, engine="glmm")
