"""One phantom patient through the whole pipeline, with the truth as its segmentation."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from osteo_core import pipeline
from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.pipeline import analyze_series, analyze_volume, joint_hash
from osteo_core.records import CalibrationTissues, Segmentation, Series, TissueSample, Volume
from osteo_core.settings import Settings
from osteo_core.terms import Anchor, Category, ContrastPhase, Level, Status, Step
from tests.builders.regressors import CannedRegressor, reading
from tests.builders.spines import BodySpec, SpineSpec, build_spine, grid, reoriented, segmentation_of

SERIES = Series(
    series_key="s",
    study_key="t",
    patient_key="p",
    series_instance_uid="1.2",
    files=(Path("a"),),
    kvp=120.0,
    patient_age_years=68.0,
)
LEVELS = (Level.T12, Level.L1, Level.L2, Level.L3)
TORSO = grid(spacing_mm=(2.5, 2.5, 2.5), extent_mm=(340.0, 250.0, 170.0), centre_mm=(0.0, -40.0, 0.0))


class TruthSegmenter:
    """Returns the labels made by the builder."""

    name = "truth"
    model_hash = "truth0000000"

    def __init__(self, segmentation: Segmentation) -> None:
        self.segmentation = segmentation

    def segment(self, volume: Volume) -> Segmentation:
        return self.segmentation


def _spine(*, hu: float = 80.0, geometry=TORSO, **changes) -> tuple[Volume, TruthSegmenter]:
    bodies = tuple(BodySpec(level=level, trabecular_hu=hu) for level in LEVELS)
    volume, segmentation = build_spine(SpineSpec(bodies=bodies, **changes), geometry, part_mm=3.0)
    return volume, TruthSegmenter(segmentation)


@pytest.fixture(scope="module")
def osteoporotic():
    volume, segmenter = _spine(hu=80.0, noise_hu=10.0)
    return volume, segmenter, analyze_volume(SERIES, volume, segmenter=segmenter, settings=Settings())


def test_the_whole_way_ends_in_a_category_with_its_reasons(osteoporotic):
    *_, result = osteoporotic
    assert result.status is Status.MEASURED
    assert result.contrast_phase is ContrastPhase.NATIVE
    assessment = result.assessment
    # 0.82 * 80 HU for a typical scan; this phantom torso is smaller and has its own muscle and blood.
    assert assessment.mean_vbmd_mg_cm3.value == pytest.approx(65.6, abs=4.0)
    assert assessment.category is Category.OSTEOPOROSIS
    assert assessment.levels_used == (Level.L1, Level.L2, Level.L3)
    assert assessment.flag_reason.startswith("L1-L3 mean 63 mg/cm³ (")
    assert assessment.calibration.name == "tissues 120 kVp"
    assert assessment.corrections == ()


def test_every_level_has_a_row_and_t12_does_not_count(osteoporotic):
    *_, result = osteoporotic
    assert [m.level for m in result.measurements] == list(LEVELS)
    assert [m.vbmd_mg_cm3 is None for m in result.measurements] == [True, False, False, False]
    assert [e.code for e in result.exclusions] == [ExclusionCode.NOT_A_MEASURED_LEVEL]
    assert [m.fracture_grade for m in result.measurements] == [0, 0, 0, 0]


def test_the_result_names_what_made_it(osteoporotic):
    *_, result = osteoporotic
    assert (result.model_hash, result.settings_hash) == ("truth0000000", Settings().hash)
    assert result.seconds > 0
    assert result.finished_at is not None
    assert result.finished_at.tzinfo is not None
    assert CautionCode.PUBLISHED_LINE in [c.code for c in result.cautions]


def test_flips_and_axis_order_leave_vbmd_and_category_unchanged(osteoporotic):
    volume, segmenter, straight = osteoporotic
    turned_volume, turned_labels = reoriented(volume, segmenter.segmentation, axes=(1, 2, 0), flips=(True, True, False))
    turned = analyze_volume(SERIES, turned_volume, segmenter=TruthSegmenter(turned_labels), settings=Settings())
    assert turned.assessment.category is straight.assessment.category
    for old, new in zip(straight.measurements, turned.measurements, strict=True):
        assert new.median_hu == pytest.approx(old.median_hu, abs=1e-4)
        assert new.volume_ml == pytest.approx(old.volume_ml)
    mean, other = straight.assessment.mean_vbmd_mg_cm3, turned.assessment.mean_vbmd_mg_cm3
    assert other.value == pytest.approx(mean.value, abs=1e-4)


def test_an_undeclared_enhanced_scan_is_cautioned_and_its_interval_wider(osteoporotic):
    volume, segmenter = _spine(hu=80.0, noise_hu=10.0, aorta_hu=150.0)
    enhanced = analyze_volume(SERIES, volume, segmenter=segmenter, settings=Settings())
    codes = [c.code for c in enhanced.cautions]
    assert CautionCode.CONTRAST in codes
    assert CautionCode.CONTRAST_UNDECLARED in codes
    assert "contrast seen though not declared" in enhanced.assessment.review_reasons
    native, other = osteoporotic[2].assessment.mean_vbmd_mg_cm3, enhanced.assessment.mean_vbmd_mg_cm3
    assert other.high - other.low > 1.5 * (native.high - native.low)


def test_without_a_tube_voltage_there_are_hu_and_no_vbmd(osteoporotic):
    volume, segmenter, _ = osteoporotic
    result = analyze_volume(replace(SERIES, kvp=None), volume, segmenter=segmenter, settings=Settings())
    assert result.status is Status.MEASURED
    assert result.assessment.category is Category.NOT_REPORTABLE
    assert result.assessment.mean_hu == pytest.approx(80.0, abs=1.5)
    assert result.assessment.exclusion.code is ExclusionCode.NO_CALIBRATION
    assert {m.vbmd_mg_cm3 for m in result.measurements} == {None}


class _Refuser:
    name, model_hash = "refuser", "refuser00000"

    def segment(self, volume):
        return Exclusion(code=ExclusionCode.MASK_REFUSED, step=Step.SEGMENT, found="it lies elsewhere")


def test_an_engine_that_refuses_is_an_exclusion_and_nothing_is_measured(osteoporotic):
    result = analyze_volume(SERIES, osteoporotic[0], segmenter=_Refuser(), settings=Settings())
    assert (result.status, result.model_hash, result.segmentation) == (Status.EXCLUDED, "refuser00000", None)
    assert [e.sentence for e in result.exclusions] == ["The mask from elsewhere cannot be used: it lies elsewhere."]
    assert (result.measurements, result.assessment) == ((), None)


def test_an_engines_cautions_stand_in_the_result(osteoporotic):
    volume, segmenter, _ = osteoporotic
    told = (
        Caution(code=CautionCode.MASK_FROM_ELSEWHERE, step=Step.SEGMENT, found="verse"),
        Caution(code=CautionCode.LEVELS_UNSURE, step=Step.SEGMENT, found="the mask holds L6"),
    )
    with_words = TruthSegmenter(replace(segmenter.segmentation, cautions=told, anchor=Anchor.STATED))
    result = analyze_volume(SERIES, volume, segmenter=with_words, settings=Settings())
    assert set(told) <= set(result.cautions)
    assert "levels need a second look" in result.assessment.review_reasons


def test_no_lumbar_level_is_an_exclusion_with_what_was_found():
    volume, segmentation = build_spine(
        SpineSpec(bodies=(BodySpec(level=Level.T11), BodySpec(level=Level.T12))), TORSO, part_mm=3.0
    )
    result = analyze_volume(SERIES, volume, segmenter=TruthSegmenter(segmentation), settings=Settings())
    assert result.status is Status.EXCLUDED
    assert result.exclusions[0].code is ExclusionCode.NO_LUMBAR_LEVEL
    assert result.exclusions[0].sentence == "No lumbar vertebra could be found and numbered (outlined: T11, T12)."
    assert result.assessment.category is Category.NOT_REPORTABLE


def test_nothing_outlined_is_a_result_too(osteoporotic):
    volume, *_ = osteoporotic
    empty = segmentation_of(np.zeros(volume.geometry.shape, dtype=np.uint8), volume.geometry)
    result = analyze_volume(SERIES, volume, segmenter=TruthSegmenter(empty), settings=Settings())
    assert result.status is Status.EXCLUDED
    assert result.measurements == ()
    assert "no level from T12 to L5 is outlined" in result.exclusions[0].sentence


def test_a_series_that_cannot_be_read_keeps_its_reason(monkeypatch):
    reason = Exclusion(code=ExclusionCode.MISSING_SLICES, step=Step.READ, found="2 gaps")
    monkeypatch.setattr(pipeline, "read_volume", lambda series: reason)
    segmenter = TruthSegmenter(segmentation_of(np.zeros((2, 2, 2), dtype=np.uint8), grid(extent_mm=(2.0, 2.0, 2.0))))
    result = analyze_series(SERIES, segmenter=segmenter, settings=Settings())
    assert (result.status, result.exclusions, result.assessment) == (Status.EXCLUDED, (reason,), None)


def test_a_read_series_goes_all_the_way(monkeypatch, osteoporotic):
    volume, segmenter, straight = osteoporotic
    monkeypatch.setattr(pipeline, "read_volume", lambda series: volume)
    result = analyze_series(replace(SERIES, is_simulated=True), segmenter=segmenter, settings=Settings())
    assert result.assessment.mean_vbmd_mg_cm3 == straight.assessment.mean_vbmd_mg_cm3
    assert CautionCode.SIMULATED in [c.code for c in result.cautions]


def test_tissues_found_by_their_place_overrule_the_histogram():
    read = Caution(code=CautionCode.HU_SHIFT, step=Step.READ, found="air -826 HU")
    own = Caution(code=CautionCode.HU_SHIFT, step=Step.MEASURE, found="fat -50 HU")
    samples = {
        name: TissueSample(name=name, mean_hu=0.0, sd_hu=1.0, area_mm2=100.0) for name in ("air", "fat", "muscle")
    }
    reported = pipeline._hu_shift_reported_once
    assert reported((read, own), CalibrationTissues(samples=tuple(samples.values()))) == (own,)
    assert reported((read,), CalibrationTissues(samples=tuple(samples.values()))) == ()
    assert reported((read, own), CalibrationTissues(samples=(samples["fat"],))) == (read,)
    assert reported((own,), CalibrationTissues(samples=(samples["fat"],))) == (own,)


def _with_reader(osteoporotic, regressor, series=SERIES):
    volume, segmenter, _ = osteoporotic
    return analyze_volume(series, volume, segmenter=segmenter, settings=Settings(), regressor=regressor)


def test_a_regressor_that_agrees_stands_beside_and_changes_nothing_else(osteoporotic):
    regressor = CannedRegressor(72.0)
    plain, found = osteoporotic[2], _with_reader(osteoporotic, regressor)
    assert regressor.asked == [(120.0, (Level.L1, Level.L2, Level.L3))]
    assert [m.regressed_mg_cm3 for m in found.measurements] == [None, *[reading(72.0)] * 3]
    assert [m.vbmd_mg_cm3 for m in found.measurements] == [m.vbmd_mg_cm3 for m in plain.measurements]
    assert found.assessment == plain.assessment
    assert found.cautions == plain.cautions
    assert found.model_hash == joint_hash("truth0000000", regressor.model_hash) != plain.model_hash


def test_a_regressor_that_disagrees_is_told_and_the_category_stands(osteoporotic):
    plain, found = osteoporotic[2], _with_reader(osteoporotic, CannedRegressor(190.0, own={Level.L2: 71.0}))
    told = [c for c in found.cautions if c.code is CautionCode.REGRESSION_DISAGREES]
    assert [c.level for c in told] == [Level.L1, Level.L3, None]
    assert "the network's vBMD differs from the calibrated value" in found.assessment.review_reasons
    assert "the network's vBMD differs from the calibrated value" not in plain.assessment.review_reasons
    for name in ("category", "mean_vbmd_mg_cm3", "is_flagged", "flag_reason", "levels_used", "exclusion"):
        assert getattr(found.assessment, name) == getattr(plain.assessment, name)


def test_a_regressor_is_not_asked_where_the_tube_voltage_is_unknown_or_nothing_is_sound(osteoporotic):
    regressor = CannedRegressor(190.0)
    found = _with_reader(osteoporotic, regressor, series=replace(SERIES, kvp=None))
    volume, *_ = osteoporotic
    empty = segmentation_of(np.zeros(volume.geometry.shape, dtype=np.uint8), volume.geometry)
    analyze_volume(SERIES, volume, segmenter=TruthSegmenter(empty), settings=Settings(), regressor=regressor)
    assert regressor.asked == []
    assert {m.regressed_mg_cm3 for m in found.measurements} == {None}


def test_a_series_without_an_answer_is_named_by_all_models_of_its_run(osteoporotic):
    found = analyze_volume(
        SERIES, osteoporotic[0], segmenter=_Refuser(), settings=Settings(), regressor=CannedRegressor(72.0)
    )
    assert found.model_hash == joint_hash("refuser00000", CannedRegressor.model_hash)
