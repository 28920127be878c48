"""A fit as plain numbers and text, and back: what is stored beside a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from studypkg.errors import ModelError

if TYPE_CHECKING:
    from studypkg.models.fit import Fit, KenwardRoger, Optimisation

FORMAT = 2
_PLAIN = (
    "formula", "sigma", "loglik", "deviance", "aic", "bic", "n", "n_read", "is_singular", "reml",
    "weighted", "df_problem", "kind", "family", "link",
)  # fmt: skip


def fit_to_record(fit: Fit) -> dict[str, Any]:
    """Write a fit as a dictionary that JSON takes; no row and no level of the data goes into it."""
    record: dict[str, Any] = {"format": FORMAT} | {name: getattr(fit, name) for name in _PLAIN}
    how = fit.optimisation
    return record | {
        "coefficients": [str(name) for name in fit.params.index],
        "params": fit.params.tolist(),
        "vcov": fit.vcov.to_numpy().tolist(),
        "varcomp": [
            {str(k): None if isinstance(v, float) and np.isnan(v) else v for k, v in row.items()}
            for row in fit.varcomp.to_dict(orient="records")
        ],
        "groups": dict(fit.groups),
        "dropped": dict(fit.dropped),
        "singular_terms": list(fit.singular_terms),
        "aliased": list(fit.aliased),
        "notes": list(fit.notes),
        "optimisation": {
            "method": how.method, "evaluations": how.evaluations, "gradient_norm": how.gradient_norm,
            "code": how.code, "message": how.message, "theta": list(how.theta),
            "path": [list(step) for step in how.path],
        },
        "vcov_jacobian": fit.vcov_jacobian.tolist(),
        "parameter_cov": fit.parameter_cov.tolist(),
        "kenward_roger": None if fit.kenward_roger is None else {
            name: value if isinstance(value, str) else value.tolist()
            for name, value in vars(fit.kenward_roger).items()
        },
        "vcov_expected": None if fit.vcov_expected is None else fit.vcov_expected.tolist(),
        "size": fit.size,
    }  # fmt: skip


def fit_from_record(
    record: dict[str, Any], make: type[Fit], how: type[Optimisation], small: type[KenwardRoger]
) -> Fit:
    """Rebuild a fit from `fit_to_record`."""
    if record.get("format") != FORMAT:
        raise ModelError("The stored fit was written in another format than this version reads: fit again.")
    names = pd.Index(record["coefficients"], dtype=object)
    p = len(names)
    vcov = np.array(record["vcov"], dtype=float).reshape(p, p)
    optimisation = dict(record["optimisation"])
    optimisation["theta"] = tuple(optimisation["theta"])
    optimisation["path"] = tuple(tuple(step) for step in optimisation["path"])
    varcomp = pd.DataFrame(record["varcomp"])
    numbers = [c for c in varcomp.columns if c not in ("group", "term")]
    varcomp[numbers] = varcomp[numbers].astype(float)
    small_sample = record["kenward_roger"]
    return make(
        **{name: record[name] for name in _PLAIN},
        params=pd.Series(record["params"], index=names, name="estimate", dtype=float),
        bse=pd.Series(np.sqrt(np.diag(vcov)), index=names, name="se", dtype=float),
        vcov=pd.DataFrame(vcov, index=names, columns=names),
        varcomp=varcomp,
        groups=dict(record["groups"]),
        dropped=dict(record["dropped"]),
        singular_terms=tuple(record["singular_terms"]),
        aliased=tuple(record["aliased"]),
        notes=tuple(record["notes"]),
        optimisation=how(**optimisation),
        vcov_jacobian=np.array(record["vcov_jacobian"], dtype=float).reshape(-1, p, p),
        parameter_cov=np.array(record["parameter_cov"], dtype=float),
        kenward_roger=None
        if small_sample is None
        else small(
            np.array(small_sample["vcov"], dtype=float).reshape(p, p),
            np.array(small_sample["vcov_jacobian"], dtype=float).reshape(-1, p, p),
            np.array(small_sample["parameter_cov"], dtype=float),
            str(small_sample["problem"]),
        ),
        size=record.get("size"),
        vcov_expected=None
        if record.get("vcov_expected") is None
        else np.array(record["vcov_expected"], dtype=float).reshape(p, p),
    )
