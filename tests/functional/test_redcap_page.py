"""The page on REDCap: its declarations, run as they stand on invented projects."""

import re
import sys
import tomllib
from pathlib import Path

from studypkg.cli import main
from studypkg.store import Store

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "unit" / "records" / "redcap"))  # for the stand-in of the API

from api_stub import TOKEN, serve  # noqa: E402

PAGE = (ROOT / "docs" / "how-to" / "redcap.md").read_text(encoding="utf-8")
DICTIONARY = """Variable / Field Name,Form Name,Field Type,Field Label,\
"Choices, Calculations, OR Slider Labels",Text Validation Type OR Show Slider Number,Identifier?
record_id,intake,text,Record,,,
first_visit,intake,text,First visit,,date_dmy,
diagnosis,intake,dropdown,Diagnosis,"1, Outside hip pain | 2, ITB syndrome",,
hip_side,intake,radio,Side,"1, Left | 2, Right",,
age,intake,text,Age,,integer,
called,intake,text,Name,,,y
seen_on,weekly_pain,text,Seen on,,date_dmy,
pain_now,weekly_pain,text,Worst pain,,number,
visit_kind,weekly_pain,radio,Visit,"1, Intake | 2, Between | 3, Discharge",,
story,weekly_pain,notes,Story,,,
"""
HEAD = (
    "record_id,redcap_repeat_instrument,redcap_repeat_instance,redcap_data_access_group,first_visit,diagnosis,"
    "hip_side,age,called,intake_complete,seen_on,pain_now,visit_kind,story,weekly_pain_complete"
)


def project(folder: Path) -> int:
    """Write 30 records with four visits each, one of them without a score; give the number of scores."""
    lines = [HEAD]
    for i in range(1, 31):
        lines.append(f"{i},,,hill_clinic,2026-01-{i % 28 + 1:02d},{i % 2 + 1},1,{30 + i},CNRYNAME,2,,,,,")
        for visit, pain in enumerate(("7", "5.5", "-99" if i == 9 else "4", "2"), start=1):
            kind = {1: 1, 4: 3}.get(visit, 2)
            lines.append(
                f"{i},weekly_pain,{visit},hill_clinic,,,,,,,2026-0{visit}-{i % 28 + 1:02d},{pain},{kind},"
                f"CNRYSTORY,2"
            )
    raw = folder / "data" / "raw"
    raw.mkdir(parents=True)
    (raw / "data.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (raw / "dictionary.csv").write_text(DICTIONARY, encoding="utf-8")
    return 30 * 4 - 1


def block_with(words: str) -> str:
    """Give the one declaration of the page that holds these words."""
    (found,) = (block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if words in block)
    return found


def test_the_declaration_of_the_page_reads_the_project(tmp_path, capsys):
    text = block_with("[study]")
    assert len(tomllib.loads(text)["sources"]) == 2
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    scores = project(tmp_path)
    assert main(["check", "--study", str(tmp_path)]) == 0
    assert main(["ingest", "--study", str(tmp_path)]) == 0
    said = capsys.readouterr()
    store = Store(tmp_path / "data" / "processed")
    assert len(store.read("episodes")) == 30
    found = store.read("assessments")
    assert len(found) == scores
    assert found["role"].value_counts().to_dict() == {"interim": 59, "intake": 30, "discharge": 30}
    assert set(store.read("episodes")["condition"]) == {"outside_hip_pain", "itb_syndrome"}
    told = " ".join(said.out.split())
    assert "30 of 150 rows of the export hold intake" in told
    assert "120 of 150 rows of the export hold weekly_pain" in told
    assert "called (flagged as an identifier)" in told
    assert "CNRY" not in said.out + said.err
    for path in (tmp_path / "data" / "processed").rglob("*"):
        if path.is_file() and path.parent.name != "raw":
            assert b"CNRY" not in path.read_bytes(), path.name


FILES = """path = "data/raw/data.csv"

[sources.redcap]
dictionary = "data/raw/dictionary.csv"
"""
LIVE = """
[sources.redcap]
url_variable = "REDCAP_URL"
token_variable = "REDCAP_TOKEN"
"""


def live_study(folder: Path) -> int:
    """Write the page's first study so that it asks the API; give the number of its scores."""
    text = block_with("[study]")
    assert text.count(FILES) == 2
    (folder / "study.toml").write_text(text.replace(FILES, LIVE), encoding="utf-8")
    return project(folder)


def test_the_api_gives_the_same_rows_as_the_files(tmp_path, monkeypatch, capsys):
    scores = live_study(tmp_path)
    with serve(tmp_path / "data" / "raw") as stub:
        monkeypatch.setenv("REDCAP_URL", stub.url)
        monkeypatch.setenv("REDCAP_TOKEN", TOKEN)
        assert main(["check", "--study", str(tmp_path)]) == 0
        assert stub.asked == []
        assert main(["ingest", "--study", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert len(Store(tmp_path / "data" / "processed").read("assessments")) == scores
    assert not {"called", "story"} & {
        value for question in stub.asked for key, value in question.items() if key.startswith("fields[")
    }
    for word in (TOKEN, stub.url, "CNRY"):
        assert word not in said.out + said.err
        for path in (tmp_path / "data" / "processed").rglob("*"):
            assert not path.is_file() or word.encode() not in path.read_bytes(), path.name


def test_a_refused_token_ends_the_run_and_tells_nothing(tmp_path, monkeypatch, capsys):
    live_study(tmp_path)
    with serve(tmp_path / "data" / "raw") as stub:
        monkeypatch.setenv("REDCAP_URL", stub.url)
        monkeypatch.setenv("REDCAP_TOKEN", TOKEN[::-1])
        assert main(["ingest", "--study", str(tmp_path)]) == 10
    said = capsys.readouterr()
    assert "REDCap refused the token" in " ".join(said.err.split())
    assert TOKEN[::-1] not in said.out + said.err and "permissions" not in said.out + said.err
    assert not (tmp_path / "data" / "processed" / "assessments").exists()


def test_ticked_boxes_become_rows(tmp_path):
    project(tmp_path)
    raw = tmp_path / "data" / "raw"
    text = (
        block_with("[study]").replace("data/raw/", "data/raw/base/")
        + block_with('checkboxes = "choices"')
    )  # fmt: skip
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    (raw / "base").mkdir()
    for name in ("data.csv", "dictionary.csv"):
        (raw / name).rename(raw / "base" / name)
    (raw / "dictionary.csv").write_text(
        DICTIONARY.splitlines()[0] + "\nrecord_id,visit,text,Record,,,\nvisit_on,visit,text,On,,date_dmy,\n"
        'given,visit,checkbox,Given,"dn, Dry needling | ia, IASTM",,\n',
        encoding="utf-8",
    )
    boxes = {i: (i % 2, (i // 2) % 2) for i in range(1, 31)}
    lines = ["record_id,visit_on,given___dn,given___ia,visit_complete"]
    lines += [f"{i},2026-02-03,{dn},{ia},2" for i, (dn, ia) in boxes.items()]
    (raw / "data.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert main(["ingest", "--study", str(tmp_path)]) == 0
    found = Store(tmp_path / "data" / "processed").read("treatments")
    expected = sorted(
        (str(i), word)
        for i, ticks in boxes.items()
        for word, tick in zip(("dry_needling", "iastm"), ticks, strict=True) if tick
    )  # fmt: skip
    assert sorted(zip(found["episode_id"], found["modality"], strict=True)) == expected


def test_every_block_is_one_that_a_study_may_have():
    for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL):
        assert tomllib.loads(block)["sources"]
