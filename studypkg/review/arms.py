"""A trial's arms side by side in the raw scores: means at both ends, change, and its difference."""

from __future__ import annotations

import math
from itertools import combinations

import pandas as pd
from scipy import stats


def arm_table(changes: pd.DataFrame) -> pd.DataFrame:
    """Summarise the change in each arm of a trial, and its difference between each two arms.

    Parameters
    ----------
    changes
        One row per person: `arm`, `status`, `baseline`, `final`, `improvement` (positive is better),
        `responder`, as `measures.score_changes` gives them.

    Returns
    -------
    DataFrame
        One row per arm: `n` with both scores, mean and SD at both ends, mean improvement, number and
        share of responders. One more row per pair of arms (`first minus second`): difference of the mean
        improvements with Welch's interval, and the difference of the responders' shares.

    Notes
    -----
    Welch: ``d ± t(ν)·√(s₁²/n₁ + s₂²/n₂)``, with the Welch–Satterthwaite ν. Unadjusted: chance
    differences at baseline are still in it.
    """
    paired = changes[changes["status"] == "paired"]
    arms = {str(arm): rows for arm, rows in paired.groupby("arm")}
    table = [
        {
            "arm": arm,
            "n": len(rows),
            "baseline_mean": rows["baseline"].mean(),
            "baseline_sd": rows["baseline"].std(),
            "final_mean": rows["final"].mean(),
            "final_sd": rows["final"].std(),
            "improvement": rows["improvement"].mean(),
            "responders": int(rows["responder"].fillna(False).astype(bool).sum()),
            "responder_share": float(rows["responder"].dropna().astype(float).mean()),
        }
        for arm, rows in arms.items()
    ]
    for first, second in combinations(arms, 2):
        one, two = arms[first]["improvement"], arms[second]["improvement"]
        if min(len(one), len(two)) < 2:
            continue
        difference, low, high = _welch(one, two)
        shares = [float(arms[a]["responder"].dropna().astype(float).mean()) for a in (first, second)]
        table.append(
            {
                "arm": f"{first} minus {second}",
                "n": len(one) + len(two),
                "improvement": difference,
                "ci_low": low,
                "ci_high": high,
                "responder_share": shares[0] - shares[1],
            }
        )
    return pd.DataFrame(table).astype({"n": "Int64", "responders": "Int64"} if table else {})


def _welch(one: pd.Series, two: pd.Series) -> tuple[float, float, float]:
    parts = [float(x.var(ddof=1)) / len(x) for x in (one, two)]
    se = math.sqrt(sum(parts))
    df = sum(parts) ** 2 / sum(p**2 / (len(x) - 1) for p, x in zip(parts, (one, two), strict=True))
    difference = float(one.mean() - two.mean())
    half = float(stats.t.ppf(0.975, df)) * se
    return difference, difference - half, difference + half
