"""A scan's shift as estimated from its tissues: none, a known one, and its uncertainty."""

import numpy as np
import pytest

from osteo_core.density.calibration.beam import expected_tissue_hu
from osteo_core.density.calibration.shift import ANY_SCANNER, TISSUE_SD_HU, Prior, estimate_shift, usable_tissues
from osteo_core.records import CalibrationTissues, TissueSample
from osteo_core.terms import ContrastPhase

EXPECTED = expected_tissue_hu(120, 28.0)
WIDE = Prior(offset_sd_hu=100.0, gain_sd=1.0, source="test")


def _tissues(phase, **hu):
    samples = tuple(TissueSample(name=n.replace("_", " "), mean_hu=v, sd_hu=9.0, area_mm2=900.0) for n, v in hu.items())
    return CalibrationTissues(samples=samples, contrast_phase=phase)


def test_without_tissues_the_shift_is_none_and_as_unsure_as_before():
    shift = estimate_shift({}, EXPECTED, ANY_SCANNER)
    assert (shift.offset_hu, shift.gain, shift.tissues) == (0.0, 0.0, ())
    assert shift.sd_hu(100.0) == pytest.approx(np.hypot(2.0, 1.0))


def test_a_wide_prior_gives_the_weighted_line_through_the_tissues():
    found = {name: 1.02 * hu + 7.0 for name, hu in EXPECTED.items()}
    shift = estimate_shift(found, EXPECTED, WIDE)
    assert (shift.offset_hu, shift.gain) == pytest.approx((7.0, 0.02), abs=0.03)


def test_the_shift_covers_the_truth_as_often_as_it_says():
    # A simulation: offset and gain from the prior, tissues with their own scatter.
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(2000):
        offset, gain = rng.normal(0, ANY_SCANNER.offset_sd_hu), rng.normal(0, ANY_SCANNER.gain_sd)
        found = {n: hu + offset + gain * hu + rng.normal(0, TISSUE_SD_HU[n]) for n, hu in EXPECTED.items()}
        shift = estimate_shift(found, EXPECTED, ANY_SCANNER)
        error = (offset + 100.0 * gain) - (shift.offset_hu + 100.0 * shift.gain)
        held += abs(error) <= 1.96 * shift.sd_hu(100.0)
    assert 0.935 <= held / 2000 <= 0.965


def test_more_tissues_make_it_surer():
    some = estimate_shift({"air": EXPECTED["air"]}, EXPECTED, ANY_SCANNER)
    more = estimate_shift(EXPECTED, EXPECTED, ANY_SCANNER)
    assert more.sd_hu(100.0) < some.sd_hu(100.0) < np.hypot(2.0, 1.0)


def test_implausible_tissues_and_enhanced_blood_and_muscle_do_not_count():
    hu = {"air": -995.0, "fat": -98.0, "muscle": 52.0, "blood": 44.0}
    assert usable_tissues(_tissues(ContrastPhase.NATIVE, **hu)) == hu
    assert set(usable_tissues(_tissues(ContrastPhase.PORTAL_VENOUS, **hu))) == {"air", "fat"}
    assert set(usable_tissues(_tissues(ContrastPhase.NATIVE, **{**hu, "fat": -20.0}))) == {"air", "muscle", "blood"}


def test_deep_fat_stands_for_fat_and_counts_less():
    near = estimate_shift({"fat": EXPECTED["fat"] + 10.0}, EXPECTED, ANY_SCANNER)
    deep = estimate_shift({"deep fat": EXPECTED["fat"] + 10.0}, EXPECTED, ANY_SCANNER)
    assert 0.0 < deep.offset_hu < near.offset_hu
