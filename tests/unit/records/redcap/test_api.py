"""Tests of the live source: the API gives what the files give, asks for no more, and tells no secret."""

import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from studypkg.cli import main
from studypkg.errors import ConfigError, DataRejectedError
from studypkg.records.redcap import api, delivery
from studypkg.sources import Source
from studypkg.systems import Redcap

sys.path.insert(0, str(Path(__file__).parent))  # for the modules beside the tests

from api_stub import TOKEN, serve
from small_project import write_project

PROJECTS = Path(__file__).resolve().parents[3] / "data" / "redcap_exports"
FILES = {"path": "data.csv", "redcap": {"dictionary": "d.csv"}}
LIVE = {"url_variable": "REDCAP_URL", "token_variable": "REDCAP_TOKEN"}


@pytest.fixture
def project(monkeypatch):
    """Serve a project, and name it in the environment."""
    opened = []

    def open_(name):
        context = serve(PROJECTS / name)
        stub = context.__enter__()
        opened.append(context)
        monkeypatch.setenv("REDCAP_URL", stub.url)
        monkeypatch.setenv("REDCAP_TOKEN", TOKEN)
        monkeypatch.setattr(api, "PAUSES", (0.0, 0.0))
        return stub

    yield open_
    for context in opened:
        context.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("name", "form"),
    [("simple", "health"), ("repeating-instruments", "bp"), ("longitudinal", "baseline_data"),
     ("arm-multiple-delete", "visit_lab_data"), ("clinical-trial-1", "demographics")],
)  # fmt: skip
def test_the_api_gives_what_the_files_give(project, read, name, form):
    form = form if name != "arm-multiple-delete" else None
    options = {} if form is None else {"form": form}
    if form is None:
        options = {"form": next(iter(_forms(name)))}
    _, from_files = read(name, **options)
    project(name)
    _, live = read(None, **options, **LIVE)
    places = {"_row"}
    kept = [{k: v for k, v in row.items() if k not in places} for row in from_files]
    assert [{k: v for k, v in row.items() if k not in places} for row in live] == kept


def _forms(name):
    lines = (PROJECTS / name / "dictionary.csv").read_text(encoding="utf-8").splitlines()[1:]
    return dict.fromkeys(line.split(",")[1] for line in lines)


def test_what_finds_a_person_is_never_asked_for(project, read):
    stub = project("clinical-trial-1")
    read(None, form="demographics", **LIVE)
    asked = [value for question in stub.asked for key, value in question.items() if key.startswith("fields[")]
    assert asked and not {"name_last", "name_first", "address", "phone", "dob"} & set(asked)


def test_records_come_in_batches(project, read, monkeypatch):
    monkeypatch.setattr(delivery, "BATCH", 120)
    stub = project("clinical-trial-1")
    raw, _ = read(None, form="demographics", **LIVE)
    asked = [q for q in stub.asked if q["content"] == "record" and any(k.startswith("records[") for k in q)]
    assert (raw.n_rows, len(asked)) == (500, 5)


def test_a_server_that_stumbles_is_asked_again(project, read):
    stub = project("simple")
    stub.stumbles = [(502, "<html>Bad gateway</html>"), (500, "")]
    raw, _ = read(None, form="health", **LIVE)
    assert raw.n_rows == 5


def test_a_server_that_is_down_for_maintenance(project, read):
    stub = project("simple")
    stub.stumbles = [(200, "<html>CNRY Down for maintenance</html>")] * 9
    with pytest.raises(DataRejectedError, match="after 3 tries") as refused:
        read(None, form="health", **LIVE)
    _tells_nothing(refused)


def test_no_server_at_all(project, read, monkeypatch):
    project("simple")
    monkeypatch.setenv("REDCAP_URL", "http://127.0.0.1:9/api/")
    with pytest.raises(DataRejectedError, match="there is no answer") as refused:
        read(None, form="health", **LIVE)
    _tells_nothing(refused)


def test_a_wrong_token(project, read, monkeypatch):
    project("simple")
    monkeypatch.setenv("REDCAP_TOKEN", TOKEN[::-1])
    with pytest.raises(ConfigError, match="refused the token") as refused:
        read(None, form="health", **LIVE)
    _tells_nothing(refused)


@pytest.mark.parametrize(
    ("content", "what"), [("metadata", "its dictionary"), ("record", "the ids of its records")]
)
@pytest.mark.parametrize("text", ['{"error":"CNRY is no field"}', "ERROR: CNRY is no field"])
def test_a_question_that_is_refused_is_not_put_again(project, read, content, what, text):
    stub = project("simple")
    stub.refusals = {content: (400, text)}
    with pytest.raises(ConfigError, match=f"refused to give {what}") as refused:
        read(None, form="health", **LIVE)
    assert [question["content"] for question in stub.asked].count(content) == 1
    _tells_nothing(refused)


def test_a_server_that_never_answers(project, read, monkeypatch):
    monkeypatch.setattr(api, "TIMEOUT_SECONDS", (5.0, 0.1))
    stub = project("simple")
    stub.stumbles = [(0, "")] * 3
    with pytest.raises(DataRejectedError, match="after 3 tries") as refused:
        read(None, form="health", **LIVE)
    assert len(stub.asked) == 3
    _tells_nothing(refused)


