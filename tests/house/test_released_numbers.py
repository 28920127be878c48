"""Figures and tables take released numbers and nothing else; only the gate makes them."""

import ast
from pathlib import Path

import pytest

from studypkg.errors import DisclosureError
from studypkg.privacy import Released

ROOT = Path(__file__).resolve().parents[2] / "studypkg"
#: Figures of a fit's bins; each leaves out the bins that are too small.
FRAMES_OF_FITS = {"diagnostic_figures.py"}
RAW_ROOMS = ("measures", "records", "store", "models", "simulate")


def modules():
    return sorted((ROOT / "reports").glob("*.py"))


def trees():
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in sorted(ROOT.rglob("*.py"))]


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.name)
def test_a_report_takes_no_table_of_rows(path):
    """No parameter of a figure or table is a data frame, and no module reads or makes one from rows."""
    if path.name in FRAMES_OF_FITS:
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            given = [a.annotation for a in (*node.args.args, *node.args.kwonlyargs) if a.annotation]
            kinds = " ".join(ast.unparse(annotation) for annotation in given)
            assert "DataFrame" not in kinds, f"{path.name}: {node.name} takes a table of rows"
        if isinstance(node, ast.ImportFrom) and node.module:
            room = node.module.removeprefix("studypkg.").split(".")[0]
            assert room not in RAW_ROOMS, f"{path.name} imports from {room}"


def test_only_the_gate_holds_the_token():
    for path, tree in trees():
        names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        names |= {a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names}
        if "_MADE_HERE" in names:
            assert path.name in ("released.py", "suppression.py"), path


def test_reports_make_no_number_shown():
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("Released", "release"), f"{path.name} calls {called}"


def test_nothing_passes_by_the_gate():
    with pytest.raises(DisclosureError, match="only by"):
        Released([], 11)
    with pytest.raises(DisclosureError, match="derived"):
        type("Mine", (Released,), {})
