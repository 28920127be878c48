"""Every kind of published file gives back the word that was hidden in it, and says where it was."""

import base64
import gzip
import io
import json
import zipfile
import zlib

import fastexcel  # noqa: F401 (the reader of workbooks must be there)
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pypdf
import pytest
from PIL import Image, PngImagePlugin
from pypdf.annotations import FreeText

from studypkg.privacy.published import Opaque, Table, Text, read_published

WORD = "CNRY4711"
B64 = base64.b64encode


def _saved(picture, **options):
    out = io.BytesIO()
    picture.save(out, **options)
    return out.getvalue()


def _png(**options):
    return _saved(Image.new("RGB", (2, 2)), format="PNG", **options)


def png_text(key="Comment", packed=False):
    info = PngImagePlugin.PngInfo()
    info.add_text(key, WORD, zip=packed)
    return _png(pnginfo=info)


def png_international():
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", f"<x>{WORD}</x>", zip=True)
    return _png(pnginfo=info)


def png_late():
    """A text chunk behind the pixels, which a reader that stops at the header does not see."""
    body = b"tEXt" + b"Author\x00" + WORD.encode()
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    whole = _png()
    return whole[:-12] + chunk + whole[-12:]


def exif():
    tags = Image.Exif()
    tags[0x013B] = WORD
    return tags


def pdf(*, metadata=None, attachment=None, note=None):
    writer = pypdf.PdfWriter()
    writer.add_blank_page(200, 200)
    writer.add_metadata(metadata or {})
    if attachment:
        writer.add_attachment("rows.csv", attachment)
    if note:
        writer.add_annotation(0, FreeText(text=note, rect=(1, 1, 50, 50)))
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def zipped(name, data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, data)
    return out.getvalue()


def notebook(output=None, **more):
    cell = {"cell_type": "code", "source": [], "metadata": {}, "outputs": [output] if output else []} | more
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}).encode()


def parquet():
    table = pa.table({"a": [WORD]}).replace_schema_metadata({"made_by": "x"})
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def workbook():
    book = openpyxl.Workbook()
    hidden = book.create_sheet("second")
    hidden.sheet_state = "hidden"
    hidden["B2"] = WORD
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def workbook_of():
    book = openpyxl.Workbook()
    book.properties.creator = WORD
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


PLACES = {
    "text.html": f"<p>{WORD}".encode(),
    "entity.html": f"<p>{''.join(f'&#{ord(c)};' for c in WORD)}</p>".encode(),
    "wide.html": f"<p>{WORD}</p>".encode("utf-16"),
    "attribute.html": f'<p data-row="{WORD}">x</p>'.encode(),
    "comment.html": f"<!-- {WORD} -->".encode(),
    "open_comment.html": f"<p>x<!-- <!-- {WORD}".encode(),
    "script.html": f"<script>let a = '{WORD}'</script>".encode(),
    "style.html": f"<style>/* {WORD} */</style>".encode(),
    "data.html": b'<img src="data:text/plain;base64,' + B64(WORD.encode()) + b'">',
    "picture.html": b'<img src="data:image/png;base64,' + B64(png_text()) + b'">',
    "nested.html": b'<img src="data:image/svg+xml;base64,'
    + B64(b'<svg><image href="data:image/png;base64,' + B64(png_text()) + b'"/></svg>')
    + b'">',
    "percent.html": f'<img src="data:image/svg+xml,%3Csvg%3E%3Ctext%3E{WORD}%3C/text%3E%3C/svg%3E">'.encode(),
    "json.html": f'<script type="application/json">{{"a": "{WORD}"}}</script>'.encode(),
    "text.svg": f"<svg><text>{WORD}</text></svg>".encode(),
    "title.svg": f"<svg><metadata><a>{WORD}</a></metadata></svg>".encode(),
    "text.png": png_text(),
    "packed.png": png_text(packed=True),
    "international.png": png_international(),
    "late.png": png_late(),
    "behind.png": _png() + WORD.encode(),
    "exif.png": _png(exif=exif()),
    "exif.jpg": _saved(Image.new("RGB", (2, 2)), format="JPEG", exif=exif()),
    "comment.jpg": _saved(Image.new("RGB", (2, 2)), format="JPEG", comment=WORD),
    "exif.webp": _saved(Image.new("RGB", (2, 2)), format="WEBP", exif=exif().tobytes()),
    "metadata.pdf": pdf(metadata={"/Author": WORD}),
    "attachment.pdf": pdf(attachment=WORD.encode()),
    "note.pdf": pdf(note=WORD),
    "source.ipynb": notebook(source=[f"x = '{WORD}'"]),
    "trace.ipynb": notebook({"output_type": "error", "ename": "E", "evalue": "", "traceback": [WORD]}),
    "stream.ipynb": notebook({"output_type": "stream", "name": "stderr", "text": [WORD]}),
    "metadata.ipynb": notebook(metadata={"by": WORD}),
    "html.ipynb": notebook({"output_type": "display_data", "data": {"text/html": [f"<i title='{WORD}'>"]}}),
    "png.ipynb": notebook(
        {"output_type": "display_data", "data": {"image/png": B64(png_text()).decode()}}
    ),
    "plotly.ipynb": notebook({"output_type": "display_data", "data": {"application/x+json": {"a": WORD}}}),
    "cells.csv": f"a;b\n1;{WORD}\n".encode(),
    "cells.tsv": f"a\tb\n1\t{WORD}\n".encode(),
    "key.json": json.dumps({WORD: 1}).encode(),
    "value.json": json.dumps([{"a": [WORD]}]).encode(),
    "line.ndjson": f'{{"a": 1}}\n{{"a": "{WORD}"}}\n'.encode(),
    "cells.parquet": parquet(),
    "hidden.xlsx": workbook(),
    "creator.xlsx": workbook_of(),
    "member.zip": zipped("a.csv", f"a\n{WORD}\n"),
    "name.zip": zipped(f"{WORD}.txt", "x"),
    "twice.zip": zipped("b.zip", zipped("a.png", png_text())),
    "page.html.gz": gzip.compress(f"<p>{WORD}</p>".encode()),
    "no_ending": f"\n{WORD}\n".encode(),
    "wrong_ending.csv": png_text(),
}  # fmt: skip


