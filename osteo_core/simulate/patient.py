"""Draw a patient: sex, age, habitus, spine, vBMD, fractures, contrast, scanner. No rendering here.

Seeds: the demo cohort uses DEMO_SEEDS, benchmarks use TEST_SEEDS; training may use neither.
A seed always gives the same patient, whatever was drawn before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np

from osteo_core.simulate.bones import draw_levels
from osteo_core.simulate.norms import draw_age, draw_marrow_fat, draw_vbmd
from osteo_core.simulate.scanners import (
    ORDINARY_FLEET,
    UNSEEN_FLEET,
    VARIED_FLEET,
    Acquisition,
    Fleet,
    draw_acquisition,
)
from osteo_core.simulate.truth import Contrast, FieldOfView, Habitus, SimulatedPatient, Situation, SpineShape
from osteo_core.terms import ContrastPhase, Sex

_T = TypeVar("_T")

#: Root of all random streams of the simulator.
ROOT_ENTROPY = 20261124
DEMO_SEEDS = range(100_000, 200_000)
TEST_SEEDS = range(500_000, 600_000)
#: For the crops of the regression, which have scanners of their own.
CROP_SEEDS = range(810_000, 900_000)

_SITUATIONS = {
    Situation.PLAIN: 0.58,
    Situation.LOCALISER: 0.14,
    Situation.DOSE_REPORT: 0.07,
    Situation.THICK_BESIDES: 0.06,
    Situation.SHARP_BESIDES: 0.05,
    Situation.THICK_ONLY: 0.04,
    Situation.SHARP_ONLY: 0.03,
    Situation.THORAX_ONLY: 0.03,
}
_VIEWS = {FieldOfView.ABDOMEN_PELVIS: 0.5, FieldOfView.LUMBAR_SPINE: 0.3, FieldOfView.UPPER_ABDOMEN: 0.2}
_PHASES = {ContrastPhase.NATIVE: 0.45, ContrastPhase.PORTAL_VENOUS: 0.40, ContrastPhase.ARTERIAL: 0.15}
#: Rise of trabecular HU: mean by phase and SD between patients (Pompe 2015, Pickhardt 2016).
_MARROW_RISE_HU = {ContrastPhase.ARTERIAL: 11.0, ContrastPhase.PORTAL_VENOUS: 18.0}
_MARROW_RISE_SD_HU = 19.0
#: Share of portal venous scans made minutes later, as delayed ones, and the share of each rise that is left by then:
#: blood clears, kidneys keep more and excrete (design; general knowledge of renal phases).
_DELAYED_SHARE = 0.2
_LEFT_LATER = {
    "aorta_hu": 0.55,
    "vein_hu": 0.57,
    "liver_hu": 0.65,
    "spleen_hu": 0.6,
    "kidney_hu": 0.8,
    "muscle_hu": 1.1,
    "marrow_hu": 0.85,
}
#: Share of delayed scans that show excreted contrast, and the range of its HU at 120 kVp.
_EXCRETING_SHARE, _URINE_HU = 0.9, (250.0, 1500.0)
#: Relative SD between patients of the rises in veins and kidneys (design).
_VEIN_SD, _KIDNEY_SD = 0.08, 0.12


def stream(seed: int, purpose: str) -> np.random.Generator:
    """The random stream of one patient for one purpose; streams are independent of each other."""
    return np.random.default_rng([ROOT_ENTROPY, seed, *purpose.encode()])


def day_stream(patient: SimulatedPatient, purpose: str) -> np.random.Generator:
    """The random stream of whatever is drawn anew each time the patient is positioned on the table."""
    return stream(patient.seed, f"{purpose} {patient.lying}" if patient.lying else purpose)


def draw_patient(seed: int, *, situations: bool = True, age: int | None = None) -> SimulatedPatient:
    """The patient of that seed.

    ``situations`` False gives only series that can be measured (no thick, sharp or thorax-only ones).
    ``age`` in years replaces the drawn one.
    """
    rng = stream(seed, "patient")
    sex = Sex.FEMALE if rng.random() < 0.52 else Sex.MALE
    drawn_age = draw_age(rng)
    age = drawn_age if age is None else age
    habitus = _draw_habitus(rng, sex, age)
    drawn_situation = _choose(rng, _SITUATIONS)
    situation = drawn_situation if situations else Situation.PLAIN
    view = _choose(rng, _VIEWS)
    mean_vbmd = draw_vbmd(rng, age, sex)
    levels = draw_levels(stream(seed, "bones"), mean_vbmd=mean_vbmd, sex=sex, age=age, habitus=habitus)
    spine, contrast, study_day = _draw_spine(rng, age), _draw_contrast(rng), int(rng.integers(0, 730))
    return SimulatedPatient(
        seed=seed,
        patient_id=f"SIM-{seed:06d}",
        sex=sex,
        age_years=age,
        habitus=habitus,
        spine=spine,
        levels=levels,
        contrast=_individual(contrast, stream(seed, "circulation")),
        acquisition=_as_situation(_draw_scan(seed, habitus, view, study_day), situation),
        field_of_view=FieldOfView.THORAX if situation == Situation.THORAX_ONLY else view,
        situation=situation,
        study_day=study_day,
    )


def _draw_scan(seed: int, habitus: Habitus, view: FieldOfView, day: int) -> Acquisition:
    rng = stream(seed, "scan")
    zoomed = view == FieldOfView.LUMBAR_SPINE and rng.random() < 0.4
    trunk = 300.0 if zoomed else habitus.trunk_width_mm
    return draw_acquisition(rng, trunk_mm=trunk, day=day, fleet=_fleet(seed))


def _fleet(seed: int) -> Fleet:
    if seed in TEST_SEEDS:
        return UNSEEN_FLEET
    return VARIED_FLEET if seed in CROP_SEEDS else ORDINARY_FLEET


def _as_situation(scan: Acquisition, situation: Situation) -> Acquisition:
    """The acquisition of the main series; thick or sharp if the study holds nothing better."""
    if situation == Situation.THICK_ONLY:
        return replace(scan, thickness_mm=7.0, step_mm=7.0, noise_hu=scan.noise_hu * 0.62)
    if situation == Situation.SHARP_ONLY:
        return replace(scan, kernel=scan.maker.sharp)
    return scan


def _choose(rng: np.random.Generator, shares: Mapping[_T, float]) -> _T:
    names = list(shares)
    return names[int(rng.choice(len(names), p=list(shares.values())))]


def _draw_habitus(rng: np.random.Generator, sex: Sex, age: int) -> Habitus:
    woman = sex == Sex.FEMALE
    height_cm = float(rng.normal(162 if woman else 175, 6.5)) - 0.08 * (age - 40)
    bmi = float(np.clip(rng.normal(26, 4.2), 17, 40))
    frame = height_cm / 168
    return Habitus(
        height_cm=height_cm,
        bmi=bmi,
        trunk_width_mm=float((190 + 5.8 * bmi) * frame + rng.normal(0, 10)),
        trunk_depth_mm=float((88 + 5.4 * bmi) * frame + rng.normal(0, 9)),
        fat_thickness_mm=float(np.clip((1.45 if woman else 1.05) * (bmi - 14) * rng.uniform(0.7, 1.3), 4, 55)),
        muscle_share=float(np.clip(rng.normal(1.05 if not woman else 0.92, 0.08) - 0.003 * (age - 60), 0.65, 1.25)),
        muscle_fat=float(np.clip(rng.normal(0.06 + 0.0025 * (age - 40), 0.04), 0.02, 0.35)),
        fat_density_factor=float(rng.uniform(0.972, 0.99)),
        marrow_fat=draw_marrow_fat(rng, age, sex),
        calcification=float(np.clip(rng.normal(0.02 * (age - 52), 0.3), 0, 1)),
    )


def _draw_spine(rng: np.random.Generator, age: int) -> SpineShape:
    curved = rng.random() < 0.12 + 0.004 * max(age - 50, 0)
    slope = float(np.clip(rng.normal(34, 6), 20, 50))
    return SpineShape(
        sacral_slope_deg=slope,
        lordosis_deg=float(np.clip(slope + rng.normal(9, 5), 25, 65)),
        scoliosis_deg=float(rng.uniform(5, 18)) if curved else float(rng.uniform(0, 3)),
        scoliosis_side=1 if rng.random() < 0.5 else -1,
        turn_deg=float(rng.normal(0, 1.5)),
    )


def _draw_contrast(rng: np.random.Generator) -> Contrast:
    phase = _choose(rng, _PHASES)
    declared = bool(rng.random() < 0.85)
    if phase == ContrastPhase.NATIVE:
        return Contrast(phase=phase)
    marrow = float(np.clip(rng.normal(_MARROW_RISE_HU[phase], _MARROW_RISE_SD_HU), -25, 65))
    strength = float(rng.uniform(0.75, 1.25))
    rises = (270, 25, 12, 60, 110, 5) if phase == ContrastPhase.ARTERIAL else (110, 105, 52, 72, 140, 14)
    aorta, vein, liver, spleen, kidney, muscle = (value * strength for value in rises)
    return Contrast(
        phase=phase,
        aorta_hu=aorta,
        vein_hu=vein,
        liver_hu=liver,
        spleen_hu=spleen,
        kidney_hu=kidney,
        muscle_hu=muscle,
        marrow_hu=marrow,
        declared=declared,
    )


def _individual(contrast: Contrast, rng: np.random.Generator) -> Contrast:
    """The contrast with the patient's own circulation; some portal venous scans become delayed ones."""
    if contrast.phase == ContrastPhase.NATIVE:
        return contrast
    later, excreting = rng.random() < _DELAYED_SHARE, rng.random() < _EXCRETING_SHARE
    urine_hu = float(rng.uniform(*_URINE_HU))
    vein, kidney = (float(np.clip(rng.normal(1, sd), 0.7, 1.3)) for sd in (_VEIN_SD, _KIDNEY_SD))
    contrast = replace(contrast, vein_hu=contrast.vein_hu * vein, kidney_hu=contrast.kidney_hu * kidney)
    if contrast.phase != ContrastPhase.PORTAL_VENOUS or not later:
        return contrast
    left = {name: getattr(contrast, name) * share for name, share in _LEFT_LATER.items()}
    return replace(contrast, phase=ContrastPhase.DELAYED, urine_hu=urine_hu if excreting else 0.0, **left)
