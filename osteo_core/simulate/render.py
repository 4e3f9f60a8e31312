"""Render one patient's series: anatomy, partial volume, scanner. In memory; dicom.py writes it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from osteo_core.records import Geometry, LabelArray, Volume
from osteo_core.simulate.body import paint_body
from osteo_core.simulate.curve import Spine, place_spine
from osteo_core.simulate.detector import expose, outside_field, slice_profile
from osteo_core.simulate.flaws import added_hu, contrast_kept
from osteo_core.simulate.palette import palette_of, trabecular_expectation_hu, trunk_mm
from osteo_core.simulate.patient import day_stream, stream
from osteo_core.simulate.scene import Scene, make_scene, trunk_middle_y
from osteo_core.simulate.shapes import Array, Canvas, Grid, smooth_fields
from osteo_core.simulate.spine import SpinePaint, paint_spine
from osteo_core.simulate.truth import SimulatedPatient

#: Fine voxels of the layer for the spine: this many per pixel along x and y, and at most this many mm along z.
_FINE_IN_PLANE = 2
_FINE_Z_MM = 1.1
_SPINE_HALF_WIDTH_MM = 62.0
_LOWEST_HU, _HIGHEST_HU = -1024, 3071


def render(patient: SimulatedPatient) -> tuple[Volume, LabelArray]:
    """The patient's main series and its true vertebral bodies.

    Returns the CT (x, y, z; LPS) in int16 HU and uint8 VerSe numbers (T5-L5) on the same grid.
    """
    scene = make_scene(patient)
    hu, labels = render_scene(patient, scene)
    volume = Volume(
        voxels_hu=hu.transpose(2, 1, 0),
        geometry=scene_geometry(scene),
        provenance=(f"simulated patient, seed {patient.seed}",),
    )
    return volume, labels.transpose(2, 1, 0)


def scene_geometry(scene: Scene) -> Geometry:
    """Geometry of the scene's grid for arrays in (x, y, z) order."""
    grid = scene.grid
    affine = np.eye(4)
    for axis, values in enumerate((grid.x, grid.y, grid.z)):
        affine[axis, axis] = float(values[-1] - values[0]) / (len(values) - 1)
        affine[axis, 3] = float(values[0]) + scene.offset_mm[axis]
    return Geometry(shape=(len(grid.x), len(grid.y), len(grid.z)), affine_lps=affine)


def render_scene(patient: SimulatedPatient, scene: Scene) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """HU and labels (z, y, x) of the main series."""
    truth, labels = paint_truth(patient, scene)
    return scan_truth(patient, scene, truth), labels


def paint_truth(patient: SimulatedPatient, scene: Scene) -> tuple[Array, NDArray[np.uint8]]:
    """True HU (z, y, x), with partial volume but without effects of a scanner, and the labels."""
    spine = place_spine(patient)
    fields = smooth_fields(scene.grid, stream(patient.seed, "tissue"), (34.0, 13.0, 5.0))
    hu = np.full(scene.grid.shape, -1000.0, dtype=np.float32)
    canvas = Canvas(grid=scene.grid, hu=hu, cover=None, width_mm=1.2 * scene.pixel_mm, fields=fields)
    palette = palette_of(patient)
    paint_body(canvas, patient, spine, palette)
    labels = _lay_spine(canvas, patient, spine, scene)
    return hu, labels


def scan_truth(patient: SimulatedPatient, scene: Scene, truth: Array) -> NDArray[np.int16]:
    """The int16 image that the patient's scanner makes of the truth."""
    scan = patient.acquisition
    profile = slice_profile(truth, scan.thickness_mm / scan.step_mm)
    inside = (profile[:, ::4, ::4] > -300).mean(axis=(1, 2))
    trunk = np.sqrt(inside / max(float(inside.mean()), 1e-3)).astype(np.float32)[:, None, None]
    mm = trunk_mm(patient)
    x, y = scene.grid.x[None, :], (scene.grid.y - np.float32(trunk_middle_y(patient)))[:, None]
    image = expose(
        profile,
        trunk,
        scan,
        day_stream(patient, "noise"),
        gain=scan.gain * contrast_kept(scan.flaws, mm),
        added=added_hu(scan.flaws, x, y, trunk_mm=mm) + np.float32(scan.offset_hu),
    )
    np.rint(image, out=image)
    np.clip(image, _LOWEST_HU, _HIGHEST_HU, out=image)
    if scan.maker.padding is not None:
        image[:, outside_field(*image.shape[1:])] = _LOWEST_HU
    return image.astype(np.int16)


