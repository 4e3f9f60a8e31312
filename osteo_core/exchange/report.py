"""The numbers of a signed read as a Comprehensive 3D SR (TID 1500), verified by the person who signed it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import highdicom as hd
from highdicom import sr
from highdicom.sr import ContentSequence
from highdicom.sr import MeasurementsAndQualitativeEvaluations as Group
from highdicom.sr import VolumetricROIMeasurementsAndQualitativeEvaluations as OutlinedGroup
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import Comprehensive3DSRStorage, ExplicitVRLittleEndian
from pydicom.valuerep import DT

from osteo_core import __version__
from osteo_core.exchange import codes as words
from osteo_core.exchange.segmentation import source_images
from osteo_core.exchange.signed import (
    LONG_TEXT,
    MANUFACTURER,
    PROGRAM,
    SR_SERIES_NUMBER,
    SignedRead,
    complete,
    equipment,
    person_name,
    quiet,
)
from osteo_core.exchange.source import Source
from osteo_core.exchange.uids import SR, uid_of
from osteo_core.review.summary import Interval, LevelSummary
from osteo_core.terms import NO_PERSON, RESEARCH_USE, Category, Level

_HU, _MG_CM3, _PERCENT = codes.UCUM.HounsfieldUnit, codes.UCUM.MilligramsPerCubicCentimeter, codes.UCUM.Percent
_NOT_STATED = "not stated"
_MISCOUNTED = "According to the reader, the levels were counted from a wrong landmark: their names may be wrong."
#: Decimals of HU, mg/cm3 and percent; no measurement here is more precise.
_DECIMALS = 2
_Group = TypeVar("_Group", bound=ContentSequence)


def report_of(source: Source, signed: SignedRead, seg: hd.seg.Segmentation | None) -> sr.Comprehensive3DSR:
    """The report; ``seg`` holds the outlines, None for a rejected read, which has no values."""
    with quiet():
        content = sr.MeasurementReport(
            observation_context=_observers(signed),
            procedure_reported=codes.cid100.CTUnspecifiedBodyRegion,
            imaging_measurements=[_patient(signed), *_levels(source, signed, seg)],
            title=codes.DCM.ImagingMeasurementReport,
        )
        images = source_images(source)
        made = sr.Comprehensive3DSR(
            evidence=[*images, *([seg] if seg is not None else [])],
            content=content[0],
            series_instance_uid=signed.uid("SR series"),
            series_number=SR_SERIES_NUMBER,
            sop_instance_uid=signed.uid(SR),
            instance_number=1,
            is_complete=True,
            is_final=True,
            is_verified=True,
            verifying_observer_name=person_name(signed.reader),
            verifying_organization=_organization(source),
            series_description=signed.described("Bone density of the spine"),
            transfer_syntax_uid=ExplicitVRLittleEndian,
            previous_versions=[_predecessor(source, signed)] if signed.predecessor else None,
            **equipment(signed),
        )
        made.VerifyingObserverSequence[0].VerificationDateTime = DT(signed.read.at.astimezone())
        complete(made, source, signed)
    return made


def _organization(source: Source) -> str:
    return str(source.header.get("InstitutionName") or "").strip()[:LONG_TEXT] or _NOT_STATED


def _observers(signed: SignedRead) -> sr.ObservationContext:
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=signed.pseudonyms.uid(f"{PROGRAM} {__version__}/{signed.read.model_hash}"),
        name=PROGRAM,
        manufacturer_name=MANUFACTURER,
        model_name=f"version {__version__}",
        serial_number=f"weights {signed.read.model_hash}",
    )
    person = sr.PersonObserverIdentifyingAttributes(name=person_name(signed.reader))
    return sr.ObservationContext(
        observer_person_context=sr.ObserverContext(codes.DCM.Person, person),
        observer_device_context=sr.ObserverContext(codes.DCM.Device, device),
    )


def _predecessor(source: Source, signed: SignedRead) -> Dataset:
    """The report of the earlier read, which the PACS holds."""
    earlier = Dataset()
    earlier.SOPClassUID = Comprehensive3DSRStorage
    earlier.SOPInstanceUID = uid_of(signed.pseudonyms, signed.predecessor, SR)
    earlier.StudyInstanceUID = source.header.StudyInstanceUID
    earlier.SeriesInstanceUID = uid_of(signed.pseudonyms, signed.predecessor, "SR series")
    return earlier


def _patient(signed: SignedRead) -> Group:
    """Findings for the patient as a whole, with remarks."""
    read, summary = signed.read, signed.read.summary
    found = Category.NOT_REPORTABLE if signed.is_rejected else summary.category
    said = [(words.VERDICT, words.private(read.verdict.name, f"Measurement {read.verdict.value} by the reader"))]
    said.append((words.QCT_CATEGORY, words.category(found)))
    if not signed.is_rejected:
        said.append((words.PHASE, words.phase(signed.phase)))
        if signed.mineral:
            said.append((words.MINERAL, words.private(signed.mineral, f"vBMD in mg/cm3 of {signed.mineral}")))
        if summary.worst_grade is not None:
            said.append((words.WORST_GENANT, words.grade(summary.worst_grade)))
    mean = None if signed.is_rejected else summary.mean_mg_cm3
    group = Group(
        tracking_identifier=sr.TrackingIdentifier(uid=signed.uid("patient"), identifier="Lumbar spine"),
        finding_sites=[sr.FindingSite(words.LUMBAR_SPINE)],
        measurements=list(_vbmd(mean, signed, derivation=True)) or None,
        qualitative_evaluations=[sr.QualitativeEvaluation(name, value) for name, value in said],
    )
    used = ", ".join(level.name for level in summary.levels_used) or "none"
    how = f"Levels in the mean: {used}. {_calibration(signed)}"
    notes = [RESEARCH_USE, NO_PERSON if signed.is_simulated else ""]
    if not signed.is_rejected:
        notes += [_miscounted(signed), how, summary.reason, *signed.cautions]
    if read.words.strip():
        notes.append(f"In the reader's words: {read.words.strip()}")
    return _with_comments(group, notes)


def _miscounted(signed: SignedRead) -> str:
    return _MISCOUNTED if signed.read.decisions.is_count_wrong else ""


def _calibration(signed: SignedRead) -> str:
    return f"Calibration: {signed.calibration}." if signed.calibration else "Without a calibration."


def _levels(source: Source, signed: SignedRead, seg: hd.seg.Segmentation | None) -> Iterator[OutlinedGroup | Group]:
    """One group per level, with the segment of its outline if there is one."""
    if signed.is_rejected:
        return
    numbers = {item.SegmentLabel: int(item.SegmentNumber) for item in seg.SegmentSequence} if seg is not None else {}
    for level, one in sorted(signed.read.summary.levels.items()):
        is_used = level in signed.read.summary.levels_used
        said = [sr.QualitativeEvaluation(words.COUNTS, codes.SCT.Yes if is_used else codes.SCT.No)]
        if one.grade is not None:
            said.append(sr.QualitativeEvaluation(words.GENANT, words.grade(one.grade)))
        given: dict[str, Any] = {
            "tracking_identifier": sr.TrackingIdentifier(uid=signed.uid(level.name), identifier=words.body_name(level)),
            "finding_type": words.VERTEBRAL_BODY,
            "finding_category": words.CATEGORY,
            "finding_sites": [sr.FindingSite(words.region_of(level))],
            "measurements": list(_of_level(level, one, signed)) or None,
            "qualitative_evaluations": said,
        }
        notes = [_miscounted(signed), "" if is_used else one.left_out or "does not count"]
        if seg is not None and level.name in numbers:
            segment = sr.ReferencedSegment(
                sop_class_uid=seg.SOPClassUID,
                sop_instance_uid=seg.SOPInstanceUID,
                segment_number=numbers[level.name],
                source_series=sr.SourceSeriesForSegmentation(str(source.header.SeriesInstanceUID)),
            )
            yield _with_comments(OutlinedGroup(referenced_segment=segment, **given), notes)
        else:
            yield _with_comments(Group(**given), notes)


def _of_level(level: Level, one: LevelSummary, signed: SignedRead) -> Iterator[sr.Measurement]:
    mean = signed.mean_hu.get(level)
    for value, derivation in ((mean, codes.SCT.Mean), (one.median_hu, codes.SCT.Median)):
        if value is not None:
            yield sr.Measurement(codes.DCM.AttenuationCoefficient, round(value, _DECIMALS), _HU, derivation=derivation)
    yield from _vbmd(one.vbmd_mg_cm3, signed)
    if one.height_loss is not None:
        yield sr.Measurement(words.HEIGHT_LOSS, round(100.0 * one.height_loss, _DECIMALS), _PERCENT)


def _vbmd(interval: Interval | None, signed: SignedRead, *, derivation: bool = False) -> Iterator[sr.Measurement]:
    """A vBMD with its method and the limits of its interval; ``derivation``: whether it is a mean over levels."""
    if interval is None:
        return
    method = words.calibration(signed.calibration_kind, signed.mineral)
    made_by = sr.AlgorithmIdentification(name=PROGRAM, version=__version__, parameters=signed.parameters)
    for name, value in zip((words.VBMD, words.VBMD_LOW, words.VBMD_HIGH), interval, strict=True):
        yield sr.Measurement(
            name,
            round(value, _DECIMALS),
            _MG_CM3,
            method=method,
            derivation=codes.SCT.Mean if derivation else None,
            algorithm_id=made_by if name is words.VBMD else None,
        )


def _with_comments(group: _Group, texts: Iterable[str]) -> _Group:
    """The group with these texts appended as comments; empty ones are skipped."""
    for text in filter(None, texts):
        comment = sr.TextContentItem(codes.DCM.Comment, text, sr.RelationshipTypeValues.CONTAINS)
        group[0].ContentSequence.append(comment)
    return group
