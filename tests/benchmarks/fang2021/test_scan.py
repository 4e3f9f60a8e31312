"""One scan from DICOM to its rows: a value under both calibrations, a reason, or a counted failure."""

import pytest

from benchmarks.fang2021 import scan
from benchmarks.fang2021.cohort import FIRST_SEED, LAST_SEED, SETS
from benchmarks.fang2021.scan import CALIBRATIONS, EXCLUDED, FAILED, REPORTED, scan_rows
from commands.analysis_job import Models
from osteo_core.records import Segmentation, Volume
from osteo_core.simulate.patient import draw_patient
from osteo_core.simulate.truth import FieldOfView, Situation
from osteo_core.terms import ContrastPhase

VENDORS = {one.vendor for one in SETS}


def first_seed(situation: Situation) -> int:
    """A native patient of the sets with that study and a short field of view."""
    for seed in range(FIRST_SEED, LAST_SEED):
        patient = draw_patient(seed)
        short = patient.field_of_view in (FieldOfView.LUMBAR_SPINE, FieldOfView.THORAX)
        native = patient.contrast.phase is ContrastPhase.NATIVE and patient.acquisition.maker.vendor in VENDORS
        if patient.situation is situation and native and short and not any(level.fracture for level in patient.levels):
            return seed
    raise LookupError(situation)


class Faulty:
    """A segmenter that fails on every volume."""

    name = "faulty"
    model_hash = "f" * 12

    def segment(self, volume: Volume) -> Segmentation:
        """Always raises."""
        raise RuntimeError("the network fell over")


def faulty() -> Faulty:
    """The function that the engine calls."""
    return Faulty()


def test_a_plain_study_is_outlined_once_and_calibrated_in_two_ways() -> None:
    rows = scan_rows(str(first_seed(Situation.PLAIN)))
    assert [row["calibration"] for row in rows] == list(CALIBRATIONS)
    assert [row["kind"] for row in rows] == ["tissues", "precalibrated"]
    for row in rows:
        value, low, high = row["common"]
        assert row["status"] == REPORTED
        assert low < value < high
        assert value == pytest.approx(sum(row["qct"][level] for level in row["common_levels"]) / 4, abs=15)
        assert min(row["dice"].values()) > 0.8
        assert row["silent"] == 0
    assert rows[0]["dice"] == rows[1]["dice"]


def test_a_study_of_thick_slices_ends_with_its_reason() -> None:
    rows = scan_rows(str(first_seed(Situation.THICK_ONLY)))
    assert [(row["status"], row["reason"]) for row in rows] == [(EXCLUDED, "too_thick")] * 2


def test_a_fault_ends_one_scan_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    models = Models(segmenter=f"{__name__}:faulty", model_hash="f" * 12)
    monkeypatch.setattr(scan, "default_models", lambda: models)
    rows = scan_rows(str(first_seed(Situation.PLAIN)))
    assert [(row["status"], row["reason"]) for row in rows] == [(FAILED, "RuntimeError")] * 2
