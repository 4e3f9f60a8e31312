"""What each degradation preserves (HU, positions in the patient, the bodies' volume), and what it removes."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import degradations
from benchmarks.degradations import Case, case_of
from osteo_core.records import Geometry, Volume
from osteo_core.terms import Level

SHAPE = (30, 32, 60)


def case() -> Case:
    """Two boxes of bone in soft tissue, 1 x 1 x 1 mm."""
    truth = np.zeros(SHAPE, dtype=np.uint8)
    truth[8:22, 10:24, 34:54] = Level.L1
    truth[8:22, 10:24, 6:26] = Level.L2
    hu = np.where(truth > 0, 200, 40).astype(np.int16)
    affine = np.eye(4)
    affine[:3, 3] = (-15, -16, 100)
    return case_of(Volume(voxels_hu=hu, geometry=Geometry(shape=SHAPE, affine_lps=affine)), truth)


def volume_ml(made: Case, level: Level) -> float:
    return float((made.truth == level).sum()) * made.geometry.voxel_volume_ml


@pytest.mark.parametrize("direction", ["x", "y", "z"])
@pytest.mark.parametrize("slice_mm", [0.6, 1.0, 2.0, 3.0])
def test_thickness_keeps_place_volume_and_mean(direction: str, slice_mm: float) -> None:
    made = degradations.thick(case(), direction=direction, slice_mm=slice_mm)
    axis = "xyz".index(direction)
    assert made.geometry.spacing_mm[axis] == pytest.approx(slice_mm)
    assert np.abs(degradations.centre_mm(made, Level.L1) - degradations.centre_mm(case(), Level.L1)).max() <= slice_mm
    assert volume_ml(made, Level.L1) == pytest.approx(volume_ml(case(), Level.L1), rel=1.6 * slice_mm / 14)
    assert made.volume.voxels_hu[made.truth == Level.L1].mean() == pytest.approx(200, abs=20)
    assert made.whole == {Level.L1, Level.L2}


def test_slices_average_what_they_hold() -> None:
    array = np.arange(6, dtype=float).reshape(6, 1, 1)
    found = degradations._averaged(array, 0, old_mm=1.0, new_mm=1.5, count=4).ravel()
    assert found == pytest.approx([(0 + 0.5 * 1) / 1.5, (0.5 * 1 + 2) / 1.5, (3 + 0.5 * 4) / 1.5, (0.5 * 4 + 5) / 1.5])


def test_noise_has_the_sd_asked_for_and_no_bias() -> None:
    made = degradations.noisy(case(), sd_hu=40.0)
    added = made.volume.voxels_hu.astype(float) - case().volume.voxels_hu
    assert added.std() == pytest.approx(40, rel=0.02)
    assert abs(added.mean()) < 3


def test_a_sharp_kernel_lifts_edges_and_a_smooth_one_lowers_them() -> None:
    spread = [
        float(made.volume.voxels_hu.astype(float).std())
        for made in (
            degradations.smoothed(case(), sigma_mm=2.0),
            case(),
            degradations.sharpened(case(), amount=1.5),
        )
    ]
    assert spread == sorted(spread)


def test_a_body_that_the_field_cuts_is_no_longer_whole() -> None:
    high = float(degradations.centre_mm(case(), Level.L1)[2])
    made = degradations.cropped(case(), direction="z", high_mm=high)
    assert made.whole == {Level.L2}
    assert made.geometry.shape[2] < SHAPE[2]
    moved = degradations.centre_mm(made, Level.L2) - degradations.centre_mm(case(), Level.L2)
    assert np.abs(moved).max() < 1e-6


@pytest.mark.parametrize("codes", ["RAS", "PIL", "LIP", "SRA"])
def test_other_axes_keep_every_voxel_where_it_is(codes: str) -> None:
    made = degradations.turned(case(), codes=codes)
    assert made.geometry.axis_codes == codes
    assert np.abs(degradations.centre_mm(made, Level.L1) - degradations.centre_mm(case(), Level.L1)).max() < 1e-6
    assert (made.volume.voxels_hu[made.truth > 0] == 200).all()


def test_oblique_axes_keep_place_and_volume() -> None:
    made = degradations.oblique(case(), x_deg=12, z_deg=20)
    assert np.abs(degradations.centre_mm(made, Level.L2) - degradations.centre_mm(case(), Level.L2)).max() < 0.3
    assert volume_ml(made, Level.L2) == pytest.approx(volume_ml(case(), Level.L2), rel=0.03)
    assert made.geometry.is_orthogonal
