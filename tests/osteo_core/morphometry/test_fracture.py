"""Height loss and grade: normal shapes are not fractures, real losses are found and graded."""

from dataclasses import replace

import pytest

from osteo_core.morphometry.fracture import NORMAL_HEIGHTS, find_height_losses, grade_fractures, grade_of_loss
from osteo_core.morphometry.heights import Heights
from osteo_core.outcomes import CautionCode, Exclusion, ExclusionCode
from osteo_core.records import Measurement
from osteo_core.terms import Level, Step, SuggestedCause


def _normal(level: Level, scale: float = 29.0) -> Heights:
    anterior, middle, posterior = (scale * share for share in NORMAL_HEIGHTS[level])
    return Heights(anterior_mm=anterior, middle_mm=middle, posterior_mm=posterior)


def _wedged(level: Level, loss: float) -> Heights:
    """A straight wedge that lost this share at the anterior rim; heights are read 15.5 and 12.5 % inside the rims."""
    sound = _normal(level)
    return Heights(
        anterior_mm=(1 - 0.845 * loss) * sound.anterior_mm,
        middle_mm=(1 - 0.5 * loss) * sound.middle_mm,
        posterior_mm=(1 - 0.125 * loss) * sound.posterior_mm,
    )


def _spine() -> dict[Level, Heights]:
    return {level: _normal(level) for level in NORMAL_HEIGHTS}


def _measurement(level: Level, heights: Heights, exclusion: Exclusion | None = None) -> Measurement:
    return Measurement(
        level=level,
        voxels=1000,
        volume_ml=30.0,
        anterior_height_mm=heights.anterior_mm,
        middle_height_mm=heights.middle_mm,
        posterior_height_mm=heights.posterior_mm,
        exclusions=(exclusion,) if exclusion else (),
    )


@pytest.mark.parametrize(
    ("loss", "grade"),
    [(0.0, 0), (0.1999, 0), (0.20, 1), (0.2499, 1), (0.25, 2), (0.40, 2), (0.4001, 3), (0.9, 3)],
)
def test_grades_follow_the_boundary_rule(loss, grade):
    assert grade_of_loss(loss) == grade


def test_a_sound_lordotic_spine_has_no_fracture():
    losses = find_height_losses(_spine())
    graded = [level for level in NORMAL_HEIGHTS if level != Level.L5]
    assert {level: loss.grade for level, loss in losses.items()} == dict.fromkeys(graded, 0)
    assert max(loss.loss for loss in losses.values()) == pytest.approx(0.0, abs=1e-9)


def test_the_example_that_a_naive_ratio_flags_is_sound():
    # 22.5 / 28.5 at L4 would be 21 % by min/max, as in an open tool's own example.
    spine = _spine() | {Level.L4: Heights(anterior_mm=28.5, middle_mm=25.0, posterior_mm=26.0)}
    assert find_height_losses(spine)[Level.L4].grade == 0


def test_a_wedge_is_found_in_front():
    loss = find_height_losses(_spine() | {Level.L1: _wedged(Level.L1, 0.30)})[Level.L1]
    assert (loss.place, loss.grade) == ("anterior", 2)
    assert loss.loss == pytest.approx(0.30, abs=0.02)


def test_a_crush_is_found_by_its_neighbours_alone():
    normal = _normal(Level.L2)
    crushed = Heights(
        anterior_mm=0.5 * normal.anterior_mm, middle_mm=0.5 * normal.middle_mm, posterior_mm=0.5 * normal.posterior_mm
    )
    loss = find_height_losses(_spine() | {Level.L2: crushed})[Level.L2]
    assert (loss.grade, loss.against) == (3, "its neighbours")


def test_two_fractured_neighbours_do_not_hide_each_other():
    spine = _spine()
    for level in (Level.L1, Level.L2):
        normal = _normal(level)
        spine[level] = replace(normal, middle_mm=0.65 * normal.middle_mm)
    losses = find_height_losses(spine)
    assert [losses[level].grade for level in (Level.T12, Level.L1, Level.L2, Level.L3)] == [0, 2, 2, 0]


