"""The mark of a policy says under which options something was made, and stands on everything."""

import pytest

from studypkg.config import check_study
from studypkg.errors import ConfigError, DisclosureError, QualityGateError
from studypkg.privacy.policies import (
    check_documents,
    check_key,
    check_mark,
    internal_policy,
    policy_of,
    refuse_calendar,
    treatments,
)


def study(tmp_path, covariates=None, pseudonymise=(), **privacy):
    return check_study(
        {
            "study": {"name": "test"},
            "sources": [{"table": "episodes", "path": "e.csv", "pseudonymise": list(pseudonymise)}],
            "covariates": covariates or {},
            "privacy": privacy,
        },
        root=tmp_path,
    )


def test_every_option_that_changes_values_changes_the_fingerprint(tmp_path):
    own = {"severity": {"kind": "number", "meaning": "-"}}
    variants = [
        {},
        {"dates": "relative"},
        {"max_shift_days": 30},
        {"age_band_years": 10},
        {"zip3": "2000"},
        {"columns": {"severity": "drop"}},
    ]
    made = [policy_of(study(tmp_path, own, policy="research", research=one)) for one in variants]
    assert len({one.fingerprint for one in made}) == len(variants)
    moved = policy_of(study(tmp_path, own, policy="research", research={"internal": "elsewhere"}))
    assert moved.fingerprint == made[0].fingerprint


def test_the_longest_shift_does_not_matter_where_nothing_is_shifted(tmp_path):
    one, two = (
        policy_of(study(tmp_path, policy="research", research={"dates": "relative", "max_shift_days": days}))
        for days in (30, 60)
    )
    assert one.fingerprint == two.fingerprint


def test_how_ids_are_written_is_part_of_the_policy(tmp_path):
    plain = internal_policy(study(tmp_path))
    replaced = internal_policy(study(tmp_path, pseudonymise=["patient_id"]))
    folded = internal_policy(study(tmp_path, pseudonymise=["patient_id"], pseudonyms={"case": "fold"}))
    assert len({one.fingerprint for one in (plain, replaced, folded)}) == 3
    assert plain == internal_policy(study(tmp_path, pseudonyms={"case": "fold"}))


def test_tables_from_before_there_were_policies_are_internal(tmp_path):
    check_mark({"fingerprint": "x"}, internal_policy(study(tmp_path)), folder="data")
    with pytest.raises(QualityGateError, match="real dates"):
        check_mark({"fingerprint": "x"}, policy_of(study(tmp_path, policy="research")), folder="data")


def test_the_message_names_both_policies_and_the_way_on(tmp_path):
    research, internal = policy_of(study(tmp_path, policy="research")), internal_policy(study(tmp_path))
    with pytest.raises(QualityGateError, match="policy research and have no real dates") as caught:
        check_mark({"policy": research.mark("k")}, internal, folder="data/processed")
    assert 'policy = "research"' in str(caught.value)
    assert caught.value.exit_code == 13
    check_mark({"policy": research.mark("k")}, research, folder="data/processed")
    check_mark({}, research, folder="data/processed")


def test_other_options_are_refused_where_tables_are_only_read(tmp_path):
    made = policy_of(study(tmp_path, policy="research", research={"age_band_years": 10}))
    with pytest.raises(QualityGateError, match="study ingest"):
        check_mark({"policy": made.mark("k")}, policy_of(study(tmp_path, policy="research")), folder="d")


def test_pseudonyms_of_two_keys_are_not_mixed(tmp_path):
    mark = internal_policy(study(tmp_path)).mark("aaaa")
    check_key({"policy": mark}, "aaaa")
    check_key({}, "bbbb")
    for other in ("bbbb", None):
        with pytest.raises(QualityGateError, match="another person"):
            check_key({"policy": mark}, other)


def test_documents_of_another_policy_are_not_published(tmp_path):
    research, internal = policy_of(study(tmp_path, policy="research")), internal_policy(study(tmp_path))
    told = {"policy": "internal", "policy_fingerprint": internal.fingerprint}
    check_documents({"clinic-c1.json": told, "old.json": {}}, internal)
    with pytest.raises(DisclosureError, match=r"clinic-c1\.json was released under the policy internal"):
        check_documents({"clinic-c1.json": told}, research)
    with pytest.raises(DisclosureError, match=r"old\.json"):
        check_documents({"old.json": {}}, research)


def test_real_months_are_for_internal(tmp_path):
    refuse_calendar(internal_policy(study(tmp_path)), "a page")
    with pytest.raises(DisclosureError, match="a page needs real months"):
        refuse_calendar(policy_of(study(tmp_path, policy="research")), "a page")


@pytest.mark.parametrize("inner", ["data/processed", "data/processed/inner", "data"])
def test_internal_records_need_a_folder_apart(tmp_path, inner):
    with pytest.raises(ConfigError, match="apart"):
        policy_of(study(tmp_path, policy="research", research={"internal": inner}))


def test_a_column_that_may_hold_any_word_must_be_treated(tmp_path):
    own = {
        "postcode": {"kind": "code", "meaning": "-"},
        "grade": {"kind": "code", "meaning": "-", "allowed": ["a", "b"]},
        "severity": {"kind": "number", "meaning": "-"},
    }
    with pytest.raises(ConfigError, match='does not name "postcode"'):
        treatments(study(tmp_path, own, policy="research"))
    told = study(tmp_path, own, policy="research", research={"columns": {"postcode": "zip3"}})
    assert treatments(told) == {"postcode": "zip3", "grade": "keep", "severity": "keep"}
    with pytest.raises(ConfigError, match="closed list"):
        treatments(study(tmp_path, own, research={"columns": {"postcode": "zip3", "grade": "zip3"}}))
    with pytest.raises(ConfigError, match='Did you mean "postcode"'):
        treatments(study(tmp_path, own, research={"columns": {"postcod": "zip3", "postcode": "zip3"}}))


@pytest.mark.parametrize(
    "block",
    [
        {"quasi_identifiers": {"age_years": {"bands": [5, 12]}}},
        {"quasi_identifiers": {"age_years": {"bands": [10, 5]}}},
        {"quasi_identifiers": {"postcode": {"digits": [1, 3]}}},
        {"quasi_identifiers": {"start_date": {"periods": ["year", "month"]}}},
        {"quasi_identifiers": {"sex": {"bands": [5], "digits": [1]}}},
        {"anonymity": {"k": 5, "l": 2}},
        {"pseudonyms": {"key_file": "/a", "key_variable": "B"}},
        {"pseudonyms": {"key": "studykey1_x"}},
        {"policy": "open"},
    ],
    ids=str,
)
def test_declarations_that_make_no_sense_are_refused(tmp_path, block):
    with pytest.raises(ConfigError):
        study(tmp_path, **block)
