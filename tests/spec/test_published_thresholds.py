"""The instruments and the published numbers that scores are held against."""

from __future__ import annotations

from studypkg.declaration import Outcome
from studypkg.measures import response_rule
from studypkg.vocabulary import load_vocabulary

SCALES = """
instrument | lowest | highest | better
-----------+--------+---------+-------
nprs       | 0      | 10      | lower
lefs       | 0      | 80      | higher
uwri       | 0      | 36      | higher
psfs       | 0      | 10      | higher
ihot12     | 0      | 100     | higher
hoos       | 0      | 100     | higher
visa_g     | 0      | 100     | higher
msk_hq     | 0      | 56      | higher
groc11     | -5     | 5       | higher
groc15     | -7     | 7       | higher
odi        | 0      | 100     | lower
ndi        | 0      | 100     | lower
uefi       | 0      | 80      | higher
ears       | 0      | 24      | higher
siras      | 3      | 15      | higher
"""

NUMBERS = """
instrument | measure  | kind | value | remark
-----------+----------+------+-------+----------------------------------------
nprs       | mcid     | abs  | 2     | Farrar 2001
nprs       | mcid     | pct  | 30    | Farrar 2001
nprs       | mcid     | abs  | 1     | Salaffi 2004, slightly better
nprs       | mcid     | pct  | 15    | Salaffi 2004, slightly better
nprs       | mcid     | pct  | 33    | Salaffi 2004, much better
nprs       | band     | pct  | 30    | moderate
nprs       | band     | pct  | 50    | substantial
vas_pain   | pass     | abs  | 35    | hip osteoarthritis
vas_pain   | pass     | abs  | 36    | hip impingement, no operation
lefs       | mcid     | abs  | 9     | Binkley 1999
lefs       | mdc      | abs  | 9     | 90 % confidence
uwri       | mcid     | abs  | 8     |
uwri       | mic      | abs  | 5     |
uwri       | sem      | abs  | 1.47  |
uwri       | mdc      | abs  | 4.07  | 95 % confidence
psfs       | mcid     | abs  | 1.3   | small
psfs       | mcid     | abs  | 2.3   | medium
psfs       | mcid     | abs  | 2.7   | large
ihot12     | mcid     | abs  | 14    | no operation
ihot12     | scb      | abs  | 18    | no operation
ihot12     | pass     | abs  | 63    | no operation
ihot12     | pass     | abs  | 59.5  | after an operation
hoos       | mcid     | abs  | 4     | daily living
hoos       | mcid     | abs  | 13    | sport
msk_hq     | mcid     | abs  | 5.5   |
msk_hq     | mdc      | abs  | 9.4   | larger than the MCID: for groups only
groc11     | improved | abs  | 2     |
groc15     | improved | abs  | 3     |
groc15     | pass     | abs  | 5     | hip osteoarthritis
odi        | mcid     | abs  | 12    |
ndi        | mcid     | abs  | 14    |
ears       | mic      | abs  | 5.5   |
"""

RANGES = """
instrument | measure | kind | low | high
nprs       | mcid    | abs  | 1.5 | 3.5
nprs       | band    | pct  | 10  | 20
lefs       | mcid    | abs  | 9   | 16
ihot12     | mcid    | abs  | 12  | 15
msk_hq     | mcid    | abs  | 6   | 8
msk_hq     | mcid    | abs  | 8   | 10
uefi       | mcid    | abs  | 6   | 11
"""

#: What a study gets that declares nothing but the instrument.
USED = """
instrument | rule   | points | per cent
nprs       | either | 2      | 30
lefs       | abs    | 9      |
uwri       | abs    | 8      |
ihot12     | abs    | 14     |
msk_hq     | abs    | 5.5    |
odi        | abs    | 12     |
ndi        | abs    | 14     |
psfs       | none   |        |
hoos       | none   |        |
visa_g     | none   |        |
uefi       | none   |        |
"""


def instrument(name):
    vocabulary = load_vocabulary()
    return vocabulary.instruments.get(name) or vocabulary.adherence_instruments[name]


def test_scales_and_which_way_is_better(drawn_rows):
    for row in drawn_rows(SCALES):
        scale = instrument(row["instrument"])
        found = (scale.minimum, scale.maximum, scale.direction)
        assert found == (float(row["lowest"]), float(row["highest"]), row["better"]), row["instrument"]


def test_published_numbers_are_in_the_vocabulary(drawn_rows):
    for row in drawn_rows(NUMBERS):
        known = {(t.measure, t.kind, t.value) for t in instrument(row["instrument"]).thresholds}
        assert (row["measure"], row["kind"], float(row["value"])) in known, row


def test_published_ranges_inform_and_are_never_applied(drawn_rows):
    for row in drawn_rows(RANGES):
        known = {(r.measure, r.kind, r.low, r.high) for r in instrument(row["instrument"]).ranges}
        assert (row["measure"], row["kind"], float(row["low"]), float(row["high"])) in known, row


def test_a_study_gets_a_threshold_only_where_there_is_one_to_take(drawn_rows):
    for row in drawn_rows(USED):
        name = row["instrument"]
        rule = response_rule(instrument(name), Outcome(instrument=name))
        points = "" if rule.points is None else f"{rule.points.value:g}"
        percent = "" if rule.percent is None else f"{rule.percent.value:g}"
        assert (rule.rule, points, percent) == (row["rule"], row["points"], row["per cent"]), name
