"""Real trial files: the counts that their authors state, and one table in three formats is one table."""

import csv
import tomllib
from pathlib import Path

import duckdb
import openpyxl
import pytest

from studypkg.config import check_study
from studypkg.records import ingest
from studypkg.records.arrivals import arrive
from studypkg.records.read import open_arrival
from studypkg.sources import Source
from studypkg.store import Store

DATA = Path(__file__).resolve().parents[2] / "data"
EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
ACUPUNCTURE = EXAMPLES / "acupuncture_headache" / "data"


@pytest.fixture
def read(tmp_path):
    """Read a file as the ingest does; gives its columns, its rows, and its notes."""
    with duckdb.connect() as connection:

        def reading(path, kind, **declared):
            source = Source(table="episodes", path=str(path), kind=kind, **declared)
            raw = open_arrival(connection, arrive(source, DATA, tmp_path), source)
            found = connection.execute(f"SELECT * EXCLUDE (_row) FROM {raw.relation} ORDER BY _row")
            return raw.columns, found.fetchall(), raw.notes

        yield reading


def by_csv_module(path, encoding="utf-8-sig", **options):
    with path.open(newline="", encoding=encoding) as stream:
        header, *rows = csv.reader(stream, **options)
    return tuple(header), [tuple(row) for row in rows]


# ------------------------------------------------------------------ acupuncture: 401 patients, 36 practices
def test_acupuncture_is_one_table_as_csv_spss_and_excel(read):
    columns, rows = by_csv_module(ACUPUNCTURE / "acupuncture.csv")
    assert len(rows) == 401
    assert len({row[columns.index("practice_id")] for row in rows}) == 36
    assert sum(row[columns.index("pk2")] == "" for row in rows) == 75
    assert sum(row[columns.index("pk5")] == "" for row in rows) == 100
    for path, kind in (
        (ACUPUNCTURE / "acupuncture.csv", "csv"),
        (DATA / "acupuncture_headache" / "acupuncture.sav", "spss"),
        (ACUPUNCTURE / "acupuncture.xlsx", "excel"),
    ):
        found = read(path, kind)
        assert found[:2] == (columns, rows), kind


def test_acupuncture_ingests_from_spss_as_from_csv(tmp_path):
    declared = (EXAMPLES / "acupuncture_headache" / "study.toml").read_text(encoding="utf-8")
    study = tomllib.loads(declared)
    accounts = []
    for path, kind in (
        (ACUPUNCTURE / "acupuncture.csv", "csv"),
        (DATA / "acupuncture_headache/acupuncture.sav", "spss"),
    ):
        sources = [{**one, "path": str(path), "kind": kind} for one in study["sources"]]
        store = Store(tmp_path / kind)
        made = ingest(
            check_study({**study, "sources": sources}, root=tmp_path), store,
            cutoff=None, gate=lambda *_: None, threads=1,
        )  # fmt: skip
        accounts.append([(one.table, one.read, one.accepted, one.quarantined) for one in made.sources])
        assert len(store.read("episodes")) == 401
    assert accounts[0] == accounts[1]


# ------------------------------------------------------------------ step training: 132, 924 and 130 rows
def test_step_training_is_one_table_as_csv_and_stata(read):
    folder = DATA / "ms_step_training"
    columns, rows = by_csv_module(folder / "data_final.csv")
    found_columns, found, _ = read(folder / "data_final.dta", "stata")
    assert found_columns == columns
    assert len(found) == len(rows) == 130
    for ours, theirs in zip(found, rows, strict=True):
        assert [cell == "" for cell in ours] == [cell == "" for cell in theirs]
        for exact, rounded in zip(ours, theirs, strict=True):
            # Stata cut the CSV's numbers to nine letters: equal to half of the last digit that it printed.
            unit = 10.0 ** -len(rounded.partition("e")[0].partition(".")[2])
            unit *= 10.0 ** int(rounded.partition("e")[2] or 0)
            assert not exact or abs(float(exact) - float(rounded)) <= 0.5001 * unit * ("." in rounded)


def test_step_training_with_labels_for_codes(read):
    columns, found, _ = read(DATA / "ms_step_training" / "data_final.dta", "stata", labels=True)
    words = {name: {row[columns.index(name)] for row in found} for name in ("group", "session", "_merge")}
    assert words == {"group": {"con", "trt"}, "session": {"pre", "pos"}, "_merge": {"Matched (3)"}}


