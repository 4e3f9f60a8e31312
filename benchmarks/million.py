"""How fast are the pages' queries on a million series? ``python -m benchmarks.million [--store DIR] [--json]``.

The same questions to DuckDB (the store's own queries), to pandas and to SQLite over the same rows; SQLite has indexes
on the columns for filters and groups. Every answer is compared before it is timed. Times in ms: median and 95th
percentile over the repeats, for each question and for all together (the sum over the questions of one repeat). The
store is created first if missing (benchmarks.million_store, a few minutes).
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.million_store import make_store
from db.connect import Store, open_store
from osteo_core.programme.cohort import CohortFilter
from osteo_core.terms import Sex, Vendor

FILTER = CohortFilter(vendors=(Vendor.GE,), sexes=(Sex.FEMALE,), age_from=60, age_to=80)
EVERYBODY = CohortFilter()
_FILTER_SQL = "vendor = 'GE' AND patient_sex = 'F' AND patient_age_years >= 60 AND patient_age_years < 81"
_ENDED = ("not confirmed", "no action", "closed", "12-month contact")
Answer = list[tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question in three dialects; ``duckdb`` returns the same rows as the SQL and the pandas function."""

    name: str
    duckdb: Callable[[Store], Answer]
    sql: str
    pandas: Callable[[pd.DataFrame], Answer]


def _rows(store: Store, name: str, columns: Sequence[str], cohort: CohortFilter, **given: Any) -> Answer:
    table = store.query(name, cohort=cohort, **given)
    return list(zip(*(table.column(column).to_pylist() for column in columns), strict=True))


def _filtered(frame: pd.DataFrame, is_filtered: bool) -> pd.DataFrame:
    if not is_filtered:
        return frame
    ages = frame.patient_age_years
    return frame[(frame.vendor == "GE") & (frame.patient_sex == "F") & (ages >= 60) & (ages < 81)]


def _summary(is_filtered: bool) -> Question:
    columns = ("n_series", "n_patients", "n_measured", "n_flagged")
    cohort, where = (FILTER, _FILTER_SQL) if is_filtered else (EVERYBODY, "1")

    def by_pandas(frame: pd.DataFrame) -> Answer:
        f = _filtered(frame, is_filtered)
        measured = int((f.status == "measured").sum())
        return [(len(f), f.patient_number.nunique(), measured, int(f.is_flagged.sum()))]

    return Question(
        name=f"summary, {'filtered' if is_filtered else 'everybody'}",
        duckdb=lambda store: _rows(store, "cohort_summary", columns, cohort),
        sql="SELECT count(*), count(DISTINCT patient_number), sum(status = 'measured'), sum(is_flagged) "
        f"FROM cohort WHERE {where}",
        pandas=by_pandas,
    )


def _worklist(is_filtered: bool) -> Question:
    cohort, where = (FILTER, _FILTER_SQL) if is_filtered else (EVERYBODY, "1")

    def by_pandas(frame: pd.DataFrame) -> Answer:
        f = _filtered(frame, is_filtered)
        first = (
            f[f.work_order.notna()].nsmallest(50, "work_order", keep="all").sort_values(["work_order", "series_key"])
        )
        return [(key,) for key in first.series_key.head(25)]

    return Question(
        name=f"worklist, first page, {'filtered' if is_filtered else 'everybody'}",
        duckdb=lambda store: _rows(
            store, "worklist_order", ("series_key",), cohort, sort="urgency", descending=False, limit=25
        ),
        sql=f"SELECT series_key FROM cohort WHERE work_order IS NOT NULL AND {where} "
        "ORDER BY work_order, series_key LIMIT 25",
        pandas=by_pandas,
    )


