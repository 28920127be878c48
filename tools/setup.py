"""Bring up .venv with the locked versions, from a bare checkout and nothing but python3.

Uses uv where it is installed. Otherwise uv is fetched, at the version written below, with
`python3 -m venv` and pip where the system has them, or else as a wheel straight from the package index
(a bare Debian python3 has neither pip nor venv). Running it again with nothing changed takes a moment.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".venv-tools"
STAMP = VENV / ".locked"
UV_VERSION = "0.13.9"


def main() -> int:
    """Make `.venv` match `uv.lock`; return a shell exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036  (this file is run by whatever python3 is there)
        print(f"Python 3.11 or newer is needed; this is {platform.python_version()}.", file=sys.stderr)
        return 10
    wanted = fingerprint()
    if STAMP.is_file() and STAMP.read_text() == wanted and (VENV / "bin" / "python").exists():
        return 0
    print("Setting up .venv with the locked versions (once; about a minute on a new machine) …", flush=True)
    environment = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(VENV)}
    command = [find_uv(), "sync", "--locked", "--compile-bytecode", "--python", sys.executable, "--quiet"]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, stderr=subprocess.PIPE)
    if done.returncode:  # behind a firewall that signs for others, only the system's certificates will do
        environment |= {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}
        done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    if done.returncode:
        print(
            "The set-up did not finish. The lines above say why; run the same command again.", file=sys.stderr
        )
        return done.returncode
    STAMP.write_text(wanted)
    return 0


def fingerprint() -> str:
    """Hash what the environment is made from: the lock, the declaration and the interpreter."""
    digest = hashlib.sha256(f"{sys.version}{sys.prefix}".encode())
    for name in ("uv.lock", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def find_uv() -> str:
    """Path of a uv that can be run: the system's, one installed earlier, or one fetched now."""
    found = shutil.which("uv")
    if found:
        return found
    for candidate in (TOOLS / "bin" / "uv", TOOLS / "uv" / "bin" / "uv"):
        if candidate.exists():
            return str(candidate)
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        made = subprocess.run([sys.executable, "-m", "venv", str(TOOLS)], check=False, capture_output=True)
        if made.returncode == 0:
            pip = [str(TOOLS / "bin" / "python"), "-m", "pip", "install", "--quiet", f"uv=={UV_VERSION}"]
            if subprocess.run(pip, check=False).returncode == 0:
                return str(TOOLS / "bin" / "uv")
        shutil.rmtree(TOOLS, ignore_errors=True)
    return fetch_wheel()


def fetch_wheel() -> str:
    """Fetch the uv wheel for this machine from the package index, check its hash, unpack its program."""
    index = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("PIP_INDEX_URL") or "https://pypi.org/simple"
    page = f"{index.rstrip('/')}/uv/"
    with urllib.request.urlopen(page, timeout=60) as answer:
        links = re.findall(r'href="([^"]+)"', answer.read().decode())
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    system = {"Linux": "manylinux", "Darwin": "macosx"}.get(platform.system(), "win")
    names = re.compile(rf"uv-{re.escape(UV_VERSION)}-[^/]*{system}[^/]*{machine}[^/]*\.whl#sha256=(\w+)$")
    address, digest = next((link, found[1]) for link in links if (found := names.search(link)))
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "uv.whl"
        with urllib.request.urlopen(urllib.parse.urljoin(page, address), timeout=300) as answer:
            archive.write_bytes(answer.read())
        if hashlib.sha256(archive.read_bytes()).hexdigest() != digest:
            raise SystemExit("The fetched uv does not match its published hash. Nothing was installed.")
        target = TOOLS / "uv" / "bin" / "uv"
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(archive) as opened:
            program = next(n for n in opened.namelist() if n.endswith("/scripts/uv"))
            target.write_bytes(opened.read(program))
        target.chmod(0o755)
    return str(target)


if __name__ == "__main__":
    raise SystemExit(main())
