"""Draw the vertebrae of one patient: sizes, vBMD by level, fractures, degeneration, hardware."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from osteo_core.simulate.norms import LEVEL_OFFSET_MG_CM3, LOWEST_VBMD_MG_CM3, SIZES, mean_marrow_fat
from osteo_core.simulate.reading import ha_behind
from osteo_core.simulate.truth import Fracture, FractureKind, Habitus, SimulatedLevel
from osteo_core.terms import Level, Sex

#: Height lost by Genant grade (1993: 20-25, 25-40, over 40 %), kept off the borders.
LOSS_BY_GRADE = {1: (0.205, 0.245), 2: (0.26, 0.39), 3: (0.42, 0.55)}
_FRACTURE_SHARE = {Level.T11: 0.8, Level.T12: 1.6, Level.L1: 1.8, Level.L2: 1.1, Level.L3: 0.8, Level.L4: 0.6}
#: Middle height of a sound body over the mean of its rims: both endplates are concave.
_MIDDLE_SHARE = 0.92


def draw_levels(
    rng: np.random.Generator, *, mean_vbmd: float, sex: Sex, age: int, habitus: Habitus
) -> tuple[SimulatedLevel, ...]:
    """T5 to L5 of one patient; ``mean_vbmd``: QCT Pro's reading of L1-L4 with the usual marrow of the age, mg/cm3.

    The patient's own marrow, fatter or leaner than usual, changes the reading of QCT but not the mineral.
    """
    scale = (habitus.height_cm / 168) ** 0.7 * (1.02 if sex == Sex.MALE else 0.965) * float(rng.normal(1, 0.025))
    vbmd = _vbmd_by_level(rng, mean_vbmd)
    fractures = _draw_fractures(rng, mean_vbmd=mean_vbmd, age=age)
    hardware = _draw_hardware(rng, fractures)
    wear = float(np.clip(rng.normal((age - 45) / 60, 0.2), 0, 1))
    return tuple(
        _draw_level(
            rng,
            level,
            vbmd=vbmd[level],
            fracture=fractures.get(level),
            make=_Make(scale=scale, wear=wear, usual_fat=mean_marrow_fat(age, sex), hardware=hardware.get(level, "")),
        )
        for level in SIZES
    )


class _Make:
    """Properties shared by the vertebrae of one patient, and the hardware of one of them."""

    def __init__(self, *, scale: float, wear: float, usual_fat: float, hardware: str) -> None:
        self.scale, self.wear, self.usual_fat, self.hardware = scale, wear, usual_fat, hardware


def _vbmd_by_level(rng: np.random.Generator, mean_vbmd: float) -> dict[Level, float]:
    """vBMD in mg/cm3 by level: small offsets whose L1-L4 mean is zero, and a rise above L1 (Budoff 2012)."""
    offsets = {level: float(rng.uniform(-LEVEL_OFFSET_MG_CM3, LEVEL_OFFSET_MG_CM3)) for level in SIZES}
    centre = float(np.mean([offsets[level] for level in (Level.L1, Level.L2, Level.L3, Level.L4)]))
    found = {}
    for level, offset in offsets.items():
        rise = 2.5 * max(Level.L1 - level, 0) + (4.0 if level == Level.L5 else 0.0)
        found[level] = max(mean_vbmd + offset - centre + rise, LOWEST_VBMD_MG_CM3)
    return found


def _draw_fractures(rng: np.random.Generator, *, mean_vbmd: float, age: int) -> dict[Level, Fracture]:
    """More at low vBMD and high age; about one in seven patients over 50, mostly near the thoracolumbar junction."""
    risk = 0.055 * float(np.exp((100 - mean_vbmd) / 38)) * float(np.exp((age - 65) / 35))
    found: dict[Level, Fracture] = {}
    for level, share in _FRACTURE_SHARE.items():
        if rng.random() >= min(risk * share / sum(_FRACTURE_SHARE.values()) * 2.2, 0.35):
            continue
        grade = int(rng.choice([1, 2, 3], p=[0.45, 0.38, 0.17]))
        kind = (FractureKind.WEDGE, FractureKind.BICONCAVE, FractureKind.CRUSH)[int(rng.choice(3, p=[0.5, 0.35, 0.15]))]
        found[level] = Fracture(kind=kind, grade=grade, loss=float(rng.uniform(*LOSS_BY_GRADE[grade])))
    return found


def _draw_hardware(rng: np.random.Generator, fractures: Mapping[Level, Fracture]) -> dict[Level, str]:
    cemented = {level: "cement" for level in fractures if rng.random() < 0.12}
    if rng.random() < 0.02:
        return {**cemented, Level.L4: "screws", Level.L5: "screws"}
    return cemented


def _draw_level(
    rng: np.random.Generator, level: Level, *, vbmd: float, fracture: Fracture | None, make: _Make
) -> SimulatedLevel:
    width, depth, height, wedge, disc = (value * float(rng.normal(1, 0.018)) for value in SIZES[level])
    posterior = height * make.scale
    sound = (posterior * wedge, posterior * _MIDDLE_SHARE * (1 + wedge) / 2, posterior)
    anterior, middle, posterior = collapse(sound, fracture)
    worn = make.wear * float(rng.random())
    return SimulatedLevel(
        level=level,
        width_mm=width * make.scale,
        depth_mm=depth * make.scale,
        anterior_height_mm=anterior,
        middle_height_mm=middle,
        posterior_height_mm=posterior,
        disc_below_mm=disc * make.scale * (1 - 0.55 * worn * float(rng.random())),
        ha_mg_cm3=ha_behind(vbmd, make.usual_fat),
        fracture=fracture,
        osteophyte_mm=6.0 * worn * float(rng.random()),
        sclerosis_hu=250.0 * worn * float(rng.random()),
        cement_ml=float(rng.uniform(2, 5)) if make.hardware == "cement" else 0.0,
        screws=make.hardware == "screws",
    )


def collapse(sound: tuple[float, float, float], fracture: Fracture | None) -> tuple[float, float, float]:
    """Anterior, middle and posterior height after a fracture, whose loss is relative to the level's sound height."""
    if fracture is None:
        return sound
    anterior, middle, posterior = sound
    keep = 1.0 - fracture.loss
    if fracture.kind == FractureKind.WEDGE:
        return anterior * keep, middle * (1 - 0.55 * fracture.loss), posterior
    if fracture.kind == FractureKind.BICONCAVE:
        return anterior * (1 - 0.25 * fracture.loss), middle * keep, posterior
    return anterior * keep, middle * keep, posterior * keep