def test_three_fractures_in_a_row_do_not_hide_a_fourth():
    # L1 and L2 biconcave with lowered rims, L3 crushed: by the median of the others, T12 would count as normal
    spine = _spine() | {Level.T12: _wedged(Level.T12, 0.29)}
    for level in (Level.L1, Level.L2, Level.L3):
        normal = _normal(level)
        spine[level] = Heights(
            anterior_mm=0.85 * normal.anterior_mm,
            middle_mm=0.65 * normal.middle_mm,
            posterior_mm=0.9 * normal.posterior_mm,
        )
    del spine[Level.T11]
    losses = find_height_losses(spine)
    assert [losses[level].grade >= 2 for level in (Level.T12, Level.L1, Level.L2, Level.L3)] == [True] * 4
    assert losses[Level.T12].loss == pytest.approx(0.29, abs=0.02)
    assert losses[Level.L4].grade == 0


def test_where_fewer_than_two_are_sound_the_median_of_all_others_stands():
    spine = {level: heights for level, heights in _spine().items() if Level.T12 <= level <= Level.L2}
    for level in (Level.L1, Level.L2):
        normal = _normal(level)
        spine[level] = replace(normal, middle_mm=0.65 * normal.middle_mm)
    losses = find_height_losses(spine)
    assert {level.name: loss.grade for level, loss in losses.items()} == {"T12": 0, "L1": 2, "L2": 2}


def test_a_lone_body_is_judged_by_its_own_shape():
    normal = _normal(Level.L3)
    lone = {Level.L3: replace(normal, anterior_mm=0.85 * normal.anterior_mm)}
    loss = find_height_losses(lone)[Level.L3]
    assert (loss.grade, loss.against) == (1, "its own posterior height")


def test_a_possible_fracture_still_counts_and_a_moderate_one_does_not():
    spine = _spine()
    mild = _normal(Level.L1)
    spine[Level.L1] = replace(mild, middle_mm=0.82 * mild.middle_mm)
    spine[Level.L3] = _wedged(Level.L3, 0.35)
    graded, cautions = grade_fractures([_measurement(level, heights) for level, heights in spine.items()])
    by_level = {m.level: m for m in graded}
    assert by_level[Level.L1].fracture_grade == 1
    assert by_level[Level.L1].exclusion is None
    assert by_level[Level.L3].exclusion.code is ExclusionCode.FRACTURED
    assert "grade 2, anterior height 3" in by_level[Level.L3].exclusion.sentence
    assert [(c.code, c.level) for c in cautions] == [
        (CautionCode.POSSIBLE_FRACTURE, Level.L1),
        (CautionCode.POSSIBLE_FRACTURE, Level.L3),
    ]


def test_l5_is_wedged_by_nature_and_not_graded():
    spine = _spine()
    torn = replace(spine[Level.L5], anterior_mm=0.4 * spine[Level.L5].anterior_mm)
    graded, cautions = grade_fractures(
        [_measurement(level, heights) for level, heights in (spine | {Level.L5: torn}).items()]
    )
    assert {m.level: m.fracture_grade for m in graded if m.level >= Level.L4} == {Level.L4: 0, Level.L5: None}
    assert cautions == ()


def test_a_body_that_the_field_of_view_cuts_is_not_graded():
    cut = Exclusion(code=ExclusionCode.LEVEL_CUT, step=Step.MEASURE, found="foot", level=Level.L4)
    spine = _spine()
    rows = [_measurement(level, heights) for level, heights in spine.items() if level < Level.L4]
    half = Heights(anterior_mm=10.0, middle_mm=10.0, posterior_mm=10.0)
    graded, cautions = grade_fractures([*rows, _measurement(Level.L4, half, cut)])
    assert graded[-1].fracture_grade is None
    assert cautions == ()


