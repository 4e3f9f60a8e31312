"""Shared by the ways to a calibration: the scan, its body size and shift, and the lines of the site that cover it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from osteo_core.density.calibration.beam import beam_kvps, beam_line, beyond_table_cm, expected_tissue_hu
from osteo_core.density.calibration.known_phantoms import KnownPhantom, RodFit
from osteo_core.density.calibration.lines import BODY_SIZE, USUAL_PATH_CM, USUAL_PATH_SD_CM
from osteo_core.density.calibration.phantom import PhantomLine
from osteo_core.density.calibration.setup import CalibrationSetup
from osteo_core.density.calibration.shift import Prior, estimate_shift, undo_shift, usable_tissues
from osteo_core.density.calibration.site import SiteLine
from osteo_core.density.rod_row import RodRow
from osteo_core.limits.acquisition import KVP_TOLERANCE
from osteo_core.limits.calibration import GENERAL_LINE_SD
from osteo_core.records import Calibration, CalibrationTissues, Series, Uncertainty
from osteo_core.terms import KernelGroup, Vendor

#: SD in cm of a water path measured in the scan, about 3 % of it (general knowledge, verify).
_SEEN_PATH_SD_CM = 1.0
#: Largest drift of a scanner in HU per year (Loeffler 2019), and SD of offset and gain from day to day (design).
_DRIFT_HU_PER_YEAR, _DAILY_SD_HU, _DAILY_GAIN_SD = 2.29, 1.0, 0.003
_DAYS_A_YEAR = 365.25
#: vBMD at which a calibration's residual is stated.
_STATED_AT_MG_CM3 = 100.0


@dataclass(frozen=True, kw_only=True)
class Scan:
    """The input of a way. ``bone_hu``: mean trabecular HU at which a line's error is stated; None: at 100 mg/cm3."""

    series: Series
    tissues: CalibrationTissues
    setup: CalibrationSetup
    rod_row: RodRow | None = None
    bone_hu: float | None = None

    @property
    def kvp(self) -> float:
        """Tube voltage in kV; the caller has checked that the series has one."""
        return float(self.series.kvp or 0.0)

    @property
    def path_cm(self) -> float:
        """Water path through the spine in cm; that of a usual adult if the scan does not show it."""
        return self.tissues.water_path_cm or USUAL_PATH_CM

    @property
    def qct_phantom(self) -> KnownPhantom:
        """The phantom to whose scale general lines refer."""
        return self.setup.qct_phantom

    def vbmd_by(self, line: PhantomLine | RodFit) -> float:
        """Approximate vBMD of this patient by that line, mg/cm3; 100 without ``bone_hu``."""
        if self.bone_hu is None:
            return _STATED_AT_MG_CM3
        return line.slope_mg_cm3_per_hu * self.bone_hu + line.intercept_mg_cm3

    @property
    def is_sharp(self) -> bool:
        """Whether the kernel is a bone or lung kernel."""
        return self.series.kernel_group is KernelGroup.SHARP


def phantom_line_of(scan: Scan) -> PhantomLine | str:
    """The phantom line for this scanner, tube voltage, kernel and day, or why there is none; '' if none is set up."""
    lines = scan.setup.phantom_lines
    if not lines:
        return ""
    own = [line for line in lines if _covers_scanner(line, scan.series)]
    fitting = [line for line in own if not line.refusal and _holds_on(line, scan.series.study_date)]
    if fitting:
        return max(fitting, key=_specific_phantom)
    if not own:
        return f"no phantom scan of this scanner model at {scan.kvp:g} kVp with this kernel"
    refused = [f"{line.scan_date.isoformat()}: {line.refusal}" for line in own if line.refusal]
    return refused[-1] if refused else "no phantom scan within a year before this scan"


def phantom_line_of_other_voltage(scan: Scan) -> PhantomLine | str:
    """The phantom line of this scanner, kernel and day at the nearest other tabulated voltage, or why there is none.

    '' if no phantom is set up.
    """
    lines = scan.setup.phantom_lines
    if not lines:
        return ""
    others = [kvp for kvp in beam_kvps() if abs(kvp - scan.kvp) > KVP_TOLERANCE.value]
    for kvp in sorted(others, key=lambda kvp: abs(kvp - scan.kvp)):
        own = [line for line in lines if _covers_scanner(line, replace(scan.series, kvp=kvp))]
        fitting = [line for line in own if not line.refusal and _holds_on(line, scan.series.study_date)]
        if fitting:
            return max(fitting, key=_specific_phantom)
    return "no phantom scan of this scanner model at another tabulated tube voltage"


def site_lines_of(scan: Scan) -> list[SiteLine]:
    """The site's own lines that cover the scan; the most specific come last and, among equals, the latest."""
    return sorted((line for line in scan.setup.site_lines if _site_covers(line, scan.series)), key=_specificity)


def drift_since(scan: Scan, line: PhantomLine) -> Prior:
    """SD of the scanner's drift since its phantom scan; a year is assumed if the study has no date."""
    day = scan.series.study_date
    years = (day - line.scan_date).days / _DAYS_A_YEAR if day else 1.0
    return Prior(
        offset_sd_hu=float(np.hypot(_DAILY_SD_HU, _DRIFT_HU_PER_YEAR * years / np.sqrt(3.0))),
        gain_sd=_DAILY_GAIN_SD,
        source="drift of up to 2.29 HU a year (Loeffler 2019)",
    )


