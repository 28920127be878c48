"""Files that lie elsewhere: an object store in memory, and a web server of the test's own."""

import gzip
import http.server
import threading
from contextlib import contextmanager

import duckdb
import fsspec
import pytest

from studypkg.errors import ConfigError, DataRejectedError
from studypkg.records import downloads
from studypkg.records.arrivals import arrive
from studypkg.records.read import open_arrival
from studypkg.sources import Source


@pytest.fixture
def bucket():
    """An object store in memory with three files in a folder."""
    store = fsspec.filesystem("memory")
    store.store.clear()
    store.pseudo_dirs[:] = [""]
    for name, text in (("visits-2.csv", "id,pain\nb,2\n"), ("visits-1.csv", "id,pain\na,1\n")):
        store.pipe(f"/clinic/{name}", text.encode())
    store.pipe("/clinic/visits-3.csv.gz", gzip.compress(b"id,pain\nc,3\n"))
    yield store
    store.store.clear()


@pytest.fixture
def opened(tmp_path):
    with duckdb.connect() as connection:

        def opening(path, kind="csv"):
            source = Source(table="visits", path=path, kind=kind)
            raw = open_arrival(connection, arrive(source, tmp_path, tmp_path / "work"), source)
            return raw, connection.execute(f"SELECT * FROM {raw.relation} ORDER BY _row").fetchall()

        yield opening


def test_a_file_of_an_object_store(bucket, opened):
    raw, rows = opened("memory://clinic/visits-1.csv")
    assert (raw.name, rows) == ("visits-1.csv", [(2, "a", "1")])


@pytest.mark.parametrize("path", ["memory://clinic/", "memory://clinic", "memory://clinic/visits-*"])
def test_a_folder_and_a_pattern_of_an_object_store(bucket, opened, path):
    raw, rows = opened(path)
    assert [(raw.place(row), *cells) for row, *cells in rows] == [
        ("row 2 of visits-1.csv", "a", "1"),
        ("row 2 of visits-2.csv", "b", "2"),
        ("row 2 of visits-3.csv.gz", "c", "3"),
    ]


def test_an_address_is_fetched_once_in_a_delivery(bucket, tmp_path):
    source = Source(table="visits", path="memory://clinic/visits-*.csv")
    first = arrive(source, tmp_path, tmp_path / "work")
    bucket.pipe("/clinic/visits-1.csv", b"id,pain\nother,9\n")
    assert arrive(source, tmp_path, tmp_path / "work") == first


def test_partitions_of_one_name_stay_apart(bucket, opened):
    for part in "12":
        bucket.pipe(f"/lake/part={part}/data.csv", f"id\n{part}\n".encode())
    raw, rows = opened("memory://lake/*/data.csv")
    assert [(raw.place(row), cell) for row, cell in rows] == [
        ("row 2 of part=1/data.csv", "1"),
        ("row 2 of part=2/data.csv", "2"),
    ]


def test_what_is_not_meant_is_refused(bucket, opened):
    bucket.pipe("/clinic/letter.docx", b"x")
    with pytest.raises(DataRejectedError, match=r'"letter.docx" is there and is no file of kind "csv"'):
        opened("memory://clinic/")
    bucket.rm("/clinic/letter.docx")
    bucket.pipe("/clinic/old/visits.csv", b"x")
    with pytest.raises(DataRejectedError, match='"old" is there'):
        opened("memory://clinic/")


@pytest.mark.parametrize("path", ["memory://clinic/none.csv", "memory://nowhere/*.csv"])
def test_nothing_there(bucket, opened, path):
    with pytest.raises(DataRejectedError, match=r"nothing is there|no file is there"):
        opened(path)


def test_a_listing_that_changes_while_it_is_read(bucket, opened, monkeypatch):
    stream = downloads._stream

    def growing(*arguments):
        bucket.pipe("/clinic/visits-9.csv", b"id,pain\nz,9\n")
        return stream(*arguments)

    monkeypatch.setattr(downloads, "_stream", growing)
    with pytest.raises(DataRejectedError, match="changed, or came short"):
        opened("memory://clinic/visits-*.csv")


def test_more_than_there_is_room_for(bucket, opened, monkeypatch):
    monkeypatch.setattr(downloads, "MOST_BYTES", 20)
    with pytest.raises(DataRejectedError, match="larger than 0 MB"):
        opened("memory://clinic/visits-*.csv")


def test_names_lead_out_of_no_folder(bucket, opened, tmp_path):
    bucket.store["/clinic2/a\\..\\..\\x\n.csv"] = bucket.store["/clinic/visits-1.csv"]
    raw, rows = opened("memory://clinic2/")
    assert rows == [(2, "a", "1")]
    assert "\n" not in raw.name
    assert not list(tmp_path.parent.glob("x*.csv"))


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("nosuch://clinic/x.csv", "cannot be opened here"),
        ("s3://clinic/x.csv", "cannot be opened here.*s3fs"),
        ("file:///etc/passwd", "plain path"),
        ("simplecache::memory://clinic/visits-1.csv", "not a chain"),
        ("https://clinic.example/visits-*.csv", "gives no list"),
    ],
)
def test_addresses_that_are_not_read(bucket, opened, path, told):
    with pytest.raises(ConfigError, match=told):
        opened(path)


def test_a_library_that_fails_is_not_quoted(bucket, opened, monkeypatch):
    class StoreFault(Exception):
        pass

    def failing(*_, **__):
        raise StoreFault("canary-key canary-patient")

    monkeypatch.setattr(type(bucket), "isdir", failing)
    with pytest.raises(DataRejectedError, match="gave up with StoreFault") as caught:
        opened("memory://clinic/")
    assert "canary" not in str(caught.value)
    assert caught.value.__suppress_context__


# ------------------------------------------------------------------ the web
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/visits.csv":
            self.answer(200, b"id,pain\na,1\n")
        elif path == "/short.csv":
            self.answer(200, b"id,pain\n", length=100)
        elif path == "/login":
            self.answer(200, b"<html>canary</html>", kind="text/html; charset=utf-8")
        elif path == "/secret.csv":
            self.answer(403, b"canary")
        elif path == "/away.csv":
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd")
            self.end_headers()
        else:
            self.answer(404, b"")

    def answer(self, code, body, *, kind="text/csv", length=None):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length or len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def serving():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def web():
    with serving() as address:
        yield address


def test_a_file_of_a_web_server(web, opened):
    raw, rows = opened(f"{web}/visits.csv?table=visits")
    assert (raw.name, rows) == ("visits.csv", [(2, "a", "1")])


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("short.csv", "came short"),
        ("login", "with a web page"),
        ("secret.csv", "code 403.*may not read it"),
        ("none.csv", "code 404"),
        ("away.csv", "code 302|cannot be reached"),
    ],
)
def test_what_a_web_server_may_answer_instead(web, opened, path, told, tmp_path):
    with pytest.raises(DataRejectedError, match=told) as caught:
        opened(f"{web}/{path}")
    assert "canary" not in str(caught.value)


def test_no_web_server(opened):
    with pytest.raises(DataRejectedError, match="cannot be reached"):
        opened("http://127.0.0.1:1/visits.csv")
