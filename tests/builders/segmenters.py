"""Segmenters for engine tests: one that knows the truth, and kills its process on a series that carries the mark."""

from __future__ import annotations

import os
import signal
import time

import numpy as np

from commands.analysis_job import Models
from osteo_core.records import Segmentation, Volume
from tests.builders.spines import SpineSpec, outline_spine

#: HU of the first voxel that marks a volume as poison, or as faulty, for the segmenters here.
POISON_HU, FAULTY_HU = 1234, 1235
MODEL_HASH = "f" * 12


class TruthSegmenter:
    """Outlines the default analytic spine on any grid."""

    name = "truth"
    model_hash = MODEL_HASH

    def segment(self, volume: Volume) -> Segmentation:
        """The truth; a poisoned volume kills the process, and a faulty one raises with a clear message."""
        mark = round(float(np.asarray(volume.voxels_hu)[0, 0, 0]))
        if mark == POISON_HU:
            os.kill(os.getpid(), signal.SIGKILL)
        if mark == FAULTY_HU:
            raise RuntimeError("cannot open /data/DOE^JANE/12345678/1.2.840.113619.2.55.3.6 of 'JANE DOE'")
        return outline_spine(SpineSpec(), volume.geometry)


class SlowSegmenter(TruthSegmenter):
    """Runs slowly, so that a test can interfere."""

    def segment(self, volume: Volume) -> Segmentation:
        """The truth after a second and a half."""
        time.sleep(1.5)
        return super().segment(volume)


def truth() -> TruthSegmenter:
    """The function that the workers call."""
    return TruthSegmenter()


def slow() -> SlowSegmenter:
    """The function that the workers call if a test needs time."""
    return SlowSegmenter()


TRUTH = Models(segmenter="tests.builders.segmenters:truth", model_hash=MODEL_HASH)
SLOW = Models(segmenter="tests.builders.segmenters:slow", model_hash=MODEL_HASH)
