"""The rendered truth is recovered: HU by vendor and voltage, shapes by level, same bytes for the same seed."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from osteo_core.simulate.palette import shown_hu, trabecular_expectation_hu
from osteo_core.simulate.patient import draw_patient
from osteo_core.simulate.render import render
from osteo_core.simulate.scanners import MAKERS, Acquisition
from osteo_core.simulate.scene import trunk_middle_y
from osteo_core.simulate.shapes import Array
from osteo_core.simulate.truth import FieldOfView, SimulatedPatient
from osteo_core.simulate.vertebra import body_distance, body_shape
from osteo_core.terms import ContrastPhase, Level, Vendor

LEVELS = (Level.L1, Level.L2, Level.L3)
#: Median over a few thousand voxels with noise of about 15 HU; the rest is trabecular texture at the core's edge.
TOLERANCE_HU = 4.0


def spine_patient(seed: int, **changes: object) -> SimulatedPatient:
    """A patient without fracture on a small grid around the lumbar spine."""
    patient = draw_patient(seed, situations=False)
    sound = tuple(
        replace(body, anterior_height_mm=body.posterior_height_mm, fracture=None, cement_ml=0.0, screws=False)
        for body in patient.levels
    )
    scan = replace(patient.acquisition, matrix=112, pixel_mm=1.0, thickness_mm=3.0, step_mm=3.0, **changes)
    assert isinstance(scan, Acquisition)
    return replace(patient, levels=sound, acquisition=scan, field_of_view=FieldOfView.LUMBAR_SPINE)


def core_medians(patient: SimulatedPatient) -> dict[Level, float]:
    """Median HU 5 mm below the surface of each true body."""
    volume, labels = render(patient)
    found = {}
    for level in LEVELS:
        box = ndimage.find_objects((labels == level).astype(np.uint8))[0]
        body = np.pad(labels[box] == level, 1)
        depth = ndimage.distance_transform_edt(body, sampling=volume.geometry.spacing_mm)[1:-1, 1:-1, 1:-1]
        found[level] = float(np.median(volume.voxels_hu[box][depth > 5.0]))
    return found


@pytest.mark.parametrize(
    ("vendor", "kvp", "seed"),
    [
        (Vendor.GE, 120, 500_002),
        (Vendor.GE, 80, 500_003),
        (Vendor.SIEMENS, 100, 500_004),
        (Vendor.SIEMENS, 120, 500_005),
        (Vendor.PHILIPS, 140, 500_006),
        (Vendor.PHILIPS, 120, 500_007),
        (Vendor.CANON, 120, 500_008),
        (Vendor.UIH, 100, 500_009),
    ],
)
def test_truth_is_recovered_for_each_vendor_and_voltage(vendor: Vendor, kvp: int, seed: int) -> None:
    maker = next(maker for maker in MAKERS if maker.vendor is vendor)
    patient = spine_patient(seed, maker=maker, model=maker.models[0], kvp=kvp, kernel=maker.soft[0], noise_hu=12.0)
    for level, median in core_medians(patient).items():
        inside = trabecular_expectation_hu(patient, patient.level(level))
        expected = shown_hu(patient, inside, behind_middle_mm=-trunk_middle_y(patient))
        assert median == pytest.approx(expected, abs=TOLERANCE_HU), (level.name, patient.contrast.phase)


def test_contrast_raises_the_marrow_by_what_was_drawn() -> None:
    patient = spine_patient(500_021, kvp=120)
    plain = replace(patient, contrast=replace(patient.contrast, phase=ContrastPhase.PORTAL_VENOUS, marrow_hu=0.0))
    enhanced = replace(patient, contrast=replace(plain.contrast, marrow_hu=30.0))
    before, after = core_medians(plain), core_medians(enhanced)
    rise = shown_hu(patient, 30.0, behind_middle_mm=0.0) - shown_hu(patient, 0.0, behind_middle_mm=0.0)
    for level in LEVELS:
        assert after[level] - before[level] == pytest.approx(rise, rel=0.1)


def test_the_same_seed_renders_the_same_voxels() -> None:
    (first, labels), (second, again) = (render(spine_patient(500_011)) for _ in range(2))
    assert np.array_equal(first.voxels_hu, second.voxels_hu)
    assert np.array_equal(labels, again)


def test_a_whole_series_looks_like_ct() -> None:
    patient = draw_patient(500_012, situations=False)
    volume, labels = render(patient)
    hu = np.asarray(volume.voxels_hu)
    assert volume.geometry.axis_codes == "LPS"
    assert hu.dtype == np.int16
    assert labels.shape == hu.shape
    assert hu.min() == -1024
    assert {int(Level.L1), int(Level.L2), int(Level.L3), int(Level.L4)} <= set(np.unique(labels))
    assert 0.2 < np.mean(hu > -300) < 0.8
    heights = [np.argwhere(labels == level)[:, 2].mean() for level in (24, 23, 22, 21, 20) if (labels == level).any()]
    assert heights == sorted(heights)


def _grid(half: float, step: float) -> tuple[Array, Array, Array]:
    axis = np.arange(-half, half + step / 2, step, dtype=np.float32)
    w, v, u = np.meshgrid(axis, axis, axis, indexing="ij", copy=False)
    return u, v, w


@pytest.mark.parametrize("level", [Level.T12, Level.L1, Level.L3, Level.L5])
def test_a_body_has_the_size_that_the_record_says(level: Level) -> None:
    body = replace(draw_patient(500_031).level(level), osteophyte_mm=0.0)
    u, v, w = _grid(34.0, 0.5)
    inside = body_distance(u, v, w, body_shape(body)) < 0
    middle = inside.shape[2] // 2
    heights = inside[:, :, middle].sum(axis=0) * 0.5
    rows = np.flatnonzero(heights)
    front, back = rows[0], rows[-1]
    at = [heights[round(front + share * (back - front))] for share in (0.1, 0.52, 0.9)]
    wanted = (body.anterior_height_mm, body.middle_height_mm, body.posterior_height_mm)
    assert at == pytest.approx(wanted, abs=2.0)
    across = inside.any(axis=(0, 1)).sum() * 0.5
    assert across == pytest.approx(body.width_mm, abs=2.0)
    volume_ml = inside.sum() * 0.125 / 1000
    box_ml = body.width_mm * body.depth_mm * (sum(wanted) / 3) / 1000
    assert volume_ml == pytest.approx(0.72 * box_ml, rel=0.1)
