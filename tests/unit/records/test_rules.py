"""Tests of the rule table."""

from studypkg.records.rules import RULES


def test_every_rule_says_what_is_wrong_and_what_to_do() -> None:
    for code, rule in RULES.items():
        assert code == rule.code
        assert code == code.upper()
        assert rule.what.endswith(".")
        assert rule.advice.endswith(".")


def test_the_reference_page_lists_every_rule_in_the_words_of_the_table(request) -> None:
    page = (request.config.rootpath / "docs/reference/screening-rules.md").read_text(encoding="utf-8")
    for code, rule in RULES.items():
        assert f"| `{code}` | {rule.what} | {rule.advice} |" in page