def test_a_body_of_implausible_height_is_no_neighbour_whatever_else_is_said_of_it():
    reasons = [
        Exclusion(code=code, step=Step.MEASURE, found="43 mm high", level=Level.L5)
        for code in (ExclusionCode.NOT_A_MEASURED_LEVEL, ExclusionCode.IMPLAUSIBLE_BODY)
    ]
    rows = [_measurement(level, heights) for level, heights in _spine().items() if Level.L2 < level < Level.L5]
    tall = Heights(anterior_mm=43.0, middle_mm=43.0, posterior_mm=43.0)
    graded, cautions = grade_fractures([*rows, replace(_measurement(Level.L5, tall), exclusions=tuple(reasons))])
    assert [m.fracture_grade for m in graded] == [0, 0, None]
    assert cautions == ()


@pytest.mark.parametrize(("step_mm", "grade"), [(1.0, 2), (3.0, 2), (5.0, 1)])
def test_heights_from_thick_slices_are_believed_less(step_mm, grade):
    normal = _normal(Level.L2)
    spine = _spine() | {Level.L2: replace(normal, middle_mm=0.77 * normal.middle_mm)}
    assert find_height_losses(spine, step_mm=step_mm)[Level.L2].grade == grade


@pytest.mark.parametrize(("loss", "grade"), [(0.155, 0), (0.165, 1), (0.205, 1), (0.215, 2), (0.395, 2), (0.405, 3)])
def test_a_loss_within_its_error_of_a_boundary_has_reached_it_but_never_the_severe_one(loss, grade):
    assert grade_of_loss(loss, error=0.04) == grade


def test_the_cause_is_told_apart_from_the_grade():
    normal = _normal(Level.L2)
    biconcave = replace(normal, middle_mm=0.7 * normal.middle_mm)
    spine = _spine() | {Level.L1: _wedged(Level.L1, 0.32), Level.L2: biconcave}
    losses = find_height_losses(spine)
    assert [losses[level].grade for level in (Level.L1, Level.L2)] == [2, 2]
    assert losses[Level.L2].depression == pytest.approx(0.30)
    assert "endplates depressed by 30 %" in losses[Level.L2].cause_words
    assert "not depressed" in losses[Level.L1].cause_words


def test_every_level_carries_its_suggestion_and_the_number_behind_it():
    normal = _normal(Level.L2)
    heights = _spine() | {
        Level.L1: _wedged(Level.L1, 0.32),
        Level.L2: replace(normal, middle_mm=0.7 * normal.middle_mm),
        Level.L3: replace(_normal(Level.L3), middle_mm=0.88 * _normal(Level.L3).middle_mm),
    }
    graded, _ = grade_fractures([_measurement(level, found) for level, found in heights.items()])
    found = {m.level: m for m in graded}
    assert {level.name: found[level].suggested_cause for level in (Level.T12, Level.L1, Level.L2, Level.L5)} == {
        "T12": SuggestedCause.NO_DEFORMITY,
        "L1": SuggestedCause.NOT_DEPRESSED,
        "L2": SuggestedCause.DEPRESSED,
        "L5": SuggestedCause.NOT_ASSESSED,
    }
    assert found[Level.L2].endplate_depression == pytest.approx(0.30)
    assert found[Level.L5].endplate_depression is None
    # slightly depressed at a normal height: the number is given, nothing is suggested
    assert found[Level.L3].endplate_depression == pytest.approx(0.12)
    assert found[Level.L3].suggested_cause is SuggestedCause.NO_DEFORMITY


def test_a_level_that_was_not_measured_has_no_suggestion():
    cut = Measurement(level=Level.L1, voxels=1000, volume_ml=30.0)
    (graded,), _ = grade_fractures([cut])
    assert graded.suggested_cause is SuggestedCause.NOT_ASSESSED
    assert graded.endplate_depression is None
