"""Who takes part: one list of names for both processes, with what a time includes and where it stops."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.mixed_models.peers import PEERS

_LMM = ("M1", "M2", "M2x", "M2f")


@dataclass(frozen=True)
class Entrant:
    """One way of fitting, whichever process it lives in.

    Notes
    -----
    ``ddf`` says which degrees of freedom the time includes, and so which answers can be compared.
    ``most_rows`` keeps away what would not fit into memory.
    """

    name: str
    home: str
    models: tuple[str, ...]
    ddf: str = ""
    other_model: str = ""
    most_rows: int = 100_000_000


def _python() -> list[Entrant]:
    return [Entrant(p.name, "python", p.models, p.ddf, p.other_model, p.most_rows) for p in PEERS.values()]


_R = [
    Entrant("lme4", "r", _LMM),
    Entrant("lme4 without derivative check", "r", _LMM),
    Entrant("lmerTest", "r", _LMM, "Satterthwaite"),
    # Its matrices are rows × rows: 0.8 GB each at 10 000 rows.
    Entrant("pbkrtest", "r", _LMM, "Kenward–Roger", most_rows=1_000),
    Entrant("nlme", "r", ("M1", "M2")),
    Entrant("nlme::gls", "r", ("M3",)),
    Entrant("glmmTMB", "r", (*_LMM, "M3")),
]
ENTRANTS: dict[str, Entrant] = {e.name: e for e in (*_python(), *_R)}
OURS = "studypkg"
