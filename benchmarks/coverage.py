"""How often 95 % intervals hold the truth with few patients or few clinics, by method of degrees of freedom.

    .venv/bin/python -m benchmarks.coverage [--data-sets 5000] [--page]

Data are simulated, fitted, and every contrast is compared with its true value. Estimates move with the true
value and intervals with them, so the share of intervals that miss is also the type-I error at 5 %.
Counts go to coverage.json beside this file; ``--page`` writes table and picture into the documentation.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.coverage_page import PAGE, write_page, write_picture
from studypkg.errors import ModelError
from studypkg.inference import DDF_METHODS, contrast, joint_test
from studypkg.models import fit_lmm
from studypkg.models.fit import Fit

Floats = NDArray[np.float64]
RESULTS = Path(__file__).with_name("coverage.json")
ASKED = ("kenward-roger", "satterthwaite", "between-within", "residual", "asymptotic")
PATIENT_SD, SLOPE_SD, CORRELATION, CLINIC_SD, RESIDUAL_SD = 1.3, 0.12, -0.3, 0.5, 1.1
# New visit days and arms are drawn this often within a cell, so that no cell rests on one odd plan.
PLANS = 20


@dataclass(frozen=True)
class Design:
    """One kind of study: its formula, its sizes, the truth, and how rows and responses are drawn."""

    name: str
    formula: str
    sizes: tuple[int, ...]
    truth: dict[str, float]
    joint: tuple[str, ...]
    rows: Callable[[int, np.random.Generator], pd.DataFrame]
    response: Callable[[pd.DataFrame, np.random.Generator], Floats]


def _patients(size: int, random: np.random.Generator) -> pd.DataFrame:
    visits = 6
    gaps = 0.5 + random.gamma(2.0, 0.5, size=(size, visits))
    gaps[:, 0] = 0.0
    arm = random.permutation(np.arange(size) % 2)
    return pd.DataFrame(
        {
            "patient": np.repeat([f"P{k:02d}" for k in range(size)], visits),
            "weeks": gaps.cumsum(axis=1).ravel(),
            "arm": np.repeat(arm, visits).astype(float),
        }
    )


def _patients_response(rows: pd.DataFrame, random: np.random.Generator) -> Floats:
    code = pd.factorize(rows["patient"])[0]
    z = random.standard_normal((int(code.max()) + 1, 2))
    slope = SLOPE_SD * (CORRELATION * z[:, 0] + np.sqrt(1.0 - CORRELATION**2) * z[:, 1])
    weeks, arm = rows["weeks"].to_numpy(), rows["arm"].to_numpy()
    y = 6.0 - 0.2 * weeks - 0.3 * arm - 0.1 * weeks * arm + PATIENT_SD * z[code, 0] + slope[code] * weeks
    return np.asarray(y + RESIDUAL_SD * random.standard_normal(len(rows)), dtype=float)


def _clinics(size: int, random: np.random.Generator) -> pd.DataFrame:
    """Clinics of 5 to 15 patients, four visits each, the treatment given to half of the clinics."""
    patients = random.integers(5, 16, size=size)
    visits = 4
    treated = random.permutation(np.arange(size) % 2)
    clinic = np.repeat(np.arange(size), patients * visits)
    patient = np.repeat(np.arange(patients.sum()), visits)
    return pd.DataFrame(
        {
            "clinic": [f"C{k:02d}" for k in clinic],
            "patient": [f"P{k:03d}" for k in patient],
            "weeks": np.tile(np.arange(visits) * 3.0, patients.sum()),
            "treated": treated[clinic].astype(float),
        }
    )


def _clinics_response(rows: pd.DataFrame, random: np.random.Generator) -> Floats:
    clinic, patient = pd.factorize(rows["clinic"])[0], pd.factorize(rows["patient"])[0]
    y = 6.0 - 0.2 * rows["weeks"].to_numpy() - 0.3 * rows["treated"].to_numpy()
    y = y + CLINIC_SD * random.standard_normal(clinic.max() + 1)[clinic]
    y = y + PATIENT_SD * random.standard_normal(patient.max() + 1)[patient]
    return np.asarray(y + RESIDUAL_SD * random.standard_normal(len(rows)), dtype=float)


DESIGNS = (
    Design(
        "patients",
        "pain ~ weeks * arm + (1 + weeks | patient)",
        (8, 12, 20, 40, 60),
        {"arm": -0.3, "weeks:arm": -0.1},
        ("arm = -0.3", "weeks:arm = -0.1"),
        _patients,
        _patients_response,
    ),
    Design(
        "clinics",
        "pain ~ weeks + treated + (1 | clinic) + (1 | patient)",
        (6, 8, 10, 12),
        {"treated": -0.3, "weeks": -0.2},
        (),
        _clinics,
        _clinics_response,
    ),
)


class Tally:
    """Counts of one cell: what held the truth, what was singular, what gave no answer."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self.fits = self.singular = self.not_fitted = 0
        self.methods = [m for m in ASKED if m in DDF_METHODS]
        columns = ("answers", "held", "missed_at_1", "df", "width", "se")
        self.counts = {(c, m): dict.fromkeys(columns, 0.0) for c in design.truth for m in self.methods}
        self.joint = {m: {"answers": 0, "rejected": 0} for m in self.methods}
        self.estimates: dict[str, list[float]] = {c: [] for c in design.truth}

    def add(self, fit: Fit) -> None:
        """Take in one fit."""
        self.fits += 1
        self.singular += fit.is_singular
        for name in self.design.truth:
            self.estimates[name].append(float(fit.params[name]))
        for method in self.methods:
            self._contrasts(fit, method)
            if self.design.joint:
                self._joint(fit, method)

    def _contrasts(self, fit: Fit, method: str) -> None:
        for name, truth in self.design.truth.items():
            try:
                row = contrast(fit, {f"{name}": f"{name} = {truth}"}, ddf=method).iloc[0]
            except ModelError:
                continue
            count = self.counts[name, method]
            count["answers"] += 1
            count["held"] += bool(row["ci_low"] <= truth <= row["ci_high"])
            count["missed_at_1"] += bool(row["p_value"] < 0.01)
            # Degrees of freedom have no mean to speak of near zero variances: their inverse has.
            count["df"] += 1.0 / float(row["df"])
            count["width"] += float(row["ci_high"] - row["ci_low"])
            count["se"] += float(row["se"])

    def _joint(self, fit: Fit, method: str) -> None:
        try:
            p_value = float(joint_test(fit, list(self.design.joint), ddf=method)["p_value"].iloc[0])
        except ModelError:
            return
        self.joint[method]["answers"] += 1
        self.joint[method]["rejected"] += p_value < 0.05

    def records(self, size: int) -> Iterator[dict[str, Any]]:
        """Yield one record per contrast and method, shares with their Monte-Carlo standard errors."""
        cell = {"design": self.design.name, "size": size, "fits": self.fits, "singular": self.singular}
        cell["not_fitted"] = self.not_fitted
        for (name, method), count in self.counts.items():
            answers = int(count["answers"])
            if not answers:
                continue
            held, far = count["held"] / answers, count["missed_at_1"] / answers
            spread = float(np.std(self.estimates[name], ddof=1))
            yield cell | {
                "contrast": name, "ddf": method, "answers": answers,
                "coverage": held, "coverage_mcse": _mcse(held, answers),
                "type_1_at_0.01": far, "type_1_at_0.01_mcse": _mcse(far, answers),
                "typical_df": answers / count["df"] if count["df"] else None,
                "mean_width": count["width"] / answers,
                "se_over_spread": count["se"] / answers / spread,
            }  # fmt: skip
        for method, test in self.joint.items():
            if test["answers"]:
                held = 1.0 - test["rejected"] / test["answers"]
                yield cell | {
                    "contrast": "joint F test", "ddf": method, "answers": test["answers"],
                    "coverage": held, "coverage_mcse": _mcse(held, test["answers"]),
                }  # fmt: skip


