"""Simulated patients with one thing changed: kernel, voltage, dose, contrast, curve, fracture, numbering."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import numpy as np

from benchmarks.degradations import Case, axis_along
from osteo_core.imaging.pieces import largest_piece
from osteo_core.records import Volume
from osteo_core.simulate.bones import LOSS_BY_GRADE, collapse
from osteo_core.simulate.patient import TEST_SEEDS, draw_patient
from osteo_core.simulate.scanners import Kernel
from osteo_core.simulate.truth import Contrast, FieldOfView, Fracture, FractureKind, SimulatedLevel, SimulatedPatient
from osteo_core.terms import ContrastPhase, Level

FIRST_SEED = TEST_SEEDS.start + 4000
_FINE_MM = 0.6
_WIDE_FIELD_MM = 500.0
_ARM_HALF_MM, _HUMERUS_MM, _MARROW_MM = 42.0, 11.0, 6.0
_MUSCLE_HU, _CORTEX_HU, _MARROW_HU = 55, 1000, 60
_BODY_HU = -300
_FUSED_DISC_MM = 1.0
#: Heights of sound bodies: anterior over posterior and middle over posterior.
_SOUND_ANTERIOR, _SOUND_MIDDLE = 0.97, 0.91

PatientChange = Callable[[SimulatedPatient], SimulatedPatient]
#: Rendered number -> true number, for people with an unusual number of vertebrae.
Renumbering = Mapping[int, int]
#: T12 has no rib, so six vertebrae without ribs follow the last rib: L1-L6.
SIX_LUMBAR: Renumbering = {int(level): int(level) + 1 for level in Level if Level.T5 <= level <= Level.L5}
#: Ribs on the vertebra below T12, which is T13; four without ribs follow, as in people with four lumbar vertebrae.
THIRTEEN_RIBS: Renumbering = {20: int(Level.T13), 21: 20, 22: 21, 23: 22, 24: 23}


@cache
def seeds(count: int) -> tuple[int, ...]:
    """The first seeds with series of abdomen and pelvis: ribs, every lumbar level and the sacrum are in view."""
    found: list[int] = []
    for seed in range(FIRST_SEED, TEST_SEEDS.stop):
        if draw_patient(seed, situations=False).field_of_view is FieldOfView.ABDOMEN_PELVIS:
            found.append(seed)
        if len(found) == count:
            return tuple(found)
    raise ValueError(f"there are only {len(found)} such patients, {count} were asked for")


def unchanged(patient: SimulatedPatient) -> SimulatedPatient:
    """As drawn."""
    return patient


def fine(patient: SimulatedPatient) -> SimulatedPatient:
    """Thin slices at the same dose, and so with more noise."""
    scan = patient.acquisition
    noise = scan.noise_hu * float(np.sqrt(scan.thickness_mm / _FINE_MM))
    return replace(
        patient, acquisition=replace(scan, thickness_mm=_FINE_MM, step_mm=_FINE_MM, noise_hu=min(noise, 60.0))
    )


def with_kernel(*, blur_mm: float, edge: float, noise: float) -> PatientChange:
    """Another reconstruction kernel."""
    kernel = Kernel(name=f"blur {blur_mm:g} mm, edge {edge:g}", blur_mm=blur_mm, edge=edge, noise=noise)
    return lambda patient: replace(patient, acquisition=replace(patient.acquisition, kernel=kernel))


def with_voltage(kvp: int) -> PatientChange:
    """Another tube voltage; noise is inversely proportional to it, at the same tube current."""

    def change(patient: SimulatedPatient) -> SimulatedPatient:
        scan = patient.acquisition
        return replace(patient, acquisition=replace(scan, kvp=kvp, noise_hu=scan.noise_hu * scan.kvp / kvp))

    return change


def with_noise(times: float) -> PatientChange:
    """Noise multiplied by a factor, as if the dose were divided by its square."""
    return lambda patient: replace(
        patient, acquisition=replace(patient.acquisition, noise_hu=patient.acquisition.noise_hu * times)
    )


@cache
def _contrast(phase: ContrastPhase) -> Contrast:
    return next(
        patient.contrast
        for patient in (draw_patient(seed) for seed in range(FIRST_SEED, TEST_SEEDS.stop))
        if patient.contrast.phase is phase
    )


def with_contrast(phase: ContrastPhase) -> PatientChange:
    """The contrast of another simulated patient with this phase."""
    return lambda patient: replace(patient, contrast=_contrast(phase))


def with_scoliosis(degrees: float) -> PatientChange:
    """A curve of this many degrees."""
    return lambda patient: replace(patient, spine=replace(patient.spine, scoliosis_deg=degrees))


def with_fracture(kind: FractureKind, grade: int, level: Level = Level.L2) -> PatientChange:
    """One fractured level, at the middle of its Genant grade."""
    fracture = Fracture(kind=kind, grade=grade, loss=float(np.mean(LOSS_BY_GRADE[grade])))

    def broken(one: SimulatedLevel) -> SimulatedLevel:
        full = max(one.posterior_height_mm, one.anterior_height_mm)
        anterior, middle, posterior = collapse((full * _SOUND_ANTERIOR, full * _SOUND_MIDDLE, full), fracture)
        return replace(
            one,
            fracture=fracture,
            anterior_height_mm=anterior,
            middle_height_mm=middle,
            posterior_height_mm=posterior,
        )

    return _with_levels({level: broken})


def with_cement(level: Level = Level.L2, *, cement_ml: float = 4.0) -> PatientChange:
    """Cement in one body."""
    return _with_levels({level: lambda one: replace(one, cement_ml=cement_ml)})


def with_screws(*levels: Level) -> PatientChange:
    """Screws and rods in these levels."""
    return _with_levels({level: lambda one: replace(one, screws=True) for level in levels})


def _with_levels(changes: Mapping[Level, Callable[[SimulatedLevel], SimulatedLevel]]) -> PatientChange:
    return lambda patient: replace(
        patient, levels=tuple(changes[one.level](one) if one.level in changes else one for one in patient.levels)
    )


def with_last_rib(level: Level) -> PatientChange:
    """Ribs down to this level."""
    return lambda patient: replace(patient, spine=replace(patient.spine, last_rib=level))


def with_sacralised_l5() -> PatientChange:
    """L5 sits on the sacrum with almost no disc in between; its number stays."""
    return _with_levels({Level.L5: lambda one: replace(one, disc_below_mm=_FUSED_DISC_MM)})


def with_wide_field(patient: SimulatedPatient) -> SimulatedPatient:
    """A field of view of 500 mm: the whole table, and air around the patient."""
    scan = patient.acquisition
    return replace(patient, acquisition=replace(scan, pixel_mm=_WIDE_FIELD_MM / scan.matrix))


def with_arms(case: Case) -> Case:
    """An arm beside each flank: muscle with a humerus, painted over air."""
    hu = np.array(case.volume.voxels_hu)
    across, back = axis_along(case.geometry, "x"), axis_along(case.geometry, "y")
    largest = largest_piece(hu > _BODY_HU)
    ends = np.flatnonzero(largest.any(axis=tuple(n for n in range(3) if n != across)))
    middle = np.flatnonzero(largest.any(axis=tuple(n for n in range(3) if n != back))).mean()
    grid = np.ogrid[tuple(slice(0, n) for n in hu.shape)]
    steps = case.geometry.spacing_mm
    for edge, side in ((ends.min(), -1), (ends.max(), 1)):
        centre = np.clip(edge + side * 1.1 * _ARM_HALF_MM / steps[across], 0, hu.shape[across] - 1)
        away = np.hypot((grid[across] - centre) * steps[across], (grid[back] - middle) * steps[back])
        away = np.broadcast_to(away, hu.shape)
        free = hu < _BODY_HU
        for radius, value in ((_ARM_HALF_MM, _MUSCLE_HU), (_HUMERUS_MM, _CORTEX_HU), (_MARROW_MM, _MARROW_HU)):
            hu[free & (away < radius)] = value
    volume = Volume(voxels_hu=hu, geometry=case.geometry, provenance=case.volume.provenance)
    return replace(case, volume=volume)


def renumbered(case: Case, numbers: Renumbering) -> Case:
    """The truth under other numbers; bodies not listed keep theirs."""
    table = np.arange(256, dtype=np.uint8)
    for old, new in numbers.items():
        table[old] = new
    whole = frozenset(Level(int(table[level])) for level in case.whole)
    return replace(case, truth=table[case.truth], whole=whole)
