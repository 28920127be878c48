"""What clinics really send, by the numbers of docs/reference/bad-inputs.md: taken in, set aside, refused."""

from __future__ import annotations

import os

import pytest
from clinic_folder import CANARY, STUDY, Clinic, Outcome, as_csv

from studypkg.cli import main

ALL = 160
CONFIG, DATA, IDENTIFIER = 10, 11, 12


@pytest.fixture
def clinic(tmp_path):
    return Clinic(tmp_path).declare(STUDY)


@pytest.fixture
def ingest(clinic, capsys):
    """Run `study ingest`, and search everything it wrote for values of patients."""

    def run() -> Outcome:
        outcome = clinic.ingest(main, capsys)
        outcome.tells_no_value()
        return outcome

    return run


def scores(clinic: Clinic) -> list[str]:
    """Lines of the assessments, without their line ends."""
    return as_csv(clinic.rows["assessments"]).splitlines()


class TestHeaders:
    def test_1_another_order_of_the_columns(self, clinic, ingest):
        clinic.rows["assessments"] = [row[::-1] for row in clinic.rows["assessments"]]
        clinic.write()
        assert ingest().accepted() == ALL
        assert clinic.store.read("assessments")["score"].max() == 7

    def test_2_a_renamed_column_is_asked_for_by_name(self, clinic, ingest):
        clinic.rows["assessments"][0][4] = "Score "
        clinic.write()
        ingest().refused(DATA, "assessments.csv", '"score"', "[sources.columns]")

    def test_2_a_byte_order_mark_and_blanks_around_names_are_no_part_of_them(self, clinic, ingest):
        lines = scores(clinic)
        clinic.write(assessments="\ufeff" + "\n".join([lines[0].replace(",", " , "), *lines[1:]]) + "\n")
        assert ingest().accepted() == ALL

    def test_3_a_name_that_stands_twice(self, clinic, ingest):
        clinic.rows["assessments"] = [[*row, row[4]] for row in clinic.rows["assessments"]]
        clinic.write()
        ingest().refused(DATA, "assessments.csv", "score", "more than once")

    def test_4_the_header_again_among_the_records(self, clinic, ingest):
        clinic.rows["assessments"].insert(80, clinic.rows["assessments"][0])
        clinic.write()
        ingest().refused(DATA, "assessments.csv", "81", "header")


