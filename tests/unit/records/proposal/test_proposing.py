"""What is proposed, what is left to choose, and what is never decided."""

import tomllib

import pytest

from studypkg.records.proposal.block import understood


def block(proposal, table="assessments"):
    (only,) = tomllib.loads(proposal.blocks[table])["sources"]
    return only


@pytest.mark.parametrize(
    ("header", "first", "last", "no", "comma"),
    [
        ("Case No;Visit date;Scale;Score;Type", "first", "last", "NPRS", "7.5"),
        ("Fallnummer;Datum;Fragebogen;Wert;Zeitpunkt", "Erstbefund", "Abschluss", "NPRS", "7,5"),
        ("Numéro de cas;Date de visite;Échelle;Résultat;Moment", "Initiale", "Sortie", "VAS", "7,5"),
        ("Caso;Fecha;Cuestionario;Puntuación;Momento", "Inicial", "Alta", "LEFS", "7,5"),
        ("Casus;Datum;Vragenlijst;Punten;Meetmoment", "eerste", "Ontslag", "ODI", "7,5"),
    ],
)
def test_a_long_file_in_five_languages(proposed, rows, header, first, last, no, comma):
    text = rows(
        header, lambda i: 1000 + i, lambda i: f"{13 + i % 15}.02.2026", lambda _: no, lambda _: comma,
        lambda i: (first, last)[i % 2], cut=";",
    )  # fmt: skip
    proposal = proposed(text)
    names = header.split(";")
    found = block(proposal)
    assert found["columns"] == dict(
        zip(("episode_id", "date", "instrument", "score", "role"), names, strict=True)
    ) or (
        {v: k for k, v in found["columns"].items()}
        == {
            n: k
            for k, n in zip(("episode_id", "date", "instrument", "score", "role"), names, strict=True)
            if n != k
        }
    )
    assert found["values"] == {"role": {first: "intake", last: "discharge"}}
    assert found["date_format"] == "%d.%m.%Y"
    assert found.get("decimal") == ("," if comma == "7,5" else None)
    assert proposal.open == {"assessments": ()}


def test_columns_with_their_own_names_need_no_line(proposed, rows):
    text = rows("episode_id,date,status", lambda i: i, lambda _: "2026-01-05", lambda _: "attended")
    proposal = proposed(text)
    assert proposal.blocks["visits"] == (
        '# Proposed by `study map`.\n[[sources]]\ntable = "visits"\npath = "data/raw/file.csv"\n'
    )
    assert {one.confidence for one in proposal.columns} == {"sure"}


def test_day_or_month_first_is_asked_and_never_guessed(proposed, rows):
    text = rows("episode_id,date,status", lambda i: i, lambda i: f"0{i % 9 + 1}/05/2026", lambda _: "kept")
    proposal = proposed(text)
    assert "date_format" not in block(proposal, "visits")
    assert '# date_format = "%d/%m/%Y"' in proposal.blocks["visits"]
    assert '# date_format = "%m/%d/%Y"' in proposal.blocks["visits"]
    assert [one for one in proposal.open["visits"] if one.startswith('date_format of "date"')]


def test_a_hundred_on_a_scale_of_ten_is_asked_and_never_changed(proposed, rows):
    text = rows(
        "episode_id,date,role,NPRS",
        lambda i: i,
        lambda _: "2026-01-05",
        lambda _: "intake",
        lambda i: i * 2.5,
    )
    proposal = proposed(text)
    assert block(proposal)["constants"] == {"instrument": "nprs"}
    assert block(proposal)["scale"] == {"score": {}}
    assert "# multiply = 0.1" in proposal.blocks["assessments"]


def test_points_that_may_mark_thousands_are_asked(proposed, rows):
    text = rows(
        "episode_id;date;role;NPRS",
        lambda i: i,
        lambda _: "2026-01-05",
        lambda _: "intake",
        lambda i: f"{i % 9 + 1},125",
        cut=";",
    )
    proposal = proposed(text)
    assert "decimal" not in block(proposal)
    assert '# decimal = ","' in proposal.blocks["assessments"]


WIDE = "Patient ID,LEFS_w0,LEFS_w4,LEFS_month3,systolic_w0"


def test_a_wide_file_becomes_one_row_per_score(proposed, rows):
    text = rows(
        WIDE, lambda i: f"P{i}", lambda i: i, lambda i: i, lambda i: "" if i % 2 else i, lambda i: 120 + i
    )
    found = block(proposed(text))
    assert found["melt"]["value"] == "score"
    assert found["melt"]["series"] == [
        {"column": "LEFS_w0", "set": {"instrument": "lefs", "role": "intake", "date": "2000-01-01"}},
        {"column": "LEFS_w4", "set": {"instrument": "lefs", "role": "interim", "date": "2000-01-29"}},
        {"column": "LEFS_month3", "set": {"instrument": "lefs", "role": "interim", "date": "2000-04-01"}},
    ]


def test_a_score_without_its_instrument_is_left_to_choose(proposed, rows):
    text = rows("Patient ID,pain_baseline,pain_week4,lefs_baseline,lefs_week4", *(lambda i: i % 50,) * 5)
    proposal = proposed(text)
    assert {one["column"] for one in block(proposal)["melt"]["series"]} == {"lefs_baseline", "lefs_week4"}
    assert '# {column = "pain_baseline", set = {instrument = "vas_pain"' in proposal.blocks["assessments"]
    assert len(proposal.open["assessments"]) == 2


