"""Tests of resent, corrected and withdrawn rows, and of what was known when."""

from datetime import date

import pandas as pd
import pytest

from studypkg.errors import ConfigError, DataRejectedError, QualityGateError, UnknownTermError
from studypkg.records.result import TableResult


def account(result, table: str = "assessments") -> dict[str, int]:
    """What a batch did to a table; zeros left out."""
    (one,) = [t for t in result.tables if t.table == table]
    names = ("new", "corrected", "unchanged", "overruled", "withdrawn", "set_aside", "returned", "waiting")
    return {name: getattr(one, name) for name in names if getattr(one, name)}


FIRST = [("e1", "2026-01-05", 7.0), ("e1", "2026-02-05", 5.0), ("e2", "2026-01-12", 6.0)]


# ------------------------------------------------------------------ whole deliveries


def test_the_same_file_again_changes_nothing(inbox) -> None:
    inbox.deliver("2026-03-01")
    before = inbox.store.batches()
    assert inbox.deliver("2026-04-01").unchanged
    assert inbox.store.batches() == before


def test_the_same_rows_in_another_order_are_a_batch_that_changes_no_row(inbox) -> None:
    inbox.deliver("2026-03-01")
    inbox.scores("e2 2026-01-12 6.0", "e1 2026-02-05 5", "e1 2026-01-05 7")
    result = inbox.deliver("2026-04-01")
    assert account(result) == {"unchanged": 3}
    assert [batch.number for batch in inbox.store.batches()] == [1, 2]
    assert inbox.table() == FIRST
    assert len(inbox.store.versions("assessments")) == 3


def test_a_corrected_row_replaces_the_older_and_both_stay_in_history(inbox) -> None:
    inbox.deliver("2026-03-01")
    inbox.scores("e1 2026-01-05 7", "e1 2026-02-05 4", "e2 2026-01-12 6", "e2 2026-03-02 3")
    result = inbox.deliver("2026-04-01")
    assert account(result) == {"new": 1, "corrected": 1, "unchanged": 2}
    assert inbox.table()[1:] == [
        ("e1", "2026-02-05", 4.0), ("e2", "2026-01-12", 6.0), ("e2", "2026-03-02", 3.0),
    ]  # fmt: skip
    versions = inbox.store.versions("assessments")
    told = versions[versions["date"] == pd.Timestamp("2026-02-05")]
    told = told.fillna({"why_ended": "stands"})
    assert told[["score", "valid_from_batch", "why", "why_ended"]].values.tolist() == [
        [5.0, 1, "new", "corrected"],
        [4.0, 2, "corrected", "stands"],
    ]
    assert told["valid_to_batch"].tolist()[0] == 2


def test_a_row_that_is_gone_from_a_whole_delivery_is_withdrawn(inbox) -> None:
    inbox.deliver("2026-03-01")
    inbox.scores("e1 2026-01-05 7", "e2 2026-01-12 6")
    assert account(inbox.deliver("2026-04-01")) == {"unchanged": 2, "withdrawn": 1}
    assert inbox.table() == [FIRST[0], FIRST[2]]
    inbox.scores("e1 2026-01-05 7", "e1 2026-02-05 5", "e2 2026-01-12 6")
    assert account(inbox.deliver("2026-05-01")) == {"new": 1, "unchanged": 2}
    ends = inbox.store.versions("assessments")["why_ended"].tolist()
    assert ends.count("withdrawn") == 1


def test_a_row_whose_newer_version_is_faulty_is_set_aside_not_withdrawn(inbox) -> None:
    inbox.deliver("2026-03-01")
    inbox.scores("e1 2026-01-05 7", "e1 2026-02-05 7/10", "e2 2026-01-12 6")
    assert account(inbox.deliver("2026-04-01")) == {"unchanged": 2, "set_aside": 1, "waiting": 1}


