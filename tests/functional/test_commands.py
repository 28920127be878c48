"""What each command says and ends with."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from studypkg.cli import app, main

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = [
    "init",
    "simulate",
    "check",
    "map",
    "ingest",
    "history",
    "quarantine",
    "pseudonymise",
    "relink",
    "anonymity",
    "fit",
    "report",
    "monthly",
    "audit",
    "open",
    "lab",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command, capsys):
    assert main([command, "--help"]) == 0
    assert f"Example: study {command}" in " ".join(capsys.readouterr().out.split())


def test_the_help_lists_the_commands_and_exit_codes(capsys):
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert [c for c in COMMANDS if c not in printed] == []
    assert "17 locked by another run" in " ".join(printed.split())
    assert {c.name or c.callback.__name__ for c in app.registered_commands} == set(COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["monthli"], "No such command"), (["fit", "--mont", "x"], "No such option"), (["init"], "FOLDER")],
)
def test_a_wrong_command_line_ends_with_10(arguments, said, capsys):
    assert main(arguments) == 10
    assert said.casefold() in capsys.readouterr().err.casefold()


def test_a_missing_study_ends_with_10_and_says_what_to_do(tmp_path, capsys):
    assert main(["check", "--study", str(tmp_path)]) == 10
    assert "study init" in capsys.readouterr().err


def test_init_makes_a_study_that_is_valid_and_never_overwrites(tmp_path, capsys):
    folder = tmp_path / "clinic"
    assert main(["init", str(folder)]) == 0
    assert sorted(p.name for p in (folder / "notebooks").iterdir()) == [
        "clinic_report.ipynb", "ingest.ipynb", "models.ipynb", "network_report.ipynb",
    ]  # fmt: skip
    assert main(["init", str(folder)]) == 10
    assert "left as it is" in capsys.readouterr().err


def test_check_names_what_is_missing_and_then_passes(tmp_path, capsys):
    folder = tmp_path / "clinic"
    assert main(["init", str(folder)]) == 0
    assert main(["check", "--study", str(folder)]) == 10
    assert "there is no data/raw/episodes.csv" in capsys.readouterr().out
    small = ["--clinics", "2", "--months", "1", "--per-month", "12"]
    assert main(["simulate", "--study", str(folder), *small]) == 0
    assert main(["check", "--study", str(folder)]) == 0


def test_fit_before_any_ingest_reads_the_files_first(tmp_path, capsys):
    assert main(["fit", "--study", str(tmp_path)]) == 10
    capsys.readouterr()


def test_simulate_never_overwrites_the_records_of_a_real_study(tmp_path, capsys):
    study = ROOT / "examples" / "neck_pain_laser"
    assert main(["simulate", "--study", str(study), "--out", str(tmp_path)]) == 10
    assert "real" in capsys.readouterr().err


def test_the_same_seed_writes_the_same_bytes(tmp_path, capsys):
    small = ["--study", str(ROOT), "--clinics", "2", "--months", "1", "--per-month", "12"]
    for name in ("one", "two"):
        assert main(["simulate", *small, "--out", str(tmp_path / name)]) == 0
    capsys.readouterr()
    for path in sorted((tmp_path / "one").glob("*.csv")):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_second_run_at_the_same_time_ends_with_17(network, capsys):
    with FileLock(network / "data" / "processed" / ".lock"):
        assert main(["ingest", "--study", str(network)]) == 17
    assert "another run" in capsys.readouterr().err


def test_ingest_accounts_for_every_row(network, capsys):
    assert main(["ingest", "--study", str(network), "--json"]) == 0
    for source in json.loads(capsys.readouterr().out)["sources"]:
        assert source["read"] == source["accepted"] + source["duplicate"] + source["quarantined"]


def test_without_a_terminal_the_log_is_plain_lines(network):
    run = subprocess.run(
        [str(Path(sys.executable).parent / "study"), "ingest", "--study", str(network)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "\x1b" not in run.stderr + run.stdout
    assert "Nothing has changed" in run.stdout


MODEL = """
[models.primary]
outcome = "pain"
roles = ["follow_up"]
formula = "{}"
fallback = [{}]
"""


def neck_pain(folder, formula, fallback=""):
    """The neck pain trial with another model."""
    fresh = shutil.ignore_patterns("processed", "reports")
    shutil.copytree(ROOT / "examples" / "neck_pain_laser", folder, ignore=fresh)
    text = (folder / "study.toml").read_text(encoding="utf-8")
    text = text[: text.index("[models.primary]")] + MODEL.format(formula, fallback)
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_model_that_cannot_be_fitted_gives_no_number_and_ends_with_14(tmp_path, capsys):
    folder = neck_pain(tmp_path / "study", "score ~ baseline + (1 | clinic)")
    assert main(["fit", "--study", str(folder), "--json"]) == 14
    (model,) = json.loads(capsys.readouterr().out)["models"]
    assert (model["status"], model["fit"], model["answers"]) == ("failed", None, [])
    assert "clinic" in model["reason"]


def test_a_fallback_that_answers_is_announced(tmp_path, capsys):
    arm = '"score ~ baseline + (1 | arm)"'
    folder = neck_pain(tmp_path / "study", "score ~ baseline + (1 | clinic)", arm)
    assert main(["fit", "--study", str(folder), "--json"]) == 0
    (model,) = json.loads(capsys.readouterr().out)["models"]
    assert model["fallback_used"]
    assert model["formula"] == "score ~ baseline + (1 | arm)"
    assert main(["fit", "--study", str(folder)]) == 0
    assert "not fitted:" in capsys.readouterr().out