def _lay_spine(canvas: Canvas, patient: SimulatedPatient, spine: Spine, scene: Scene) -> NDArray[np.uint8]:
    """Paint the spine on a finer layer, average it down and lay it over the body; returns the labels (z, y, x)."""
    box, fine, factors = _fine_grid(canvas.grid, spine)
    layer = Canvas(
        grid=fine,
        hu=np.zeros(fine.shape, dtype=np.float32),
        cover=np.zeros(fine.shape, dtype=np.float32),
        width_mm=0.9 * scene.pixel_mm / _FINE_IN_PLANE,
        fields=smooth_fields(fine, stream(patient.seed, "bone"), (6.0, 2.0)),
    )
    fine_labels = np.zeros(fine.shape, dtype=np.uint8)
    paint = SpinePaint(
        spine=spine,
        palette=palette_of(patient),
        trabecular_hu=tuple(trabecular_expectation_hu(patient, placed.level) for placed in spine.vertebrae),
        texture_hu=22.0,
    )
    paint_spine(layer, fine_labels, paint)
    cover = layer.cover if layer.cover is not None else np.ones_like(layer.hu)
    canvas.hu[box] = canvas.hu[box] * (1 - _averaged(cover, factors)) + _averaged(layer.hu, factors)
    labels = np.zeros(canvas.grid.shape, dtype=np.uint8)
    labels[box] = _majority(fine_labels, factors)
    return labels


def _fine_grid(grid: Grid, spine: Spine) -> tuple[tuple[slice, slice, slice], Grid, tuple[int, int, int]]:
    x, y = spine.centre_at(grid.z)
    low = (float(x.min()) - _SPINE_HALF_WIDTH_MM, float(y.min()) - 32.0, float(grid.z[0]) - 1)
    high = (float(x.max()) + _SPINE_HALF_WIDTH_MM, float(y.max()) + 82.0, float(grid.z[-1]) + 1)
    box = grid.window(low, high)
    step = float(grid.z[1] - grid.z[0])
    factors = (max(int(np.ceil(step / _FINE_Z_MM)), 1), _FINE_IN_PLANE, _FINE_IN_PLANE)
    axes = [_split(axis[part], n) for axis, part, n in zip((grid.z, grid.y, grid.x), box, factors, strict=True)]
    return box, Grid(z=axes[0], y=axes[1], x=axes[2]), factors


def _split(axis: Array, parts: int) -> Array:
    """Centres of ``parts`` equal parts of every voxel along an axis."""
    step = float(axis[1] - axis[0])
    offsets = ((np.arange(parts) + 0.5) / parts - 0.5) * step
    return (axis[:, None] + offsets[None, :]).ravel().astype(np.float32)


def _averaged(fine: Array, factors: tuple[int, int, int]) -> Array:
    averaged = fine
    for axis, n in zip((2, 1, 0), reversed(factors), strict=True):
        parts = [averaged[(slice(None),) * axis + (slice(first, None, n),)] for first in range(n)]
        averaged = np.add.reduce(parts) if n > 1 else averaged
    return np.asarray(averaged / np.float32(np.prod(factors)), dtype=np.float32)


def _majority(labels: NDArray[np.uint8], factors: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A voxel belongs to a body if more than half of it does; bodies never touch, so the maximum is its number."""
    fz, fy, fx = factors
    shape = (labels.shape[0] // fz, fz, labels.shape[1] // fy, fy, labels.shape[2] // fx, fx)
    blocks = labels.reshape(shape)
    share = (blocks > 0).mean(axis=(1, 3, 5), dtype=np.float32)
    return np.where(share > 0.5, blocks.max(axis=(1, 3, 5)), 0).astype(np.uint8)
