"""A phantom under the patient's back: the HU of its rods along the patient, and the scanner's errors there."""

from __future__ import annotations

import numpy as np

from osteo_core.density.calibration.known_phantoms import KnownPhantom
from osteo_core.simulate.curve import place_spine
from osteo_core.simulate.flaws import added_hu, contrast_kept
from osteo_core.simulate.palette import beam_of, trunk_mm
from osteo_core.simulate.patient import stream
from osteo_core.simulate.reading import rods_hu
from osteo_core.simulate.shapes import Array
from osteo_core.simulate.truth import SimulatedPatient

#: A rod of 200 mg/cm3 read 208 HU beside vertebral bodies and 247 beside discs in one patient, since the vertebra
#: hardens the beam (a trial's scans). The share of this effect in a patient is drawn between none and all of it.
BESIDE_DISCS = 247.0 / 208.0
#: Distance over which the rods change from the one to the other.
_PASSAGE_MM = 4.0
#: The rods lie this far behind the skin of the back: cushion and the phantom's own case.
_BEHIND_SKIN_MM = 25.0


def contrast_along(patient: SimulatedPatient, z_mm: Array) -> Array:
    """(N,) factor of the contrast between rods and water at heights z: 1 beside bodies, more beside discs."""
    strength = float(stream(patient.seed, "rods").uniform(0, 1)) * (BESIDE_DISCS - 1.0)
    outside = np.full(np.shape(z_mm), np.inf)
    for placed in place_spine(patient).vertebrae:
        half = placed.level.posterior_height_mm / 2.0
        outside = np.minimum(outside, np.abs(np.asarray(z_mm) - float(placed.frame.origin[2])) - half)
    return np.asarray(1.0 + strength * np.clip(outside / _PASSAGE_MM, 0.0, 1.0), dtype=np.float32)


def rods_along(patient: SimulatedPatient, phantom: KnownPhantom, z_mm: Array) -> Array:
    """(rods, N) HU of the rods under the patient's back at heights z, before the scanner's own errors.

    Only the contrast of the mineral changes along z; the rods' water does not.
    """
    beam = beam_of(patient)
    full = np.array(rods_hu(phantom, beam))
    water = np.array([(1000.0 if rod.water_mg_cm3 is None else rod.water_mg_cm3) - 1000.0 for rod in phantom.rods])
    return np.asarray(water[:, None] + (full - water)[:, None] * contrast_along(patient, z_mm), dtype=np.float32)


def shown_rods(patient: SimulatedPatient, hu: Array) -> Array:
    """HU of the rods as this scanner shows them at their position: with gain, offset, cupping, slope and drift."""
    scan, trunk = patient.acquisition, trunk_mm(patient)
    behind = np.array([patient.habitus.trunk_depth_mm / 2.0 + _BEHIND_SKIN_MM])
    added = float(added_hu(scan.flaws, np.zeros(1), behind, trunk_mm=trunk)[0])
    return np.asarray(hu * (scan.gain * contrast_kept(scan.flaws, trunk)) + scan.offset_hu + added, dtype=np.float32)
