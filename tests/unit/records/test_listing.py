"""Which files a path means: sorted, of one kind, and never a file that somebody else chose."""

import os

import pytest

from studypkg.errors import DataRejectedError
from studypkg.records import listing
from studypkg.records.listing import list_files


@pytest.fixture
def folder(tmp_path):
    inbox = tmp_path / "study" / "inbox"
    (inbox / "part-2").mkdir(parents=True)
    (inbox / "part-1").mkdir()
    for name in ("visits-02.csv", "visits-01.csv", "visits-10.CSV.gz", "part-2/a.csv", "part-1/a.csv"):
        (inbox / name).write_text("id\n1\n")
    return inbox.parent


def names(root, path, kind="csv"):
    return [one.name for one in list_files(root, path, kind)]


def test_a_file_is_itself(folder):
    assert names(folder, "inbox/visits-01.csv") == ["visits-01.csv"]
    assert names(folder, "inbox/none.csv") == ["none.csv"], "whether it is there is asked later"


def test_a_pattern_gives_its_files_in_order(folder):
    assert names(folder, "inbox/visits-*.csv") == ["visits-01.csv", "visits-02.csv"]
    assert names(folder, "inbox/visits-0?.csv") == ["visits-01.csv", "visits-02.csv"]
    assert names(folder, "inbox/part-*/a.csv") == ["part-1/a.csv", "part-2/a.csv"]
    assert names(folder, "inbox/**/*.csv") == [
        "part-1/a.csv",
        "part-2/a.csv",
        "visits-01.csv",
        "visits-02.csv",
    ]


def test_a_folder_gives_all_its_files_and_no_others(folder):
    with pytest.raises(DataRejectedError, match=r'holds "part-1" and 1 more.*path = "inbox/\*\.csv"'):
        names(folder, "inbox/")
    for name in ("part-1", "part-2"):
        (folder / "inbox" / name / "a.csv").unlink()
        (folder / "inbox" / name).rmdir()
    for aside in (".hidden.csv", "_SUCCESS", "~$visits.xlsx"):
        (folder / "inbox" / aside).write_text("x")
    assert names(folder, "inbox") == ["visits-01.csv", "visits-02.csv", "visits-10.CSV.gz"]
    (folder / "inbox" / "letter.docx").write_text("x")
    with pytest.raises(DataRejectedError, match=r'"letter.docx", which is no file of kind "csv" \(\.csv, '):
        names(folder, "inbox")


def test_a_name_that_looks_like_a_pattern_is_that_file(folder):
    odd = folder / "inbox" / "a[1]*.csv"
    odd.write_text("id\n1\n")
    assert names(folder, "inbox/a[1]*.csv") == ["a[1]*.csv"]
    odd_root = folder / "study [2026]"
    odd_root.mkdir()
    (odd_root / "x1.csv").write_text("id\n1\n")
    assert names(odd_root, "x*.csv") == ["x1.csv"]


def test_a_folder_that_fits_a_pattern(folder):
    with pytest.raises(DataRejectedError, match=r'"part-1" fits the pattern and is a folder'):
        names(folder, "inbox/part-*")


def test_nothing_and_too_much(folder, monkeypatch):
    with pytest.raises(DataRejectedError, match="no file is there"):
        names(folder, "inbox/plan-*.csv")
    monkeypatch.setattr(listing, "MOST_FILES", 1)
    with pytest.raises(DataRejectedError, match="2 files are there; at most 1"):
        names(folder, "inbox/visits-*.csv")


def test_links_lead_nowhere_else(folder):
    outside = folder.parent / "secret.csv"
    outside.write_text("canary\n")
    (folder / "inbox" / "visits-03.csv").symlink_to(outside)
    with pytest.raises(DataRejectedError, match=r'"visits-03.csv" is a link that leads out') as caught:
        names(folder, "inbox/visits-*.csv")
    assert "secret" not in str(caught.value)
    os.symlink(folder / "inbox", folder / "link")
    (folder / "inbox" / "visits-03.csv").unlink()
    assert names(folder, "link/visits-*.csv") == ["visits-01.csv", "visits-02.csv"], "this one was declared"


def test_names_that_do_not_print_are_shown_harmlessly(folder):
    (folder / "inbox" / "visits-\n{x}.csv").write_text("id\n1\n")
    assert "visits-?{x}.csv" in names(folder, "inbox/visits-*.csv")
