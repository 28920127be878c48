"""Every line of the page of bad inputs is a test that exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "bad-inputs.md"
NAMED = re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_a_line_of_the_page_is_a_test(file, test):
    found = list((ROOT / "tests").rglob(file))
    assert any(f"def {test}(" in path.read_text(encoding="utf-8") for path in found), (file, test)


def test_every_line_names_one():
    rows = [
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| [FP]?[0-9]", line)
    ]
    assert len(rows) == len(NAMED)
