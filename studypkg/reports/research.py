"""The research report: each model from rows to answers, beside published numbers and a second opinion."""

from __future__ import annotations

from collections.abc import Callable

from studypkg.privacy.suppression import Statistic
from studypkg.reports import figures
from studypkg.reports.closing import answer_sentence, answers_table, model_facts
from studypkg.reports.document import Answer
from studypkg.reports.elements import (
    Html,
    bullets,
    facts,
    heading,
    join,
    masthead,
    note,
    paragraph,
    strong,
    tag,
)
from studypkg.reports.figures import Row
from studypkg.reports.run_documents import ModelReport, ResearchDocument
from studypkg.reports.tables import Column, table
from studypkg.reports.theme import CLINIC, NETWORK, Series
from studypkg.reports.words import day_name, interval_text, month_name, number, p_text, percent

OURS = Series("this study", CLINIC.colour, CLINIC.marker)
PAPER = Series("published", NETWORK.colour, NETWORK.marker)


def title(document: ResearchDocument) -> Html:
    """Name the study, the month and the cut-off."""
    line = (
        f"{month_name(document.month)} · data up to {day_name(document.data_cutoff)} · issue {document.issue}"
    )
    return masthead(document.study, "Research report", line)


def headline(document: ResearchDocument) -> Html:
    """Say which models were fitted, and what the first one answers."""
    if not document.models:
        return paragraph("This study declares no model.", class_="answer")
    fitted = [m for m in document.models if m.note.status == "ok"]
    failed = [m for m in document.models if m.note.status != "ok"]
    parts: list[Html] = []
    if fitted and fitted[0].answers:
        first = fitted[0].answers[0]
        parts.append(
            paragraph(f"{first.label}: {_lowered(answer_sentence(first, document.outcome))}", class_="answer")
        )
        parts.append(paragraph(f"The first question put to the model “{fitted[0].name}”."))
    said = f"{len(fitted)} of {len(document.models)} models fitted."
    if failed:
        said += (
            " Without a number: "
            + ", ".join(f"{m.name} ({m.note.reason or 'no reason given'})" for m in failed)
            + "."
        )
    parts.append(paragraph(said))
    parts.append(
        note(
            "Estimates describe links in ordinary care. They are not effects of treatment unless "
            "the design makes them so."
        )
    )
    return tag("div", *parts, class_="lead")


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def rows(document: ResearchDocument) -> Html:
    """Show what each model was fitted to, and what was left out."""
    return _each(document, lambda m: model_facts(m.note))


def answers(document: ResearchDocument) -> Html:
    """Show the questions put to each model, with published numbers beside them where there are any."""
    return _each(document, _answers)


def coefficients(document: ResearchDocument) -> Html:
    """Show every fixed effect of each model."""
    return _each(document, _coefficients)


def variances(document: ResearchDocument) -> Html:
    """Show how the spread of the scores divides over the groups."""
    return _each(document, _variances)


def checks(document: ResearchDocument) -> Html:
    """Show the second opinion, and what the residuals look like."""
    return _each(document, _checks)


def _each(document: ResearchDocument, tell: Callable[[ModelReport], Html]) -> Html:
    parts: list[Html] = []
    for model in document.models:
        if len(document.models) > 1:
            parts.append(heading(f"Model {model.name}"))
        if model.note.status != "ok":
            parts.append(
                paragraph(
                    f"Not fitted: {model.note.reason or 'no reason given'}. There is no number to show."
                )
            )
        else:
            parts.append(tell(model))
    return join(parts) if parts else paragraph("This study declares no model.")


def _answers(model: ModelReport) -> Html:
    if not model.answers:
        return paragraph("No question was put to this model.")
    parts: list[Html] = []
    published = {p.contrast: p for p in model.published}
    drawn = [
        Row(
            a.label,
            ((OURS, _as_statistic(a.label, a)), (PAPER, _as_statistic(a.label, published.get(a.label)))),
        )
        for a in model.answers
        if a.estimate is not None
    ]
    if drawn:
        unit = model.answers[0].unit
        parts.append(
            figures.intervals(
                "What the model answers, with 95% intervals",
                "A bar that crosses zero is compatible with no difference.",
                drawn,
                share=False,
                unit=unit,
                digits=2,
            )
        )
    parts.append(answers_table(model.answers))
    if published:
        parts.append(_published(model))
    return join(parts)


