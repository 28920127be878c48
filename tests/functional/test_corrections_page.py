"""The page about corrections: its study is set up as it says, and its commands answer what it shows."""

import datetime as dt
import re
from pathlib import Path

import pytest

from studypkg.cli import main

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/how-to/corrections.md").read_text(encoding="utf-8")
#: A block, the day before it on which it is typed, and whether the list of the quarantine was mended first.
BLOCKS = re.compile(r"(?:<!-- (\S+?)(, mend)? -->\n)?```(toml|csv|console)\n(.*?)```", re.DOTALL)
WAS, IS = '"7/10, worse on hills"', "7"


@pytest.fixture
def clock(monkeypatch):
    """Set the day on which the next command is typed."""

    def set_day(day):
        moment = dt.datetime.fromisoformat(f"{day}T08:30:00")
        monkeypatch.setattr("studypkg.cli.records.now_of", lambda study: moment)

    return set_day


def test_the_commands_of_the_page_answer_what_it_shows(tmp_path, monkeypatch, capsys, clock):
    monkeypatch.chdir(tmp_path)
    run = 0
    for found in BLOCKS.finditer(PAGE):
        day, mended, kind, body = found.groups()
        if kind == "toml":
            Path("study.toml").write_text(body, encoding="utf-8")
        elif kind == "csv":
            name = re.findall(r"`(\w+\.csv)`:\n\n$", PAGE[: found.start()])[-1]
            Path(name).write_text(body, encoding="utf-8")
        else:
            if mended:
                text = Path("mend.csv").read_text(encoding="utf-8-sig")
                assert text.count(WAS) == 1
                Path("mend.csv").write_text(text.replace(WAS, IS), encoding="utf-8")
            clock(day)
            for block in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                command, _, shown = block.partition("\n")
                program, *arguments = command.split()
                assert program == "study"
                assert main(arguments) == 0, command
                printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
                assert printed == shown.splitlines(), command
                run += 1
    assert run == 10