class TestShapes:
    @pytest.mark.parametrize(
        ("case", "change", "word"),
        [
            ("5 short row", lambda line: line.rsplit(",", 1)[0], "5 fields"),
            ("6 long row", lambda line: line + ",extra", "7 fields"),
            ("8 unclosed quote", lambda line: '"' + line, "quote"),
            ("9 stray quote", lambda line: line.replace("nprs", 'nprs 5" band'), "quote"),
        ],
    )
    @pytest.mark.parametrize("at", [80, 159])
    def test_5_to_9_one_broken_line(self, clinic, ingest, case, change, word, at):
        lines = scores(clinic)
        lines[at] = change(lines[at])
        clinic.write(assessments="\n".join(lines) + "\n")
        ingest().refused(DATA, "assessments.csv", f"Line {at + 1}", word)

    def test_7_a_comma_at_the_end_of_every_record(self, clinic, ingest):
        lines = scores(clinic)
        clinic.write(assessments="\n".join([lines[0], *(line + "," for line in lines[1:])]) + "\n")
        ingest().refused(DATA, "assessments.csv", "7 fields", "ends with a delimiter")

    def test_10_a_line_end_in_quotes_keeps_the_numbers_physical(self, clinic, ingest):
        clinic.rows["assessments"] = [[*row, "two\nlines" if n else "note"] for n, row in
                                      enumerate(clinic.rows["assessments"])]  # fmt: skip
        clinic.edit("assessments", 3, "score", "99").write()
        clinic.declare(STUDY + 'drop = ["note"]\n')
        assert ingest().reasons() == {"SCORE_OUT_OF_RANGE": 1}
        text = (clinic.folder / "data/processed/quarantine/assessments.csv").read_text(encoding="utf-8")
        assert text.splitlines()[1].split(",")[2] == "6"  # two records of two lines each stand before it

    @pytest.mark.parametrize("end", ["\r\n", "\r"])
    def test_11_other_line_ends(self, clinic, ingest, end):
        clinic.write(assessments=as_csv(clinic.rows["assessments"], end=end))
        assert ingest().accepted() == ALL

    def test_11_mixed_line_ends(self, clinic, ingest):
        lines = scores(clinic)
        clinic.write(assessments="\r\n".join(lines[:50]) + "\r\n" + "\n".join(lines[50:]) + "\n")
        assert ingest().accepted() == ALL

    def test_12_a_last_line_that_breaks_off(self, clinic, ingest):
        clinic.write(assessments=as_csv(clinic.rows["assessments"])[:-22])
        ingest().refused(DATA, "assessments.csv", "Line 161")

    @pytest.mark.parametrize(("text", "word"), [("", "empty"), ("\n\n", "header")])
    def test_13_an_empty_file(self, clinic, ingest, text, word):
        clinic.write(assessments=text)
        ingest().refused(DATA, "assessments.csv", word)

    def test_13_a_header_alone(self, clinic, ingest):
        clinic.write(assessments=scores(clinic)[0] + "\n")
        ingest().refused(DATA, "assessments.csv", "no row could be accepted")

    def test_13_a_line_of_totals_is_set_aside_and_blank_lines_are_no_records(self, clinic, ingest):
        clinic.rows["assessments"].append(["Total", "", "", "", "740", ""])
        clinic.write(assessments=as_csv(clinic.rows["assessments"]) + "\n\n")
        outcome = ingest()
        assert outcome.accepted() == ALL
        assert outcome.reasons().keys() >= {"REQUIRED_MISSING", "UNKNOWN_EPISODE"}

    def test_14_a_nul_byte(self, clinic, ingest):
        clinic.write(assessments=as_csv(clinic.rows["assessments"]).encode().replace(b"nprs", b"np\x00rs", 1))
        ingest().refused(DATA, "assessments.csv", "NUL")

    def test_15_utf16_with_its_mark(self, clinic, ingest):
        clinic.write(assessments=as_csv(clinic.rows["assessments"]).encode("utf-16"))
        assert ingest().accepted() == ALL

    def test_15_bytes_of_windows_are_asked_about(self, clinic, ingest):
        clinic.edit("assessments", 9, "context", "running fast \u00fc")
        clinic.write(assessments=as_csv(clinic.rows["assessments"]).encode("cp1252"))
        ingest().refused(DATA, "assessments.csv", "line 10", "encoding")

    def test_16_semicolons_and_decimal_commas(self, clinic, ingest):
        for row in clinic.rows["assessments"][1:]:
            row[4] = row[4].replace(".", ",")
        clinic.write(assessments=as_csv(clinic.rows["assessments"], delimiter=";"))
        assert ingest().accepted() == ALL
        assert sorted(clinic.store.read("assessments")["score"].unique()) == [2, 4, 5.5, 7]

    def test_16_marks_of_thousands_are_refused(self, clinic, ingest):
        clinic.edit("assessments", 5, "score", "1.234,5")
        clinic.write(assessments=as_csv(clinic.rows["assessments"], delimiter=";"))
        ingest().refused(DATA, "score", "thousands")


