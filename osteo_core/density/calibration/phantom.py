"""Asynchronous phantom calibration: one line per phantom scan, and the drift of the scanner between scans.

Columns (CSV or Excel with a heading row), one row per rod and scan:
scan_date, vendor, manufacturer_model_name (as in the DICOM header), kvp, kernel_group (smooth, standard;
blank: any but sharp), phantom (its name), mineral (HA or K2HPO4), density_mg_cm3 (of the rod), mean_hu (as measured)
and, if known, water_path_cm (water that X-rays cross at the rods; blank if the phantom has no body round it),
device_key (the unit, as in the table of series; blank: any unit of the model) and water_mg_cm3 (the rod's own water
equivalent, for K2HPO4 phantoms whose rods the program does not know).

HU are regressed on density, the known quantity, by the phantom's own arithmetic (`known_phantoms`). A line holds from
its scan until the next usable scan of the same scanner, kVp and kernel group, and for a year at most.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

import numpy as np

from osteo_core.density.calibration.known_phantoms import KnownPhantom, RodFit, fit_rods, phantom_named
from osteo_core.density.calibration.known_phantoms import Rod as MadeRod
from osteo_core.density.calibration.site_columns import DENSITY, KERNEL_GROUP, KVP, MINERAL, MODEL, VENDOR, WATER
from osteo_core.limits import tables as limits
from osteo_core.limits.calibration import PHANTOM_R2, PHANTOM_RODS, PHANTOM_VALIDITY
from osteo_core.records import Calibration, Uncertainty
from osteo_core.tables.columns import Column, Day, Number
from osteo_core.tables.rows import Row, read_whole
from osteo_core.terms import KernelGroup, Mineral, Vendor

_COLUMNS: tuple[Column, ...] = (
    Column(name="scan_date", kind=Day(), words=("date", "Datum", "Scandatum", "fecha", "日期", "扫描日期")),
    VENDOR,
    MODEL,
    KVP,
    KERNEL_GROUP,
    Column(name="phantom", words=("Phantom", "fantôme", "fantoma", "maniquí", "体模")),
    MINERAL,
    DENSITY,
    Column(
        name="mean_hu",
        kind=Number(low=limits.ROD_HU_LOW.value, high=limits.ROD_HU_HIGH.value, unit="HU"),
        words=("HU", "mean HU", "mittlere HU", "UH", "CT值"),
    ),
    Column(
        name="water_path_cm",
        kind=Number(low=0.0, high=limits.WATER_PATH_MOST.value, unit="cm"),
        words=("water path", "Wasserweg"),
        required=False,
        may_be_blank=True,
    ),
    Column(name="device_key", words=("device", "unit"), required=False, may_be_blank=True),
    replace(WATER, required=False),
)
COLUMNS: tuple[str, ...] = tuple(column.name for column in _COLUMNS if column.required)
#: Columns that may be left out.
OPTIONAL_COLUMNS: tuple[str, ...] = tuple(column.name for column in _COLUMNS if not column.required)
#: vBMD at which drift and residual are stated.
STATED_AT_MG_CM3 = 100.0
#: Other units of the same model, same kVp: 0.0 +-1.4 % (Skornitzke 2022).
_UNIT_RELATIVE_SD = 0.014


@dataclass(frozen=True, kw_only=True)
class Scanner:
    """The scanner, tube voltage and kernel that a phantom line covers."""

    vendor: Vendor
    manufacturer_model_name: str
    kvp: float
    kernel_group: KernelGroup | None
    device_key: str = ""


@dataclass(frozen=True, kw_only=True)
class Rod:
    """One row of the table: a rod of known density as one scan showed it."""

    scanner: Scanner
    scan_date: date
    phantom: str
    mineral: Mineral
    density_mg_cm3: float
    mean_hu: float
    water_path_cm: float | None
    water_mg_cm3: float | None = None


@dataclass(frozen=True, kw_only=True)
class PhantomLine:
    """One phantom scan: its line, its fit, the last day on which it holds, and the drift since the previous scan.

    ``refusal``: why the line is not used, '' if it is. ``drift_mg_cm3``: error of a reading of 100 mg/cm3 if the
    previous line were still in use; None for a first scan or after a change of mineral.
    """

    scanner: Scanner
    scan_date: date
    valid_to: date
    phantom: str
    mineral: Mineral
    n_rods: int
    slope_mg_cm3_per_hu: float
    intercept_mg_cm3: float
    residual_sd_mg_cm3: float
    error_at_100_mg_cm3: float
    r2: float
    water_path_cm: float | None
    drift_mg_cm3: float | None = None
    refusal: str = ""
    fit: RodFit | None = None

    @property
    def calibration(self) -> Calibration:
        """The line as a calibration, with its uncertainty at 100 mg/cm3."""
        return self.calibration_at(STATED_AT_MG_CM3)

    def calibration_at(self, vbmd_mg_cm3: float) -> Calibration:
        """The line as a calibration, with its uncertainty at that vBMD, which grows outside the rods' densities."""
        fit = self.fit.error_sd_mg_cm3(vbmd_mg_cm3) if self.fit is not None else float("nan")
        parts = [Uncertainty(name="phantom fit", offset_sd_mg_cm3=fit, source=f"{self.n_rods} rods about the line")]
        if not self.scanner.device_key:
            parts.append(Uncertainty(name="scanner unit", relative_sd=_UNIT_RELATIVE_SD, source="Skornitzke 2022"))
        return Calibration(
            name=f"{self.phantom} {self.scan_date.isoformat()}, {self.scanner.kvp:g} kVp",
            kind="phantom",
            slope_mg_cm3_per_hu=self.slope_mg_cm3_per_hu,
            intercept_mg_cm3=self.intercept_mg_cm3,
            residual_sd_mg_cm3=float(np.linalg.norm([part.sd_mg_cm3(STATED_AT_MG_CM3) for part in parts])),
            kvp=self.scanner.kvp,
            mineral=self.mineral,
            source=f"phantom {self.phantom}, {self.n_rods} rods, R2 {self.r2:.4f}",
            vendor=self.scanner.vendor,
            manufacturer_model_name=self.scanner.manufacturer_model_name,
            valid_from=self.scan_date,
            valid_to=self.valid_to,
            uncertainties=tuple(parts),
        )


