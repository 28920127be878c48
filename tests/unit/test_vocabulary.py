"""The vocabulary: what its words mean, how they are found, and what it refuses."""

import pickle
import subprocess
import sys
import tomllib
from dataclasses import FrozenInstanceError, fields, replace
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from studypkg.errors import ConfigError, UnknownTermError
from studypkg.schema import TABLES
from studypkg.vocabulary import (
    RECORDS,
    Code,
    Coded,
    Condition,
    Dose,
    Instrument,
    Threshold,
    load_vocabulary,
    normalise,
    parse_vocabulary,
)

HEADACHE = {
    "name": "Headache score",
    "minimum": 0,
    "maximum": 100,
    "direction": "lower",
    "thresholds": [
        {
            "measure": "mcid",
            "kind": "pct",
            "value": 35,
            "population": "chronic headache",
            "source": "the trial",
        }
    ],
}


@pytest.fixture
def vocabulary():
    return load_vocabulary()


@pytest.fixture
def raw():
    return yaml.safe_load(files("studypkg").joinpath("vocabulary.yaml").read_text(encoding="utf-8"))


# ---------------------------------------------------------------- finding a word


@pytest.mark.parametrize(
    ("section", "word", "found"),
    [
        ("conditions", "itb_syndrome", "itb_syndrome"),
        ("conditions", "ITBS", "itb_syndrome"),
        ("conditions", "iliotibial band syndrome", "itb_syndrome"),
        ("conditions", "IT-Band  Syndrome", "itb_syndrome"),
        ("conditions", "IT\u2011band\u00a0syndrome", "itb_syndrome"),
        ("exercises", "clam", "clamshell"),
        ("exercises", "ＣＬＡＭ", "clamshell"),
        ("exercises", "Side-Lying Clam", "clamshell"),
        ("modalities", "BFR", "blood_flow_restriction"),
        ("modalities", "dryneedling", "dry_needling"),
        ("modalities", "IASTM", "iastm"),
        ("instruments", "VISA-G", "visa_g"),
        ("instruments", "numeric rating scale", "nprs"),
        ("instruments", "iHOT-12", "ihot12"),
        ("populations", "Runner", "runners"),
    ],
)
def test_a_word_is_found_however_it_is_written(vocabulary, section, word, found):
    assert vocabulary.resolve(section, word) == found
    assert vocabulary.resolution(section)[normalise(word)] == found


def test_an_unknown_word_names_the_section_and_the_nearest_terms(vocabulary):
    with pytest.raises(
        UnknownTermError, match=r'"exercises" has no term "clamshel"\. Did you mean "clamshell"'
    ):
        vocabulary.resolve("exercises", "clamshel")


@pytest.mark.parametrize("word", ["", "  ", "-", "nprs,lefs"])
def test_nothing_is_not_a_word(vocabulary, word):
    with pytest.raises(UnknownTermError, match=r"\[terms\.instruments\]"):
        vocabulary.resolve("instruments", word)


def test_an_unknown_section_is_refused(vocabulary):
    for ask in (vocabulary.section, vocabulary.resolution):
        with pytest.raises(UnknownTermError, match=r'no section "exercise"\. Did you mean "exercises"'):
            ask("exercise")


def test_every_word_of_the_packaged_terms_means_exactly_one_id(vocabulary):
    for section in RECORDS:
        meant = {}
        for key, term in vocabulary.section(section).items():
            for word in term.words:
                assert meant.setdefault(normalise(word), key) == key, (section, word)
        assert meant == vocabulary.resolution(section)


def test_a_word_with_two_meanings_stops_the_load(raw):
    raw["exercises"]["lateral_band_walk"]["aliases"].append("Clam-Shell")
    with pytest.raises(ConfigError, match=r'"Clam-Shell" means both "clamshell" and "lateral_band_walk"'):
        parse_vocabulary(raw)


def test_no_id_is_written_twice_in_the_packaged_file():
    # YAML keeps the last of two equal keys without a word, so the text itself is looked at.
    tree = yaml.compose(files("studypkg").joinpath("vocabulary.yaml").read_text(encoding="utf-8"))
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value]
            assert len(keys) == len(set(keys)), keys
            todo += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            todo += node.value


