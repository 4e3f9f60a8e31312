"""Single bodies out of one mask of bodies: cores that erosion parts, grown back to what lies nearest."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.vertebra_segmentation.fused import split_long

FloatVolume = NDArray[np.float32]
IntVolume = NDArray[np.int32]

THRESHOLD = 0.5
#: A core lies this deep in a body; deeper ones part bodies that hang together.
_CORE_DEPTHS_MM = (3.0, 4.5, 6.0, 7.5, 9.0)
_LEAST_CORE_ML = 0.15
_LEAST_BODY_ML = 1.5
#: Two pieces whose centres lie this close along z are one body.
_ONE_BODY_MM = 10.0


def _pieces(mask: NDArray[np.bool_], *, least: float) -> list[NDArray[np.int_]]:
    """Connected pieces of a mask as flat indices, the small ones dropped."""
    labelled, count = ndimage.label(mask)
    flat = labelled.ravel()
    inside = np.flatnonzero(flat)
    order = inside[np.argsort(flat[inside], kind="stable")]
    bounds = np.searchsorted(flat[order], np.arange(1, count + 2))
    return [order[a:b] for a, b in itertools.pairwise(bounds) if b - a >= least]


def _nearest(cores: list[NDArray[np.int_]], shape: tuple[int, ...]) -> IntVolume:
    """For each voxel the number (from 1) of the core nearest to it."""
    seeds = np.zeros(int(np.prod(shape)), dtype=np.int32)
    for number, core in enumerate(cores, start=1):
        seeds[core] = number
    grid = seeds.reshape(shape)
    i, j, k = ndimage.distance_transform_edt(grid == 0, return_distances=False, return_indices=True)
    return np.asarray(grid[i, j, k], dtype=np.int32)


def _split_deeper(
    cores: list[NDArray[np.int_]], depth: FloatVolume, *, radius: float, least: float
) -> list[NDArray[np.int_]]:
    """Erode every core deeper; those that come apart hung together by a bridge."""
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
    """Join cores whose centres lie closer along z than those of any two bodies."""
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


def split_bodies(body: FloatVolume, disc: FloatVolume, *, step_mm: float) -> tuple[IntVolume, IntVolume]:
    """Probabilities of body and disc (I, J, K) to instances from 1 upwards.

    Returns the mask of instances (0 outside) and the region of each: every voxel by its nearest body.
    """
    voxel_ml = step_mm**3 / 1000
    mask = body > THRESHOLD
    depth = np.asarray(ndimage.distance_transform_edt(mask, sampling=step_mm), dtype=np.float32)
    least = _LEAST_CORE_ML / voxel_ml
    cores = _pieces(depth > _CORE_DEPTHS_MM[0], least=least)
    if not cores:
        return np.zeros(body.shape, dtype=np.int32), np.zeros(body.shape, dtype=np.int32)
    for radius in _CORE_DEPTHS_MM[1:]:
        cores = _split_deeper(cores, depth, radius=radius, least=least)
    cores = _merge_close(cores, body.shape, step_mm=step_mm)
    region = split_long(_nearest(cores, body.shape), mask, body - disc, step_mm=step_mm)
    return _whole_bodies(mask, region, least=_LEAST_BODY_ML / voxel_ml), region


def _whole_bodies(mask: NDArray[np.bool_], region: IntVolume, *, least: float) -> IntVolume:
    """Largest piece of each instance with its holes filled; those too small are dropped."""
    out = np.zeros(mask.shape, dtype=np.int32)
    for number, box in enumerate(ndimage.find_objects(np.where(mask, region, 0)), start=1):
        if box is None:
            continue
        own = region[box] == number
        labelled, count = ndimage.label(mask[box] & own)
        if count > 1:
            labelled = labelled == np.bincount(labelled.ravel())[1:].argmax() + 1
        piece = ndimage.binary_fill_holes(labelled > 0) & own
        if piece.sum() >= least:
            out[box][piece] = number
    return out
