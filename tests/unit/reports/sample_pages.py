"""Invented documents: a clinic of ordinary size, one too small for everything, a network of six."""

import math
from dataclasses import asdict, replace
from pathlib import Path

from studypkg.privacy.suppression import Released, Statistic
from studypkg.reports.document import (
    Answer,
    ClinicDocument,
    Counts,
    ModelNote,
    NetworkDocument,
    OutcomeNote,
    Threshold,
)
from studypkg.reports.run_documents import (
    CheckRow,
    Coefficient,
    FreshNote,
    IngestDocument,
    LateNote,
    ModelReport,
    PublishedNote,
    ReasonNote,
    ResearchDocument,
    SourceNote,
    Variance,
)

ROOT = Path(__file__).resolve().parents[3]
MONTH = "2026-09"
EARLIER = tuple(f"2025-{m:02d}" for m in (10, 11, 12)) + tuple(f"2026-{m:02d}" for m in range(1, 9))
PAST, WINDOW = f"{EARLIER[0]}..{EARLIER[-1]}", f"{EARLIER[0]}..{MONTH}"
FEW = "fewer than 11 patients"

OUTCOME = OutcomeNote("pain", "NPRS", "lower", 0, 10, "points", "worst_24h")
THRESHOLDS = (
    Threshold(
        "Got clearly better",
        "at least 2 points or 30%",
        "chronic pain, 10 trials",
        "Farrar 2001, Pain 94:149",
    ),
    Threshold("Well enough", "3 or less", "this network", None),
)
ANSWERS = (
    Answer("Same person, fully adherent week versus none", -0.62, 0.14, 1480, -0.9, -0.34, 0.00001),
    Answer("Persons who differ by full adherence", -0.41, 0.35, 210, -1.1, 0.28, 0.24),
    Answer("Change per week", -0.21, 0.012, 305, -0.23, -0.19, 1e-9),
)
MODEL = ModelNote(
    "score ~ weeks + adherence_within + adherence_between + baseline + (1 + weeks | patient) + (1 | "
    "therapist)",
    n=4312,
    groups={"patient": 811, "therapist": 24},
    dropped={"no adherence in the window": 120},
    is_singular=True,
    singular_terms=("therapist",),
)
LABELS = {
    "clamshell": "clamshells",
    "lateral_band_walk": "lateral band walks",
    "hip_flexor_stretch": "hip flexor stretch",
    "single_leg_glute_bridge": "single-leg glute bridge",
    "dry_needling": "dry needling",
    "iastm": "instrument-assisted soft tissue work",
    "myofascial_cupping": "myofascial cupping",
    "spinal_manipulation": "spinal manipulation",
    "blood_flow_restriction": "blood flow restriction",
    "itb_syndrome": "IT band syndrome at the hip",
    "gluteal_tendinopathy": "gluteal tendinopathy",
    "hip_bursitis": "hip bursitis",
    "severe_pain": "stopped for severe pain",
    "adverse_event": "adverse event",
    "referral": "referred to a physician",
    "suspected_labral_tear": "suspected labral tear",
    "completed": "plan completed",
    "self_discharge_better": "left early, better",
    "lost_contact": "contact lost",
    "referred_out": "referred out",
}
PROVENANCE = {
    "min_cell": 11,
    "package_version": "0.1.0",
    "config_hash": "5d1c0a9be27f44d2",
    "input_hash": "a81be3f90c6d7712",
    "run_id": "2026-10-02T04:00Z-7f3a",
}


def released(statistics):
    """Numbers that have passed the gate, as a page reads them."""
    return Released.from_dict({"min_cell": 11, "statistics": [asdict(s) for s in statistics]})


def count(measure, n, *, group="all", scope="clinic", period=MONTH, hide=True):
    if hide and 0 < n < 11:
        return Statistic(measure, scope, group, period, "count", None, status="withheld", reason=FEW)
    return Statistic(measure, scope, group, period, "count", n, value=float(n))