class TestValues:
    def test_17_days_of_two_orders_are_asked_about(self, clinic, ingest):
        for row in clinic.rows["assessments"][1:]:
            year, month, day = row[1].split("-")
            row[1] = f"{min(int(day), 12)}/{int(month)}/{year}"
        clinic.write()
        ingest().refused(DATA, "date", "date_format")

    def test_17_one_day_of_another_order_is_set_aside(self, clinic, ingest):
        for row in clinic.rows["assessments"][1:]:
            year, month, day = row[1].split("-")
            row[1] = f"{day}/{month}/{year}"
        clinic.edit("assessments", 8, "date", "01/28/2026").write().declare(
            STUDY + 'date_format = "%d/%m/%Y"\n'
        )
        assert ingest().reasons() == {"NOT_A_DATE": 1}

    @pytest.mark.parametrize(
        ("value", "rule"),
        [
            ("05/02/26", "NOT_A_DATE"), ("2026-02-30", "NOT_A_DATE"), ("2025-02-29", "NOT_A_DATE"),
            ("46054", "NOT_A_DATE"), ("2199-01-01", "FUTURE_DATE"), ("2025-01-01", "BEFORE_EPISODE"),
        ],
    )  # fmt: skip
    def test_17_a_day_that_cannot_be(self, clinic, ingest, value, rule):
        # As a follow-up, since no other score may lie after the discharge.
        clinic.edit("assessments", 2, "date", value).edit("assessments", 2, "role", "follow_up").write()
        assert ingest().reasons() == {rule: 1}

    def test_17_the_29th_of_february_of_a_leap_year_is_a_day(self, clinic, ingest):
        clinic.edit("episodes", 1, "start_date", "2024-01-05").edit(
            "assessments", 2, "date", "2024-02-29"
        ).write()
        assert ingest().accepted() == ALL

    def test_17_a_discharge_before_the_intake(self, clinic, ingest):
        clinic.edit("episodes", 3, "end_date", "2025-12-31").write()
        outcome = ingest()
        assert outcome.reasons("episodes") == {"WRONG_ORDER": 1}
        assert outcome.reasons() == {"EPISODE_QUARANTINED": 4}

    @pytest.mark.parametrize("moment", ["2026-02-01 00:00:00", "2026-02-01T00:00:00", "2026-02-01"])
    def test_18_a_local_midnight_stays_on_its_day(self, clinic, ingest, moment):
        clinic.edit("assessments", 2, "date", moment).write()
        assert ingest().accepted() == ALL
        days = clinic.store.read("assessments").query("source_row == 3")["date"]
        assert [str(day.date()) for day in days] == ["2026-02-01"]

    def test_18_an_instant_of_another_zone_is_never_moved_silently(self, clinic, ingest):
        clinic.edit("assessments", 2, "date", "2026-02-01T23:30:00-05:00").write()
        assert ingest().reasons() == {"NOT_A_DATE": 1}

    @pytest.mark.parametrize("key", ["007", "1E5", "12e3", "00012"])
    def test_19_ids_stay_text(self, clinic, ingest, key):
        clinic.edit("episodes", 1, "episode_id", key)
        for row in range(1, 5):
            clinic.edit("assessments", row, "episode_id", key)
        clinic.write()
        assert ingest().accepted() == ALL
        assert (clinic.store.read("assessments")["episode_id"] == key).sum() == 4

    def test_19_blanks_around_an_id_are_no_part_of_it(self, clinic, ingest):
        clinic.edit("assessments", 1, "episode_id", f" {CANARY}E000\u00a0").write()
        assert ingest().accepted() == ALL

    def test_19_a_letter_of_another_script_is_another_id(self, clinic, ingest):
        clinic.edit("assessments", 1, "episode_id", "\u0421NRYE000").write()
        assert ingest().reasons() == {"UNKNOWN_EPISODE": 1}

    @pytest.mark.parametrize("word", ["None", "NULL", "nan", "N/A"])
    def test_20_a_word_for_missing_is_an_id_unless_it_is_declared(self, clinic, ingest, word):
        clinic.edit("episodes", 1, "episode_id", word)
        for row in range(1, 5):
            clinic.edit("assessments", row, "episode_id", word)
        clinic.write()
        assert ingest().accepted() == ALL

    def test_21_a_whole_column_of_0_to_100_is_refused_and_a_scale_mends_it(self, clinic, ingest):
        for row in clinic.rows["assessments"][1:]:
            row[4] = str(float(row[4]) * 10)
        clinic.write()
        ingest().refused(DATA, "assessments.csv", "SCORE_OUT_OF_RANGE", "row 2")
        clinic.declare(STUDY + "scale = { score = { multiply = 0.1 } }\n")
        assert ingest().accepted() == ALL
        assert clinic.store.read("assessments")["score"].max() == 7

    @pytest.mark.parametrize(
        ("value", "rule"),
        [
            ("11", "SCORE_OUT_OF_RANGE"), ("-1", "SCORE_OUT_OF_RANGE"), ("70", "SCORE_OUT_OF_RANGE"),
            ("7/10", "NOT_A_NUMBER"), ("7-8", "NOT_A_NUMBER"), ("7/10, worse on hills", "NOT_A_NUMBER"),
            ("seven", "NOT_A_NUMBER"), ("1_0", "NOT_A_NUMBER"), ("inf", "NOT_A_NUMBER"),
            ("0x7", "NOT_A_NUMBER"), ("7 ", None), ("+7", None), ("7.0", None), ("7e0", None),
        ],
    )  # fmt: skip
    def test_21_one_score(self, clinic, ingest, value, rule):
        clinic.edit("assessments", 6, "score", value).write()
        outcome = ingest()
        assert outcome.reasons() == ({rule: 1} if rule else {})

    def test_23_unknown_words(self, clinic, ingest):
        clinic.edit("assessments", 6, "instrument", "shoe size").edit("assessments", 7, "role", "later")
        clinic.write()
        assert ingest().reasons() == {"UNKNOWN_TERM": 2}


