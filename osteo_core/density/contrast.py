"""Contrast phase, as the image shows it and as the header states it, and its effect on trabecular HU.

The image decides; the header alone misleads (a missing agent does not prove a native scan).
A phase is named only if the vessels show it clearly, otherwise 'enhanced, phase unknown'.
"""

from __future__ import annotations

import numpy as np

from osteo_core.limits.acquisition import KVP_TOLERANCE
from osteo_core.limits.contrast import (
    ARTERIAL_BLOOD_HU,
    BLOOD_BELOW_MUSCLE_HU,
    DELAYED_BLOOD_HU,
    DELAYED_RATIO,
    ENHANCED_BLOOD_HU,
    NATIVE_BLOOD_HIGH_HU,
    NATIVE_BLOOD_LOW_HU,
    PORTAL_BLOOD_HU,
    PORTAL_RATIO,
)
from osteo_core.outcomes import Caution, CautionCode
from osteo_core.records import CalibrationTissues, ContrastCorrection, Series
from osteo_core.terms import ContrastPhase, Step, names_agent

#: HU of iodine relative to 120 kVp, for which the shifts were published: iodine and water attenuation over tungsten
#: spectra (8 deg, 6 mm Al + 0.9 mm Ti) after 25 cm of water, energy weighted (computed 2026-11-24).
IODINE_RATIO_TO_120: dict[float, float] = {80.0: 1.62, 100.0: 1.24, 120.0: 1.0, 140.0: 0.83}
_NATIVE_BLOOD_HU, _NATIVE_KIDNEY_HU = 45.0, 35.0
#: The vessel that each sample is taken to be, as messages name it.
_VESSELS = {"blood": "aorta", "cava": "cava"}


#: Mean rise of L1 trabecular HU over native at 120 kVp (Pompe 2015, n=99), and the SD of patients about the mean
#: rise (Pickhardt 2016, n=157).
RISE_HU: dict[ContrastPhase, float] = {ContrastPhase.ARTERIAL: 13.5, ContrastPhase.PORTAL_VENOUS: 18.2}
CONTRAST_SCATTER_SD_HU = 19.2
_SOURCE = "rise Pompe 2015 (n=99), scatter Pickhardt 2016 (n=157), both at 120 kVp; other kVp by the HU of iodine"


def contrast_correction(phase: ContrastPhase, kvp: float | None) -> ContrastCorrection | None:
    """The correction for a phase; None for a native scan. An unknown phase is treated as possibly enhanced.

    The mean rise is subtracted if it is published for the phase and the tube voltage is tabulated. Otherwise the
    value stays as measured, and its interval is extended downwards by the portal venous rise. In the arterial
    phase bone enhances steeply with time, so the difference between the two rises is added to the scatter (root
    of the sum of squares).
    """
    if phase is ContrastPhase.NATIVE:
        return None
    ratio = next((r for own, r in IODINE_RATIO_TO_120.items() if abs(own - (kvp or 0.0)) <= KVP_TOLERANCE.value), None)
    rise = RISE_HU.get(phase)
    if rise is not None and ratio is not None:
        uncertain = max(RISE_HU.values()) - rise
        return ContrastCorrection(
            name=f"{phase.value} {-rise * ratio:.1f} HU, v1",
            shift_hu=-rise * ratio,
            scatter_sd_hu=float(np.hypot(CONTRAST_SCATTER_SD_HU, uncertain)) * ratio,
            possible_bias_hu=0.0,
            source=_SOURCE,
        )
    known = ratio or max(IODINE_RATIO_TO_120.values())
    return ContrastCorrection(
        name="contrast not corrected, v1",
        shift_hu=0.0,
        scatter_sd_hu=CONTRAST_SCATTER_SD_HU * known,
        possible_bias_hu=max(RISE_HU.values()) * known,
        source=_SOURCE,
    )


