"""Tests of the round trip of quarantined rows: out as a CSV, mended, and in again."""

import csv
from datetime import date
from pathlib import Path

import pytest

from studypkg.errors import ConfigError, DataRejectedError, IdentifierFoundError
from studypkg.records.readmission import export_quarantine, readmit, summarise_quarantine


class Office:
    """Writes the list, mends cells as a person would, and sends it back."""

    def __init__(self, inbox) -> None:
        self.inbox = inbox
        self.path = inbox.root / "mend.csv"

    def export(self) -> list[dict[str, str]]:
        self.path.unlink(missing_ok=True)
        export_quarantine(self.inbox.store, self.path)
        with self.path.open(encoding="utf-8-sig", newline="") as stream:
            return list(csv.DictReader(stream))

    def send(self, rows: list[dict[str, str]], *, day: str = "2026-03-02", delimiter: str = ",", gate=None):
        with self.path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0], delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)
        return readmit(
            self.inbox.study, self.inbox.store, self.path, cutoff=date.fromisoformat(day),
            gate=gate or (lambda *_: None),
        )  # fmt: skip


@pytest.fixture
def office(inbox) -> Office:
    inbox.scores("e1 2026-01-05 7", "e1 2026-02-05 7/10", "e2 2026-01-12 66", "e9 2026-01-20 1")
    inbox.deliver("2026-03-01")
    return Office(inbox)


GOOD = ("e1", "2026-01-05", 7.0)


def test_the_summary_counts_by_file_rule_and_column_with_advice(office) -> None:
    found = summarise_quarantine(office.inbox.store)
    told = [(one.table, one.file, one.column, one.rule, one.rows, one.first_row) for one in found]
    assert told == [
        ("assessments", "a.csv", "score", "NOT_A_NUMBER", 1, 3),
        ("assessments", "a.csv", "score", "SCORE_OUT_OF_RANGE", 1, 4),
        ("assessments", "a.csv", "episode_id", "UNKNOWN_EPISODE", 1, 5),
    ]
    assert all(one.advice for one in found)
    assert "7/10" not in repr(found)


def test_the_export_holds_each_row_once_with_its_faults_and_is_private(office) -> None:
    rows = office.export()
    assert [(row["_row"], row["_rules"], row["score"]) for row in rows] == [
        ("3", "NOT_A_NUMBER in score", "7/10"),
        ("4", "SCORE_OUT_OF_RANGE in score", "66"),
        ("5", "UNKNOWN_EPISODE in episode_id", "1"),
    ]
    assert office.path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigError, match="exists already"):
        export_quarantine(office.inbox.store, office.path)


def test_nothing_to_export_is_said(inbox) -> None:
    inbox.deliver("2026-03-01")
    with pytest.raises(DataRejectedError, match="no row is set aside"):
        export_quarantine(inbox.store, inbox.root / "mend.csv")
    assert not (inbox.root / "mend.csv").exists()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_mended_rows_come_in_with_a_batch_of_their_own_and_the_rest_stays(office, delimiter) -> None:
    rows = office.export()
    rows[0]["score"], rows[1]["score"] = "7", "12"
    result = office.send(rows, delimiter=delimiter)
    inbox = office.inbox
    assert inbox.table() == [GOOD, ("e1", "2026-02-05", 7.0)]
    batch = inbox.store.batches()[-1]
    assert (batch.number, batch.account["kind"], batch.tables["assessments"]["readmitted"]) == (
        2,
        "readmission",
        1,
    )
    versions = inbox.store.versions("assessments")
    assert versions["why"].tolist() == ["new", "readmitted"]
    assert versions["source_row"].tolist() == [2, 3]
    assert [(row["_row"], row["score"], row["_rules"]) for row in office.export()] == [
        ("4", "12", "SCORE_OUT_OF_RANGE in score"), ("5", "1", "UNKNOWN_EPISODE in episode_id"),
    ]  # fmt: skip
    source = result.sources[1]
    assert (source.read, source.accepted, source.quarantined) == (4, 2, 2)
    assert source.reasons == {"SCORE_OUT_OF_RANGE": 1, "UNKNOWN_EPISODE": 1}