def share(measure, k, n, *, group="all", scope="clinic", period=MONTH):
    if n < 11 or 0 < k < 11 or 0 < n - k < 11:
        return Statistic(measure, scope, group, period, "share", None, status="withheld", reason=FEW)
    p, z = k / n, 1.959964
    centre, half = (
        (p + z * z / 2 / n) / (1 + z * z / n),
        z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n) / (1 + z * z / n),
    )
    return Statistic(measure, scope, group, period, "share", n, k, p, centre - half, centre + half)


def mean(measure, value, n, *, sd=2.1, group="all", scope="clinic", period=MONTH):
    if n < 11:
        return Statistic(measure, scope, group, period, "mean", None, status="withheld", reason=FEW)
    half = 2.0 * sd / math.sqrt(n)
    return Statistic(
        measure, scope, group, period, "mean", n, value=value, low=value - half, high=value + half
    )


def median(measure, value, low, high, n, *, group="all", period=WINDOW):
    if n < 11:
        return Statistic(measure, "clinic", group, period, "median", None, status="withheld", reason=FEW)
    return Statistic(measure, "clinic", group, period, "median", n, value=value, low=low, high=high)


def clinic_statistics(size=1.0):
    """Numbers of a clinic; `size` 1 has about 58 ended episodes a month, 0.1 is too small for all."""

    def of(n):
        return round(n * size)

    ended, paired = of(58), of(37)
    found = [
        count("flow", ended, group="ended"),
        count("flow", of(52), group="intake_score"),
        count("flow", paired, group="paired"),
        count("flow", of(15), group="no_final"),
        count("flow", of(6), group="no_intake"),
        share("capture", paired, ended),
        share("capture", of(470), of(640), scope="own_past", period=PAST),
        share("capture", 1290, 1806, scope="network"),
        mean("baseline", 5.9, paired, sd=1.6),
        mean("baseline", 5.7, of(470), sd=1.6, scope="own_past", period=PAST),
        mean("baseline", 5.8, 210, sd=1.6, scope="network"),
        mean("improvement", 2.9, paired),
        mean("improvement", 2.5, of(470), scope="own_past", period=PAST),
        mean("improvement", 2.6, 210, scope="network"),
        share("responder", of(24), paired),
        share("responder", of(286), of(470), scope="own_past", period=PAST),
        share("responder", 131, 210, scope="network"),
        share("acceptable", of(20), paired),
        share("acceptable", of(244), of(470), scope="own_past", period=PAST),
        share("acceptable", 118, 210, scope="network"),
        share("worsened", of(2), paired),
        share("worsened", of(33), of(470), scope="own_past", period=PAST),
        share("worsened", 19, 210, scope="network"),
    ]
    wave = (2.3, 2.7, 2.1, 2.5, 2.8, 2.4, 2.2, 2.6, 2.9, 2.3, 2.6)
    for turn, (month, value) in enumerate(zip(EARLIER, wave, strict=True)):
        found.append(mean("improvement", value, of(9 if turn == 2 else 40 + turn), period=month))
        found.append(mean("improvement", 2.45 + 0.1 * math.sin(turn), 190, scope="network", period=month))
    found += [
        median("adherence", 0.68, 0.45, 0.84, of(410)),
        Statistic("no_report", "clinic", "all", WINDOW, "mean", of(430), value=0.34, low=0.31, high=0.37)
        if of(430) >= 11
        else Statistic("no_report", "clinic", "all", WINDOW, "mean", status="withheld", reason=FEW),
    ]
    for exercise, (value, low, high, n) in {
        "clamshell": (0.78, 0.55, 0.92, 390),
        "lateral_band_walk": (0.66, 0.41, 0.85, 372),
        "hip_flexor_stretch": (0.71, 0.5, 0.9, 301),
        "single_leg_glute_bridge": (0.52, 0.28, 0.75, 214),
    }.items():
        found.append(median("adherence", value, low, high, of(n), group=exercise))
    for modality, k in {
        "dry_needling": 240,
        "iastm": 198,
        "myofascial_cupping": 131,
        "spinal_manipulation": 88,
        "blood_flow_restriction": 7,
    }.items():
        found.append(share("modality", of(k), of(698), group=modality, period=WINDOW))
    found += [
        mean("visits_per_episode", 8.4, of(698), sd=3.1, period=WINDOW),
        share("cancelled", of(612), of(6480), period=WINDOW),
        share("no_show", of(301), of(6480), period=WINDOW),
    ]
    for reason, n in {
        "completed": 431,
        "self_discharge_better": 122,
        "lost_contact": 98,
        "referred_out": 47,
    }.items():
        found.append(count("end_reason", of(n), group=reason, period=WINDOW))
    for condition, value, n in (
        ("itb_syndrome", 2.8, 221),
        ("gluteal_tendinopathy", 2.2, 180),
        ("hip_bursitis", 2.5, 96),
        ("snapping_hip", 2.0, 10),
    ):
        found.append(mean("improvement", value, of(n), group=condition, period=WINDOW))
    for kind, now, before in (
        ("severe_pain", 3, 24),
        ("suspected_labral_tear", 0, 0),
        ("adverse_event", 0, 2),
        ("referral", 0, 47),
    ):
        found.append(count("safety", of(now) or (now > 0), group=kind))
        found.append(count("safety", of(before), group=kind, scope="own_past", period=PAST))
    return tuple(found)


