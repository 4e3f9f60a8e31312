"""Bands and relations of the density scale: the arithmetic on handmade pairs, the scale itself on physics."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.density_bands import Pair, bands, pairs_of, physical_facts
from benchmarks.density_relations import figure, own_line, relations
from osteo_core.density.calibration.choose import choose_calibration
from osteo_core.density.calibration.setup import read_setup
from osteo_core.settings import Settings
from osteo_core.simulate.flaws import PERFECT
from osteo_core.simulate.patient import DEMO_SEEDS, draw_patient
from osteo_core.simulate.truth import Contrast
from osteo_core.terms import ContrastPhase

PLAIN = Pair(way="tissues", vendor="GE", kvp=120, true_mg_cm3=50.0, qct_mg_cm3=49.0, value_mg_cm3=52.0)


def test_a_band_is_the_mean_difference_from_qct_of_the_levels_that_truly_lie_in_it():
    pairs = [
        PLAIN,
        replace(PLAIN, true_mg_cm3=79.9, value_mg_cm3=48.0),
        replace(PLAIN, true_mg_cm3=80.0, value_mg_cm3=60.0),
        replace(PLAIN, vendor="Siemens", kvp=100, value_mg_cm3=39.0),
        replace(PLAIN, way="phantom", value_mg_cm3=0.0),
    ]
    rows = {(r["way"], r["vendor"], r["kvp"], r["low_mg_cm3"], r["high_mg_cm3"]): r for r in bands(pairs)}
    assert rows["tissues", "GE", 120, 40, 80] | {} == {
        "way": "tissues", "vendor": "GE", "kvp": 120, "low_mg_cm3": 40, "high_mg_cm3": 80, "n": 2, "bias_mg_cm3": 1.0,
    }  # fmt: skip
    assert rows["tissues", "all", "all", 40, 80]["bias_mg_cm3"] == pytest.approx(-8.0 / 3)
    assert rows["tissues", "GE", "all", 0, 240]["n"] == 3
    assert rows["tissues", "GE", 120, 120, 160]["bias_mg_cm3"] is None
    assert rows["phantom", "GE", 120, 40, 80]["bias_mg_cm3"] == -49.0


@pytest.fixture(scope="module")
def scans():
    """Native patients on flawless scanners of the reference filter."""
    drawn = [draw_patient(seed, situations=False) for seed in range(DEMO_SEEDS.start, DEMO_SEEDS.start + 12)]
    return [
        physical_facts(
            replace(
                patient,
                contrast=Contrast(phase=ContrastPhase.NATIVE),
                acquisition=replace(
                    patient.acquisition, filtration="reference", flaws=PERFECT, offset_hu=0.0, gain=1.0, kvp=kvp
                ),
            )
        )
        for patient in drawn
        for kvp in (80, 120)
    ]


def test_phantom_and_tissues_agree_within_3_mg_cm3_from_20_to_220(scans, tmp_path):
    """On scanners of the reference filter; precalibrated, so that both are behind the same body."""
    from benchmarks.density_facts import write_phantoms

    for facts in scans:
        write_phantoms([facts], tmp_path / "phantoms.csv")
        settings = Settings(phantom_table=str(tmp_path / "phantoms.csv"))
        ours, own = (
            choose_calibration(facts.series, read_setup(replace(settings, calibration_order=way)), facts.tissues)
            for way in ("tissues", "precalibrated")
        )
        # The same bone; the rods each have 1 HU of noise, and the scanner's drift since.
        for vbmd in (20.0, 120.0, 220.0):
            hu = (vbmd - own.intercept_mg_cm3) / own.slope_mg_cm3_per_hu
            assert ours.vbmd_mg_cm3(hu) == pytest.approx(vbmd, abs=3.0)


def test_every_way_reads_what_qct_reads_on_scanners_without_flaws(scans):
    pairs = [pair for facts in scans for pair in pairs_of(facts)]
    assert {pair.way for pair in pairs} == {"precalibrated", "phantom", "carried", "tissues", "published"}
    for way in {pair.way for pair in pairs}:
        errors = [pair.value_mg_cm3 - pair.qct_mg_cm3 for pair in pairs if pair.way == way]
        assert abs(np.mean(errors)) < 3.0


def test_relations_tell_how_far_ours_lies_from_each_at_its_hu():
    rows = {row["relation"]: row for row in relations()}
    ours = own_line()
    real = rows["QCT Pro rods, one real scan"]
    assert real["at_100_hu"] == pytest.approx(ours.vbmd_mg_cm3(100.0) - (0.800283 * 100.0 + 8.1229), abs=1e-3)
    # Within the uncertainty stated by a general line, at every HU.
    assert max(abs(real[f"at_{hu}_hu"]) for hu in (0, 50, 100, 150, 200)) < ours.residual_sd_mg_cm3
    assert rows["Bartenschlager 2023, not pre-calibrated, clinical scans"]["our_sd"] == pytest.approx(8.8, abs=0.1)


def test_the_figure_draws_four_lines_and_our_interval():
    drawn = figure()
    assert drawn.count("<polyline") == 4
    assert drawn.count("<polygon") == 1
    assert drawn.startswith("<svg")
