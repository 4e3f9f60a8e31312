"""Plant a patient's vertebrae into the torso of a phantom: real shapes within a whole body."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training.cases import GRID_MM, LAST_FREE_LEVEL, POSTERIOR, SACRUM, Body, with_discs
from training.materials import Material

_REACH_MM = 45.0
#: Weight of the similarity transform in the blend with nearby landmarks.
_FAR_WEIGHT = 0.02
_COARSE_STEP = 6


def centroids_mm(part: NDArray[np.uint8]) -> dict[int, NDArray[np.float64]]:
    """Centre of each free body, level -> (3,) mm on the map's own grid."""
    levels = [int(v) for v in np.unique(part) if 1 <= v <= LAST_FREE_LEVEL]
    centres = ndimage.center_of_mass(part > 0, part, levels)
    return {level: np.asarray(c) * GRID_MM for level, c in zip(levels, centres, strict=True)}


def similarity(
    source: NDArray[np.float64], target: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rotation with scale (3, 3) and shift (3,) that carry source points (N, 3) to target (Umeyama 1991)."""
    mean_s, mean_t = source.mean(0), target.mean(0)
    s, t = source - mean_s, target - mean_t
    u, d, vt = np.linalg.svd(t.T @ s)
    sign = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    scale = np.trace(np.diag(d) @ sign) / (s**2).sum()
    matrix = scale * u @ sign @ vt
    return matrix, mean_t - matrix @ mean_s


def landmarks(part: NDArray[np.uint8]) -> dict[int, NDArray[np.float64]]:
    """Body centre, posterior centre and a point to each side, level -> (4, 3) mm."""
    centres = centroids_mm(part)
    out = {}
    for level, centre in centres.items():
        behind = part == POSTERIOR + level
        back = (
            np.asarray(ndimage.center_of_mass(behind)) * GRID_MM
            if behind.sum() > 50
            else centre + np.array([0, 40, -10])
        )
        back[0] = 0.5 * (back[0] + centre[0])
        side = np.array([25.0, 0.0, 0.0])
        out[level] = np.stack([centre, back, centre + side, centre - side])
    return out


def warp_field(source: dict[int, NDArray], target: dict[int, NDArray], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Position of each voxel of the source frame in the target frame: (3, I, J, K) in voxels of the target."""
    common = sorted(set(source) & set(target))
    a = np.concatenate([source[n] for n in common])
    b = np.concatenate([target[n] for n in common])
    matrix, shift = similarity(a, b)
    rest = b - (a @ matrix.T + shift)
    back = np.linalg.inv(matrix)
    for level in sorted(set(target) - set(common)):  # beyond the donor, its last landmark moves the host's chain
        end = common[0] if level < common[0] else common[-1]
        moved = rest[4 * common.index(end) : 4 * common.index(end) + 4]
        a = np.concatenate([a, (target[level] - moved - shift) @ back.T])
        rest = np.concatenate([rest, moved])
    grid = np.stack(np.meshgrid(*[np.arange(0, n + _COARSE_STEP, _COARSE_STEP) for n in shape], indexing="ij"), -1)
    points = grid.reshape(-1, 3) * GRID_MM
    near = np.exp(-(((points[:, None] - a[None]) / _REACH_MM) ** 2).sum(-1) * 2)
    moved = (near @ rest) / (near.sum(1, keepdims=True) + _FAR_WEIGHT)
    where = ((points @ matrix.T + shift + moved) / GRID_MM).reshape(grid.shape)
    return np.stack([_upsampled(where[..., axis], shape) for axis in range(3)])


def _upsampled(coarse: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float32]:
    full = coarse.astype(np.float32)
    for axis, n in enumerate(shape):
        at = np.arange(n) / _COARSE_STEP
        low = np.minimum(at.astype(int), full.shape[axis] - 2)
        share = (at - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        full = np.take(full, low, axis) * (1 - share) + np.take(full, low + 1, axis) * share
    return full


def gather(volume: NDArray[np.uint8], where: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Nearest voxel of ``volume`` at (3, I, J, K) positions; 0 outside."""
    index = np.rint(where).astype(np.int32)
    inside = np.ones(where.shape[1:], dtype=bool)
    for axis, n in enumerate(volume.shape):
        inside &= (index[axis] >= 0) & (index[axis] < n)
        np.clip(index[axis], 0, n - 1, out=index[axis])
    return np.where(inside, volume[index[0], index[1], index[2]], 0).astype(volume.dtype)


def plant(donor: NDArray[np.uint8], host: Body) -> Body:
    """The host, bent and scaled so that the donor's vertebrae (parts) replace its own."""
    donor_marks, host_marks = landmarks(donor), landmarks(host.part)
    levels = sorted(set(donor_marks) & set(host_marks))
    matrix, shift = similarity(
        np.concatenate([donor_marks[n] for n in levels]), np.concatenate([host_marks[n] for n in levels])
    )
    corners = np.stack(np.meshgrid(*[(0, n * GRID_MM) for n in host.part.shape], indexing="ij"), -1).reshape(-1, 3)
    reach = (corners - shift) @ np.linalg.inv(matrix).T
    low = np.floor(reach.min(0) / GRID_MM).astype(int)
    size = tuple((np.ceil(reach.max(0) / GRID_MM).astype(int) - low + 1).tolist())
    framed = _framed(donor, low=low, shape=size)
    shifted = {n: marks - low * GRID_MM for n, marks in donor_marks.items()}
    where = warp_field(shifted, host_marks, size)
    material, part = gather(host.material, where), gather(host.part, where)
    replaced = np.isin(part, levels) | np.isin(part, [POSTERIOR + n for n in levels])
    material[replaced | (material == Material.DISC)] = Material.MUSCLE
    part[replaced] = 0
    part[framed > 0] = framed[framed > 0]
    return with_discs(material, part)


def _framed(part: NDArray[np.uint8], *, low: NDArray[np.int_], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    out = np.zeros(shape, dtype=np.uint8)
    start = np.maximum(-low, 0)
    take = np.maximum(low, 0)
    n = np.minimum(np.array(part.shape) - take, np.array(shape) - start)
    to = tuple(slice(s, s + k) for s, k in zip(start, n, strict=True))
    of = tuple(slice(s, s + k) for s, k in zip(take, n, strict=True))
    out[to] = part[of]
    return out


def fill_soft_tissue(body: Body, host: Body) -> Body:
    """Give an undivided body (XCAT) the organs, muscles and fat of the host, bent to follow its spine."""
    where = warp_field(landmarks(body.part), landmarks(host.part), body.part.shape)
    soft = gather(host.material, where)
    skin_depth = ndimage.distance_transform_edt(body.material != Material.OUTSIDE) * GRID_MM
    alien = np.isin(
        soft, [Material.OUTSIDE, Material.BONE, Material.DISC, Material.LUNG, Material.SKIN, Material.CARTILAGE]
    )
    soft[alien] = np.where(skin_depth[alien] < 16, Material.FAT, Material.MUSCLE)
    material = np.where(body.material == Material.MUSCLE, soft, body.material).astype(np.uint8)
    return with_discs(material, body.part)


__all__ = ["SACRUM", "centroids_mm", "fill_soft_tissue", "plant"]