def test_two_whole_files_share_a_row_until_both_have_dropped_it(inbox) -> None:
    inbox.sources.append({"table": "assessments", "path": "b.csv"})
    inbox.scores("e1 2026-02-05 5", "e2 2026-03-05 2", file="b.csv")
    first = inbox.deliver("2026-03-01")
    assert [one.duplicate for one in first.sources] == [0, 0, 1]
    inbox.scores("e1 2026-01-05 7", "e2 2026-01-12 6")
    assert account(inbox.deliver("2026-04-01")) == {"unchanged": 4}
    inbox.scores("e2 2026-03-05 2", file="b.csv")
    assert account(inbox.deliver("2026-05-01")) == {"unchanged": 3, "withdrawn": 1}


def test_a_source_that_is_declared_no_more_takes_its_rows_along(inbox) -> None:
    inbox.sources.append({"table": "assessments", "path": "b.csv"})
    inbox.scores("e2 2026-03-05 2", file="b.csv")
    inbox.deliver("2026-03-01")
    inbox.sources.pop()
    assert account(inbox.deliver("2026-04-01")) == {"unchanged": 3, "withdrawn": 1}


# ------------------------------------------------------------------ additions


def test_additions_bring_new_and_corrected_rows_and_withdraw_nothing(inbox) -> None:
    inbox.additions("assessments")
    inbox.deliver("2026-03-01")
    inbox.scores("e1 2026-02-05 4", "e2 2026-02-12 3", "e2 2026-01-12 6")
    result = inbox.deliver("2026-04-01")
    assert account(result) == {"new": 1, "corrected": 1, "unchanged": 1}
    assert len(inbox.table()) == 4
    assert result.sources[1].read == 3


def test_a_file_that_was_taken_in_is_not_read_again_and_wins_nothing(inbox) -> None:
    inbox.additions("assessments")
    inbox.sources[1]["path"] = "a*.csv"
    inbox.deliver("2026-03-01")
    inbox.scores("e1 2026-02-05 4", file="a2.csv")
    result = inbox.deliver("2026-04-01")
    assert (result.sources[1].file, result.sources[1].read) == ("a2.csv", 1)
    inbox.scores("e1 2026-01-05 7", "e1 2026-02-05 5", "e2 2026-01-12 6", file="a1.csv")
    inbox.deliver("2026-05-01")
    assert ("e1", "2026-02-05", 4.0) in inbox.table()


def test_the_same_rows_under_another_name_or_in_an_overlapping_month_are_unchanged(inbox) -> None:
    inbox.additions("assessments")
    inbox.deliver("2026-03-01")
    inbox.sources[1]["path"] = "b.csv"
    inbox.scores("e1 2026-02-05 5", "e2 2026-01-12 6", "e2 2026-02-12 1", file="b.csv")
    assert account(inbox.deliver("2026-04-01")) == {"new": 1, "unchanged": 2}


def test_the_same_row_twice_in_one_delivery_is_a_duplicate_and_two_contents_contradict(inbox) -> None:
    inbox.additions("assessments")
    inbox.scores("e1 2026-01-05 7", "e1 2026-01-05 7", "e2 2026-01-12 6", "e2 2026-01-12 5")
    result = inbox.deliver("2026-03-01")
    assert (result.sources[1].accepted, result.sources[1].duplicate, result.sources[1].quarantined) == (
        1,
        1,
        2,
    )
    assert result.sources[1].reasons == {"CONFLICTING_KEY": 2}
    inbox.scores("e2 2026-01-12 4")
    assert account(inbox.deliver("2026-04-01")) == {"new": 1, "overruled": 2}, "the last word counts"


@pytest.mark.parametrize("words", ["deleted", ["void", "deleted"]])
def test_a_declared_word_withdraws_a_row_by_its_key(inbox, words) -> None:
    inbox.additions("assessments", withdrawn={"status": words})
    inbox.scores("e1 2026-01-05 7", "e1 2026-02-05 5", "e2 2026-01-12 6", more="status")
    inbox.deliver("2026-03-01")
    inbox.scores(
        "e1 2026-02-05 - deleted", "e2 2026-02-30 - deleted", "e2 2026-02-11 - deleted", more="status"
    )
    result = inbox.deliver("2026-04-01")
    assert account(result) == {"withdrawn": 1, "waiting": 1}
    source = result.sources[1]
    assert (source.read, source.accepted, source.withdrawals, source.quarantined) == (3, 2, 2, 1)
    assert source.reasons == {"NOT_A_DATE": 1}
    assert inbox.table() == [FIRST[0], FIRST[2]]
    assert inbox.table(as_of=1) == FIRST


