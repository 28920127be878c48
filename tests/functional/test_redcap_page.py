"""The page on REDCap: its declaration, run as it stands on an invented project."""

import re
import tomllib
from pathlib import Path

from studypkg.cli import main
from studypkg.store import Store

ROOT = Path(__file__).resolve().parents[2]
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


def test_the_declaration_of_the_page_reads_the_project(tmp_path, capsys):
    text = next(block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "[study]" in block)
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


def test_every_block_is_one_that_a_study_may_have():
    for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL):
        assert tomllib.loads(block)["sources"]
