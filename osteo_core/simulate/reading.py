"""What QCT reads of simulated bone: the one place where ``ha_mg_cm3`` becomes ``vbmd_mg_cm3``.

A named phantom lies under the patient. Its rods are as certified, behind the same body and in the same beam as the
vertebra, and the phantom's own arithmetic converts the HU of bone to mineral. So marrow fat changes the reading as it
does in reality: bone and marrow share one HU, and no phantom can tell fat from missing mineral.
"""

from __future__ import annotations

from functools import cache

from osteo_core.density.calibration.known_phantoms import QCT_PRO, KnownPhantom, RodFit, fit_rods, known_phantoms
from osteo_core.simulate.palette import beam_of, native_trabecular_hu
from osteo_core.simulate.physics import REFERENCE_BEAM, Beam, rod_hu, trabecular_hu
from osteo_core.simulate.truth import SimulatedLevel, SimulatedPatient


def rods_hu(phantom: KnownPhantom, beam: Beam) -> tuple[float, ...]:
    """HU of each rod of the phantom in this beam, in the order of its table."""
    return tuple(rod_hu(rod, phantom.mineral, beam) for rod in phantom.rods)


@cache
def phantom_line(phantom: str, beam: Beam) -> RodFit:
    """The error-free line HU -> vBMD of the phantom of that name in this beam.

    Raises KeyError for a phantom that is not known.
    """
    known = known_phantoms()[phantom]
    return fit_rods(known.rods, rods_hu(known, beam))


def reading_of(ha_mg_cm3: float, fat: float, beam: Beam = REFERENCE_BEAM, *, phantom: str = QCT_PRO) -> float:
    """The error-free QCT reading of this much HA in marrow of this fat fraction, mg/cm3 of the phantom's mineral."""
    return phantom_line(phantom, beam).reading_mg_cm3(trabecular_hu(ha_mg_cm3, fat, beam))


def ha_behind(vbmd_mg_cm3: float, fat: float) -> float:
    """HA (mg/cm3) that a QCT Pro reads as ``vbmd_mg_cm3`` in marrow of this fat fraction and in the reference beam.

    Never below 0: marrow without fat reads more than zero by itself.
    """
    empty, full = reading_of(0.0, fat), reading_of(100.0, fat)
    return max(100.0 * (vbmd_mg_cm3 - empty) / (full - empty), 0.0)


def true_vbmd(patient: SimulatedPatient, level: SimulatedLevel, *, phantom: str = QCT_PRO) -> float:
    """The error-free QCT reading of a level in mg/cm3, with the phantom in the patient's own beam, without contrast."""
    return phantom_line(phantom, beam_of(patient)).reading_mg_cm3(native_trabecular_hu(patient, level))