class TestRepeats:
    def test_24_an_exact_copy_is_a_duplicate(self, clinic, ingest):
        clinic.rows["assessments"].append(list(clinic.rows["assessments"][7]))
        clinic.write()
        outcome = ingest()
        assert outcome.accepted() == ALL and outcome.reasons() == {}

    def test_24_two_rows_of_one_key_contradict_each_other(self, clinic, ingest):
        clinic.rows["assessments"].append([*clinic.rows["assessments"][7][:4], "1", "interim"])
        clinic.write()
        outcome = ingest()
        assert outcome.reasons() == {"CONFLICTING_KEY": 2} and outcome.accepted() == ALL - 1

    def test_24_the_same_rows_again_change_nothing(self, clinic, ingest):
        clinic.write()
        ingest()
        before = clinic.state()
        assert "Nothing has changed" in ingest().said
        assert clinic.state() == before

    def test_24_a_correction_replaces_and_a_deletion_withdraws(self, clinic, ingest):
        clinic.write()
        ingest()
        clinic.edit("assessments", 2, "score", "6")
        del clinic.rows["assessments"][3]
        clinic.write()
        assert ingest().accepted() == ALL - 1
        now, then = clinic.store.read("assessments"), clinic.store.read("assessments", as_of=1)
        assert (len(now), len(then)) == (ALL - 1, ALL)
        assert sorted(now["score"])[-40] == 7 and 6 in set(now["score"]) and 6 not in set(then["score"])