def test_a_withdrawal_beats_a_row_of_the_same_delivery(inbox) -> None:
    inbox.additions("assessments", withdrawn={"status": "deleted"})
    inbox.scores("e1 2026-01-05 7", "e1 2026-01-05 - deleted", "e2 2026-01-12 6", more="status")
    assert account(inbox.deliver("2026-03-01")) == {"new": 1, "overruled": 1}


def test_withdrawn_words_must_name_a_column_of_the_file(inbox) -> None:
    inbox.additions("assessments", withdrawn={"stat": "deleted"})
    with pytest.raises(DataRejectedError, match='`withdrawn` names a column "stat"'):
        inbox.deliver()


def test_withdrawn_words_and_wide_files_do_not_go_together(inbox) -> None:
    melt = {"value": "score", "series": [{"column": "score", "set": {"role": "interim"}}]}
    inbox.sources[1] |= {"withdrawn": {"status": "x"}, "melt": melt}
    with pytest.raises(ConfigError, match="do not go together"):
        _ = inbox.study


# ------------------------------------------------------------------ precedence


def test_the_source_of_higher_precedence_wins_and_the_other_is_overruled(inbox) -> None:
    inbox.sources.append({"table": "assessments", "path": "b.csv", "precedence": 1})
    inbox.scores("e1 2026-02-05 1", "e2 2026-01-12 6", file="b.csv")
    result = inbox.deliver("2026-03-01")
    assert account(result) == {"new": 3, "overruled": 1}
    assert (result.sources[1].overruled, result.sources[1].duplicate) == (1, 1)
    assert ("e1", "2026-02-05", 1.0) in inbox.table()
    versions = inbox.store.versions("assessments")
    assert versions[versions["why"] == "overruled"]["score"].tolist() == [5.0]


def test_a_lower_precedence_never_replaces_a_higher_one_later(inbox) -> None:
    inbox.additions("assessments", precedence=1)
    inbox.deliver("2026-03-01")
    inbox.sources.append({"table": "assessments", "path": "b.csv", "delivery": "additions"})
    inbox.scores("e1 2026-02-05 1", "e2 2026-02-20 2", file="b.csv")
    assert account(inbox.deliver("2026-04-01")) == {"new": 1, "overruled": 1}
    assert ("e1", "2026-02-05", 5.0) in inbox.table()


def test_the_overruled_steps_in_when_the_stronger_withdraws(inbox) -> None:
    inbox.sources.append({"table": "assessments", "path": "b.csv", "precedence": 1})
    inbox.scores("e1 2026-02-05 1", file="b.csv")
    inbox.deliver("2026-03-01")
    inbox.scores("e2 2026-02-20 2", file="b.csv")
    inbox.deliver("2026-04-01")
    assert inbox.table() == [*FIRST, ("e2", "2026-02-20", 2.0)]


def test_contradictions_among_the_strongest_stay_contradictions(inbox) -> None:
    inbox.sources.append({"table": "assessments", "path": "b.csv", "precedence": 1})
    inbox.scores("e1 2026-02-05 1", "e1 2026-02-05 2", file="b.csv")
    result = inbox.deliver("2026-03-01")
    assert [one.quarantined for one in result.sources] == [0, 0, 2]
    assert result.sources[1].overruled == 1


def test_the_same_overruled_row_again_is_written_into_the_history_once(inbox) -> None:
    inbox.sources.append({"table": "assessments", "path": "b.csv", "precedence": 1})
    inbox.scores("e1 2026-02-05 1", file="b.csv")
    inbox.deliver("2026-03-01")
    inbox.scores("e1 2026-02-05 1", "e2 2026-02-20 2", file="b.csv")
    inbox.deliver("2026-04-01")
    assert inbox.store.versions("assessments")["why"].tolist().count("overruled") == 1


