"""`study map`: what it proposes reads the same records as a mapping by hand, and it shows no value."""

import datetime as dt
import itertools
import json
import re
import shutil
import stat
import tomllib
from pathlib import Path

import duckdb
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import pytest

from studypkg.cli import main
from studypkg.errors import DataRejectedError
from studypkg.pipeline import mapping

ROOT = Path(__file__).resolve().parents[2]


def run(capsys, *arguments, code=0):
    """Run a command; give what it printed."""
    ended = main([str(one) for one in arguments])
    printed = capsys.readouterr()
    assert ended == code, printed
    return printed


def accepted(folder, capsys):
    """Ingest a study: rows read and accepted, by table."""
    told = json.loads(run(capsys, "ingest", "--study", folder, "--json").out)
    counts: dict[str, list[int]] = {}
    for one in told["sources"]:
        both = counts.setdefault(one["table"], [0, 0])
        both[0] += one["read"]
        both[1] += one["accepted"]
    return counts


def without_sources(text):
    """A study file without its `[[sources]]` blocks."""
    parts = re.split(r"(?m)^(?=\[\[?[a-z])", text)
    return "".join(part for part in parts if not part.startswith(("[[sources]]", "[sources.")))


# ------------------------------------------------------------------ there and back
def test_the_invented_network_comes_in_as_with_its_own_mapping(tmp_path, capsys):
    by_hand = (ROOT / "study.toml").read_text(encoding="utf-8")
    study = tmp_path / "study.toml"
    study.write_text(by_hand, encoding="utf-8")
    run(capsys, "simulate", "--study", study, "--clinics", 2, "--months", 2, "--per-month", 30)
    expected = accepted(tmp_path, capsys)
    shutil.rmtree(tmp_path / "data/processed")
    study.write_text(without_sources(by_hand), encoding="utf-8")
    files = sorted((tmp_path / "data/raw").glob("*.csv"))
    for file in files:
        run(capsys, "map", file, "--study", study, "--write")
    assert len(files) == len(expected) == 7
    assert accepted(tmp_path, capsys) == expected


def fill(text, *answers):
    """Choose what is left open, as in an editor: what stands there, and what shall stand there."""
    for there, wanted in answers:
        assert there in text, (there, text)
        text = text.replace(there, wanted, 1)
    return text


def opened(text, *names):
    """Take the comment sign off a line of constants."""
    for name in names:
        text, times = re.subn(rf"(?m)^# ({name} = )", r"\1", text, count=1)
        assert times == 1, name
    return text


@pytest.fixture
def example(tmp_path):
    """A copy of an example without its mapping, and the rows that its own mapping gives."""

    def copied(name, capsys):
        folder = tmp_path / name
        shutil.copytree(
            ROOT / "examples" / name, folder, ignore=shutil.ignore_patterns("processed", "reports")
        )
        expected = accepted(folder, capsys)
        shutil.rmtree(folder / "processed")
        study = folder / "study.toml"
        rest = without_sources(study.read_text(encoding="utf-8"))
        study.write_text(rest, encoding="utf-8")
        return folder, study, expected

    return copied


def proposed(capsys, file, study, *options):
    told = json.loads(run(capsys, "map", file, "--study", study, "--json", *options).out)
    (only,) = told["tables"]
    return only["blocks"]


@pytest.mark.parametrize("kind", ["csv", "spss"])
def test_a_trial_with_one_row_per_patient(example, capsys, kind):
    folder, study, expected = example("acupuncture_headache", capsys)
    file = folder / "data/acupuncture.csv"
    if kind == "spss":
        source = ROOT / "tests/data/acupuncture_headache/acupuncture.sav"
        file = Path(shutil.copy(source, folder / "data"))
    episodes = opened(proposed(capsys, file, study)["episodes"], "start_date", "condition")
    episodes = fill(
        episodes,
        ('"outside_hip_pain"', '"migraine"'),
        ("[sources.values.sex]", '[sources.values.sex]\n1 = "female"\n0 = "male"'),
    )
    scores = proposed(capsys, file, study, "--table", "assessments")["assessments"]
    head, _, offered = scores.partition("# CHOOSE: one score at several times?")
    first = offered.split("# CHOOSE")[0].split("\n", 1)[1]
    melt = re.sub(r"(?m)^# ?", "", first)
    days = {"pk1": "2000-01-01", "pk2": "2000-04-01", "pk5": "2000-12-30"}
    for column, day in days.items():
        melt = re.sub(rf'("{column}", set = {{date = )"[^"]*"', rf'\1"{day}"', melt)
    chosen = opened(head, "instrument").replace('"nprs"', '"headache_score"') + melt
    study.write_text(study.read_text(encoding="utf-8") + "\n" + episodes + "\n" + chosen, encoding="utf-8")
    found = accepted(folder, capsys)
    assert found["episodes"] == expected["episodes"] == [401, 401]
    # The mapping by hand has a second source of as many scores, of another instrument.
    assert [2 * number for number in found["assessments"]] == expected["assessments"]


