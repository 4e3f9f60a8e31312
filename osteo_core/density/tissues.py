"""Calibration tissues in the scan itself: air outside, subcutaneous fat, muscle, blood, kidney, cortical bone.

There is no second model: each tissue is sought at its anatomical position relative to the outlined bodies and the skin.
A tissue not found is left out; if a narrow field of view shows no skin, fat near the spine is used ('deep fat').
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteo_core.density.contrast import phase_of_vessels
from osteo_core.density.region import MeasuredTissue, Region
from osteo_core.density.trunk import Trunk, find_trunk
from osteo_core.density.vessels import find_vessels
from osteo_core.density.water_path import water_path_cm
from osteo_core.imaging.resample import canonical, cropped_grid
from osteo_core.limits.calibration import TISSUE_LIMITS
from osteo_core.limits.hounsfield import AIR_HU_HIGH, AIR_HU_LOW, FAT_HU_HIGH, FAT_HU_LOW
from osteo_core.morphometry.frame import Body, find_bodies, voxel_centres_mm
from osteo_core.outcomes import Caution, CautionCode
from osteo_core.records import CalibrationTissues, FloatArray, Geometry, HuArray, Segmentation, TissueSample, Volume
from osteo_core.terms import Level, Step

#: The reader sets padding outside the field of view to this value; it is not measured air.
_PADDING_HU = -1024.0
_MINIMUM_AREA_MM2 = 100.0
_AIR_DISTANCE_MM = (8.0, 60.0)
_AIR_BELOW_HU = -850.0
_AIR_NOISE_HU = 1.0
_FAT_DEPTH_MM = (6.0, 30.0)
_FAT_HU = (-150.0, -30.0)
_MUSCLE_HU = (0.0, 110.0)
_HISTOGRAM_SMOOTHING_HU = 4.0
#: Compact bone is sought this far round a body, where laminae and facets lie: the brightest volume of a smoothed image.
_CORTICAL_REACH_MM = (30.0, 30.0, 0.0)
_CORTICAL_BACK_MM = 40.0
_CORTICAL_MEAN_VOXELS = 3
_CORTICAL_VOLUME_ML = 0.1
#: Below this range it is not compact bone; above it lies metal, or bone at a low keV (cortical bone is 1931 HU at
#: 80 kVp by NIST attenuation).
_CORTICAL_HU = (150.0, 2000.0)
_CORTICAL_LEVELS = (Level.T12, Level.L1, Level.L2, Level.L3, Level.L4, Level.L5)


@dataclass(frozen=True, kw_only=True)
class _Region:
    """Box in a body's axes, in mm: |left|, anterior and |superior| ranges."""

    left: tuple[float, float]
    anterior: tuple[float, float]
    superior: float


#: Psoas beside the body, and the back muscles behind the laminae.
_MUSCLE_REGIONS = (
    _Region(left=(28.0, 48.0), anterior=(-22.0, 4.0), superior=14.0),
    _Region(left=(12.0, 45.0), anterior=(-75.0, -42.0), superior=14.0),
)


def find_calibration_tissues(
    volume: Volume,
    segmentation: Segmentation,
    bodies: tuple[Body, ...] | None = None,
    *,
    without_mm: FloatArray | None = None,
) -> CalibrationTissues:
    """Samples by name (air, fat or deep fat, muscle, blood, cava, kidney, cortical), contrast phase and water path."""
    return measure_tissues(volume, segmentation, bodies, without_mm=without_mm)[0]


def measure_tissues(
    volume: Volume,
    segmentation: Segmentation,
    bodies: tuple[Body, ...] | None = None,
    *,
    without_mm: FloatArray | None = None,
) -> tuple[CalibrationTissues, tuple[MeasuredTissue, ...]]:
    """The calibration tissues, and where in the scan each of them was measured.

    ``bodies``: the result of ``find_bodies(segmentation)``, if the caller already has it. ``without_mm`` (2, 3):
    corners in LPS mm of a box that holds a phantom and nothing of the patient; it is treated as unmeasured air.
    """
    bodies = find_bodies(segmentation) if bodies is None else bodies
    # Blocks are cut from one end of the grid; on the canonical grid it is the same end however the file is stored.
    voxels, geometry = canonical(volume.voxels_hu, volume.geometry)
    volume = Volume(voxels_hu=voxels, geometry=geometry)
    crossed = trunk = find_trunk(volume)
    if without_mm is not None:  # the water path includes a phantom, but no tissue lies in it
        volume = Volume(voxels_hu=_emptied(voxels, geometry, without_mm), geometry=geometry)
        trunk = find_trunk(volume)
    vessels = find_vessels(volume, bodies)
    found = [
        _air(trunk),
        _fat(trunk) or _deep_fat(trunk, bodies),
        _muscle(trunk, bodies),
        *vessels,
        _cortical(volume, bodies),
    ]
    measured = tuple(tissue for tissue in found if tissue is not None)
    hu = {tissue.sample.name: tissue.sample.mean_hu for tissue in measured}
    phase = phase_of_vessels(*(hu.get(name) for name in ("blood", "cava", "kidney", "urine", "muscle")))
    tissues = CalibrationTissues(
        samples=tuple(tissue.sample for tissue in measured),
        contrast_phase=phase,
        water_path_cm=water_path_cm(crossed, bodies),
    )
    return tissues, measured


