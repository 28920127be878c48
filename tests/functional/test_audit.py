"""The audit of a whole month, as the program made it."""

import json
import shutil

from studypkg.cli import main


def test_a_month_as_it_was_made_has_no_finding(network, capsys):
    assert main(["audit", "--study", str(network), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["found"] == []
    assert told["files"] > 10
    assert told["ids"] > 1_000
    assert told["issues"] >= 5


def test_an_id_of_the_records_in_the_last_cell_of_a_notebook_is_found(network, tmp_path, capsys):
    folder = shutil.copytree(network, tmp_path / "study", symlinks=True)
    (place,) = sorted(folder.glob("reports/*/network/network.ipynb"))
    with (folder / "data/raw/episodes.csv").open(encoding="utf-8") as stream:
        patient = dict(zip(next(stream).split(","), next(stream).split(","), strict=True))["patient_id"]
    notebook = json.loads(place.read_text(encoding="utf-8"))
    notebook["cells"][-1]["source"] = f"# {patient}"
    place.write_text(json.dumps(notebook), encoding="utf-8")
    assert main(["audit", "--study", str(folder)]) == 13
    printed = capsys.readouterr().out
    assert "identifier: 2026-03/network/network.ipynb" in printed
    assert patient not in printed
