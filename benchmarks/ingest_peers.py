"""The same validated ingest, written as one would in pandas, polars, DuckDB and pandera.

Each reads the file as text, puts twelve rules to it, joins the episodes, finds copies and contradicting
keys, and writes the accepted rows and the faults (row, column, rule) as Parquet.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pandera.pandas as pa
import polars as pl

from benchmarks.ingest_file import COLUMNS, CUTOFF

KEY = ["episode_id", "date", "instrument", "context", "role"]
RANGES = {"nprs": (0.0, 10.0), "lefs": (0.0, 80.0)}
ROLES = ("intake", "interim", "discharge", "follow_up")
MISSING = ("", "NA")
LEAD_DAYS = 30
#: Column and rule of each fault, in the order of the bits.
RULES = (
    ("episode_id", "REQUIRED_MISSING"), ("score", "REQUIRED_MISSING"), ("score", "NOT_A_NUMBER"),
    ("date", "NOT_A_DATE"), ("instrument", "UNKNOWN_TERM"), ("role", "UNKNOWN_TERM"),
    ("score", "SCORE_OUT_OF_RANGE"), ("date", "FUTURE_DATE"), ("episode_id", "UNKNOWN_EPISODE"),
    ("episode_id", "EPISODE_QUARANTINED"), ("date", "BEFORE_EPISODE"), (", ".join(KEY), "CONFLICTING_KEY"),
)  # fmt: skip


def touch(folder: Path, out: Path) -> None:
    """Parse every column of the file as text with DuckDB and nothing else: the limit."""
    cells = ", ".join(f"max(length({name}))" for name in COLUMNS)
    with duckdb.connect() as db:
        db.execute(
            f"SELECT {cells} FROM read_csv('{folder / 'assessments.csv'}', all_varchar = true)"
        ).fetchall()


def by_duckdb(folder: Path, out: Path) -> None:
    """DuckDB SQL, the rows staged with a bit mask."""
    last = f"DATE '{CUTOFF}'"
    broken = [
        "te IS NULL", "ts IS NULL", "ts IS NOT NULL AND score IS NULL", "td IS NOT NULL AND date IS NULL",
        "ti IS NOT NULL AND instrument IS NULL", "tr IS NOT NULL AND role IS NULL",
        "score < 0 OR score > CASE instrument WHEN 'nprs' THEN 10 WHEN 'lefs' THEN 80 END", f"date > {last}",
        "te IS NOT NULL AND start IS NULL", "bad", f"date < start - {LEAD_DAYS}",
    ]  # fmt: skip
    mask = " | ".join(f"CASE WHEN {one} THEN {1 << bit} ELSE 0 END" for bit, one in enumerate(broken))
    key = ", ".join(KEY)
    with duckdb.connect(str(out / "peer.duckdb")) as db:
        db.execute("SET preserve_insertion_order = true")
        text = f"read_csv('{folder / 'assessments.csv'}', all_varchar = true, nullstr = {list(MISSING)!r})"
        db.execute(
            "CREATE TABLE episodes AS SELECT episode_id, start_date::DATE AS start, end_date::DATE < "
            f"start_date::DATE AS bad FROM read_csv('{folder / 'episodes.csv'}', all_varchar = true)"
        )
        db.execute(
            f"CREATE TABLE stage AS SELECT *, {mask} AS mask FROM (SELECT row_number() OVER () + 1 AS line, "
            "m.episode_id, m.episode_id AS te, m.score AS ts, m.date AS td, m.instrument AS ti, "
            "m.role AS tr, TRY_CAST(m.date AS DATE) AS date, "
            "CASE lower(m.instrument) WHEN 'nprs' THEN 'nprs' WHEN 'lefs' "
            "THEN 'lefs' END AS instrument, m.context, TRY_CAST(m.score AS DOUBLE) AS score, "
            f"CASE WHEN m.role IN {ROLES!r} THEN m.role END AS role, e.start, coalesce(e.bad, false) AS bad "
            f"FROM {text} m LEFT JOIN episodes e USING (episode_id))"
        )
        db.execute(
            f"CREATE TABLE repeated AS SELECT line, {key}, score, row_number() OVER (PARTITION BY {key}, "
            f"score ORDER BY line) AS nth FROM stage SEMI JOIN (SELECT {key} FROM stage WHERE mask = 0 "
            f"GROUP BY ALL HAVING count(*) > 1) USING ({key}) WHERE mask = 0"
        )
        db.execute(
            f"CREATE TABLE conflict AS SELECT line FROM repeated SEMI JOIN (SELECT {key} FROM repeated "
            f"GROUP BY ALL HAVING count(DISTINCT score) > 1) USING ({key})"
        )
        faults = " UNION ALL ".join(
            f"SELECT line, '{column}' AS col, '{rule}' AS rule FROM stage WHERE mask & {1 << bit} <> 0"
            for bit, (column, rule) in enumerate(RULES[:-1])
        )
        db.execute(
            f"COPY ({faults} UNION ALL SELECT line, '{RULES[-1][0]}', '{RULES[-1][1]}' FROM conflict) "
            f"TO '{out / 'faults.parquet'}' (FORMAT parquet, COMPRESSION zstd)"
        )
        db.execute(
            f"COPY (SELECT {key}, score, line FROM stage WHERE mask = 0 AND line NOT IN (FROM conflict) "
            f"AND line NOT IN (SELECT line FROM repeated WHERE nth > 1)) TO '{out / 'rows.parquet'}' "
            f"(FORMAT parquet, COMPRESSION zstd)"
        )


def by_polars(folder: Path, out: Path) -> None:
    """Polars, in memory, lazily planned."""
    text = pl.String
    episodes = pl.scan_csv(folder / "episodes.csv", schema_overrides={"episode_id": text}).select(
        "episode_id", start=pl.col("start_date").str.to_date(),
        bad=pl.col("end_date").str.to_date() < pl.col("start_date").str.to_date(),
    )  # fmt: skip
    raw = pl.scan_csv(
        folder / "assessments.csv", schema=dict.fromkeys(COLUMNS, text), null_values=list(MISSING),
        row_index_name="line", row_index_offset=2,
    )  # fmt: skip
    typed = raw.join(episodes, on="episode_id", how="left", maintain_order="left").select(
        "line", "episode_id", "context", "start", "bad",
        ts="score", td="date", ti="instrument", tr="role",
        date=pl.col("date").str.to_date("%Y-%m-%d", strict=False),
        instrument=pl.col("instrument").str.to_lowercase().replace_strict(
            {name: name for name in RANGES}, default=None, return_dtype=text),
        score=pl.col("score").cast(pl.Float64, strict=False),
        role=pl.when(pl.col("role").is_in(ROLES)).then("role"),
    )  # fmt: skip
    c = pl.col
    high = c("instrument").replace_strict(
        {k: v[1] for k, v in RANGES.items()}, default=None, return_dtype=pl.Float64
    )
    broken = [
        c("episode_id").is_null(), c("ts").is_null(), c("ts").is_not_null() & c("score").is_null(),
        c("td").is_not_null() & c("date").is_null(), c("ti").is_not_null() & c("instrument").is_null(),
        c("tr").is_not_null() & c("role").is_null(), (c("score") < 0) | (c("score") > high),
        c("date") > pl.lit(CUTOFF).str.to_date(), c("episode_id").is_not_null() & c("start").is_null(),
        c("bad"), c("date") < c("start") - pl.duration(days=LEAD_DAYS),
    ]  # fmt: skip
    mask = pl.sum_horizontal(
        [pl.when(one.fill_null(False)).then(1 << bit).otherwise(0) for bit, one in enumerate(broken)]
    )
    stage = typed.with_columns(mask=mask).select("line", *KEY, "score", "mask").collect()
    good = stage.filter(c("mask") == 0)
    repeated = good.filter(good.select(KEY).is_duplicated())
    versions = repeated.with_columns(
        versions=c("score").n_unique().over(KEY), nth=c("line").rank().over([*KEY, "score"])
    )
    conflict = versions.filter(c("versions") > 1)["line"]
    gone = versions.filter((c("versions") > 1) | (c("nth") > 1))["line"]
    faults = [
        stage.filter((c("mask") & (1 << bit)) != 0).select("line", col=pl.lit(column), rule=pl.lit(rule))
        for bit, (column, rule) in enumerate(RULES[:-1])
    ]
    faults.append(
        pl.DataFrame({"line": conflict}).select("line", col=pl.lit(RULES[-1][0]), rule=pl.lit(RULES[-1][1]))
    )
    pl.concat(faults).write_parquet(out / "faults.parquet")
    good.filter(~c("line").is_in(gone.implode())).drop("mask").write_parquet(out / "rows.parquet")


def by_pandas(folder: Path, out: Path) -> None:
    """Pandas with the pyarrow reader and masks."""
    frame, ts, td, ti, tr = _read_pandas(folder)
    _finish_pandas(frame, _masks_pandas(frame, ts, td, ti, tr), out)


def by_pandera(folder: Path, out: Path) -> None:
    """Pandas for reading and types, pandera's lazy validation for the rules of single columns."""
    frame, ts, td, ti, tr = _read_pandas(folder)
    frame["ts"], frame["td"], frame["ti"], frame["tr"] = ts, td, ti, tr
    masks = _masks_pandas(frame, ts, td, ti, tr)
    schema = pa.DataFrameSchema(
        checks=[
            pa.Check(lambda f, bit=bit: ~masks[bit], name=str(bit), ignore_na=False)
            for bit in range(len(masks))
        ]
    )
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as found:
        assert len(found.failure_cases)
    _finish_pandas(frame, masks, out)


