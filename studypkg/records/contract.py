"""The rule table as a pandera contract: what every frame that a notebook gets must keep, whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

import numpy as np
import pandas as pd
import pandera.pandas as pa

from studypkg.columns import TOP_AGE_YEARS, Column, Table
from studypkg.errors import QualityGateError
from studypkg.records.cells import FIRST_DAY, LAST_DAY
from studypkg.records.screening import Lists

#: A check of a whole frame: true for the rows that keep the rule.
Keeps = Callable[[pd.DataFrame], "pd.Series[bool]"]
_DTYPES = {"date": "datetime64[us]", "number": "float64", "integer": "float64", "age": "float64"}


def contract_of(table: Table, lists: Lists, *, cutoff: date | None = None) -> pa.DataFrameSchema:
    """Compile a table's rules to a pandera schema; the fast checks of `screening` are made from the same.

    Parameters
    ----------
    table
        The table, with the study's covariates.
    lists
        Its closed lists and the ranges of the instruments.
    cutoff
        Last day that a row may carry; `None` checks nothing.

    Returns
    -------
    pandera.pandas.DataFrameSchema
        Each check carries the code of its rule as its error (see `RULES`). Columns that the table does
        not have may be there.

    Notes
    -----
    Rules about the text of a cell (`NOT_A_DATE`, `NOT_A_NUMBER`) are dtypes here: a frame holds typed
    values or none. Rules about a row's episode are in `check_contract`; those about prescriptions, and about
    scores of two episodes, are put by the ingest only.
    """
    columns = {column.name: _column(column, lists) for column in table.columns}
    return pa.DataFrameSchema(
        columns,
        checks=[pa.Check(keeps, error=rule) for rule, keeps in _row_rules(table, lists, cutoff)],
        name=table.name,
    )


def check_contract(
    frames: Mapping[str, pd.DataFrame],
    tables: Mapping[str, Table],
    lists: Mapping[str, Lists],
    *,
    cutoff: date | None = None,
) -> None:
    """Make sure that frames keep the contracts of their tables, also between them.

    Parameters
    ----------
    frames
        Frames by name of their table.
    tables, lists
        The tables and their closed lists.
    cutoff
        Last day that a row may carry.

    Raises
    ------
    QualityGateError
        Naming tables, rules and how many rows break each; never a value.
    """
    faults = []
    for name, given in frames.items():
        frame = given.reset_index(drop=True)
        try:
            contract_of(tables[name], lists[name], cutoff=cutoff).validate(frame, lazy=True)
        except pa.errors.SchemaErrors as found:
            # The library's own error quotes the values at fault, so it goes no further.
            faults += _told(name, found.failure_cases)
            if not set(tables[name].column_names) <= set(frame.columns):
                continue
        faults += [
            _said(name, rule, int(wrong.sum()))
            for rule, wrong in _parent_rules(tables[name], frame, frames.get("episodes"))
            if wrong.any()
        ]
    if faults:
        more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise QualityGateError(
            f"the stored tables do not keep their contract: {'; '.join(faults[:5])}{more}. Somebody or "
            f"something has changed them since the last run. Run `study ingest` on the original files. "
            f"Nothing was replaced."
        ) from None


def _column(column: Column, lists: Lists) -> pa.Column:
    words = lists.of(column)
    checks = []
    if words:
        checks.append(pa.Check.isin(sorted(set(words.values())), error="UNKNOWN_TERM"))
    if column.kind in ("integer", "age"):
        checks.append(pa.Check(lambda values: values == np.floor(values), error="NOT_AN_INTEGER"))
    low, high = column.minimum, TOP_AGE_YEARS if column.kind == "age" else column.maximum
    if low is not None:
        checks.append(pa.Check.ge(low, error="OUT_OF_RANGE"))
    if high is not None:
        checks.append(pa.Check.le(high, error="OUT_OF_RANGE"))
    if column.kind == "date":
        checks.append(pa.Check.in_range(pd.Timestamp(FIRST_DAY), pd.Timestamp(LAST_DAY), error="NOT_A_DATE"))
    return pa.Column(_DTYPES.get(column.kind, "str"), checks, nullable=not column.required)


def _row_rules(table: Table, lists: Lists, cutoff: date | None) -> list[tuple[str, Keeps]]:
    """List the rules about several cells of one row, and about rows of one key."""
    rules: list[tuple[str, Keeps]] = [
        ("WRONG_ORDER", lambda f, o=order: ~(f[o.low] > f[o.high])) for order in table.orders
    ]
    if {"instrument", "score"} <= set(table.column_names) and lists.ranges:
        ranges = pd.DataFrame(lists.ranges, index=["low", "high"]).T

        def within_instrument(frame: pd.DataFrame) -> pd.Series[bool]:
            own = ranges.reindex(frame["instrument"]).set_axis(frame.index)
            return ~((frame["score"] < own["low"]) | (frame["score"] > own["high"]))

        rules.append(("SCORE_OUT_OF_RANGE", within_instrument))
    if cutoff is not None and table.event_date is not None:
        days = [table.event_date]
        if table.parent is None:
            days += [order.high for order in table.orders if order.low == table.event_date]
        last = pd.Timestamp(cutoff)
        rules += [("FUTURE_DATE", lambda f, d=day: ~(f[d] > last)) for day in days]
    if (same := table.agreement) is not None and "CONTRADICTING_SCORES" not in table.waived:
        columns, value = list(same.columns), same.value

        def agrees(frame: pd.DataFrame) -> pd.Series[bool]:
            shared = frame[frame.duplicated(columns, keep=False)]
            told = shared.groupby(columns, dropna=False, observed=True)[value]
            differs = shared.index[told.transform("min") < told.transform("max")]
            return ~frame.index.to_series().isin(differs)

        rules.append(("CONTRADICTING_SCORES", agrees))
    rules.append(("CONFLICTING_KEY", lambda f: ~f.duplicated(list(table.key), keep=False)))
    return rules


def _parent_rules(
    table: Table, frame: pd.DataFrame, episodes: pd.DataFrame | None
) -> list[tuple[str, pd.Series[bool]]]:
    """Find the rows that do not fit their episode."""
    if table.parent is None or episodes is None or "episode_id" not in frame:
        return []
    known = episodes.drop_duplicates("episode_id").set_index("episode_id")
    wrong = [("UNKNOWN_EPISODE", ~frame["episode_id"].isin(known.index))]
    if table.event_date is not None:
        day = frame[table.event_date]
        own = known.reindex(frame["episode_id"]).set_axis(frame.index)
        start, end = own["start_date"], own["end_date"]
        wrong.append(("BEFORE_EPISODE", day < start - pd.Timedelta(days=table.lead_days)))
        if not table.after_end:
            wrong.append(("AFTER_EPISODE", day > end))
        elif table.late is not None and "SCORE_AFTER_DISCHARGE" not in table.waived:
            column, words = table.late
            wrong.append(("SCORE_AFTER_DISCHARGE", (day > end) & ~frame[column].isin(words)))
    return wrong


def _told(table: str, cases: pd.DataFrame) -> list[str]:
    """Write which rules are broken, without the values that the library lists."""
    rules = cases["check"].astype("str").replace({"not_nullable": "REQUIRED_MISSING"})
    absent, retyped = rules == "column_in_dataframe", rules.str.startswith(("dtype(", "coerce_dtype("))
    if (absent | retyped).any():
        # Rules about values that are not there, or not of their type, say nothing.
        at = cases["column"].where(retyped, cases["failure_case"])[absent | retyped]
        return [
            f"{table}, {name}: {'NOT_OF_ITS_TYPE' if retyped[i] else 'MISSING'}" for i, name in at.items()
        ]
    at = cases["column"].where(cases["schema_context"] == "Column", "the row")
    counts = cases.assign(at=at, rule=rules).groupby(["at", "rule"], sort=True)["index"].nunique()
    return [_said(f"{table}, {name}", rule, rows) for (name, rule), rows in counts.items()]


def _said(place: str, rule: str, rows: int) -> str:
    return f"{place}: {rule} ({rows} row{'s' * (rows != 1)})"