def clinic_document(size=1.0, **changes):
    given = {
        "study": "Riverside Physical Therapy Network",
        "month": MONTH,
        "clinic": "clinic_03",
        "clinic_name": "Harbour Street clinic",
        "data_cutoff": "2026-09-30",
        "outcome": OUTCOME,
        "released": released(clinic_statistics(size)),
        "thresholds": THRESHOLDS,
        "answers": ANSWERS,
        "model": MODEL,
        "counts": Counts(48211, 47950, 120, 141),
        "provenance": PROVENANCE,
        "labels": LABELS,
    }
    return ClinicDocument(**{**given, **changes})


CLINICS = {
    "clinic_01": "Abbey Road",
    "clinic_02": "Brook End",
    "clinic_03": "Harbour Street",
    "clinic_04": "Kiln Yard",
    "clinic_05": "Orchard View",
    "clinic_06": "Mill Lane",
}


def network_document(**changes):
    found = []
    sizes = {
        "clinic_01": 41,
        "clinic_02": 36,
        "clinic_03": 37,
        "clinic_04": 52,
        "clinic_05": 30,
        "clinic_06": 4,
    }
    levels = {
        "clinic_01": 2.6,
        "clinic_02": 2.2,
        "clinic_03": 2.9,
        "clinic_04": 2.5,
        "clinic_05": 3.4,
        "clinic_06": 2.0,
    }
    for period, times in ((MONTH, 1), (PAST, 11)):
        for clinic, n in sizes.items():
            size = n * times
            found += [
                mean("improvement", levels[clinic], size, group=clinic, period=period),
                mean("baseline", 5.8, size, group=clinic, period=period),
                share("responder", round(0.62 * size), size, group=clinic, period=period),
                share("acceptable", round(0.55 * size), size, group=clinic, period=period),
                share("worsened", round(0.08 * size), size, group=clinic, period=period),
                share("capture", size, round(1.45 * size), group=clinic, period=period),
            ]
        found += [
            mean("improvement", 2.65, 196 * times, scope="network", period=period),
            mean("baseline", 5.8, 196 * times, scope="network", period=period),
            share("responder", 122 * times, 196 * times, scope="network", period=period),
            share("acceptable", 110 * times, 196 * times, scope="network", period=period),
            share("worsened", 16 * times, 196 * times, scope="network", period=period),
            share("capture", 196 * times, 284 * times, scope="network", period=period),
        ]
    for turn, month in enumerate(EARLIER):
        found.append(mean("improvement", 2.5 + 0.15 * math.sin(turn), 190, scope="network", period=month))
    everyone = [
        replace(s, scope="network")
        for s in clinic_statistics(4)
        if s.period == WINDOW and s.measure in ("adherence", "no_report", "modality")
    ]
    found += everyone
    for kind, n in (
        ("severe_pain", 131),
        ("adverse_event", 17),
        ("referral", 214),
        ("suspected_labral_tear", 0),
    ):
        found.append(count("safety", n, group=kind, scope="network", period=WINDOW))
    given = {
        "study": "Riverside Physical Therapy Network",
        "month": MONTH,
        "data_cutoff": "2026-09-30",
        "outcome": OUTCOME,
        "released": released(found),
        "clinics": CLINICS,
        "thresholds": THRESHOLDS,
        "answers": ANSWERS,
        "model": MODEL,
        "counts": Counts(48211, 47950, 120, 141),
        "provenance": PROVENANCE,
        "labels": LABELS,
    }
    return NetworkDocument(**{**given, **changes})


