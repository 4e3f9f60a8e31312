"""Phantom checks: how a site's own calibration lines of one scanner changed from one phantom scan to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from osteo_core.limits.drift import DRIFT_STEP
from osteo_core.records import Calibration
from osteo_core.terms import KernelGroup

#: vBMD at which two lines are compared, in mg/cm3: the middle of low bone mass.
COMPARED_AT_MG_CM3 = 100.0


@dataclass(frozen=True, kw_only=True)
class Check:
    """One phantom line; ``change`` is its relative difference from the previous line at 100 mg/cm3.

    ``kernel`` is the kernel group it applies to, '' for any.
    """

    scanner: str
    kvp: float
    kernel: str
    name: str
    valid_from: date | None
    slope_mg_cm3_per_hu: float
    intercept_mg_cm3: float
    change: float | None
    is_beyond: bool


def checks(lines: Sequence[tuple[Calibration, KernelGroup | None]]) -> tuple[Check, ...]:
    """The lines, each with its kernel group (None: any), by scanner, tube voltage, kernel group, mineral and day.

    Each is compared with the previous line of the same group, since kernels differ in HU even without drift.
    Both lines are evaluated at the HU where the previous one gives 100 mg/cm3. Lines without a first day come first.
    """
    found: list[Check] = []
    former: dict[tuple[str, float, str, str], Calibration] = {}
    placed = [(_place(line, kernel), line) for line, kernel in lines]
    for place, line in sorted(placed, key=lambda one: (one[0], one[1].valid_from or date.min)):
        before = former.get(place)
        change = None if before is None else _read(line, _hu(before)) / COMPARED_AT_MG_CM3 - 1
        found.append(
            Check(
                scanner=place[0],
                kvp=line.kvp,
                kernel=place[2],
                name=line.name,
                valid_from=line.valid_from,
                slope_mg_cm3_per_hu=line.slope_mg_cm3_per_hu,
                intercept_mg_cm3=line.intercept_mg_cm3,
                change=change,
                is_beyond=change is not None and abs(change) > DRIFT_STEP.value,
            )
        )
        former[place] = line
    return tuple(found)


def _place(line: Calibration, kernel: KernelGroup | None) -> tuple[str, float, str, str]:
    scanner = " ".join(filter(None, (line.vendor, line.manufacturer_model_name))) or "any scanner"
    return scanner, line.kvp, kernel.value if kernel else "", line.mineral.value


def _hu(line: Calibration) -> float:
    return (COMPARED_AT_MG_CM3 - line.intercept_mg_cm3) / line.slope_mg_cm3_per_hu


def _read(line: Calibration, hu: float) -> float:
    return line.slope_mg_cm3_per_hu * hu + line.intercept_mg_cm3
