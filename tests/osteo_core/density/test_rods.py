"""Rods under the back: found where they are, whatever the grid; anatomy, tubes and noise are not rods."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from osteo_core.density.calibration.in_scan import InScanPhantom, identify_phantom
from osteo_core.density.calibration.known_phantoms import KnownPhantom, fit_rods, known_phantoms
from osteo_core.density.rod_row import RodRow, find_rod_row
from osteo_core.density.rods import find_rods
from osteo_core.density.tissues import find_calibration_tissues
from osteo_core.imaging.resample import reorient
from osteo_core.morphometry.frame import Body, find_bodies
from osteo_core.records import Geometry, Segmentation, SegmentedLevel, Volume
from osteo_core.simulate.physics import REFERENCE_BEAM
from osteo_core.simulate.reading import rods_hu
from osteo_core.terms import Anchor, Level

PIXEL, STEP, SHAPE = 1.6, 4.0, (170, 150, 34)
GRID = Geometry(
    shape=SHAPE, affine_lps=np.diag([PIXEL, PIXEL, STEP, 1.0]) + np.pad([[-135.0], [-100.0], [-70.0]], ((0, 1), (3, 0)))
)
KNOWN = known_phantoms()
LEVELS = (Level.L3, Level.L2, Level.L1)


def centres() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    i, j, k = np.meshgrid(*[np.arange(float(n)) for n in SHAPE], indexing="ij")
    x, y, z = (GRID.to_world_mm(np.stack([i, j, k], axis=-1))[..., axis] for axis in range(3))
    return x, y, z


X, Y, Z = centres()


def torso(noise_hu: float = 8.0) -> np.ndarray:
    """An oval trunk of water with three bodies, a round spinous process and ribs that cross the slices."""
    hu = np.where((X / 120) ** 2 + (Y / 75) ** 2 < 1, 30.0, -1000.0)
    for number in range(3):
        hu[(X / 24) ** 2 + (Y / 16) ** 2 + ((Z - 40 * (number - 1)) / 14) ** 6 < 1] = 150.0
    hu[(X**2 + (Y - 50) ** 2 < 36) & (np.abs((Z + 60) % 40 - 20) < 9)] = 400.0
    for side in (-1, 1):
        hu[(X - side * (70 + 0.8 * Z)) ** 2 + (Y - 48) ** 2 < 49] = 350.0
    return hu + np.random.default_rng(3).normal(0, noise_hu, SHAPE)


def with_rods(
    hu: np.ndarray,
    rods: Sequence[float],
    *,
    spacing: float = 30.0,
    radius: float = 9.0,
    lean: float = 0.0,
    aside: float = 0.0,
) -> np.ndarray:
    """A flat water-equivalent base below the back with these rods from the patient's right to left."""
    hu = hu.copy()
    n = len(rods)
    x, y = X - aside - lean * Z, Y - 97 + 0.5 * lean * Z
    hu[(np.abs(x) < n * spacing / 2 + 12) & (np.abs(y) < radius + 8)] = 0.0
    for number, rod in enumerate(rods):
        hu[(x - (number - (n - 1) / 2) * spacing) ** 2 + y**2 < radius**2] = rod
    return hu + np.random.default_rng(4).normal(0, 6.0, SHAPE) * (Y > 80)


def bodies() -> tuple[tuple[Body, ...], Segmentation]:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    found = []
    for number, level in enumerate(LEVELS):
        z = 40.0 * (number - 1)
        labels[(X / 24) ** 2 + (Y / 16) ** 2 + ((Z - z) / 14) ** 6 < 1] = level
        found.append(
            SegmentedLevel(level=level, confidence=1.0, voxels=int((labels == level).sum()), centroid_mm=(0, 0, z))
        )
    outlined = Segmentation(
        labels=labels, geometry=GRID, levels=tuple(found), anchor=Anchor.BOTH, engine="test", model_hash="0"
    )
    return find_bodies(outlined), outlined


BODIES, OUTLINED = bodies()


def row_of(hu: np.ndarray, geometry: Geometry = GRID) -> RodRow | None:
    return find_rod_row(Volume(voxels_hu=hu.astype(np.int16), geometry=geometry), BODIES)


def identified(hu: np.ndarray, geometry: Geometry = GRID) -> InScanPhantom:
    row = row_of(hu, geometry)
    assert row is not None
    found = identify_phantom(row, KNOWN.values())
    assert isinstance(found, InScanPhantom), found
    return found


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("name", ["Mindways Model 3", "HA water equivalent", "B-MAS 200", "Image Analysis QCT-3D Plus"])
def test_each_known_phantom_is_named_and_read(name: str, turned: bool) -> None:
    phantom: KnownPhantom = KNOWN[name]
    hu = rods_hu(phantom, REFERENCE_BEAM)
    found = identified(with_rods(torso(), hu[::-1] if turned else hu, lean=0.02))
    true = fit_rods(phantom.rods, hu)
    assert (found.phantom.name, found.n_rods, set(found.levels)) == (name, len(phantom.rods), set(LEVELS))
    for fit in found.levels.values():
        assert fit.reading_mg_cm3(130.0) == pytest.approx(true.reading_mg_cm3(130.0), abs=3.0)
        assert fit.r2 > 0.999


def test_every_vertebra_has_the_line_of_its_own_slices() -> None:
    hu = torso()
    plain = with_rods(hu, rods_hu(KNOWN["HA water equivalent"], REFERENCE_BEAM))
    brighter = with_rods(hu, [1.15 * rod for rod in rods_hu(KNOWN["HA water equivalent"], REFERENCE_BEAM)])
    found = identified(np.where(Z > 20, brighter, plain))
    slopes = {level: fit.slope_mg_cm3_per_hu for level, fit in found.levels.items()}
    assert slopes[Level.L3] / slopes[Level.L1] == pytest.approx(1.15, abs=0.02)