def _as_statistic(name: str, given: object) -> Statistic | None:
    """Lend an estimate the shape that figures take."""
    estimate = getattr(given, "estimate", None)
    if given is None or estimate is None:
        return None
    low, high = getattr(given, "ci_low", None), getattr(given, "ci_high", None)
    return Statistic(name, "network", "all", "", "mean", None, value=estimate, low=low, high=high)


def _published(model: ModelReport) -> Html:
    ours = {a.label: a for a in model.answers}
    body = [
        [
            p.contrast,
            _number(ours.get(p.contrast)),
            _limits(ours.get(p.contrast)),
            number(p.estimate, 2),
            _limits(p),
            p_text(p.p_value),
            p.source,
        ]
        for p in model.published
    ]
    columns = [
        "Question",
        "Ours",
        "95% interval",
        "Published",
        "95% interval",
        "P published",
        Column("Source", numeric=False),
    ]
    return table("Beside the published numbers", columns, body)


def _number(given: Answer | None) -> str:
    return "none" if given is None or given.estimate is None else number(given.estimate, 2)


def _limits(given: object) -> str:
    low, high = getattr(given, "ci_low", None), getattr(given, "ci_high", None)
    return "" if low is None or high is None else interval_text(low, high, digits=2)


def _coefficients(model: ModelReport) -> Html:
    body = [
        [
            tag("code", c.term), number(c.estimate, 3), _limits(c), "" if c.se is None else number(c.se, 3),
            "" if c.df is None else number(c.df, 0), p_text(c.p_value),
        ]
        for c in model.coefficients
    ]  # fmt: skip
    return table("Fixed effects", ["Term", "Estimate", "95% interval", "SE", "df", "P"], body)


def _variances(model: ModelReport) -> Html:
    body = [
        [
            v.group, v.term, number(v.variance, 4), number(v.sd, 3),
            "" if v.share is None else percent(v.share, 1),
            "" if v.correlation is None else number(v.correlation, 2),
        ]
        for v in model.variances
    ]  # fmt: skip
    columns = ["Group", Column("Term", numeric=False), "Variance", "SD", "Share", "Correlation"]
    parts = [table("Where the spread of the scores lies", columns, body)]
    if model.note.is_singular:
        terms = ", ".join(model.note.singular_terms) or "some term"
        parts.append(
            paragraph(
                strong("On the edge. "),
                f"The variation of {terms} was estimated as zero: the data cannot tell it from none.",
            )
        )
    if model.attenuation is not None:
        parts.append(
            paragraph(
                f"Reliability of the person means: λ = {number(model.attenuation, 2)}. A difference "
                "between persons is "
                "drawn towards zero by about this factor, because each mean rests on few scores."
            )
        )
    return join(parts)


def _checks(model: ModelReport) -> Html:
    parts: list[Html] = []
    if model.check:
        body = [
            [tag("code", c.term), number(c.ours, 4), number(c.other, 4), f"{abs(c.ours - c.other):.1e}"]
            for c in model.check
        ]
        parts.append(
            table(
                f"Second opinion: {model.check_with or 'another program'}",
                ["Term", "Ours", "Other", "Apart by"],
                body,
            )
        )
    elif model.check_with:
        parts.append(paragraph(f"Second opinion: {model.check_with}"))
    else:
        parts.append(paragraph("No second opinion was asked for in this run."))
    if model.diagnostics:
        parts.append(facts({_named(str(k)): _plain(v) for k, v in model.diagnostics.items()}))
    return join(parts)


def _named(key: str) -> str:
    words = key.replace("_", " ")
    return words[:1].upper() + words[1:]


def _plain(value: object) -> Html | str:
    if isinstance(value, list | tuple):
        return bullets([str(item) for item in value])
    return number(value, 3) if isinstance(value, float) else str(value)
