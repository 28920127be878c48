"""Write environment.yml, for conda users, from the dependencies that pyproject.toml declares."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: conda-forge's name where it is not PyPI's.
CONDA_NAMES = {"duckdb": "python-duckdb", "matplotlib": "matplotlib-base", "playwright": "playwright-python"}
#: Not on conda-forge: installed by pip inside the environment.
PIP_ONLY = {"atheris", "glmm"}


def environment(declaration: str) -> str:
    """Text of environment.yml for the text of a pyproject.toml."""
    project = tomllib.loads(declaration)
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    conda, pip = [], []
    for requirement in wanted:
        # conda has no extras: its packages hold what the extra would add.
        name, bounds = re.fullmatch(r"([A-Za-z0-9_.-]+)(?:\[\w+\])?(.*)", requirement).groups()
        (pip if name in PIP_ONLY else conda).append(f"{CONDA_NAMES.get(name, name)}{bounds}")
    lines = [
        "# Written by `make environment` from pyproject.toml; a test holds the two together.",
        "name: studypkg",
        "channels:",
        "  - conda-forge",
        "dependencies:",
        f'  - "python{project["project"]["requires-python"]}"',
        "  - pip",
        *(f'  - "{item}"' for item in sorted(conda)),
        "  - pip:",
        *(f'      - "{item}"' for item in sorted(pip)),
        '      - "-e ."',
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    text = environment((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (ROOT / "environment.yml").write_text(text, encoding="utf-8")
    print(f"environment.yml: {text.count('- ')} lines", file=sys.stderr)