class TestHarm:
    def test_25_free_text_about_a_person_is_stopped(self, clinic, ingest):
        for row in clinic.rows["assessments"]:
            row.append(
                "notes" if row[0] == "episode_id" else "Seen with his wife Mary Miller, call 617-555-0134."
            )
        clinic.write()
        message = ingest().refused(IDENTIFIER, "assessments.csv", '"notes"')
        assert "Mary" not in message and "555" not in message

    @pytest.mark.parametrize(
        "value", ["mary.miller@example.org", "617-555-0134", "https://example.org/p/7", "192.168.10.44"]
    )
    def test_25_one_identifier_in_a_column_of_codes_is_stopped(self, clinic, ingest, value):
        clinic.edit("assessments", 77, "context", value).write()
        assert value not in ingest().refused(IDENTIFIER, "assessments.csv", '"context"')

    @pytest.mark.parametrize(
        "value",
        [
            "=1+1",
            "+1+1",
            "-1+1",
            "@SUM(A1)",
            "\t=1",
            "<script>alert(1)</script>",
            "{{ 7*7 }}",
            "$(id)",
            "`id`",
        ],
    )
    def test_26_text_that_would_run_somewhere_runs_nowhere(self, clinic, ingest, value):
        clinic.edit("assessments", 9, "context", value).write()
        assert ingest().reasons() == {"UNKNOWN_TERM": 1}
        text = (clinic.folder / "data/processed/quarantine/assessments.csv").read_text(encoding="utf-8")
        assert not any(cell.startswith(tuple("=+-@\t")) for cell in text.splitlines()[1].split(","))

    def test_27_a_field_of_three_megabytes(self, clinic, ingest):
        clinic.edit("assessments", 9, "context", "x" * 3_000_000).write()
        ingest().refused(DATA, "assessments.csv", "10")

    def test_27_a_row_of_ten_thousand_fields(self, clinic, ingest):
        lines = scores(clinic)
        lines[9] += "," * 10_000
        clinic.write(assessments="\n".join(lines) + "\n")
        ingest().refused(DATA, "assessments.csv", "Line 10")

    def test_28_a_link_in_the_inbox_that_leads_out_of_it(self, clinic, ingest, tmp_path_factory):
        clinic.write()
        elsewhere = tmp_path_factory.mktemp("elsewhere") / "scores.csv"
        os.replace(clinic.folder / "assessments.csv", elsewhere)
        (clinic.folder / "assessments.csv").symlink_to(elsewhere)
        outcome = clinic.ingest_apart()
        assert str(elsewhere.parent) not in outcome.said
        assert outcome.code in (0, DATA)

    def test_28_a_file_name_with_a_line_end_or_braces(self, clinic, ingest):
        clinic.write()
        (clinic.folder / "inbox").mkdir()
        os.replace(clinic.folder / "assessments.csv", clinic.folder / "inbox" / "a{b}\n[x]*.csv")
        clinic.declare(STUDY.replace('"assessments.csv"', '"inbox/a{b}\\n[x]*.csv"'))
        outcome = ingest()
        assert outcome.code in (0, CONFIG, DATA)
        assert "a{b}\n" not in outcome.said

    def test_28_a_path_that_climbs_out_through_the_declaration(self, clinic, ingest):
        clinic.write().declare(STUDY.replace('"assessments.csv"', '"../../../../etc/passwd"'))
        message = ingest().refused(DATA, "passwd")
        assert "root" not in message


class TestDrift:
    def test_35_a_new_column_is_left_out_and_said(self, clinic, ingest):
        clinic.write()
        ingest()
        for row in clinic.rows["assessments"]:
            row.append("device_kind" if row[0] == "episode_id" else "tablet")
        clinic.write()
        outcome = ingest()
        assert outcome.accepted() == ALL
        assert "device_kind" in outcome.said

    def test_35_a_column_that_vanishes_is_asked_about(self, clinic, ingest):
        clinic.write()
        ingest()
        for row in clinic.rows["assessments"]:
            del row[3]
        clinic.write()
        outcome = ingest()
        outcome.refused(DATA, "context") if outcome.code else outcome.accepted()
        assert "context" in outcome.said

    def test_35_half_of_the_rows_gone_is_said(self, clinic, ingest):
        clinic.write()
        ingest()
        del clinic.rows["assessments"][81:]
        clinic.write()
        outcome = ingest()
        assert outcome.accepted() == 80
        assert "80" in outcome.said and "withdrawn" in outcome.said
