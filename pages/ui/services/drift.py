"""Drift: control charts of every scanner, and the phantom results."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from osteo_core.density.calibration.setup import read_setup
from osteo_core.errors import StatisticsError
from osteo_core.limits.drift import DRIFT_WARM_UP
from osteo_core.programme.cohort import CohortFilter
from osteo_core.programme.drift import Chart, Days, Quantity, control_chart
from osteo_core.programme.phantom import Check, checks
from pages.ui.services.running_app import query, settings, version
from pages.ui.shared import wording

#: Maximum number of scanners evaluated at once; the filter leads to the others.
MOST_SCANNERS = 20
_SAME_BEAM = "A series can be compared as soon as 5 with the same tube voltage and contrast phase are measured."
_COMPARED = {
    Quantity.VBMD: "A series can be compared as soon as 5 of the same sex and five-year age group are measured.",
    Quantity.FAT: _SAME_BEAM,
    Quantity.MUSCLE: _SAME_BEAM,
}
_COLUMNS = {Quantity.VBMD: "vbmd", Quantity.FAT: "fat", Quantity.MUSCLE: "muscle"}


@dataclass(frozen=True, kw_only=True)
class ScannerDrift:
    """One scanner with its charts; if there is no chart, ``why`` states the reason.

    ``series`` have a vBMD; ``compared`` of them are in a group of sex and age that has a mean already. A patient
    who was scanned twice has two.
    """

    scanner: str
    name: str
    vendor: str
    series: int
    compared: int
    charts: Mapping[Quantity, Chart]
    why: Mapping[Quantity, str]

    @property
    def alarms(self) -> int:
        """How often a limit was crossed."""
        return sum(len(chart.alarms) for chart in self.charts.values())


def scanners(cohort: CohortFilter, *, seen_by: str | None) -> list[ScannerDrift]:
    """The scanners with the most series, those with an alarm first, as ``seen_by`` may see them."""
    return list(_scanners(settings().store, version(), cohort, seen_by))


@functools.lru_cache(maxsize=4)  # selecting another scanner must not re-evaluate all of them
def _scanners(_store: Path, _version: int, cohort: CohortFilter, reader: str | None) -> tuple[ScannerDrift, ...]:
    found = query("drift_scanners", cohort=cohort, limit=MOST_SCANNERS, seen_by=reader).to_pylist()
    if not found:
        return ()
    devices = tuple(sorted(one["device"] for one in found))
    table = query("drift_days", cohort=cohort, devices=devices, seen_by=reader)
    columns = {name: table.column(name).to_numpy() for name in table.column_names}
    starts = np.searchsorted(columns["device"], [one["device"] for one in found], side="left")
    ends = np.searchsorted(columns["device"], [one["device"] for one in found], side="right")
    judged = [
        _scanner(one, {name: values[a:b] for name, values in columns.items()})
        for one, a, b in zip(found, starts, ends, strict=True)
    ]
    return tuple(sorted(judged, key=lambda one: (-one.alarms, -one.series, one.name)))


def _scanner(one: Mapping[str, Any], columns: Mapping[str, np.ndarray]) -> ScannerDrift:
    charts: dict[Quantity, Chart] = {}
    why: dict[Quantity, str] = {}
    measured, compared = int(one["n"]), {name: int(columns[f"{name}_n"].sum()) for name in _COLUMNS.values()}
    for quantity, column in _COLUMNS.items():
        if compared[column] <= DRIFT_WARM_UP.value:
            why[quantity] = _too_few(compared[column], measured, quantity)
            continue
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
        series=measured,
        compared=compared["vbmd"],
        charts=charts,
        why=why,
    )


def _too_few(compared: int, measured: int, quantity: Quantity) -> str:
    """How many series there are, how many more are needed, and which series count."""
    least = int(DRIFT_WARM_UP.value)
    return (
        f"A chart needs more than {least} series that can be compared: {compared:,} of {measured:,} can so far, "
        f"{least + 1 - compared:,} more are needed. {_COMPARED[quantity]}"
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
    """The site's own lines and phantom scans, each against the one before; nothing if the site has no table."""
    setup = read_setup(settings())
    found = checks([(line.calibration, line.kernel_group) for line in setup.site_lines])
    lines = [line for line in setup.phantom_lines if not line.refusal]
    for _, of_scanner in groupby(lines, key=lambda line: line.scanner):
        found += checks([(line.calibration, line.scanner.kernel_group) for line in of_scanner])
    return found
