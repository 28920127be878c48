"""Numbers and their uncertainty in plain words: "changed during care", never "caused"."""

from __future__ import annotations

from datetime import date

from studypkg.privacy.suppression import Statistic
from studypkg.reports.compare import Difference, has_interval, is_shown
from studypkg.reports.document import OutcomeNote

MINUS = "\u2212"
#: Means and medians of a quantity that is itself a share of what was due.
SHARE_LIKE = ("adherence", "no_report")
#: A share whose interval is narrower than this is written with one decimal.
NARROW_SHARE, NARROW_DIGITS = 0.03, 1
CONTEXTS = {
    "rest": "at rest", "run": "while running", "downhill": "while running downhill",
    "sitting": "while sitting", "night": "at night", "worst_24h": "at its worst in 24 hours",
    "average": "on average",
}  # fmt: skip
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def number(value: float, digits: int = 1) -> str:
    """Write a number with a true minus sign and no negative zero.

    Examples
    --------
    >>> number(-2.04)
    '−2.0'
    >>> number(-0.04)
    '0.0'
    >>> number(12345, 0)
    '12,345'
    """
    text = f"{abs(value):,.{digits}f}"
    return f"{MINUS}{text}" if value < 0 and float(text.replace(",", "")) != 0 else text


def percent(share: float, digits: int = 0) -> str:
    """Write a share as a percentage.

    Examples
    --------
    >>> percent(0.684)
    '68%'
    """
    return f"{number(100 * share, digits)}%"


