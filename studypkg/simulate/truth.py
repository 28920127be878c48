"""The true effects of the invented network, each with its unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from studypkg.errors import ConfigError, nearest

#: Points of pain per application given before the score. Cupping, manipulation and soft tissue release
#: truly do nothing, so that a study can be seen to find nothing.
MODALITY_POINTS: Mapping[str, float] = {
    "dry_needling": -0.08,
    "iastm": -0.04,
    "myofascial_cupping": 0.0,
    "spinal_manipulation": 0.0,
    "blood_flow_restriction": -0.06,
    "soft_tissue_release": 0.0,
}

#: Share of persons who get a course of a modality when their pain at intake is `baseline_centre`.
MODALITY_SHARE: Mapping[str, float] = {
    "dry_needling": 0.35,
    "iastm": 0.35,
    "myofascial_cupping": 0.25,
    "spinal_manipulation": 0.20,
    "blood_flow_restriction": 0.15,
    "soft_tissue_release": 0.40,
}


@dataclass(frozen=True)
class Truth:
    """Every true effect and every habit of the invented network.

    Points are points of the Numeric Pain Rating Scale, 0–10, where lower is better. A habit is how
    people behave; it does not move the score by itself.

    Parameters
    ----------
    level
        Points at week 0 of a woman of `age_centre` with pain `baseline_centre` at intake, after
        `symptom_centre` weeks of symptoms, of mean adherence, in an average clinic.
    week
        Points per week since the start of the episode.
    within
        Points between a fully adherent week and a week without exercise, of the same person.
    between
        Points between two persons whose mean adherence differs by 1.
    adherence_centre
        Mean adherence at which `level` holds; a share, 0–1.
    baseline, age, symptom, male
        Points per point at intake, per year, per week of symptoms, and for men.
    modality_points
        Points per application strictly before the score, by modality.
    soreness, soreness_days
        Points on top during the first days, 1 to `soreness_days`. The study's main model does not
        know of it.
    winter
        Points on top in December, January and February, in the one clinic with a bad winter.
    sd_patient, sd_slope, correlation
        Standard deviations of a person's level (points) and slope (points per week), and their
        correlation.
    sd_therapist, sd_clinic, sd_residual
        Standard deviations of therapists, clinics and single scores, in points.
    modality_share
        Habit: share of persons who get a course of a modality at `baseline_centre`.
    severity_log_odds
        Habit: log odds ratio of a course of dry needling per point of pain at intake. Half of it
        holds for instrument-assisted mobilisation, none for the others.
    run_extra
        Points by which pain on a run exceeds the worst pain of 24 hours.
    lefs_per_point, uwri_per_point
        Points of the function scales per point of pain.
    adherence_logit_mean, adherence_logit_sd, adherence_week_sd, adherence_drift
        Habit: a session is done with a probability whose logit has this mean, varies so much between
        persons and between the weeks of a person, and drifts so much per week.
    over_report
        Habit: share of sessions not done, or done in part, that a paper diary shows as done.
    report_share
        Habit: mean share of due days on which a person reports at all.
    no_frequency_share
        Habit: share of episodes whose prescription says no sessions per week, so that adherence
        cannot be computed.
    leave_better, leave_discharged, leave_not_helped, leave_lost
        Habit: chance at a scored visit of leaving because well (score ≤ 2), of being discharged early
        as better (score ≤ 2 from week 4), of leaving because not helped (no better than at intake,
        from week 2), and of being lost whatever the score.
    returning_share
        Habit: share of episodes of people who were here six months before.
    """

    level: float = 5.8
    week: float = -0.17
    within: float = -0.8
    between: float = -2.0
    adherence_centre: float = 0.68
    baseline: float = 0.55
    baseline_centre: float = 6.0
    age: float = 0.01
    age_centre: float = 45.0
    symptom: float = 0.006
    symptom_centre: float = 20.0
    male: float = -0.15
    modality_points: Mapping[str, float] = field(default_factory=lambda: dict(MODALITY_POINTS))
    soreness: float = 0.4
    soreness_days: int = 7
    winter: float = 0.8
    sd_patient: float = 1.0
    sd_slope: float = 0.10
    correlation: float = -0.2
    sd_therapist: float = 0.4
    sd_clinic: float = 0.25
    sd_residual: float = 1.0
    modality_share: Mapping[str, float] = field(default_factory=lambda: dict(MODALITY_SHARE))
    severity_log_odds: float = 0.6
    run_extra: float = 0.5
    lefs_per_point: float = -4.5
    uwri_per_point: float = -2.4
    adherence_logit_mean: float = 0.35
    adherence_logit_sd: float = 0.9
    adherence_week_sd: float = 0.9
    adherence_drift: float = -0.04
    over_report: float = 0.25
    report_share: float = 0.85
    no_frequency_share: float = 0.08
    leave_better: float = 0.15
    leave_discharged: float = 0.15
    leave_not_helped: float = 0.09
    leave_lost: float = 0.008
    returning_share: float = 0.03

    def __post_init__(self) -> None:
        for name in ("modality_points", "modality_share"):
            given = getattr(self, name)
            for word in given:
                if word not in MODALITY_POINTS:
                    raise ConfigError(
                        f'the truth names the modality "{word}" in {name}, which the network does not give.'
                        f"{nearest(word, MODALITY_POINTS)} It gives: {', '.join(MODALITY_POINTS)}."
                    )
            missing = [word for word in MODALITY_POINTS if word not in given]
            if missing:
                raise ConfigError(f'{name} of the truth lacks "{missing[0]}". Give every modality a number.')