def _emptied(voxels: HuArray, geometry: Geometry, box_mm: FloatArray) -> HuArray:
    """A copy with padding inside the box, so that no part of a phantom is taken for skin, fat or muscle."""
    index = geometry.to_index(box_mm)
    low, high = np.floor(index.min(axis=0)).astype(int), np.ceil(index.max(axis=0)).astype(int) + 1
    emptied = np.array(voxels)
    emptied[tuple(slice(max(a, 0), max(b, 0)) for a, b in zip(low, high, strict=True))] = _PADDING_HU
    return emptied


def tissue_cautions(tissues: CalibrationTissues) -> tuple[Caution, ...]:
    """HU_SHIFT if the HU of air or fat lie outside their limits."""
    found = []
    for name, low, high in (
        ("air", AIR_HU_LOW.value, AIR_HU_HIGH.value),
        ("fat", FAT_HU_LOW.value, FAT_HU_HIGH.value),
    ):
        sample = tissues.sample(name)
        if sample is not None and not low <= sample.mean_hu <= high:
            found.append(f"{name} {sample.mean_hu:.0f} HU, expected {low:g} to {high:g}")
    return (Caution(code=CautionCode.HU_SHIFT, step=Step.MEASURE, found="; ".join(found)),) if found else ()


def is_plausible(tissue: str, mean_hu: float) -> bool:
    """Whether a tissue's HU lie within its limits; a tissue without limits (cava, kidney) is never implausible.

    >>> is_plausible('air', -995.0), is_plausible('air', -800.0), is_plausible('cava', 180.0)
    (True, False, True)
    """
    if tissue not in TISSUE_LIMITS:
        return True
    low, high = TISSUE_LIMITS[tissue]
    return low.value <= mean_hu <= high.value


def mode_hu(values: FloatArray) -> float:
    """Peak of the smoothed histogram (1 HU bins, Gaussian of 4 HU): the tissue itself, not its admixtures.

    >>> mode_hu(np.array([48.0, 50.0, 50.0, 52.0, 200.0]))
    50.0
    """
    low, high = np.floor(values.min()) - 0.5, np.ceil(values.max()) + 0.5
    counts, edges = np.histogram(values, bins=int(high - low), range=(low, high))
    smooth = ndimage.gaussian_filter1d(counts.astype(float), _HISTOGRAM_SMOOTHING_HU, mode="constant")
    return float(edges[int(smooth.argmax())] + 0.5)


def _air(trunk: Trunk) -> MeasuredTissue | None:
    near, far = _AIR_DISTANCE_MM
    ring = trunk.air & (trunk.distance_mm >= near) & (trunk.distance_mm <= far)
    index = np.argwhere(ring & (trunk.hu > _PADDING_HU + 1e-3) & (trunk.hu < _AIR_BELOW_HU))
    values = trunk.hu[tuple(index.T)]
    if len(values) and values.std() < _AIR_NOISE_HU:
        # Measured air is never so uniform: this is padding with another value, or blurred by resampling.
        return None
    # Clothes, blankets and the mattress are nearly air: they shift the mean, but not the mode.
    return _tissue("air", index, trunk)


def _fat(trunk: Trunk) -> MeasuredTissue | None:
    near, far = _FAT_DEPTH_MM
    layer = trunk.inside & (trunk.depth_mm >= near) & (trunk.depth_mm <= far)
    return _tissue("fat", np.argwhere(layer & _pure_fat(trunk)), trunk)


def _deep_fat(trunk: Trunk, bodies: tuple[Body, ...]) -> MeasuredTissue | None:
    """Retroperitoneal and intermuscular fat, for scans that do not show the skin."""
    pure = _pure_fat(trunk)
    return _tissue("deep fat", _joined(_around(trunk, body, pure)[0] for body in bodies), trunk)


def _pure_fat(trunk: Trunk) -> NDArray[np.bool_]:
    """Coarse voxels of fat surrounded by fat: a thin layer is mixed with its neighbours (partial volume)."""
    low, high = _FAT_HU
    found: NDArray[np.bool_] = ndimage.binary_erosion((trunk.hu > low) & (trunk.hu < high))
    return found


def _muscle(trunk: Trunk, bodies: tuple[Body, ...]) -> MeasuredTissue | None:
    low, high = _MUSCLE_HU
    soft = ndimage.binary_erosion((trunk.hu > low - 20) & (trunk.hu < high + 10))
    chosen = []
    for body in bodies:
        index, position = _around(trunk, body, soft)
        hu = trunk.hu[tuple(index.T)]
        side, front, up = np.abs(position[:, 0]), position[:, 1], np.abs(position[:, 2])
        for region in _MUSCLE_REGIONS:
            inside = (side >= region.left[0]) & (side <= region.left[1]) & (up <= region.superior)
            inside &= (front >= region.anterior[0]) & (front <= region.anterior[1])
            chosen.append(index[inside & (hu > low) & (hu < high)])
    return _tissue("muscle", _joined(chosen), trunk)


