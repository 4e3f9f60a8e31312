"""The engine: coarse spine, fine bodies, numbering, and back to the source grid."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from models.grids import FloatVolume
from models.runtime import in_windows
from models.spine_localiser.locate import locate
from models.vertebra_segmentation.decode import Decoded, body_field, decode, draw_level
from models.vertebra_segmentation.network import CLASSES
from models.vertebra_segmentation.prepare import WINDOW, Tube, prepare
from models.vertebra_segmentation.unseen import unseen_beyond
from osteo_core.imaging.borders import cut_sides
from osteo_core.records import Segmentation, SegmentedLevel, Volume
from osteo_core.terms import MASK_LEVELS, Anchor, Level

if TYPE_CHECKING:
    from torch import nn

_MULTIPLE = 8
#: Without sacrum or ribs in view, fewer whole bodies than this cannot be numbered.
_LEAST_WHOLE = 2


class VertebraSegmenter:
    """Outlines and numbers ``levels``; a `Segmenter` (osteo_core.records)."""

    name = "vertebra_segmentation"

    def __init__(
        self, localiser: nn.Module, outliner: nn.Module, *, model_hash: str, levels: tuple[Level, ...] = MASK_LEVELS
    ) -> None:
        self.model_hash = model_hash
        self._levels = levels
        self._localiser = localiser
        self._outliner = outliner

    def segment(self, volume: Volume) -> Segmentation:
        """Vertebral bodies on the volume's own grid; an empty Segmentation if there is no spine."""
        started = time.perf_counter()
        located = locate(self._localiser, volume)
        tube = prepare(volume, located)
        if tube is None:
            return self._empty(volume, started)
        fine = in_windows(self._outliner, tube.hu, tube.starts, window=WINDOW, classes=len(CLASSES), multiple=_MULTIPLE)
        body = body_field(fine, tube.grid, located)
        return self._drawn(volume, tube, decode(fine, body, tube, located, volume), body=body, started=started)

    def _empty(self, volume: Volume, started: float) -> Segmentation:
        return Segmentation(
            labels=np.zeros(volume.geometry.shape, dtype=np.uint8),
            geometry=volume.geometry,
            levels=(),
            anchor=Anchor.NONE,
            engine=self.name,
            model_hash=self.model_hash,
            seconds=time.perf_counter() - started,
        )

    def _drawn(
        self, volume: Volume, tube: Tube, decoded: Decoded, *, body: FloatVolume, started: float
    ) -> Segmentation:
        labels = np.zeros(volume.geometry.shape, dtype=np.uint8)
        levels = []
        for found in (f for f in decoded.found if f.level in self._levels):
            box, mask = draw_level(body, decoded, tube.grid, found, volume.geometry)
            mask &= labels[box] == 0
            if not mask.any():
                continue
            labels[box][mask] = found.level
            centre = volume.geometry.to_world_mm(np.argwhere(mask).mean(0) + [s.start for s in box])
            levels.append(
                SegmentedLevel(
                    level=found.level,
                    confidence=found.confidence,
                    voxels=int(mask.sum()),
                    centroid_mm=(float(centre[0]), float(centre[1]), float(centre[2])),
                    cut=cut_sides(mask, box, volume.voxels_hu, volume.geometry),
                )
            )
        if decoded.anchor is Anchor.NONE and sum(not level.cut for level in levels) < _LEAST_WHOLE:
            return self._empty(volume, started)
        return Segmentation(
            labels=labels,
            geometry=volume.geometry,
            levels=tuple(sorted(levels, key=lambda level: level.level)),
            anchor=decoded.anchor if levels else Anchor.NONE,
            engine=self.name,
            model_hash=self.model_hash,
            seconds=time.perf_counter() - started,
            cautions=unseen_beyond(levels, volume),
        )
