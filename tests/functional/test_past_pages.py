"""Pages of a past state: the documents of then to the byte, and rows that came late for a month."""

import datetime as dt
import json
import re
import shutil

import pandas as pd
import pytest

from studypkg.cli import main

MONTH = "2026-03"
CLINIC = "clinic_01"


def documents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.json"))}


def page(folder, unit):
    return (folder / unit / f"{unit}.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def corrected(network, tmp_path_factory):
    """The network a day after its month was published, when twenty scores of that month were corrected."""
    folder = shutil.copytree(network, tmp_path_factory.mktemp("later") / "network", symlinks=True)
    raw = folder / "data/raw/assessments.csv"
    scores = pd.read_csv(raw, dtype=str, keep_default_na=False)
    month = scores["date"].str.startswith(MONTH) & scores["score"].isin(["4", "5", "6"])
    assert month.sum() > 20
    scores.loc[scores.index[month][:20], "score"] = "1"
    scores.to_csv(raw, index=False)
    issued = dt.date.fromisoformat(
        json.loads((folder / "data/processed/ingest.json").read_text(encoding="utf-8"))["day"]
    )
    later = dt.datetime.combine(issued + dt.timedelta(days=1), dt.time(8))
    patch = pytest.MonkeyPatch()
    patch.setattr("studypkg.cli.records.now_of", lambda study: later)
    assert main(["ingest", "--study", str(folder)]) == 0
    patch.undo()
    return folder, issued


def test_a_month_is_rebuilt_as_it_was_known_to_the_byte(corrected, network, capsys):
    folder, issued = corrected
    now = documents(folder / "data/processed/released" / MONTH)
    told = ["report", "--study", str(folder), "--month", MONTH, "--clinic", CLINIC]
    assert main([*told, "--as-of", issued.isoformat()]) == 0
    past = documents(folder / "data/processed/released/as-of/batch-0001" / MONTH)
    assert past == documents(network / "data/processed/released" / MONTH) == now
    assert "as-of" in capsys.readouterr().out
    for unit in ("ingest", "research", CLINIC):
        text = page(folder / "reports/as-of/batch-0001" / MONTH, unit)
        assert f"As known at batch 1 of {issued.isoformat()}: what came in later is not in it." in text
        assert "As known at" not in page(folder / "reports" / MONTH, unit)


def test_the_same_month_as_it_is_known_now_is_another_and_names_its_late_rows(corrected, network):
    folder, _ = corrected
    told = ["report", "--study", str(folder), "--month", MONTH, "--clinic", CLINIC]
    assert main(told) == 0
    assert documents(folder / "data/processed/released" / MONTH) != documents(
        network / "data/processed/released" / MONTH
    )
    late = re.split(r"Late rows", page(folder / "reports" / MONTH, "ingest"))[-1]
    words = re.sub(r"<[^>]+>|\s+", " ", late)
    assert re.search(r"assessments\s+March 2026\s+20 ", words), words[:300]
    before = re.split(r"Late rows", page(network / "reports" / MONTH, "ingest"))[-1]
    assert "No row arrived for a month that had been reported." in before


def test_a_fit_of_a_past_state_reads_no_file_and_says_what_it_is(corrected, capsys):
    folder, _ = corrected
    for path in (folder / "data/raw").iterdir():
        path.rename(path.with_suffix(".gone"))
    try:
        assert main(["fit", "--study", str(folder), "--as-of", "1"]) == 0
        past = capsys.readouterr().out
    finally:
        for path in (folder / "data/raw").iterdir():
            path.rename(path.with_suffix(".csv"))
    assert "As known at batch 1" in past


@pytest.mark.parametrize(
    ("as_of", "said"), [("2020-01", "nothing was known"), ("99", "there is no batch 99"), ("then", "no past")]
)
def test_a_past_that_never_was_ends_with_10(corrected, as_of, said, capsys):
    assert main(["report", "--study", str(corrected[0]), "--as-of", as_of]) == 10
    assert said in capsys.readouterr().err


def test_as_of_is_no_key_of_the_study_file(network, tmp_path, capsys):
    text = "as_of = 1\n" + (network / "study.toml").read_text(encoding="utf-8")
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    assert main(["check", "--study", str(tmp_path)]) == 10
    assert 'unknown key "as_of"' in capsys.readouterr().err