def test_the_same_files_after_a_readmission_change_nothing(office) -> None:
    rows = office.export()
    rows[0]["score"] = "7"
    office.send(rows)
    assert office.inbox.deliver("2026-03-02").unchanged


def test_a_correction_outlives_the_next_whole_delivery_of_the_same_faulty_row(office) -> None:
    rows = office.export()
    rows[0]["score"], rows[1]["score"] = "7", "65"
    office.send(rows)
    rows = [row for row in office.export() if row["_row"] == "4"]
    rows[0]["score"] = "6"
    office.send(rows)
    inbox = office.inbox
    inbox.scores("e2 2026-01-12 66", "e1 2026-01-05 7", "e1 2026-02-05 7/10", "e2 2026-03-01 2")
    result = inbox.deliver("2026-04-01")
    assert (result.sources[1].accepted, result.sources[1].quarantined) == (4, 0)
    assert "2 row(s) were read as they had been mended and re-admitted." in result.sources[1].notes
    assert ("e1", "2026-02-05", 7.0) in inbox.table()
    assert ("e2", "2026-01-12", 6.0) in inbox.table()


def test_the_sources_own_correction_wins_over_a_readmitted_one(office) -> None:
    rows = office.export()
    rows[0]["score"] = "7"
    office.send(rows)
    inbox = office.inbox
    inbox.scores("e1 2026-01-05 7", "e1 2026-02-05 3")
    inbox.deliver("2026-04-01")
    assert inbox.table() == [GOOD, ("e1", "2026-02-05", 3.0)]


def test_a_row_that_was_corrected_meanwhile_is_no_longer_in_the_list(office) -> None:
    inbox = office.inbox
    rows = office.export()
    inbox.scores("e1 2026-01-05 7", "e1 2026-02-05 3")
    inbox.deliver("2026-04-01")
    rows[0]["score"] = "7"
    with pytest.raises(DataRejectedError, match="are not set aside"):
        office.send(rows[:1])


def test_an_episode_that_is_mended_brings_its_rows_along(inbox) -> None:
    inbox.episodes("e1 2026-01-05 -", "e2 soon -")
    inbox.deliver("2026-03-01")
    office = Office(inbox)
    rows = office.export()
    (episode,) = [row for row in rows if row["_source"].startswith("episodes")]
    episode["start_date"] = "2026-01-12"
    office.send(rows)
    assert ("e2", "2026-01-12", 6.0) in inbox.table()
    assert summarise_quarantine(inbox.store) == []


# ------------------------------------------------------------------ nobody smuggles anything in


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"_row": "2"}, "1 row(s), line 2, are not set aside"),
        ({"_sha256": "0" * 64}, "are not set aside"),
        ({"_source": "visits: v.csv"}, "are not set aside"),
        ({"_row": "SECRET"}, "are not set aside"),
    ],
)
def test_a_row_that_was_not_quarantined_is_refused_by_its_line(office, change, told) -> None:
    rows = office.export()
    rows[0] |= {"score": "5", **change}
    with pytest.raises(DataRejectedError) as refused:
        office.send(rows)
    assert told in str(refused.value)
    assert "SECRET" not in str(refused.value)
    assert office.inbox.table() == [GOOD]
    assert len(office.inbox.store.batches()) == 1


def test_a_row_given_twice_or_with_a_foreign_cell_is_refused(office) -> None:
    rows = office.export()
    with pytest.raises(DataRejectedError, match="another line has changed"):
        office.send([{**rows[0], "score": "5"}, {**rows[0], "score": "6"}])
    with pytest.raises(DataRejectedError, match="a column that their file does not have"):
        office.send([{**rows[0], "score": "5", "name": "x"}])