def _mcse(share: float, count: int) -> float:
    return float(np.sqrt(share * (1.0 - share) / count))


def run_cell(design: Design, size: int, data_sets: int, seed: int) -> Tally:
    """Simulate and fit one cell; the same seed gives the same counts."""
    tally = Tally(design)
    plans = min(PLANS, data_sets)
    for plan in range(plans):
        random = np.random.default_rng([seed, size, len(design.name), plan])
        first: Fit | None = None
        rows = design.rows(size, random)
        for _ in range(data_sets // plans):
            y = design.response(rows, random)
            try:
                if first is None:
                    fit = first = fit_lmm(design.formula, rows.assign(pain=y))
                else:
                    fit = first.refit(y)
            except ModelError:
                tally.not_fitted += 1
                continue
            tally.add(fit)
    return tally


def main() -> None:
    """Run every cell, then write the page when asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage")
    parser.add_argument("--data-sets", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--page", action="store_true", help=f"write {PAGE.name} and its picture")
    parser.add_argument("--only-page", action="store_true", help="write them from what is stored")
    options = parser.parse_args()
    if not options.only_page:
        records: list[dict[str, Any]] = []
        for design in DESIGNS:
            for size in design.sizes:
                start = time.perf_counter()
                tally = run_cell(design, size, options.data_sets, options.seed)
                records += tally.records(size)
                seconds = time.perf_counter() - start
                print(f"{design.name} {size}: {tally.fits} fits, {tally.singular} singular, "
                      f"{tally.not_fitted} without an answer, {seconds:.0f} s", flush=True)  # fmt: skip
        content = {"data_sets": options.data_sets, "seed": options.seed, "records": records}
        options.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    if options.page or options.only_page:
        stored = json.loads(options.out.read_text(encoding="utf-8"))
        write_page(stored)
        write_picture(stored)


if __name__ == "__main__":
    main()
