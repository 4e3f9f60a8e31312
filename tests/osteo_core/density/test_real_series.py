"""Region, fractures and phase on real CT with reference masks (not part of the project; skipped without them)."""

import numpy as np
import pytest

from osteo_core.density.roi import measure_levels, trabecular_roi
from osteo_core.density.tissues import find_calibration_tissues
from osteo_core.imaging.nifti import read_nifti_labels, read_nifti_volume
from osteo_core.morphometry.fracture import grade_fractures
from osteo_core.morphometry.frame import find_bodies
from osteo_core.outcomes import ExclusionCode
from osteo_core.records import Volume
from osteo_core.terms import ContrastPhase, Level
from tests.builders.spines import segmentation_of
from tests.shared_data import shared_data

PAIRS = ("verse005", "verse007", "verse014")


def _bodies(name: str):
    labels, geometry = read_nifti_labels(shared_data("labels", "bodies", f"{name}.nii.gz"))
    lumbar = np.where((labels >= Level.T12) & (labels <= Level.L5), labels, 0).astype(np.uint8)
    return segmentation_of(lumbar, geometry)


def _pair(name: str):
    volume = read_nifti_volume(shared_data("labels", "pairs", f"{name}_ct.nii.gz"))
    assert isinstance(volume, Volume)
    return volume, _bodies(name)


@pytest.mark.parametrize("name", PAIRS)
def test_the_region_keeps_cortex_out_on_real_ct(name):
    volume, segmentation = _pair(name)
    for body in find_bodies(segmentation):
        hu = volume.voxels_hu[body.box]
        roi = trabecular_roi(body)
        shell = body.mask & ~roi
        assert roi.sum() * body.geometry.voxel_volume_ml > 2.0
        assert (~body.mask & roi).sum() == 0
        # Cortex and endplates are in the part left out.
        assert np.median(hu[roi]) < np.median(hu[shell])


def test_median_hu_of_a_healthy_spine_are_alike_and_sclerosis_is_left_out():
    rows = {m.level: m for m in measure_levels(*_pair("verse014"))}
    # Sclerosis fills half of L1 (median 210 HU, the others about 75), so either half may be reported as the focus.
    assert rows[Level.L1].exclusion.code in (ExclusionCode.SCLEROTIC_FOCUS, ExclusionCode.DARK_FOCUS)
    assert [rows[level].median_hu for level in (Level.L2, Level.L3, Level.L4)] == pytest.approx(
        [87.0, 63.0, 72.0], abs=5.0
    )
    assert [rows[level].exclusion for level in (Level.L2, Level.L3, Level.L4)] == [None, None, None]


@pytest.mark.parametrize(
    ("name", "grades"),
    [
        # Read by eye on the sagittal images: crushed L1; depressed upper endplates of T12 and L1; sound spines.
        ("verse004", {Level.L1: 3}),
        ("verse007", {Level.T12: 2, Level.L1: 2}),
        ("verse005", {}),
        ("verse014", {}),
    ],
)
def test_fractures_of_real_patients_are_graded(name, grades):
    if name in PAIRS:
        volume, segmentation = _pair(name)
    else:  # only the mask is shared
        segmentation = _bodies(name)
        volume = Volume(voxels_hu=np.zeros(segmentation.geometry.shape, dtype=np.int16), geometry=segmentation.geometry)
    graded, _ = grade_fractures(measure_levels(volume, segmentation))
    assert {m.level: m.fracture_grade for m in graded if m.fracture_grade} == grades


def test_arterial_contrast_is_seen_on_a_real_chest_ct():
    volume = read_nifti_volume(shared_data("ct", "lidc_0001.nii.gz"))
    assert isinstance(volume, Volume)
    tissues = find_calibration_tissues(volume, _bodies("lidc_0001"))
    assert tissues.contrast_phase is ContrastPhase.ARTERIAL
    assert tissues.sample("blood").mean_hu > 350.0
    assert tissues.sample("fat").mean_hu == pytest.approx(-107.0, abs=8.0)
    assert tissues.sample("air").mean_hu == pytest.approx(-1005.0, abs=15.0)
    assert tissues.sample("muscle").mean_hu == pytest.approx(49.0, abs=10.0)
