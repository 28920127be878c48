"""A server on this machine that answers as REDCap's API is documented to, from the files of a project."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

TOKEN = "0123456789ABCDEF0123456789ABCDEF"
#: What the API calls the columns of the dictionary that the project's page downloads.
_API_HEADS = {
    "Variable / Field Name": "field_name",
    "Form Name": "form_name",
    "Section Header": "section_header",
    "Field Type": "field_type",
    "Field Label": "field_label",
    "Choices, Calculations, OR Slider Labels": "select_choices_or_calculations",
    "Field Note": "field_note",
    "Text Validation Type OR Show Slider Number": "text_validation_type_or_show_slider_number",
    "Text Validation Min": "text_validation_min",
    "Text Validation Max": "text_validation_max",
    "Identifier?": "identifier",
    "Branching Logic (Show field only if...)": "branching_logic",
    "Required Field?": "required_field",
    "Custom Alignment": "custom_alignment",
    "Question Number (surveys only)": "question_number",
    "Matrix Group Name": "matrix_group_name",
    "Matrix Ranking?": "matrix_ranking",
    "Field Annotation": "field_annotation",
}


@dataclass
class Stub:
    """What is asked, and what goes wrong.

    Parameters
    ----------
    project
        Folder of the project.
    asked
        The questions that came, as they were put.
    stumbles
        Answers to give before the right ones: (status, text); with status 0 it never answers.
    refusals
        Answers to the questions about a content: (status, text).
    """

    project: Path
    asked: list[dict[str, str]] = field(default_factory=list)
    stumbles: list[tuple[int, str]] = field(default_factory=list)
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    closing: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def rows(self, name: str) -> list[list[str]]:
        """Read a file of the project."""
        with (self.project / name).open(encoding="utf-8", newline="") as stream:
            return list(csv.reader(stream))

    def answer(self, question: dict[str, str]) -> tuple[int, str]:
        """Answer one question as the documentation says."""
        self.asked.append(question)
        if self.stumbles:
            return self.stumbles.pop(0)
        if question.get("token") != TOKEN:
            return 403, "ERROR: You do not have permissions to use the API"
        content = question["content"]
        if content in self.refusals:
            return self.refusals[content]
        if content == "metadata":
            head, *rows = self.rows("dictionary.csv")
            heads = [_API_HEADS[name] for name in head]
            if question["format"] == "json":
                return 200, json.dumps([dict(zip(heads, row, strict=True)) for row in rows])
            return 200, _csv([heads, *rows])
        if content in ("formEventMapping", "event"):
            return self._events(content)
        assert content == "record" and question["type"] == "flat" and question["format"] == "csv"
        return 200, _csv(self._records(question))

    def _events(self, content: str) -> tuple[int, str]:
        if not (self.project / "event.csv").exists():
            return 400, '{"error":"You cannot export form/event mappings for classic projects"}'
        events = self.rows("event.csv")
        if content == "event":
            return 200, _csv(events)
        at = {name: place for place, name in enumerate(events[0])}
        forms = dict.fromkeys(row[1] for row in self.rows("dictionary.csv")[1:])
        lines = [
            [row[at["arm_num"]], row[at["unique_event_name"]], form] for row in events[1:] for form in forms
        ]
        return 200, _csv([["arm_num", "unique_event_name", "form"], *lines])

    def _records(self, question: dict[str, str]) -> list[list[str]]:
        head, *rows = self.rows("data.csv")
        fields = {value for key, value in question.items() if key.startswith("fields[")}
        wanted = {value for key, value in question.items() if key.startswith("records[")}
        kept = [
            place for place, name in enumerate(head)
            if not fields or name.split("___")[0] in fields or name.startswith("redcap_")
        ]  # fmt: skip
        rows = [row for row in rows if not wanted or row[0] in wanted]
        return [[row[place] for place in kept] for row in [head, *rows]]


def _csv(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


@contextmanager
def serve(project: Path) -> Iterator[Stub]:
    """Serve a project on a free port of this machine."""
    stub = Stub(project)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, text = stub.answer(dict(parse_qsl(body, keep_blank_values=True)))
            if status == 0:
                stub.closing.wait()
                return
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", stub.url)
            # As REDCap does where no charset is named.
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    stub.url = f"http://127.0.0.1:{server.server_port}/api/"
    try:
        yield stub
    finally:
        stub.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
