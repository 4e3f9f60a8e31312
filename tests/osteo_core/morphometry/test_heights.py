"""Six-point heights of bodies with known heights."""

import numpy as np
import pytest

from osteo_core.morphometry.frame import find_bodies
from osteo_core.morphometry.heights import measure_heights
from osteo_core.terms import Level
from tests.builders.spines import (
    BodySpec,
    SpineSpec,
    build_spine,
    grid,
    outline_spine,
    reoriented,
    rotation,
    segmentation_of,
)

WEDGE = BodySpec(level=Level.L1, anterior_mm=18.0, middle_mm=21.5, posterior_mm=27.0)
CONCAVE = BodySpec(level=Level.L2, anterior_mm=27.0, middle_mm=19.0, posterior_mm=27.0)
SPINE = SpineSpec(bodies=(WEDGE, CONCAVE, BodySpec(level=Level.L3)), tilt_deg=(6.0, 2.0, -5.0))


def _heights(segmentation):
    found = [measure_heights(body) for body in find_bodies(segmentation)]
    return np.array([[h.anterior_mm, h.middle_mm, h.posterior_mm] for h in found])


def test_wedge_and_biconcave_heights_are_those_of_the_builder():
    segmentation = outline_spine(SPINE, grid())
    # The points are 10-15 % inside the rims, where these shapes are slightly less extreme.
    expected = [[19.0, 21.5, 25.8], [23.5, 19.0, 23.5], [27.0, 27.0, 27.0]]
    assert _heights(segmentation) == pytest.approx(np.array(expected), abs=1.1)


def test_heights_do_not_change_when_the_grid_is_flipped_and_permuted():
    volume, segmentation = build_spine(SPINE, grid(spacing_mm=(0.9, 1.1, 1.5)))
    _, turned = reoriented(volume, segmentation, axes=(1, 2, 0), flips=(True, False, True))
    assert _heights(turned) == pytest.approx(_heights(segmentation), abs=1e-6)


def test_heights_hold_on_an_oblique_grid():
    straight = outline_spine(SPINE, grid())
    oblique = outline_spine(SPINE, grid(rotation=rotation("x", 17.0) @ rotation("z", 9.0), extent_mm=(110, 120, 180)))
    assert _heights(oblique) == pytest.approx(_heights(straight), abs=1.2)


def test_a_few_voxels_have_no_heights():
    geometry = grid(extent_mm=(20.0, 20.0, 20.0))
    labels = np.zeros(geometry.shape, dtype=np.uint8)
    labels[10, 10, 8:12] = Level.L1
    (body,) = find_bodies(segmentation_of(labels, geometry))
    assert measure_heights(body) is None
