"""Reasons to exclude a body whose outline is sound: metal, cement, streaks, or a focus unlike the rest of it.

A focus is a part of the trabecular region whose mean over 5 mm lies far from the region's median: darker in a
haemangioma or another fatty or lytic lesion, brighter in sclerosis. Noise and trabecular texture
average out over 5 mm (SD 10-15 HU on simulated scans), so the limits lie several SD away.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteo_core.limits.region import (
    CEMENT_HU,
    CEMENT_VOLUME,
    DARK_FOCUS_HU,
    FOCUS_VOLUME,
    METAL_HU,
    METAL_VOLUME,
    ROI_SD_MAXIMUM,
    SCLEROTIC_FOCUS_HU,
)
from osteo_core.morphometry.frame import Body
from osteo_core.outcomes import Exclusion, ExclusionCode
from osteo_core.records import FloatArray
from osteo_core.terms import Step

#: Metal is counted in the body and up to this distance from it.
_METAL_REACH_MM = 5.0
_FOCUS_MM = 5.0
#: A mean over 5 mm counts if at least this share of its box lies in the region.
_FOCUS_COVER = 0.5


def find_odd_bone(body: Body, hu: NDArray[np.generic], *, roi: NDArray[np.bool_]) -> tuple[Exclusion, ...]:
    """All reasons of this kind to exclude a body.

    ``hu`` and ``roi`` (I, J, K) lie on the body's crop; ``roi`` is the trabecular region.
    """
    values = np.asarray(hu, dtype=np.float32)
    voxel_ml = body.geometry.voxel_volume_ml
    reasons: list[Exclusion | None] = []
    metal_ml = _metal_ml(body, values)
    if metal_ml > METAL_VOLUME.value:
        reasons.append(_reason(body, ExclusionCode.METAL, f"{metal_ml:.2f} ml above {METAL_HU.value:g} HU"))
    if roi.any():
        reasons += _region_reasons(body, values, roi=roi, voxel_ml=voxel_ml)
    return tuple(reason for reason in reasons if reason is not None)


def _region_reasons(
    body: Body, values: FloatArray, *, roi: NDArray[np.bool_], voxel_ml: float
) -> list[Exclusion | None]:
    """Cement, streaks and a focus in a trabecular region that is not empty."""
    reasons: list[Exclusion | None] = []
    cement_ml = float((roi & (values > CEMENT_HU.value)).sum()) * voxel_ml
    if cement_ml > CEMENT_VOLUME.value:
        reasons.append(_reason(body, ExclusionCode.CEMENT, f"{cement_ml:.1f} ml above {CEMENT_HU.value:g} HU"))
    mean, inside = _local_mean(body, values, roi=roi)
    # Subtracting the 5 mm mean leaves noise and streaks; a focus is coarser and goes with the mean.
    sd, limit = float((values - mean)[inside].std()) if inside.any() else 0.0, ROI_SD_MAXIMUM.value
    if sd > limit:
        reasons.append(_reason(body, ExclusionCode.STREAKS, f"SD {sd:.0f} HU", limit=f"{limit:g}"))
    return [*reasons, _focus(body, mean - np.float32(np.median(values[roi])), inside=inside)]


def _metal_ml(body: Body, hu: FloatArray) -> float:
    bright = hu > METAL_HU.value
    if not bright.any():
        return 0.0
    reach = ndimage.distance_transform_edt(~body.mask, sampling=body.geometry.spacing_mm) <= _METAL_REACH_MM
    return float((bright & reach).sum()) * body.geometry.voxel_volume_ml


def _local_mean(body: Body, hu: FloatArray, *, roi: NDArray[np.bool_]) -> tuple[FloatArray, NDArray[np.bool_]]:
    """(I, J, K) mean of the region's HU over 5 mm, and the voxels of the region where enough of it was averaged."""
    size = [max(round(_FOCUS_MM / step), 1) for step in body.geometry.spacing_mm]
    cover = ndimage.uniform_filter(roi.astype(np.float32), size, mode="constant")
    mean = ndimage.uniform_filter(np.where(roi, hu, np.float32(0)), size, mode="constant") / np.maximum(cover, 1e-6)
    return mean, roi & (cover >= _FOCUS_COVER)


def _focus(body: Body, away: FloatArray, *, inside: NDArray[np.bool_]) -> Exclusion | None:
    # Beside extensive sclerosis sound bone looks dark, so a bright focus is tested first.
    for code, part, limit in (
        (ExclusionCode.SCLEROTIC_FOCUS, inside & (away > SCLEROTIC_FOCUS_HU.value), SCLEROTIC_FOCUS_HU),
        (ExclusionCode.DARK_FOCUS, inside & (away < -DARK_FOCUS_HU.value), DARK_FOCUS_HU),
    ):
        focus_ml = float(part.sum()) * body.geometry.voxel_volume_ml
        if focus_ml > FOCUS_VOLUME.value:
            found = f"{focus_ml:.1f} ml, {abs(float(away[part].mean())):.0f} HU away"
            return _reason(body, code, found, limit=f"{limit.value:g}")
    return None


def _reason(body: Body, code: ExclusionCode, found: str, *, limit: str = "") -> Exclusion:
    return Exclusion(code=code, step=Step.MEASURE, found=found, limit=limit, level=body.level)