# ------------------------------------------------------------------ rows hang on episodes


def test_a_row_that_came_before_its_episode_comes_in_by_itself(inbox) -> None:
    inbox.additions()
    inbox.scores("e1 2026-01-05 7", "e3 2026-02-05 2")
    first = inbox.deliver("2026-03-01")
    assert first.sources[1].reasons == {"UNKNOWN_EPISODE": 1}
    assert account(first) == {"new": 1, "waiting": 1}
    inbox.episodes("e3 2026-02-01 -")
    second = inbox.deliver("2026-04-01")
    assert account(second) == {"new": 1}
    assert [(one.waited, one.accepted, one.still) for one in second.waiting] == [(1, 1, 0)]
    assert inbox.table() == [FIRST[0], ("e3", "2026-02-05", 2.0)]
    assert inbox.table(as_of=1) == [FIRST[0]]


def test_rows_leave_with_their_episode_and_come_back_with_it(inbox) -> None:
    inbox.additions("assessments")
    inbox.deliver("2026-03-01")
    inbox.episodes("e1 2026-01-05 -")
    assert account(inbox.deliver("2026-04-01")) == {"set_aside": 1, "waiting": 1}
    listed = inbox.store.quarantined("assessments")
    assert listed[["file", "row", "rule"]].values.tolist() == [["a.csv", 4, "UNKNOWN_EPISODE"]]
    assert inbox.table() == FIRST[:2]
    inbox.episodes("e1 2026-01-05 -", "e2 2026-01-12 -")
    assert account(inbox.deliver("2026-05-01")) == {"returned": 1}
    assert inbox.table() == FIRST
    assert [inbox.table(as_of=n) for n in (1, 2, 3)] == [FIRST, FIRST[:2], FIRST]


def test_an_episode_that_starts_later_than_was_thought_sets_its_early_rows_aside(inbox) -> None:
    inbox.additions("assessments")
    inbox.deliver("2026-03-01")
    inbox.episodes("e1 2026-02-20 -", "e2 2026-01-12 -")
    result = inbox.deliver("2026-04-01")
    assert account(result) == {"set_aside": 1, "waiting": 1}, "only one lies over 30 days before the start"
    assert inbox.store.quarantined("assessments")["rule"].tolist() == ["BEFORE_EPISODE"]
    assert inbox.table("episodes", as_of="2026-03")[0] == ("e1", "2026-01-05")


def test_a_newer_row_of_the_key_is_not_pushed_out_by_one_that_comes_back(inbox) -> None:
    inbox.additions("assessments")
    inbox.deliver("2026-03-01")
    inbox.episodes("e1 2026-01-05 -")
    inbox.deliver("2026-04-01")
    inbox.episodes("e1 2026-01-05 -", "e2 2026-01-12 -")
    inbox.scores("e2 2026-01-12 1")
    assert account(inbox.deliver("2026-05-01")) == {"new": 1}
    assert inbox.table()[-1] == ("e2", "2026-01-12", 1.0)


def test_a_waiting_row_never_replaces_what_came_later(inbox) -> None:
    inbox.additions("assessments")
    inbox.scores("e1 2026-01-05 7", "e1 2026-02-05 bad")
    inbox.deliver("2026-03-01")
    inbox.scores("e1 2026-02-05 4")
    result = inbox.deliver("2026-04-01")
    assert [(one.waited, one.retired) for one in result.waiting] == [(1, 1)]
    assert not inbox.store.quarantined("assessments").size


def test_a_waiting_row_comes_in_when_the_mapping_is_mended(inbox) -> None:
    inbox.additions("assessments")
    inbox.scores("e1 2026-01-05 7", "e1 2026-02-05 ten")
    inbox.deliver("2026-03-01")
    inbox.sources[1]["values"] = {"score": {"ten": "10"}}
    (inbox.root / "a.csv").write_text("episode_id,date,instrument,score,role\n")
    result = inbox.deliver("2026-04-01")
    assert account(result) == {"new": 1}
    assert ("e1", "2026-02-05", 10.0) in inbox.table()


