"""study.toml becomes a frozen Study, or one clear error."""

import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from studypkg.config import check_study, formula_names, load_study, study_tables, study_vocabulary
from studypkg.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
SMALL = """
[study]
name = "Small"

[[sources]]
table = "episodes"
path = "episodes.csv"

[[sources]]
table = "assessments"
path = "assessments.csv"

[outcomes.pain]
instrument = "nprs"

[models.primary]
formula = "score ~ weeks + (1 | patient)"
"""


def check(text: str):
    return check_study(tomllib.loads(text), root=Path())


@pytest.mark.parametrize(
    "path", ["study.toml", *sorted(p.as_posix() for p in ROOT.glob("examples/*/study.toml"))]
)
def test_the_studies_that_come_with_the_package_are_valid(path):
    assert load_study(ROOT / path).study.name


def test_a_folder_stands_for_the_study_file_in_it():
    assert load_study(ROOT).root == ROOT


def test_a_study_cannot_be_changed():
    study = check(SMALL)
    with pytest.raises(ValidationError, match="frozen"):
        study.study.name = "Other"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("name =", "nam ="), ['unknown key "study.nam"', 'Did you mean "name"', "Allowed here: name, seed"]),
        (('path = "episodes.csv"', ""), ['key "sources[1]": the key "path" is missing']),
        (('table = "assessments"', 'table = "assessment"'), ['key "sources[2].table"', "'assessments'"]),
        (('instrument = "nprs"', 'instrument = "nrps"'), ['"nrps"', "nprs"]),
        (('"nprs"', '"nprs"\ncontext = "resting"'), ['"resting" is unknown', "rest, run"]),
        (("weeks +", "weks +"), ['[models.primary] formula: "weks" is unknown', 'Did you mean "weeks"']),
        (("score ~", "score"), ['needs one "~"']),
        (("(1 | patient)", "(1 | patient"), ["opening and", "closing brackets"]),
        (("(1 | patient)", "weeks |  patient"), ["a random term stands in brackets"]),
        (('name = "Small"', 'name = "Small"\ntimezone = "Mars/Base"'), ["study.timezone", "IANA"]),
        (('[study]', '[privacy]\nmin_cell = 1\n[study]'), ["privacy.min_cell", "greater than or equal to 2"]),
        (('path = "episodes.csv"', 'path = "episodes.csv"\ncolumns = { patient = "id" }'),
         ['[[sources]] 1 ("episodes"): "patient" is unknown', "patient_id"]),
    ],
)  # fmt: skip
def test_one_clear_error_names_the_key_what_came_and_what_is_allowed(change, said):
    text = SMALL.replace(*change)
    assert text != SMALL
    with pytest.raises(ConfigError) as fault:
        check(text)
    assert fault.value.exit_code == 10
    for words in said:
        assert words in str(fault.value)


def test_a_missing_file_says_how_to_get_one(tmp_path):
    with pytest.raises(ConfigError, match="study init"):
        load_study(tmp_path)


def test_broken_toml_names_the_line(tmp_path):
    (tmp_path / "study.toml").write_text("[study\n")
    with pytest.raises(ConfigError, match=r"not valid TOML.*line 1"):
        load_study(tmp_path)


def test_a_study_with_an_outcome_needs_scores():
    text = SMALL.replace('[[sources]]\ntable = "assessments"\npath = "assessments.csv"\n', "")
    with pytest.raises(ConfigError, match='feeds the table "assessments"'):
        check(text)


def test_own_covariates_join_the_episodes_and_formulas():
    text = SMALL.replace("weeks +", "weeks + stage +") + (
        '[covariates.stage]\nkind = "number"\nmeaning = "Stage at intake."\nminimum = 0\nmaximum = 4\n'
    )
    study = check(text)
    assert study_tables(study)["episodes"].column("stage").maximum == 4


def test_own_terms_join_the_vocabulary():
    text = SMALL + '[terms.conditions.tennis_elbow]\nname = "tennis elbow"\n'
    assert study_vocabulary(check(text)).resolve("conditions", "Tennis Elbow") == "tennis_elbow"


@pytest.mark.parametrize(
    ("formula", "names"),
    [
        ("y ~ 1 + (1 | g)", ("g",)),
        ("y ~ a * b + (1 + a || g) + (1 | h:k)", ("a", "b", "g", "h", "k")),
        ("y ~ C(a, contr.treatment('x')) + bs(w, df=3) + (0 + w | g/h)", ("a", "g", "h", "w")),
        ("y ~ (1 | g)", ("g",)),
        ("y ~ (1 | g) + a", ("a", "g")),
    ],
)
def test_formula_names_finds_every_column(formula, names):
    assert formula_names(formula) == ("y", names)