def _read_pandas(folder: Path) -> tuple[pd.DataFrame, pd.Series, pd.Series, pd.Series, pd.Series]:
    raw = pd.read_csv(
        folder / "assessments.csv",
        dtype="str",
        engine="pyarrow",
        keep_default_na=False,
        na_values=list(MISSING),
    )
    episodes = pd.read_csv(folder / "episodes.csv", dtype="str", engine="pyarrow").set_index("episode_id")
    start, end = pd.to_datetime(episodes["start_date"]), pd.to_datetime(episodes["end_date"])
    frame = pd.DataFrame(
        {
            "line": np.arange(2, len(raw) + 2),
            "episode_id": raw["episode_id"],
            "date": pd.to_datetime(raw["date"], format="%Y-%m-%d", errors="coerce"),
            "instrument": raw["instrument"]
            .str.lower()
            .where(raw["instrument"].str.lower().isin(list(RANGES))),
            "context": raw["context"],
            "score": pd.to_numeric(raw["score"], errors="coerce"),
            "role": raw["role"].where(raw["role"].isin(ROLES)),
        }
    )
    place = start.index.get_indexer(frame["episode_id"])
    known = place >= 0
    frame["start"] = pd.Series(start.to_numpy()[place]).where(known)
    frame["bad"] = (end < start).to_numpy()[place] & known
    return frame, raw["score"], raw["date"], raw["instrument"], raw["role"]


