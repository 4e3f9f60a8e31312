"""The trabecular region of a vertebral body, defined in millimetres, and the HU in it.

The definition is the same at every accepted slice thickness (up to 5 mm): voxels of the source grid whose
centre lies at least ROI_SURFACE_MARGIN inside the outlined surface (a mask is taken as the boxes of its
voxels, so that thick slices do not move the surface), at least ROI_ENDPLATE_MARGIN from both endplate planes,
and in the anterior two thirds, without the block at mid height that holds the basivertebral vein.
The endplate margin is never less than 2.5 mm plus half a step along the body.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from osteo_core.density.alike import others_median_hu, outvoted_level
from osteo_core.density.odd_bone import find_odd_bone
from osteo_core.limits.region import (
    LEVEL_DIFFERENCE_HU,
    ROI_ENDPLATE_MARGIN,
    ROI_MINIMUM,
    ROI_POSTERIOR_SHARE,
    ROI_SURFACE_MARGIN,
    TRABECULAR_HU_HIGH,
    TRABECULAR_HU_LOW,
)
from osteo_core.limits.vertebra import BODY_HEIGHT_MAXIMUM, BODY_HEIGHT_MINIMUM, LEVEL_CONFIDENCE
from osteo_core.morphometry.frame import Body, chords_mm, find_bodies, voxel_centres_mm
from osteo_core.morphometry.heights import measure_heights
from osteo_core.outcomes import CautionCode, Exclusion, ExclusionCode
from osteo_core.records import FloatArray, Measurement, Segmentation, SegmentedLevel, Volume
from osteo_core.terms import MEASURED_LEVELS, Level, Step

#: Depth is measured on a grid at least this fine.
_FINE_MM = 1.0
#: The basivertebral vein enters from behind at mid height and reaches the middle: |left|, |superior| in mm
#: from the centre, and share of the depth from the posterior wall.
_VEIN_LEFT_MM, _VEIN_SUPERIOR_MM, _VEIN_SHARE = 7.0, 5.0, 0.58
#: An endplate blurred by a slice of thickness t reaches t/2 plus this into the body.
_ENDPLATE_BLUR_MM = 2.5


def measure_levels(
    volume: Volume, segmentation: Segmentation, bodies: tuple[Body, ...] | None = None
) -> tuple[Measurement, ...]:
    """Geometry and trabecular HU of every outlined level, head to foot, each with the reasons to exclude it.

    ``bodies``: the result of ``find_bodies(segmentation)``, if the caller already has it.
    """
    bodies = find_bodies(segmentation) if bodies is None else bodies
    found = {segmented.level: segmented for segmented in segmentation.levels}
    measured = (measure_body(volume, body, segmented=found[body.level]) for body in bodies)
    return refuse_unlike(tuple(measured))


def trabecular_roi(body: Body) -> NDArray[np.bool_]:
    """The trabecular region, (I, J, K) bool on the body's crop."""
    surface_mm, front_share = ROI_SURFACE_MARGIN.value, ROI_POSTERIOR_SHARE.value
    roi = body.mask & (depth_mm(body) >= surface_mm)
    centre_line = np.zeros((5, 3))
    centre_line[:, 0] = np.linspace(-8.0, 8.0, 5)
    back, front = chords_mm(body, starts_mm=centre_line, direction=1)
    if not np.isfinite(back).any():
        return np.zeros_like(roi)
    wall_mm, face_mm = float(np.nanmedian(back)), float(np.nanmedian(front))
    position = body.frame.to_body_mm(voxel_centres_mm(body.geometry))
    share = (position[..., 1] - wall_mm) / (face_mm - wall_mm)
    vein = (np.abs(position[..., 0]) <= _VEIN_LEFT_MM) & (np.abs(position[..., 2]) <= _VEIN_SUPERIOR_MM)
    roi &= (share >= front_share) & ~(vein & (share <= _VEIN_SHARE))
    upper, lower = _endplate_clearances_mm(body, position)
    margin = max(ROI_ENDPLATE_MARGIN.value, _ENDPLATE_BLUR_MM + body.step_along_mm / 2)
    return roi & (upper >= margin) & (lower >= margin)


