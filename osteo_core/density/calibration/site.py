"""A site's own calibration lines, read from the tables that the settings calibration_table and store_lines name.

Columns (CSV or Excel with a heading row; blank means 'any' where allowed):
name, vendor (GE, Siemens, Philips, Canon/Toshiba, UIH, Hitachi/Fujifilm, Neusoft, Other; blank: any),
manufacturer_model_name (as in the DICOM header; blank: any), kvp (required),
kernel_group (smooth, standard, sharp, unknown; blank: any but sharp), slope_mg_cm3_per_hu, intercept_mg_cm3,
residual_sd_mg_cm3, mineral (HA or K2HPO4), source, valid_from, valid_to (both inclusive; blank: open),
lowest_mg_cm3, highest_mg_cm3 (range of QCT in the pairs behind the line; optional: the range is then unknown).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from osteo_core.density.calibration.site_columns import KERNEL_GROUP, KVP, MINERAL, MODEL, VENDOR
from osteo_core.limits import tables as limits
from osteo_core.records import Calibration
from osteo_core.tables.columns import Column, Day, Number
from osteo_core.tables.content import Refused
from osteo_core.tables.rows import Row, read_whole, refuse_rows
from osteo_core.terms import KernelGroup

_QCT = Number(low=limits.QCT_LOW.value, high=limits.QCT_HIGH.value, unit="mg/cm3")
_COLUMNS: tuple[Column, ...] = (
    Column(name="name", words=("Bezeichnung", "nom", "nombre", "名称")),
    replace(VENDOR, may_be_blank=True),
    replace(MODEL, may_be_blank=True),
    KVP,
    KERNEL_GROUP,
    Column(
        name="slope_mg_cm3_per_hu",
        kind=Number(low=limits.LINE_SLOPE_LOW.value, high=limits.LINE_SLOPE_HIGH.value, unit="mg/cm3 per HU"),
        words=("slope", "Steigung", "pente", "pendiente", "斜率"),
    ),
    Column(
        name="intercept_mg_cm3",
        kind=Number(low=-limits.LINE_INTERCEPT.value, high=limits.LINE_INTERCEPT.value, unit="mg/cm3"),
        words=("intercept", "Achsenabschnitt", "ordonnée à l'origine", "ordenada al origen", "intercepto", "截距"),
    ),
    Column(
        name="residual_sd_mg_cm3",
        kind=Number(low=limits.LINE_RESIDUAL_LOW.value, high=limits.LINE_RESIDUAL_HIGH.value, unit="mg/cm3"),
        words=("residual sd", "Reststreuung", "écart-type résiduel", "desviación residual", "残差标准差"),
    ),
    MINERAL,
    Column(name="source", words=("Quelle", "source", "fuente", "来源")),
    Column(
        name="valid_from", kind=Day(), may_be_blank=True, words=("gültig ab", "valable dès", "válido desde", "生效日期")
    ),
    Column(
        name="valid_to",
        kind=Day(),
        may_be_blank=True,
        words=("gültig bis", "valable jusqu'au", "válido hasta", "失效日期"),
    ),
    Column(
        name="lowest_mg_cm3",
        kind=_QCT,
        required=False,
        may_be_blank=True,
        words=("lowest QCT", "niedrigste QCT", "QCT minimale", "QCT mínima", "QCT最低值"),
    ),
    Column(
        name="highest_mg_cm3",
        kind=_QCT,
        required=False,
        may_be_blank=True,
        words=("highest QCT", "höchste QCT", "QCT maximale", "QCT máxima", "QCT最高值"),
    ),
)

#: What a line holds for, in whichever mineral; of two lines that differ in the first day alone, the later one counts.
_WHERE = ("vendor", "manufacturer_model_name", "kvp", "kernel_group", "valid_from")
COLUMNS: tuple[str, ...] = tuple(column.name for column in _COLUMNS)


@dataclass(frozen=True, kw_only=True)
class SiteLine:
    """One row: the line, and the kernels that it covers (None: any but sharp)."""

    calibration: Calibration
    kernel_group: KernelGroup | None


def read_site_lines(path: Path) -> tuple[SiteLine, ...]:
    """All lines of the table. Raises TableError naming the rows and columns that cannot be used."""
    rows = read_whole(path, "calibration table", _COLUMNS).taken
    refused = [Refused(line=row.line, why=why) for row in rows if (why := _odd(row))]
    refused += _rivals(rows)
    refuse_rows(f"calibration table {path.name}", refused)
    return tuple(_line(row) for row in rows)


def _odd(row: Row) -> str:
    """What is wrong with the row's range of QCT or of days; '' if nothing is."""
    low, high = row.cells["lowest_mg_cm3"], row.cells["highest_mg_cm3"]
    if low is not None and high is not None and low >= high:
        return f"expected lowest_mg_cm3 below highest_mg_cm3, found {low:g} and {high:g}"
    first, last = row.cells["valid_from"], row.cells["valid_to"]
    if first is not None and last is not None and first > last:
        return f"expected valid_from no later than valid_to, found {first} and {last}"
    return ""


def _rivals(rows: Sequence[Row]) -> Iterator[Refused]:
    """The rows for the scanner and first day of an earlier row: it cannot be told which of the two lines is meant."""
    first: dict[tuple[str, ...], Row] = {}
    for row in rows:
        own = first.setdefault(tuple(str(row.cells[name]).casefold() for name in _WHERE), row)
        if own is not row:
            yield Refused(line=row.line, why=f"row {own.line} holds for the same scanner from the same day")


def _line(row: Row) -> SiteLine:
    cells = dict(row.cells)
    kernel_group = cells.pop("kernel_group")
    return SiteLine(calibration=Calibration(kind="site", **cells), kernel_group=kernel_group)
