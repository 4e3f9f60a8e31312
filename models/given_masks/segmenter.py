"""The engine for masks from elsewhere: bodies cut out of whole vertebrae, on the grid of the CT."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from osteo_core.imaging.borders import cut_sides
from osteo_core.outcomes import Caution, Exclusion
from osteo_core.records import Segmentation, SegmentedLevel, Volume
from osteo_core.segmentation.bodies import Box, body_on
from osteo_core.segmentation.find_masks import MaskFiles, refused
from osteo_core.segmentation.fit import cautions_of, misfit
from osteo_core.segmentation.holes import without_holes
from osteo_core.segmentation.islets import without_islets
from osteo_core.segmentation.masks import WholeVertebrae, read_mask
from osteo_core.terms import MASK_LEVELS, Anchor, Level


class MaskSegmenter:
    """Takes the vertebrae of one series from its mask; a `Segmenter` (osteo_core.records) for that series only.

    ``frame_of_reference_uid`` is that of the CT; '' if its files do not state one.
    """

    name = "mask from elsewhere"

    def __init__(self, mask: MaskFiles, *, model_hash: str, frame_of_reference_uid: str = "") -> None:
        self.model_hash = model_hash
        self._mask = mask
        self._frame_of_reference_uid = frame_of_reference_uid

    def segment(self, volume: Volume) -> Segmentation | Exclusion:
        """Bodies on the volume's own grid, or the reason why the mask is refused."""
        started = time.perf_counter()
        mask = read_mask(self._mask)
        if isinstance(mask, Exclusion):
            return mask
        if not mask.boxes:
            return refused("it holds no vertebra")
        mended = mended_mask(mask)
        if isinstance(mended, Exclusion):
            return mended
        mask, repairs = mended
        fault = misfit(mask, volume, frame_of_reference_uid=self._frame_of_reference_uid)
        if fault is not None:
            return fault
        engine = f"{self.name}: {mask.source}"
        found = bodies_of(mask, volume, engine=engine, model_hash=self.model_hash, started=started)
        return replace(found, cautions=(*found.cautions, *repairs))


def mended_mask(mask: WholeVertebrae) -> tuple[WholeVertebrae, tuple[Caution, ...]] | Exclusion:
    """The mask without islets and holes, and the repairs made; an Exclusion if its outlines are damaged."""
    mask, islets = without_islets(mask)
    whole = without_holes(mask)
    return whole if isinstance(whole, Exclusion) else (whole[0], (*islets, *whole[1]))


def bodies_of(mask: WholeVertebrae, volume: Volume, *, engine: str, model_hash: str, started: float) -> Segmentation:
    """The bodies of whole vertebrae on the grid of a volume; ``started`` is a reading of time.perf_counter."""
    labels = np.zeros(volume.geometry.shape, dtype=np.uint8)
    levels = []
    for level in (level for level in MASK_LEVELS if level in mask.boxes):
        found = body_on(mask.labels, mask.geometry, level, box=mask.boxes[level], target=volume.geometry)
        if found is None:
            continue
        box, body = found
        body &= labels[box] == 0
        if body.any():
            labels[box][body] = level
            levels.append(_level(level, box, body, mask=mask, volume=volume))
    return Segmentation(
        labels=labels,
        geometry=volume.geometry,
        levels=tuple(sorted(levels, key=lambda one: one.level)),
        anchor=Anchor.STATED if levels else Anchor.NONE,
        engine=engine,
        model_hash=model_hash,
        seconds=time.perf_counter() - started,
        cautions=cautions_of(mask),
    )


def _level(level: Level, box: Box, body: NDArray[np.bool_], *, mask: WholeVertebrae, volume: Volume) -> SegmentedLevel:
    x, y, z = volume.geometry.to_world_mm(np.argwhere(body).mean(0) + [s.start for s in box])
    cut = cut_sides(body, box, volume.voxels_hu, volume.geometry) or _cut_by_mask(level, mask, volume)
    return SegmentedLevel(
        level=level, confidence=None, voxels=int(body.sum()), centroid_mm=(float(x), float(y), float(z)), cut=cut
    )


def _cut_by_mask(level: Level, mask: WholeVertebrae, volume: Volume) -> str:
    """Sides where the mask's grid cuts a body that is complete in the CT; '' if both share one grid."""
    if not mask.is_field_of_view or mask.geometry.is_close(volume.geometry):
        return ""
    found = body_on(mask.labels, mask.geometry, level, box=mask.boxes[level], target=mask.geometry)
    if found is None:
        return ""
    box, body = found
    no_padding = np.broadcast_to(np.int16(0), mask.geometry.shape)
    return cut_sides(body, box, no_padding, mask.geometry)
