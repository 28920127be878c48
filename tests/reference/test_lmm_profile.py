"""Profile intervals against lme4's."""

import json
from pathlib import Path

import pandas as pd
import pytest

from studypkg.inference import intervals
from studypkg.models import fit_lmm

DATA = Path(__file__).parent / "data"
REFERENCES = json.loads((DATA / "profile_references.json").read_text(encoding="utf-8"))
CASES = [name for name in REFERENCES if name != "session"]


def rows(case):
    inside = REFERENCES[case].get("data")
    return pd.DataFrame(inside) if inside else pd.read_csv(DATA / f"{case}.csv")


def name_here(name):
    """``sd_(Intercept)|Batch`` is called ``sd | Batch | Intercept`` here."""
    name = name.replace("(Intercept)", "Intercept")
    if "|" not in name:
        return name
    what, group = name.split("|")
    kind, columns = what.split("_", 1)
    kind = {"cor": "corr"}.get(kind, kind)
    return f"{kind} | {group} | {', '.join(reversed(columns.split('.')))}"


@pytest.mark.parametrize("case", CASES)
def test_profiles(case):
    # A fit by REML is profiled by maximum likelihood, as lme4 does.
    found = intervals(fit_lmm(REFERENCES[case]["formula"], rows(case)), method="profile")
    expected = {name_here(name): limits for name, limits in REFERENCES[case]["intervals"].items()}
    assert set(found.index) == set(expected)
    for name, (low, high) in expected.items():
        if high is None:
            # lme4 finds no upper end for the residual SD of the singular fit, and says 0 for the lower one.
            assert (case, name) == ("dyestuff2_singular", "sigma")
            continue
        width = 1e-5 * (high - low)
        assert found.loc[name, ["low", "high"]].tolist() == pytest.approx([low, high], abs=width)
        assert (found.loc[name, "low"] == 0.0) == (low == 0.0)
