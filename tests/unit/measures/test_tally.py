from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from studypkg.measures.days import ranges
from studypkg.measures.tally import Windows, due_and_done

LINES = pd.DataFrame(
    {
        "episode": [0, 0],
        "first": [100, 100],
        "last": [200, 103],
        "per_week": [7.0, 3.5],
        "target": [20.0, 60.0],
    }
)


def sessions(rows):
    columns = ["episode", "day", "line", "state", "share", "done", "target"]
    return pd.DataFrame(rows, columns=columns).astype({"line": int, "state": int, "episode": int, "day": int})


def test_a_window_meets_each_line_on_the_days_both_have():
    windows = Windows(np.array([0, 1]), np.array([99, 99]), np.array([105, 105]))
    found = due_and_done(windows, LINES, sessions([]))
    assert found["window"].tolist() == [0, 0]
    assert found["asked"].tolist() == [
        pytest.approx(6),
        pytest.approx(2),
    ]  # 6 days daily; 4 days at 3.5 a week


def test_the_best_sessions_count_up_to_what_was_due():
    windows = Windows(np.array([0]), np.array([100]), np.array([103]))
    reported = sessions(
        [(0, 100 + i, 1, 0, share, 60 * share, 60.0) for i, share in enumerate((0.5, 1.0, 0.25, 0.75))]
    )
    line = due_and_done(windows, LINES, reported).query("line == 1").iloc[0]
    assert (line["due"], line["reported"], line["credit"], line["extra"]) == (2, 2, 1.75, 2.5)


def test_ranges_spell_out_nothing_for_empty_ones():
    rows, positions = ranges(np.array([3, 4, 9]), np.array([5, 2, 10]))
    assert (rows.tolist(), positions.tolist()) == ([0, 0, 2], [3, 4, 9])
