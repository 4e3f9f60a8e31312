"""Drift: control charts of every scanner, and what the phantom said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from osteo_core.density.calibration.site import read_site_lines
from osteo_core.errors import StatisticsError
from osteo_core.limits import DRIFT_WARM_UP
from osteo_core.programme.cohort import CohortFilter
from osteo_core.programme.drift import Chart, Days, Quantity, control_chart
from osteo_core.programme.phantom import Check, checks
from pages.ui import wording
from pages.ui.services.house import query, settings

#: So many scanners are judged at once; the filter leads to the others.
SCANNERS = 30
_SAME_BEAM = "A patient can be compared as soon as 5 with the same tube voltage and contrast phase are measured."
_COMPARED = {
    Quantity.VBMD: "A patient can be compared as soon as 5 of the same sex and five-year age group are measured.",
    Quantity.FAT: _SAME_BEAM,
    Quantity.MUSCLE: _SAME_BEAM,
}
_COLUMNS = {Quantity.VBMD: "vbmd", Quantity.FAT: "fat", Quantity.MUSCLE: "muscle"}


@dataclass(frozen=True, kw_only=True)
class ScannerDrift:
    """One scanner with its charts; where there is no chart, ``why`` says so in words.

    ``patients`` have a vBMD; ``compared`` of them are in a group of sex and age that has a mean already.
    """

    scanner: str
    name: str
    vendor: str
    patients: int
    compared: int
    charts: Mapping[Quantity, Chart]
    why: Mapping[Quantity, str]

    @property
    def alarms(self) -> int:
        """How often any limit was crossed."""
        return sum(len(chart.alarms) for chart in self.charts.values())


def scanners(cohort: CohortFilter) -> list[ScannerDrift]:
    """The scanners with the most patients, those with an alarm first."""
    table = query("drift_days", cohort=cohort, limit=SCANNERS)
    if not table.num_rows:
        return []
    names = np.array(table.column("scanner").to_pylist())
    edges = np.flatnonzero(names[1:] != names[:-1]) + 1
    starts, ends = [0, *edges.tolist()], [*edges.tolist(), len(names)]
    patients = {row["scanner"]: int(row["n"]) for row in query("drift_scanners", cohort=cohort).to_pylist()}
    found = [_scanner(table.slice(a, b - a), patients) for a, b in zip(starts, ends, strict=True)]
    return sorted(found, key=lambda one: (-one.alarms, -one.patients, one.name))


def _scanner(rows: pa.Table, patients: Mapping[str, int]) -> ScannerDrift:
    first = rows.slice(0, 1).to_pylist()[0]
    measured = patients.get(first["scanner"], 0)
    charts: dict[Quantity, Chart] = {}
    why: dict[Quantity, str] = {}
    for quantity, column in _COLUMNS.items():
        compared = int(np.sum(rows.column(f"{column}_n").to_numpy()))
        if compared <= DRIFT_WARM_UP.value:
            why[quantity] = _too_few(compared, measured, quantity)
            continue
        try:
            charts[quantity] = control_chart(_days(rows, column), quantity)
        except StatisticsError as refused:
            why[quantity] = wording.sentence(str(refused)) + "."
    model = first["model"] or "model not stated"
    is_device = first["scanner"] not in (first["model"], first["vendor"])
    return ScannerDrift(
        scanner=first["scanner"],
        name=f"{model} {first['scanner'][:6]}" if is_device else model,
        vendor=first["vendor"],
        patients=measured,
        compared=int(np.sum(rows.column("vbmd_n").to_numpy())),
        charts=charts,
        why=why,
    )


def _too_few(compared: int, measured: int, quantity: Quantity) -> str:
    """How many are there, how many more it takes, and what makes a patient count."""
    least = int(DRIFT_WARM_UP.value)
    return (
        f"A chart needs more than {least} patients who can be compared: {compared:,} of {measured:,} can so far, "
        f"{least + 1 - compared:,} more are needed. {_COMPARED[quantity]}"
    )


def _days(rows: pa.Table, column: str) -> Days:
    values: dict[str, Any] = {
        name: rows.column(f"{column}_{name}").to_numpy().astype(float) for name in ("n", "mean", "squares", "level")
    }
    held = (values["n"] > 0) & np.isfinite(values["mean"])
    days = rows.column("day").to_pylist()
    return Days(
        day=tuple(day for day, is_held in zip(days, held, strict=True) if is_held),
        n=values["n"][held],
        mean=values["mean"][held],
        squares=values["squares"][held],
        level=float(np.average(values["level"][held], weights=values["n"][held])) if held.any() else float("nan"),
    )


def phantom_checks() -> tuple[Check, ...]:
    """The site's own phantom lines one after the other; nothing where the site has no table."""
    table = settings().calibration_table
    return checks([line.calibration for line in read_site_lines(Path(table))]) if table else ()
