"""The SR of a signed read, read back with highdicom: every number, its mineral, its interval, and its reader."""

from __future__ import annotations

from dataclasses import replace

import pytest
from highdicom import sr
from pydicom.sr.codedict import codes
from pydicom.valuerep import DT

from osteo_core.density.calibration.ways import WAYS
from osteo_core.exchange import codes as words
from osteo_core.exchange.uids import SEG, SR, uid_of
from osteo_core.review.decisions import Decisions
from osteo_core.review.reads import Verdict
from osteo_core.terms import Level, Mineral
from tests.osteo_core.exchange.sending import (
    PSEUDONYMS,
    READ,
    SIGNED,
    SUMMARY,
    changed,
    made_from,
    read_back,
    source_in,
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory):
    return source_in(tmp_path_factory.mktemp("ct") / "ct")


@pytest.fixture(scope="module")
def report(source) -> sr.Comprehensive3DSR:
    return sr.Comprehensive3DSR.from_dataset(read_back(made_from(source)[1]))


def groups(report: sr.Comprehensive3DSR) -> dict:
    """The groups by their tracking identifier, with and without an outline."""
    content = sr.MeasurementReport.from_sequence([report.content[0]])
    found = [*content.get_volumetric_roi_measurement_groups(), *content.get_image_measurement_groups()]
    return {group.tracking_identifier: group for group in found}


def values(group, name) -> list[float]:
    return [float(one.value) for one in group.get_measurements(name=name)]


def said(group, name) -> list[str]:
    return [one.value.value for one in group.get_qualitative_evaluations(name=name)]


def comments(group) -> list[str]:
    return [
        item.TextValue for item in group[0].ContentSequence if item.ValueType == "TEXT" and item.name.value == "121106"
    ]


def test_each_level_has_its_numbers(report) -> None:
    level = groups(report)["L1 vertebral body"]
    hu = level.get_measurements(name=codes.DCM.AttenuationCoefficient)
    assert {(one.derivation.meaning, float(one.value), one.unit.value) for one in hu} == {
        ("Mean", 122.25, "[hnsf'U]"),
        ("Median", 120.5, "[hnsf'U]"),
    }
    (vbmd,) = level.get_measurements(name=words.VBMD)
    assert (float(vbmd.value), vbmd.unit.value, vbmd.method.value) == (98.0, "mg/cm3", "K2HPO4_TISSUES")
    assert "K2HPO4" in vbmd.method.meaning
    assert values(level, words.VBMD_LOW) + values(level, words.VBMD_HIGH) == [80.0, 116.0]
    assert values(level, words.HEIGHT_LOSS) == [4.0]
    assert said(level, words.GENANT) == ["GENANT_0"]
    assert said(level, words.COUNTS) == [codes.SCT.Yes.value]
    assert level.finding_sites[0].value.value == "66794005"


def test_a_level_left_out_says_why_and_has_no_density(report) -> None:
    level = groups(report)["L2 vertebral body"]
    assert values(level, words.VBMD) == []
    assert said(level, words.COUNTS) == [codes.SCT.No.value]
    assert said(level, words.GENANT) == ["GENANT_2"]
    assert comments(level) == ["fracture, grade 2"]