def test_every_closed_list_the_tables_name_is_a_section(vocabulary):
    named = {c.vocabulary for table in TABLES.values() for c in table.columns if c.vocabulary}
    assert named == {"conditions", "populations", "instruments", "exercises", "modalities", "stop_rules"}
    assert all(vocabulary.section(name) for name in named)


# ---------------------------------------------------------------- exercises and rules


@pytest.mark.parametrize(
    ("exercise", "dose"),
    [
        ("clamshell", Dose(sets=2, count_min=10, count_max=15, unit="reps", sides="each_side")),
        ("lateral_band_walk", Dose(count_min=10, count_max=12, unit="steps", sides="each_direction")),
        ("hip_flexor_stretch", Dose(hold_min_s=20, hold_max_s=30)),
        ("side_lying_leg_lift", Dose(sets=2, count_min=10, count_max=10, unit="reps")),
        ("single_leg_glute_bridge", Dose(sides="alternate")),
    ],
)
def test_doses_are_those_that_are_given_and_nothing_else(vocabulary, exercise, dose):
    assert vocabulary.exercises[exercise].dose == dose
    assert "sessions_per_week" in dose.unstated


def test_unstated_parts_of_a_dose_are_named():
    assert Dose(sets=2, count_min=10, count_max=15, unit="reps", sides="each_side").unstated == (
        "hold_min_s",
        "hold_max_s",
        "sessions_per_week",
    )


def test_exercises_and_rules_refer_to_terms_that_exist(vocabulary):
    for exercise in vocabulary.exercises.values():
        assert exercise.targets
        assert set(exercise.targets) <= set(vocabulary.anatomy)
    technique = [r for r in vocabulary.stop_rules.values() if r.level == "technique"]
    assert len(technique) == 4
    assert {r.exercise for r in technique} <= set(vocabulary.exercises)


def test_a_rule_without_a_source_for_its_action_has_no_level(vocabulary):
    outside = {r.id: (r.level, r.action) for r in vocabulary.stop_rules.values() if r.source == "outside"}
    assert outside == dict.fromkeys(
        ("night_or_rest_bone_pain", "systemic_signs", "neuro_signs"), (None, None)
    )
    assert [r.level for r in vocabulary.stop_rules.values()].count("stop") == 4


def test_expected_soreness_is_not_harm(vocabulary):
    expected = [s.id for s in vocabulary.symptoms.values() if s.expected]
    assert expected == ["exercise_soreness_early", "quick_fatigue"]


# ---------------------------------------------------------------- instruments


@pytest.mark.parametrize(
    ("instrument", "low", "high", "sign"),
    [
        ("nprs", 0, 10, -1), ("vas_pain", 0, 100, -1), ("psfs", 0, 10, 1), ("lefs", 0, 80, 1),
        ("uwri", 0, 36, 1), ("ihot12", 0, 100, 1), ("hoos", 0, 100, 1), ("visa_g", 0, 100, 1),
        ("hagos", 0, 100, 1), ("msk_hq", 0, 56, 1), ("groc11", -5, 5, 1), ("groc15", -7, 7, 1),
        ("pass", 0, 1, 1), ("promis_pf", 20, 80, 1), ("promis_pi", 20, 80, -1), ("odi", 0, 100, -1),
        ("ndi", 0, 100, -1), ("uefi", 0, 80, 1), ("nps", 0, 10, 1),
    ],
)  # fmt: skip
def test_a_known_improver_improves(vocabulary, instrument, low, high, sign):
    scale = vocabulary.instruments[instrument]
    assert (scale.minimum, scale.maximum) == (low, high)
    worst, best = (high, low) if sign < 0 else (low, high)
    assert scale.sign * (best - worst) == high - low > 0


@pytest.mark.parametrize(
    ("instrument", "kind", "value", "source"),
    [
        ("nprs", "abs", 2, "Farrar 2001"),
        ("nprs", "pct", 30, "Farrar 2001"),
        ("lefs", "abs", 9, "Binkley 1999"),
        ("uwri", "abs", 8, "Nelson 2020"),
        ("ihot12", "abs", 14, "PMID 40123108"),
        ("msk_hq", "abs", 5.5, "Price 2019"),
        ("odi", "abs", 12, "Abbott & Schmitt 2014"),
    ],
)
def test_the_default_difference_that_matters(vocabulary, instrument, kind, value, source):
    threshold = vocabulary.instruments[instrument].mcid(kind)
    assert (threshold.value, threshold.kind) == (value, kind)
    assert threshold.source.startswith(source)
    assert threshold.population


