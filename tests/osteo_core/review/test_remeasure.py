"""Measured again: the model's outlines give the stored numbers, and a reader's change affects only what it should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteo_core.outcomes import Caution, CautionCode, ExclusionCode
from osteo_core.records import SeriesResult
from osteo_core.review.decisions import Decisions, LeftOut, Reason
from osteo_core.review.remeasure import ENGINE, ReviewCase, reject, remeasure
from osteo_core.review.summary import Summary, summary_of
from osteo_core.settings import Settings
from osteo_core.terms import Category, ContrastPhase, Level, Status, Step

NOTHING = Decisions()


def again(case: ReviewCase, labels: np.ndarray | None = None, decisions: Decisions = NOTHING) -> SeriesResult:
    return remeasure(case, case.model.labels if labels is None else labels, decisions, settings=Settings())


def level(result: SeriesResult, name: Level):
    return next(m for m in result.measurements if m.level is name)


def test_the_models_outlines_give_the_stored_result(case, analyzed) -> None:
    stored, found = analyzed[2], again(case)
    assert found.assessment.category is stored.assessment.category is Category.OSTEOPOROSIS
    assert found.assessment.mean_vbmd_mg_cm3.value == pytest.approx(stored.assessment.mean_vbmd_mg_cm3.value, abs=1e-9)
    assert found.assessment.mean_vbmd_mg_cm3.low == pytest.approx(stored.assessment.mean_vbmd_mg_cm3.low, abs=1e-6)
    for mine, theirs in zip(found.measurements, stored.measurements, strict=True):
        assert mine.median_hu == theirs.median_hu
        assert mine.anterior_height_mm == pytest.approx(theirs.anterior_height_mm, abs=1e-5)
        assert mine.fracture_grade == theirs.fracture_grade
    assert found.geometry is case.source_geometry


def test_without_its_lowest_level_the_category_changes(case) -> None:
    labels = np.array(case.model.labels)
    labels[labels == Level.L1] = 0
    found = again(case, labels)
    assert found.assessment.category is Category.LOW_BONE_MASS
    assert found.assessment.levels_used == (Level.L2, Level.L3)
    assert found.segmentation.engine == ENGINE
    assert found.model_hash != again(case).model_hash


def test_a_level_left_out_says_why_and_does_not_count(case) -> None:
    decisions = Decisions(left_out={Level.L1: Reason(why=LeftOut.METASTASIS, words="lytic")})
    found = again(case, decisions=decisions)
    assert level(found, Level.L1).exclusion.code is ExclusionCode.READER_LEFT_OUT
    assert level(found, Level.L1).exclusion.sentence == "The reader left this vertebra out: metastasis, lytic."
    assert found.assessment.category is Category.LOW_BONE_MASS


def test_a_column_moved_by_one_moves_every_number_with_its_body(case) -> None:
    table = np.zeros(256, dtype=np.uint8)
    for number in (19, 20, 21, 22):
        table[number] = number + 1
    before, found = again(case), again(case, table[case.model.labels])
    assert [m.level for m in found.measurements] == [Level.L1, Level.L2, Level.L3, Level.L4]
    for name, old in ((Level.L1, Level.T12), (Level.L2, Level.L1), (Level.L4, Level.L3)):
        assert level(found, name).median_hu == level(before, old).median_hu


def test_a_level_as_it_was_is_not_measured_twice(case) -> None:
    again(case)
    known = len(case.memory)
    labels = np.array(case.model.labels)
    labels[labels == Level.T12] = 0
    again(case, labels)
    # L1 has lost the neighbour that defines its axis and may be measured again; L2 and L3 are unchanged
    assert known <= len(case.memory) <= known + 1


def test_a_readers_grade_counts_and_so_does_its_lifting(case) -> None:
    graded = again(case, decisions=Decisions(grades={Level.L2: 2}))
    assert level(graded, Level.L2).exclusion.code is ExclusionCode.FRACTURED
    assert graded.assessment.worst_fracture_grade == 2
    assert graded.assessment.is_flagged
    assert any(c.code is CautionCode.POSSIBLE_FRACTURE and "by the reader" in c.found for c in graded.cautions)
    lifted = again(case, decisions=Decisions(grades={Level.L2: 0}))
    assert level(lifted, Level.L2).exclusion is None


def test_a_reader_who_names_the_phase_settles_that_it_was_unknown(case) -> None:
    unclear = Caution(code=CautionCode.CONTRAST_UNKNOWN, step=Step.MEASURE, found="no vessel is in view")
    unknown = replace(case, phase=ContrastPhase.UNKNOWN, cautions=(unclear,), summaries={})
    assert "contrast phase unknown" in again(unknown).assessment.review_reasons
    settled = again(unknown, decisions=Decisions(phase=ContrastPhase.NATIVE))
    assert "contrast phase unknown" not in settled.assessment.review_reasons


def test_another_phase_changes_the_value_by_its_rise(case) -> None:
    native, portal = again(case), again(case, decisions=Decisions(phase=ContrastPhase.PORTAL_VENOUS))
    assert portal.contrast_phase is ContrastPhase.PORTAL_VENOUS
    assert portal.assessment.mean_vbmd_mg_cm3.value < native.assessment.mean_vbmd_mg_cm3.value - 5
    assert "portal venous, by the reader" in " ".join(c.found for c in portal.cautions)


def test_a_rejection_has_no_value_and_its_reason(case) -> None:
    found = reject(case, case.model.labels, "motion", settings=Settings())
    assert found.status is Status.EXCLUDED
    assert found.exclusions[0].sentence == "The reader rejected this measurement: motion."
    assert summary_of(found).category is None


def test_a_summary_goes_through_an_event_unchanged(case) -> None:
    summary = summary_of(again(case))
    assert Summary.from_dict(summary.to_dict()) == summary
    assert summary.levels[Level.L1].left_out == ""
