"""Reference tissues of the scan itself: air outside, subcutaneous fat, muscle, blood, kidney, cortical bone.

No second model: each tissue is looked for where anatomy puts it, seen from the outlined bodies and from
the skin, and is reported only when it lies within its plausible HU. What is not found is absent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from osteo_core import limits
from osteo_core.density.contrast import phase_of_vessels
from osteo_core.density.outline import Outline, find_outline
from osteo_core.density.vessels import find_vessels
from osteo_core.morphometry.frame import Body, find_bodies
from osteo_core.outcomes import Caution, CautionCode
from osteo_core.records import FloatArray, ReferenceTissues, Segmentation, TissueSample, Volume
from osteo_core.terms import Level, Step

#: Padding outside the field of view was set to this by the reader; it is not measured air.
_PADDING_HU = -1024.0
_MINIMUM_AREA_MM2 = 100.0
_AIR_DISTANCE_MM = (8.0, 60.0)
_AIR_BELOW_HU = -850.0
_FAT_DEPTH_MM = (6.0, 30.0)
_FAT_HU = (-150.0, -30.0)
_MUSCLE_HU = (0.0, 110.0)
_HISTOGRAM_SMOOTHING_HU = 4.0
#: The brightest part of a body's shell, where partial volume takes least.
_CORTICAL_SHARE = 0.05
#: Below, the shell is not bone; above lies metal (cortical bone is 1931 HU at 80 kVp by NIST attenuation).
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


def find_reference_tissues(
    volume: Volume, segmentation: Segmentation, bodies: tuple[Body, ...] | None = None
) -> ReferenceTissues:
    """Samples by name (air, fat, muscle, blood, cava, kidney, cortical) and the contrast phase they show.

    ``bodies``: what ``find_bodies(segmentation)`` gave, when the caller has it already.
    """
    bodies = find_bodies(segmentation) if bodies is None else bodies
    outline = find_outline(volume)
    vessels = find_vessels(volume, bodies)
    samples = [
        _air(outline),
        _fat(outline),
        _muscle(outline, bodies),
        *vessels.values(),
        _cortical(volume, bodies),
    ]
    means = {name: sample.mean_hu for name, sample in vessels.items()}
    phase = phase_of_vessels(means.get("blood"), means.get("cava"), means.get("kidney"))
    return ReferenceTissues(samples=tuple(s for s in samples if s is not None), contrast_phase=phase)


def tissue_cautions(tissues: ReferenceTissues) -> tuple[Caution, ...]:
    """HU_SHIFT when air or fat was found but not where HU should put it."""
    found = []
    for name, low, high in (
        ("air", limits.AIR_HU_LOW.value, limits.AIR_HU_HIGH.value),
        ("fat", limits.FAT_HU_LOW.value, limits.FAT_HU_HIGH.value),
    ):
        sample = tissues.sample(name)
        if sample is not None and not low <= sample.mean_hu <= high:
            found.append(f"{name} {sample.mean_hu:.0f} HU, expected {low:g} to {high:g}")
    return (Caution(code=CautionCode.HU_SHIFT, step=Step.MEASURE, found="; ".join(found)),) if found else ()


def mode_hu(values: FloatArray) -> float:
    """Peak of the smoothed histogram (1 HU bins, Gaussian of 4 HU): the tissue itself, not its admixtures."""
    low, high = np.floor(values.min()) - 0.5, np.ceil(values.max()) + 0.5
    counts, edges = np.histogram(values, bins=int(high - low), range=(low, high))
    smooth = ndimage.gaussian_filter1d(counts.astype(float), _HISTOGRAM_SMOOTHING_HU, mode="constant")
    return float(edges[int(smooth.argmax())] + 0.5)


def _air(outline: Outline) -> TissueSample | None:
    near, far = _AIR_DISTANCE_MM
    ring = outline.air & (outline.distance_mm >= near) & (outline.distance_mm <= far)
    values = outline.hu[ring & (outline.hu > _PADDING_HU + 1e-3) & (outline.hu < _AIR_BELOW_HU)]
    # Clothes, blankets and the mattress are nearly air: the mode is air itself, a mean is not.
    return _sample("air", values, outline, centre=mode_hu(values) if len(values) else 0.0)


def _fat(outline: Outline) -> TissueSample | None:
    near, far = _FAT_DEPTH_MM
    low, high = _FAT_HU
    layer = outline.body & (outline.depth_mm >= near) & (outline.depth_mm <= far)
    values = outline.hu[layer & (outline.hu > low) & (outline.hu < high)]
    return _sample("fat", values, outline, centre=mode_hu(values) if len(values) else 0.0)


def _muscle(outline: Outline, bodies: tuple[Body, ...]) -> TissueSample | None:
    low, high = _MUSCLE_HU
    soft = ndimage.binary_erosion((outline.hu > low - 20) & (outline.hu < high + 10))
    chosen = []
    for body in bodies:
        position, hu = _around(outline, body, soft)
        side, front, up = np.abs(position[:, 0]), position[:, 1], np.abs(position[:, 2])
        for region in _MUSCLE_REGIONS:
            inside = (side >= region.left[0]) & (side <= region.left[1]) & (up <= region.superior)
            inside &= (front >= region.anterior[0]) & (front <= region.anterior[1])
            chosen.append(hu[inside & (hu > low) & (hu < high)])
    values = np.concatenate(chosen) if chosen else np.zeros(0)
    return _sample("muscle", values, outline, centre=mode_hu(values) if len(values) else 0.0)


def _around(outline: Outline, body: Body, wanted: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Wanted coarse voxels within 9 cm of a body: position in its axes (n, 3) and HU (n,)."""
    centre = outline.geometry.to_index(body.frame.origin_mm)
    reach = 90.0 / np.array(outline.geometry.spacing_mm)
    box = tuple(
        slice(int(max(c - r, 0)), int(max(min(c + r + 1, n), 0)))
        for c, r, n in zip(centre, reach, outline.geometry.shape, strict=True)
    )
    index = np.argwhere(wanted[box]) + np.array([part.start for part in box])
    return body.frame.to_body_mm(outline.geometry.to_world_mm(index)), outline.hu[tuple(index.T)]


def _cortical(volume: Volume, bodies: tuple[Body, ...]) -> TissueSample | None:
    """The brightest part of the outlined bodies; thin cortex keeps it below pure cortical bone."""
    brightest, area = [], 0.0
    for body in bodies:
        if body.level in _CORTICAL_LEVELS:
            hu = volume.voxels_hu[body.box][body.mask]
            brightest.append(np.sort(hu)[-max(int(_CORTICAL_SHARE * len(hu)), 1) :])
            step = float(np.abs(body.geometry.affine_lps[2, :3]).max())
            area += len(brightest[-1]) * body.geometry.voxel_volume_ml * 1000.0 / step
    if not brightest:
        return None
    values = np.concatenate(brightest).astype(float)
    low, high = _CORTICAL_HU
    mean = float(values.mean())
    if not low <= mean <= high:
        return None
    return TissueSample(name="cortical", mean_hu=mean, sd_hu=float(values.std()), area_mm2=area)


def _sample(name: str, values: FloatArray, outline: Outline, *, centre: float) -> TissueSample | None:
    area = len(values) * outline.voxel_area_mm2
    if area < _MINIMUM_AREA_MM2:
        return None
    return TissueSample(name=name, mean_hu=centre, sd_hu=float(values.std()), area_mm2=area)
