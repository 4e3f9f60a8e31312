"""The comparison of arms on given readings, and a network that reads a cropped CT as it reads the whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.density_facts import measure
from benchmarks.ensemble import (
    ARMS,
    FIRST_SEED,
    Judged,
    accuracy,
    compare,
    cut_out,
    drawn_once,
    judge,
    read_once,
    shown,
    table,
)
from models.bmd_regression.network import build
from models.bmd_regression.regress import BmdRegressor, SdFactor
from osteo_core.settings import Settings
from osteo_core.simulate.patient import TEST_SEEDS, draw_patient
from tests.builders.regressors import CannedRegressor

WELL = 40


def judged(chosen: dict[str, list[int]], true: list[int]) -> list[Judged]:
    return [
        Judged(seed=n, vendor="GE", is_native=True, true=truth, chosen={arm: chosen.get(arm, true)[n] for arm in ARMS})
        for n, truth in enumerate(true)
    ]


def test_an_arm_that_mends_the_calibrated_value_gains_and_one_that_is_it_gains_nothing() -> None:
    true = [0, 1, 2, 1] * WELL
    off = [1, *true[1:]]
    off[5::8] = [0] * len(off[5::8])
    rows = {row["arm"]: row for row in compare(judged({"calibrated": off, "fuzzy ranks": true, "HU line": off}, true))}
    assert rows["fuzzy ranks"]["kappa"] == pytest.approx(1.0)
    assert rows["fuzzy ranks"]["kappa_gain_low"] > 0
    assert rows["fuzzy ranks"]["accuracy_gain"] == pytest.approx(1 - accuracy(np.array(true), np.array(off)))
    assert [rows["HU line"][f"kappa_gain{end}"] for end in ("", "_low", "_high")] == [0.0, 0.0, 0.0]
    assert "kappa_gain" not in rows["calibrated"]


def test_the_printed_table_says_what_is_better_beyond_doubt() -> None:
    true = [0, 1, 2, 1] * WELL
    off = [1, *true[1:]]
    off[5::8] = [0] * len(off[5::8])
    about = {"way": "tissues", "vendor": "all", "group": "both", "without": 0}
    rows = [about | row for row in compare(judged({"calibrated": off, "HU line": off}, true))]
    text = shown(rows).splitlines()
    assert [line.endswith("yes") for line in text[1:]] == [False, True, False, True, True]
    assert "1.000 (1.000 to 1.000)" in text[-1]


def test_too_few_patients_give_no_figure() -> None:
    rows = compare(judged({}, [0, 1, 2]))
    assert {row["kappa"] for row in rows} == {None}
    assert {row["n"] for row in rows} == {3}


@pytest.fixture(scope="module")
def patient():
    assert FIRST_SEED in TEST_SEEDS
    return draw_patient(FIRST_SEED, situations=False)


@pytest.mark.slow
def test_the_kept_part_is_read_as_the_whole_is_and_each_patient_is_rendered_once(patient, tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = BmdRegressor(build().eval(), model_hash="c" * 12, sd_factor=SdFactor(native=1.0, enhanced=1.0))
    facts, volume, segmentation = measure(patient)
    levels = [m.level for m in facts.measurements]
    whole = network.regress(volume, segmentation, kvp=120.0, levels=levels)
    part = network.regress(*cut_out(volume, segmentation, levels), kvp=120.0, levels=levels)
    assert levels
    for level in levels:
        assert part[level].value == pytest.approx(whole[level].value, abs=1e-3)
    first = drawn_once(patient, tmp_path)
    (kept,) = tmp_path.glob("*.pickle.gz")
    written = kept.stat().st_mtime_ns
    assert drawn_once(patient, tmp_path).facts.measurements == first.facts.measurements == facts.measurements
    assert kept.stat().st_mtime_ns == written
    canned = CannedRegressor(95.0)
    read = [read_once(first, canned, tmp_path) for _ in range(2)]
    assert len(canned.asked) == 1, "read once, then kept"
    assert {m.regressed_mg_cm3.value for m in read[1].measurements} == {95.0}
    found = judge(read[0], Settings(calibration_order="tissues"))
    assert isinstance(found, Judged)
    assert found.chosen["DenseNet-121"] == 1
    assert judge(first.facts, Settings(calibration_order="tissues")) == "the network read nothing"
    rows = table(read[:1], tmp_path)
    assert {(row["way"], row["vendor"]) for row in rows} >= {("tissues", "all"), ("precalibrated", "all")}
