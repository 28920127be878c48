"""The page about own data: whoever follows its steps gets what it shows, and a study that reads the files."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from studypkg.cli import main
from studypkg.sources import Source

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/how-to/bring-your-own-data.md").read_text(encoding="utf-8")
STEPS = PAGE[PAGE.index("## Step by step") : PAGE.index("### What it shows")]
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", STEPS, re.DOTALL) for line in block.splitlines()]


def file_of(name):
    """The file that the page shows under a name."""
    shown = STEPS.split(f"`{name}`\n\n")[1].split("\n\n")[0]
    return "".join(f"{line.strip()}\n" for line in shown.splitlines())


def study(capsys, command, code=0):
    """Run a command of the page; give what it printed."""
    assert command in COMMANDS
    assert main(command.split()[1:]) == code, capsys.readouterr()
    return capsys.readouterr().out


@pytest.fixture
def clinic(tmp_path, monkeypatch, capsys):
    """Steps 1 and 2."""
    monkeypatch.chdir(tmp_path)
    study(capsys, "study init my-clinic")
    monkeypatch.chdir(tmp_path / "my-clinic")
    text = Path("study.toml").read_text(encoding="utf-8")
    # "everything between the lines …"
    first, last = text.index("where the records are"), text.index("what may come in and go out")
    kept = text[: text.index("\n", first) + 1] + text[text.rindex("\n", 0, last) :]
    Path("study.toml").write_text(kept, encoding="utf-8")
    for name in ("data/raw/cases.csv", "data/raw/scores.csv"):
        Path(name).write_text(file_of(name), encoding="utf-8")


def test_whoever_follows_the_steps_has_a_study_that_reads(clinic, capsys):
    study(capsys, "study map data/raw/cases.csv")
    said = study(capsys, "study map data/raw/scores.csv")
    table, block = STEPS.split("For the second file it says\n\n")[1].split("\n\nand proposes\n\n```toml\n")
    lines = {" ".join(line.split()) for line in said.splitlines()}
    assert [line for line in table.splitlines() if " ".join(line.split()) not in lines] == []
    assert block.split("```")[0].strip() in said

    study(capsys, "study map data/raw/cases.csv --write")
    study(capsys, "study map data/raw/scores.csv --write")
    text = Path("study.toml").read_text(encoding="utf-8")
    (choice,) = (line for line in text.splitlines() if line.startswith("# CHOOSE"))
    (answer,) = re.findall(r"so the last line becomes\n\n```toml\n(.*?)\n```", STEPS, re.DOTALL)
    Path("study.toml").write_text(text.replace(choice, answer), encoding="utf-8")

    study(capsys, "study check")
    study(capsys, "study ingest")
    main(["history", "--json"])
    (batch,) = json.loads(capsys.readouterr().out)
    assert {one["table"]: one["now"] for one in batch["tables"] if one["now"]} == {
        "episodes": 2,
        "assessments": 4,
    }


def test_every_block_of_the_page_is_one_that_a_study_may_have():
    blocks = [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]
    found = [
        Source(**one)
        for block in blocks
        for one in block.get("sources", [])
        if isinstance(one, dict) and "path" in one
    ]
    assert len(found) >= 7