def test_a_mended_key_cannot_replace_an_accepted_row(office) -> None:
    rows = office.export()
    rows[0] |= {"date": "2026-01-05", "score": "1"}
    office.send(rows)
    assert office.inbox.table() == [GOOD]
    assert "CONFLICTING_KEY" in office.export()[0]["_rules"]
    office.inbox.scores("e1 2026-01-05 7", "e1 2026-02-05 7/10")
    office.inbox.deliver("2026-04-01")
    assert office.inbox.table() == [GOOD], "nor later, by way of the next delivery"


def test_a_mended_row_that_equals_an_accepted_one_is_unchanged(office) -> None:
    rows = office.export()
    rows[0] |= {"date": "2026-01-05", "score": "7"}
    result = office.send(rows)
    assert sum(one.unchanged for one in result.waiting) == 1
    assert office.inbox.table() == [GOOD]


def test_a_list_without_any_change_is_refused(office) -> None:
    with pytest.raises(DataRejectedError, match="no cell differs"):
        office.send(office.export())


def test_what_was_typed_passes_the_gate(office) -> None:
    def gate(connection, raw, source) -> None:
        values = connection.execute(f'SELECT role FROM "{raw.relation}"').fetchall()
        if ("Mary Example",) in values:
            raise IdentifierFoundError("a name")

    rows = office.export()
    rows[0]["role"] = "Mary Example"
    with pytest.raises(IdentifierFoundError):
        office.send(rows, gate=gate)
    assert len(office.inbox.store.batches()) == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a,b\n1,2\n", "is not a list that"),
        (b"", "is not a list that"),
        (b"_source,_sha256,_row\n1,2\n", "line 2 has 2 cells"),
        (b'_source,_sha256,_row\n"1,2\n', "cannot be read as a CSV"),
        ("_source,_sha256,_row\né,2,3\n".encode("cp1252"), "UTF-8"),
    ],
)
def test_another_file_is_refused_by_what_is_wrong_with_it(office, content, told) -> None:
    office.path.write_bytes(content)
    with pytest.raises(DataRejectedError, match=told):
        readmit(office.inbox.study, office.inbox.store, office.path, cutoff=None, gate=lambda *_: None)
    office.path.unlink()
    with pytest.raises(DataRejectedError, match="no file"):
        readmit(office.inbox.study, office.inbox.store, Path(office.path), cutoff=None, gate=lambda *_: None)


def test_cells_that_look_like_formulas_make_the_round_trip_unchanged(inbox) -> None:
    text = "episode_id,date,instrument,score,role,@x\n=e1,2026-02-05,NPRS,-3,interim,'+1\n"
    (inbox.root / "a.csv").write_text(f"{text}e1,2026-02-06,NPRS,3,interim,a\n", encoding="utf-8")
    inbox.deliver("2026-03-01")
    office = Office(inbox)
    (row,) = office.export()
    assert (row["episode_id"], row["score"], row["'@x"]) == ("'=e1", "'-3", "''+1")
    with pytest.raises(DataRejectedError, match="no cell differs"):
        office.send([row])
    row |= {"episode_id": "e1", "score": "3"}
    office.send([row])
    assert ("e1", "2026-02-05", 3.0) in inbox.table()


def test_only_the_faulty_score_of_a_wide_row_waits(inbox) -> None:
    inbox.sources[1] |= {
        "constants": {"instrument": "nprs", "date": "2026-02-05", "role": "interim"},
        "melt": {"value": "score", "series": [
            {"column": "rest", "set": {"context": "rest"}}, {"column": "run", "set": {"context": "run"}},
        ]},
    }  # fmt: skip
    (inbox.root / "a.csv").write_text("episode_id,rest,run\ne1,3,x\ne2,4,5\n", encoding="utf-8")
    inbox.deliver("2026-03-01")
    office = Office(inbox)
    (row,) = office.export()
    row["run"] = "6"
    result = office.send([row])
    assert [(one.waited, one.accepted) for one in result.waiting] == [(1, 1)]
    assert len(inbox.table()) == 4