def test_a_waiting_row_whose_file_todays_mapping_does_not_fit_waits_on(inbox) -> None:
    inbox.additions("assessments")
    inbox.scores("e1 2026-01-05 7", "e1 2026-02-05 ten")
    inbox.deliver("2026-03-01")
    inbox.sources[1]["columns"] = {"score": "points"}
    header = "episode_id,date,instrument,points,role"
    (inbox.root / "a.csv").write_text(f"{header}\ne2,2026-01-12,NPRS,6,interim\n")
    inbox.sources[1]["retired"] = ["score"]
    result = inbox.deliver("2026-04-01")
    assert account(result) == {"new": 1, "waiting": 1}
    assert inbox.store.quarantined("assessments")["rule"].tolist() == ["NOT_A_NUMBER"]


# ------------------------------------------------------------------ as of


def test_every_past_state_is_rebuilt_exactly_by_number_day_and_month(inbox) -> None:
    inbox.additions("assessments")
    frames = {}
    months = {
        "2026-02-03": (("e1 2026-01-05 -", "e2 2026-01-12 -"), ("e1 2026-01-05 7", "e9 2026-01-20 1")),
        "2026-03-03": (("e1 2026-01-05 -", "e9 2026-01-19 -"), ("e1 2026-01-05 6", "e1 2026-02-01 5")),
        "2026-03-20": (("e1 2026-01-06 -",), ("e1 2026-02-01 4",)),
    }
    for day, (episodes, scores) in months.items():
        inbox.episodes(*episodes)
        inbox.scores(*scores)
        inbox.deliver(day)
        frames[day] = {name: inbox.store.read(name) for name in ("episodes", "assessments")}
    for number, (day, tables) in enumerate(frames.items(), start=1):
        for name, frame in tables.items():
            pd.testing.assert_frame_equal(inbox.store.read(name, as_of=number), frame)
            pd.testing.assert_frame_equal(inbox.store.read(name, as_of=day), frame)
    pd.testing.assert_frame_equal(
        inbox.store.read("assessments", as_of="2026-03"), frames["2026-03-20"]["assessments"]
    )


def test_a_past_that_never_was_is_refused(inbox) -> None:
    with pytest.raises(ConfigError, match="no history yet"):
        inbox.store.read("episodes", as_of=1)
    inbox.deliver("2026-03-01")
    for as_of, told in [
        (2, "holds 1 to 1"), ("0", "holds 1 to 1"), ("2026-02-28", "nothing was known on 2026-02-28"),
        ("2026-02", "nothing was known on 2026-02-28"), ("soon", "no past state"),
        ("2026-13", "no past state"), ("9999-12", "no past state"),
    ]:  # fmt: skip
        with pytest.raises(ConfigError, match=told):
            inbox.store.read("episodes", as_of=as_of)
    with pytest.raises(UnknownTermError, match='no table "visits" at batch 1'):
        inbox.store.read("visits", as_of=1)


def test_batches_without_a_time_are_known_by_number_only(inbox) -> None:
    inbox.deliver()
    assert inbox.table(as_of=1) == FIRST
    with pytest.raises(ConfigError, match="came in without a time"):
        inbox.table(as_of="2026-03-01")


def test_a_clock_that_went_back_does_not_change_the_past(inbox) -> None:
    inbox.deliver("2026-03-31")
    inbox.scores("e1 2026-01-05 1")
    inbox.deliver("2026-03-01")
    account = inbox.store.batches()[-1].account
    assert (account["day"], account["clock_went_back"]) == ("2026-03-31", True)
    assert inbox.table(as_of="2026-03-31") == [("e1", "2026-01-05", 1.0)]


def test_a_column_that_the_study_got_later_is_empty_before_and_absent_in_the_past(inbox) -> None:
    inbox.additions("assessments")
    inbox.deliver("2026-03-01")
    inbox.more["covariates"] = {"smoker": {"kind": "flag", "meaning": "Smokes."}}
    inbox.deliver("2026-04-01")
    assert "smoker" in inbox.store.read("episodes").columns
    assert "smoker" not in inbox.store.read("episodes", as_of=1).columns


