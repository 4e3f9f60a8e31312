"""How long does each query of the pages take after a change of the filter? ``python -m benchmarks.million_queries``.

Every query that a page makes on the filtered cohort, on the store of ``benchmarks.million``, under typical filters of a
lead. Median and 95th percentile over filters and repeats, in ms of wall time; and ms of CPU time (all cores), which
depends less on other load.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from db.connect import Store, open_store
from db.query import EVERYBODY, Selection, takes_cohort
from osteo_core.columns.cohort import EXPORT
from osteo_core.programme.cohort import CohortFilter
from osteo_core.programme.versions import CURRENT
from osteo_core.terms import Sex, Vendor

FILTERS = (
    CohortFilter(),
    CohortFilter(vendors=(Vendor.GE, Vendor.SIEMENS)),
    CohortFilter(vendors=(Vendor.GE,), sexes=(Sex.FEMALE,), age_from=60, age_to=80),
    CohortFilter(studied_from=date(2024, 6, 1)),
    CohortFilter(sites=("e00000009de8c6d1",), age_from=50),
)
_NOW = datetime(2026, 11, 25, tzinfo=UTC)
#: The number of patients that the page keeps in order.
_MOST_LISTED = 10_000
_WAYS = ("all", "sex", "age_band", "vendor", "scanner", "site", "period")
#: The default columns of the page Table, and its rows on screen.
_USUAL = ("patient", "patient_sex", "patient_age_years", "vendor", "status", "category", "mean_vbmd_mg_cm3")
_ROWS = 1000


def asked(store: Store, cohort: CohortFilter) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(label, query, parameters) of all questions."""
    for by in _WAYS:
        yield f"prevalence by {by}", "prevalence", {"by": by}
    for by in ("site", "sex", "age_band"):
        yield f"equity by {by}", "equity", {"by": by}
    for by_level in (False, True):
        yield f"agreement{' by level' if by_level else ''}", "agreement_pairs", {"by_level": by_level}
    devices = store.query("drift_scanners", cohort=cohort, limit=20).column("device").to_pylist()
    yield "drift, scanners", "drift_scanners", {"limit": 20}
    yield "drift, days", "drift_days", {"devices": tuple(devices)}
    order: dict[str, Any] = {"sort": "urgency", "descending": False}
    keys = store.query("worklist_order", cohort=cohort, limit=25, **order).column("series_key").to_pylist()
    for sort in ("urgency", "due date", "mean vBMD"):
        yield f"worklist, order by {sort}", "worklist_order", {**order, "sort": sort, "limit": _MOST_LISTED}
    yield "worklist, first page", "worklist_rows", {"series_keys": keys}
    yield "indicators", "follow_up_indicators", {"now": _NOW}
    yield "follow_up_states", "follow_up_states", {"now": _NOW}
    yield "vbmd_histogram", "vbmd_histogram", {"width": 10.0}
    for by in ("vendor", "scanner", "site", "sex"):
        yield f"filter, values of {by}", "filter_counts", {"by": by}
    yield "box of exclusions", "flow_series", {"kind": "left out", "steps": ["find"], "code": "", "limit": _ROWS}
    for by_column, columns in (
        ("patient", _USUAL),
        ("mean_vbmd_mg_cm3", _USUAL),
        ("patient", tuple(c.name for c in EXPORT)),
    ):
        selection = Selection(columns=columns, order=by_column, then="series", limit=_ROWS)
        label = f"table, {len(columns)} columns by {by_column}"
        yield label, "export_cohort", {"with_keys": False, "salt": "benchmark", "selection": selection}
    yield from _compared()
    found = ("cohort_summary", "worklist_count", "exclusion_counts", "follow_up_weeks", "cohort_versions")
    for name in (*found, "filter_marks", "flow_ends", "versions"):
        yield name, name, {"limit": 50} if name == "versions" else {}


def _compared() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The questions of the comparison of two cohorts, and of two versions."""
    yield "compare, patients", "cohort_patients", {}
    yield "compare, shares of a version", "version_prevalence", {"by": "all", "hidden": [], **CURRENT.parameters()}
    yield "compare, agreement of a version", "version_agreement", {"by_level": False, **CURRENT.parameters()}
    both = CURRENT.parameters("first_") | CURRENT.parameters("second_")
    yield "compare, two versions", "version_both", {"hidden": [], **both}


def measure(store: Store, *, repeats: int) -> dict[str, dict[str, float]]:
    """p50_ms, p95_ms and cpu_ms (median) of every question over FILTERS."""
    clock: dict[str, list[float]] = {}
    processor: dict[str, list[float]] = {}
    for cohort in FILTERS:
        for label, name, given in asked(store, cohort):
            for _ in range(repeats):
                begin, used = time.perf_counter(), _used()
                store.query(name, cohort=cohort if takes_cohort(name) else EVERYBODY, **given)
                clock.setdefault(label, []).append(1000 * (time.perf_counter() - begin))
                processor.setdefault(label, []).append(1000 * (_used() - used))
    return {
        label: {
            "p50_ms": round(float(np.median(values)), 1),
            "p95_ms": round(float(np.quantile(values, 0.95)), 1),
            "cpu_ms": round(float(np.median(processor[label])), 1),
        }
        for label, values in clock.items()
    }


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main(given: Sequence[str] | None = None) -> int:
    """Print the figures; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.million_queries")
    parser.add_argument("--store", type=Path, default=Path("data/million"), help="made by benchmarks.million")
    parser.add_argument("--repeats", type=int, default=5, help="of each question under each filter")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(given)
    with open_store(chosen.store) as store:
        found = measure(store, repeats=chosen.repeats)
    if chosen.json:
        print(json.dumps(found, indent=1))
        return 0
    for label, row in found.items():
        print(
            f"{label:42s} p50 {row['p50_ms']:7.1f} ms  p95 {row['p95_ms']:7.1f} ms  processor {row['cpu_ms']:7.1f} ms"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