def test_levels_refer_to_their_segments(report, source) -> None:
    for number, name in enumerate(("L1", "L2", "L3"), start=1):
        segment = groups(report)[f"{name} vertebral body"].referenced_segment
        item = segment[0].ReferencedSOPSequence[0]
        assert item.ReferencedSOPInstanceUID == uid_of(PSEUDONYMS, READ.event_id, SEG)
        assert int(item.ReferencedSegmentNumber) == number
    evidence = report.CurrentRequestedProcedureEvidenceSequence
    held = {
        item.ReferencedSOPInstanceUID
        for study in evidence
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    assert held == {
        uid_of(PSEUDONYMS, READ.event_id, SEG),
        *(one.sop_instance_uid.split("#")[0] for one in source.stack.slices),
    }


def test_the_patient_has_mean_category_phase_and_mineral(report) -> None:
    patient = groups(report)["Lumbar spine"]
    assert [values(patient, name) for name in (words.VBMD, words.VBMD_LOW, words.VBMD_HIGH)] == [
        [101.5],
        [83.5],
        [119.5],
    ]
    assert said(patient, words.QCT_CATEGORY) == ["LOW_BONE_MASS"]
    assert said(patient, words.PHASE) == ["PORTAL_VENOUS"]
    assert said(patient, words.MINERAL) == ["K2HPO4"]
    assert said(patient, words.VERDICT) == ["CORRECT"]
    assert said(patient, words.WORST_GENANT) == ["GENANT_2"]
    notes = comments(patient)
    assert notes[0].startswith("Research use only")
    assert "Levels in the mean: L1, L3. Calibration: tissues of the scan, K2HPO4." in notes
    assert {SIGNED.cautions[0], SUMMARY.reason} <= set(notes)
    assert not any("Simulated" in note for note in notes)


def test_it_is_verified_by_the_person_who_signed_and_made_by_the_program(report) -> None:
    (verified,) = report.VerifyingObserverSequence
    assert (report.VerificationFlag, report.CompletionFlag, report.PreliminaryFlag) == ("VERIFIED", "COMPLETE", "FINAL")
    assert verified.VerifyingObserverName.family_name == "Dr. Jürgen Größe"
    assert DT(verified.VerificationDateTime).astimezone(READ.at.tzinfo) == READ.at
    contexts = sr.MeasurementReport.from_sequence([report.content[0]]).get_observer_contexts()
    kinds = {context.observer_type.meaning: context.observer_identifying_attributes for context in contexts}
    assert kinds["Person"].name == "Dr. Jürgen Größe^"
    assert kinds["Device"].serial_number == f"weights {'a' * 12}"
    assert "version 0.1.0" in kinds["Device"].model_name
    assert report.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator == "99OSTEO"


def test_what_is_simulated_says_so(source) -> None:
    seg, made = made_from(source, changed(is_simulated=True))
    assert seg.SeriesDescription.startswith("SIMULATED, ")
    assert made.SeriesDescription == "SIMULATED, Bone density of the spine, research use"
    assert any(note.startswith("Simulated patient") for note in comments(groups(made)["Lumbar spine"]))


def test_levels_that_the_reader_calls_miscounted_are_told_wherever_they_are_named(source) -> None:
    seg, made = made_from(source, changed({"decisions": Decisions(is_count_wrong=True)}))
    assert seg.SeriesDescription == "Vertebral bodies, miscounted levels, research use"
    found = groups(read_back_report(made))
    assert len(found) == 4
    for group in found.values():
        assert sum("counted from a wrong landmark" in note for note in comments(group)) == 1


def test_two_minerals_never_share_the_code_of_one_way_of_calibration() -> None:
    kinds = ("site", "published", "phantom", "in_scan", "")
    made = {words.calibration(kind, mineral) for kind in kinds for mineral in (*Mineral, "")}
    assert len({one.value for one in made}) == len({one.meaning for one in made}) == len(kinds) * (len(Mineral) + 1)


def test_a_rejected_read_has_no_values_and_names_the_report_that_it_replaces(source) -> None:
    rejected = changed({"verdict": Verdict.REJECT, "words": "moved"}, predecessor="d" * 32)
    seg, made = made_from(source, rejected)
    assert seg is None
    found = groups(read_back_report(made))
    assert list(found) == ["Lumbar spine"]
    assert values(found["Lumbar spine"], words.VBMD) == []
    assert said(found["Lumbar spine"], words.QCT_CATEGORY) == ["NOT_REPORTABLE"]
    assert "In the reader's words: moved" in comments(found["Lumbar spine"])
    series = made.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == uid_of(PSEUDONYMS, "d" * 32, SR)


def read_back_report(made) -> sr.Comprehensive3DSR:
    return sr.Comprehensive3DSR.from_dataset(read_back(made))


def test_a_level_that_has_numbers_and_no_outline_is_told_too(source) -> None:
    levels = {**SUMMARY.levels, Level.L4: replace(SUMMARY.levels[Level.L1], left_out="metal")}
    _, made = made_from(source, changed({"summary": replace(SUMMARY, levels=levels)}))
    level = groups(read_back_report(made))["L4 vertebral body"]
    assert values(level, words.VBMD) == [98.0]
    assert comments(level) == ["metal"]


def test_each_way_of_calibration_has_a_code_of_its_own_for_each_mineral() -> None:
    pairs = {(way, mineral) for way in WAYS for mineral in Mineral}
    assert len({words.calibration(way, mineral).value for way, mineral in pairs}) == len(pairs)
