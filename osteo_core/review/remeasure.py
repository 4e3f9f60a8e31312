"""Measures, calibrates, grades and assesses one series again with a reader's outlines and decisions.

Image, calibration tissues and header are those of the model's result, so that all differences are due to the reader.
Levels with an unchanged outline are not measured again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
from scipy import ndimage

from osteo_core.density.rod_row import find_rod_row
from osteo_core.density.roi import measure_body, refuse_unlike
from osteo_core.imaging.borders import cut_sides
from osteo_core.morphometry.fracture import grade_fractures
from osteo_core.morphometry.frame import Body, find_bodies
from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.pipeline import MeasuredSeries, judge
from osteo_core.records import (
    CalibrationTissues,
    Estimate,
    Geometry,
    LabelArray,
    Measurement,
    Segmentation,
    SegmentedLevel,
    Series,
    SeriesResult,
    Volume,
)
from osteo_core.review.decisions import Decisions
from osteo_core.review.mask import mask_hash
from osteo_core.review.summary import Summary
from osteo_core.settings import Settings
from osteo_core.terms import ContrastPhase, Level, Status, Step, SuggestedCause

ENGINE = "corrected by a reader"
#: Fractures of this grade or higher exclude a level from the density (as in morphometry/fracture.py).
_FRACTURED_FROM = 2
_OF_CONTRAST = (
    CautionCode.CONTRAST,
    CautionCode.CONTRAST_UNDECLARED,
    CautionCode.CONTRAST_UNSEEN,
    CautionCode.CONTRAST_UNKNOWN,
)
#: Steps whose cautions concern the image and are kept; others are determined again.
_KEPT_STEPS = (Step.READ, Step.SEGMENT, Step.MEASURE)


@dataclass(frozen=True, kw_only=True, eq=False)
class ReviewCase:
    """One series as shown to a reader: the shown CT and the model's findings.

    ``volume`` and ``model`` lie on the shown grid. ``has_rods``: the model's result found phantom rods under the back.
    ``cautions`` are those of the model's result; ``regressed`` are the network's readings, valid while the outline is
    unchanged. ``memory`` caches measured levels, ``summaries`` the numbers of whole versions.
    """

    series: Series
    volume: Volume
    model: Segmentation
    source_geometry: Geometry
    tissues: CalibrationTissues
    phase: ContrastPhase
    has_rods: bool = False
    cautions: tuple[Caution, ...] = ()
    regressed: Mapping[Level, Estimate] = field(default_factory=dict)
    memory: dict[str, Measurement] = field(default_factory=dict)
    summaries: dict[str, Summary] = field(default_factory=dict)


def remeasure(case: ReviewCase, labels: LabelArray, decisions: Decisions, *, settings: Settings) -> SeriesResult:
    """The complete result for these outlines (I, J, K; shown grid) with these settings.

    Its ``model_hash`` is the hash of the mask, or the model's hash if the outlines are unchanged.
    """
    segmentation = _segmentation(case, labels)
    bodies = find_bodies(segmentation)
    measured = tuple(_measured(case, segmentation, body) for body in bodies)
    step_mm = max((body.step_along_mm for body in bodies), default=1.0)
    graded, fractures = grade_fractures(refuse_unlike(measured), step_mm=step_mm)
    measurements = tuple(_decided(m, decisions) for m in graded)
    kept = tuple(c for c in case.cautions if c.step in _KEPT_STEPS and c.code is not CautionCode.POSSIBLE_FRACTURE)
    phase = decisions.phase or case.phase
    if decisions.phase is not None:
        kept = (*(c for c in kept if c.code not in _OF_CONTRAST), *_phase_cautions(decisions.phase))
    result = judge(
        MeasuredSeries(
            series=case.series,
            geometry=case.volume.geometry,
            segmentation=segmentation,
            measurements=measurements,
            tissues=case.tissues,
            phase=phase,
            cautions=(*kept, *_fracture_cautions(fractures, decisions)),
            model_hash=segmentation.model_hash,
            rod_row=find_rod_row(case.volume, bodies) if case.has_rods else None,
        ),
        settings=settings,
    )
    return replace(result, geometry=case.source_geometry)


def reject(case: ReviewCase, labels: LabelArray, words: str, *, settings: Settings) -> SeriesResult:
    """The result of a series that a reader rejects: a reason instead of values."""
    measured = remeasure(case, labels, Decisions(), settings=settings)
    found = words.strip() or "no reason given"
    exclusion = Exclusion(code=ExclusionCode.READER_REJECTED, step=Step.ASSESS, found=found)
    return SeriesResult(
        series=case.series,
        status=Status.EXCLUDED,
        model_hash=measured.model_hash,
        settings_hash=measured.settings_hash,
        geometry=measured.geometry,
        segmentation=measured.segmentation,
        exclusions=(exclusion,),
        cautions=measured.cautions,
        finished_at=datetime.now(UTC),
    )


def _segmentation(case: ReviewCase, labels: LabelArray) -> Segmentation:
    if np.array_equal(labels, case.model.labels):
        return case.model
    boxes = ndimage.find_objects(labels)
    levels = []
    for number, box in enumerate(boxes, start=1):
        if box is None:
            continue
        levels.append(_outlined(case, labels, Level(number), box=box))
    return Segmentation(
        labels=labels,
        geometry=case.volume.geometry,
        levels=tuple(levels),
        anchor=case.model.anchor,
        engine=ENGINE,
        model_hash=mask_hash(labels, case.volume.geometry),
    )


def _outlined(case: ReviewCase, labels: LabelArray, level: Level, *, box: tuple[slice, slice, slice]) -> SegmentedLevel:
    """The model's level if its outline is unchanged; an outline drawn by a person has no network confidence."""
    body = labels[box] == level
    own = case.model.level(level)
    if own is not None and own.voxels == int(body.sum()) and np.array_equal(case.model.labels[box] == level, body):
        return own
    x, y, z = case.volume.geometry.to_world_mm(np.argwhere(body).mean(0) + [part.start for part in box])
    return SegmentedLevel(
        level=level,
        confidence=None,
        voxels=int(body.sum()),
        centroid_mm=(float(x), float(y), float(z)),
        cut=cut_sides(body, box, case.volume.voxels_hu, case.volume.geometry),
    )


