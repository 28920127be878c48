"""Do two engines say the same? A fast wrong answer is no answer."""

from __future__ import annotations

from typing import Any

# What counts as the same optimum: log-likelihood, and estimates in units of their standard error.
LOGLIK_TOLERANCE = 1e-3
ESTIMATE_TOLERANCE = 0.01


def plain(name: str) -> str:
    """Bring names to one spelling: ``(Intercept)`` and ``Intercept``, ``arm[T.b]:x`` and ``x:armb`` meet."""
    text = name.replace("[T.", "").replace("]", "").strip("()")
    return ":".join(sorted(text.split(":")))


def compare(answer: dict[str, Any], ours: dict[str, Any], *, same_ddf: bool) -> dict[str, float | None]:
    """Lay an answer beside ours.

    Returns
    -------
    dict
        ``loglik``: theirs less ours. ``estimates``: the largest distance in standard errors. ``se`` and
        ``df``: the largest relative difference (``df`` only where both use the same method). Nothing where
        there is nothing to compare.
    """
    theirs = {key: _plain(answer.get(key)) for key in ("estimates", "se", "df")}
    own = {key: _plain(ours.get(key)) for key in ("estimates", "se", "df")}
    names = [n for n in own["estimates"] if n in theirs["estimates"]]
    found: dict[str, float | None] = {"loglik": None, "estimates": None, "se": None, "df": None}
    if answer.get("loglik") is not None and ours.get("loglik") is not None:
        found["loglik"] = answer["loglik"] - ours["loglik"]
    if names and len(names) == len(own["estimates"]):
        found["estimates"] = max(
            abs(theirs["estimates"][n] - own["estimates"][n]) / own["se"][n] for n in names
        )
        if theirs["se"]:
            found["se"] = max(abs(theirs["se"][n] / own["se"][n] - 1.0) for n in names)
        if theirs["df"] and same_ddf:
            found["df"] = max(abs(theirs["df"][n] / own["df"][n] - 1.0) for n in names)
    return found


def agrees(found: dict[str, float | None]) -> bool:
    """Tell whether both stand at the same optimum."""
    loglik, estimates = found["loglik"], found["estimates"]
    return (loglik is None or abs(loglik) < LOGLIK_TOLERANCE) and (
        estimates is None or estimates < ESTIMATE_TOLERANCE
    )


def _plain(values: dict[str, Any] | None) -> dict[str, float]:
    return {plain(n): float(v) for n, v in (values or {}).items() if v is not None}
