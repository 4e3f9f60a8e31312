"""The lowest rib is found where it leaves the spine; a transverse process, a kidney and the pelvis are not ribs."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.grids import Grid
from models.spine_localiser.locate import PELVIS, Located
from models.spine_localiser.network import CLASSES
from models.vertebra_segmentation.ribs import lowest_rib_mm
from osteo_core.records import Geometry, Volume

SHAPE, STEP_MM = (100, 70, 120), 2.0
#: T11 to L2, 28 mm apart, in the middle of the volume.
CENTRES = np.array([[100.0, 40.0, z] for z in (190.0, 162.0, 134.0, 106.0)])


def torso() -> NDArray[np.int16]:
    return np.full(SHAPE, 40, dtype=np.int16)


def place() -> list[NDArray[np.float64]]:
    """x to the left of the bodies, y behind them, z (mm), for every voxel."""
    x, y, z = np.meshgrid(*(np.arange(n) * STEP_MM for n in SHAPE), indexing="ij")
    return [x - 100.0, y - 40.0, z]


def add_rod(voxels: NDArray[np.int16], *, side: int, start_z_mm: float, to_mm: float = 75.0, hu: int = 400) -> None:
    """Bone from beside the spine outwards, 45 mm behind the middle of the bodies, descending 8 mm in 10."""
    x, y, z = place()
    out = side * x
    falls = start_z_mm - 0.8 * (out - 38.0)
    voxels[(out > 20) & (out < to_mm) & (np.abs(y - 45) < 5) & (np.abs(z - falls) < 6)] = hu


def volume_of(voxels: NDArray[np.int16]) -> Volume:
    return Volume(voxels_hu=voxels, geometry=Geometry(shape=SHAPE, affine_lps=np.diag([STEP_MM] * 3 + [1.0])))


def located(*, pelvis: float = 0.0) -> Located:
    grid = Grid(origin_mm=np.zeros(3), shape=(40, 28, 48), step_mm=5.0)
    probability = np.zeros((len(CLASSES), *grid.shape), dtype=np.float32)
    probability[PELVIS] = pelvis
    return Located(probability=probability, grid=grid)


@pytest.mark.parametrize("sides", [(-1, 1), (1,), (-1,)])
def test_the_lowest_rib_is_found_on_either_side(sides: tuple[int, ...]) -> None:
    voxels = torso()
    for side in sides:
        add_rod(voxels, side=side, start_z_mm=178.0)
        add_rod(voxels, side=side, start_z_mm=150.0)
    assert lowest_rib_mm(volume_of(voxels), CENTRES, located()) == pytest.approx(150.0, abs=4.0)


def test_a_thin_rib_that_one_side_lacks_still_counts() -> None:
    voxels = torso()
    add_rod(voxels, side=-1, start_z_mm=178.0)
    add_rod(voxels, side=1, start_z_mm=150.0)
    assert lowest_rib_mm(volume_of(voxels), CENTRES, located()) == pytest.approx(150.0, abs=4.0)


def test_a_transverse_process_ends_too_early_to_be_a_rib() -> None:
    voxels = torso()
    add_rod(voxels, side=1, start_z_mm=178.0)
    add_rod(voxels, side=1, start_z_mm=122.0, to_mm=49.0)
    assert lowest_rib_mm(volume_of(voxels), CENTRES, located()) == pytest.approx(178.0, abs=4.0)


def test_an_enhanced_kidney_is_no_rib() -> None:
    voxels = torso()
    x, y, z = place()
    voxels[((x - 55) / 24) ** 2 + ((y - 15) / 22) ** 2 + ((z - 120) / 50) ** 2 < 1] = 220
    assert lowest_rib_mm(volume_of(voxels), CENTRES, located()) is None


def test_the_pelvis_is_no_rib() -> None:
    voxels = torso()
    add_rod(voxels, side=1, start_z_mm=150.0)
    assert lowest_rib_mm(volume_of(voxels), CENTRES, located(pelvis=0.6)) is None


def test_a_rib_at_the_lowest_body_may_not_be_the_last() -> None:
    voxels = torso()
    add_rod(voxels, side=1, start_z_mm=150.0)
    assert lowest_rib_mm(volume_of(voxels), CENTRES[:2], located()) is None
