"""Which line holds for a series: the site's own first, then the shipped one of the very same tube voltage."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from osteo_core.density.calibration.lines import SHIPPED_LINES
from osteo_core.density.calibration.site import SiteLine, read_site_lines
from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.records import Calibration, Series
from osteo_core.settings import Settings
from osteo_core.terms import KernelGroup, Step

#: Headers give tube voltages as whole numbers, some with a rounding tail.
_KVP_TOLERANCE = 0.5


def choose_calibration(series: Series, settings: Settings) -> Calibration | Exclusion:
    """The line for this scanner, tube voltage, kernel and date, or the reason why there is none.

    Of a site's lines the most specific wins (model before vendor before any; a named kernel before any),
    then the one valid from the latest date. Raises SettingsError when the site's table cannot be used.
    """
    lines = read_site_lines(Path(settings.calibration_table)) if settings.calibration_table else ()
    if series.kvp is None or series.kvp <= 0:
        return _none("the file does not say its tube voltage")
    fitting = [line for line in lines if _covers(line, series)]
    if fitting:
        return max(fitting, key=_specificity).calibration
    if series.kernel_group is KernelGroup.SHARP:
        kernel = (series.convolution_kernel or "of unknown name").split("\\")[0]
        return Exclusion(code=ExclusionCode.SHARP_KERNEL, step=Step.CALIBRATE, found=kernel)
    for line in SHIPPED_LINES:
        if abs(line.kvp - series.kvp) <= _KVP_TOLERANCE:
            return line
    known = ", ".join(f"{line.kvp:g}" for line in SHIPPED_LINES)
    return _none(f"{series.kvp:g} kVp; lines exist for {known} kVp")


def calibration_cautions(calibration: Calibration) -> tuple[Caution, ...]:
    """What to mind beside a value from this line."""
    if calibration.kind == "site":
        return ()
    return (Caution(code=CautionCode.PUBLISHED_LINE, step=Step.CALIBRATE, found=calibration.name),)


def _none(found: str) -> Exclusion:
    return Exclusion(code=ExclusionCode.NO_CALIBRATION, step=Step.CALIBRATE, found=found)


def _covers(line: SiteLine, series: Series) -> bool:
    own = line.calibration
    model = (series.manufacturer_model_name or "").strip().lower()
    return (
        abs(own.kvp - (series.kvp or 0.0)) <= _KVP_TOLERANCE
        and own.vendor in (None, series.vendor)
        and (own.manufacturer_model_name is None or own.manufacturer_model_name.lower() == model)
        and (line.kernel_group == series.kernel_group or (line.kernel_group is None and not _is_sharp(series)))
        and _is_valid_on(own, series.study_date)
    )


def _is_sharp(series: Series) -> bool:
    return series.kernel_group is KernelGroup.SHARP


def _is_valid_on(line: Calibration, day: date | None) -> bool:
    if line.valid_from is None and line.valid_to is None:
        return True
    if day is None:
        # A dated line cannot be shown to cover a scan without a date.
        return False
    return (line.valid_from or date.min) <= day <= (line.valid_to or date.max)


def _specificity(line: SiteLine) -> tuple[int, int, date]:
    own = line.calibration
    place = 2 if own.manufacturer_model_name else 1 if own.vendor else 0
    return place, int(line.kernel_group is not None), own.valid_from or date.min
