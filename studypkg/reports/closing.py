"""The end of every page: what the model says, how to read the page, and what made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studypkg.reports.document import Answer, Counts, ModelNote, OutcomeNote, Page, Threshold, min_cell
from studypkg.reports.elements import Html, bullets, details, facts, join, note, paragraph, strong, tag
from studypkg.reports.tables import Column, table
from studypkg.reports.words import CONTEXTS, counted, day_name, interval_text, lower_is_better, number, p_text

#: What the page says in a better place.
SAID_ELSEWHERE = ("min_cell", "data_cutoff")


def model(document: Page) -> Html:
    """Say in plain words what the statistical model found, with its numbers folded away."""
    made = document.model
    if made is None:
        return paragraph("No statistical model was asked for.")
    if made.status != "ok":
        reason = made.reason or "no reason was given"
        return paragraph(
            f"The model could not be fitted this month ({reason}). So there is no number to show."
        )
    said = [
        tag("span", strong(a.label + ". "), answer_sentence(a, document.outcome)) for a in document.answers
    ]
    body = [
        paragraph(
            "The model uses every score of every patient of all clinics at once, also of those who "
            "left early, "
            "and keeps apart what belongs to the patient, the therapist and the clinic."
        ),
        bullets(said, class_="answers"),
        paragraph(
            "These are links between numbers in ordinary care, not proof that one thing caused another.",
            class_="note",
        ),
        details("The numbers of the model", answers_table(document.answers), model_facts(made)),
    ]
    return join(body)


def answer_sentence(answer: Answer, outcome: OutcomeNote) -> str:
    """Say what the model found about one question, in the words of the outcome.

    Parameters
    ----------
    answer
        Estimate on the scale of the score; below zero means a lower score.
    outcome
        Names the score.
    """
    if answer.status != "ok" or answer.estimate is None:
        return f"No answer: {answer.reason or 'it could not be computed'}."
    estimate = answer.estimate
    name = outcome.name.capitalize()
    if answer.ci_low is None or answer.ci_high is None:
        return f"{name} {_size(estimate, answer.unit)}; how sure this is cannot be said."
    low, high = answer.ci_low, answer.ci_high
    if low <= 0 <= high:
        return (
            f"No clear link with {outcome.name}: from {number(abs(low), 2)} {answer.unit} lower to "
            f"{number(abs(high), 2)} {answer.unit} higher."
        )
    small, large = sorted((abs(low), abs(high)))
    way = "lower" if estimate < 0 else "higher"
    better = (estimate < 0) == lower_is_better(outcome)
    return (
        f"{name} {_size(estimate, answer.unit)} on average, likely {number(small, 2)} to "
        f"{number(large, 2)} {way}. "
        f"On this scale {way} is {'better' if better else 'worse'}."
    )


def _size(estimate: float, unit: str) -> str:
    return f"{number(abs(estimate), 2)} {unit} {'lower' if estimate < 0 else 'higher'}"


def answers_table(answers: tuple[Answer, ...]) -> Html:
    """Set out the answers of a model with interval, degrees of freedom and p-value."""
    rows = [
        [
            a.label,
            number(a.estimate, 2),
            "" if a.ci_low is None or a.ci_high is None else interval_text(a.ci_low, a.ci_high, digits=2),
            "" if a.se is None else number(a.se, 3),
            "" if a.df is None else number(a.df, 0),
            p_text(a.p_value),
        ]
        if a.status == "ok" and a.estimate is not None
        else [a.label, "none", a.reason or "", "", "", ""]
        for a in answers
    ]
    return table(
        "Questions put to the model", ["Question", "Estimate", "95% interval", "SE", "df", "P"], rows
    )


def model_facts(made: ModelNote) -> Html:
    """List how a model came to be."""
    pairs: dict[str, Html | str] = {"Formula": tag("code", " ".join(made.formula.split()))}
    if made.n is not None:
        pairs["Scores used"] = number(made.n, 0)
    if made.groups:
        pairs["Groups"] = ", ".join(counted(n, name) for name, n in made.groups.items())
    pairs["Not used"] = ", ".join(f"{number(n, 0)} ({why})" for why, n in made.dropped.items()) or "no score"
    if made.fallback_used:
        pairs["Simpler model used"] = tag("code", " ".join(made.fallback_used.split()))
    if made.is_singular:
        terms = ", ".join(made.singular_terms) or "some term"
        pairs["On the edge"] = f"the variation of {terms} was estimated as zero"
    return facts(pairs)


def methods(document: Any) -> Html:
    """Say what the words and marks of the page mean, so that nobody has to ask."""
    outcome, few = document.outcome, min_cell(document)
    way = "lower is better" if lower_is_better(outcome) else "higher is better"
    context = f", {CONTEXTS.get(outcome.context, outcome.context)}" if outcome.context else ""
    entries: dict[str, Html | str] = {
        "Outcome": f"{outcome.name.capitalize()} on the {outcome.instrument}{context}: "
        f"{number(outcome.minimum, 0)} to {number(outcome.maximum, 0)}, {way}.",
        "Improvement": "Score at the start against score at the end of care, turned so that more is better.",
        "During care": "Pain often settles by itself, and people seek care when it is worst. "
        "The page says what changed during care, not what care caused."
        if outcome.name == "pain"
        else "Complaints often settle by themselves. The page says what changed during care, not "
        "what care caused.",
        "Likely, 95% interval": "The range in which the true average of such patients most likely lies. "
        "Few patients make it wide.",
        "Clearly, no clear difference": "A difference is called clear if its own 95% interval "
        "leaves out zero. "
        "Of twenty comparisons without a true difference, about one will look clear.",
        "Own past": "The same clinic in the months before this one.",
        "Other clinics": "All other clinics of the network together. They are not adjusted for who "
        "comes to them.",
        "Not shown": f"A number that rests on fewer than {few} patients, or would let someone work "
        "out such a number, "
        "is left out everywhere. Zero is shown.",
    }
    return join([facts(entries, class_="glossary"), thresholds_table(document.thresholds)])


def thresholds_table(thresholds: tuple[Threshold, ...]) -> Html:
    """List every limit with the people it was found in and its source."""
    if not thresholds:
        return note("No threshold is used on this page.")
    rows = [
        [
            t.name[:1].upper() + t.name[1:],
            t.value,
            t.population or "not stated",
            t.source or "set by this study",
        ]
        for t in thresholds
    ]
    columns = [
        Column("Limit", numeric=False),
        Column("Value", numeric=False),
        Column("Found in", numeric=False),
    ]
    return table("Limits used, and where they come from", [*columns, Column("Source", numeric=False)], rows)


def provenance(document: Any) -> Html:
    """Say what made the page: rows and where they went, versions, hashes, and what is withheld."""
    released = getattr(document, "released", None)
    statistics = released.statistics if released is not None else ()
    withheld = sum(s.status == "withheld" for s in statistics)
    absent = sum(s.status == "not_computable" for s in statistics)
    pairs: dict[str, Html | str] = {
        "Data cut-off": day_name(document.data_cutoff),
        "Issue": str(document.issue),
        **count_facts(document.counts),
        **(
            {
                "Released numbers": f"{len(statistics):,}, of which {withheld:,} withheld, "
                f"{absent:,} not computable"
            }
            if statistics
            else {}
        ),
        **origin_facts(document.provenance),
    }
    return tag("div", facts(pairs), class_="provenance")


def count_facts(counts: Counts | None) -> dict[str, Html | str]:
    """List rows read and where each went."""
    if counts is None:
        return {}
    return {
        "Rows read": f"{counts.read:,} = {counts.accepted:,} accepted + {counts.duplicate:,} repeated "
        f"+ {counts.quarantined:,} set aside",
    }


def origin_facts(provenance: Mapping[str, Any]) -> dict[str, Html | str]:
    """List versions and hashes as they came, hashes shortened."""
    made: dict[str, Html | str] = {}
    for key, value in provenance.items():
        if value is None or key in SAID_ELSEWHERE:
            continue
        name = key.replace("_", " ").capitalize()
        text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, Mapping) else str(value)
        made[name] = tag("code", text[:12]) if key.endswith("hash") else text
    return made