def _prevalence(by: str, column: str, is_filtered: bool) -> Question:
    cohort, where = (FILTER, _FILTER_SQL) if is_filtered else (EVERYBODY, "1")

    def by_duckdb(store: Store) -> Answer:
        sums: dict[Any, list[int]] = {}
        columns = ("group", "n", "osteoporosis", "low_bone_mass")
        for group, *counts in _rows(store, "prevalence", columns, cohort, by=by):
            sums[group] = [a + b for a, b in zip(sums.get(group, [0, 0, 0]), counts, strict=True)]
        return [(group, *counts) for group, counts in sums.items()]

    def by_pandas(frame: pd.DataFrame) -> Answer:
        f = _filtered(frame, is_filtered)
        best = f.loc[f.groupby("patient_number")["pick"].idxmax()]
        has = (best.status == "measured") & (best.category != "not reportable")
        counted = best.assign(
            has=has, low=has & (best.category == "osteoporosis"), mass=has & (best.category == "low bone mass")
        )
        sums = counted.groupby(column)[["has", "low", "mass"]].sum()
        return [(name, int(row.has), int(row.low), int(row.mass)) for name, row in sums.iterrows()]

    has = "status = 'measured' AND category <> 'not reportable'"
    return Question(
        name=f"prevalence by {by}, {'filtered' if is_filtered else 'everybody'}",
        duckdb=by_duckdb,
        sql=f"SELECT {column}, sum({has}), sum({has} AND category = 'osteoporosis'), "
        f"sum({has} AND category = 'low bone mass') "
        f"FROM (SELECT {column}, status, category, max(pick) FROM cohort WHERE {where} GROUP BY patient_number) "
        f"GROUP BY {column}",
        pandas=by_pandas,
    )


def _exclusions() -> Question:
    def by_pandas(frame: pd.DataFrame) -> Answer:
        out = frame.status.isin(["excluded", "failed"])
        out |= (frame.status == "measured") & (frame.category == "not reportable")
        return list(frame[out].first_exclusion_code.fillna("reason not stated").value_counts().items())

    def by_duckdb(store: Store) -> Answer:  # a reason of two steps has two rows
        counts: Counter[str] = Counter()
        for code, n in _rows(store, "exclusion_counts", ("code", "n"), EVERYBODY):
            counts[code] += n
        return list(counts.items())

    return Question(
        name="exclusions by reason",
        duckdb=by_duckdb,
        sql="SELECT coalesce(first_exclusion_code, 'reason not stated'), count(*) FROM cohort "
        "WHERE status IN ('excluded', 'failed') OR status = 'measured' AND category = 'not reportable' GROUP BY 1",
        pandas=by_pandas,
    )


def _states() -> Question:
    now = datetime(2026, 11, 25, tzinfo=UTC)
    return Question(
        name="follow-up by state",
        duckdb=lambda store: _rows(store, "follow_up_states", ("state", "n"), EVERYBODY, now=now),
        sql="SELECT follow_state, count(*) FROM cohort WHERE follow_state IS NOT NULL GROUP BY 1",
        pandas=lambda frame: list(frame.follow_state.value_counts().items()),
    )


def _histogram() -> Question:
    def by_pandas(frame: pd.DataFrame) -> Answer:
        f = frame[frame.mean_vbmd_mg_cm3.notna() & (frame.status == "measured")]
        counts = f.groupby([np.floor(f.mean_vbmd_mg_cm3 / 10) * 10, "category"]).size()
        return [(low, category, int(n)) for (low, category), n in counts.items()]

    return Question(
        name="distribution of vBMD",
        duckdb=lambda store: _rows(store, "vbmd_histogram", ("bin_low", "category", "n"), EVERYBODY, width=10.0),
        sql="SELECT 10.0 * floor(mean_vbmd_mg_cm3 / 10), category, count(*) FROM cohort "
        "WHERE mean_vbmd_mg_cm3 IS NOT NULL AND status = 'measured' GROUP BY 1, 2",
        pandas=by_pandas,
    )


def _equity() -> Question:
    columns = ("group", "n", "n_measured", "n_measured_flagged", "n_flagged", "n_closed")

    def by_pandas(frame: pd.DataFrame) -> Answer:
        f = frame.assign(
            day=frame["pick"] & ((1 << 62) - 1), m=frame.status == "measured", fl=frame.follow_state.notna()
        )
        f = f.assign(o=f.fl & ~f.follow_state.isin(_ENDED)).sort_values("day")
        p = f.groupby("patient_number").agg(site=("site_key", "last"), m=("m", "any"), fl=("fl", "any"), o=("o", "any"))
        p = p.assign(both=p.m & p.fl, c=p.fl & ~p.o)
        return [(s, len(g), *(int(g[k].sum()) for k in ("m", "both", "fl", "c"))) for s, g in p.groupby("site")]

    ended = ", ".join(f"'{state}'" for state in _ENDED)
    return Question(
        name="equity by site",
        duckdb=lambda store: _rows(store, "equity", columns, EVERYBODY, by="site"),
        sql="SELECT site_key, count(*), sum(m), sum(m AND fl), sum(fl), sum(fl AND NOT o) FROM (SELECT site_key, "
        "max(status = 'measured') AS m, max(follow_state IS NOT NULL) AS fl, "
        f"max(coalesce(follow_state NOT IN ({ended}), 0)) AS o, max(pick & 4611686018427387903) FROM "
        "cohort GROUP BY patient_number) GROUP BY site_key",
        pandas=by_pandas,
    )


