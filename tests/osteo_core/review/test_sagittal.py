"""The plane of a report: along the spine, head at the top, outlines on the edges of the voxels."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from osteo_core.errors import UsageError
from osteo_core.records import Geometry
from osteo_core.review.sagittal import mid_sagittal
from osteo_core.terms import Level

GEOMETRY = Geometry(shape=(40, 30, 60), affine_lps=np.diag([1.0, 2.0, 3.0, 1.0]))


def spine(*, bend: int) -> tuple[np.ndarray, np.ndarray]:
    """Two bodies, the upper one ``bend`` voxels to the left of the lower one, each brighter inside its outline."""
    labels = np.zeros(GEOMETRY.shape, dtype=np.uint8)
    labels[10:15, 12:18, 15:22] = Level.L2
    labels[10 + bend : 15 + bend, 12:18, 36:43] = Level.L1
    return np.where(labels > 0, 500, -150).astype(np.int16), labels


def test_a_bent_spine_gives_the_picture_of_a_straight_one() -> None:
    straight, bent = (mid_sagittal(*spine(bend=bend), GEOMETRY) for bend in (0, 14))
    assert bent == straight
    assert straight.names[Level.L1][1] < straight.names[Level.L2][1], "head at the top"


def test_the_outline_lies_on_the_edges_of_the_bright_voxels() -> None:
    found = mid_sagittal(*spine(bend=0), GEOMETRY)
    picture = np.asarray(Image.open(io.BytesIO(found.png)))
    assert picture.shape == (round(found.height_mm / 3.0), round(found.width_mm / 2.0))
    rows, columns = np.nonzero(picture)
    starts = re.findall(r"M([0-9.]+) ([0-9.]+)", "".join(found.outlines.values()))
    left, top = (min(float(start[axis]) for start in starts) for axis in (0, 1))
    assert (left, top) == (2.0 * columns.min(), 3.0 * rows.min())
    assert len(starts) == 2 * 2 * (6 + 7)  # the edges of two rectangles of 6 x 7 voxels


def test_nothing_outlined_is_a_sentence() -> None:
    hu, labels = spine(bend=0)
    with pytest.raises(UsageError, match="no vertebra is outlined"):
        mid_sagittal(hu, np.zeros_like(labels), GEOMETRY)