def depth_mm(body: Body) -> FloatArray:
    """(I, J, K) mm from each voxel's centre to the outlined surface; 0 outside.

    Thick voxels are divided into an odd number of parts along each axis, so that the surface follows the faces of the
    voxels and the depth does not depend on the slice thickness. The depth is the distance to the centre of the nearest
    part outside, minus half a part. Its square is a sum over the axes, so each axis is searched separately
    (Felzenszwalb 2012, Theory Comput 8:415).
    """
    parts = [_odd_parts(step) for step in body.geometry.spacing_mm]
    fine_mm = [step / n for step, n in zip(body.geometry.spacing_mm, parts, strict=True)]
    # The edge of the array is a surface too: a body cut by the field of view has no bone beyond it.
    squared_mm2 = np.where(np.pad(body.mask, 1), np.inf, 0.0)
    for axis, (part_mm, n) in enumerate(zip(fine_mm, parts, strict=True)):
        _lower_along(np.moveaxis(squared_mm2, axis, 0), part_mm=part_mm, parts=n)
    depth = np.sqrt(squared_mm2)[1:-1, 1:-1, 1:-1]
    found: FloatArray = np.maximum(depth - min(fine_mm) / 2, 0.0) * body.mask
    return found


def _lower_along(squared_mm2: FloatArray, *, part_mm: float, parts: int) -> None:
    """Replace each value, in place, by the least value plus squared distance to it along the first axis."""
    before = squared_mm2.copy()
    for steps in range(1, len(before)):
        # From the centre of a voxel to the nearest part of the voxel that lies ``steps`` voxels away.
        away_mm = (steps * parts - parts // 2) * part_mm
        if away_mm * away_mm >= squared_mm2.max():
            return
        np.minimum(squared_mm2[steps:], before[:-steps] + away_mm * away_mm, out=squared_mm2[steps:])
        np.minimum(squared_mm2[:-steps], before[steps:] + away_mm * away_mm, out=squared_mm2[:-steps])


def _odd_parts(step_mm: float) -> int:
    n = int(np.ceil(step_mm / _FINE_MM - 1e-6))
    return max(n + 1 - n % 2, 1)


def _endplate_clearances_mm(body: Body, position: FloatArray) -> tuple[FloatArray, FloatArray]:
    def plane(c: FloatArray) -> FloatArray:
        found: FloatArray = c[0] + c[1] * position[..., 0] + c[2] * position[..., 1]
        return found

    return plane(body.frame.upper_plane) - position[..., 2], position[..., 2] - plane(body.frame.lower_plane)


def measure_body(volume: Volume, body: Body, *, segmented: SegmentedLevel) -> Measurement:
    """One level by itself: geometry, trabecular HU, and the reasons to exclude it, without regard to other levels."""
    heights = measure_heights(body, volume)
    measurement = Measurement(
        level=body.level,
        voxels=body.voxels,
        volume_ml=body.volume_ml,
        anterior_height_mm=heights.anterior_mm if heights else None,
        middle_height_mm=heights.middle_mm if heights else None,
        posterior_height_mm=heights.posterior_mm if heights else None,
        confidence=segmented.confidence,
    )
    hu = volume.voxels_hu[body.box]
    roi = trabecular_roi(body)
    measurement = _with_hu(measurement, hu[roi], voxel_ml=body.geometry.voxel_volume_ml)
    odd = find_odd_bone(body, hu, roi=roi)
    reasons = (*_outline_reasons(measurement, segmented), *_region_reasons(measurement), _at_bound(volume, hu[roi]))
    return replace(measurement, exclusions=(*_that_apply(reasons, level=body.level), *odd))


def _with_hu(measurement: Measurement, values: NDArray[np.generic], *, voxel_ml: float) -> Measurement:
    measurement = replace(measurement, roi_voxels=len(values), roi_volume_ml=len(values) * voxel_ml)
    if len(values) < 2:
        return measurement
    hu = values.astype(np.float64)
    return replace(measurement, mean_hu=float(hu.mean()), median_hu=float(np.median(hu)), sd_hu=float(hu.std(ddof=1)))


#: In an image clipped to a window, a region with a larger share of its voxels at their maximum is clipped (design).
_AT_BOUND_SHARE = 0.02
_Reason = tuple[bool, ExclusionCode, str, str]


def _outline_reasons(measurement: Measurement, segmented: SegmentedLevel) -> tuple[_Reason, ...]:
    level = measurement.level
    heights = (measurement.anterior_height_mm, measurement.middle_height_mm, measurement.posterior_height_mm)
    known = [height for height in heights if height is not None]
    highest_mm, lowest_mm = BODY_HEIGHT_MAXIMUM.value, BODY_HEIGHT_MINIMUM.value
    wrong = [height for height in known if not lowest_mm <= height <= highest_mm]
    return (
        (bool(segmented.cut), ExclusionCode.LEVEL_CUT, segmented.cut, ""),
        (level not in MEASURED_LEVELS, ExclusionCode.NOT_A_MEASURED_LEVEL, level.name, ""),
        (
            segmented.confidence is not None and segmented.confidence < LEVEL_CONFIDENCE.value,
            ExclusionCode.LEVEL_UNSURE,
            f"{segmented.confidence or 0.0:.2f}",
            f"{LEVEL_CONFIDENCE.value:g}",
        ),
        (
            bool(wrong),
            ExclusionCode.IMPLAUSIBLE_BODY,
            f"{wrong[0]:.0f} mm high" if wrong else "",
            f"{lowest_mm:g} to {highest_mm:g} mm",
        ),
    )


def _region_reasons(measurement: Measurement) -> tuple[_Reason, ...]:
    median = measurement.median_hu
    low, high = TRABECULAR_HU_LOW.value, TRABECULAR_HU_HIGH.value
    return (
        (
            measurement.roi_volume_ml < ROI_MINIMUM.value or median is None,
            ExclusionCode.ROI_TOO_SMALL,
            f"{measurement.roi_volume_ml:.1f}",
            f"{ROI_MINIMUM.value:g}",
        ),
        (
            median is not None and not low <= median <= high,
            ExclusionCode.IMPLAUSIBLE_HU,
            f"median {median:.0f} HU" if median is not None else "",
            f"{low:g} to {high:g} HU",
        ),
    )


def _at_bound(volume: Volume, values: NDArray[np.generic]) -> _Reason:
    """Too many voxels at the upper bound of a display window: the true density of the bone is unknown."""
    is_clipped = any(caution.code is CautionCode.WINDOW_CLIPPED for caution in volume.cautions)
    highest = float(values.max()) if len(values) else 0.0
    share = float(np.mean(values == highest)) if is_clipped and len(values) else 0.0
    found = f"{100 * share:.0f} % of the region at the upper bound of a window, {highest:.0f} HU"
    return share > _AT_BOUND_SHARE, ExclusionCode.IMPLAUSIBLE_HU, found, f"at most {100 * _AT_BOUND_SHARE:.0f} %"


def _that_apply(reasons: Iterable[_Reason], *, level: Level) -> Iterator[Exclusion]:
    for applies, code, found, limit in reasons:
        if applies:
            yield Exclusion(code=code, step=Step.MEASURE, found=found, limit=limit, level=level)


def refuse_unlike(measurements: tuple[Measurement, ...]) -> tuple[Measurement, ...]:
    """Exclude the one level that differs from all other sound ones, as after sclerosis or a lesion of a whole body.

    If no majority agrees, as with two levels against two, none is excluded; `assess` reports that they disagree.
    """
    sound = [m for m in measurements if m.exclusion is None and m.median_hu is not None]
    odd = outvoted_level(sound)
    if odd is None:
        return measurements
    reason = Exclusion(
        code=ExclusionCode.UNLIKE_OTHERS,
        step=Step.MEASURE,
        found=f"median {odd.median_hu:.0f} HU, the others {others_median_hu(sound, odd.level):.0f} HU",
        limit=f"{LEVEL_DIFFERENCE_HU.value:g}",
        level=odd.level,
    )
    return tuple(replace(m, exclusions=(*m.exclusions, reason)) if m is odd else m for m in measurements)
