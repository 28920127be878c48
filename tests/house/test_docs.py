"""The reference pages name everything that is declared, and no link is dead."""

import importlib.util
import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from studypkg import declaration, sources
from studypkg.schema import ANALYSIS_COLUMNS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


def test_the_data_dictionary_is_up_to_date():
    spec = importlib.util.spec_from_file_location("tables_page", ROOT / "tools" / "tables_page.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.PAGE.read_text(encoding="utf-8") == tool.page(), "run: python tools/tables_page.py"


def test_every_key_of_study_toml_is_explained():
    text = (ROOT / "docs/reference/study-toml.md").read_text(encoding="utf-8")
    blocks = [
        c
        for c in (vars(declaration) | vars(sources)).values()
        if isinstance(c, type) and issubclass(c, BaseModel)
    ]
    keys = {key for block in blocks for key in block.model_fields} - {"root", "as_of"}
    words = set(re.findall(r"\w+", text))
    assert keys - words == set()


def test_every_analysis_column_is_explained():
    text = (ROOT / "docs/reference/study-toml.md").read_text(encoding="utf-8")
    assert [c for c in ANALYSIS_COLUMNS if f"`{c}`" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (page.parent / target).exists(), target
