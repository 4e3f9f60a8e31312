"""A spliced series: bodies move as a whole, are counted from the last rib, and form one line."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.numbering_views import View
from benchmarks.spliced_levels import DOUBLED, TAKEN, UNCHANGED, spliced, summary
from osteo_core.records import Geometry, Volume
from osteo_core.terms import Level

LEVELS = (Level.T12, Level.L1, Level.L2, Level.L3)
STEP_MM, SIDEWAYS = 20, 3


def column() -> tuple[View, np.ndarray]:
    """Four boxes of bone, each 3 mm further left and back than the one above; centres (4, 3) in LPS mm."""
    hu = np.zeros((50, 50, 80), dtype=np.int16)
    for n, _ in enumerate(LEVELS):
        i, k = 15 + SIDEWAYS * n, 80 - STEP_MM * (n + 1)
        hu[i : i + 11, i : i + 11, k + 3 : k + 17] = 300 + n
    affine = np.eye(4)
    affine[:3, 3] = (-25.0, -25.0, 500.0)
    volume = Volume(voxels_hu=hu, geometry=Geometry(shape=hu.shape, affine_lps=affine))
    middles = bodies(volume)
    return View(name="a", volume=volume, heights_mm=dict(zip(LEVELS, middles[:, 2], strict=True))), middles


def bodies(volume: Volume) -> np.ndarray:
    """Centres (N, 3) of the boxes in LPS mm, from the top down."""
    pieces, count = ndimage.label(np.asarray(volume.voxels_hu) > 200)
    middles = ndimage.center_of_mass(pieces > 0, pieces, range(1, count + 1))
    world = volume.geometry.to_world_mm(np.array(middles))
    return world[np.argsort(-world[:, 2])]


@pytest.mark.parametrize(
    ("change", "levels"),
    [(TAKEN, [Level.T12, Level.L1, Level.L2]), (DOUBLED, [Level.T12, Level.L1, Level.L2, Level.L3, Level.L4])],
)
@pytest.mark.parametrize("level", [Level.L1, Level.L2])
def test_bodies_are_where_the_truth_says_and_in_one_line(level: Level, change: str, levels: list[Level]) -> None:
    view, middles = column()
    made = spliced(view, level, middles, change)
    found = bodies(made.volume)
    assert list(made.heights_mm) == levels
    np.testing.assert_allclose(found[:, 2], list(made.heights_mm.values()))
    np.testing.assert_allclose(np.diff(found[:, 2]), -STEP_MM)
    assert np.abs(np.diff(found[:, 0])).max() <= SIDEWAYS + 1
    assert made.name == f"a, {level.name} {change}"


def test_what_was_doubled_is_the_body_asked_for_and_what_was_taken_is_gone() -> None:
    view, middles = column()
    values = [np.unique(np.asarray(spliced(view, Level.L1, middles, c).volume.voxels_hu)) for c in (TAKEN, DOUBLED)]
    assert 301 not in values[0]
    assert 301 in values[1]
    doubled = np.asarray(spliced(view, Level.L1, middles, DOUBLED).volume.voxels_hu)
    assert (doubled == 301).sum() == 2 * (doubled == 300).sum()


def test_a_level_without_a_neighbour_cannot_be_cut_out() -> None:
    view, middles = column()
    alone = View(name="a", volume=view.volume, heights_mm={Level.L1: view.heights_mm[Level.L1]})
    with pytest.raises(ValueError, match="no neighbour of L1"):
        spliced(alone, Level.L1, middles, TAKEN)


def test_the_summary_counts_what_nobody_was_told() -> None:
    def row(view: str, change: str, outcome: str, *, flagged: bool) -> dict:
        about = {"group": "g", "change": change, "view": view, "anchor": "", "flagged": flagged}
        return {**about, "level": "L1", "outcome": outcome, "confidence": 0.9}

    rows = [
        row("a", UNCHANGED, "right", flagged=False),
        row("b", TAKEN, "wrong", flagged=False),
        row("c", TAKEN, "wrong", flagged=True),
        row("d", TAKEN, "right", flagged=True),
    ]
    unchanged, taken = summary(rows)
    assert unchanged == {"group": "g", "change": UNCHANGED, "volumes": 1, "right": 1, "flagged": 0, "wrong, no flag": 0}
    assert (taken["volumes"], taken["right"], taken["flagged"], taken["wrong, no flag"]) == (3, 1, 2, 1)
