"""A site's own precision study: how much repeated measurements of unchanged patients vary.

The table that settings.precision_table names (CSV or Excel with a row of headings) has one row per scanner or pair of
scanners. Columns: vendor, manufacturer_model_name (as in the DICOM header), kvp; other_vendor and other_model where
each patient was measured on both scanners (may be left out; blank for one); rms_sd_mg_cm3 or rms_cv_percent (one of
the two); patients, measurements_each; source. RMS SD = sqrt(sum of each patient's SD^2 / patients), RMS CV likewise
(Gluer 1995). ISCD 2019 asks for 30 degrees of freedom: patients x (measurements_each - 1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from osteo_core.density.calibration.site_columns import KVP, MODEL, VENDOR
from osteo_core.errors import TableError
from osteo_core.limits import precision as limits
from osteo_core.tables.columns import Column, Number
from osteo_core.tables.content import Refused
from osteo_core.tables.rows import Row, read_whole, refuse_rows
from osteo_core.terms import Vendor

_COLUMNS: tuple[Column, ...] = (
    VENDOR,
    MODEL,
    KVP,
    replace(VENDOR, name="other_vendor", words=("second vendor", "vendor 2"), required=False, may_be_blank=True),
    replace(MODEL, name="other_model", words=("second model", "model 2"), required=False, may_be_blank=True),
    Column(
        name="rms_sd_mg_cm3",
        kind=Number(low=0.1, high=limits.PRECISION_SD_MOST.value, unit="mg/cm3"),
        words=("RMS SD", "precision SD"),
        required=False,
        may_be_blank=True,
    ),
    Column(
        name="rms_cv_percent",
        kind=Number(low=0.1, high=limits.PRECISION_CV_MOST.value),
        words=("RMS CV", "CV", "precision CV"),
        required=False,
        may_be_blank=True,
    ),
    Column(
        name="patients",
        kind=Number(low=1, high=limits.PRECISION_MEASUREMENTS_MOST.value),
        words=("subjects", "Patienten", "n"),
    ),
    Column(
        name="measurements_each",
        kind=Number(low=2, high=limits.PRECISION_MEASUREMENTS_MOST.value),
        words=("measurements", "repeats", "scans each", "Messungen"),
    ),
    Column(name="source", words=("Quelle", "source", "fuente", "来源")),
)
COLUMNS: tuple[str, ...] = tuple(column.name for column in _COLUMNS)


@dataclass(frozen=True, kw_only=True)
class Scanner:
    """A scanner model, by which precision studies are filed."""

    vendor: Vendor
    model: str

    @property
    def place(self) -> tuple[str, str]:
        """Key for comparison, ignoring case."""
        return self.vendor.value, self.model.strip().casefold()


@dataclass(frozen=True, kw_only=True)
class SitePrecision:
    """One row: precision error of a patient's mean vBMD at one tube voltage, as SD (mg/cm3) or CV (%); one is None.

    ``other``: the second scanner where the study measured on two, else None.
    """

    scanner: Scanner
    other: Scanner | None
    kvp: float
    rms_sd_mg_cm3: float | None
    rms_cv_percent: float | None
    patients: int
    measurements_each: int
    source: str

    def error_mg_cm3(self, mean_mg_cm3: float) -> float:
        """The precision error at this vBMD; one stated in percent is at least the published minimum."""
        if self.rms_sd_mg_cm3 is not None:
            return self.rms_sd_mg_cm3
        return max((self.rms_cv_percent or 0.0) / 100 * mean_mg_cm3, limits.PRECISION_LEAST.value)

    @property
    def words(self) -> str:
        """'site: RMS SD 2.1 mg/cm3, 30 patients x 2 (protocol 7)'."""
        if self.rms_sd_mg_cm3 is not None:
            error = f"RMS SD {self.rms_sd_mg_cm3:g} mg/cm³"
        else:
            error = f"RMS CV {self.rms_cv_percent:g} %"
        return f"site: {error}, {self.patients} patients x {self.measurements_each} ({self.source})"

    def covers(self, one: Scanner, another: Scanner, *, is_same_unit: bool, kvp: float | None) -> bool:
        """Whether the study applies: to the same scanner unit if it names one scanner, else to the pair it names."""
        if kvp != self.kvp:
            return False
        if self.other is None:
            return is_same_unit and one.place == another.place == self.scanner.place
        pair = {self.scanner.place, self.other.place}
        return not is_same_unit and {one.place, another.place} == pair


def read_precision(path: Path) -> tuple[SitePrecision, ...]:
    """All rows of the table. Raises TableError naming the unusable rows and columns."""
    rows = read_whole(path, "precision table", _COLUMNS).taken
    where, refused = f"precision table {path.name}", []
    taken: list[SitePrecision] = []
    for row in rows:
        try:
            taken.append(_precision(row))
        except TableError as error:
            refused.append(Refused(line=row.line, why=str(error)))
    refuse_rows(where, refused)
    return tuple(taken)


def _precision(row: Row) -> SitePrecision:
    cells = row.cells
    sd, cv = cells["rms_sd_mg_cm3"], cells["rms_cv_percent"]
    if (sd is None) == (cv is None):
        found = "neither" if sd is None else "both"
        raise TableError(f"expected one of rms_sd_mg_cm3 and rms_cv_percent, found {found}")
    patients, each = cells["patients"], cells["measurements_each"]
    if patients % 1 or each % 1:
        raise TableError(f"patients and measurements_each are counts, found {patients:g} and {each:g}")
    freedom = patients * (each - 1)
    if freedom < limits.PRECISION_FREEDOM.value:
        raise TableError(
            f"a precision study needs {limits.PRECISION_FREEDOM.value:g} degrees of freedom (30 patients twice, or 15 "
            f"three times), found {patients:g} x ({each:g} - 1) = {freedom:g}; measure more, or leave the row out"
        )
    if (cells["other_vendor"] is None) != (cells["other_model"] is None):
        raise TableError("other_vendor and other_model are given together, or both left blank; found one of them")
    other = None
    if cells["other_vendor"] is not None:
        other = Scanner(vendor=cells["other_vendor"], model=cells["other_model"])
    return SitePrecision(
        scanner=Scanner(vendor=cells["vendor"], model=cells["manufacturer_model_name"]),
        other=other,
        kvp=cells["kvp"],
        rms_sd_mg_cm3=sd,
        rms_cv_percent=cv,
        patients=int(patients),
        measurements_each=int(each),
        source=cells["source"],
    )