# ------------------------------------------------------------------ deliveries out of pattern


def test_a_column_that_vanished_is_refused_until_it_is_retired(inbox) -> None:
    episodes = (inbox.root / "e.csv").read_text()
    (inbox.root / "e.csv").write_text(
        episodes.replace("condition", "condition,arm").replace("ITBS", "ITBS,a")
    )
    inbox.deliver("2026-03-01")
    inbox.episodes("e1 2026-01-05 -", "e2 2026-01-12 -")
    with pytest.raises(
        DataRejectedError, match=r'column "arm" fed the table "episodes".*retired = \["arm"\]'
    ):
        inbox.deliver("2026-04-01")
    inbox.sources[0]["retired"] = ["arm"]
    assert account(inbox.deliver("2026-04-01"), "episodes") == {"corrected": 2}


def test_what_is_out_of_pattern_is_noted(inbox) -> None:
    inbox.scores(*(f"e1 2026-02-{day:02} 5 x" for day in range(1, 29)), more="a")
    inbox.deliver("2026-03-01")
    inbox.scores("e1 2026-02-01 5 x", "e1 2026-02-02 5 x", more="b")
    episodes = (inbox.root / "e.csv").read_text()
    (inbox.root / "e.csv").write_text(episodes.replace("condition", "condition,arm").replace("ITBS", "ITBS,"))
    notes = [note for one in inbox.deliver("2026-04-01").sources for note in one.notes]
    assert "New column(s) since the delivery before: arm." in notes
    assert "New column(s) since the delivery before: b." in notes
    assert "Column(s) gone since the delivery before, not used: a." in notes
    assert "2 rows, 93% fewer than the delivery before (28)." in notes


def test_a_column_that_is_empty_this_month_is_noted(inbox) -> None:
    inbox.episodes("e1 2026-01-05 2026-03-01", "e2 2026-01-12 -")
    inbox.deliver("2026-03-01")
    inbox.episodes("e1 2026-01-05 -", "e2 2026-01-12 -")
    notes = [note for one in inbox.deliver("2026-04-01").sources for note in one.notes]
    assert 'Column "end_date" is empty in every record; it was filled in the delivery before.' in notes


def test_too_many_withdrawals_are_refused_where_the_study_says_so(inbox) -> None:
    inbox.screening["max_withdrawn_share"] = 0.5
    inbox.deliver("2026-03-01")
    inbox.scores("e1 2026-01-05 7")
    with pytest.raises(QualityGateError, match=r"2 of 3 rows would end \(67%\)"):
        inbox.deliver("2026-04-01")
    assert inbox.table() == FIRST
    assert len(inbox.store.batches()) == 1


# ------------------------------------------------------------------ accounts


def test_an_account_that_does_not_add_up_is_an_error() -> None:
    with pytest.raises(QualityGateError, match="make 3, and it holds 4"):
        TableResult("visits", ("a",), ("a",), before=2, now=4, new=1).check()


def test_a_batch_tells_its_files_rules_and_counts(inbox) -> None:
    inbox.deliver("2026-03-01T08:30:00")
    (batch,) = inbox.store.batches()
    told = batch.account
    assert (told["kind"], told["day"], told["time"]) == ("delivery", "2026-03-01", "2026-03-01T08:30:00")
    assert [name for name, _ in told["parts"]] == ["a.csv", "e.csv"]
    assert told["raw"] == "kept"
    assert batch.tables["assessments"]["new"] == 3
    assert batch.name.startswith("0001-")


def test_the_raw_files_are_kept_for_the_owner_only_or_not_at_all(inbox) -> None:
    inbox.deliver()
    raw = inbox.store.root / "raw"
    assert raw.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in raw.iterdir()} == {0o400}
    inbox.more["study"] = {"keep_raw": False}
    inbox.scores("e1 2026-01-05 1")
    inbox.deliver()
    assert len(list(raw.iterdir())) == 2
    assert inbox.store.manifest()["raw"] == "hashes only"


# ------------------------------------------------------------------ nothing to do


