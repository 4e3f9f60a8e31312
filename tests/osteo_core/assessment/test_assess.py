"""Category, flag and reasons of the assessment, each at its boundary."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from osteo_core.assessment.assess import Evidence, assess, category_of
from osteo_core.assessment.wording import interval_in_words, levels_in_words, osteoporosis_in_words
from osteo_core.density.calibration.apply import vbmd_of_level
from osteo_core.density.calibration.beam import beam_kvps, beam_line
from osteo_core.density.calibration.known_phantoms import USUAL_PHANTOM, known_phantoms
from osteo_core.density.contrast import contrast_correction
from osteo_core.density.roi import refuse_unlike
from osteo_core.limits.category import HA_OVER_K2HPO4
from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.records import Calibration, Estimate, Measurement, Series
from osteo_core.settings import Settings
from osteo_core.terms import MEASURED_LEVELS, Anchor, Category, ContrastPhase, Level, Mineral, Sex, Step

LINE = Calibration(
    name="a line",
    kind="published",
    slope_mg_cm3_per_hu=1.0,
    intercept_mg_cm3=0.0,
    residual_sd_mg_cm3=3.5,
    kvp=120.0,
    mineral=Mineral.K2HPO4,
    source="test",
)
PORTAL = contrast_correction(ContrastPhase.PORTAL_VENOUS, 120.0)
SERIES = Series(
    series_key="s",
    study_key="t",
    patient_key="p",
    series_instance_uid="1.2",
    files=(Path("a"),),
    kvp=120.0,
    patient_age_years=70.0,
)
LEVELS = (Level.L1, Level.L2, Level.L3)


def _level(level: Level, hu: float, **changes) -> Measurement:
    row = Measurement(
        level=level,
        voxels=9000,
        volume_ml=30.0,
        roi_voxels=5000,
        roi_volume_ml=5.0,
        mean_hu=hu,
        median_hu=hu,
        sd_hu=1.0,
        confidence=0.9,
    )
    return replace(row, vbmd_mg_cm3=vbmd_of_level(row, LINE, None), **changes)


def _assess(*measurements: Measurement, series: Series = SERIES, settings: Settings | None = None, **evidence):
    given = {"calibration": LINE, **evidence}
    return assess(series, Evidence(measurements=measurements, **given), settings=settings or Settings())


def _refused(level: Level, code: ExclusionCode) -> Exclusion:
    return Exclusion(code=code, step=Step.MEASURE, found="x", limit="y", level=level)


@pytest.mark.parametrize(
    ("vbmd", "category"),
    [
        (79.99, Category.OSTEOPOROSIS),
        (80.0, Category.LOW_BONE_MASS),
        (120.0, Category.LOW_BONE_MASS),
        (120.01, Category.NORMAL),
    ],
)
def test_both_limits_belong_to_low_bone_mass(vbmd, category):
    assert category_of(vbmd, Settings()) is category


def test_limits_come_from_the_settings():
    east_asian = Settings(osteoporosis_below_mg_cm3=50.0)
    assert category_of(60.0, east_asian) is Category.LOW_BONE_MASS


def test_osteoporosis_is_flagged_with_its_reason_in_words():
    found = _assess(_level(Level.L1, 71.0, fracture_grade=1), _level(Level.L2, 71.0), _level(Level.L3, 71.0))
    assert found.category is Category.OSTEOPOROSIS
    assert found.is_flagged
    assert found.flag_reason == "L1-L3 mean 71 mg/cm³ (64 to 78), possible fracture L1"
    assert found.levels_used == LEVELS
    assert found.mean_hu == pytest.approx(71.0)
    assert "possible fracture L1" in found.review_reasons


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (70.0, 61.0, 79.9, ""),
        (70.0, 60.0, 80.0, "osteoporosis is likely"),
        (79.9, 62.0, 98.0, "osteoporosis is likely"),
        (80.0, 79.9, 98.0, "osteoporosis is possible"),
        (95.0, 78.0, 112.0, "osteoporosis is possible"),
        (95.0, 80.0, 110.0, ""),
    ],
)
def test_the_interval_says_whether_osteoporosis_is_likely_or_possible(value, low, high, words):
    assert osteoporosis_in_words(value, low, high, below=80.0) == words


def test_a_flag_whose_interval_holds_the_limit_says_likely():
    found = _assess(*(_level(level, 76.0) for level in LEVELS))
    assert found.flag_reason == "osteoporosis is likely, L1-L3 mean 76 mg/cm³ (69 to 83)"


def test_normal_bone_is_not_flagged():
    found = _assess(*(_level(level, 150.0, fracture_grade=0) for level in LEVELS))
    assert (found.category, found.is_flagged, found.flag_reason) == (Category.NORMAL, False, "")
    assert found.review_reasons == ()
    assert found.cautions == ()


def test_a_moderate_fracture_flags_whatever_the_density():
    fractured = _level(Level.L2, 150.0, fracture_grade=2, exclusions=(_refused(Level.L2, ExclusionCode.FRACTURED),))
    found = _assess(_level(Level.L1, 150.0), fractured, _level(Level.L3, 150.0))
    assert found.category is Category.NORMAL
    assert found.is_flagged
    assert found.flag_reason == "L1, L3 mean 150 mg/cm³ (143 to 157), fracture L2 (grade 2)"
    assert found.worst_fracture_grade == 2


def test_a_possible_fracture_alone_asks_for_review_and_does_not_flag():
    found = _assess(_level(Level.L1, 150.0, fracture_grade=1), _level(Level.L2, 150.0))
    assert not found.is_flagged
    assert found.review_reasons == ("possible fracture L1",)


def test_one_sound_level_gives_hu_and_no_category():
    found = _assess(
        _level(Level.L1, 90.0), _level(Level.L2, 90.0, exclusions=(_refused(Level.L2, ExclusionCode.LEVEL_CUT),))
    )
    assert found.category is Category.NOT_REPORTABLE
    assert found.exclusion.code is ExclusionCode.TOO_FEW_LEVELS
    assert found.exclusion.sentence == "Usable lumbar levels: 1; at least 2 are needed for a category."
    assert found.mean_vbmd_mg_cm3 is None
    assert found.mean_hu == pytest.approx(90.0)


def test_l5_and_t12_never_make_a_level():
    found = _assess(_level(Level.T12, 60.0), _level(Level.L1, 90.0), _level(Level.L2, 100.0), _level(Level.L5, 200.0))
    assert found.levels_used == (Level.L1, Level.L2)
    assert found.mean_vbmd_mg_cm3.value == pytest.approx(95.0)


def test_without_a_line_there_are_hu_and_the_reason():
    reason = Exclusion(code=ExclusionCode.NO_CALIBRATION, step=Step.CALIBRATE, found="130 kVp")
    found = _assess(_level(Level.L1, 90.0), _level(Level.L2, 90.0), calibration=reason)
    assert (found.category, found.exclusion) == (Category.NOT_REPORTABLE, reason)
    assert (found.mean_vbmd_mg_cm3, found.calibration) == (None, None)
    assert found.mean_hu == pytest.approx(90.0)


def test_under_the_age_limit_the_value_stands_and_the_category_does_not():
    found = _assess(_level(Level.L1, 70.0), _level(Level.L2, 70.0), series=replace(SERIES, patient_age_years=49.0))
    assert found.category is Category.NOT_REPORTABLE
    assert found.mean_vbmd_mg_cm3.value == pytest.approx(70.0)
    assert not found.is_flagged
    assert found.exclusion.sentence == "At 49 years no category by vBMD is given; categories apply from 50 years."
    at_limit = _assess(_level(Level.L1, 70.0), _level(Level.L2, 70.0), series=replace(SERIES, patient_age_years=50.0))
    assert at_limit.category is Category.OSTEOPOROSIS


@pytest.mark.parametrize(
    ("age", "sex", "hu", "words"),
    [
        (45.0, Sex.FEMALE, 163.9, "Z-score -0.5 at 45 years, within the expected range for age (norm Cheng 2021)"),
        (45.0, Sex.FEMALE, 113.5, "Z-score -2.3 at 45 years, below the expected range for age (norm Cheng 2021)"),
        (30.0, Sex.MALE, 176.6, "Z-score 0.0 at 30 years, within the expected range for age (norm Cheng 2021)"),
        (45.0, Sex.UNKNOWN, 113.5, "no Z-score, the norm needs the sex and an age from 20"),
        (19.0, Sex.MALE, 176.6, "no Z-score, the norm needs the sex and an age from 20"),
    ],
)
def test_the_young_get_a_z_score_and_no_category(age, sex, hu, words):
    young = replace(SERIES, patient_age_years=age, patient_sex=sex)
    found = _assess(_level(Level.L1, hu), _level(Level.L2, hu), series=young)
    assert found.category is Category.NOT_REPORTABLE
    assert [c.found for c in found.cautions if c.code in (CautionCode.Z_SCORE, CautionCode.LOW_Z_SCORE)] == [words]
    assert (words in found.review_reasons) == ("below" in words)


def test_a_line_in_another_mineral_gives_no_z_score():
    young = replace(SERIES, patient_age_years=45.0, patient_sex=Sex.FEMALE)
    hydroxyapatite = replace(LINE, mineral=Mineral.HA)
    found = _assess(_level(Level.L1, 90.0), _level(Level.L2, 90.0), series=young, calibration=hydroxyapatite)
    assert [c.found for c in found.cautions] == ["no Z-score, the norm is in K2HPO4 and the line is not"]


def test_the_old_get_no_z_score():
    found = _assess(_level(Level.L1, 90.0), _level(Level.L2, 90.0))
    assert CautionCode.Z_SCORE not in [c.code for c in found.cautions]


@pytest.mark.parametrize(("kvp", "words"), [(100.0, "scanned at 100 kVp, the line"), (None, "an unknown voltage")])
def test_no_category_off_the_calibrated_voltage(kvp, words):
    found = _assess(_level(Level.L1, 70.0), _level(Level.L2, 70.0), series=replace(SERIES, kvp=kvp))
    assert found.category is Category.NOT_REPORTABLE
    assert found.exclusion.code is ExclusionCode.NO_CALIBRATION
    assert words in found.exclusion.sentence


def test_an_unknown_age_is_told_and_never_guessed():
    found = _assess(_level(Level.L1, 70.0), _level(Level.L2, 70.0), series=replace(SERIES, patient_age_years=None))
    assert found.category is Category.OSTEOPOROSIS
    assert "age unknown" in found.review_reasons
    assert [c.code for c in found.cautions] == [CautionCode.AGE_UNKNOWN]


@pytest.mark.parametrize(
    ("hu", "crossed"),
    [
        (100.0, ()),
        (84.0, ("limit 80; osteoporosis is possible",)),
        (76.0, ("limit 80; low bone mass is possible",)),
        (117.0, ("limit 120; normal is possible",)),
        (124.0, ("limit 120; low bone mass is possible",)),
        (60.0, ()),
    ],
)
def test_an_interval_over_a_limit_is_said_in_words(hu, crossed):
    found = _assess(_level(Level.L1, hu), _level(Level.L2, hu))
    sentences = [c.sentence for c in found.cautions if c.code is CautionCode.INTERVAL_CROSSES]
    assert len(sentences) == len(crossed)
    for sentence, words in zip(sentences, crossed, strict=True):
        assert words in sentence


def test_a_wide_interval_may_cross_both_limits():
    wide = replace(LINE, residual_sd_mg_cm3=20.0)
    found = _assess(_level(Level.L1, 100.0), _level(Level.L2, 100.0), calibration=wide)
    (caution,) = found.cautions
    assert caution.found == (
        "61 to 139 mg/cm³ contains the limit 80; osteoporosis is possible too; "
        "61 to 139 mg/cm³ contains the limit 120; normal is possible too"
    )


@pytest.mark.parametrize("anchor", [Anchor.NONE, Anchor.AT_ODDS])
def test_levels_counted_without_an_anchor_or_with_two_at_odds_are_for_review(anchor):
    found = _assess(_level(Level.L1, 150.0), _level(Level.L2, 150.0), anchor=anchor)
    assert [c.code for c in found.cautions] == [CautionCode.LEVELS_UNSURE]
    assert "levels need a second look" in found.review_reasons


@pytest.mark.parametrize(
    ("anchor", "cut", "is_doubted"),
    [
        (Anchor.SACRUM, "inferior", True),
        (Anchor.SACRUM, "superior", False),
        (Anchor.BOTH, "inferior", False),
        (Anchor.LAST_RIB, "inferior", False),
    ],
)
def test_an_l5_cut_below_that_only_a_sacrum_names_is_for_review(anchor, cut, is_doubted):
    end = replace(_refused(Level.L5, ExclusionCode.LEVEL_CUT), found=cut)
    levels = [_level(Level.L3, 150.0), _level(Level.L4, 150.0), _level(Level.L5, 150.0, exclusions=(end,))]
    assert bool(_assess(*levels, anchor=anchor).review_reasons) == is_doubted


def test_contrast_correction_and_its_disagreement_are_carried():
    seen = Caution(code=CautionCode.CONTRAST_UNDECLARED, step=Step.MEASURE, found="blood 140 HU")
    found = _assess(_level(Level.L1, 150.0), _level(Level.L2, 150.0), correction=PORTAL, cautions=(seen,))
    assert found.corrections == ("portal venous -18.2 HU, v1",)
    assert found.mean_vbmd_mg_cm3.value == pytest.approx(150.0 - 18.2)
    assert found.review_reasons == ("contrast seen though not declared",)


def test_a_doubtful_number_is_for_review():
    doubtful = _level(Level.L3, 150.0, exclusions=(_refused(Level.L3, ExclusionCode.LEVEL_UNSURE),))
    found = _assess(_level(Level.L1, 150.0), _level(Level.L2, 150.0), doubtful)
    assert found.review_reasons == ("L3 numbered with low confidence",)


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        ((), "no level"),
        ((Level.L2,), "L2"),
        ((Level.L1, Level.L2, Level.L3), "L1-L3"),
        ((Level.L4, Level.L1, Level.L2), "L1-L2, L4"),
    ],
)
def test_levels_in_words(levels, words):
    assert levels_in_words(levels) == words


def test_a_negative_end_is_not_read_as_a_dash():
    assert interval_in_words(Estimate(value=3.0, low=-5.0, high=11.0, n=2, method="m")) == "-5 to 11"


def test_a_level_left_out_between_two_others_is_for_review():
    found = _assess(_level(Level.L1, 150.0), _level(Level.L3, 150.0))
    (caution,) = found.cautions
    assert caution.code is CautionCode.LEVELS_UNSURE
    assert caution.found == "L2 is not outlined though levels above and below it are"
    assert not _assess(_level(Level.L1, 150.0), _level(Level.L3, 150.0), anchor=Anchor.STATED).cautions


def test_a_cut_level_of_low_confidence_is_for_review():
    cut = Exclusion(code=ExclusionCode.LEVEL_CUT, step=Step.MEASURE, found="inferior", level=Level.L3)
    found = _assess(
        _level(Level.L1, 150.0), _level(Level.L2, 150.0), _level(Level.L3, 150.0, exclusions=(cut,), confidence=0.3)
    )
    assert [c.found for c in found.cautions] == ["L3 is outlined with low confidence"]
    sure = _level(Level.L3, 150.0, exclusions=(cut,), confidence=None)
    assert not _assess(_level(Level.L1, 150.0), _level(Level.L2, 150.0), sure).cautions


def _levels_of(*hu: float) -> tuple[Measurement, ...]:
    return refuse_unlike(tuple(_level(level, x) for level, x in zip(sorted(MEASURED_LEVELS), hu, strict=False)))


@pytest.mark.parametrize(
    "hu", [(40.0, 40.0, 200.0, 200.0), (200.0, 200.0, 40.0, 40.0), (40.0, 200.0, 120.0), (40.0, 200.0)]
)
def test_levels_that_disagree_without_a_majority_get_no_category_and_a_review(hu):
    found = _assess(*_levels_of(*hu))
    assert found.category is Category.NOT_REPORTABLE
    assert found.exclusion.code is ExclusionCode.LEVELS_DISAGREE
    assert len(found.levels_used) == len(hu)
    assert found.mean_vbmd_mg_cm3.low < 80.0 < 120.0 < found.mean_vbmd_mg_cm3.high
    (reason,) = found.review_reasons
    assert reason.startswith(f"levels disagree: L1 {hu[0]:.0f} HU, L2 {hu[1]:.0f} HU")


def test_the_spread_of_levels_that_disagree_is_that_of_students_t():
    # SD 92.376, n 4, t(0.975, 3) 3.18245 (Fisher and Yates): 3.18245 x 92.376 / 2 = 146.99.
    mean = _assess(*_levels_of(240.0, 240.0, 400.0, 400.0)).mean_vbmd_mg_cm3
    assert "levels that disagree 75.0" in mean.method
    assert mean.high - mean.value == pytest.approx(np.hypot(146.99, 1.96 * np.hypot(3.5, 0.013 * 320 / 2)), abs=0.3)


def test_levels_that_disagree_keep_a_category_that_the_whole_interval_supports():
    found = _assess(*_levels_of(300.0, 310.0, 400.0, 410.0))
    assert found.category is Category.NORMAL
    assert found.mean_vbmd_mg_cm3.low > 120.0
    assert found.review_reasons == ("levels disagree: L1 300 HU, L2 310 HU, L3 400 HU, L4 410 HU",)


@pytest.mark.parametrize("hu", [(90.0, 200.0, 205.0), (200.0, 90.0, 205.0), (200.0, 205.0, 210.0, 90.0)])
def test_denser_levels_that_outvote_another_are_for_review(hu):
    found = _assess(*_levels_of(*hu))
    assert found.category is Category.NORMAL
    assert found.review_reasons == ("levels that count are denser than one left out",)
    (told,) = (c for c in found.cautions if c.code is CautionCode.LEVELS_DENSER)
    assert told.sentence.endswith("they may be sclerotic: " + told.found + ".")
    assert f"L{1 + hu.index(90.0)} 90 HU, the others 20" in told.found


def test_a_majority_leaves_one_level_out_without_a_word_of_disagreement():
    found = _assess(*_levels_of(90.0, 92.0, 88.0, 200.0))
    assert (found.category, len(found.levels_used)) == (Category.LOW_BONE_MASS, 3)
    assert not found.review_reasons


@pytest.mark.parametrize(
    ("mineral", "vbmd", "code", "in_review"),
    [
        # 82 in HA is 79 in K2HPO4 at 120 kVp (ratio 1.042): osteoporosis there, low bone mass by the same number here.
        (Mineral.HA, 82.0, CautionCode.LIMITS_MINERAL_CROSSED, True),
        (Mineral.HA, 85.1, CautionCode.LIMITS_MINERAL_CROSSED, True),
        (Mineral.HA, 124.0, CautionCode.LIMITS_MINERAL_CROSSED, True),
        (Mineral.HA, 86.0, CautionCode.LIMITS_MINERAL, False),
        (Mineral.HA, 79.0, CautionCode.LIMITS_MINERAL, False),
        (Mineral.HA, 150.0, CautionCode.LIMITS_MINERAL, False),
        (Mineral.K2HPO4, 82.0, None, False),
    ],
)
def test_a_value_in_hydroxyapatite_beside_limits_in_k2hpo4_is_told(mineral, vbmd, code, in_review):
    found = _assess(*_levels_of(vbmd, vbmd), calibration=replace(LINE, mineral=mineral, residual_sd_mg_cm3=0.1))
    told = [c for c in found.cautions if c.code in (CautionCode.LIMITS_MINERAL, CautionCode.LIMITS_MINERAL_CROSSED)]
    assert [c.code for c in told] == ([code] if code else [])
    assert ("limits are for K2HPO4, the value is not" in found.review_reasons) is in_review
    assert found.category is category_of(vbmd, Settings())


@pytest.mark.parametrize(
    ("vbmd", "reach", "code", "in_review"),
    [
        (100.0, (60.0, 160.0), None, False),
        (50.0, (60.0, 160.0), CautionCode.LINE_RANGE, False),  # at 60 it is also osteoporosis
        (200.0, (60.0, 160.0), CautionCode.LINE_RANGE, False),
        (70.0, (90.0, 160.0), CautionCode.LINE_RANGE_CROSSED, True),
        (130.0, (40.0, 110.0), CautionCode.LINE_RANGE_CROSSED, True),
        (100.0, (None, None), CautionCode.LINE_RANGE_UNKNOWN, False),
        (100.0, (60.0, None), CautionCode.LINE_RANGE_UNKNOWN, False),
    ],
)
def test_a_value_beyond_the_pairs_of_a_site_line_is_told(vbmd, reach, code, in_review):
    line = replace(LINE, kind="site", lowest_mg_cm3=reach[0], highest_mg_cm3=reach[1])
    found = _assess(*_levels_of(vbmd, vbmd), calibration=line)
    assert [c.code for c in found.cautions if c.code.startswith("line_range")] == ([code] if code else [])
    assert ("outside the range of this line's pairs" in found.review_reasons) is in_review
    other = _assess(*_levels_of(vbmd, vbmd))
    assert not [c for c in other.cautions if c.code.startswith("line_range")]  # a line that is not based on pairs


def test_the_sentence_says_how_far_the_pairs_reach():
    line = replace(LINE, kind="site", lowest_mg_cm3=90.0, highest_mg_cm3=160.0)
    (told,) = (
        c for c in _assess(*_levels_of(70.0, 70.0), calibration=line).cautions if c.code.startswith("line_range")
    )
    assert told.sentence.endswith("line's pairs: 70 mg/cm³, the pairs reach from 90 to 160.")


def test_the_sentence_says_what_the_value_may_be_in_the_mineral_of_the_limits():
    found = _assess(*_levels_of(82.0, 82.0), calibration=replace(LINE, mineral=Mineral.HA, residual_sd_mg_cm3=0.1))
    (told,) = (c for c in found.cautions if c.code is CautionCode.LIMITS_MINERAL_CROSSED)
    assert "82 mg/cm³ HA may be 77 in K2HPO4, osteoporosis" in told.sentence


@pytest.mark.parametrize("kvp", beam_kvps())
@pytest.mark.parametrize("path_cm", [16.0, 28.0, 40.0])
def test_no_beam_makes_hydroxyapatite_read_more_than_the_factor_says(kvp, path_cm):
    known = known_phantoms()
    ha = beam_line(kvp, path_cm, known[USUAL_PHANTOM[Mineral.HA]])
    qct = beam_line(kvp, path_cm, known[USUAL_PHANTOM[Mineral.K2HPO4]])
    for hu in (95.0, 200.0):
        read = ha.slope_mg_cm3_per_hu * hu + ha.intercept_mg_cm3
        assert read <= HA_OVER_K2HPO4.value * (qct.slope_mg_cm3_per_hu * hu + qct.intercept_mg_cm3)


def test_a_multienergy_image_of_unknown_kind_is_for_review():
    told = Caution(code=CautionCode.MULTIENERGY, step=Step.READ, found="Multi-energy CT Acquisition is YES")
    found = _assess(*_levels_of(150.0, 150.0), cautions=(told,))
    assert (found.category, found.review_reasons) == (Category.NORMAL, ("multi-energy scan, kind of image not said",))


def test_an_unknown_contrast_phase_is_for_review_where_there_is_a_value():
    unclear = Caution(code=CautionCode.CONTRAST_UNKNOWN, step=Step.MEASURE, found="no vessel is in view")
    levels = _levels_of(150.0, 150.0)
    assert _assess(*levels, cautions=(unclear,)).review_reasons == ("contrast phase unknown",)
    assert not _assess(levels[0], cautions=(unclear,)).review_reasons
