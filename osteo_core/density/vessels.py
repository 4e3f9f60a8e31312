"""Blood in the aorta and vena cava, and the kidneys, sought at their positions relative to the vertebral bodies.

Around each body the scan is sampled on a small grid in the body's own axes; a vessel is the brightest uniform
disc in its window. At some levels a vessel may be compressed or hidden, and one level may show bowel with oral
contrast instead; so the median of the brighter half of the discs is used, and at least two discs down to L3
must show one: the aorta divides near L4, and what lies there may be bowel.
Minutes after the injection the kidneys excrete: contrast in a renal pelvis is far brighter than any vessel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from osteo_core.density.region import MeasuredTissue, Region
from osteo_core.imaging.resample import sample_hu
from osteo_core.morphometry.frame import Body
from osteo_core.records import FloatArray, Geometry, TissueSample, Volume
from osteo_core.terms import Level

_STEP_MM = 2.0
#: Half the length along the spine over which HU are averaged: vessels run that far, bowel and nodes do not.
_HALF_LENGTH_MM = 8.0
_UP_MM = np.arange(-_HALF_LENGTH_MM, _HALF_LENGTH_MM + 0.1, _STEP_MM)
_LEVELS = (Level.T11, Level.T12, Level.L1, Level.L2, Level.L3, Level.L4)
_MINIMUM_LEVELS = 2
#: Below the last of these the aorta may have divided already.
_UNDIVIDED = (Level.T11, Level.T12, Level.L1, Level.L2, Level.L3)
_MINIMUM_DEPTH_MM = 12.0


@dataclass(frozen=True, kw_only=True)
class _Window:
    """Ranges for the centre of a disc in mm, to the left and anterior to the body's front; its radius, HU and SD."""

    left: tuple[float, float]
    anterior: tuple[float, float]
    radius_mm: float
    hu: tuple[float, float]
    sd_hu: float
    levels: tuple[Level, ...] = _LEVELS


@dataclass(frozen=True, kw_only=True)
class _Disc:
    """One disc at one body: mean and SD of its HU, and its region."""

    level: Level
    mean_hu: float
    sd_hu: float
    region: Region


_WINDOWS: dict[str, tuple[_Window, ...]] = {
    "blood": (_Window(left=(-6.0, 26.0), anterior=(6.0, 26.0), radius_mm=6.0, hu=(20.0, 700.0), sd_hu=18.0),),
    "cava": (_Window(left=(-34.0, -8.0), anterior=(4.0, 26.0), radius_mm=6.0, hu=(20.0, 500.0), sd_hu=18.0),),
    "kidney": tuple(
        _Window(
            left=side,
            anterior=(-60.0, 0.0),
            radius_mm=8.0,
            hu=(15.0, 500.0),
            sd_hu=20.0,
            levels=(Level.T12, Level.L1, Level.L2, Level.L3),
        )
        for side in ((40.0, 85.0), (-85.0, -40.0))
    ),
}


#: Where a renal pelvis lies: beside the body, in front of the transverse processes and behind the bowel.
_PELVIS = tuple(
    _Window(
        left=side,
        anterior=(-34.0, -4.0),
        radius_mm=4.0,
        hu=(200.0, 3100.0),
        sd_hu=np.inf,
        levels=(Level.T12, Level.L1, Level.L2, Level.L3),
    )
    for side in ((28.0, 62.0), (-62.0, -28.0))
)
#: Excreted contrast is at least this many times as bright as the brightest vessel or kidney.
_EXCRETED_RATIO = 1.3