def pieces(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    return list(read_published(path))


def words(found):
    return "\n".join(piece.text for piece in found if isinstance(piece, Text))


@pytest.mark.parametrize("name", PLACES)
def test_the_word_is_found_wherever_it_was_put(tmp_path, name):
    found = pieces(tmp_path, name, PLACES[name])
    assert WORD in words(found)
    assert WORD not in "".join(piece.place for piece in found)


@pytest.mark.parametrize("name", [name for name in PLACES if name != "behind.png"])
def test_a_known_kind_is_understood(tmp_path, name):
    assert [p for p in pieces(tmp_path, name, PLACES[name]) if isinstance(p, Opaque)] == []


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("font.woff2", b"wOF2\x00\x01" + WORD.encode() + b"\x00\x02"),
        ("frame.pickle", b"\x80\x05" + WORD.encode() + b"."),
        ("cut.png", png_text()[:-20]),
        ("cut.pdf", pdf(metadata={"/Author": WORD})[:60] + WORD.encode()),
        ("cut.parquet", b"PAR1" + WORD.encode()),
        ("cut.zip", b"PK\x03\x04" + WORD.encode()),
        ("deep.json", b"[" * 200_000 + WORD.encode()),
    ],
)
def test_what_is_not_understood_is_said_and_its_strings_are_read(tmp_path, name, data):
    found = pieces(tmp_path, name, data)
    assert [p for p in found if isinstance(p, Opaque)]
    assert WORD in words(found)


def test_an_archive_that_unpacks_to_more_than_it_says_stops(tmp_path, monkeypatch):
    monkeypatch.setattr("studypkg.privacy.published.archives.MOST_INSIDE", 1000)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "0" * 100_000)
    assert "unpacks to too much" in pieces(tmp_path, "bomb.zip", out.getvalue())[-1].why


def test_files_within_files_end_somewhere(tmp_path):
    data = b"x"
    for _ in range(20):
        data = zipped("a.zip", data)
    assert any(isinstance(p, Opaque) and "too deep" in p.why for p in pieces(tmp_path, "a.zip", data))


def test_a_table_of_a_page_is_what_pandas_wrote(tmp_path):
    frame = pd.DataFrame({"Group": ["a", "b"], "Patients": [12, 1345]})
    (table,) = (
        p for p in pieces(tmp_path, "a.html", frame.to_html(index=False).encode()) if isinstance(p, Table)
    )
    assert table.heads == ("Group", "Patients")
    assert table.rows == (("a", "12"), ("b", "1345"))


def test_two_rows_of_heads_and_a_wide_cell_keep_their_columns(tmp_path):
    page = b"""<table><tr><th></th><th colspan="2">Patients</th></tr>
    <tr><th>Clinic</th><th>May</th><th>June</th></tr>
    <tr><td>north</td><td>12</td><td>3</td></tr></table>"""
    (table,) = (p for p in pieces(tmp_path, "a.html", page) if isinstance(p, Table))
    assert table.heads == ("Clinic", "Patients May", "Patients June")
    assert table.rows == (("north", "12", "3"),)
