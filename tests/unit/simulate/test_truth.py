"""The planted effects are found again, and the network behaves as its page says."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from studypkg.simulate import Truth, clinic_of, simulate_network
from studypkg.simulate.care import MODALITIES

PREDICTORS = (
    "weeks + adherence_within + adherence_between + baseline + symptom_weeks + age_years + "
    "soreness + winter + male + " + " + ".join(MODALITIES)
)
#: A difference of more than four standard errors would come up once in 16 000 honest checks.
MOST_ERRORS = 4


def latent_rows(truth, **plan):
    rows = pd.concat([b.latent.to_pandas() for b in simulate_network(truth, **plan)], ignore_index=True)
    rows["male"] = (rows["sex"] == "male").astype(float)
    rows[["soreness", "winter"]] = rows[["soreness", "winter"]].astype(float)
    return rows


def planted(truth):
    return {
        "weeks": truth.week, "adherence_within": truth.within, "adherence_between": truth.between,
        "baseline": truth.baseline, "symptom_weeks": truth.symptom, "age_years": truth.age,
        "soreness": truth.soreness, "male": truth.male, **truth.modality_points,
    }  # fmt: skip


@pytest.fixture(scope="module")
def network():
    blocks = list(simulate_network(Truth(), clinics=6, months=12, first_month="2025-10", seed=20260901))
    made = {}
    for name in (
        "episodes",
        "assessments",
        "exercise_logs",
        "prescriptions",
        "visits",
        "treatments",
        "events",
    ):
        made[name] = pd.concat([block.frame(name) for block in blocks], ignore_index=True)
    made["latent"] = pd.concat([block.latent.to_pandas() for block in blocks], ignore_index=True)
    return made


@pytest.fixture(scope="module")
def pairs(network):
    pain = network["assessments"].query("instrument == 'nprs' and context == 'worst_24h'")
    by_role = {role: rows.set_index("episode_id")["score"] for role, rows in pain.groupby("role")}
    episodes = network["episodes"].dropna(subset="end_date").set_index("episode_id")
    joined = episodes.assign(first=by_role["intake"], last=by_role["discharge"])
    return joined.assign(month=pd.to_datetime(joined["end_date"]).dt.strftime("%Y-%m"))


def test_effects_are_recovered_when_nobody_leaves_early():
    stays = Truth(leave_better=0, leave_discharged=0, leave_not_helped=0, leave_lost=0)
    rows = latent_rows(stays, clinics=12, months=10, first_month="2025-01", seed=4).dropna(subset="adherence")
    fit = smf.ols(f"latent ~ {PREDICTORS} + C(therapist)", rows).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(rows["patient"])[0]}
    )
    for name, truth in planted(stays).items():
        assert abs(fit.params[name] - truth) < MOST_ERRORS * fit.bse[name], name
    assert fit.bse["adherence_within"] < 0.06
    assert fit.bse["dry_needling"] < 0.02


def test_change_within_a_person_is_recovered_although_people_leave():
    """Differences between neighbouring scores are free of the person, the therapist and the clinic."""
    rows = latent_rows(Truth(), clinics=12, months=10, first_month="2025-01", seed=5).dropna(
        subset="adherence"
    )
    columns = ["latent", "weeks", "adherence_within", "soreness", "winter", *MODALITIES]
    rows = rows.sort_values(["episode", "date"])
    steps = rows.groupby("episode")[columns].diff().assign(patient=rows["patient"]).dropna()
    fit = smf.ols(f"latent ~ 0 + {' + '.join(columns[1:])}", steps).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(steps["patient"])[0]}
    )
    assert abs(fit.params["adherence_within"] - Truth().within) < MOST_ERRORS * fit.bse["adherence_within"]
    assert abs(fit.params["soreness"] - Truth().soreness) < MOST_ERRORS * fit.bse["soreness"]


def test_scores_scatter_about_their_expectation_as_planted(network):
    off = network["latent"]["latent"] - network["latent"]["expected"]
    assert off.mean() == pytest.approx(0, abs=0.03)
    assert off.std() == pytest.approx(Truth().sd_residual, abs=0.02)


def test_clinics_and_therapists_vary_as_planted():
    truth = Truth(sd_clinic=0.5, sd_therapist=0.3)
    clinics = [clinic_of(truth, number, 401, 9, 45) for number in range(1, 401)]
    assert np.std([clinic.effect for clinic in clinics]) == pytest.approx(0.5, rel=0.1)
    therapists = np.concatenate([clinic.therapist_effects for clinic in clinics])
    assert therapists.std() == pytest.approx(0.3, rel=0.06)


def test_rounding_and_clipping_touch_little(network):
    rows = network["latent"].dropna(subset="adherence").assign(male=0.0)
    rows["male"] = (rows["sex"] == "male").astype(float)
    rows[["soreness", "winter"]] = rows[["soreness", "winter"]].astype(float)
    kept = [
        smf.ols(f"{y} ~ {PREDICTORS}", rows).fit().params["adherence_between"] for y in ("score", "latent")
    ]
    assert kept[0] / kept[1] == pytest.approx(1, abs=0.03)
    assert rows["latent"].between(-0.5, 10.5).mean() > 0.99


def test_needling_looks_harmful_until_severity_is_known(network):
    rows = network["latent"].dropna(subset="adherence").assign(any=lambda r: (r["dry_needling"] > 0) * 1.0)
    late = rows[rows["weeks"] > 4]
    assert smf.ols("latent ~ any", late).fit().params["any"] > 0.1
    assert smf.ols("latent ~ any + baseline + weeks", late).fit().params["any"] < 0


def test_about_half_respond_and_few_get_worse(pairs):
    paired = pairs.dropna(subset=["first", "last"])
    better = paired["first"] - paired["last"]
    responders = (better >= 2) | (better / paired["first"] >= 0.3)
    assert 0.45 <= responders.mean() <= 0.65
    assert 0.03 <= (better <= -2).mean() <= 0.10


def test_discharge_questionnaires_come_back_at_each_clinics_own_rate(pairs):
    capture = pairs["last"].notna().groupby(pairs["clinic_id"]).mean()
    assert capture.drop("clinic_06").between(0.58, 0.87).all()
    assert capture.drop("clinic_06").max() - capture.drop("clinic_06").min() > 0.05


def test_months_are_large_enough_to_show_except_in_the_small_clinic(pairs):
    paired = pairs.dropna(subset=["first", "last"])
    size = paired.groupby(["clinic_id", "month"]).size().unstack(fill_value=0)
    assert (size.drop("clinic_06") >= 20).mean().mean() > 0.95
    ends = pairs.groupby(["clinic_id", "month"]).size().unstack(fill_value=0)
    assert 1.5 < ends.loc["clinic_06"].mean() < 4.5
    assert (size.loc["clinic_06"] < 11).all()


def test_winter_is_bad_in_the_second_clinic_only(network):
    rows = network["latent"].assign(month=lambda r: pd.to_datetime(r["date"]).dt.month)
    rows["cold"] = rows["month"].isin([12, 1, 2])
    off = rows["latent"] - rows["weeks"] * Truth().week
    gap = off.groupby([rows["clinic"], rows["cold"]]).mean().unstack()
    dip = (gap[True] - gap[False]).drop("clinic_06")
    assert dip["clinic_02"] > 0.5
    assert (dip.drop("clinic_02").abs() < 0.45).all()


def test_people_leave_because_well_and_because_not_helped(network):
    pain = network["assessments"].query("instrument == 'nprs' and context == 'worst_24h'")
    last = pain.sort_values("date").groupby("episode_id")["score"].last()
    first = pain[pain["role"] == "intake"].set_index("episode_id")["score"]
    reason = network["episodes"].set_index("episode_id")["end_reason"]
    well, not_helped = (reason.index[reason == f"self_discharge_{why}"] for why in ("better", "not_helped"))
    assert len(well) > 50
    assert len(not_helped) > 100
    assert last[well].median() <= 2
    assert (last - first)[not_helped].median() >= 0


def test_diaries_overstate_and_absent_reports_are_absent(network):
    logs = network["exercise_logs"].query("state != 'paused'")
    done = (logs["state"] == "done").groupby(logs["source"]).mean()
    assert done["diary"] - done["app"] == pytest.approx(0.25 * (1 - done["app"]), abs=0.05)
    assert set(network["exercise_logs"]["state"]) == {"done", "partial", "not_done", "paused"}
    assert network["latent"]["adherence"].isna().any()


def test_some_prescriptions_say_no_frequency_and_some_change(network):
    lines = network["prescriptions"]
    unknown = lines.groupby("episode_id")["sessions_per_week"].agg(lambda weekly: weekly.isna().all())
    assert unknown.mean() == pytest.approx(Truth().no_frequency_share, abs=0.02)
    versions = lines.groupby(["episode_id", "exercise", "side"]).size()
    assert versions.max() == 2
    assert 0.05 < (versions == 2).mean() < 0.25


def test_visits_fall_through_and_events_happen(network):
    share = network["visits"]["status"].value_counts(normalize=True)
    assert 0.80 < share["attended"] < 0.95
    assert {"cancelled", "no_show"} <= set(share.index)
    assert {"severe_pain", "adverse_event", "injection", "referral"} <= set(network["events"]["kind"])


def test_another_truth_moves_the_scores_by_just_that_much():
    plan = {"clinics": 1, "months": 2, "first_month": "2025-06", "seed": 2}
    base = Truth(leave_better=0, leave_discharged=0, leave_not_helped=0)
    one, two = (latent_rows(truth, **plan) for truth in (base, replace(base, level=base.level + 0.5)))
    assert np.allclose(two["latent"] - one["latent"], 0.5)
