"""Everyone keeps every page: late rows, restated months, years to date and pools give no small group back.

The attacker here shares no code with the package. A small network is worked through by counting: every way
of filling the hidden cells with whole numbers that fits all pages ever given out is one big integer table,
and its bounds are found by scipy's integer programming over one matrix of all clinics, months and states.
"""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from studypkg.errors import DisclosureError
from studypkg.privacy import Additive, Statistic
from studypkg.privacy.ledger import issue_of
from studypkg.privacy.suppression import Limits, release

MIN_CELL = 11
LIMITS = Limits(MIN_CELL)
MONTHS = ("2026-01", "2026-02", "2026-03")
UNITS = ("a", "b")
WHATS = ("better", "worse")
QUICK = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def networks(draw):
    """Counts by clinic, month and result as first known, and late rows of the first two months."""
    first = draw(st.lists(st.integers(0, 30), min_size=12, max_size=12))
    late = draw(st.lists(st.sampled_from([0, 0, 0, 1, 3, 12, 15]), min_size=8, max_size=8))
    atoms = {}
    places = [(u, m, w) for m in MONTHS for u in UNITS for w in WHATS]
    for place, n in zip(places, first, strict=True):
        atoms[place] = n
    more = dict(atoms)
    for place, n in zip(places[:8], late, strict=True):
        more[place] += n
    return {"0001": atoms, "0002": more}


def pages(truth):
    """List the pages in the order in which they go out: state, name, cells of each number.

    A number is a list of atoms that it adds up. Each month has a page of its own and a year to date, the
    network has the sum of its clinics, and the first two months are issued again when late rows are in.
    """
    order = [("0001", MONTHS[0]), ("0001", MONTHS[1]), ("0002", MONTHS[0]), ("0002", MONTHS[2])]
    for state, month in order:
        upto = MONTHS[: MONTHS.index(month) + 1]
        for stretch in dict.fromkeys(((month,), upto)):
            period = stretch[0] if len(stretch) == 1 else f"{stretch[0]}..{stretch[-1]}"
            numbers = {}
            for unit in UNITS:
                for what in WHATS:
                    numbers[f"{unit}/{period}/{what}"] = [(unit, m, what) for m in stretch]
                numbers[f"{unit}/{period}/ended"] = [(unit, m, w) for m in stretch for w in WHATS]
            for what in WHATS:
                numbers[f"all/{period}/{what}"] = [(u, m, what) for m in stretch for u in UNITS]
            numbers[f"all/{period}/ended"] = [(u, m, w) for m in stretch for u in UNITS for w in WHATS]
            sums = [Additive(f"{u}/{period}/ended", tuple(f"{u}/{period}/{w}" for w in WHATS))
                    for u in (*UNITS, "all")]  # fmt: skip
            sums += [Additive(f"all/{period}/{w}", tuple(f"{u}/{period}/{w}" for u in UNITS))
                     for w in (*WHATS, "ended")]  # fmt: skip
            yield state, month, period, numbers, sums


def give_out(truth):
    """Release every page against all before it; list what the attacker sees: state, atoms, count."""
    issues, seen, hidden = [], [], []
    for run, (state, month, period, numbers, sums) in enumerate(pages(truth)):
        value = {cell: sum(truth[state][atom] for atom in atoms) for cell, atoms in numbers.items()}
        statistics = [
            Statistic("flow", "network", cell, period, "count", n, value=float(n), n_cell=cell)
            for cell, n in value.items()
        ]
        made = release(statistics, relations=sums, limits=LIMITS, earlier=issues, batch=state)
        issues.append(issue_of(made, month=month, page=f"page-{period}", number=run, batch=state, sums=sums))
        for s in made.statistics:
            if s.status == "shown" and s.code is None:
                assert s.n == value[s.n_cell], "what is shown is true"
                seen.append((state, numbers[s.n_cell], s.n))
            elif s.status == "withheld":
                assert s.n is None
                if 0 < value[s.n_cell] < MIN_CELL:
                    hidden.append((state, numbers[s.n_cell]))
    return seen, hidden


