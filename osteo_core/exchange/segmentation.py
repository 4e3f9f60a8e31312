"""The outlines of a signed read as a BINARY DICOM segmentation: one segment per vertebral body."""

from __future__ import annotations

from collections.abc import Sequence

import highdicom as hd
import numpy as np
from highdicom.seg import SegmentAlgorithmTypeValues, SegmentationTypeValues, SegmentDescription
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import DSfloat
from scipy import ndimage

from osteo_core.errors import UsageError
from osteo_core.exchange import codes as words
from osteo_core.exchange.signed import (
    LONG_TEXT,
    SEG_SERIES_NUMBER,
    SignedRead,
    bare_header,
    complete,
    equipment,
    person_name,
    quiet,
)
from osteo_core.exchange.source import Source, uid_of_file
from osteo_core.exchange.uids import SEG
from osteo_core.records import Geometry, LabelArray
from osteo_core.terms import Level

#: Assumed Dice of a corrected mask whose Dice was not stored: drawn partly by the program, partly by a person.
_SOME = 0.5


def outlined_levels(labels: LabelArray) -> tuple[Level, ...]:
    """The levels that have a segment, in the order of their segment numbers from 1."""
    return tuple(Level(n) for n, box in enumerate(ndimage.find_objects(labels), start=1) if box is not None)


def seg_of(source: Source, labels: LabelArray, grid: Geometry, signed: SignedRead) -> hd.seg.Segmentation:
    """The outlines ``labels`` (I, J, K; VerSe numbers on ``grid``) of a signed read.

    Raises UsageError if none of them lies on the source's slices.
    """
    on_slices = source.on_slices(labels, grid)
    levels = outlined_levels(on_slices)
    if not levels:
        raise UsageError("no outline lies on the slices of its source")
    numbers = np.zeros(256, dtype=np.uint8)
    numbers[list(levels)] = np.arange(1, len(levels) + 1)
    what = f"Vertebral bodies{', miscounted levels' if signed.read.decisions.is_count_wrong else ''}"
    with quiet():
        made = hd.seg.Segmentation(
            source_images=source_images(source),
            pixel_array=_frames(source, numbers[on_slices]),
            segmentation_type=SegmentationTypeValues.BINARY,
            segment_descriptions=[_described(n, level, signed) for n, level in enumerate(levels, start=1)],
            series_instance_uid=signed.uid("SEG series"),
            series_number=SEG_SERIES_NUMBER,
            sop_instance_uid=signed.uid(SEG),
            instance_number=1,
            content_label="VERTEBRAL_BODIES",
            content_description=signed.described("Outlines of vertebral bodies"),
            content_creator_name=person_name(signed.reader),
            series_description=signed.described(what),
            transfer_syntax_uid=ExplicitVRLittleEndian,
            **equipment(signed),
        )
        complete(made, source, signed)
        for sequence in (made.DimensionOrganizationSequence, made.DimensionIndexSequence):
            for item in sequence:
                item.DimensionOrganizationUID = signed.uid("dimensions")
    return made


def source_images(source: Source) -> list[Dataset]:
    """The source in the form highdicom reads: one image per slice, or one multi-frame image."""
    slices = source.stack.slices
    along = [_number(value) for value in (slices[0].orientation or ())]
    if source.is_multiframe:
        return [_multiframe(source, along)]
    found = []
    for k, one in enumerate(slices):
        image = bare_header(source)
        image.SOPInstanceUID = uid_of_file(one)
        image.Rows, image.Columns = one.rows, one.columns
        image.ImageOrientationPatient = along
        image.ImagePositionPatient = [_number(value) for value in source.place_mm(k)]
        image.PixelSpacing, image.SliceThickness, image.SpacingBetweenSlices = _measures(source)
        found.append(image)
    return found


def _multiframe(source: Source, along: Sequence[DSfloat]) -> Dataset:
    image = bare_header(source)
    first = source.stack.slices[0]
    image.SOPInstanceUID = uid_of_file(first)
    image.Rows, image.Columns, image.NumberOfFrames = first.rows, first.columns, source.frames
    shared, turn, measures = Dataset(), Dataset(), Dataset()
    turn.ImageOrientationPatient = list(along)
    measures.PixelSpacing, measures.SliceThickness, measures.SpacingBetweenSlices = _measures(source)
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [turn], [measures]
    image.SharedFunctionalGroupsSequence = [shared]
    places = {one.frame: source.place_mm(k) for k, one in enumerate(source.stack.slices)}
    groups = []
    for frame in range(source.frames):
        place, group = Dataset(), Dataset()
        # A frame outside the stack has no outline and is left out, so its position does not matter.
        place.ImagePositionPatient = [_number(value) for value in places.get(frame, places[first.frame])]
        group.PlanePositionSequence = [place]
        groups.append(group)
    image.PerFrameFunctionalGroupsSequence = groups
    return image


def _measures(source: Source) -> tuple[list[DSfloat], DSfloat, DSfloat]:
    """Row and column spacing, thickness and step of the slices in mm."""
    across, down, _ = source.geometry.spacing_mm
    stated = source.stack.slices[0].pixel_spacing_mm or (down, across)
    step_mm, thickness_mm = source.stack.step_mm, source.stack.slices[0].image.thickness_mm
    return [_number(value) for value in stated], _number(thickness_mm or step_mm), _number(step_mm)


def _number(value: float) -> DSfloat:
    return DSfloat(float(value), auto_format=True)


def _frames(source: Source, labels: LabelArray) -> LabelArray:
    """(frames, rows, columns): one frame per slice, or all frames of a multi-frame file."""
    planes: LabelArray = labels.transpose(2, 1, 0)
    if not source.is_multiframe:
        return planes
    whole = np.zeros((source.frames, *planes.shape[1:]), dtype=np.uint8)
    whole[[one.frame for one in source.stack.slices]] = planes
    return whole


def _described(number: int, level: Level, signed: SignedRead) -> SegmentDescription:
    """One segment, with its origin: the program, corrected by a person, or drawn by a person."""
    dice = signed.dice.get(level, 1.0 if signed.read.version == signed.read.model_hash else _SOME)
    kind = (
        SegmentAlgorithmTypeValues.AUTOMATIC
        if dice == 1.0
        else SegmentAlgorithmTypeValues.SEMIAUTOMATIC
        if dice
        else SegmentAlgorithmTypeValues.MANUAL
    )
    by = hd.AlgorithmIdentificationSequence(
        name=signed.engine[:LONG_TEXT] or "unknown",
        family=codes.DCM.ArtificialIntelligence,
        version=signed.read.model_hash,
        parameters=None,
    )
    return SegmentDescription(
        segment_number=number,
        segment_label=level.name,
        segmented_property_category=words.CATEGORY,
        segmented_property_type=words.VERTEBRAL_BODY,
        algorithm_type=kind,
        algorithm_identification=None if kind is SegmentAlgorithmTypeValues.MANUAL else by,
        tracking_uid=signed.uid(level.name),
        tracking_id=words.body_name(level),
        anatomic_regions=[words.region_of(level)],
    )
