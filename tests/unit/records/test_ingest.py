"""Tests of one delivery: files in, tables and an account out, or a refusal that replaces nothing."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from studypkg.config import check_study
from studypkg.declaration import Study
from studypkg.errors import DataRejectedError, IdentifierFoundError
from studypkg.records.ingest import ingest
from studypkg.records.result import IngestResult
from studypkg.store import Store

EPISODES = """patient_id,episode_id,clinic_id,start_date,end_date,condition,age_years
p1,e1,c1,2026-01-05,2026-03-02,ITBS,45
p2,e2,c1,2026-01-05,,ITB syndrome,97
"""
SCORES = """episode_id,date,instrument,score,role,remark
e1,2026-01-05,NPRS,7,intake,x
e1,2026-01-05,NPRS,7,intake,x
e1,2026-02-05,NPRS,SECRET/10,interim,x
e2,2026-02-06,NPRS,3,interim,x
"""
TRIAL = """id,group,pain0,pain12,days12
1,1,7,3,0
2,0,6,,0
3,1,8,5,4
"""


class Folder:
    """A study folder whose files a test writes and delivers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = Store(root / "data/processed")
        self.lines: list[str] = []

    def study(self, *sources: dict[str, object], max_bad_share: float = 0.5, **more: object) -> Study:
        usual = ({"table": "episodes", "path": "e.csv"}, {"table": "assessments", "path": "a.csv"})
        raw = {
            "study": {"name": "test"},
            "sources": list(sources or usual),
            "screening": {"max_bad_share": max_bad_share},
            "outcomes": {"pain": {"instrument": "nprs"}},
            **more,
        }
        return check_study(raw, root=self.root)

    def deliver(
        self, study: Study, cutoff: date | None = None, gate: Callable = lambda *_: None
    ) -> IngestResult:
        return ingest(study, self.store, cutoff=cutoff, gate=gate, progress=self.lines.append, threads=1)

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.root / f"{name}.csv").write_text(text, encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.write(e=EPISODES, a=SCORES)
    return made


def test_good_rows_arrive_typed_and_say_where_they_came_from(folder: Folder) -> None:
    folder.deliver(folder.study())
    episodes = folder.store.read("episodes")
    assert episodes["condition"].tolist() == ["itb_syndrome", "itb_syndrome"]
    assert episodes["age_years"].tolist() == [45.0, 90.0]
    assert str(episodes["start_date"].dtype) == "datetime64[us]"
    assert str(episodes["arm"].dtype) == "str"
    scores = folder.store.read("assessments")
    assert scores[["episode_id", "score", "context", "source_row"]].values.tolist() == [
        ["e1", 7.0, "average", 2],
        ["e2", 3.0, "average", 5],
    ]
    assert (folder.root / "data/processed/raw").is_dir()
    sha = folder.store.manifest()["sources"][1]["sha256"]
    assert set(scores["source_file"]) == {sha[:12]}
    assert (folder.store.root / "raw" / sha).read_text() == SCORES


def test_the_account_adds_up_and_names_rules_columns_and_notes(folder: Folder) -> None:
    result = folder.deliver(folder.study())
    episodes, scores = result.sources
    assert (scores.file, scores.records, scores.read) == ("a.csv", 4, 4)
    assert (scores.accepted, scores.duplicate, scores.quarantined) == (2, 1, 1)
    assert scores.reasons == {"NOT_A_NUMBER": 1}
    assert scores.columns == {"score": 1}
    assert scores.ignored == ("remark",)
    assert 'No column "context": every record got "average".' in scores.notes
    assert any("pooled into 90+" in note for note in episodes.notes)
    assert (result.read, result.accepted, result.duplicate, result.quarantined) == (6, 4, 1, 1)


def test_the_quarantine_points_back_into_the_file(folder: Folder) -> None:
    folder.deliver(folder.study())
    fault = folder.store.quarantined("assessments").iloc[0]
    assert (fault["file"], fault["row"], fault["table"]) == ("a.csv", 4, "assessments")
    assert (fault["column"], fault["source_column"], fault["rule"]) == ("score", "score", "NOT_A_NUMBER")
    assert fault["advice"].startswith("Write one number only")
    assert '"score":"SECRET/10"' in fault["raw"]
    assert (folder.store.root / "quarantine/assessments.csv").read_text().count("NOT_A_NUMBER") == 1


def test_no_line_of_progress_shows_a_value(folder: Folder) -> None:
    folder.deliver(folder.study())
    assert folder.lines[-1] == "6 records read: 4 accepted, 1 duplicate, 1 quarantined."
    assert not any("SECRET" in line for line in folder.lines)


def test_the_same_delivery_again_changes_nothing_and_says_so(folder: Folder) -> None:
    first = folder.deliver(folder.study())
    before = folder.store.root.joinpath("tables").readlink()
    again = folder.deliver(folder.study())
    assert again.unchanged
    assert again.sources == first.sources
    assert folder.store.root.joinpath("tables").readlink() == before


@pytest.mark.parametrize("change", ["file", "mapping", "cutoff", "terms"])
def test_another_file_mapping_cutoff_or_term_is_another_delivery(folder: Folder, change: str) -> None:
    folder.deliver(folder.study())
    cutoff, study = None, folder.study()
    if change == "file":
        folder.write(a=SCORES.replace("SECRET/10", "6"))
    elif change == "cutoff":
        cutoff = date(2026, 12, 1)
    elif change == "mapping":
        study = folder.study({"table": "episodes", "path": "e.csv"},
                             {"table": "assessments", "path": "a.csv", "drop": ["remark"]})  # fmt: skip
    else:
        study = folder.study(terms={"conditions": {"gout": {"name": "Gout"}}})
    assert not folder.deliver(study, cutoff).unchanged


def test_equal_deliveries_give_equal_bytes(folder: Folder, tmp_path: Path) -> None:
    other = Folder(tmp_path / "other")
    other.root.mkdir()
    other.write(e=EPISODES, a=SCORES)
    folder.deliver(folder.study())
    other.deliver(other.study())
    for name in ("episodes.parquet", "assessments.parquet", "ingest.json", "quarantine/assessments.parquet"):
        assert (folder.store.root / "tables" / name).read_bytes() == (
            other.store.root / "tables" / name
        ).read_bytes()


def test_too_many_bad_rows_refuse_the_delivery_and_keep_the_old_tables(folder: Folder) -> None:
    folder.deliver(folder.study())
    folder.write(a=SCORES.replace("interim", "SECRET"))
    with pytest.raises(DataRejectedError) as refused:
        folder.deliver(folder.study(max_bad_share=0.4))
    message = str(refused.value)
    assert "a.csv: 50.0% of 4 records broke a rule and this study allows 40.0%" in message
    assert "Most often: UNKNOWN_TERM (2), NOT_A_NUMBER (1); first at row 4." in message
    assert "Nothing was replaced" in message
    assert "SECRET" not in message
    assert len(folder.store.read("assessments")) == 2
    rejected = pd.read_parquet(folder.store.root / "quarantine/rejected/assessments.parquet")
    assert rejected["rule"].value_counts().to_dict() == {"UNKNOWN_TERM": 2, "NOT_A_NUMBER": 1}
    folder.write(a=SCORES)
    folder.deliver(folder.study(max_bad_share=0.4))
    assert not (folder.store.root / "quarantine/rejected").exists()


def test_refused_episodes_stop_the_run_before_their_rows_are_blamed(folder: Folder) -> None:
    folder.write(e=EPISODES.replace("2026-01-05", "soon"))
    with pytest.raises(DataRejectedError, match=r"e\.csv: 100\.0%"):
        folder.deliver(folder.study())
    rejected = folder.store.root / "quarantine/rejected"
    assert sorted(path.name for path in rejected.iterdir()) == ["episodes.csv", "episodes.parquet"]
    assert folder.store.manifest() == {}


def test_a_delivery_without_one_good_score_is_refused(folder: Folder) -> None:
    folder.write(a="episode_id,date,instrument,score,role\ne1,2026-01-05,NPRS,99,intake\n")
    with pytest.raises(DataRejectedError, match='no row could be accepted for the table "assessments"'):
        folder.deliver(folder.study(max_bad_share=1.0))


def test_a_missing_file_is_named(folder: Folder) -> None:
    (folder.root / "a.csv").unlink()
    with pytest.raises(DataRejectedError, match=r"a\.csv: there is no such file"):
        folder.deliver(folder.study())


def test_the_gate_sees_every_source_before_anything_is_kept(folder: Folder) -> None:
    seen = []

    def gate(connection: duckdb.DuckDBPyConnection, raw: object, source: object) -> None:
        seen.append(source.table)
        if "remark" in raw.columns:
            raise IdentifierFoundError("a column looks like a name")

    with pytest.raises(IdentifierFoundError):
        folder.deliver(folder.study(), gate=gate)
    assert seen == ["episodes", "assessments"]
    assert not (folder.store.root / "raw").exists()
    assert folder.store.manifest() == {}
    assert not list(folder.store.root.glob(".work-*"))


def test_a_failed_run_leaves_nothing_behind(folder: Folder) -> None:
    folder.write(a=SCORES.replace("score", "scoer"))
    with pytest.raises(DataRejectedError, match='needs a column "score"'):
        folder.deliver(folder.study())
    assert not list(folder.store.root.glob(".work-*"))


def test_the_csv_runs_no_formula(folder: Folder) -> None:
    folder.write(
        a=SCORES.replace("e1,2026-02-05,NPRS,SECRET/10", "=1+1,2026-02-05,NPRS,7").replace("score", "=score")
    )
    study = folder.study(
        {"table": "episodes", "path": "e.csv"},
        {"table": "assessments", "path": "a.csv", "columns": {"score": "=score"}, "missing": ["7"]},
    )
    with pytest.raises(DataRejectedError):
        folder.deliver(folder.study(*[s.model_dump() for s in study.sources], max_bad_share=0.1))
    lines = (folder.store.root / "quarantine/rejected/assessments.csv").read_text().splitlines()
    assert any(",'=score,REQUIRED_MISSING" in line for line in lines)
    kept = pd.read_parquet(folder.store.root / "quarantine/rejected/assessments.parquet")
    assert "=score" in set(kept["source_column"].dropna())


def test_one_trial_file_feeds_episodes_and_scores(folder: Folder) -> None:
    folder.write(t=TRIAL)
    study = folder.study(
        {
            "table": "episodes",
            "path": "t.csv",
            "columns": {"patient_id": "id", "episode_id": "id", "arm": "group"},
            "constants": {"clinic_id": "c1", "start_date": "2000-01-01", "condition": "itb_syndrome"},
            "values": {"arm": {"1": "exercise", "0": "usual care"}},
            "drop": ["pain0", "pain12", "days12"],
        },
        {
            "table": "assessments",
            "path": "t.csv",
            "columns": {"episode_id": "id"},
            "constants": {"instrument": "nprs"},
            "drop": ["group", "days12"],
            "melt": {
                "value": "score",
                "series": [
                    {"column": "pain0", "set": {"date": "2000-01-01", "role": "intake"}},
                    {"column": "pain12", "set": {"date": "2000-03-25", "role": "discharge"}},
                ],
            },
        },
        {
            "table": "assessments",
            "path": "t.csv",
            "columns": {"episode_id": "id"},
            "constants": {"instrument": "nprs", "context": "run"},
            "drop": ["group", "pain0"],
            "missing_when": {"score": {"pain12": ""}},
            "melt": {
                "value": "score",
                "series": [{"column": "days12", "set": {"date": "2000-03-25", "role": "discharge"}}],
            },
        },
    )
    result = folder.deliver(study)
    episodes, pain, days = result.sources
    assert (episodes.read, episodes.accepted) == (3, 3)
    assert (pain.records, pain.series, pain.empty, pain.read, pain.accepted) == (3, 2, 1, 5, 5)
    assert (days.records, days.series, days.empty, days.read, days.accepted) == (3, 1, 1, 2, 2)
    assert folder.store.read("episodes")["arm"].tolist() == ["exercise", "usual care", "exercise"]
    scores = folder.store.query(
        "SELECT context, list_sort(list(score)) AS s FROM assessments GROUP BY 1 ORDER BY 1"
    )
    assert [list(s) for s in scores["s"]] == [[3.0, 5.0, 6.0, 7.0, 8.0], [0.0, 4.0]]
    assert folder.lines.count("Reading t.csv.") == 1


def test_a_fault_in_a_wide_file_names_the_score_column_it_stands_in(folder: Folder) -> None:
    folder.write(w="episode_id,date,role,rest,worst\ne1,2026-01-05,intake,4,12\n")
    series = [
        {"column": name, "set": {"context": word}}
        for name, word in (("rest", "rest"), ("worst", "worst_24h"))
    ]
    study = folder.study(
        {"table": "episodes", "path": "e.csv"},
        {
            "table": "assessments",
            "path": "w.csv",
            "constants": {"instrument": "nprs"},
            "melt": {"value": "score", "series": series},
        },
    )
    folder.deliver(study)
    fault = folder.store.quarantined("assessments").iloc[0]
    assert (fault["column"], fault["source_column"], fault["rule"]) == (
        "score",
        "worst",
        "SCORE_OUT_OF_RANGE",
    )


def test_an_event_may_be_a_stop_rule(folder: Folder) -> None:
    folder.write(
        v="episode_id,date,kind\ne1,2026-01-06,severe pain\ne1,2026-05-06,Surgery\ne1,2026-01-07,party\n"
    )
    study = folder.study(
        {"table": "episodes", "path": "e.csv"},
        {"table": "assessments", "path": "a.csv"},
        {"table": "events", "path": "v.csv"},
    )
    folder.deliver(study)
    assert folder.store.read("events")["kind"].tolist() == ["severe_pain", "surgery"]