@pytest.mark.parametrize(
    ("instrument", "kind", "why"),
    [
        ("visa_g", "abs", "none was found"),
        ("visa_g", "pct", "none was found"),
        ("lefs", "pct", "published in points only"),
        ("psfs", "abs", "three sizes, none of them the default"),
        ("hoos", "abs", "one for each subscale"),
        ("uefi", "abs", "only a range"),
    ],
)
def test_no_threshold_is_guessed(vocabulary, instrument, kind, why):
    assert vocabulary.instruments[instrument].mcid(kind) is None, why


def test_a_population_takes_its_own_threshold_or_none(vocabulary):
    nprs, ihot = vocabulary.instruments["nprs"], vocabulary.instruments["ihot12"]
    assert nprs.mcid(population="musculoskeletal pain") is None
    assert nprs.mcid(population="Musculoskeletal Pain", qualifier="slightly better").value == 1
    assert nprs.mcid("pct", population="musculoskeletal pain", qualifier="much better").value == 33
    assert nprs.mcid(population="people never studied") is None
    assert ihot.acceptable_state("non-arthritic hip pain, without operation").value == 63
    assert ihot.acceptable_state("after hip arthroscopy").value == 59.5
    assert ihot.acceptable_state("runners") is None
    assert vocabulary.instruments["psfs"].mcid(qualifier="medium").value == 2.3


def test_ranges_inform_and_are_not_applied(vocabulary):
    (found,) = vocabulary.instruments["uefi"].ranges
    assert (found.measure, found.low, found.high) == ("mcid", 6, 11)


def test_detectable_change_of_the_running_index_follows_from_its_error(vocabulary):
    uwri = vocabulary.instruments["uwri"]
    sem, mdc = uwri.threshold("sem"), uwri.threshold("mdc")
    assert mdc.value == pytest.approx(1.96 * 2**0.5 * sem.value, abs=0.005)


def test_every_threshold_names_its_people_and_a_written_out_source(vocabulary):
    for scale in (*vocabulary.instruments.values(), *vocabulary.adherence_instruments.values()):
        for found in (*scale.thresholds, *getattr(scale, "ranges", ())):
            assert found.population, scale.id
            assert " " in found.source, (scale.id, found.source)
        for found in getattr(scale, "ranges", ()):
            assert found.low < found.high


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"minimum": 10.0, "maximum": 10.0}, "minimum must be below maximum"),
        (
            {"thresholds": (Threshold(measure="pass", value=11, population="p", source="s"),)},
            "not a score from 0",
        ),
        ({"thresholds": (Threshold(measure="mcid", value=-2, population="p", source="s"),)}, "not a change"),
        (
            {"thresholds": (Threshold(measure="mcid", kind="pct", value=130, population="p", source="s"),)},
            "not a change",
        ),
        (
            {
                "thresholds": (Threshold(measure="mcid", value=1, population="p", source="s", default=True),)
                * 2
            },
            "both the default",
        ),
    ],
)
def test_an_instrument_that_cannot_be_is_refused(change, message):
    scale = Instrument(id="own", name="Own scale", minimum=0, maximum=10, direction="lower")
    with pytest.raises(ConfigError, match=message):
        replace(scale, **change)


# ---------------------------------------------------------------- codes


def test_a_code_follows_the_side(vocabulary):
    itb = vocabulary.conditions["itb_syndrome"]
    assert [itb.default_code(side).code for side in ("right", "left", "unspecified")] == [
        "M76.31",
        "M76.32",
        "M76.30",
    ]
    assert itb.default_code("both") is None
    assert vocabulary.conditions["total_hip_replacement_status"].default_code("both").code == "Z96.643"
    assert vocabulary.conditions["referred_low_back_pain"].default_code("left").code == "M54.50"
    assert vocabulary.conditions["hip_osteoarthritis"].default_code("left") is None


