"""How often each hands-on modality had been given before a score, and over an episode."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from studypkg.measures.days import (
    FAR_AHEAD,
    LONG_AGO,
    Ints,
    codes_of,
    day_number,
    day_numbers,
    keyed,
)


def modality_exposure(
    scores: pd.DataFrame, treatments: pd.DataFrame, modalities: Sequence[str]
) -> pd.DataFrame:
    """Count the applications of each modality on days strictly before each score.

    Parameters
    ----------
    scores
        One row per score: `episode_id` and `date`.
    treatments
        One row per modality and day. Equal rows count once.
    modalities
        Ids of the modalities to count.

    Returns
    -------
    DataFrame
        One row per score, with its index: `episode_id`, `date`, and one column of whole numbers per
        modality. What was given on the day of the score may have followed it, and is not counted.
    """
    scored, given = codes_of(scores["episode_id"], treatments["episode_id"])
    day = day_numbers(scores["date"], missing=LONG_AGO)
    before = _counts(scored, day - 1, given, treatments, modalities)
    found = pd.DataFrame(before, index=scores.index, columns=list(modalities))
    found.insert(0, "episode_id", scores["episode_id"])
    found.insert(1, "date", scores["date"])
    return found


def episode_modalities(
    episodes: pd.DataFrame, treatments: pd.DataFrame, modalities: Sequence[str], *, cutoff: pd.Timestamp
) -> pd.DataFrame:
    """Count the applications of each modality over each episode, up to the cut-off.

    Returns
    -------
    DataFrame
        One row per episode: `episode_id`, and one column of whole numbers per modality.
    """
    owner, given = codes_of(episodes["episode_id"], treatments["episode_id"])
    until = np.full(len(episodes), day_number(cutoff), dtype=np.int64)
    found = pd.DataFrame(
        _counts(owner, until, given, treatments, modalities), columns=list(modalities), index=episodes.index
    )
    found.insert(0, "episode_id", episodes["episode_id"])
    return found


def _counts(
    episode: Ints, until: Ints, given: Ints, treatments: pd.DataFrame, modalities: Sequence[str]
) -> Ints:
    """Count distinct days of each modality up to and with a day; shape (rows, modalities)."""
    day = day_numbers(treatments["date"], missing=FAR_AHEAD)
    counts = np.zeros((len(episode), len(modalities)), dtype=np.int64)
    start, end = keyed(episode, np.full_like(until, LONG_AGO)), keyed(episode, until)
    for column, modality in enumerate(modalities):
        mine = np.asarray(treatments["modality"] == modality, dtype=bool)
        keys = np.unique(keyed(given[mine], day[mine]))
        counts[:, column] = np.searchsorted(keys, end, side="right") - np.searchsorted(
            keys, start, side="left"
        )
    return counts