def read_phantom_lines(path: Path, definitions: str = "") -> tuple[PhantomLine, ...]:
    """One line per phantom scan, by scanner and date; ``definitions``: the site's own file of phantoms, '' for none.

    Raises TableError naming the rows that cannot be used.
    """
    rods = sorted(_read_rods(path), key=_order)
    lines: list[PhantomLine] = []
    for _, of_scanner in groupby(rods, key=lambda rod: rod.scanner):
        scans = [list(scan) for _, scan in groupby(of_scanner, key=lambda rod: (rod.scan_date, rod.phantom))]
        lines += _ledger([_line(scan, definitions) for scan in scans])
    return tuple(lines)


def _order(rod: Rod) -> tuple[str, str, str, float, str, date, str]:
    own = rod.scanner
    return (
        own.vendor.value,
        own.manufacturer_model_name.lower(),
        own.device_key,
        own.kvp,
        own.kernel_group.value if own.kernel_group else "",
        rod.scan_date,
        rod.phantom,
    )


@dataclass(frozen=True, kw_only=True)
class _Fit:
    """vBMD = slope HU + intercept, its scatter and its error at 100 mg/cm3, both in mg/cm3; NaN if never fitted."""

    slope_mg_cm3_per_hu: float = float("nan")
    intercept_mg_cm3: float = float("nan")
    residual_sd_mg_cm3: float = float("nan")
    error_at_100_mg_cm3: float = float("nan")
    r2: float = float("nan")
    refusal: str = ""
    fit: RodFit | None = None