def matrix_of(seen, tie):
    """One row per count shown, one column per atom and state; `tie` takes both states for one."""
    states = ("0001",) if tie else ("0001", "0002")
    columns = {(s, a): i for i, (s, a) in enumerate(
        (s, (u, m, w)) for s in states for u in UNITS for m in MONTHS for w in WHATS)}  # fmt: skip

    def row(state, atoms):
        line = np.zeros(len(columns))
        line[[columns["0001" if tie else state, atom] for atom in atoms]] = 1
        return line

    return row, np.array([row(s, a) for s, a, _ in seen]), np.array([n for _, _, n in seen]), len(columns)


def bounds_of(goal, matrix, right, width):
    ends = []
    for sign in (1, -1):
        found = milp(sign * goal, constraints=LinearConstraint(matrix, right, right),
                     bounds=Bounds(0, 1000), integrality=np.ones(width))  # fmt: skip
        if found.status != 0:
            return None
        ends.append(sign * found.fun)
    return ends


@QUICK
@given(networks())
def test_all_pages_ever_given_out_leave_a_small_group_unknown(truth):
    seen, hidden = give_out(truth)
    row, matrix, right, width = matrix_of(seen, tie=False)
    for state, atoms in hidden:
        low, high = bounds_of(row(state, atoms), matrix, right, width)
        assert low <= 1 + 1e-6
        assert high >= MIN_CELL - 1 - 1e-6


@QUICK
@given(networks())
def test_who_believes_that_nothing_changed_learns_no_small_group_either(truth):
    truth = {"0001": truth["0001"], "0002": truth["0001"]}
    seen, hidden = give_out(truth)
    row, matrix, right, width = matrix_of(seen, tie=True)
    for state, atoms in hidden:
        low, high = bounds_of(row(state, atoms), matrix, right, width)
        assert low <= 1 + 1e-6
        assert high >= MIN_CELL - 1 - 1e-6


@QUICK
@given(networks())
def test_no_count_is_restated_for_a_few_late_patients(truth):
    seen, _ = give_out(truth)
    by_atoms = {}
    for state, atoms, n in seen:
        by_atoms.setdefault(tuple(atoms), {})[state] = n
    for found in by_atoms.values():
        if len(found) == 2:
            change = abs(found["0002"] - found["0001"])
            assert change == 0 or change >= MIN_CELL


def test_without_the_ledger_the_same_pages_would_give_a_group_away():
    """The attack itself is sound: gates that know nothing of each other are broken by subtraction."""
    sums = [Additive("a/2026-01..2026-03/better", tuple(f"a/{m}/better" for m in MONTHS))]
    del sums
    first = release(
        [Statistic("x", "c", "g", "p", "count", 40, value=40.0, n_cell="a/2026-01..2026-02/better")]
    )
    second = release(
        [Statistic("x", "c", "g", "p", "count", 44, value=44.0, n_cell="a/2026-01..2026-03/better")]
    )
    assert second.statistics[0].n - first.statistics[0].n == 4
    earlier = issue_of(first, month="2026-02", page="a", batch="0001")
    number = Statistic("x", "c", "g", "p", "count", 44, value=44.0, n_cell="a/2026-01..2026-03/better")
    third = release([number], earlier=[earlier], batch="0001")
    assert third.statistics[0].status == "withheld"


def test_a_group_that_cannot_be_saved_is_an_error_and_not_a_page():
    shown = [
        Statistic("x", "c", c, "p", "count", n, value=float(n), n_cell=c) for c, n in (("t", 50), ("u", 47))
    ]
    earlier = issue_of(release(shown), month="m", page="a", batch="1")
    small = Statistic("x", "c", "v", "p", "count", 3, value=3.0, n_cell="v")
    try:
        release([small], relations=[Additive("t", ("u", "v"))], earlier=[earlier], batch="1")
    except DisclosureError as fault:
        assert "could not be protected" in str(fault)
    else:
        raise AssertionError("a page that gives 3 patients away was released")