def questions() -> tuple[Question, ...]:
    """All questions, in the order in which a lead would ask them."""
    return (
        _summary(False),
        _summary(True),
        _worklist(False),
        _worklist(True),
        _histogram(),
        _prevalence("sex", "patient_sex", False),
        _prevalence("sex", "patient_sex", True),
        _prevalence("vendor", "vendor", False),
        _exclusions(),
        _states(),
        _equity(),
    )


def frame_of(store: Store) -> pd.DataFrame:
    """The columns that the questions need, as a pandas frame."""
    frame = store.query("cohort_columns").to_pandas()
    return frame.assign(patient_number=frame.patient_number.astype(str))


def sqlite_of(frame: pd.DataFrame, path: Path) -> sqlite3.Connection:
    """The same in SQLite, with indexes."""
    connection = sqlite3.connect(path)
    connection.create_function("floor", 1, lambda x: float(np.floor(x)), deterministic=True)
    frame.to_sql("cohort", connection, index=False, chunksize=50_000)
    for column in ("vendor", "work_order", "patient_number", "follow_state", "first_exclusion_code"):
        connection.execute(f"CREATE INDEX by_{column} ON cohort ({column})")
    connection.execute("ANALYZE")
    return connection


def sort(answer: Answer) -> Answer:
    """Rows in a fixed order, with texts and numbers kept distinct."""
    return sorted(answer, key=lambda row: tuple(map(str, row)))


def time_all(ask: Sequence[tuple[str, Callable[[], Answer]]], repeats: int) -> dict[str, dict[str, float]]:
    """p50 and p95 of each question and of all together, in ms."""
    taken: dict[str, list[float]] = {name: [] for name, _ in ask}
    for _ in range(repeats):
        for name, call in ask:
            begin = time.perf_counter()
            call()
            taken[name].append(1000 * (time.perf_counter() - begin))
    taken["together"] = [sum(values) for values in zip(*taken.values(), strict=True)]
    return {
        name: {"p50_ms": round(float(np.median(v)), 1), "p95_ms": round(float(np.quantile(v, 0.95)), 1)}
        for name, v in taken.items()
    }


def measure(store: Store, *, repeats: int, slow_repeats: int) -> dict[str, Any]:
    """Time all three engines after comparing their answers. Raises ValueError for answers that differ."""
    asked = questions()
    frame = frame_of(store)
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite_of(frame, Path(folder) / "cohort.sqlite")
        engines: dict[str, Callable[[Question], Callable[[], Answer]]] = {
            "duckdb": lambda q: lambda: q.duckdb(store),
            "pandas": lambda q: lambda: q.pandas(frame),
            "sqlite": lambda q: lambda: connection.execute(q.sql).fetchall(),
        }
        for question in asked:
            answers = {name: sort(make(question)()) for name, make in engines.items()}
            if not answers["duckdb"] == answers["pandas"] == answers["sqlite"]:
                raise ValueError(f"{question.name}: the answers differ: {answers}")
        found = {
            name: time_all([(q.name, make(q)) for q in asked], repeats if name == "duckdb" else slow_repeats)
            for name, make in engines.items()
        }
        connection.close()
    return {
        "series": len(frame),
        "questions": {name: {engine: found[engine][name] for engine in found} for name in found["duckdb"]},
    }


def main(given: Sequence[str] | None = None) -> int:
    """Print the figures; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.million")
    parser.add_argument("--store", type=Path, default=Path("data/million"))
    parser.add_argument("--series", type=int, default=1_000_000, help="how many, when the store is made first")
    parser.add_argument("--repeats", type=int, default=20, help="of DuckDB; pandas and SQLite have a tenth, at least 2")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(given)
    if not (asked.store / "store.json").is_file():
        make_store(asked.store, series=asked.series)
    with open_store(asked.store) as store:
        found = measure(store, repeats=asked.repeats, slow_repeats=max(2, asked.repeats // 10))
    if asked.json:
        print(json.dumps(found, indent=1))
        return 0
    print(f"{found['series']:,} series; ms, median and 95th percentile")
    for name, engines in found["questions"].items():
        cells = "  ".join(f"{engine} {t['p50_ms']:8.1f} {t['p95_ms']:8.1f}" for engine, t in engines.items())
        print(f"{name:38s} {cells}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
