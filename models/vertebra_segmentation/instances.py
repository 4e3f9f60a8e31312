"""Single bodies from one mask of bodies: cores separated by erosion, grown back to their nearest voxels."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.vertebra_segmentation.fused import split_long
from osteo_core.imaging.pieces import largest_piece

FloatVolume = NDArray[np.float32]
IntVolume = NDArray[np.int32]

#: A second piece of at least this share is the other half of a body; gaps of up to twice _CLOSING voxels are closed.
_HALVES_SHARE, _CLOSING = 0.3, 6

THRESHOLD = 0.5
#: Erosion depths that give cores; greater depths separate bodies that are connected.
_CORE_DEPTHS_MM = (3.0, 4.5, 6.0, 7.5, 9.0)
_LEAST_CORE_ML = 0.15
_LEAST_BODY_ML = 1.5
#: Two pieces whose centres are this close along z are one body.
_ONE_BODY_MM = 10.0
#: Two neighbours are fragments of one body if each is smaller than a share of a large body, both together are
#: no larger than one, and their centres are this close along z.
_FRAGMENT_SHARE, _TOGETHER_SHARE, _FRAGMENT_MM = 0.75, 1.1, 20.0


def _pieces(mask: NDArray[np.bool_], *, least: float) -> list[NDArray[np.int_]]:
    """Connected pieces of a mask as flat indices, the small ones dropped."""
    labelled, count = ndimage.label(mask)
    flat = labelled.ravel()
    inside = np.flatnonzero(flat)
    order = inside[np.argsort(flat[inside], kind="stable")]
    bounds = np.searchsorted(flat[order], np.arange(1, count + 2))
    return [order[a:b] for a, b in itertools.pairwise(bounds) if b - a >= least]


def _nearest(cores: list[NDArray[np.int_]], shape: tuple[int, ...]) -> IntVolume:
    """The number (from 1) of the nearest core for each voxel."""
    seeds = np.zeros(int(np.prod(shape)), dtype=np.int32)
    for number, core in enumerate(cores, start=1):
        seeds[core] = number
    grid = seeds.reshape(shape)
    i, j, k = ndimage.distance_transform_edt(grid == 0, return_distances=False, return_indices=True)
    return np.asarray(grid[i, j, k], dtype=np.int32)


def _split_deeper(
    cores: list[NDArray[np.int_]], depth: FloatVolume, *, radius: float, least: float
) -> list[NDArray[np.int_]]:
    """Erode every core deeper; cores that fall apart were connected by a bridge."""
    flat = depth.ravel()
    deeper = np.zeros(depth.size, dtype=np.int32)
    for number, core in enumerate(cores, start=1):
        deeper[core] = np.where(flat[core] > radius, number, 0)
    parts: dict[int, list[NDArray[np.int_]]] = {}
    for piece in _pieces(deeper.reshape(depth.shape) > 0, least=least):
        parts.setdefault(int(deeper[piece[0]]), []).append(piece)
    out: list[NDArray[np.int_]] = []
    for number, core in enumerate(cores, start=1):
        own = parts.get(number, [])
        out.extend(own if len(own) > 1 else [core])
    return out


def _merge_close(cores: list[NDArray[np.int_]], shape: tuple[int, ...], *, step_mm: float) -> list[NDArray[np.int_]]:
    """Join cores whose centres are closer along z than those of any two bodies."""
    centres = [np.array(np.unravel_index(c, shape)).mean(1) * step_mm for c in cores]
    order = sorted(range(len(cores)), key=lambda n: centres[n][2])
    out: list[NDArray[np.int_]] = []
    last: float | None = None
    for n in order:
        if last is not None and centres[n][2] - last < _ONE_BODY_MM:
            out[-1] = np.concatenate([out[-1], cores[n]])
            last = float(np.unravel_index(out[-1], shape)[2].mean() * step_mm)
        else:
            out.append(cores[n])
            last = float(centres[n][2])
    return out


def filled(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask with its cavities filled: what is enclosed in at least two of three planes, such as cement in a shell."""
    where = ndimage.find_objects(mask.astype(np.uint8))
    out = mask.copy()
    if not where:
        return out
    votes = np.zeros(mask[where[0]].shape, dtype=np.uint8)
    for axis in range(3):
        cross = np.zeros((3, 3, 3), dtype=bool)
        for other in (a for a in range(3) if a != axis):
            cross[tuple(slice(None) if a == other else 1 for a in range(3))] = True
        votes += ndimage.binary_fill_holes(mask[where[0]], structure=cross)
    out[where[0]] |= votes >= 2
    return out


