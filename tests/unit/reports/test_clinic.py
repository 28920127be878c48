"""The owner's page says what the numbers say, and keeps quiet where it must."""

import json
import re

import pytest
from sample_pages import (
    MODEL,
    MONTH,
    PAST,
    ROOT,
    clinic_document,
    clinic_statistics,
    count,
    ingest_document,
    mean,
    network_document,
    released,
    research_document,
    share,
)  # fmt: skip

from studypkg.privacy.suppression import Statistic
from studypkg.reports import care, clinic, closing, ingest, network, research
from studypkg.reports.attention import MOST_LINES, attention_lines
from studypkg.reports.document import ModelNote

SECTIONS = (
    clinic.title, clinic.headline, clinic.trend, clinic.flow, clinic.results, care.exercise, care.treatment,
    care.safety, closing.model, closing.methods, closing.provenance,
)  # fmt: skip


def page(document):
    return "\n".join(section(document).text for section in SECTIONS)


def words(html):
    """Text that a reader sees, without markup and pictures."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def with_statistics(**given):
    """The ordinary clinic with some of its numbers replaced."""
    fresh = list(given["new"])
    keys = {(s.measure, s.scope, s.group, s.period) for s in fresh}
    kept = [s for s in clinic_statistics() if (s.measure, s.scope, s.group, s.period) not in keys]
    return clinic_document(released=released((*kept, *fresh)))


def test_the_first_screen_answers(ordinary):
    said = words(clinic.headline(ordinary).text)
    assert "Pain fell by 2.9 points on average during care." in said
    assert "likely between 2.2 and 3.6 points" in said
    assert "No clear difference from your own past (2.5)" in said
    assert "No clear difference from the other clinics (2.6)" in said
    assert "What needs attention" in said


def test_the_smallest_clinic_has_a_sensible_page(tiny):
    said = words(page(tiny))
    assert "Too few patients to say how this month went." in said
    assert "fewer than 11 patients, or it would reveal so few, so not shown" in said
    assert "nan" not in said.lower()
    assert not re.search(r"\bNone\b(?! recorded)", said)


def test_a_clinic_without_any_number_still_has_a_page():
    said = words(page(clinic_document(released=released(()), answers=(), model=None, counts=None)))
    assert "Too few patients to say how this month went." in said
    assert "This study records no exercise at home." in said
    assert "This study records no clinical events." in said
    assert "No statistical model was asked for." in said


def test_every_number_withheld_still_has_a_page():
    hidden = [
        Statistic(s.measure, s.scope, s.group, s.period, s.kind, None, status="withheld", reason="few")
        for s in clinic_statistics()
    ]
    said = words(page(clinic_document(released=released(hidden))))
    assert "The months before are too small to show as well." in said
    assert "fell by" not in said


@pytest.mark.parametrize("document", [clinic_document(), clinic_document(0.1), clinic_document(3)])
def test_never_causal_never_traffic_lights(document):
    html = page(document)
    said = words(html).lower()
    assert "effect of care" not in said
    assert not re.search(r"\bcaused?\b(?! another|\.)", said.replace("not what care caused", ""))
    assert not re.search(r"\b(red|amber|green)\b", said)


def test_attention_has_at_most_three_lines_each_tied_to_a_section(ordinary):
    raw = json.loads((ROOT / "notebooks" / "clinic_report.ipynb").read_text(encoding="utf-8"))
    headings = {"".join(c["source"])[3:] for c in raw["cells"] if "".join(c["source"]).startswith("## ")}
    lines = attention_lines(ordinary)
    assert 1 <= len(lines) <= MOST_LINES
    assert {line.section for line in lines} <= headings


def test_a_fall_in_improvement_is_worth_attention():
    document = with_statistics(
        new=[mean("improvement", 1.0, 60), share("capture", 60, 75), count("safety", 0, group="severe_pain")]
    )
    findings = [line.finding for line in attention_lines(document)]
    assert "Patients improved less than in your own past." in findings


def test_a_calm_month_says_so():
    new = [
        count("safety", 0, group=kind)
        for kind in ("severe_pain", "suspected_labral_tear", "adverse_event", "referral")
    ]
    new += [
        share("capture", 80, 100),
        Statistic(
            "no_report", "clinic", "all", f"{PAST[:7]}..{MONTH}", "mean", 430, value=0.1, low=0.08, high=0.12
        ),
    ]
    assert attention_lines(with_statistics(new=new)) == []
    assert "Nothing stands out" in clinic.headline(with_statistics(new=new)).text


def test_a_failed_model_shows_no_number(ordinary):
    document = clinic_document(model=ModelNote(MODEL.formula, status="failed", reason="no convergence"))
    assert words(closing.model(document).text).strip() == (
        "The model could not be fitted this month (no convergence). So there is no number to show."
    )


def test_the_page_ends_with_what_made_it(ordinary):
    said = words(closing.provenance(ordinary).text)
    assert "48,211 = 47,950 accepted + 120 repeated + 141 set aside" in said
    assert "withheld" in said
    assert "Farrar 2001" in closing.methods(ordinary).text


def test_zero_safety_events_are_a_result(ordinary):
    said = words(care.safety(ordinary).text)
    assert "None recorded: suspected labral tear." in said
    assert "too few to print" in said


def test_the_network_page_names_clinics_in_order_and_says_who_is_not_assessed():
    said = words(network.side_by_side(network_document()).text)
    assert "Not assessed, too few patients: Mill Lane." in said
    rows = re.findall(r'<th scope="row">([^<]+)', network.clinics_table(network_document()).text)
    assert rows == sorted(rows)


def test_only_a_clear_difference_sets_a_clinic_apart():
    found = network.clearly_apart(network_document(), MONTH)
    assert ("improvement", "clinic_01", "lower") not in found
    past = network.clearly_apart(network_document(), PAST)
    assert ("improvement", "clinic_05", "higher") in past


def test_the_ingest_page_balances_its_rows():
    said = words(ingest.headline(ingest_document()).text)
    assert "48,211 read = 47,950 accepted + 120 repeated + 141 set aside" in said


def test_a_lost_row_is_shouted():
    document = ingest_document()
    broken = ingest_document(
        sources=(*document.sources[:2], type(document.sources[2])("x.csv", "events", 10, 9))
    )
    assert "1 row cannot be accounted for" in ingest.headline(broken).text


def test_the_research_page_sets_published_numbers_beside_ours():
    said = words(research.answers(research_document()).text)
    assert "Example 2020, Table 3" in said
    assert "−0.21 −0.23 to −0.19 −0.18 −0.25 to −0.11" in said
    assert "Not fitted: no convergence." in said
