"""The same id and key give the same pseudonym, no two ids share one, and nothing leads back by itself."""

import hashlib
import hmac
import unicodedata

import duckdb
import pytest

from studypkg.errors import QualityGateError
from studypkg.privacy import pseudonyms
from studypkg.privacy.keys import SecretKey
from studypkg.privacy.pseudonyms import (
    ALPHABET,
    LENGTH,
    Normalisation,
    collision_chance,
    distinct_ids,
    is_pseudonym,
    pseudonymise,
    relink,
    replace_ids,
    rotate,
)

KEY = SecretKey(bytes(range(32)))
OTHER = SecretKey(bytes(range(32, 64)))
PLAIN = Normalisation()


def test_a_pseudonym_is_the_hmac_of_the_id_in_twenty_letters():
    # Written out once more with the standard library alone.
    derived = hmac.new(KEY.secret, b"studypkg/1/pseudonym", hashlib.sha256).digest()
    number = int(hmac.new(derived, b"MRN-0017", hashlib.sha256).hexdigest(), 16)
    letters = ""
    for _ in range(10):
        pair, number = number % 400, number // 400
        letters += ALPHABET[pair // 20] + ALPHABET[pair % 20]
    assert pseudonymise(["MRN-0017"], KEY, PLAIN).of == {"MRN-0017": letters}
    assert is_pseudonym(letters)


def test_another_key_gives_other_pseudonyms():
    ids = [f"{n:05d}" for n in range(1000)]
    one, two = (set(pseudonymise(ids, key, PLAIN).of.values()) for key in (KEY, OTHER))
    assert len(one) == len(two) == 1000
    assert not one & two


def test_ten_million_patients_collide_less_often_than_once_in_a_trillion_studies():
    by_hand = 10_000_000 * 9_999_999 / 2 / 20**20
    assert collision_chance(10_000_000) == pytest.approx(by_hand)
    assert by_hand < 1e-12


def test_a_collision_is_refused(monkeypatch):
    monkeypatch.setattr(pseudonyms, "_PSEUDONYMS", 50)
    with pytest.raises(QualityGateError, match="same pseudonym"):
        pseudonymise([str(n) for n in range(51)], KEY, PLAIN)


@pytest.mark.parametrize(
    ("rules", "same"),
    [
        (Normalisation(), [("7", " 7"), ("7", "7\t")]),
        (Normalisation(case="fold"), [("ab", "AB"), ("stra\u00dfe", "STRASSE")]),
        (Normalisation(blanks="remove"), [("A 1", "A1"), ("A\u00a01", "A1")]),
        (Normalisation(ignore="-/"), [("12-34/5", "12345")]),
        (Normalisation(case="fold", blanks="remove"), [("Aa 1", "AA1 ")]),
    ],
)
def test_declared_ways_of_writing_are_the_same_id(rules, same):
    for one, other in same:
        found = pseudonymise([one, other], KEY, rules)
        assert found.of[one] == found.of[other]
        assert found.merged == 1


@pytest.mark.parametrize(
    ("one", "other", "rules"),
    [
        ("007", "7", Normalisation(case="fold", blanks="remove", ignore="-")),
        ("Aa 1", "AA1 ", Normalisation()),
        ("A", "a", Normalisation(blanks="remove")),
        ("A 1", "A1", Normalisation()),
        (" 7", "7", Normalisation(blanks="keep")),
    ],
)
def test_undeclared_ways_of_writing_are_two_people(one, other, rules):
    found = pseudonymise([one, other], KEY, rules)
    assert found.of[one] != found.of[other]


def test_composed_and_decomposed_letters_are_the_same():
    name = "Mu\u0308ller-9"
    assert name != unicodedata.normalize("NFC", name)
    found = pseudonymise([name, unicodedata.normalize("NFC", name)], KEY, PLAIN).of
    assert len(set(found.values())) == 1


def test_letters_that_meet_when_a_character_between_them_goes_are_composed():
    rules = Normalisation(ignore="-")
    assert rules("u-\u0308") == rules("\u00fc") == "\u00fc"


def test_the_way_back_needs_the_key_and_the_originals():
    made = pseudonymise(["a1", "b2", "c3"], KEY, PLAIN).of
    asked = [made["a1"], made["c3"]]
    assert relink(asked, ["c3", "x9", "a1"], KEY, PLAIN) == {made["a1"]: "a1", made["c3"]: "c3"}
    assert relink(asked, ["c3", "x9", "a1"], OTHER, PLAIN) == {}
    assert relink(asked, ["x9"], KEY, PLAIN) == {}


def test_a_rotation_gives_what_the_new_key_gives_to_the_originals():
    old = pseudonymise(["a1", "b2"], KEY, PLAIN).of
    new = pseudonymise(["a1", "b2"], OTHER, PLAIN).of
    turned = rotate(old.values(), ["b2", "a1", "zz"], KEY, OTHER, PLAIN)
    assert turned == {old[name]: new[name] for name in ("a1", "b2")}


def test_half_a_rotation_is_refused():
    old = pseudonymise(["a1", "b2"], KEY, PLAIN).of
    with pytest.raises(QualityGateError, match="1 of 2") as caught:
        rotate(old.values(), ["a1"], KEY, OTHER, PLAIN)
    assert old["b2"] not in str(caught.value)


def test_ids_are_replaced_in_place_and_words_for_missing_stay():
    made = pseudonymise(["7", "8", "NA"], KEY, PLAIN).of
    with duckdb.connect() as db:
        db.execute('CREATE TABLE raw ("Pat ""No" VARCHAR, x VARCHAR, _row BIGINT)')
        db.executemany(
            "INSERT INTO raw VALUES (?, ?, ?)",
            [("7", "7", 2), ("", "b", 3), ("NA", "c", 4), ("8", "d", 5), ("lost", "e", 6)],
        )
        assert set(distinct_ids(db, "raw", ['Pat "No'])) == {"7", "8", "NA", "lost"}
        replace_ids(db, "raw", ['Pat "No'], into="out", of=made, blank=["NA"])
        rows = db.execute("FROM out ORDER BY _row").fetchall()
    assert rows == [
        (made["7"], "7", 2), ("", "b", 3), ("NA", "c", 4), (made["8"], "d", 5), ("", "e", 6)
    ]  # fmt: skip


def test_the_alphabet_has_no_vowel_and_no_digit():
    assert not set(ALPHABET) & set("aeiou0123456789l")
    assert (len(set(ALPHABET)), LENGTH) == (20, 20)