def test_step_training_workbooks(read):
    folder = DATA / "ms_step_training"
    columns, rows, _ = read(folder / "proprio_funct_covar_measures.xlsx", "excel")
    assert (len(rows), len(columns)) == (132, 11)
    assert len({row[0] for row in rows}) == 66
    untrained = [row for row in rows if row[columns.index("group")] == "1"]
    assert len(untrained) == 66
    assert {row[columns.index("step_time")] for row in untrained} == {"0"}
    book = openpyxl.load_workbook(folder / "proprio_funct_covar_measures.xlsx")
    points = sum(cell.value == "." for line in book["proprio&funct"] for cell in line)
    assert sum(cell == "." for row in rows for cell in row) == points > 0
    columns, rows, _ = read(folder / "allmotor_long.xlsx", "excel")
    assert (len(rows), columns[0], len({row[0] for row in rows})) == (924, "ID", 66)


def test_step_training_ingests_with_its_points_as_missing(tmp_path):
    path = str(DATA / "ms_step_training" / "proprio_funct_covar_measures.xlsx")
    study = check_study(
        {
            "study": {"name": "steps"},
            "terms": {
                "conditions": {"ms": {"name": "Multiple sclerosis"}},
                "instruments": {
                    "walk": {"name": "Ten metres", "minimum": 0, "maximum": 600, "direction": "lower"}
                },
            },
            "sources": [
                {
                    "table": "episodes", "kind": "excel", "path": path,
                    "columns": {"patient_id": "id", "episode_id": "id"},
                    "constants": {"clinic_id": "lab", "start_date": "2000-01-01", "condition": "ms"},
                },
                {
                    "table": "assessments", "kind": "excel", "path": path, "missing": ["", "."],
                    "columns": {"episode_id": "id", "role": "session"},
                    "values": {"role": {"0": "intake", "1": "discharge"}},
                    "constants": {"date": "2000-01-01", "context": "average"},
                    "melt": {
                        "value": "score",
                        "series": [{"column": "speed_10mwt", "set": {"instrument": "walk"}}],
                    },
                },
            ],
        },
        root=tmp_path,
    )  # fmt: skip
    episodes, scores = ingest(
        study, Store(tmp_path / "out"), cutoff=None, gate=lambda *_: None, threads=1
    ).sources
    assert (episodes.read, episodes.accepted, episodes.duplicate) == (132, 66, 66)
    assert (scores.records, scores.quarantined) == (132, 0)
    sheet = openpyxl.load_workbook(path)["proprio&funct"]
    walked = [row[6].value for row in sheet.iter_rows(min_row=2, max_row=133)]
    assert scores.accepted == sum(isinstance(value, (int, float)) for value in walked)


# ------------------------------------------------------------------ amitriptyline: bare carriage returns
@pytest.mark.parametrize(
    ("name", "people", "rows"), [("xoverPP", 122, 244), ("xoverBOCF", 124, 248), ("RescueMeds", 122, 122)]
)
def test_amitriptyline_with_bare_carriage_returns(read, name, people, rows):
    path = DATA / "amitriptyline_crossover" / f"{name}.csv"
    content = path.read_bytes()
    assert b"\r" in content
    assert b"\n" not in content
    columns, found, notes = read(path, "csv")
    assert (columns, found) == by_csv_module(path)
    assert (len({row[0] for row in found}), len(found)) == (people, rows)
    assert any("line ends of another" in note for note in notes)


def test_amitriptyline_with_both_characters(read):
    path = DATA / "amitriptyline_crossover" / "Demographics.csv"
    columns, found, _ = read(path, "csv")
    assert (columns, found) == by_csv_module(path)
    assert "Education_>9yrs" in columns


# ------------------------------------------------------------------ home treadmill: 16 people, 573 days
def test_treadmill_days(read):
    path = DATA / "exercise_adherence_dpex" / "daily_summary.tsv"
    columns, found, _ = read(path, "csv")
    assert (columns, found) == by_csv_module(path, delimiter="\t")
    assert (len(found), len({row[0] for row in found})) == (573, 16)
    assert sum(row[columns.index("state.altExercise")] == "NA" for row in found) == 176


def test_treadmill_sessions_of_both_phases(read):
    folder = EXAMPLES / "exercise_adherence_dpex" / "data"
    done = {}
    for phase in ("0a", "0b"):
        columns, found, _ = read(folder / f"adherence_phase{phase}.tsv", "csv")
        sums = [
            sum(int(row[columns.index(name)]) for row in found)
            for name in ("Completed.Ex.sessions", "Total.planned.sessions")
        ]
        done[phase] = (len(found), *sums)
    assert done == {"0a": (3, 79, 84), "0b": (13, 294, 333)}