def test_a_later_cut_off_alone_is_nothing_to_do(inbox) -> None:
    inbox.deliver("2026-03-01", cutoff=date(2026, 3, 1))
    assert inbox.deliver("2026-03-02", cutoff=date(2026, 3, 2)).unchanged
    assert not inbox.deliver("2026-03-02", cutoff=date(2026, 2, 1)).unchanged, "an earlier one decides rows"


def test_a_row_of_the_future_comes_in_when_its_day_has_come(inbox) -> None:
    inbox.scores("e1 2026-01-05 7", "e1 2026-03-05 5")
    first = inbox.deliver("2026-03-01", cutoff=date(2026, 3, 1))
    assert first.sources[1].reasons == {"FUTURE_DATE": 1}
    assert account(inbox.deliver("2026-03-06", cutoff=date(2026, 3, 6))) == {"new": 1, "unchanged": 1}


# ------------------------------------------------------------------ accounts of additions


def test_the_account_of_a_file_that_is_not_read_again_stays_that_of_when_it_was(inbox) -> None:
    inbox.additions("assessments")
    inbox.scores("e1 2026-01-05 7", "e3 2026-02-05 2", "e1 2026-02-05 x")
    inbox.deliver("2026-03-01")
    inbox.episodes("e1 2026-01-05 -", "e2 2026-01-12 -", "e3 2026-02-01 -")
    result = inbox.deliver("2026-04-01")
    told = result.sources[1]
    assert (told.read, told.accepted, told.quarantined) == (3, 2, 1), "the score of e3 has its episode now"
    assert (told.new, told.unchanged) == (0, 2)
    assert told.reasons == {"NOT_A_NUMBER": 1}
    assert "was not read again" in told.notes[0]
    assert account(result) == {"new": 1, "waiting": 1}


def test_every_version_that_ever_came_in_is_current_ended_or_lost(inbox) -> None:
    inbox.sources.append({"table": "assessments", "path": "b.csv", "precedence": 1})
    inbox.scores("e1 2026-02-05 1", "e2 2026-02-01 3", file="b.csv")
    batches = [
        inbox.deliver("2026-03-01"),
        (inbox.scores("e1 2026-01-05 6", "e1 2026-02-05 5"), inbox.deliver("2026-03-02"))[1],
        (inbox.scores("e2 2026-02-01 2", file="b.csv"), inbox.deliver("2026-03-03"))[1],
        (inbox.episodes("e1 2026-01-05 -"), inbox.deliver("2026-03-04"))[1],
    ]
    versions = inbox.store.versions("assessments")
    lost = versions["why"] == "overruled"
    stands = versions["valid_to_batch"].isna()
    ended = ~stands & ~lost
    assert set(versions.loc[ended, "why_ended"]) <= {"corrected", "withdrawn", "set_aside", "taken"}
    assert stands.sum() == len(inbox.table())
    for number, result in enumerate(batches, start=1):
        (one,) = [t for t in result.tables if t.table == "assessments"]
        came = versions[(versions["valid_from_batch"] == number) & ~lost]
        went = versions[ended & (versions["valid_to_batch"] == number)]
        assert len(came) - len(went) == one.now - one.before
        assert (came["why"] == "new").sum() == one.new
        assert (went["why_ended"] == "withdrawn").sum() == one.withdrawn
        assert (went["why_ended"] == "set_aside").sum() == one.set_aside


# ------------------------------------------------------------------ late rows


def test_rows_that_came_later_are_counted_by_month_and_batch(inbox) -> None:
    inbox.deliver("2026-03-01")
    inbox.scores("e1 2026-01-05 1", "e1 2026-02-05 5", "e2 2026-01-12 6", "e2 2026-01-20 6")
    inbox.deliver("2026-04-01")
    inbox.scores("e1 2026-01-05 1", "e1 2026-02-05 5", "e2 2026-01-12 6", "e2 2026-02-20 6")
    inbox.deliver("2026-05-01")
    assert inbox.store.came("assessments", "date", after=1) == [("2026-01", 2, 2), ("2026-02", 3, 1)]
    assert inbox.store.came("assessments", "date", after=3) == []
    assert inbox.store.came("visits", "date", after=0) == []
