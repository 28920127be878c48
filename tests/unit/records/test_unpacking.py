"""Packed deliveries: one file comes out, under our own name, and a bomb does not go off."""

import gzip
import os
import stat
import zipfile

import pytest

from studypkg.errors import DataRejectedError
from studypkg.records import unpacking
from studypkg.records.unpacking import unpacked

TEXT = b"id,pain\n007,7\n"


@pytest.fixture
def unpack(tmp_path):
    def unpacking_one(name):
        return unpacked(tmp_path / name, tmp_path / "work")

    return unpacking_one


def zipped(path, members, **more):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **more) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_what_is_not_packed_is_left_alone(tmp_path, unpack):
    (tmp_path / "a.csv").write_bytes(TEXT)
    assert unpack("a.csv") == tmp_path / "a.csv"


def test_gzip_and_zip(tmp_path, unpack):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(TEXT))
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(TEXT[:8]) + gzip.compress(TEXT[8:]))
    zipped(tmp_path / "a.csv.zip", {"folder/": b"", "folder/a.csv": TEXT, "__MACOSX/._a.csv": b"x"})
    for name in ("a.csv.gz", "b.csv.gz", "a.csv.zip"):
        path = unpack(name)
        assert path.read_bytes() == TEXT
        assert path.name == name, "messages name what was delivered"
        assert unpack(name) == path, "once is enough"


@pytest.mark.parametrize("members", [{}, {"a.csv": TEXT, "b.csv": TEXT}])
def test_exactly_one_file(tmp_path, unpack, members):
    zipped(tmp_path / "a.zip", members)
    with pytest.raises(DataRejectedError, match=f"holds {len(members)} files and exactly one is read"):
        unpack("a.zip")


@pytest.mark.parametrize(
    "name", ["../../escaped.csv", "/tmp/escaped.csv", "a/../../../escaped.csv", "C:\\x\\escaped.csv"]
)
def test_names_inside_lead_nowhere(tmp_path, unpack, name):
    zipped(tmp_path / "a.csv.zip", {name: TEXT})
    path = unpack("a.csv.zip")
    assert path.read_bytes() == TEXT
    assert path.is_relative_to(tmp_path / "work")
    made = [one for one in tmp_path.parent.rglob("*escaped*")]
    assert made == []
    assert not os.path.exists("/tmp/escaped.csv")


def test_a_link_inside(tmp_path, unpack):
    with zipfile.ZipFile(tmp_path / "a.csv.zip", "w") as archive:
        link = zipfile.ZipInfo("a.csv")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DataRejectedError, match="holds a link"):
        unpack("a.csv.zip")


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.zip"])
def test_a_bomb(tmp_path, unpack, monkeypatch, name):
    monkeypatch.setattr(unpacking, "_UNSUSPECTED", 1 << 20)
    zeros = b"0" * (8 << 20)
    if name.endswith("gz"):
        (tmp_path / name).write_bytes(gzip.compress(zeros))
    else:
        zipped(tmp_path / name, {"a.csv": zeros})
    with pytest.raises(DataRejectedError, match="which no export does"):
        unpack(name)
    assert sum(one.stat().st_size for one in (tmp_path / "work").rglob("*") if one.is_file()) <= 3 << 20


def test_no_room(tmp_path, unpack, monkeypatch):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(TEXT))
    full = shutil_usage(0)
    monkeypatch.setattr(unpacking.shutil, "disk_usage", lambda path: full)
    with pytest.raises(DataRejectedError, match="no room"):
        unpack("a.csv.gz")


def shutil_usage(free):
    return type("Usage", (), {"free": free})()


def test_damaged_cut_off_locked_or_something_else(tmp_path, unpack):
    whole = gzip.compress(os.urandom(5000))
    (tmp_path / "cut.csv.gz").write_bytes(whole[:3000])
    (tmp_path / "bent.csv.gz").write_bytes(whole[:2000] + b"\xff" * 100 + whole[2100:])
    (tmp_path / "tail.csv.gz").write_bytes(whole + b"more")
    (tmp_path / "plain.csv.gz").write_bytes(TEXT)
    (tmp_path / "plain.csv.zip").write_bytes(TEXT)
    for path in sorted(tmp_path.glob("*.csv.*")):
        with pytest.raises(DataRejectedError, match=rf"{path.name}: the archive is damaged, cut off"):
            unpack(path.name)
    zipped(tmp_path / "locked.csv.zip", {"a.csv": TEXT})
    bytes_ = bytearray((tmp_path / "locked.csv.zip").read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        bytes_[bytes_.index(mark) + place] |= 1
    (tmp_path / "locked.csv.zip").write_bytes(bytes_)
    with pytest.raises(DataRejectedError, match="locked with a password"):
        unpack("locked.csv.zip")
