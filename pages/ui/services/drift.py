"""Drift: control charts of every scanner, and what the phantom said."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from osteo_core.density.calibration.site import read_site_lines
from osteo_core.errors import StatisticsError
from osteo_core.programme.cohort import CohortFilter
from osteo_core.programme.drift import Chart, Days, Quantity, control_chart
from osteo_core.programme.phantom import Check, checks
from pages.ui import wording
from pages.ui.services.house import query, settings, version

#: So many scanners are judged at once; the filter leads to the others.
SCANNERS = 20
_COLUMNS = {Quantity.VBMD: "vbmd", Quantity.FAT: "fat", Quantity.MUSCLE: "muscle"}


@dataclass(frozen=True, kw_only=True)
class ScannerDrift:
    """One scanner with its charts; where there is no chart, ``why`` says so in words."""

    scanner: str
    name: str
    vendor: str
    patients: int
    charts: Mapping[Quantity, Chart]
    why: Mapping[Quantity, str]

    @property
    def alarms(self) -> int:
        """How often any limit was crossed."""
        return sum(len(chart.alarms) for chart in self.charts.values())


def scanners(cohort: CohortFilter) -> list[ScannerDrift]:
    """The scanners with the most patients, those with an alarm first."""
    return list(_scanners(settings().store, version(), cohort))


@functools.lru_cache(maxsize=4)  # to look at another scanner is no reason to judge all of them again
def _scanners(_store: Path, _version: int, cohort: CohortFilter) -> tuple[ScannerDrift, ...]:
    found = query("drift_scanners", cohort=cohort, limit=SCANNERS).to_pylist()
    if not found:
        return ()
    table = query("drift_days", cohort=cohort, devices=tuple(sorted(one["device"] for one in found)))
    columns = {name: table.column(name).to_numpy() for name in table.column_names}
    starts = np.searchsorted(columns["device"], [one["device"] for one in found], side="left")
    ends = np.searchsorted(columns["device"], [one["device"] for one in found], side="right")
    judged = [
        _scanner(one, {name: values[a:b] for name, values in columns.items()})
        for one, a, b in zip(found, starts, ends, strict=True)
    ]
    return tuple(sorted(judged, key=lambda one: (-one.alarms, -one.patients, one.name)))


def _scanner(one: Mapping[str, Any], columns: Mapping[str, np.ndarray]) -> ScannerDrift:
    charts: dict[Quantity, Chart] = {}
    why: dict[Quantity, str] = {}
    for quantity, column in _COLUMNS.items():
        try:
            charts[quantity] = control_chart(_days(columns, column, one[f"{column}_level"]), quantity)
        except StatisticsError as refused:
            why[quantity] = wording.sentence(str(refused)) + "."
    model = one["model"] or "model not stated"
    is_device = one["scanner"] not in (one["model"], one["vendor"])
    return ScannerDrift(
        scanner=one["scanner"],
        name=f"{model} {one['scanner'][:6]}" if is_device else model,
        vendor=one["vendor"],
        patients=int(one["n"]),
        charts=charts,
        why=why,
    )


def _days(columns: Mapping[str, np.ndarray], column: str, level: float | None) -> Days:
    n, mean, squares = (columns[f"{column}_{name}"].astype(float) for name in ("n", "mean", "squares"))
    held = (n > 0) & np.isfinite(mean)
    return Days(
        day=tuple(columns["day"][held].astype("datetime64[D]").tolist()),
        n=n[held],
        mean=mean[held],
        squares=squares[held],
        level=float("nan") if level is None else float(level),
    )


def phantom_checks() -> tuple[Check, ...]:
    """The site's own phantom lines one after the other; nothing where the site has no table."""
    table = settings().calibration_table
    return checks([line.calibration for line in read_site_lines(Path(table))]) if table else ()