def test_a_recalled_code_must_be_asked_for(vocabulary):
    tear = vocabulary.conditions["labral_tear"]
    assert tear.default_code("right") is None
    assert tear.default_code("right", at_least="recalled").code == "S73.191A"


def test_an_unverified_code_is_never_a_default(vocabulary):
    cupping = vocabulary.modalities["myofascial_cupping"]
    assert {c.certainty for c in cupping.codes} == {"unverified"}
    alone = Coded(id="x", name="x", codes=(Code(system="cpt", code="1", certainty="unverified"),))
    for grade in ("verified", "documented", "recalled", "unverified"):
        assert cupping.default_code(at_least=grade) is None
        assert alone.default_code(at_least=grade) is None


def test_two_codes_that_would_do_are_no_default(vocabulary):
    assert vocabulary.modalities["dry_needling"].default_code() is None
    assert vocabulary.modalities["iastm"].default_code().code == "97140"


def test_a_special_case_is_no_default(vocabulary):
    assert vocabulary.conditions["overuse_running_injury"].default_code() is None
    assert vocabulary.conditions["nonadherence_status"].default_code().code == "Z91.199"
    assert vocabulary.conditions["femoral_stress_fracture"].default_code().code == "M84.359A"


def test_an_unknown_certainty_is_refused(vocabulary):
    with pytest.raises(UnknownTermError, match='"sure" is not a certainty'):
        vocabulary.conditions["itb_syndrome"].default_code(at_least="sure")


def test_pain_scores_carry_their_loinc_code(vocabulary):
    assert vocabulary.instruments["nprs"].default_code().code == "72514-3"
    assert vocabulary.instruments["vas_pain"].default_code().code == "38214-3"
    assert vocabulary.reference_codes["loinc_56840_2"].default_code() is None


# ---------------------------------------------------------------- a study's own terms


def test_a_study_adds_its_own_instrument_and_condition(vocabulary):
    own = vocabulary.extended("instruments", {"headache": HEADACHE})
    own = own.extended("conditions", {"migraine": {"name": "Migraine", "aliases": ["G43"]}})
    assert own.instruments["headache"].sign == -1
    assert own.instruments["headache"].mcid("pct").value == 35
    assert own.resolve("instruments", "headache score") == "headache"
    assert own.conditions["migraine"] == Condition(
        id="migraine", name="Migraine", aliases=("G43",), source="study"
    )
    assert own.resolve("conditions", "g43") == "migraine"
    assert own.resolve("conditions", "ITBS") == "itb_syndrome"
    assert "headache" not in load_vocabulary().instruments


@pytest.mark.parametrize(
    ("section", "entries", "message"),
    [
        ("instruments", {"nprs": HEADACHE}, '"nprs" is already a term'),
        ("instruments", {"own": HEADACHE | {"aliases": ["NRS"]}}, '"NRS" means both "nprs" and "own"'),
        ("instruments", {"Own Scale": HEADACHE}, "not in snake case"),
        ("instruments", {"own": HEADACHE | {"id": "own"}}, 'remove the key "id"'),
        (
            "instruments",
            {"own": HEADACHE | {"directon": "lower"}},
            'unknown key "directon". Did you mean "direction"',
        ),
        ("instruments", {"own": {"name": "Own"}}, r'\[terms.instruments\] own: the key "minimum" is missing'),
        (
            "instruments",
            {"own": HEADACHE | {"direction": "down"}},
            "own.direction: not an allowed word. Allowed: lower",
        ),
        (
            "instruments",
            {"own": HEADACHE | {"minimum": "0"}},
            "own.minimum: a text where a number is expected",
        ),
        ("instruments", {"own": HEADACHE | {"minimum": True}}, "true or false where a number is expected"),
        ("instruments", {"own": HEADACHE | {"maximum": float("inf")}}, "a number without end"),
        ("instruments", {"own": HEADACHE | {"name": ""}}, "nothing where a text is expected"),
        ("instruments", {"own": HEADACHE | {"thresholds": {"measure": "mcid"}}}, "where a list is expected"),
        (
            "instruments",
            {"own": HEADACHE | {"thresholds": [35]}},
            r"thresholds\[1\]: a whole number where keys and values",
        ),
        ("instruments", {"own": HEADACHE | {"thresholds": [{"measure": "mcid"}]}}, '"value" is missing'),
        ("conditions", {"own": "Migraine"}, "a text where keys and values are expected"),
        ("conditions", {"own": {"name": "Own", "aliases": "ITBS"}}, "Put it in square brackets"),
        (
            "exercises",
            {"own": {"name": "Own", "dose": {"sets": 2.5}}},
            "own.dose.sets: a number where a whole number",
        ),
    ],
)
def test_a_study_term_that_does_not_fit_is_refused(vocabulary, section, entries, message):
    with pytest.raises(ConfigError, match=message):
        vocabulary.extended(section, entries)


