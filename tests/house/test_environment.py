"""pyproject.toml, uv.lock and environment.yml speak of the same dependencies."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONDA_NAMES = {"python-duckdb": "duckdb", "matplotlib-base": "matplotlib", "playwright-python": "playwright"}
IMPORT_NAMES = {
    "python-stdnum": "stdnum",
    "pyyaml": "yaml",
    "pycap": "redcap",
    "pillow": "PIL",
    "jupyterlab": "jupyterlab",
    "ipykernel": "ipykernel",
}
#: Declared because the program starts them, though no module imports them.
STARTED = {"jupyterlab", "ipykernel", "jinja2"}


def declared() -> dict[str, str]:
    wanted = [*PYPROJECT["project"]["dependencies"], *PYPROJECT["dependency-groups"]["dev"]]
    # Extras such as psycopg[binary] are a matter of pip; the packages of conda hold what they bring.
    return dict(re.fullmatch(r"([A-Za-z0-9_.-]+)(?:\[[a-z,]+\])?(.*)", item).groups() for item in wanted)


def test_conda_environment_has_the_same_dependencies_and_bounds():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    pip = next(item["pip"] for item in listed if isinstance(item, dict))
    items = [item for item in listed if isinstance(item, str)] + [item for item in pip if item != "-e ."]
    pairs = dict(re.fullmatch(r"([A-Za-z0-9_.-]+)(.*)", item).groups() for item in items)
    python = pairs.pop("python")
    pairs.pop("pip")
    assert python == PYPROJECT["project"]["requires-python"]
    assert {CONDA_NAMES.get(name, name): bound for name, bound in pairs.items()} == declared()


def test_every_declared_dependency_is_locked():
    locked = {p["name"] for p in tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]}
    assert {name.lower() for name in declared()} <= locked


def test_every_run_dependency_is_used_and_every_import_is_declared():
    names = {re.match(r"[A-Za-z0-9_.-]+", item).group() for item in PYPROJECT["project"]["dependencies"]}
    declared_imports = {IMPORT_NAMES.get(name, name) for name in names}
    imported, loaded = set(), set()
    for module in (ROOT / "studypkg").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                imported.add(node.module.split(".")[0])
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
                # Slow libraries are loaded by name where they are needed.
                named = [a.value for a in node.args if isinstance(a, ast.Constant)]
                loaded |= {name.split(".")[0] for name in named}
    outside = {name for name in imported if name not in sys.stdlib_module_names} - {"studypkg"}
    assert outside - declared_imports == set(), "imported but not declared in pyproject.toml"
    assert declared_imports - outside - loaded - STARTED == set(), "declared but not used: remove it"