def phase_of_vessels(
    aorta_hu: float | None,
    cava_hu: float | None,
    kidney_hu: float | None,
    urine_hu: float | None = None,
    muscle_hu: float | None = None,
) -> ContrastPhase:
    """The phase that vessels and kidneys show; UNKNOWN if none was found or none looks like blood.

    ``urine_hu``: excreted contrast, if seen. NATIVE is returned only if aorta and cava look like native blood.

    Enhanced phases are told apart by ratios of enhancement, which hold at every tube voltage and dose: cava over aorta
    is small in the arterial phase; kidney over aorta grows as blood clears; excretion takes minutes to begin.

    >>> phase_of_vessels(45.0, 44.0, 35.0).value
    'native'
    >>> phase_of_vessels(300.0, 80.0, 150.0).value
    'arterial'
    """
    brightest = max((hu for hu in (aorta_hu, cava_hu, kidney_hu) if hu is not None), default=None)
    if brightest is None:
        return ContrastPhase.UNKNOWN
    if brightest < ENHANCED_BLOOD_HU.value:
        return ContrastPhase.NATIVE if _is_native_blood(aorta_hu, cava_hu, muscle_hu) else ContrastPhase.UNKNOWN
    if aorta_hu is None or aorta_hu < DELAYED_BLOOD_HU.value:
        return ContrastPhase.ENHANCED
    if cava_hu is None:
        return ContrastPhase.ARTERIAL if aorta_hu >= ARTERIAL_BLOOD_HU.value else ContrastPhase.ENHANCED
    rise = aorta_hu - _NATIVE_BLOOD_HU
    share = (cava_hu - _NATIVE_BLOOD_HU) / rise
    if share < PORTAL_RATIO.value:
        return ContrastPhase.ARTERIAL if _is_arterial(aorta_hu, share) else ContrastPhase.ENHANCED
    kidney_share = ((kidney_hu or 0.0) - _NATIVE_KIDNEY_HU) / rise
    if urine_hu is not None or kidney_share >= DELAYED_RATIO.value:
        return ContrastPhase.DELAYED
    return ContrastPhase.PORTAL_VENOUS if aorta_hu >= PORTAL_BLOOD_HU.value else ContrastPhase.ENHANCED


def _is_native_blood(aorta_hu: float | None, cava_hu: float | None, muscle_hu: float | None) -> bool:
    """Whether the presumed aorta can be blood and neither vessel is brighter than native blood."""
    if aorta_hu is None or not NATIVE_BLOOD_LOW_HU.value <= aorta_hu <= NATIVE_BLOOD_HIGH_HU.value:
        return False
    if muscle_hu is not None and aorta_hu < muscle_hu - BLOOD_BELOW_MUSCLE_HU.value:
        return False
    return cava_hu is None or cava_hu <= NATIVE_BLOOD_HIGH_HU.value


def _is_arterial(aorta_hu: float, share: float) -> bool:
    return aorta_hu >= PORTAL_BLOOD_HU.value and share < PORTAL_RATIO.value * 2 / 3


def decide_phase(series: Series, tissues: CalibrationTissues) -> tuple[ContrastPhase, tuple[Caution, ...]]:
    """The phase to use, with cautions if the scan is enhanced or unclear, or header and image disagree."""
    declared, seen = is_declared(series), tissues.contrast_phase
    blood = tissues.sample("blood")
    found = f"{seen.value}, blood {blood.mean_hu:.0f} HU" if blood else seen.value
    if seen is ContrastPhase.UNKNOWN:
        if not declared:
            return seen, (_caution(CautionCode.CONTRAST_UNKNOWN, _unclear(tissues)),)
        return ContrastPhase.ENHANCED, (_caution(CautionCode.CONTRAST, f"declared in the header; {_unclear(tissues)}"),)
    if seen is ContrastPhase.NATIVE:
        return seen, (_caution(CautionCode.CONTRAST_UNSEEN, found),) if declared else ()
    cautions = (_caution(CautionCode.CONTRAST, found),)
    return seen, cautions if declared else (*cautions, _caution(CautionCode.CONTRAST_UNDECLARED, found))


def _unclear(tissues: CalibrationTissues) -> str:
    """Why no phase can be named, with the HU of the presumed vessels."""
    found = [f"{words} {s.mean_hu:.0f} HU" for n, words in _VESSELS.items() if (s := tissues.sample(n)) is not None]
    return f"vessels do not look like native or enhanced blood: {', '.join(found)}" if found else "no vessel is in view"


def is_declared(series: Series) -> bool:
    """True when the header names a contrast agent."""
    return names_agent(series.contrast_bolus_agent)


def _caution(code: CautionCode, found: str) -> Caution:
    return Caution(code=code, step=Step.MEASURE, found=found)