@pytest.mark.parametrize("status", [301, 307])
def test_a_token_is_not_sent_on_to_another_address(project, read, status):
    stub = project("simple")
    stub.stumbles = [(status, "")]
    with pytest.raises(ConfigError, match="a token is not sent on") as refused:
        read(None, form="health", **LIVE)
    assert len(stub.asked) == 1
    _tells_nothing(refused)


def test_a_project_without_records(project, read):
    stub = project("simple")
    stub.refusals = {"record": (200, "\n")}
    with pytest.raises(DataRejectedError, match="holds no record"):
        read(None, form="health", **LIVE)
    assert len(stub.asked) == 4


def test_a_misspelt_form_is_told_before_any_record_is_asked_for(project, read):
    stub = project("simple")
    with pytest.raises(ConfigError, match=r'no form "helth".*health'):
        read(None, form="helth", **LIVE)
    assert [question["content"] for question in stub.asked] == ["metadata"]


def test_words_of_other_scripts_arrive_as_they_are(read, monkeypatch, tmp_path):
    fields = (("record_id", "visit", "text", "Nummer", "", "", "", ""),
              ("side", "visit", "radio", "Seite", "1, Hüfte | 2, Knie", "", "", ""))  # fmt: skip
    with serve(write_project(tmp_path, ("record_id,side,visit_complete", "Ä7,1,2"), fields=fields)) as stub:
        monkeypatch.setenv("REDCAP_URL", stub.url)
        monkeypatch.setenv("REDCAP_TOKEN", TOKEN)
        _, rows = read(None, labels=True, **LIVE)
    assert [(row["redcap_record"], row["side"]) for row in rows] == [("Ä7", "Hüfte")]


def test_a_token_in_the_declaration_is_not_repeated(tmp_path, capsys):
    for line in (f'token = "{TOKEN}"', f'url_variable = "REDCAP_URL"\ntoken_variable = "{TOKEN}"'):
        text = '[study]\nname = "a"\n[[sources]]\ntable = "assessments"\nkind = "redcap"\n[sources.redcap]\n'
        (tmp_path / "study.toml").write_text(text + line + "\n", encoding="utf-8")
        assert main(["check", "--study", str(tmp_path)]) == 10
        said = capsys.readouterr()
        assert "have REDCap make a new one" in " ".join(said.err.split())
        assert TOKEN not in said.out + said.err


@pytest.mark.parametrize(("name", "value"), [("REDCAP_TOKEN", "CNRYTOKEN"), ("REDCAP_URL", "http://CNRY/")])
def test_a_variable_that_cannot_be_right(project, read, monkeypatch, name, value):
    project("simple")
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match="must end in /api/") as refused:
        read(None, form="health", **LIVE)
    _tells_nothing(refused)


def test_a_variable_that_is_not_set(project, read, monkeypatch):
    project("simple")
    monkeypatch.delenv("REDCAP_TOKEN")
    with pytest.raises(ConfigError, match="REDCAP_TOKEN is not set"):
        read(None, form="health", **LIVE)


def _tells_nothing(refused):
    """Neither the message nor anything that hangs on the error holds the token or the server's words."""
    error = refused.value
    assert error.__cause__ is None and error.__context__ is None
    for word in (TOKEN, TOKEN[::-1], "CNRY", "127.0.0.1"):
        assert word not in str(error)


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ({"token": TOKEN}, "have REDCap make a new one"),
        ({"url": "https://redcap.example.org/api/"}, "not written into study.toml"),
        ({"url_variable": "A"}, "go together"),
        ({"url_variable": "REDCAP_URL", "token_variable": TOKEN}, "never the address or the token"),
        ({**LIVE, "dictionary": "d.csv"}, "take the files out"),
    ],
)
def test_a_block_that_cannot_be_right(block, told):
    with pytest.raises(ValidationError, match=told):
        Redcap(**block)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"path": "data.csv"}, r"needs a \[sources.redcap\] block"),
        ({"path": "data.csv", "redcap": {}}, "dictionary is missing"),
        ({"redcap": {"dictionary": "d.csv"}}, "write either"),
        ({"path": "data.csv", "redcap": LIVE}, "write either"),
        ({**FILES, "kind": "csv"}, 'kind is "csv"'),
        ({**FILES, "labels": True}, r"under \[sources.redcap\]"),
        ({**FILES, "header_row": 3}, "belong to other kinds"),
        ({"path": "d.csv", "redcap": {"form": "a", "beside": ["a"]}}, "beside names a form twice"),
    ],
)
def test_a_source_that_cannot_be_right(source, told):
    with pytest.raises(ValidationError, match=told):
        Source(**{"table": "assessments", "kind": "redcap", **source})


def test_what_will_be_read_can_be_told_without_asking(project):
    stub = project("simple")
    live = Source(table="assessments", kind="redcap", redcap=Redcap(form="health", **LIVE))
    assert delivery.look(live, Path()) == (True, "the REDCap API named by REDCAP_URL, form health")
    assert stub.asked == []
    gone = Source(
        table="assessments", kind="redcap", path="gone.csv", redcap=Redcap(dictionary=Path("d.csv"))
    )
    there, told = delivery.look(gone, PROJECTS)
    assert not there and "gone.csv" in told