def ingest_document(**changes):
    capture = [
        share("capture", 10 * (turn % 3) + 14 + place, 44 + 3 * place, group=clinic, period=month)
        for place, clinic in enumerate(CLINICS)
        for turn, month in enumerate((*EARLIER, MONTH))
    ]
    given = {
        "study": "Riverside Physical Therapy Network",
        "month": MONTH,
        "data_cutoff": "2026-09-30",
        "sources": (
            SourceNote("episodes.csv", "episodes", 4120, 4113, 2, 5, "9f1c" * 16, "2026-09-30"),
            SourceNote("assessments.csv", "assessments", 18211, 18104, 30, 77, "77aa" * 16, "2026-09-30"),
            SourceNote("exercise_logs.csv", "exercise_logs", 25880, 25733, 88, 59, "1b0e" * 16, "2026-09-29"),
        ),
        "reasons": (
            ReasonNote("assessments", "OUT_OF_RANGE", 61, "Mend the cell, or declare `scale`."),
            ReasonNote("exercise_logs", "UNKNOWN_WORD", 59),
            ReasonNote("assessments", "NO_PARENT", 16),
            ReasonNote("episodes", "END_BEFORE_START", 5),
        ),
        "late": (LateNote("assessments", "2026-08", 12),),
        "fresh": tuple(FreshNote(clinic, {"episodes": 3, "visits": 1}) for clinic in CLINICS),
        "released": released(capture),
        "window": WINDOW,
        "clinics": CLINICS,
        "provenance": PROVENANCE,
        "labels": {
            "OUT_OF_RANGE": "value outside the range of its instrument",
            "UNKNOWN_WORD": "word not in the vocabulary",
            "NO_PARENT": "no such episode",
            "END_BEFORE_START": "end before start",
        },
    }
    return IngestDocument(**{**given, **changes})


def research_document(**changes):
    model = ModelReport(
        "primary",
        MODEL,
        coefficients=(
            Coefficient("Intercept", 5.91, 0.11, 320, 5.69, 6.13, 1e-12),
            Coefficient("weeks", -0.21, 0.012, 305, -0.23, -0.19, 1e-9),
            Coefficient("adherence_within", -0.62, 0.14, 1480, -0.9, -0.34, 0.00001),
        ),
        variances=(
            Variance("patient", "Intercept", 1.21, 1.1, 0.42),
            Variance("patient", "weeks", 0.012, 0.11, 0.01, -0.2),
            Variance("therapist", "Intercept", 0.0, 0.0, 0.0),
            Variance("residual", "", 1.62, 1.273, 0.57),
        ),
        answers=ANSWERS,
        published=(PublishedNote("Change per week", -0.18, -0.25, -0.11, 0.001, "Example 2020, Table 3"),),
        check_with="statsmodels MixedLM",
        check=(CheckRow("weeks", -0.2101, -0.2102),),
        attenuation=0.71,
        diagnostics={"residual skewness": 0.12, "scores at the floor": "4%"},
    )
    failed = ModelReport(
        "sensitivity", ModelNote("score ~ weeks + (1 | patient)", status="failed", reason="no convergence")
    )
    given = {
        "study": "Riverside Physical Therapy Network",
        "month": MONTH,
        "data_cutoff": "2026-09-30",
        "outcome": OUTCOME,
        "models": (model, failed),
        "thresholds": THRESHOLDS,
        "counts": Counts(48211, 47950, 120, 141),
        "provenance": PROVENANCE,
    }
    return ResearchDocument(**{**given, **changes})