def test_terms_for_an_unknown_section_are_refused(vocabulary):
    with pytest.raises(UnknownTermError, match='no section "scales"'):
        vocabulary.extended("scales", {"headache": HEADACHE})


# ---------------------------------------------------------------- the thing itself


def test_it_is_frozen_through_and_through(vocabulary):
    with pytest.raises(FrozenInstanceError):
        vocabulary.exercises = {}
    with pytest.raises(TypeError):
        vocabulary.exercises["own"] = vocabulary.exercises["clamshell"]
    with pytest.raises(TypeError):
        vocabulary.resolution("exercises")["own"] = "clamshell"
    for section in RECORDS:
        for term in vocabulary.section(section).values():
            assert isinstance(hash(term), int), "a list inside would not hash"


def test_it_is_read_once_and_travels_to_a_worker(vocabulary):
    assert load_vocabulary() is vocabulary
    own = vocabulary.extended("instruments", {"headache": HEADACHE})
    again = pickle.loads(pickle.dumps(own))
    assert again == own
    assert again != vocabulary
    assert again.resolve("instruments", "headache score") == "headache"


def test_sections_and_records_agree(vocabulary, raw):
    assert [f.name for f in fields(vocabulary) if f.init] == list(RECORDS)
    for section, record in RECORDS.items():
        terms = vocabulary.section(section)
        assert terms, section
        assert list(terms) == list(raw[section])
        assert all(type(term) is record and term.id == key for key, term in terms.items())
        assert {term.source for term in terms.values()} <= {"article", "outside"}


def test_it_shows_itself_in_one_line(vocabulary):
    assert (
        repr(vocabulary)
        == f"Vocabulary({sum(len(vocabulary.section(s)) for s in RECORDS)} terms in 20 sections)"
    )


def test_a_damaged_file_is_refused(raw):
    del raw["goals"]
    with pytest.raises(ConfigError, match=r"sections: goals\. Reinstall"):
        parse_vocabulary(raw)


def test_importing_it_reads_nothing():
    code = (
        "import studypkg.vocabulary as v, sys; "
        "assert v.load_vocabulary.cache_info().currsize == 0; "
        "assert not {'pandas', 'pydantic', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# ---------------------------------------------------------------- its page


@pytest.fixture
def page():
    return (Path(__file__).resolve().parents[2] / "docs/reference/vocabulary.md").read_text(encoding="utf-8")


def test_the_page_names_every_term(vocabulary, page):
    missing = [(s, key) for s in RECORDS for key in vocabulary.section(s) if f"`{key}`" not in page]
    assert missing == []


def test_the_page_shows_every_threshold_with_its_people_and_source(vocabulary, page):
    shown = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    scales = (*vocabulary.instruments.values(), *vocabulary.adherence_instruments.values())
    for scale in scales:
        for found in (*scale.thresholds, *getattr(scale, "ranges", ())):
            number = f"{found.value:g}" if isinstance(found, Threshold) else f"{found.low:g}–{found.high:g}"
            value = number + (" %" if found.kind == "pct" else "")
            row = [f"| `{scale.id}`", value, found.population, f"{found.source} |"]
            assert any(line[:1] + line[2:] == row and line[1].startswith(found.measure) for line in shown), (
                row
            )


def test_the_example_of_own_terms_on_the_page_works(vocabulary, page):
    example = tomllib.loads(page.split("```toml\n")[1].split("```")[0])
    for section, entries in example["terms"].items():
        vocabulary = vocabulary.extended(section, entries)
    assert vocabulary.instruments["headache"].mcid("pct").value == 35
    assert vocabulary.resolve("conditions", "Migraine Headache") == "migraine"
