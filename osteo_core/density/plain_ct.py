"""Whether the tissues of a scan look like plain CT at its tube voltage.

The header of a virtual monoenergetic or virtual non-contrast image or of a material map often does not identify it, and
a line HU -> vBMD for the tube voltage then gives a wrong value. The tissues reveal it: at 40 keV compact bone has 2.7
times its HU at 120 kVp and fat lies 80 HU lower; virtual non-contrast removes half of the calcium; a material map shows
fat or muscle near 0. Images at 65 to 100 keV resemble plain CT too closely to be recognized.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteo_core.density.calibration.attenuation import energy_range_kev, mass_attenuation
from osteo_core.density.calibration.beam import beam_kvps, expected_tissue_hu, mineral_attenuation
from osteo_core.limits.plain_ct import (
    BONE_HIGH,
    BONE_LOW,
    BONE_MOST,
    COMPACT_BONE_HU,
    FAT_ABOVE,
    FAT_BELOW,
    FAT_FAR,
    NATIVE_MUSCLE_LOW,
)
from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.records import CalibrationTissues, Series
from osteo_core.terms import ContrastPhase, Step

#: Water path in cm that is assumed if the field of view cuts the body.
_USUAL_PATH_CM = 28.0
#: Compact bone (ICRU-44, 1.92 g/cm3) as hydroxyapatite and remainder, g/cm3.
_BONE_HA, _BONE_REST = 1.15, 0.75
#: Tube voltage in kV at which COMPACT_BONE_HU holds.
_AT_KVP = 120.0


@dataclass(frozen=True, kw_only=True)
class Unlike:
    """A tissue unlike plain CT, in words; ``is_far`` if it is so far off that no line for the tube voltage holds."""

    words: str
    is_far: bool


def plain_ct_cautions(series: Series, tissues: CalibrationTissues) -> tuple[Caution, ...]:
    """One caution that names the tissues unlike plain CT at the stated tube voltage; () if there are none."""
    found = "; ".join(one.words for one in _unlike(series, tissues))
    return (Caution(code=CautionCode.NOT_PLAIN_CT, step=Step.MEASURE, found=found),) if found else ()


def no_plain_ct(series: Series, tissues: CalibrationTissues) -> Exclusion | None:
    """Why no line for the stated tube voltage holds for this image; None if one may."""
    far = "; ".join(one.words for one in _unlike(series, tissues) if one.is_far)
    return Exclusion(code=ExclusionCode.NOT_PLAIN_CT, step=Step.CALIBRATE, found=far) if far else None


def _unlike(series: Series, tissues: CalibrationTissues) -> list[Unlike]:
    """The tissues that do not fit; [] without a stated tube voltage, since there is no vBMD then either."""
    if not series.kvp:
        return []
    found = [_bone(series, series.kvp, tissues), _fat(series.kvp, tissues), _muscle(tissues)]
    return [one for one in found if one is not None]


def _bone(series: Series, kvp: float, tissues: CalibrationTissues) -> Unlike | None:
    sample = tissues.sample("cortical") or tissues.sample("dense bone")
    if sample is None:
        return None
    usual = _pure_bone_hu(mineral_attenuation(_AT_KVP, _USUAL_PATH_CM))
    share_of_pure = COMPACT_BONE_HU.value / usual
    expected = share_of_pure * _pure_bone_hu(mineral_attenuation(kvp, tissues.water_path_cm or _USUAL_PATH_CM))
    share = sample.mean_hu / expected
    # The cortex of the simulated patients is thinner than any real one (700 HU at 120 kVp).
    is_low = share < BONE_LOW.value and not series.is_simulated
    if not is_low and share <= BONE_HIGH.value:
        return None
    like = f", as at about {_apparent_kev(sample.mean_hu / share_of_pure):.0f} keV" if share > 1.0 else ""
    return Unlike(
        words=f"compact bone {sample.mean_hu:.0f} HU, expected {BONE_LOW.value * expected:.0f} to "
        f"{BONE_HIGH.value * expected:.0f} at {kvp:g} kVp{like}",
        is_far=share > BONE_MOST.value,
    )


def _pure_bone_hu(ha_relative: float) -> float:
    """HU of compact bone if hydroxyapatite attenuates ``ha_relative`` times as much as water by mass."""
    return 1000.0 * (_BONE_HA * ha_relative + _BONE_REST - 1.0)


def _apparent_kev(pure_bone_hu: float) -> float:
    """The energy in keV at which compact bone has these HU."""
    low, high = energy_range_kev()
    energies = np.arange(low, high + 1.0)
    hu = [_pure_bone_hu(float(mass_attenuation("HA", e) / mass_attenuation("water", e))) for e in energies]
    return float(np.interp(-pure_bone_hu, -np.array(hu), energies))


def _fat(kvp: float, tissues: CalibrationTissues) -> Unlike | None:
    sample = tissues.sample("fat") or tissues.sample("deep fat")
    if sample is None:
        return None
    tabulated = min(beam_kvps(), key=lambda one: abs(one - kvp))
    expected = expected_tissue_hu(tabulated, tissues.water_path_cm or _USUAL_PATH_CM)["fat"]
    low, high = expected - FAT_BELOW.value, expected + FAT_ABOVE.value
    if low <= sample.mean_hu <= high:
        return None
    return Unlike(
        words=f"fat {sample.mean_hu:.0f} HU, expected {low:.0f} to {high:.0f} at {kvp:g} kVp",
        is_far=abs(sample.mean_hu - expected) > FAT_FAR.value,
    )


def _muscle(tissues: CalibrationTissues) -> Unlike | None:
    sample = tissues.sample("muscle")
    if sample is None or tissues.contrast_phase is not ContrastPhase.NATIVE:
        return None
    if sample.mean_hu >= NATIVE_MUSCLE_LOW.value:
        return None
    return Unlike(words=f"muscle {sample.mean_hu:.0f} HU, expected above {NATIVE_MUSCLE_LOW.value:g}", is_far=False)
