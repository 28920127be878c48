"""What happened to the patient: change of scores, exercise done, modalities received.

Every function takes screened tables as data frames, gives back a new frame, and knows nothing of
statistics beyond a share and its interval.
"""

from __future__ import annotations

from studypkg.measures.adherence import ADHERENCE_STATUSES, window_adherence
from studypkg.measures.analysis import AnalysisRows, analysis_rows
from studypkg.measures.attenuation import Attenuation, attenuation
from studypkg.measures.change import improvement, improvement_percent, mdc95, reliable_change
from studypkg.measures.course import EpisodeAdherence, attendance, episode_adherence
from studypkg.measures.dose import prescribed_dose
from studypkg.measures.episodes import episode_outcomes, score_changes
from studypkg.measures.exposure import episode_modalities, modality_exposure
from studypkg.measures.proportion import CountedAdherence, counted_adherence, wilson_interval
from studypkg.measures.response import ResponseRule, response_rule
from studypkg.measures.sessions import SESSION_STATES, session_adherence

__all__ = [
    "ADHERENCE_STATUSES",
    "SESSION_STATES",
    "AnalysisRows",
    "Attenuation",
    "CountedAdherence",
    "EpisodeAdherence",
    "ResponseRule",
    "analysis_rows",
    "attendance",
    "attenuation",
    "counted_adherence",
    "episode_adherence",
    "episode_modalities",
    "episode_outcomes",
    "improvement",
    "improvement_percent",
    "mdc95",
    "modality_exposure",
    "prescribed_dose",
    "reliable_change",
    "response_rule",
    "score_changes",
    "session_adherence",
    "wilson_interval",
    "window_adherence",
]
