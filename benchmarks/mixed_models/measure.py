"""Time every entrant on one cohort, in turn, until each has its repetitions."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.mixed_models.agreement import compare
from benchmarks.mixed_models.cohorts import MODELS, cohort
from benchmarks.mixed_models.roster import ENTRANTS, OURS
from benchmarks.mixed_models.sessions import OverTheLimit, Session, python_session, r_session

# A fit longer than this is timed once; one far below it is timed more often.
ONCE_ABOVE = 20.0
OFTEN_BELOW = 0.2


@dataclass(frozen=True)
class Plan:
    """One cohort and model, the entrants, and the patience."""

    model: str
    rows: int
    entrants: tuple[str, ...]
    repeats: int
    limit: float
    seed: int


class _Homes:
    """The two processes, started when first asked and again after one was ended."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        self.sessions: dict[str, Session] = {}
        self.facts: dict[str, dict[str, Any]] = {}

    def ask(self, name: str) -> dict[str, Any]:
        home = ENTRANTS[name].home
        if home not in self.sessions:
            self.sessions[home] = self._start(home)
            self.facts[home] = self.sessions[home].ready
        try:
            answer = self.sessions[home].ask(name, self.plan.limit)
        except OverTheLimit:
            del self.sessions[home]
            return {"over": True}
        if self.sessions[home].process.poll() is not None:
            del self.sessions[home]
        return answer

    def close(self) -> None:
        for session in self.sessions.values():
            session.close()

    def _start(self, home: str) -> Session:
        model = MODELS[self.plan.model]
        if home == "python":
            return python_session(model, self.plan.rows, self.plan.seed)
        csv = self.folder / "cohort.csv"
        if not csv.exists():
            cohort(model.cohort, self.plan.rows, self.plan.seed).to_csv(csv, index=False)
        return r_session(model, csv)


def measure(plan: Plan, say: Callable[[str], None]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Time all entrants of a plan.

    The first fit of each warms up and is not counted, unless it took more than `ONCE_ABOVE` seconds. Then
    all are asked in turn, round after round, so that a busy minute of the machine meets everyone.

    Returns
    -------
    tuple
        One record per entrant, and what the processes said of themselves.
    """
    with ExitStack() as stack:
        homes = _Homes(plan, Path(stack.enter_context(tempfile.TemporaryDirectory())))
        stack.callback(homes.close)
        first: dict[str, dict[str, Any]] = {}
        for name in plan.entrants:
            first[name] = homes.ask(name)
            say(f"{plan.model} {plan.rows:>9,} {name}: {_short(first[name])}")
        times = {name: [a["seconds"]] for name, a in first.items() if a.get("seconds", 0.0) > ONCE_ABOVE}
        running = [n for n, a in first.items() if "seconds" in a and n not in times]
        wanted = {n: plan.repeats * (3 if first[n]["seconds"] < OFTEN_BELOW else 1) for n in running}
        for turn in range(max(wanted.values(), default=0)):
            for name in running:
                if turn < wanted[name]:
                    answer = homes.ask(name)
                    if "seconds" in answer:
                        times.setdefault(name, []).append(answer["seconds"])
        return [_record(plan, n, first, times.get(n, [])) for n in plan.entrants], homes.facts


def _record(
    plan: Plan, name: str, first: dict[str, dict[str, Any]], times: Sequence[float]
) -> dict[str, Any]:
    answer = first[name]
    record: dict[str, Any] = {"model": plan.model, "rows": plan.rows, "entrant": name}
    if "over" in answer:
        return record | {"status": f"over {plan.limit:g} s"}
    if "failed" in answer or not times:
        return record | {"status": "failed", "remark": answer.get("failed", "no answer")}
    low, middle, high = (float(v) for v in np.percentile(times, (25, 50, 75)))
    record |= {
        "status": "ok", "seconds": middle, "iqr": [low, high], "repetitions": len(times),
        "first_seconds": answer["seconds"], "loglik": answer.get("loglik"),
        "converged": answer.get("converged"), "remark": answer.get("remark", ""),
        "rss_before_mb": answer["rss_before_mb"], "rss_peak_mb": answer["rss_peak_mb"],
    }  # fmt: skip
    entrant = ENTRANTS[name]
    twin = f"{OURS} KR" if entrant.ddf == ENTRANTS[f"{OURS} KR"].ddf else OURS
    ours = first.get(twin, {})
    if "estimates" not in ours:
        ours = first.get(OURS, {})
    if name != OURS and "estimates" in ours and not entrant.other_model:
        same = entrant.ddf == ENTRANTS[twin].ddf and ours is first.get(twin)
        record["agreement"] = compare(answer, ours, same_ddf=same)
    return record


def _short(answer: dict[str, Any]) -> str:
    if "seconds" in answer:
        return f"{answer['seconds']:.4g} s"
    return "over the limit" if "over" in answer else f"failed ({answer.get('failed')})"
