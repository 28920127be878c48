"""The likelihood against brute-force integration, and its gradient against differences."""

import numpy as np
import pytest
from scipy import integrate, stats

from studypkg.models.generalised.families import family_of
from studypkg.models.generalised.likelihood import evaluate
from studypkg.models.generalised.observations import observe
from studypkg.models.generalised.problem import set_up

MODELS = [
    ("binomial", "logit", "days_done ~ week + (1 | patient)", 1),
    ("binomial", "logit", "days_done ~ week + (1 | patient)", 7),
    ("binomial", "probit", "days_done ~ week + (1 + week | patient) + (1 | therapist)", 1),
    ("binomial", "cloglog", "days_done ~ week + (1 | patient)", 5),
    ("binomial", "cloglog", "days_done ~ week + (1 + week | patient) + (1 + week | therapist)", 1),
    ("poisson", "log", "falls ~ week + (1 + week || patient) + (1 | therapist)", 1),
    ("poisson", "log", "falls ~ week + (0 + week | patient)", 9),
    ("negative-binomial", "log", "attacks ~ week + (1 + week | patient) + (1 | therapist)", 1),
    ("negative-binomial", "log", "attacks ~ week + (1 | patient)", 5),
]


def problem_of(visits, family, link, formula, quadrature):
    chosen = family_of(family, link)
    trials = "days" if family == "binomial" and "days_done" in formula else None
    seen = observe(formula, visits, family=family, trials=trials, offset=None, weights=None)
    return set_up(seen, chosen, quadrature)


@pytest.mark.parametrize(("family", "link", "formula", "quadrature"), MODELS)
def test_gradient_is_that_of_the_value(visits, family, link, formula, quadrature):
    problem = problem_of(visits, family, link, formula, quadrature)
    psi = 0.3 + 0.2 * np.sin(np.arange(problem.size))
    measured = [
        (evaluate(psi + step, problem).value - evaluate(psi - step, problem).value) / 2e-5
        for step in 1e-5 * np.eye(problem.size)
    ]
    assert evaluate(psi, problem).gradient == pytest.approx(np.array(measured), abs=1e-6, rel=1e-6)


DENSITIES = {
    "binomial": lambda y, days, eta: stats.binom.logpmf(y, days, 1 / (1 + np.exp(-eta))),
    "poisson": lambda y, days, eta: stats.poisson.logpmf(y, np.exp(eta)),
    "negative-binomial": lambda y, days, eta: stats.nbinom.logpmf(y, 1.5, 1.5 / (1.5 + np.exp(eta))),
}


@pytest.mark.parametrize(
    ("family", "response"),
    [("binomial", "days_done"), ("poisson", "falls"), ("negative-binomial", "attacks")],
)
def test_quadrature_is_the_integral(visits, family, response):
    problem = problem_of(visits, family, None, f"{response} ~ week + (1 | patient)", 31)
    sd, size = 0.8, np.log(1.5)
    psi = np.array([0.2, -0.3, sd, *([size] if family == "negative-binomial" else [])])
    base = problem.own_order(problem.fixed @ psi[:2])
    total = 0.0
    for patient in visits["patient"].unique():
        own = (visits["patient"] == patient).to_numpy()
        y, days = visits.loc[own, response].to_numpy(), visits.loc[own, "days"].to_numpy()

        def density(b, own=own, y=y, days=days):
            return np.exp(DENSITIES[family](y, days, base[own] + b).sum()) * stats.norm.pdf(b, 0, sd)

        total += np.log(integrate.quad(density, -6, 6, epsabs=0, epsrel=1e-10, limit=200)[0])
    assert evaluate(psi, problem).value == pytest.approx(total, rel=1e-8)


def test_one_node_is_laplace_and_more_nodes_come_closer(visits):
    values = [
        evaluate(
            np.array([0.2, -0.3, 0.8]),
            problem_of(visits, "binomial", None, "responder ~ week + (1 | patient)", q),
        ).value
        for q in (1, 3, 9, 31)
    ]
    errors = np.abs(np.array(values[:-1]) - values[-1])
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-4
