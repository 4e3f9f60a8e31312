"""Does the image fit its header? HU scale, tube voltage and spacing, as far as the scan itself can show.

A wrong header gives a wrong value that looks sound, so a person should look. The limits lie well outside the normal
variation of scanners and people: false alarms are few, but some wrong headers are missed (docs/reliability.md has the
rates of both).

A voltage is doubted only if compact bone is brighter than it can be at that voltage. Soft tissue cannot show it: from
80 to 120 kVp fat changes by 16 HU, and in real series it lies 6 to 22 HU from its expected value. Sex and age are not
used: men's and women's bodies overlap in size, and the best sign of age is the density that is to be measured.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from osteo_core.density.calibration.beam import beam_kvps, expected_tissue_hu
from osteo_core.density.calibration.lines import USUAL_PATH_CM
from osteo_core.density.calibration.shift import TISSUE_SD_HU
from osteo_core.limits.header import (
    BODY_SHAPE_HIGH,
    BODY_SHAPE_LOW,
    COMPACT_BONE_EXCESS,
    DIAMETER_MISFIT,
    LUMBAR_HEIGHT_HIGH,
    LUMBAR_HEIGHT_LOW,
    SCALE_GAIN,
    SCALE_OFFSET_HU,
)
from osteo_core.outcomes import Caution, CautionCode, ExclusionCode
from osteo_core.records import CalibrationTissues, Measurement, Series
from osteo_core.terms import MEASURED_LEVELS, ContrastPhase, Step

_USUAL_KVP = 120.0
_NATIVE_ONLY = ("muscle", "blood")
#: One of them is found in every trunk whose skin is seen, unless its HU are outside the range searched for fat.
_FATS = {"fat", "deep fat"}
#: kVp and HU of compact bone (ICRU-44, 1.92 g/cm3) behind 15 cm of water, by NIST attenuation: no body is thinner.
_COMPACT_KVP, _COMPACT_HU = (80.0, 100.0, 120.0, 140.0), (1946.0, 1639.0, 1458.0, 1334.0)
#: Columns of the images that scanners reconstruct; an image with another number was cropped or padded.
_MATRICES = (256, 512, 768, 1024)
#: Least number of whole bodies by which the size is judged; a single outline may itself be wrong.
_LEAST_BODIES = 2
_NOT_WHOLE = (ExclusionCode.LEVEL_CUT, ExclusionCode.IMPLAUSIBLE_BODY, ExclusionCode.LEVEL_UNSURE, ExclusionCode.METAL)


def header_doubts(
    series: Series, measurements: Sequence[Measurement], tissues: CalibrationTissues
) -> tuple[Caution, ...]:
    """One HEADER_DOUBTED for each statement of the header that the image contradicts."""
    doubts = (
        _scale_doubt(series.kvp, tissues),
        _voltage_doubt(series.kvp, tissues),
        _diameter_doubt(series) or _size_doubt(measurements),
    )
    return tuple(Caution(code=CautionCode.HEADER_DOUBTED, step=Step.MEASURE, found=one) for one in doubts if one)


def scale_of(kvp: float | None, tissues: CalibrationTissues) -> tuple[float | None, float | None]:
    """(offset in HU, gain minus 1) of the scan's HU from its own tissues; None for what they do not show.

    The offset is the mean difference from the HU expected of the beam, weighted by the inverse variance between
    patients; the gain is the distance from air to fat over the expected one. A missing voltage counts as 120 kVp.
    """
    nearest = min(beam_kvps(), key=lambda one: abs(one - (kvp or _USUAL_KVP)))
    expected = expected_tissue_hu(nearest, tissues.water_path_cm or USUAL_PATH_CM)
    is_native = tissues.contrast_phase is ContrastPhase.NATIVE
    shown = {
        sample.name: sample.mean_hu
        for sample in tissues.samples
        if sample.name in expected and (is_native or sample.name not in _NATIVE_ONLY)
    }
    if "fat" not in shown:
        return None, None
    weights = np.array([TISSUE_SD_HU[name] ** -2.0 for name in shown])
    offset = float(np.average([hu - expected[name] for name, hu in shown.items()], weights=weights))
    if "air" not in shown:
        return offset, None
    return offset, (shown["fat"] - shown["air"]) / (expected["fat"] - expected["air"]) - 1.0


def _scale_doubt(kvp: float | None, tissues: CalibrationTissues) -> str:
    found = {sample.name for sample in tissues.samples}
    if "air" in found and not found & _FATS:
        return "air has its expected HU but no fat is found at the HU of fat, as with a wrong rescale slope"
    offset, gain = scale_of(kvp, tissues)
    if gain is not None and abs(gain) > SCALE_GAIN.value:
        side = "farther from" if gain > 0 else "closer to"
        return f"fat lies {100 * abs(gain):.0f} % {side} air than it should, as with a wrong rescale slope"
    if offset is not None and abs(offset) > SCALE_OFFSET_HU.value:
        return f"air and soft tissue lie {offset:+.0f} HU from where they should, as with a wrong rescale intercept"
    return ""


def _voltage_doubt(kvp: float | None, tissues: CalibrationTissues) -> str:
    compact = tissues.sample("cortical")
    if kvp is None or compact is None:
        return ""
    most = COMPACT_BONE_EXCESS.value * float(np.interp(kvp, _COMPACT_KVP, _COMPACT_HU))
    if compact.mean_hu <= most:
        return ""
    return (
        f"compact bone of {compact.mean_hu:.0f} HU is more than the {most:.0f} HU that {kvp:g} kVp allow, as with a "
        "lower tube voltage"
    )


def _diameter_doubt(series: Series) -> str:
    """The header against itself: pixels times their spacing are the reconstruction diameter.

    Not in an image that was cropped or padded since: then the scanner's matrix times the spacing is the diameter.
    """
    if not (series.reconstruction_diameter_mm and series.pixel_spacing_mm and series.columns == series.rows):
        return ""
    width_mm = series.pixel_spacing_mm[1] * float(series.columns or 0)
    possible = (series.columns,) if series.columns in _MATRICES else (series.columns, *_MATRICES)
    widths_mm = [series.pixel_spacing_mm[1] * float(columns or 0) for columns in possible]
    if min(abs(mm / series.reconstruction_diameter_mm - 1.0) for mm in widths_mm) <= DIAMETER_MISFIT.value:
        return ""
    return (
        f"by its pixel spacing the image is {width_mm:.0f} mm wide, by its reconstruction diameter "
        f"{series.reconstruction_diameter_mm:.0f} mm"
    )


def size_of(measurements: Sequence[Measurement]) -> tuple[float, float] | None:
    """(mean posterior height in mm, mean cross section in cm2) of whole, unfractured L1-L4; None for fewer than two.

    The cross section is the body's volume over its posterior height.
    """
    sizes = [
        (one.posterior_height_mm, 10.0 * one.volume_ml / one.posterior_height_mm)
        for one in measurements
        if one.level in MEASURED_LEVELS
        and one.posterior_height_mm
        and not one.fracture_grade
        and not any(reason.code in _NOT_WHOLE for reason in one.exclusions)
    ]
    if len(sizes) < _LEAST_BODIES:
        return None
    height_mm, area_cm2 = np.mean(sizes, axis=0)
    return float(height_mm), float(area_cm2)


def shape_of(size: tuple[float, float]) -> float:
    """Height over the diameter of a circle of that cross section; ``size`` as returned by ``size_of``."""
    return size[0] / (20.0 * float(np.sqrt(size[1] / np.pi)))


def _size_doubt(measurements: Sequence[Measurement]) -> str:
    size = size_of(measurements)
    if size is None:
        return ""
    height_mm, shape = size[0], shape_of(size)
    is_usual_shape = BODY_SHAPE_LOW.value <= shape <= BODY_SHAPE_HIGH.value
    if is_usual_shape and LUMBAR_HEIGHT_LOW.value <= height_mm <= LUMBAR_HEIGHT_HIGH.value:
        return ""
    return (
        f"lumbar bodies are {height_mm:.0f} mm high and {height_mm / shape:.0f} mm wide, as with a wrong pixel spacing "
        "or wrong slice positions"
    )
