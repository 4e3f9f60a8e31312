"""Which calibration applies to a series: that of the first way, in the site's order, that gives one."""

from __future__ import annotations

from osteo_core.density.calibration.beam import beyond_table_cm, path_range_cm
from osteo_core.density.calibration.lines import BODY_SIZE
from osteo_core.density.calibration.scan import Scan
from osteo_core.density.calibration.setup import CalibrationSetup
from osteo_core.density.calibration.ways import WAYS
from osteo_core.density.plain_ct import no_plain_ct
from osteo_core.density.rod_row import RodRow
from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.records import Calibration, CalibrationTissues, Series
from osteo_core.terms import Step

#: Ways that were measured on the scanner itself.
_OWN = ("in_scan", "precalibrated", "phantom", "site", "carried")

#: Ways that hold for any kind of image, since the rods are in it.
_OF_THIS_IMAGE = ("in_scan",)


def choose_calibration(
    series: Series,
    setup: CalibrationSetup,
    tissues: CalibrationTissues,
    *,
    rod_row: RodRow | None = None,
    bone_hu: float | None = None,
) -> Calibration | Exclusion:
    """The calibration for this scan, or why there is none: what each way lacks.

    No line of another tube voltage is used as it is; only the way `carried` converts one. ``rod_row``: rods under the
    back in this scan; ``bone_hu``: mean trabecular HU of the patient, at which the error of a phantom line is stated.
    """
    if series.kvp is None or series.kvp <= 0:
        return _none("the file does not say its tube voltage")
    scan = Scan(series=series, tissues=tissues, setup=setup, rod_row=rod_row, bone_hu=bone_hu)
    reasons: list[str] = []
    for name in setup.ways:
        found = WAYS[name](scan)
        if isinstance(found, Calibration):
            return found if found.kind in _OF_THIS_IMAGE else no_plain_ct(series, tissues) or found
        if found and found not in reasons:
            reasons.append(found)
    if scan.is_sharp:
        kernel = (series.convolution_kernel or "of unknown name").split("\\")[0]
        return Exclusion(code=ExclusionCode.SHARP_KERNEL, step=Step.CALIBRATE, found=kernel)
    return _none("; ".join(reasons) or "no way to a calibration is set up")


def calibration_cautions(calibration: Calibration, water_path_cm: float | None) -> tuple[Caution, ...]:
    """Cautions for a value from this calibration; ``water_path_cm``: that of the body, None if it is not known."""
    found: tuple[Caution, ...] = ()
    if calibration.kind not in _OWN:
        found += (Caution(code=CautionCode.PUBLISHED_LINE, step=Step.CALIBRATE, found=calibration.name),)
    rests_on_size = any(part.name == BODY_SIZE for part in calibration.uncertainties)
    if rests_on_size and water_path_cm is not None and beyond_table_cm(water_path_cm):
        low, high = path_range_cm()
        path, limit = f"{water_path_cm:.0f} cm", f"{low:g} to {high:g} cm"
        found += (Caution(code=CautionCode.BODY_SIZE, step=Step.CALIBRATE, found=path, limit=limit),)
    return found


def _none(found: str) -> Exclusion:
    return Exclusion(code=ExclusionCode.NO_CALIBRATION, step=Step.CALIBRATE, found=found)
