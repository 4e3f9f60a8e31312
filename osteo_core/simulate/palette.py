"""HU of every tissue of one patient in its own beam and contrast phase."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from osteo_core.simulate.flaws import added_hu, contrast_kept
from osteo_core.simulate.physics import Beam, iodine_for, mixture_hu, tissue_hu, trabecular_hu
from osteo_core.simulate.truth import SimulatedLevel, SimulatedPatient

#: Tube voltage for which the rises of ``Contrast`` are stated; iodine is brighter at lower ones.
_RISE_KVP = 120
#: Thin vertebral cortex is porous: this share is compact bone, the rest soft tissue.
_CORTEX_SOLID = 0.72
#: Water path through the spine in cm, mean over directions, per mm of the trunk's mean diameter: 0.0991 (SD 0.0024) in
#: the painted trunks of seeds 820000 to 820023.
_WATER_CM_PER_MM_TRUNK = 0.099
_LEAST_WATER_CM, _MOST_WATER_CM = 20.0, 44.0


@dataclass(frozen=True, kw_only=True)
class Palette:
    """Mean HU by tissue; other tissues are derived from these where they are painted."""

    fat: float
    muscle: float
    skin: float
    blood: float
    aorta: float
    vein: float
    liver: float
    spleen: float
    kidney: float
    urine: float
    bowel: float
    disc: float
    cartilage: float
    cortex: float
    cord: float
    sac: float
    lung: float
    table: float
    metal: float


def beam_of(patient: SimulatedPatient) -> Beam:
    """The beam at the spine, from the patient's scanner and size."""
    water_cm = float(np.clip(trunk_mm(patient) * _WATER_CM_PER_MM_TRUNK, _LEAST_WATER_CM, _MOST_WATER_CM))
    scan = patient.acquisition
    filtration = scan.filtration or scan.maker.vendor.value
    return Beam(filtration=filtration, kvp=scan.kvp + scan.flaws.kvp_shift, water_cm=water_cm)


def trunk_mm(patient: SimulatedPatient) -> float:
    """Mean diameter of the trunk in mm."""
    return (patient.habitus.trunk_width_mm + patient.habitus.trunk_depth_mm) / 2


def palette_of(patient: SimulatedPatient) -> Palette:
    """Tissue HU of one patient."""
    beam, contrast, habitus = beam_of(patient), patient.contrast, patient.habitus

    def enhanced(name: str, rise: float, *, density_factor: float = 1.0) -> float:
        return tissue_hu(
            name, beam, density_factor=density_factor, iodine_mg_ml=iodine_for(rise, replace(beam, kvp=_RISE_KVP))
        )

    fat = tissue_hu("adipose", beam, density_factor=habitus.fat_density_factor)
    cortical = tissue_hu("cortical", beam)
    muscle = enhanced("muscle", contrast.muscle_hu, density_factor=1.012)
    return Palette(
        fat=fat,
        muscle=muscle,
        skin=enhanced("skin", 0.0, density_factor=0.97),
        blood=tissue_hu("blood", beam, density_factor=0.985),
        aorta=enhanced("blood", contrast.aorta_hu, density_factor=0.985),
        vein=enhanced("blood", contrast.vein_hu, density_factor=0.985),
        liver=enhanced("liver", contrast.liver_hu),
        spleen=enhanced("spleen", contrast.spleen_hu, density_factor=0.99),
        kidney=enhanced("kidney", contrast.kidney_hu, density_factor=0.985),
        urine=enhanced("blood", contrast.urine_hu, density_factor=0.96),
        bowel=enhanced("bowel", contrast.liver_hu * 0.5, density_factor=1.005),
        disc=tissue_hu("cartilage", beam, density_factor=0.99),
        cartilage=tissue_hu("cartilage", beam),
        cortex=_CORTEX_SOLID * cortical + (1 - _CORTEX_SOLID) * muscle,
        cord=tissue_hu("brain", beam),
        sac=12.0,
        lung=tissue_hu("lung", beam, density_factor=0.16),
        table=mixture_hu({"carbon": 1.25}, beam),
        metal=min(tissue_hu("titanium", beam), 6000.0),
    )


def _scaled_rise(rise_hu: float, beam: Beam) -> float:
    """The rise in this beam, in HU, from the iodine that gives ``rise_hu`` on this scanner at 120 kVp."""
    iodine = iodine_for(rise_hu, replace(beam, kvp=_RISE_KVP))
    return tissue_hu("muscle", beam, iodine_mg_ml=iodine) - tissue_hu("muscle", beam)


def trabecular_expectation_hu(patient: SimulatedPatient, level: SimulatedLevel) -> float:
    """Mean HU of the trabecular core before the scanner's own calibration error: mineral, marrow and contrast.

    An unbiased measurement of the rendered series should find this value after
    ``shown_hu`` has added the scanner's calibration error and flaws.
    """
    return native_trabecular_hu(patient, level) + _scaled_rise(patient.contrast.marrow_hu, beam_of(patient))


def native_trabecular_hu(patient: SimulatedPatient, level: SimulatedLevel) -> float:
    """The same without contrast: mineral and marrow alone."""
    return trabecular_hu(level.ha_mg_cm3, patient.habitus.marrow_fat, beam_of(patient))


def shown_hu(patient: SimulatedPatient, hu: float, *, behind_middle_mm: float) -> float:
    """HU as this scanner shows them in the midline, that far behind the trunk's middle: with gain, offset and flaws."""
    scan, trunk = patient.acquisition, trunk_mm(patient)
    added = added_hu(scan.flaws, np.zeros(1), np.array([behind_middle_mm]), trunk_mm=trunk)
    return hu * scan.gain * contrast_kept(scan.flaws, trunk) + scan.offset_hu + float(added[0])