def _masks_pandas(
    frame: pd.DataFrame, ts: pd.Series, td: pd.Series, ti: pd.Series, tr: pd.Series
) -> list[pd.Series]:
    high = frame["instrument"].map({name: high for name, (_, high) in RANGES.items()}).astype(float)
    return [
        frame["episode_id"].isna(), ts.isna(), ts.notna() & frame["score"].isna(),
        td.notna() & frame["date"].isna(), ti.notna() & frame["instrument"].isna(),
        tr.notna() & frame["role"].isna(), (frame["score"] < 0) | (frame["score"] > high),
        frame["date"] > pd.Timestamp(CUTOFF), frame["episode_id"].notna() & frame["start"].isna(),
        frame["bad"], frame["date"] < frame["start"] - pd.Timedelta(days=LEAD_DAYS),
    ]  # fmt: skip


def _finish_pandas(frame: pd.DataFrame, masks: list[pd.Series], out: Path) -> None:
    bad = np.logical_or.reduce([mask.to_numpy(bool) for mask in masks])
    good = frame.loc[~bad, ["line", *KEY, "score"]]
    repeated = good[good.duplicated(KEY, keep=False)]
    versions = repeated.groupby(KEY)["score"].transform("nunique")
    conflict = repeated.loc[versions > 1, "line"]
    copies = repeated.loc[(versions == 1) & repeated.duplicated([*KEY, "score"]), "line"]
    faults = [
        pd.DataFrame({"line": frame.loc[mask, "line"], "col": column, "rule": rule})
        for mask, (column, rule) in zip(masks, RULES[:-1], strict=True)
    ]
    faults.append(pd.DataFrame({"line": conflict, "col": RULES[-1][0], "rule": RULES[-1][1]}))
    pd.concat(faults).to_parquet(out / "faults.parquet", compression="zstd")
    kept = good[~good["line"].isin(conflict) & ~good["line"].isin(copies)]
    kept.to_parquet(out / "rows.parquet", compression="zstd")
