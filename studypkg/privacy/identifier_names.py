"""Is it the name of a person, or the name of a thing? By its form, and by words that no person is called.

A list of people's names would know the common ones, and the rare ones are those that identify. So what is
listed are the words that the labels of a study are made of; given names that many people have are asked
only where a name stands alone among labels.
"""

# ruff: noqa: E501 (a pattern stands on one line)
from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.resources import files

from studypkg.vocabulary import load_vocabulary

_PARTICLE = (
    r"(van der|van den|van de|van|von der|von|zu|de la|de los|de las|del|de|da|dos|das|do|di|della|du|des|le|la"
    r"|ten|ter|el|al|bin|bint|ibn|abu|abd|y|e|i|ap|mac|mc|st\.?)"
)
#: Everything but figures, blanks and signs; classes of all letters are slow to compile.
_REST = r"[^\x00-&(-,./0-9:-@\[-_{-\x{BF}\x{2000}-\x{2018}\x{201A}-\x{206F}\x{3000}-\x{3003}]"
_WORD = rf"\p{{Lu}}{_REST}*"
#: Two to five capitalised words, particles and initials among them; RE2 syntax.
TITLE_CASE = rf"({_WORD}|\p{{Lu}}\.)([ -]({_WORD}|\p{{Lu}}\.?|{_PARTICLE}|(?i:jr|sr|iii?|iv)\.?)){{0,4}} {_WORD}(,? (Jr|Sr|II|III|IV)\.?)?"
#: "Surname, First M."
SURNAME_FIRST = rf"(({_PARTICLE}|{_WORD}) ){{0,2}}{_WORD}, ?({_WORD}|\p{{Lu}}\.)( ({_WORD}|\p{{Lu}}\.?))*"
#: Two to four words of small letters only, particles among them.
SMALL = rf"\p{{Ll}}({_REST}+ ){{1,4}}{_REST}+"
#: Two to four Chinese characters, or Hangul or kana, with or without a dot between.
EAST_ASIAN = r"[\p{Han}]{2,4}|[\p{Han}]{1,6}·[\p{Han}]{1,6}|[\p{Hangul}]{2,4}|[\p{Katakana}ー]{2,8}[ ・][\p{Katakana}ー]{2,8}"
#: Two to five words in a script that has no capital letters.
CASELESS = (
    r"[\p{Arabic}\p{Hebrew}\p{Devanagari}\p{Bengali}\p{Tamil}\p{Thai}\p{Georgian}\p{Ethiopic}\p{Hangul}\p{Han}\p{Hiragana}\p{Katakana}]{1,}"
    r"([ \x{3000}][\p{Arabic}\p{Hebrew}\p{Devanagari}\p{Bengali}\p{Tamil}\p{Thai}\p{Georgian}\p{Ethiopic}\p{Hangul}\p{Han}\p{Hiragana}\p{Katakana}\p{M}]{1,}){1,4}"
)
#: Words with a capital, and the number of a house behind.
STREET = rf"\p{{Lu}}({_REST}|\.)+ (((\p{{Lu}}|d[aeiou]s? |la |les? |el |van |von |der |den )({_REST}|\.)*),? ){{0,4}}\d{{1,4}} ?[A-Za-z]?"
#: Any writing of a person's name.
PERSON = rf"{TITLE_CASE}|{SURNAME_FIRST}|{EAST_ASIAN}"
#: One capitalised word, as in a column of surnames.
ONE_WORD = r"\p{Lu}\p{Ll}{2,}([-'’]\p{Lu}\p{Ll}+)?|[\p{Han}]{2,4}"

_ENDINGS = re.compile(
    r"(itis|osis|opathy|algia|ectomy|plasty|otomy|oscopy|emia|uria|tion|tions|sion|ness|ology|graphy|gram|meter"
    r"|ing|ings|ical|ular|ative|ture|ency|ancy|ility|ively|ized|ised|cular|acic|ible|able|ment|ments|hood|ship|ively"
    r"|ylline|idine|azole|profen|codone|cillin|statin|amine|olol|pril|sartan|etine|parin|mycin|triptan|triptyline"
    r"|barbital|acetamol|coxib|pentin|balin|pirate)$"
)
#: A word has so many letters at least before its ending tells anything: "King" and "Clement" are people.
_ENDING_FROM = 8
#: Words of one letter or figure say nothing.
_SPLIT = re.compile(r"[\W\d_]+")


@cache
def _words(file: str) -> frozenset[str]:
    text = files("studypkg.privacy").joinpath(file).read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


@cache
def _known_things() -> frozenset[str]:
    vocabulary = load_vocabulary()
    words = set(_words("study_words.txt"))
    for section in (
        vocabulary.exercises, vocabulary.modalities, vocabulary.conditions, vocabulary.stop_rules,
        vocabulary.populations, vocabulary.instruments,
    ):  # fmt: skip
        for term in section.values():
            for text in (term.id, term.name, *term.aliases):
                words.update(w for w in _SPLIT.split(text.casefold()) if len(w) > 2)
    return frozenset(words)


def names_a_thing(text: str) -> bool:
    """Say whether a text has a word that a label of a study has, and a person's name has not.

    Examples
    --------
    >>> names_a_thing("Usual Care"), names_a_thing("Rotator Cuff"), names_a_thing("Plantar Fasciitis")
    (True, True, True)
    >>> names_a_thing("Ngozi Adeyemi"), names_a_thing("van der Berg, Sanne")
    (False, False)
    """
    words = [word for word in _SPLIT.split(text.casefold()) if word]
    things = _known_things()
    return any(
        (len(word) > 1 and word in things and word not in _ALSO_NAMES)
        or (len(word) >= _ENDING_FROM and _ENDINGS.search(word) is not None)
        for word in words
    )


#: In both worlds; they do not clear a text of being a name.
_ALSO_NAMES = frozenset(
    ["al", "an", "april", "august", "cross", "da", "de", "do", "el", "general", "he", "in", "la", "le", "may", "june", "king", "long", "may", "old", "rose", "summer", "thomas", "white", "young", "black", "green", "brown", "child", "major", "wall", "west", "north", "east", "short", "small", "strong", "best", "two", "sans", "con", "dos", "am", "do"]
)  # fmt: skip

#: First signs of most Chinese and Korean family names.
_FAMILY_SIGNS = frozenset(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
    "張劉陳楊趙黃吳孫馬羅鄭謝馮蕭鄧許呂蘇盧賈葉閻鐘譚鄒陸邵萬錢湯賀龔"
    "김이박최정강조윤장임한오서신권황안송류전홍고문손양배백허남심노하곽성차주우구나민진지엄채원천방공현함변염"
)


def has_given_name(text: str) -> bool:
    """Say whether one of the words of a text is a given name that many people have.

    Examples
    --------
    >>> has_given_name("José Ruiz"), has_given_name("Bosu Ball")
    (True, False)
    """
    given = _words("given_names.txt")
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return any(word in given for word in (*_SPLIT.split(plain), *text.split()))


def is_label_of_signs(text: str) -> bool:
    """Say whether a text is of two to four Chinese or Korean signs that begin no family name.

    Examples
    --------
    >>> is_label_of_signs("王小明"), is_label_of_signs("腰痛"), is_label_of_signs("Usual Care")
    (False, True, False)
    """
    return bool(re.fullmatch(r"[\u4e00-\u9fff\uac00-\ud7a3]{2,4}", text)) and text[0] not in _FAMILY_SIGNS
