"""Tests of quoting: a name or a word never becomes SQL."""

import duckdb
import pytest

from studypkg.records.quoting import ident, idents, literal

ODD = ['pain "now"', "it's", "a; DROP TABLE t --", "sets", "ä ö", "a\nb", "\\", "%s", "{x}"]


@pytest.mark.parametrize("word", ODD)
def test_odd_words_survive_as_names_and_as_texts(word: str) -> None:
    with duckdb.connect() as connection:
        answer = connection.execute(f"SELECT {ident(word)} FROM (SELECT {literal(word)} AS {ident(word)})")
        assert answer.fetchall() == [(word,)]
        assert answer.description[0][0] == word


def test_several_names_are_led_by_their_relation() -> None:
    assert idents(["a", 'b"'], of="s") == 's."a", s."b"""'
    assert idents([]) == ""