def find_vessels(volume: Volume, bodies: tuple[Body, ...]) -> tuple[MeasuredTissue, ...]:
    """'blood' (aorta), 'cava' and 'kidney' if at least two discs show them (both kidneys of one level count as two).

    'urine' if a kidney is found and contrast is excreted.
    """
    found = []
    for name, windows in _WINDOWS.items():
        discs = [disc for window in windows for body in bodies if (disc := _brightest_disc(volume, body, window))]
        if sum(disc.level in _UNDIVIDED for disc in discs) >= _MINIMUM_LEVELS:
            brighter = sorted(discs, key=_brightness)[-max(_MINIMUM_LEVELS, (len(discs) + 1) // 2) :]
            sample = TissueSample(
                name=name,
                mean_hu=float(np.median([disc.mean_hu for disc in brighter])),
                sd_hu=float(np.median([disc.sd_hu for disc in brighter])),
                area_mm2=len(discs) * float(np.pi) * windows[0].radius_mm ** 2,
            )
            found.append(MeasuredTissue(sample=sample, regions=tuple(disc.region for disc in brighter)))
    brightest = max((vessel.sample.mean_hu for vessel in found), default=0.0)
    urine = _excreted(volume, bodies, brightest_hu=brightest)
    is_kidney_seen = any(vessel.sample.name == "kidney" for vessel in found)
    return (*found, urine) if urine is not None and is_kidney_seen else tuple(found)


def _brightness(disc: _Disc) -> tuple[float, float]:
    return disc.mean_hu, disc.sd_hu


def _excreted(volume: Volume, bodies: tuple[Body, ...], *, brightest_hu: float) -> MeasuredTissue | None:
    discs = [disc for window in _PELVIS for body in bodies if (disc := _brightest_disc(volume, body, window))]
    seen = [disc for disc in discs if disc.mean_hu >= _EXCRETED_RATIO * brightest_hu]
    if not seen:
        return None
    disc = max(seen, key=_brightness)
    area = len(seen) * float(np.pi) * _PELVIS[0].radius_mm ** 2
    sample = TissueSample(name="urine", mean_hu=disc.mean_hu, sd_hu=disc.sd_hu, area_mm2=area)
    return MeasuredTissue(sample=sample, regions=(disc.region,))


def _brightest_disc(volume: Volume, body: Body, window: _Window) -> _Disc | None:
    """The brightest uniform disc of one window at one body; None if there is none."""
    if body.level not in window.levels:
        return None
    front_mm = _front_mm(body)
    grid, left, anterior = _sample_plane(volume, body, window=window, front_mm=front_mm)
    disc = _disc(window.radius_mm)
    mean = ndimage.correlate(grid, disc, mode="constant", cval=np.nan)
    square = ndimage.correlate(grid**2, disc, mode="constant", cval=np.nan)
    sd = np.sqrt(np.maximum(square - mean**2, 0.0))
    in_window = (left >= window.left[0]) & (left <= window.left[1])
    in_window &= (anterior >= window.anterior[0]) & (anterior <= window.anterior[1])
    # Brighter blood varies more in HU and has a steeper edge, so above 100 HU the SD is judged relative to the mean.
    even = in_window & (sd <= window.sd_hu * np.maximum(mean / 100.0, 1.0))
    even &= (mean >= window.hu[0]) & (mean <= window.hu[1])
    if not even.any():
        return None
    best = np.unravel_index(np.argmax(np.where(even, mean, -np.inf)), mean.shape)
    centre = np.array([left[best], anterior[best] + front_mm])
    region = _region(body, centre, radius_mm=window.radius_mm)
    return _Disc(level=body.level, mean_hu=float(mean[best]), sd_hu=float(sd[best]), region=region)


def _region(body: Body, centre_mm: FloatArray, *, radius_mm: float) -> Region:
    """The samples of one disc, extended along the body's axis; ``centre_mm`` (2,): left and anterior in its axes."""
    disc = _disc(radius_mm) > 0
    mask = np.repeat(disc[:, :, None], len(_UP_MM), axis=2)
    affine = np.eye(4)
    affine[:3, :3] = body.frame.axes * _STEP_MM
    affine[:3, 3] = body.frame.to_world_mm(np.array([*(centre_mm - len(disc) // 2 * _STEP_MM), _UP_MM[0]]))
    return Region(mask=mask, geometry=Geometry(shape=mask.shape, affine_lps=affine))


def _front_mm(body: Body) -> float:
    position = body.frame.to_body_mm(body.geometry.to_world_mm(np.argwhere(body.mask).astype(float)))
    middle = np.abs(position[:, 0]) < 8.0
    return float(np.quantile(position[middle, 1], 0.98)) if middle.any() else float(position[:, 1].max())


def _sample_plane(
    volume: Volume, body: Body, *, window: _Window, front_mm: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """HU averaged along the spine in the body's axial plane (NaN outside the scan), with its left and anterior mm."""
    margin = window.radius_mm + 2 * _STEP_MM
    left = np.arange(window.left[0] - margin, window.left[1] + margin, _STEP_MM)
    front = np.arange(window.anterior[0] - margin, window.anterior[1] + margin, _STEP_MM)
    grid = np.stack(np.meshgrid(left, front + front_mm, _UP_MM, indexing="ij"), axis=-1)
    index = volume.geometry.to_index(body.frame.to_world_mm(grid))
    hu = sample_hu(volume, index)
    known = np.isfinite(hu)
    # A slab mostly outside the scan is not evaluated.
    enough = known.sum(axis=-1) * _STEP_MM >= _MINIMUM_DEPTH_MM
    total = np.where(known, hu, 0.0).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1)
    plane = np.where(enough, total, np.nan)
    lefts, fronts = np.meshgrid(left, front, indexing="ij")
    return plane, lefts, fronts


def _disc(radius_mm: float) -> FloatArray:
    n = int(radius_mm // _STEP_MM)
    offsets = np.arange(-n, n + 1) * _STEP_MM
    inside = (offsets[:, None] ** 2 + offsets[None, :] ** 2 <= radius_mm**2).astype(float)
    found: FloatArray = inside / inside.sum()
    return found