def test_a_row_per_visit_with_several_scores_feeds_two_tables(proposed, rows):
    text = rows(
        "episode_id,date,status,rest,worst,lefs", lambda i: i, lambda _: "2026-01-05", lambda _: "attended",
        lambda i: i % 11, lambda i: i % 11, lambda i: i % 81,
    )  # fmt: skip
    proposal = proposed(text)
    assert list(proposal.blocks) == ["assessments", "visits"]
    assert block(proposal)["melt"]["series"] == [
        {"column": "lefs", "set": {"instrument": "lefs", "context": "average"}}
    ]
    assert (
        '# {column = "rest", set = {instrument = "nprs", context = "rest"}}' in proposal.blocks["assessments"]
    )


def test_numbered_columns_that_say_nothing_are_offered_and_not_used(proposed, rows):
    text = rows("id,age,sex,pk1,pk2,pk5", *(lambda i: i,) * 6)
    proposal = proposed(text, wanted="assessments")
    assert block(proposal) == {
        "table": "assessments",
        "path": "data/raw/file.csv",
        "columns": {"episode_id": "id"},
        "constants": {},
    }
    assert '#     {column = "pk5"' in proposal.blocks["assessments"]


def test_words_that_are_not_known_are_counted_and_not_shown(proposed, rows):
    words = ("Baseline", "Discharge", "canary one", "canary two")
    text = rows(
        "episode_id,date,NPRS,type",
        lambda i: i,
        lambda _: "2026-01-05",
        lambda i: i % 11,
        lambda i: words[i % 4],
    )
    proposal = proposed(text)
    assert block(proposal)["values"] == {"role": {"Baseline": "intake"}}  # "Discharge" is understood as it is
    assert "canary" not in str(proposal)
    assert "2 more words are not known" in proposal.blocks["assessments"]


def test_codes_without_a_meaning_are_left_to_choose(proposed, rows):
    text = rows("patient_id,age,sex", lambda i: f"p{i}", lambda i: 20 + i, lambda i: i % 2)
    proposal = proposed(text)
    assert "sex: 2 words are not known" in proposal.open["episodes"]
    assert '"female" or "male" or "other" or "unknown"' in proposal.blocks["episodes"]


def test_m_is_male_beside_f_and_nothing_beside_h(proposed, rows):
    for letters, expected in ((("f", "m"), {"f": "female", "m": "male"}), (("h", "m"), {})):
        text = rows(
            "patient_id,age,sex", lambda i: f"p{i}", lambda i: 20 + i, lambda i, two=letters: two[i % 2]
        )
        assert block(proposed(text), "episodes").get("values", {}).get("sex", {}) == expected


def test_yes_and_no_of_another_language_are_translated(proposed, rows):
    text = rows(
        "patient_id,age,operiert", lambda i: f"p{i}", lambda i: 20 + i, lambda i: ("ja", "nein")[i % 2]
    )
    assert block(proposed(text), "episodes")["values"] == {"surgical": {"ja": "yes", "nein": "no"}}


def test_identifiers_are_dropped_and_nothing_but_their_kind_is_said(proposed, rows):
    text = rows(
        "patient_id,age,sex,Phone,born", lambda i: f"p{i}", lambda i: 20 + i, lambda _: "f",
        lambda i: 5_550_000 + i, lambda i: f"1960-01-{i % 28 + 1:02d}",
    )  # fmt: skip
    proposal = proposed(text, flagged={"Phone": "telephone", "born": "birth date"})
    assert block(proposal, "episodes")["drop"] == ["Phone", "born"]
    found = {one.facts.column: (one.becomes, one.facts.range) for one in proposal.columns}
    assert found["born"] == (("dropped",), "")


@pytest.mark.parametrize(
    ("header", "table"),
    [
        ("episode_id,date,modality,minutes", "treatments"),
        ("episode_id,date,kind", "events"),
        ("episode_id,exercise,valid_from,sets", "prescriptions"),
        ("episode_id,date,exercise,state,sets_done", "exercise_logs"),
    ],
)
def test_each_table_is_known_by_its_signs(proposed, rows, header, table):
    cells = {
        "episode_id": "e1", "date": "2026-01-05", "modality": "dry needling", "minutes": 20,
        "kind": "surgery", "exercise": "clamshell", "valid_from": "2026-01-05", "sets": 3, "state": "done",
        "sets_done": 2,
    }  # fmt: skip
    text = rows(header, *(lambda _, one=name: cells[one] for name in header.split(",")))
    proposal = proposed(text)
    assert list(proposal.blocks) == [table]
    assert proposal.open[table] == ()


def test_a_table_may_be_named(proposed, rows):
    text = rows("row,thing", lambda i: i, lambda i: f"x{i}")
    assert proposed(text).blocks == {}
    assert list(proposed(text, wanted="visits").blocks) == ["visits"]


@pytest.mark.parametrize(
    "name",
    [
        'quo"te',
        "back\\slash",
        "semi;colon # no comment",
        "[[sources]]",
        "täb\tle",
        "new = 'x'",
        "'''",
        "[red]b",
    ],
)
def test_odd_headings_stay_names_and_the_block_is_understood(proposed, name):
    quoted = name.replace('"', '""')
    header = f'episode_id,"{quoted} score NPRS",date,role'
    text = header + "\n" + "".join(f"e{i},{i % 11},2026-01-05,intake\n" for i in range(30))
    for wanted in ("assessments", "episodes", "visits", "events"):
        (source,) = understood(proposed(text, wanted=wanted).blocks[wanted])
        assert source.table == wanted
