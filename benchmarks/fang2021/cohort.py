"""The three test sets: one vendor each, as large as in Fang 2021, native scans on scanners unseen in training.

Seeds are those from FIRST_SEED on, within the simulator's TEST_SEEDS (so the fleet is the unseen one), a range used by
no other benchmark or test. Each seed is drawn once: its patient joins the set of its vendor if it was scanned
without contrast and the set is not full; otherwise it is not used. Fractures, implants, cut views and studies without a
measurable series (thick slices, sharp kernel, thorax only) are included as they occur.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from osteo_core.simulate.patient import TEST_SEEDS, draw_patient, stream
from osteo_core.simulate.truth import SimulatedPatient, Situation
from osteo_core.terms import ContrastPhase, Vendor

FIRST_SEED, LAST_SEED = TEST_SEEDS.start + 10_000, TEST_SEEDS.start + 19_999
#: Scans of the same patient: the first, a second after getting up, and the first under another kernel.
FIRST, REPOSITIONED, KERNEL = "first", "repositioned", "kernel"
#: Repositioning: SD of table height (mm), of its effect on HU from front to back, and of the turn of the body.
_HEIGHT_SD_MM, _SLOPE_SD_HU_PER_CM, _TURN_SD_DEG = 7.0, 0.08, 1.0
#: Studies without a series from which vBMD could be measured.
UNFIT = (Situation.THICK_ONLY, Situation.SHARP_ONLY, Situation.THORAX_ONLY)


@dataclass(frozen=True, kw_only=True)
class StudySet:
    """One test set: its number in Fang 2021, the vendor simulated for it, patients, and the published floor.

    ``published_dice_floor`` is the lowest mean Dice of L1-L4; for r the abstract states more than 0.98 in each set. The
    vendors of Fang's sets are not published.
    """

    number: int
    vendor: Vendor
    patients: int
    published_dice_floor: float


SETS = (
    StudySet(number=1, vendor=Vendor.SIEMENS, patients=463, published_dice_floor=0.823),
    StudySet(number=2, vendor=Vendor.GE, patients=200, published_dice_floor=0.786),
    StudySet(number=3, vendor=Vendor.PHILIPS, patients=200, published_dice_floor=0.782),
)
PUBLISHED_R = 0.98


def draw_sets(limit: int | None = None) -> dict[int, list[int]]:
    """Seeds of each set by its number; at most ``limit`` per set. Raises ValueError if the range is used up."""
    wanted = {one.vendor: one for one in SETS}
    sizes = {one.number: min(one.patients, limit or one.patients) for one in SETS}
    found: dict[int, list[int]] = {one.number: [] for one in SETS}
    for seed in range(FIRST_SEED, LAST_SEED + 1):
        if all(len(found[number]) == size for number, size in sizes.items()):
            return found
        patient = draw_patient(seed)
        own = wanted.get(patient.acquisition.maker.vendor)
        is_native = patient.contrast.phase is ContrastPhase.NATIVE
        if own and is_native and len(found[own.number]) < sizes[own.number]:
            found[own.number].append(seed)
    raise ValueError(f"seeds {FIRST_SEED} to {LAST_SEED} hold too few native patients of a vendor; widen the range")


def draw_rescans(seeds: list[int], patients: int) -> list[int]:
    """The first ``patients`` of a set whose studies have a measurable series."""
    return [seed for seed in seeds if draw_patient(seed).situation not in UNFIT][:patients]


def scanned(seed: int, scan: str) -> SimulatedPatient:
    """The patient of a seed as in that scan; anatomy and scanner stay the same."""
    patient = draw_patient(seed)
    if scan == REPOSITIONED:
        return _lying_anew(patient)
    if scan == KERNEL:
        return _other_kernel(patient)
    return patient


def _lying_anew(patient: SimulatedPatient) -> SimulatedPatient:
    rng = stream(patient.seed, "rescan")
    own = patient.acquisition
    flaws = replace(own.flaws, slope_hu_per_cm=own.flaws.slope_hu_per_cm + float(rng.normal(0, _SLOPE_SD_HU_PER_CM)))
    height_mm = own.table_height_mm + float(rng.normal(0, _HEIGHT_SD_MM))
    turned = patient.spine.turn_deg + float(rng.normal(0, _TURN_SD_DEG))
    return replace(
        patient,
        lying=1,
        spine=replace(patient.spine, turn_deg=turned),
        acquisition=replace(own, flaws=flaws, table_height_mm=height_mm),
    )


def _other_kernel(patient: SimulatedPatient) -> SimulatedPatient:
    """The same raw data with the vendor's next soft kernel."""
    own = patient.acquisition
    soft = own.maker.soft
    after = soft[(int(np.flatnonzero([kernel == own.kernel for kernel in soft])[0]) + 1) % len(soft)]
    return replace(patient, acquisition=replace(own, kernel=after))