@pytest.mark.parametrize("codes", ["RAS", "ILP", "PSL"])
def test_the_orientation_of_the_file_changes_nothing(codes: str) -> None:
    hu = with_rods(torso(), rods_hu(KNOWN["Mindways Model 3"], REFERENCE_BEAM))
    array, geometry = reorient(hu, GRID, codes)
    assert identified(array, geometry).whole == identified(hu).whole


def test_rods_cut_off_by_the_field_of_view_are_left_out() -> None:
    hu = with_rods(torso(), rods_hu(KNOWN["Mindways Model 3"], REFERENCE_BEAM), aside=75.0)
    hu[X > 115] = -1024.0
    found = identified(hu)
    assert (found.phantom.name, found.n_rods) == ("Mindways Model 3", 4)


def test_an_image_that_ends_before_the_back_holds_no_rods() -> None:
    behind = int(GRID.to_index(np.array([[0.0, 30.0, 0.0]]))[0, 1])
    cut = Volume(
        voxels_hu=torso()[:, :behind].astype(np.float32), geometry=replace(GRID, shape=(SHAPE[0], behind, SHAPE[2]))
    )
    assert find_rods(cut, bodies_mm=np.zeros((1, 3))) == ()


def test_pixels_too_coarse_for_a_rod_cause_no_warning() -> None:
    hu = with_rods(torso(), rods_hu(KNOWN["Mindways Model 3"], REFERENCE_BEAM))[::3]
    coarse = replace(GRID, shape=hu.shape, affine_lps=GRID.affine_lps @ np.diag([3.0, 1.0, 1.0, 1.0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert row_of(hu, coarse) is None


def test_a_torso_alone_holds_no_rods() -> None:
    assert row_of(torso()) is None


@pytest.mark.parametrize(
    ("rods", "spacing"),
    [((300.0, 300.0, 300.0), 30.0), ((150.0, 300.0, 80.0), 30.0), ((40.0, 900.0, 1000.0), 30.0)],
    ids=["three alike", "no order of mineral", "no density that rods have"],
)
def test_rods_of_no_known_phantom_are_refused_with_a_reason(rods: tuple[float, ...], spacing: float) -> None:
    row = row_of(with_rods(torso(), rods, spacing=spacing))
    assert row is not None
    reason = identify_phantom(row, KNOWN.values())
    assert isinstance(reason, str)
    assert "known phantom" in reason or "R2" in reason


def three_rods(beyond_hu: float) -> RodRow:
    """Rods like those of an Image Analysis phantom at 140 kVp, with the HU beyond them in the row."""
    along = np.arange(-120.0, 160.0)
    hu = np.full(len(along), beyond_hu)
    hu[np.abs(along - 18) < 50] = 0.0
    for place, rod in ((-17.7, 201.0), (17.7, 104.0), (53.1, 9.0)):
        hu[np.abs(along - place) < 8] = rod
    return RodRow(
        seen_mm=np.array([-17.7, 17.7]), radius_mm=10.0, along_mm=along, hu={Level.L1: hu}, box_mm=np.zeros((2, 3))
    )


def test_rods_that_two_phantoms_explain_with_different_lines_are_neither() -> None:
    """Half of a B-MAS 200 looks like rods of half the slope: a name picked by chance would halve every value."""
    unknown = identify_phantom(three_rods(np.nan), KNOWN.values())
    assert isinstance(unknown, str)
    assert "HA water equivalent" in unknown
    at_140 = identify_phantom(three_rods(np.nan), KNOWN.values(), kvp=140.0)
    assert isinstance(at_140, str)
    assert "HA water equivalent" not in at_140, "its slope is not that of mineral at 140 kVp"
    assert "lines differ" in at_140
    assert identify_phantom(three_rods(np.nan), KNOWN.values(), kvp=139.9) == at_140, "a rounding tail"
    assert identify_phantom(three_rods(np.nan), KNOWN.values(), kvp=128.0) == unknown, "no voltage of the table"


def test_where_a_rod_would_lie_in_the_air_its_phantom_is_not_there() -> None:
    found = identify_phantom(three_rods(-1000.0), KNOWN.values())
    assert isinstance(found, InScanPhantom), found
    assert found.phantom.name == "Image Analysis QCT-3D Plus"


def test_tubes_are_no_rods() -> None:
    hu = torso()
    for place in (-90, -30, 30, 90):
        distance = np.hypot(X - place, Y - 97)
        hu[distance < 11] = 120.0
        hu[distance < 7] = -950.0
    row = row_of(hu)
    assert row is None or isinstance(identify_phantom(row, KNOWN.values()), str)


def test_a_phantom_is_no_tissue() -> None:
    hu = with_rods(torso(), [-100.0, 60.0, 130.0, 260.0, 400.0])
    volume = Volume(voxels_hu=hu.astype(np.int16), geometry=GRID)
    row = row_of(hu)
    assert row is not None
    without = find_calibration_tissues(volume, OUTLINED, BODIES, without_mm=row.box_mm)
    alone = find_calibration_tissues(Volume(voxels_hu=torso().astype(np.int16), geometry=GRID), OUTLINED, BODIES)
    for name in ("fat", "muscle"):
        assert (without.sample(name) is None) == (alone.sample(name) is None)
