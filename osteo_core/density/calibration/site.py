"""A site's own calibration lines, read from the CSV that settings.calibration_table names.

Columns (UTF-8, comma, header row; blank means 'any' where allowed):
name, vendor (GE, Siemens, Philips, Canon/Toshiba, UIH, Hitachi/Fujifilm, Neusoft, Other; blank any),
manufacturer_model_name (as in the DICOM header; blank any), kvp (required),
kernel_group (smooth, standard; blank any), slope_mg_cm3_per_hu, intercept_mg_cm3, residual_sd_mg_cm3,
mineral (HA or K2HPO4), source, valid_from, valid_to (YYYY-MM-DD, both inclusive; blank open).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from osteo_core.errors import SettingsError
from osteo_core.records import Calibration
from osteo_core.terms import KernelGroup, Mineral, Vendor

COLUMNS: tuple[str, ...] = (
    "name",
    "vendor",
    "manufacturer_model_name",
    "kvp",
    "kernel_group",
    "slope_mg_cm3_per_hu",
    "intercept_mg_cm3",
    "residual_sd_mg_cm3",
    "mineral",
    "source",
    "valid_from",
    "valid_to",
)


@dataclass(frozen=True, kw_only=True)
class SiteLine:
    """One row: the line, and the kernels that it covers (None: any)."""

    calibration: Calibration
    kernel_group: KernelGroup | None


def read_site_lines(path: Path) -> tuple[SiteLine, ...]:
    """All lines of the table. Raises SettingsError naming the row and the column that cannot be used."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = sorted(set(COLUMNS) - set(reader.fieldnames or ()))
            if missing:
                raise SettingsError(f"calibration table {path} lacks the columns {missing}; expected {list(COLUMNS)}")
            return tuple(_line(row, number=number, path=path) for number, row in enumerate(reader, start=2))
    except OSError as error:
        raise SettingsError(f"calibration table {path} cannot be read: {error.strerror}") from error


def _line(row: dict[str, str], *, number: int, path: Path) -> SiteLine:
    cells = {column: (row[column] or "").strip() for column in COLUMNS}
    column = ""
    try:
        numbers = {}
        for column in ("kvp", "slope_mg_cm3_per_hu", "intercept_mg_cm3", "residual_sd_mg_cm3"):
            numbers[column] = float(cells[column])
        column = "vendor"
        vendor = Vendor(cells[column]) if cells[column] else None
        column = "kernel_group"
        kernel = KernelGroup(cells[column]) if cells[column] else None
        column = "mineral"
        mineral = Mineral(cells[column])
        dates = {}
        for column in ("valid_from", "valid_to"):
            dates[column] = date.fromisoformat(cells[column]) if cells[column] else None
    except ValueError:
        raise SettingsError(f"calibration table {path}, row {number}: {column} cannot be {cells[column]!r}") from None
    _check(numbers, cells, where=f"calibration table {path}, row {number}")
    line = Calibration(
        name=cells["name"],
        kind="site",
        slope_mg_cm3_per_hu=numbers["slope_mg_cm3_per_hu"],
        intercept_mg_cm3=numbers["intercept_mg_cm3"],
        residual_sd_mg_cm3=numbers["residual_sd_mg_cm3"],
        kvp=numbers["kvp"],
        mineral=mineral,
        source=cells["source"],
        vendor=vendor,
        manufacturer_model_name=cells["manufacturer_model_name"] or None,
        valid_from=dates["valid_from"],
        valid_to=dates["valid_to"],
    )
    return SiteLine(calibration=line, kernel_group=kernel)


def _check(numbers: dict[str, float], cells: dict[str, str], *, where: str) -> None:
    if not cells["name"] or not cells["source"]:
        raise SettingsError(f"{where}: name and source must be given, so that a result can say where it came from")
    if not 0.1 <= numbers["slope_mg_cm3_per_hu"] <= 3.0:
        raise SettingsError(f"{where}: slope {numbers['slope_mg_cm3_per_hu']:g} is outside 0.1 to 3 mg/cm3 per HU")
    if numbers["residual_sd_mg_cm3"] <= 0:
        raise SettingsError(f"{where}: residual_sd_mg_cm3 must be above 0, found {numbers['residual_sd_mg_cm3']:g}")