def counted(n: int, one: str, many: str | None = None) -> str:
    """Write a count with its noun.

    Examples
    --------
    >>> counted(1, "patient"), counted(1200, "patient")
    ('1 patient', '1,200 patients')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def month_name(month: str, *, short: bool = False) -> str:
    """Name a month of a document.

    Examples
    --------
    >>> month_name("2026-09")
    'September 2026'
    >>> month_name("research")  # an issue without months
    'Research'
    """
    if "-" not in month:
        return month.capitalize()
    year, of_year = month.split("-")
    name = MONTHS[int(of_year) - 1]
    return f"{name[:3]} {year[2:]}" if short else f"{name} {year}"


def period_name(period: str, *, short: bool = False) -> str:
    """Name a month, or a stretch of months.

    Examples
    --------
    >>> period_name("2025-10..2026-09")
    'October 2025 to September 2026'
    """
    first, _, last = period.partition("..")
    if not last or last == first:
        return month_name(first, short=short)
    return f"{month_name(first, short=short)} to {month_name(last, short=short)}"


def day_name(day: str) -> str:
    """Write a day.

    Examples
    --------
    >>> day_name("2026-09-30")
    '30 September 2026'
    >>> day_name("not shown")
    'not shown'
    """
    if not day[:1].isdigit():
        return day
    when = date.fromisoformat(day[:10])
    return f"{when.day} {MONTHS[when.month - 1]} {when.year}"


def is_share(statistic: Statistic) -> bool:
    """Say whether a number runs from 0 to 1 and reads best as a percentage."""
    return statistic.kind == "share" or statistic.measure in SHARE_LIKE


def _share_digits(statistic: Statistic) -> int:
    narrow = has_interval(statistic) and float(statistic.high) - float(statistic.low) < NARROW_SHARE
    return NARROW_DIGITS if narrow else 0


def value_text(statistic: Statistic, digits: int = 1, *, precise: bool = False) -> str:
    """Write the number alone, as a percentage if it is a share; `precise` may add a decimal to it."""
    if statistic.value is None:
        return "not shown"
    if is_share(statistic):
        return percent(statistic.value, _share_digits(statistic) if precise else 0)
    return number(statistic.value, 0 if statistic.kind == "count" else digits)


def interval_text(
    low: float, high: float, *, share: bool = False, digits: int = 1, precise: bool = False
) -> str:
    """Write an interval.

    Examples
    --------
    >>> interval_text(0.43, 0.80, share=True)
    '43% to 80%'
    """
    if share:
        digits = NARROW_DIGITS if precise and high - low < NARROW_SHARE else 0
        return f"{percent(low, digits)} to {percent(high, digits)}"
    return f"{number(low, digits)} to {number(high, digits)}"


def statistic_interval(statistic: Statistic, digits: int = 1, *, precise: bool = False) -> str:
    """Write the interval of a released number, or nothing if it has none."""
    if not has_interval(statistic):
        return ""
    low, high = float(statistic.low), float(statistic.high)
    return interval_text(low, high, share=is_share(statistic), digits=digits, precise=precise)


def why_absent(statistic: Statistic | None, min_cell: int) -> str:
    """Say why there is no number, so that a gap is never taken for a zero."""
    if statistic is None:
        return "not recorded in this study"
    if statistic.status == "withheld":
        if statistic.code not in (None, "small_group"):
            return f"not shown: {statistic.reason}"
        # One wording for a small group and for what would reveal one: two would tell them apart.
        return f"fewer than {min_cell} patients, or it would reveal so few, so not shown"
    return f"cannot be computed: {statistic.reason or 'no reason given'}"


def lower_is_better(outcome: OutcomeNote) -> bool:
    """Say which way the instrument points."""
    return outcome.direction.startswith("low")


def change_sentence(statistic: Statistic, outcome: OutcomeNote) -> str:
    """Say how the outcome changed during care, from an improvement in which positive is better."""
    value = float(statistic.value)
    if round(abs(value), 1) == 0:
        return f"{outcome.name.capitalize()} was the same on average at the end of care as at the start."
    better = "fell" if lower_is_better(outcome) else "rose"
    worse = "rose" if lower_is_better(outcome) else "fell"
    verb = better if value > 0 else worse
    amount = f"{number(abs(value))} {outcome.unit}"
    return f"{outcome.name.capitalize()} {verb} by {amount} on average during care."


def sureness(statistic: Statistic, outcome: OutcomeNote) -> str:
    """Say in words how sure a mean is."""
    if not has_interval(statistic):
        return "How sure this is cannot be said from the numbers that may be shown."
    low, high = float(statistic.low), float(statistic.high)
    if low > 0:
        return (
            f"The true average improvement of such patients is likely between {number(low)} and "
            f"{number(high)} {outcome.unit}, "
            "so it is clear that they got better during care."
        )
    if high < 0:
        return (
            f"The true average improvement of such patients is likely between {number(low)} and "
            f"{number(high)} {outcome.unit}, "
            "so it is clear that they got worse during care."
        )
    return (
        "The true average improvement of such patients may be anything from "
        f"{interval_text(low, high)} {outcome.unit}: "
        "too few patients to tell whether they got better."
    )


def comparison_sentence(found: Difference, other: str, statistic: Statistic | None, unit: str) -> str:
    """Say how a number compares, from the interval of the difference.

    Parameters
    ----------
    found
        This number minus the other.
    other
        Whom it is compared with, such as ``the other clinics``.
    statistic
        The other number.
    unit
        Unit of the difference; ``%`` stands for percentage points.
    """
    if found.verdict == "absent" or statistic is None:
        return f"It cannot be compared with {other}: too few patients there or here."
    times, digits, word = (100.0, 0, "percentage points") if unit == "%" else (1.0, 1, unit)
    low, high = float(found.low) * times, float(found.high) * times
    size = number(abs(float(found.value)) * times, digits)
    stands = f"({value_text(statistic)})"
    if found.verdict == "unclear":
        return (
            f"No clear difference from {other} {stands}: it may be up to {number(abs(low), digits)} lower "
            f"or {number(high, digits)} {word} higher."
        )
    span = sorted((abs(low), abs(high)))
    return (
        f"Clearly {found.verdict} than {other} {stands}: by {size} {word}, "
        f"likely {number(span[0], digits)} to {number(span[1], digits)}."
    )


def shown_or_reason(statistic: Statistic | None, min_cell: int, digits: int = 1) -> str:
    """Write the number with its interval, or why there is none."""
    if statistic is None or not is_shown(statistic):
        return why_absent(statistic, min_cell)
    value = value_text(statistic, digits, precise=True)
    interval = statistic_interval(statistic, digits, precise=True)
    return f"{value} ({interval})" if interval else value


def p_text(p: float | None) -> str:
    """Write a p-value.

    Examples
    --------
    >>> p_text(0.0004), p_text(0.0312), p_text(None)
    ('<0.001', '0.031', '')
    """
    if p is None:
        return ""
    return "<0.001" if p < 0.001 else f"{p:.3f}"
