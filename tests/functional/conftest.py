"""A small invented network, made once, and its month."""

import shutil
import sys
from pathlib import Path

import pytest

from studypkg.cli import main

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))  # for the module `clinic_folder` beside the tests
MONTH = "2026-03"


def small_study(folder: Path) -> Path:
    """Write a study of four clinics and four months, the last clinic too small to show."""
    (folder / "data" / "raw").mkdir(parents=True)
    text = (ROOT / "study.toml").read_text(encoding="utf-8")
    for was, now in (
        ("clinics = 6", "clinics = 4"), ("months = 12", "months = 4"), ('"2025-10"', '"2025-12"'),
    ):  # fmt: skip
        assert was in text
        text = text.replace(was, now)
    (folder / "study.toml").write_text(text, encoding="utf-8")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    assert main(["simulate", "--study", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def network(tmp_path_factory):
    """The study folder after one `study monthly`."""
    folder = small_study(tmp_path_factory.mktemp("network"))
    assert main(["monthly", "--study", str(folder), "--month", MONTH]) == 0
    return folder