def _merge_fragments(
    cores: list[NDArray[np.int_]], mask: NDArray[np.bool_], *, step_mm: float
) -> list[NDArray[np.int_]]:
    """Join neighbours along z that are too small to be bodies, such as the shell around cement."""
    sizes = np.bincount(_nearest(cores, mask.shape)[mask], minlength=len(cores) + 1)[1:]
    large = float(np.percentile(sizes, 75))
    small = sizes < _FRAGMENT_SHARE * large
    heights = np.array([np.unravel_index(core, mask.shape)[2].mean() * step_mm for core in cores])
    out: list[NDArray[np.int_]] = []
    last = -1
    for n in np.argsort(heights):
        fits = last >= 0 and small[n] and small[last] and sizes[n] + sizes[last] < _TOGETHER_SHARE * large
        if fits and heights[n] - heights[last] < _FRAGMENT_MM:
            out[-1] = np.concatenate([out[-1], cores[n]])
        else:
            out.append(cores[n])
        last = int(n)
    return out


def split_bodies(body: FloatVolume, disc: FloatVolume, *, step_mm: float) -> tuple[IntVolume, IntVolume]:
    """From the probabilities of body and disc (I, J, K) to instances numbered from 1.

    Returns the mask of instances (0 outside) and their regions: the nearest body of every voxel.
    """
    voxel_ml = step_mm**3 / 1000
    mask = filled(body > THRESHOLD) & (disc < THRESHOLD)
    depth = np.asarray(ndimage.distance_transform_edt(mask, sampling=step_mm), dtype=np.float32)
    least = _LEAST_CORE_ML / voxel_ml
    cores = _pieces(depth > _CORE_DEPTHS_MM[0], least=least)
    if not cores:
        return np.zeros(body.shape, dtype=np.int32), np.zeros(body.shape, dtype=np.int32)
    for radius in _CORE_DEPTHS_MM[1:]:
        cores = _split_deeper(cores, depth, radius=radius, least=least)
    cores = _merge_close(cores, body.shape, step_mm=step_mm)
    cores = _merge_fragments(cores, mask, step_mm=step_mm)
    region = split_long(_nearest(cores, body.shape), mask, body - disc, step_mm=step_mm)
    return _whole_bodies(mask, region, least=_LEAST_BODY_ML / voxel_ml), region


def _joined(own: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest piece of one body; if another is nearly as large, both and what lies between them."""
    labelled, count = ndimage.label(own)
    if count < 2:
        return own
    sizes = np.sort(np.bincount(labelled.ravel())[1:])
    if sizes[-2] > _HALVES_SHARE * sizes[-1]:
        padded = np.pad(own, _CLOSING)
        inner = (slice(_CLOSING, -_CLOSING),) * 3
        own = ndimage.binary_closing(padded, iterations=_CLOSING)[inner]
    return largest_piece(own)


def _whole_bodies(mask: NDArray[np.bool_], region: IntVolume, *, least: float) -> IntVolume:
    """The largest piece of each instance with its holes filled; instances that are too small are dropped."""
    out = np.zeros(mask.shape, dtype=np.int32)
    for number, box in enumerate(ndimage.find_objects(np.where(mask, region, 0)), start=1):
        if box is None:
            continue
        own = region[box] == number
        piece = ndimage.binary_fill_holes(_joined(mask[box] & own)) & own
        if piece.sum() >= least:
            out[box][piece] = number
    return out