def _around(trunk: Trunk, body: Body, wanted: NDArray[np.bool_]) -> tuple[NDArray[np.intp], FloatArray]:
    """Coarse voxels of ``wanted`` within 9 cm of a body: indices (n, 3) and positions in its axes (n, 3) mm."""
    centre = trunk.geometry.to_index(body.frame.origin_mm)
    reach = 90.0 / np.array(trunk.geometry.spacing_mm)
    box = tuple(
        slice(int(max(c - r, 0)), int(max(min(c + r + 1, n), 0)))
        for c, r, n in zip(centre, reach, trunk.geometry.shape, strict=True)
    )
    index = np.argwhere(wanted[box]) + np.array([part.start for part in box])
    return index, body.frame.to_body_mm(trunk.geometry.to_world_mm(index))


def _joined(parts: Iterable[NDArray[np.intp]]) -> NDArray[np.intp]:
    """Indices (n, 3) of all bodies; a voxel near two bodies counts twice."""
    return np.concatenate([np.zeros((0, 3), dtype=np.intp), *parts])


def _cortical(volume: Volume, bodies: tuple[Body, ...]) -> MeasuredTissue | None:
    """The brightest compact bone of the vertebrae, arches included; partial volume keeps it below pure cortical bone.

    If every level exceeds what bone shows at any tube voltage, it is 'dense bone', which no calibration uses.
    """
    brightest = [compact for body in bodies if body.level in _CORTICAL_LEVELS and (compact := _compact(volume, body))]
    found = [compact for compact in brightest if compact.sample.mean_hu <= _CORTICAL_HU[1]]
    if not brightest:
        return None
    used = found or brightest
    sample = TissueSample(
        name="cortical" if found else "dense bone",
        mean_hu=float(np.median([one.sample.mean_hu for one in used])),
        sd_hu=float(np.median([one.sample.sd_hu for one in used])),
        area_mm2=float(np.sum([one.sample.area_mm2 for one in used])),
    )
    return MeasuredTissue(sample=sample, regions=tuple(region for one in used for region in one.regions))


def _compact(volume: Volume, body: Body) -> MeasuredTissue | None:
    """The brightest bone, or metal, round one body: mean and SD of HU, axial area; None if there is no bone."""
    points = voxel_centres_mm(body.geometry)[body.mask]
    low, high = points.min(axis=0) - _CORTICAL_REACH_MM, points.max(axis=0) + _CORTICAL_REACH_MM
    high[1] += _CORTICAL_BACK_MM
    corners = np.array(np.meshgrid(*zip(low, high, strict=True), indexing="ij")).reshape(3, -1).T
    index = volume.geometry.to_index(corners)
    first = np.maximum(np.floor(index.min(axis=0)).astype(int), 0)
    last = np.minimum(np.ceil(index.max(axis=0)).astype(int) + 1, volume.geometry.shape)
    box = volume.voxels_hu[tuple(slice(a, b) for a, b in zip(first, last, strict=True))].astype(np.float32)
    along = int(np.abs(volume.geometry.directions[2]).argmax())
    size = [1 if axis == along else _CORTICAL_MEAN_VOXELS for axis in range(3)]
    calm = ndimage.uniform_filter(box, size)
    n = max(round(_CORTICAL_VOLUME_ML / volume.geometry.voxel_volume_ml), 1)
    brightest = np.partition(calm.ravel(), -n)[-n:] if calm.size > n else calm.ravel()
    mean = float(brightest.mean()) if brightest.size else 0.0
    if mean < _CORTICAL_HU[0]:
        return None
    step = float(np.abs(volume.geometry.affine_lps[2, :3]).max())
    sample = TissueSample(
        name=body.level.name,
        mean_hu=mean,
        sd_hu=float(brightest.std()),
        area_mm2=n * volume.geometry.voxel_volume_ml * 1000.0 / step,
    )
    grid = cropped_grid(volume.geometry, (int(first[0]), int(first[1]), int(first[2])), calm.shape)
    return MeasuredTissue(sample=sample, regions=(Region(mask=calm >= brightest.min(), geometry=grid),))


def _tissue(name: str, index: NDArray[np.intp], trunk: Trunk) -> MeasuredTissue | None:
    """The tissue of these coarse voxels (n, 3), with their mode as its HU; None if there are too few."""
    values = trunk.hu[tuple(index.T)]
    area = len(values) * trunk.voxel_area_mm2
    if area < _MINIMUM_AREA_MM2:
        return None
    mask = np.zeros(trunk.hu.shape, dtype=bool)
    mask[tuple(index.T)] = True
    sample = TissueSample(name=name, mean_hu=mode_hu(values), sd_hu=float(values.std()), area_mm2=area)
    return MeasuredTissue(sample=sample, regions=(Region(mask=mask, geometry=trunk.geometry),))
