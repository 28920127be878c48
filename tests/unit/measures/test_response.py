from __future__ import annotations

import numpy as np

from studypkg.declaration import Outcome, Responder
from studypkg.measures import response_rule
from studypkg.measures.response import responses
from studypkg.vocabulary import load_vocabulary

INSTRUMENTS = load_vocabulary().instruments


def judge(name, baseline, final, **responder):
    outcome = Outcome(instrument=name, responder=Responder(**responder))
    start, end = np.array(baseline, dtype=float), np.array(final, dtype=float)
    paired = np.isfinite(start) & np.isfinite(end)
    return responses(start, end, paired, INSTRUMENTS[name], response_rule(INSTRUMENTS[name], outcome))


def test_binary_fractions_do_not_cost_a_responder():
    # 5.3 − 3.0 is 2.3 on paper and 2.2999999999999998 in the machine
    assert judge("psfs", [3.0], [5.3], rule="abs", abs=2.3)["responder"].tolist() == [True]


def test_at_baseline_zero_the_percentage_rule_has_no_answer():
    judged = judge("lefs", [0.0], [20.0], rule="pct", pct=30)
    assert judged["responder"].isna().all()
    assert judged["responder_status"].tolist() == ["baseline_zero"]
    assert judged["can_respond"].isna().all()
    assert judge("nprs", [0.0], [0.0])["responder"].tolist() == [False]


def test_a_row_without_pair_has_no_answer():
    judged = judge("nprs", [np.nan, 7.0], [3.0, np.nan])
    for answer in ("responder", "responder_abs", "responder_pct", "worsened", "at_floor", "at_ceiling"):
        assert judged[answer].isna().all(), answer
    assert set(judged["responder_status"]) == {"not_paired"}
    assert judged["can_respond"].isna().tolist() == [True, False]


def test_thresholds_keep_their_people_and_their_source():
    rule = response_rule(
        INSTRUMENTS["nprs"], Outcome(instrument="nprs", acceptable=3, acceptable_source="ours")
    )
    assert (rule.points.value, rule.percent.value) == (2, 30)
    assert "Farrar 2001" in rule.points.source
    assert rule.points.population
    assert rule.acceptable.source == "ours"


def test_a_rule_of_one_kind_is_not_answered_with_the_other():
    rule = response_rule(INSTRUMENTS["lefs"], Outcome(instrument="lefs", responder=Responder(rule="pct")))
    assert rule.rule == "none"
    assert rule.reason == 'no "pct" threshold applies to lefs, and the study sets none'
