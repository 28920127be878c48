"""A PostgreSQL server of the tests' own: made in a temporary folder, gone afterwards.

Every worker that comes to one of these tests makes its own, which takes about a second.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from studypkg.sources import Source

PASSWORD = "s3cret-of-the-test"


@dataclass(frozen=True)
class Server:
    """A running server, and how to stop and start it."""

    port: int
    folder: Path
    control: tuple[str, ...]

    def url(self, user="owner", password=PASSWORD, database="clinic"):
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def execute(self, *statements, database="clinic"):
        with psycopg.connect(self.url(database=database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def stop(self):
        subprocess.run([*self.control, "-m", "immediate", "stop"], check=True, capture_output=True)

    def start(self):
        log = str(self.folder / "log")
        subprocess.run([*self.control, "-l", log, "start"], check=True, stdout=subprocess.DEVNULL)


NEEDED = (
    "the programs of PostgreSQL are needed to test against a real server: "
    "apt-get install -y --no-install-recommends postgresql (its own server need not run)"
)


def missing(what):
    """Skip, and say why; where PostgreSQL is promised, as on the build machine, fail instead."""
    (pytest.fail if os.environ.get("STUDY_TESTS_NEED_POSTGRES") else pytest.skip)(f"{what}: {NEEDED}")


def binaries():
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    found = shutil.which("initdb")
    places += [Path(found).parent] if found else []
    if not places:
        missing("no initdb is installed")
    return places[-1]


def run_as():
    """PostgreSQL refuses to run as root, so root lends the folder to the user of Debian's package."""
    if os.getuid() != 0:
        return ()
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        missing("the tests run as root and there is no user postgres")
    return ("runuser", "-u", "postgres", "--")


@pytest.fixture(scope="session")
def postgres():
    programs, user = binaries(), run_as()
    folder = Path(tempfile.mkdtemp(prefix="study-pg-", dir="/tmp"))
    if user:
        shutil.chown(folder, "postgres")
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    subprocess.run(
        [*user, str(programs / "initdb"), "-D", str(data), "-U", "owner", "-A", "scram-sha-256",
         f"--pwfile={secret}", "--no-sync", "-E", "UTF8", "--locale=C"],
        check=True, capture_output=True, cwd="/",
    )  # fmt: skip
    (data / "postgresql.auto.conf").write_text(
        f"port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{folder}'\n"
        "fsync = off\nsynchronous_commit = off\nshared_buffers = 32MB\nmax_connections = 10\n"
    )
    server = Server(port, folder, (*user, str(programs / "pg_ctl"), "-w", "-D", str(data)))
    server.start()
    try:
        server.execute("CREATE DATABASE clinic", database="postgres")
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def visits(postgres, monkeypatch):
    """A schema of its own with a small table, and the address of the database in the environment."""
    postgres.execute(
        "DROP SCHEMA IF EXISTS front CASCADE",
        "CREATE SCHEMA front",
        "CREATE TABLE front.visits (id text, pain numeric, seen date)",
        "INSERT INTO front.visits VALUES ('007', 7.50, '2026-01-05'), ('1E5', NULL, '2026-02-06')",
    )
    monkeypatch.setenv("CLINIC_DB", postgres.url())
    return postgres


@pytest.fixture
def source():
    """A source of kind "sql" with the given block."""

    def make(**sql):
        path = sql.pop("path", "")
        block = {} if path else {"url_variable": "CLINIC_DB"}
        return Source(table="visits", kind="sql", path=path, sql={**block, **sql})

    return make
