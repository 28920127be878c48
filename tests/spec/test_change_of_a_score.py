"""How a change is counted: positive is better, on every instrument."""

from __future__ import annotations

import numpy as np
import pytest

from studypkg.declaration import Outcome, Responder
from studypkg.measures import improvement, improvement_percent, mdc95, reliable_change, response_rule
from studypkg.measures.response import responses
from studypkg.vocabulary import Instrument, Threshold


def nprs() -> Instrument:
    return Instrument(
        id="nprs", name="Numeric Pain Rating Scale", minimum=0, maximum=10, direction="lower",
        thresholds=(
            Threshold(measure="mcid", kind="abs", value=2, population="chronic pain", source="Farrar 2001"),
            Threshold(measure="mcid", kind="pct", value=30, population="chronic pain", source="Farrar 2001"),
        ),
    )  # fmt: skip


def lefs() -> Instrument:
    return Instrument(
        id="lefs", name="Lower Extremity Functional Scale", minimum=0, maximum=80, direction="higher",
        thresholds=(
            Threshold(measure="mcid", kind="abs", value=9, population="leg", source="Binkley 1999"),
        ),
    )  # fmt: skip


def visa_g() -> Instrument:
    return Instrument(id="visa_g", name="VISA-G", minimum=0, maximum=100, direction="higher")


def judge(instrument: Instrument, outcome: Outcome, baseline: list[float], final: list[float]):
    start, end = np.array(baseline, dtype=float), np.array(final, dtype=float)
    paired = np.isfinite(start) & np.isfinite(end)
    return responses(start, end, paired, instrument, response_rule(instrument, outcome))


@pytest.mark.parametrize(
    ("instrument", "baseline", "final", "gain"),
    [
        (nprs(), 7, 3, 4),  # less pain
        (nprs(), 3, 7, -4),  # more pain
        (lefs(), 40, 60, 20),  # does more
        (lefs(), 60, 40, -20),  # does less
    ],
)
def test_a_patient_who_gets_better_has_a_positive_improvement(instrument, baseline, final, gain):
    assert improvement([baseline], [final], instrument.sign)[0] == gain


def test_percentage_change_from_zero_is_missing_and_not_zero():
    assert improvement_percent([7, 8], [5, 4], -1).round(1).tolist() == [28.6, 50.0]
    assert np.isnan(improvement_percent([0], [2], -1)[0])

    judged = judge(nprs(), Outcome(instrument="nprs"), [0.0, 6.0], [2.0, 3.0])
    assert judged["pct_status"].tolist() == ["baseline_zero", "ok"]


def test_points_and_per_cent_disagree_on_pain_only_at_baselines_1_to_3_and_7_to_10():
    # Every pair of whole-number scores: 2 points against 30 %.
    pairs = [(b, f) for b in range(1, 11) for f in range(11)]
    judged = judge(nprs(), Outcome(instrument="nprs"), [b for b, _ in pairs], [f for _, f in pairs])
    disagree = judged["responder_abs"] != judged["responder_pct"]
    found = [
        (baseline, baseline - final, "per cent" if by_percent else "points")
        for (baseline, final), by_percent, differs in zip(
            pairs, judged["responder_pct"], disagree, strict=True
        )
        if differs
    ]
    assert found == [
        (1, 1, "per cent"),
        (2, 1, "per cent"),
        (3, 1, "per cent"),
        (7, 2, "points"),  # 28.6 %
        (8, 2, "points"),
        (9, 2, "points"),
        (10, 2, "points"),
    ]


def test_the_declared_rule_decides_who_is_a_responder():
    drawn = {  # 7 → 5: two points, 28.6 %; 3 → 2: one point, 33.3 %
        "abs": [True, False],
        "pct": [False, True],
        "either": [True, True],
    }
    for rule, expected in drawn.items():
        outcome = Outcome(instrument="nprs", responder=Responder(rule=rule))
        judged = judge(nprs(), outcome, [7, 3], [5, 2])
        assert judged["responder"].tolist() == expected, rule
        assert judged["responder_status"].tolist() == ["ok", "ok"]


def test_without_an_accepted_threshold_there_is_no_responder():
    judged = judge(visa_g(), Outcome(instrument="visa_g"), [50], [90])
    assert judged["responder"].isna().all()
    assert judged["responder_status"].tolist() == [
        'no "either" threshold applies to visa_g, and the study sets none'
    ]
    assert judged["worsened"].isna().all()
    assert judged["improvement"].tolist() == [40]


def test_a_study_may_set_the_threshold_itself():
    outcome = Outcome(instrument="visa_g", responder=Responder(rule="abs", abs=12, source="our pilot"))
    judged = judge(visa_g(), outcome, [50, 50], [62, 61])
    assert judged["responder"].tolist() == [True, False]
    assert response_rule(visa_g(), outcome).points.source == "our pilot"


def test_either_rule_on_an_instrument_without_percentage_uses_points_and_says_so():
    rule = response_rule(lefs(), Outcome(instrument="lefs"))
    assert (rule.rule, rule.reason) == ("abs", 'only the "abs" threshold exists for lefs')


def test_a_patient_too_well_at_intake_cannot_respond():
    outcome = Outcome(instrument="lefs")
    #                                       room:  9      8
    assert judge(lefs(), outcome, [71, 72], [80, 80])["can_respond"].tolist() == [True, False]
    points = Outcome(instrument="nprs", responder=Responder(rule="abs"))
    assert judge(nprs(), points, [2, 1], [0, 0])["can_respond"].tolist() == [True, False]


def test_worse_by_the_smallest_important_change_is_counted():
    judged = judge(nprs(), Outcome(instrument="nprs"), [5, 5, 5], [7, 6, 3])
    assert judged["worsened"].tolist() == [True, False, False]


def test_well_enough_is_a_score_and_better_is_a_change():
    outcome = Outcome(instrument="nprs", acceptable=3)
    #                    better, well | better, not well | not better, well | neither
    judged = judge(nprs(), outcome, [8, 9, 4, 6], [2, 5, 3, 6])
    assert judged["responder"].tolist() == [True, True, False, False]
    assert judged["acceptable"].tolist() == [True, False, True, False]


def test_without_a_cut_nobody_is_called_well_enough():
    judged = judge(nprs(), Outcome(instrument="nprs"), [8], [0])
    assert judged["acceptable"].isna().all()
    assert judged["acceptable_status"].tolist() == ["the study sets no acceptable score for nprs"]


def test_ends_of_the_scale_follow_the_direction_of_the_instrument():
    pain = judge(nprs(), Outcome(instrument="nprs"), [10, 5], [0, 10])
    assert (pain["at_ceiling"].tolist(), pain["at_floor"].tolist()) == ([True, False], [False, True])
    function = judge(lefs(), Outcome(instrument="lefs"), [0, 5], [80, 0])
    assert (function["at_ceiling"].tolist(), function["at_floor"].tolist()) == ([True, False], [False, True])


def test_detectable_change_of_the_running_index():
    # UWRI: standard error of measurement 1.47 → MDC95 4.07
    assert round(mdc95(sd=1.47, icc=0), 2) == 4.07


def test_reliable_change_is_change_beyond_measurement_error():
    # SD 2, ICC 0.9: SEM 0.632, √2·SEM 0.894, so 1.753 points are the limit
    changed = reliable_change([2, 1.7, -2], sd=2, icc=0.9)
    assert changed.index.round(3).tolist() == [2.236, 1.901, -2.236]
    assert changed.better.tolist() == [True, False, False]
    assert changed.worse.tolist() == [False, False, True]
