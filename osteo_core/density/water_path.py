"""The water path of X-rays through the spine: it hardens the beam and so lowers the HU of bone.

Water-equivalent as for dose (AAPM report 220: a voxel counts as HU/1000 + 1 of water), but along rays through the
vertebral bodies and averaged over directions, since every view contributes equally to the HU of bone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from osteo_core.density.trunk import Trunk
from osteo_core.morphometry.frame import Body
from osteo_core.records import FloatArray

_DIRECTIONS = 36
_STEP_MM = 3.0
_REACH_MM = 420.0
#: A ray is complete if it ends in air; at least this share of all rays must be complete.
_WHOLE_SHARE = 0.7
#: Steps beyond the skin at which air is expected; outside a round field of view lies -1024 instead.
_BEYOND = 4
_PADDING_HU = -1023.5


def water_path_cm(trunk: Trunk, bodies: tuple[Body, ...]) -> float | None:
    """Water path in cm through the bodies' centres; None without bodies or if the field of view cuts the trunk."""
    if not bodies:
        return None
    paths = [_through(trunk, np.asarray(body.frame.origin_mm)) for body in bodies]
    rays = np.concatenate(paths)
    whole = rays[np.isfinite(rays)]
    if len(whole) < _WHOLE_SHARE * len(rays):
        return None
    # A ray runs from the centre one way only; the path through the body is twice as long.
    return float(2.0 * whole.mean()) / 10.0


def _through(trunk: Trunk, centre_mm: FloatArray) -> FloatArray:
    """(directions,) mm of water outwards from a point in the axial plane; NaN where the field of view cuts tissue."""
    angle = 2.0 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    out = np.arange(_STEP_MM / 2, _REACH_MM, _STEP_MM)
    offset = out[None, :, None] * np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], axis=-1)[:, None, :]
    index = np.rint(trunk.geometry.to_index(centre_mm + offset)).astype(int)
    inside = np.all((index >= 0) & (index < np.array(trunk.geometry.shape)), axis=-1)
    i, j, k = np.moveaxis(np.where(inside[..., None], index, 0), -1, 0)
    hu, tissue = trunk.hu[i, j, k], trunk.inside[i, j, k] & inside
    water = np.where(tissue, np.maximum(hu / 1000.0 + 1.0, 0.0), 0.0).sum(axis=1) * _STEP_MM
    return np.where(_ends_in_air(hu, tissue=tissue, inside=inside), water, np.nan)


def _ends_in_air(hu: FloatArray, *, tissue: NDArray[np.bool_], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(directions,) True if measured air, not padding, follows the trunk."""
    rows, steps = tissue.shape
    last = steps - 1 - tissue[:, ::-1].argmax(axis=1)
    beyond = np.minimum(last + _BEYOND, steps - 1)
    at = np.arange(rows)
    found: NDArray[np.bool_] = tissue.any(axis=1) & inside[at, beyond] & (hu[at, beyond] > _PADDING_HU)
    return found