def _fit(rods: list[Rod], known: KnownPhantom | None) -> _Fit:
    density = np.array([rod.density_mg_cm3 for rod in rods])
    needed = round(PHANTOM_RODS.value)
    if len(np.unique(density)) < needed:
        return _Fit(refusal=f"different densities: {len(np.unique(density))}, at least {needed} are needed")
    if len({rod.mineral for rod in rods}) > 1:
        return _Fit(refusal="rods of two minerals in one scan")
    made = [_as_made(rod, known) for rod in rods]
    if refusals := [one for one in made if isinstance(one, str)]:
        return _Fit(refusal=refusals[0])
    try:
        line = fit_rods([one for one in made if not isinstance(one, str)], [rod.mean_hu for rod in rods])
    except ValueError as error:
        return _Fit(refusal=str(error))
    slope, low, high = line.slope_mg_cm3_per_hu, limits.LINE_SLOPE_LOW.value, limits.LINE_SLOPE_HIGH.value
    if np.array_equal(density, [rod.mean_hu for rod in rods]):
        return _Fit(refusal="mean_hu repeats density_mg_cm3")
    if not low <= slope <= high:
        return _Fit(refusal=f"slope {slope:.3g} mg/cm3 per HU, {low:g} to {high:g} is plausible")
    intercept, most = line.intercept_mg_cm3, limits.LINE_INTERCEPT.value
    if abs(intercept) > most:
        return _Fit(refusal=f"intercept {intercept:.0f} mg/cm3, {-most:g} to {most:g} is plausible")
    least = PHANTOM_R2.value
    return _Fit(
        slope_mg_cm3_per_hu=line.slope_mg_cm3_per_hu,
        intercept_mg_cm3=line.intercept_mg_cm3,
        residual_sd_mg_cm3=line.residual_sd_mg_cm3,
        error_at_100_mg_cm3=line.error_sd_mg_cm3(STATED_AT_MG_CM3),
        r2=line.r2,
        refusal="" if line.r2 >= least else f"R2 {line.r2:.4f}, at least {least:g} is needed",
        fit=line,
    )


def _as_made(rod: Rod, known: KnownPhantom | None) -> MadeRod | str:
    """The composition of the rod, from its row or the phantom's certificate, or why it is not known."""
    water = rod.water_mg_cm3
    if water is None and known is not None and known.has_own_water:
        found = known.rod_of(rod.density_mg_cm3)
        if found is None:
            return f"{known.name} has no rod of {rod.density_mg_cm3:g} mg/cm3; mend it or give its water_mg_cm3"
        water = found.water_mg_cm3
    return MadeRod(name="", density_mg_cm3=rod.density_mg_cm3, water_mg_cm3=water)


def _line(rods: list[Rod], definitions: str) -> PhantomLine:
    first, paths = rods[0], {rod.water_path_cm for rod in rods}
    return PhantomLine(
        scanner=first.scanner,
        scan_date=first.scan_date,
        valid_to=first.scan_date + timedelta(days=round(PHANTOM_VALIDITY.value)),
        phantom=first.phantom,
        mineral=first.mineral,
        n_rods=len(rods),
        water_path_cm=first.water_path_cm if len(paths) == 1 else None,
        **vars(_fit(rods, phantom_named(rods[0].phantom, definitions))),
    )


def _ledger(lines: list[PhantomLine]) -> list[PhantomLine]:
    """The lines of one scanner by date; each usable one ends the day before the next and states its drift."""
    sound = [line for line in lines if not line.refusal]
    ledger = [line for line in lines if line.refusal]
    for before, line, after in zip([None, *sound], sound, [*sound[1:], None], strict=False):
        valid_to = min(line.valid_to, after.scan_date - timedelta(days=1)) if after else line.valid_to
        drift = None
        if before is not None and before.mineral is line.mineral:
            hu = (STATED_AT_MG_CM3 - line.intercept_mg_cm3) / line.slope_mg_cm3_per_hu
            drift = before.slope_mg_cm3_per_hu * hu + before.intercept_mg_cm3 - STATED_AT_MG_CM3
        ledger.append(replace(line, valid_to=valid_to, drift_mg_cm3=drift))
    return sorted(ledger, key=lambda line: (line.scan_date, line.phantom))


def _read_rods(path: Path) -> Iterable[Rod]:
    return [_rod(row) for row in read_whole(path, "phantom table", _COLUMNS).taken]


def _rod(row: Row) -> Rod:
    cells = row.cells
    return Rod(
        scanner=Scanner(
            vendor=cells["vendor"],
            manufacturer_model_name=cells["manufacturer_model_name"],
            kvp=cells["kvp"],
            kernel_group=cells["kernel_group"],
            device_key=cells["device_key"] or "",
        ),
        scan_date=cells["scan_date"],
        phantom=cells["phantom"],
        mineral=cells["mineral"],
        density_mg_cm3=cells["density_mg_cm3"],
        mean_hu=cells["mean_hu"],
        water_path_cm=cells["water_path_cm"],
        water_mg_cm3=cells["water_mg_cm3"],
    )