def test_a_trial_with_one_row_per_score(example, capsys):
    folder, study, expected = example("neck_pain_laser", capsys)
    file = folder / "data/neck_pain.csv"
    scores = proposed(capsys, file, study)["assessments"]
    # Which day and which role "time" means stands in the paper and not in the file.
    scores = fill(
        scores,
        ("[sources.columns]", '[sources.columns]\ndate = "time"\nrole = "time"'),
        ("# multiply = 100", "multiply = 10"),
        ('"vas_pain"', '"vas_pain_10cm"'),
    )
    values = tomllib.loads((ROOT / "examples/neck_pain_laser/study.toml").read_text(encoding="utf-8"))
    by_hand = values["sources"][1]["values"]
    for name in ("date", "role"):
        scores += f"\n[sources.values.{name}]\n" + "".join(f'{k} = "{v}"\n' for k, v in by_hand[name].items())
    episodes = opened(
        proposed(capsys, file, study, "--table", "episodes")["episodes"],
        "clinic_id",
        "start_date",
        "condition",
    ).replace('"outside_hip_pain"', '"neck_pain"')
    study.write_text(study.read_text(encoding="utf-8") + "\n" + episodes + "\n" + scores, encoding="utf-8")
    assert accepted(folder, capsys) == expected == {"episodes": [264, 90], "assessments": [264, 264]}


def test_a_trial_in_two_files_with_tabs(example, capsys):
    folder, study, expected = example("exercise_adherence_dpex", capsys)
    for file in sorted((folder / "data").glob("*.tsv")):
        block = proposed(capsys, file, study, "--table", "episodes")["episodes"]
        block = opened(block, "clinic_id", "start_date", "condition").replace(
            '"outside_hip_pain"', '"cancer"'
        )
        block = re.sub(r"(?m)^# (sessions_\w+ = )", r"\1", block)
        study.write_text(study.read_text(encoding="utf-8") + "\n" + block, encoding="utf-8")
    assert accepted(folder, capsys) == expected == {"episodes": [16, 16]}


# ------------------------------------------------------------------ no value is shown
HEADER = ("Case No", "Visit day", "NPRS", "Type", "Full name", "Phone", "Comment", "Weight", "Code", "Sex")


def canaries():
    """Thirty rows in which every cell is a canary, and the canaries themselves."""
    rows, planted = [], set()
    names = itertools.product(("Zorblat", "Quimbel", "Vexinor"), ("Wurmfeld", "Trallach"), range(5))
    for number, (first, last, more) in enumerate(names):
        row = (
            f"CN{number:02d}XQ{number * 7919 % 997:03d}", f"{19 + number % 9}.0{1 + number % 9}.2025",
            f"{number % 10}.{1000 + number * 37}", f"wibble{number}", f"{first} {last}{more}",
            f"+49 171 555{number:04d}", f"says that the knee {number} is a zebra, again",
            f"{61 + number}.{731 + number}", f"K{number:03d}Z", f"gx{number % 3}",
        )  # fmt: skip
        rows.append(row)
        planted.update(row)
    return rows, planted


