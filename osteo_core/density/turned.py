"""Whether the orientation of a body contradicts its header: spine in front, or lungs and pelvis at the wrong ends.

And whether there is a spine at all.

A converter that flips an image but not its affine leaves such a scan, and no vertebra is found with confidence in it.
A swap of left and right cannot be detected: bone is alike on both sides. It does not affect the measurements either.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteo_core.density.trunk import Trunk, find_trunk
from osteo_core.imaging.resample import canonical
from osteo_core.limits.vertebra import LEVEL_CONFIDENCE, OUTLINED_BONE_HU
from osteo_core.outcomes import Exclusion, ExclusionCode
from osteo_core.records import Segmentation, Volume
from osteo_core.terms import Step

#: A trunk is wider than a head or a crop round the spine.
_TRUNK_MM = 250.0
#: Least HU of spinal bone, half the width of the midline strip in which it is sought, and how far in front of the
#: middle its centre must lie, as a share of the depth there. In seven real trunks it lies 0.10 to 0.28 behind.
_BONE_HU, _STRIP_MM, _IN_FRONT = 250.0, 40.0, 0.05
#: HU of lung (bowel gas is darker), least volume after erosion in the lowest third of the scan, and least ratio to the
#: uppermost third. Five real scans have 66 ml and more in the uppermost third, none in the lowest.
_LUNG_HU, _LUNG_ML, _MANY_TIMES = (-930.0, -700.0), 30.0, 10.0
#: If no lung is in view, the third with the pelvis has at least this many times the bone of the other (2.4 and 2.9).
_PELVIS_TIMES = 1.8


def turned_body(volume: Volume, segmentation: Segmentation) -> Exclusion | None:
    """Why the body contradicts its header; None if any level is sure or unrated, or nothing suggests it."""
    if _is_any_sure(segmentation):
        return None
    voxels, geometry = canonical(volume.voxels_hu, volume.geometry)
    trunk = find_trunk(replace(volume, voxels_hu=voxels, geometry=geometry))
    found = _front(trunk) or _upside_down(trunk)
    return Exclusion(code=ExclusionCode.BODY_TURNED, step=Step.SEGMENT, found=found) if found else None


def no_bone(volume: Volume, segmentation: Segmentation) -> Exclusion | None:
    """Why nothing outlined is a vertebra, as in a scan of a water phantom; None if any level is sure, or it is bone."""
    outlined = np.asarray(volume.voxels_hu[segmentation.labels > 0], dtype=float)
    if _is_any_sure(segmentation) or not outlined.size:
        return None
    densest = float(np.percentile(outlined, 95))
    if densest >= OUTLINED_BONE_HU.value:
        return None
    found = f"95 % of what looks like vertebrae is below {densest:.0f} HU; bone has {OUTLINED_BONE_HU.value:g} and more"
    return Exclusion(code=ExclusionCode.NO_LUMBAR_LEVEL, step=Step.SEGMENT, found=found)


def _is_any_sure(segmentation: Segmentation) -> bool:
    sure = LEVEL_CONFIDENCE.value
    return any(found.confidence is None or found.confidence >= sure for found in segmentation.levels)


def _front(trunk: Trunk) -> str:
    """How far the spine lies in front, in words; '' if it does not. Canonical axes: left, posterior, superior."""
    index = np.argwhere(trunk.inside)
    if not len(index) or np.ptp(index[:, 0]) * trunk.geometry.spacing_mm[0] < _TRUNK_MM:
        return ""
    strip = np.zeros_like(trunk.inside)
    half = max(1, round(_STRIP_MM / trunk.geometry.spacing_mm[0]))
    middle = int(np.median(index[:, 0]))
    strip[middle - half : middle + half + 1] = True
    body = np.argwhere(trunk.inside & strip)[:, 1]
    bone = np.argwhere(trunk.inside & strip & (trunk.hu > _BONE_HU))[:, 1]
    if not len(bone):
        return ""
    depth = float(np.percentile(body, 99) - np.percentile(body, 1) + 1)
    behind = float(bone.mean() - body.mean())
    if behind / depth > -_IN_FRONT:
        return ""
    return f"the spine lies {-behind * trunk.geometry.spacing_mm[1]:.0f} mm in front of the body's middle"


def _upside_down(trunk: Trunk) -> str:
    third = trunk.hu.shape[2] // 3
    if not third:
        return ""
    lung, bone = _lung(trunk), trunk.inside & (trunk.hu > _BONE_HU)
    (lung_low, lung_up), (bone_low, bone_up) = (
        (_ml(one[:, :, :third], trunk), _ml(one[:, :, -third:], trunk)) for one in (lung, bone)
    )
    if lung_low > _LUNG_ML and lung_low > _MANY_TIMES * lung_up:
        return "lung lies at the end that the header calls the feet"
    if not lung.any() and bone_up > _PELVIS_TIMES * bone_low and bone_low > 0.0:
        return "the pelvis lies at the end that the header calls the head"
    return ""


def _lung(trunk: Trunk) -> NDArray[np.bool_]:
    low, high = _LUNG_HU
    filled = np.stack([ndimage.binary_fill_holes(trunk.inside[:, :, k]) for k in range(trunk.inside.shape[2])], axis=2)
    found: NDArray[np.bool_] = ndimage.binary_erosion((trunk.hu > low) & (trunk.hu < high) & filled)
    return found


def _ml(mask: NDArray[np.bool_], trunk: Trunk) -> float:
    return float(np.count_nonzero(mask)) * trunk.geometry.voxel_volume_ml
