"""Cut the vertebral body out of a whole vertebra, by the rule that was also used for the reference masks.

A distance transform finds the deep voxels; their largest piece is grown back within the mask, and everything of the
vertebra in front of that piece's centre is added. The result is 58-68 % of a lumbar vertebra's volume.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteo_core.imaging.pieces import largest_piece
from osteo_core.imaging.resample import CANONICAL_CODES, cropped_grid, resample_volume
from osteo_core.records import FloatArray, Geometry, LabelArray
from osteo_core.terms import Level

#: Part of the hash of every result on cut bodies; it must change whenever the cut does.
CUT_VERSION = "1"
#: Depth that survives the erosion: pedicles are thinner, bodies thicker.
DEPTH_LUMBAR_MM = 6.5
DEPTH_THORACIC_MM = 5.5
GROW_BACK_EXTRA_MM = 1.5
#: A lumbar body is 58-68 % of its vertebra; with less than this, the erosion removed too much.
LEAST_SHARE = 0.30
#: Spacing of the grid on which the cut is made; masks are interpolated onto it, each level separately.
CUT_MM = 1.0
_T12 = 19
#: Margin in voxels round a vertebra, so that interpolation reaches beyond its surface.
_MARGIN = 2

Box = tuple[slice, slice, slice]


def _opened(whole: NDArray[np.bool_], *, radius_mm: float, spacing_mm: float) -> NDArray[np.bool_]:
    depth = ndimage.distance_transform_edt(whole, sampling=spacing_mm)
    core = largest_piece(depth > radius_mm)
    if not core.any():
        return core
    distance = ndimage.distance_transform_edt(~core, sampling=spacing_mm)
    found: NDArray[np.bool_] = whole & (distance <= radius_mm + GROW_BACK_EXTRA_MM)
    return found


def cut_body(whole: NDArray[np.bool_], *, level: int, spacing_mm: float) -> NDArray[np.bool_]:
    """Body of one vertebra, (I, J, K) on an isotropic LPS grid (j increases towards the back)."""
    first = DEPTH_LUMBAR_MM if level >= _T12 else DEPTH_THORACIC_MM
    padded = np.pad(whole, 2)
    body = np.zeros_like(padded)
    for radius in (first, first - 1, first - 2, first - 3):
        body = _opened(padded, radius_mm=radius, spacing_mm=spacing_mm)
        if body.sum() >= LEAST_SHARE * padded.sum():
            break
    if not body.any():
        return whole
    centre = ndimage.center_of_mass(body)[1]
    in_front = np.arange(padded.shape[1])[None, :, None] < centre
    body |= largest_piece(padded) & in_front
    return body[2:-2, 2:-2, 2:-2]


def boxes_of(labels: LabelArray) -> dict[Level, Box]:
    """The box of each level in a label map of VerSe numbers (I, J, K)."""
    found = ndimage.find_objects(labels, max_label=max(Level))
    return {Level(n): box for n, box in enumerate(found, start=1) if box is not None}


def body_on(
    labels: LabelArray, geometry: Geometry, level: Level, *, box: Box, target: Geometry
) -> tuple[Box, NDArray[np.bool_]] | None:
    """The body of one whole vertebra in ``labels`` (I, J, K; VerSe numbers), on the ``target`` grid.

    ``box``: the level's box (``boxes_of``). Returns a box of the target's array and the mask within it; None if no
    part of the body lies in the target. The mask may have any axes and spacing: the level is interpolated linearly,
    cut on an LPS grid of CUT_MM, and each target voxel of the vertebra goes to the nearer part, body or posterior.
    """
    whole, own = _cropped(labels[box] == level, geometry, box)
    cut_grid = _lps_grid(own)
    on_cut_grid = resample_volume(whole, own, cut_grid, fill=0.0) >= 0.5
    body = cut_body(on_cut_grid, level=int(level), spacing_mm=CUT_MM)
    seen = _seen_box(own, target)
    if seen is None:
        return None
    i, j, k = seen
    part = cropped_grid(target, (i.start, j.start, k.start), (i.stop - i.start, j.stop - j.start, k.stop - k.start))
    there = resample_volume(whole, own, part, fill=0.0) >= 0.5
    as_body = resample_volume(body, cut_grid, part, fill=0.0)
    as_rest = resample_volume(on_cut_grid & ~body, cut_grid, part, fill=0.0)
    mask = largest_piece(there & (as_body > 0) & (as_body >= as_rest))
    return (seen, mask) if mask.any() else None


def bodies_of_whole(labels: LabelArray, geometry: Geometry, levels: tuple[Level, ...]) -> LabelArray:
    """Bodies (I, J, K; VerSe numbers) of the whole vertebrae in ``labels``, on the same grid; only ``levels``."""
    out = np.zeros(labels.shape, dtype=np.uint8)
    for level, box in boxes_of(labels).items():
        found = body_on(labels, geometry, level, box=box, target=geometry) if level in levels else None
        if found is not None:
            seen, mask = found
            out[seen][mask] = level
    return out


def _cropped(mask: NDArray[np.bool_], geometry: Geometry, box: Box) -> tuple[FloatArray, Geometry]:
    """The vertebra without stray pieces as 0 and 1, with a margin of 0, and the grid of that crop."""
    start = tuple(s.start - _MARGIN for s in box)
    whole = np.pad(largest_piece(mask), _MARGIN).astype(np.float32)
    return whole, cropped_grid(geometry, start, whole.shape)


def _ends_mm(geometry: Geometry) -> FloatArray:
    corners = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in geometry.shape])).reshape(3, -1).T
    return geometry.to_world_mm(corners)


def _lps_grid(geometry: Geometry) -> Geometry:
    """The isotropic grid of CUT_MM along the patient's axes that encloses a crop."""
    ends = _ends_mm(geometry)
    low, high = ends.min(0), ends.max(0)
    if geometry.axis_codes == CANONICAL_CODES and np.allclose(geometry.spacing_mm, CUT_MM) and _is_straight(geometry):
        return geometry
    size = np.maximum(np.ceil((high - low) / CUT_MM - 1e-6), 1).astype(int)
    affine = np.diag([CUT_MM, CUT_MM, CUT_MM, 1.0])
    affine[:3, 3] = low + CUT_MM / 2
    return Geometry(shape=(int(size[0]), int(size[1]), int(size[2])), affine_lps=affine)


def _is_straight(geometry: Geometry) -> bool:
    return bool(np.abs(geometry.directions - np.eye(3)).max() < 1e-6)


def _seen_box(own: Geometry, target: Geometry) -> Box | None:
    """The part of the target's array in which a crop lies; None if it lies outside."""
    index = target.to_index(_ends_mm(own))
    low = np.maximum(np.floor(index.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(index.max(0)).astype(int) + 1, target.shape)
    if (high <= low).any():
        return None
    i, j, k = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return i, j, k