def write_csv(path, rows):
    lines = [",".join(f'"{cell}"' for cell in row) for row in (HEADER, *rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_excel(path, rows):
    book = openpyxl.Workbook()
    for row in (HEADER, *rows):
        book.active.append(row)
    book.save(path)


def write_parquet(path, rows):
    pq.write_table(pa.table(dict(zip(HEADER, zip(*rows, strict=True), strict=True))), path)


def write_spss(path, rows):
    names = [name.replace(" ", "_") for name in HEADER]
    pyreadstat.write_sav(pd.DataFrame(rows, columns=names), path)


@pytest.mark.parametrize(
    ("name", "write", "options"),
    [
        ("file.csv", write_csv, []),
        ("file.csv", write_csv, ["--json"]),
        ("file.xlsx", write_excel, []),
        ("file.parquet", write_parquet, []),
        ("file.sav", write_spss, []),
        *(("file.csv", write_csv, ["--table", one]) for one in ("episodes", "visits", "treatments")),
    ],
)
def test_no_value_of_any_field_is_shown_or_written(tmp_path, capsys, caplog, name, write, options):
    rows, planted = canaries()
    file, study = tmp_path / name, tmp_path / "study.toml"
    write(file, rows)
    seen = run(capsys, "map", file, "--study", study, "--write", *options)
    said = seen.out + seen.err + study.read_text(encoding="utf-8") + caplog.text
    assert "Case" in said
    assert [cell for cell in planted if cell in said] == []
    parts = {word for cell in planted for word in re.split(r"[\s.,]+", cell) if len(word) > 4}
    assert [word for word in parts if word in said] == []
    assert {one.name for one in tmp_path.iterdir()} == {name, "study.toml"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Zorblat;7391\nQuimbel;7392\n",
        b'a,b\n1,"Zorblat\n2,7391\n',
        b"a,b\n1,2\n3,Zorblat,7391\n",
        b"a,b\nZorblat,\0\n",
        b"PK\x03\x04Zorblat7391",
        b"PAR1Zorblat7391",
        b"$FL2Zorblat7391",
        b"a,b\n" + b"Zorblat7391" * 200_000 + b",1\n",
    ],
)
def test_a_file_that_cannot_be_read_ends_with_11_and_quotes_nothing(tmp_path, capsys, content):
    file, study = tmp_path / "file.csv", tmp_path / "study.toml"
    file.write_bytes(content)
    said = run(capsys, "map", file, "--study", study, "--write", code=11)
    assert said.err.startswith("error 11: file.csv")
    assert "Zorblat" not in said.out + said.err
    assert "7391" not in said.out + said.err
    assert not study.exists()


@pytest.mark.parametrize("fault", [duckdb.ConversionException('"Zorblat7391" is no number'), MemoryError()])
def test_a_database_that_gives_up_is_not_quoted(tmp_path, capsys, monkeypatch, fault):
    def broken(*_, **__):
        raise fault

    monkeypatch.setattr(mapping, "propose", broken)
    (tmp_path / "file.csv").write_text("a,b\n1,2\n3,4\n", encoding="utf-8")
    said = run(capsys, "map", tmp_path / "file.csv", "--study", tmp_path, code=11)
    assert "Zorblat" not in said.out + said.err
    with pytest.raises(DataRejectedError) as refused:
        mapping.map_file(tmp_path / "file.csv", tmp_path)
    assert refused.value.__context__ is None


# ------------------------------------------------------------------ what it says
def test_identifiers_and_free_text_are_dropped(tmp_path, capsys):
    rows, _ = canaries()
    write_csv(tmp_path / "file.csv", rows)
    told = json.loads(run(capsys, "map", tmp_path / "file.csv", "--study", tmp_path, "--json").out)
    becomes = {one["column"]: one["becomes"] for one in told["tables"][0]["columns"]}
    assert [name for name, what in becomes.items() if what == ["dropped"]] == [
        "Full name",
        "Phone",
        "Comment",
    ]
    (source,) = tomllib.loads(told["tables"][0]["blocks"]["assessments"])["sources"]
    assert source["drop"] == ["Full name", "Phone", "Comment"]


@pytest.mark.parametrize(
    ("content", "page"),
    [
        ("record_id,redcap_event_name,pain\n1,baseline_arm_1,7\n", "docs/how-to/redcap.md"),
        ('{"resourceType": "Bundle"}', "docs/how-to/fhir.md"),
    ],
)
def test_other_exports_are_pointed_to_their_page(tmp_path, capsys, content, page):
    (tmp_path / "file.csv").write_text(content, encoding="utf-8")
    assert page in run(capsys, "map", tmp_path / "file.csv", "--study", tmp_path).out
    run(capsys, "map", tmp_path / "file.csv", "--study", tmp_path, "--write", code=10)


def test_headings_are_text_and_no_commands_of_the_terminal(tmp_path, capsys):
    header = '"[red]pain[/red]","a\x1b[31mb","[/]x"'
    (tmp_path / "file.csv").write_text(header + "\n1,2,3\n4,5,6\n", encoding="utf-8")
    said = run(capsys, "map", tmp_path / "file.csv", "--study", tmp_path).out
    assert "[red]pain[/red]" in said
    assert "\x1b" not in said


def test_several_sheets_have_a_block_each(tmp_path, capsys):
    book = openpyxl.Workbook()
    book.active.title = "visits"
    for row in [("episode_id", "date", "status"), ("e1", dt.date(2026, 1, 5), "kept")]:
        book["visits"].append(row)
    book.create_sheet("hands-on")
    for row in [("episode_id", "date", "treatment"), ("e1", dt.date(2026, 1, 5), "cupping")]:
        book["hands-on"].append(row)
    book.save(tmp_path / "book.xlsx")
    run(capsys, "map", tmp_path / "book.xlsx", "--study", tmp_path, "--write")
    sources = tomllib.loads((tmp_path / "study.toml").read_text(encoding="utf-8"))["sources"]
    assert [(one["table"], one["sheet"]) for one in sources] == [
        ("visits", "visits"),
        ("treatments", "hands-on"),
    ]


def test_words_of_the_study_itself_are_known(tmp_path, capsys):
    (tmp_path / "study.toml").write_text(
        '[study]\nname = "s"\n\n[terms.modalities.hydro]\nname = "Hydrotherapy"\naliases = ["aqua"]\n'
        '\n[outcomes.pain]\ninstrument = "nprs"\n',
        encoding="utf-8",
    )
    rows = "".join(f"e{i},2026-01-05,aqua\n" for i in range(30))
    (tmp_path / "t.csv").write_text("episode_id,date,service\n" + rows, encoding="utf-8")
    said = run(capsys, "map", tmp_path / "t.csv", "--study", tmp_path).out
    assert 'table = "treatments"' in said
    assert "not known" not in said


@pytest.mark.parametrize(
    ("option", "told"), [("--table", "there is no table"), ("--sheet", "no visible sheet")]
)
def test_names_that_do_not_exist(tmp_path, capsys, option, told):
    write_excel(tmp_path / "file.xlsx", canaries()[0])
    code = 10 if option == "--table" else 11
    said = run(capsys, "map", tmp_path / "file.xlsx", "--study", tmp_path, option, "nothing", code=code)
    assert told in said.err


# ------------------------------------------------------------------ writing
VISITS = "episode_id,date,status\n" + "".join(f"e{i},2026-01-05,attended\n" for i in range(30))


@pytest.fixture
def visits(tmp_path):
    (tmp_path / "data").mkdir()
    file = tmp_path / "data/visits.csv"
    file.write_text(VISITS, encoding="utf-8")
    return file


def test_what_stands_in_the_file_stays_byte_for_byte(tmp_path, visits, capsys):
    study = tmp_path / "study.toml"
    before = b'# ours\r\n[study]\r\nname = "\xc3\xa9"   # kept\r\n\r\n[models.a]\r\nformula = "score ~ weeks"'
    study.write_bytes(before)
    study.chmod(0o600)
    run(capsys, "map", visits, "--study", study, "--write")
    after = study.read_bytes()
    assert after.startswith(before)
    assert stat.S_IMODE(study.stat().st_mode) == 0o600
    assert tomllib.loads(after.decode())["sources"] == [{"table": "visits", "path": "data/visits.csv"}]
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_the_same_block_is_not_written_twice(tmp_path, visits, capsys):
    run(capsys, "map", visits, "--study", tmp_path, "--write")
    before = (tmp_path / "study.toml").read_bytes()
    said = run(capsys, "map", visits, "--study", tmp_path, "--write", code=10)
    assert 'a [[sources]] block of table "visits" for data/visits.csv already' in said.err
    assert (tmp_path / "study.toml").read_bytes() == before


@pytest.mark.parametrize(
    "text", ["[study\n", 'sources = "x"\n', "sources = [{table = 'visits', path = 'x'}]\n"]
)
def test_a_study_file_that_cannot_take_a_block_is_left_alone(tmp_path, visits, capsys, text):
    study = tmp_path / "study.toml"
    study.write_text(text, encoding="utf-8")
    run(capsys, "map", visits, "--study", study, "--write", code=10)
    assert study.read_text(encoding="utf-8") == text


def test_a_link_to_the_study_file_stays_a_link(tmp_path, visits, capsys):
    true, link = tmp_path / "true.toml", tmp_path / "study.toml"
    true.write_text('[study]\nname = "s"\n', encoding="utf-8")
    link.symlink_to(true)
    run(capsys, "map", visits, "--study", link, "--write")
    assert link.is_symlink()
    assert "[[sources]]" in true.read_text(encoding="utf-8")


def test_a_file_outside_of_the_study_is_named_by_its_whole_path(tmp_path, visits, capsys):
    study = tmp_path / "other/study.toml"
    study.parent.mkdir()
    run(capsys, "map", visits, "--study", study, "--write")
    (source,) = tomllib.loads(study.read_text(encoding="utf-8"))["sources"]
    assert source["path"] == visits.as_posix()