def size_uncertainty(scan: Scan, *, line_path_cm: float | None) -> Uncertainty:
    """Uncertainty of a slope due to body size; ``line_path_cm``: water path of the line, None if unknown or not used.

    Beyond the table of beams the line at its edge is used, so the distance beyond the edge adds to the uncertainty.
    """
    nearest = min(beam_kvps(), key=lambda kvp: abs(kvp - scan.kvp))
    per_cm = beam_line(nearest, scan.path_cm).relative_per_cm
    sd_cm = _SEEN_PATH_SD_CM if scan.tissues.water_path_cm is not None else USUAL_PATH_SD_CM
    if line_path_cm is None:
        sd_cm = float(np.hypot(USUAL_PATH_SD_CM, USUAL_PATH_SD_CM))
    beyond_cm = max(beyond_table_cm(path) for path in (scan.path_cm, line_path_cm or scan.path_cm))
    sd_cm = float(np.hypot(sd_cm, beyond_cm))
    return Uncertainty(name=BODY_SIZE, relative_sd=per_cm * sd_cm, source=f"water path +-{sd_cm:.1f} cm")


def without_shift(scan: Scan, line: Calibration, prior: Prior, *, parts: tuple[Uncertainty, ...]) -> Calibration:
    """The line corrected for the HU shift that the scan's tissues show; ``parts`` are added to its uncertainties.

    Raises KeyError for a tube voltage that the beam table does not hold.
    """
    shift = estimate_shift(usable_tissues(scan.tissues), expected_tissue_hu(round(scan.kvp), scan.path_cm), prior)
    slope, intercept, left = undo_shift(line, shift, prior)
    tissues = ", ".join(shift.tissues) or "no tissue"
    shift_words = f"shift {shift.offset_hu:+.1f} HU, gain {1.0 + shift.gain:.3f} by {tissues}"
    return with_parts(
        replace(
            line,
            slope_mg_cm3_per_hu=slope,
            intercept_mg_cm3=intercept,
            undone_offset_hu=shift.offset_hu,
            undone_gain=shift.gain,
            source=f"{line.source}; {shift_words}",
            uncertainties=(*line.uncertainties, left, *parts),
        )
    )


def with_parts(line: Calibration) -> Calibration:
    """The line with its residual set to the root of the sum of squares of its parts at 100 mg/cm3."""
    parts = [part.sd_mg_cm3(_STATED_AT_MG_CM3) for part in line.uncertainties]
    return replace(line, residual_sd_mg_cm3=float(np.sqrt(np.sum(np.square(parts)))))


def as_general(line: Calibration) -> Calibration:
    """The line with the scatter published for methods that use neither a phantom nor QCT pairs of the scanner."""
    limit = GENERAL_LINE_SD
    part = Uncertainty(name="no phantom of this scanner", offset_sd_mg_cm3=limit.value, source=limit.source)
    return with_parts(replace(line, uncertainties=(*line.uncertainties, part)))


def is_tabulated(scan: Scan) -> bool:
    """Whether the beam table holds the scan's tube voltage."""
    return any(abs(kvp - scan.kvp) <= KVP_TOLERANCE.value for kvp in beam_kvps())


def _covers_scanner(line: PhantomLine, series: Series) -> bool:
    own = line.scanner
    return (
        abs(own.kvp - (series.kvp or 0.0)) <= KVP_TOLERANCE.value
        and _is_same_model(own.vendor, own.manufacturer_model_name, series)
        and _covers_kernel(own.kernel_group, series)
        and own.device_key in ("", series.device_key)
    )


def _specific_phantom(line: PhantomLine) -> tuple[bool, bool, date]:
    own = line.scanner
    return bool(own.device_key), own.kernel_group is not None, line.scan_date


def _site_covers(line: SiteLine, series: Series) -> bool:
    own = line.calibration
    return (
        abs(own.kvp - (series.kvp or 0.0)) <= KVP_TOLERANCE.value
        and _is_same_model(own.vendor, own.manufacturer_model_name, series)
        and _covers_kernel(line.kernel_group, series)
        and _is_valid_on(own, series.study_date)
    )


def _is_same_model(vendor: Vendor | None, model: str | None, series: Series) -> bool:
    found = (series.manufacturer_model_name or "").strip().lower()
    return vendor in (None, series.vendor) and (model is None or model.lower() == found)


def _covers_kernel(kernel: KernelGroup | None, series: Series) -> bool:
    return kernel == series.kernel_group or (kernel is None and series.kernel_group is not KernelGroup.SHARP)


def _holds_on(line: PhantomLine, day: date | None) -> bool:
    # A dated line cannot be shown to cover a scan without a date.
    return day is not None and line.scan_date <= day <= line.valid_to


def _is_valid_on(line: Calibration, day: date | None) -> bool:
    if line.valid_from is None and line.valid_to is None:
        return True
    if day is None:
        return False
    return (line.valid_from or date.min) <= day <= (line.valid_to or date.max)


def _specificity(line: SiteLine) -> tuple[int, int, date]:
    own = line.calibration
    place = 2 if own.manufacturer_model_name else 1 if own.vendor else 0
    return place, int(line.kernel_group is not None), own.valid_from or date.min