def _measured(case: ReviewCase, segmentation: Segmentation, body: Body) -> Measurement:
    segmented = segmentation.level(body.level)
    if segmented is None:  # find_bodies returns only levels of the segmentation
        raise ValueError(f"{body.level.name} is not outlined")
    key = _key(body, segmented)
    if key not in case.memory:
        case.memory[key] = measure_body(case.volume, body, segmented=segmented)
    is_model = segmented is case.model.level(body.level)
    return replace(case.memory[key], regressed_mg_cm3=case.regressed.get(body.level) if is_model else None)


def _key(body: Body, segmented: SegmentedLevel) -> str:
    """Cache key of all inputs to the measurement of one body: outline, position, axes, attributes."""
    digest = hashlib.sha256(np.packbits(body.mask).tobytes())
    frame = body.frame
    for array in (body.geometry.affine_lps, frame.origin_mm, frame.axes, frame.upper_plane, frame.lower_plane):
        digest.update(np.asarray(array).tobytes())
    digest.update(repr((body.level, body.mask.shape, body.voxels, segmented.confidence, segmented.cut)).encode())
    return digest.hexdigest()


def _decided(measurement: Measurement, decisions: Decisions) -> Measurement:
    """The measurement with the reader's grade, and excluded if the reader left it out."""
    level, grade = measurement.level, decisions.grades.get(measurement.level)
    exclusions = measurement.exclusions
    if grade is not None:
        exclusions = tuple(e for e in exclusions if e.code is not ExclusionCode.FRACTURED)
        if grade >= _FRACTURED_FROM:
            exclusions += (_said(ExclusionCode.FRACTURED, f"grade {grade} by the reader", level),)
        cause = SuggestedCause.NO_DEFORMITY if grade == 0 else measurement.suggested_cause
        measurement = replace(measurement, fracture_grade=grade, suggested_cause=cause)
    reason = decisions.left_out.get(level)
    if reason is not None:
        exclusions += (_said(ExclusionCode.READER_LEFT_OUT, reason.sentence, level),)
    return replace(measurement, exclusions=exclusions)


def _said(code: ExclusionCode, found: str, level: Level) -> Exclusion:
    return Exclusion(code=code, step=Step.MEASURE, found=found, level=level)


def _fracture_cautions(found: tuple[Caution, ...], decisions: Decisions) -> tuple[Caution, ...]:
    own = tuple(
        Caution(
            code=CautionCode.POSSIBLE_FRACTURE,
            step=Step.MEASURE,
            found=f"{level.name}, grade {grade} by the reader",
            level=level,
        )
        for level, grade in sorted(decisions.grades.items())
        if grade >= 1
    )
    return (*(caution for caution in found if caution.level not in decisions.grades), *own)


def _phase_cautions(phase: ContrastPhase) -> tuple[Caution, ...]:
    if phase is ContrastPhase.NATIVE:
        return ()
    return (Caution(code=CautionCode.CONTRAST, step=Step.MEASURE, found=f"{phase.value}, by the reader"),)
