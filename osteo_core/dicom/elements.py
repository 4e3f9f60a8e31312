"""The elements of one image, as raw as they were read, made into what they say: a SliceHeader and its ImageHeader."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pydicom.dataelem import RawDataElement

from osteo_core.dicom.dates import age_state, age_years, day
from osteo_core.dicom.slices import ImageHeader, Odd, Person, PixelForm, Seen, SliceHeader
from osteo_core.dicom.spectral import image_kind, not_plain
from osteo_core.dicom.values import Source, State, number, numbers, positive, read, sequence, tag_of, text, texts

#: JPEG baseline and extended, JPEG-LS near-lossless. JPEG 2000 (.91) may be either; (0028,2110) tells.
_LOSSY_SYNTAXES = frozenset(f"1.2.840.10008.1.2.4.{tail}" for tail in ("50", "51", "81"))
#: (0020,4000) of every series that this program invents begins so.
SIMULATED_MARK = "simulated"
#: A patient's size beyond these is a typing error or in centimetres.
_SIZE_M = (0.3, 2.5)

#: What all images of one sound series say alike.
_COMMON_KEYWORDS = (
    *("SpecificCharacterSet", "SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber"),
    *("Modality", "ImageType", "FrameType", "Manufacturer", "ManufacturerModelName"),
    *("DeviceSerialNumber", "SoftwareVersions", "InstitutionName", "StationName", "KVP", "ConvolutionKernel"),
    *("SliceThickness", "PixelSpacing", "Rows", "Columns", "ImageOrientationPatient", "GantryDetectorTilt"),
    *("PatientPosition", "PatientID", "PatientSex", "PatientAge", "PatientBirthDate", "PatientSize", "StudyDate"),
    *("ContrastBolusAgent", "ContrastBolusAgentSequence", "BodyPartExamined", "SeriesDescription", "ProtocolName"),
    *("ReconstructionDiameter", "RescaleType", "PixelPaddingValue", "PixelPaddingRangeLimit", "PixelRepresentation"),
    *("SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "LossyImageCompression", "ImageComments"),
    *("DerivationCodeSequence", "FrameComments", "FilterMaterial", "FilterType"),
    *("MultienergyCTAcquisitionSequence", "MultienergyCTCharacteristicsSequence", "MonoenergeticEnergyEquivalent"),
    *("DecompositionMaterialSequence", "DecompositionMethod"),
)
_COMMON_TAGS = tuple(tag_of(keyword) for keyword in _COMMON_KEYWORDS)

#: What tells apart several stacks under one SeriesInstanceUID; the last three stand in multi-frame files.
_ACQUISITION_KEYWORDS = (
    *("AcquisitionNumber", "TemporalPositionIdentifier"),
    *("FrameAcquisitionNumber", "TemporalPositionIndex", "StackID"),
)
_PHASE_KEYWORDS = ("NominalPercentageOfCardiacPhase", "NominalCardiacTriggerDelayTime", "TriggerTime")
#: Numbers that are reported when they are not as DICOM has them, by the names that they have in reasons.
_CHECKED_NUMBERS = {
    "KVP": ("the tube voltage", 1),
    "SliceThickness": ("slice thickness", 1),
    "PixelSpacing": ("PixelSpacing", 2),
    "ImageOrientationPatient": ("ImageOrientationPatient", 6),
    "Rows": ("Rows", 1),
    "Columns": ("Columns", 1),
}
_CHECKED_OWN_NUMBERS = {
    "ImagePositionPatient": ("ImagePositionPatient", 3),
    "RescaleSlope": ("RescaleSlope", 1),
    "RescaleIntercept": ("RescaleIntercept", 1),
}


class Elements:
    """The elements of one frame by tag, as raw as they were read: own groups first, then shared ones, then the top."""

    __slots__ = ("by_tag", "dataset")

    def __init__(self, dataset: Dataset, by_tag: Mapping[int, Any]) -> None:
        self.dataset = dataset
        self.by_tag = by_tag

    def get(self, keyword: str) -> Any:
        """The element, or None."""
        found = self.by_tag.get(tag_of(keyword))
        if isinstance(found, RawDataElement) and found.VR == "SQ":
            return self.dataset[found.tag]
        return found


def slice_of(source: Elements, path: Path, frame: int, syntax: str, seen: Seen) -> SliceHeader:
    image, pixels, common = _common(source, syntax, seen)
    position = numbers(source, "ImagePositionPatient", 3)
    return SliceHeader(
        path=path,
        frame=frame,
        sop_instance_uid=f"{text(source, 'SOPInstanceUID') or path}#{frame}",
        position_mm=(position[0], position[1], position[2]) if position else None,
        rescale_slope=number(source, "RescaleSlope"),
        rescale_intercept=number(source, "RescaleIntercept"),
        acquisition="/".join(filter(None, (text(source, keyword) for keyword in _ACQUISITION_KEYWORDS))),
        frame_of_reference_uid=text(source, "FrameOfReferenceUID"),
        phase="/".join(filter(None, (text(source, keyword) for keyword in _PHASE_KEYWORDS))),
        times_s=(_seconds(text(source, "AcquisitionTime")), _seconds(text(source, "ContentTime"))),
        instance_number=number(source, "InstanceNumber"),
        exposure_mas=number(source, "ExposureInmAs") or number(source, "Exposure"),
        table_height_mm=number(source, "TableHeight"),
        image=image,
        pixels=pixels,
        odd=_odd(source, _CHECKED_OWN_NUMBERS),
        **common,
    )


def _seconds(stated: str) -> float | None:
    """A time of day (HHMMSS.frac, with or without colons) in seconds."""
    found = re.fullmatch(r"(\d{2}):?(\d{2}):?(\d{2}(?:\.\d*)?)", stated)
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else None


def _common(source: Elements, syntax: str, seen: Seen) -> tuple[ImageHeader, PixelForm, dict[str, Any]]:
    """What the slices of a series have in common, made once for the same bytes."""
    elements = [source.by_tag.get(tag) for tag in _COMMON_TAGS]
    # Compression writes its ratio into the derivation of each image: only what it makes of the image counts.
    derived = image_kind(text(source, "DerivationDescription"))
    key = (syntax, derived, *(None if one is None else one.value for one in elements))
    try:
        found = seen.get(key)
    except TypeError:  # a sequence, or a value that was set: made for this slice alone
        return _image(source, syntax), _pixels(source, syntax), _grid(source)
    if found is None:
        found = seen[key] = (_image(source, syntax), _pixels(source, syntax), _grid(source))
    return found


def _grid(source: Source) -> dict[str, Any]:
    spacing = numbers(source, "PixelSpacing", 2)
    return {
        "rows": int(number(source, "Rows") or 0),
        "columns": int(number(source, "Columns") or 0),
        "orientation": numbers(source, "ImageOrientationPatient", 6),
        "pixel_spacing_mm": (spacing[0], spacing[1]) if spacing else None,
        "rescale_type": text(source, "RescaleType").upper(),
        "kvp": positive(source, "KVP"),
    }


def _pixels(source: Source, syntax: str) -> PixelForm:
    return PixelForm(
        transfer_syntax=syntax,
        is_monochrome1=text(source, "PhotometricInterpretation") == "MONOCHROME1",
        padding=_padding(source),
    )


def _padding(source: Source) -> tuple[float, float] | None:
    """The declared padding range; a value written with the wrong sign (63536 for -2000) is put right."""
    value = number(source, "PixelPaddingValue")
    if value is None:
        return None
    limit = number(source, "PixelPaddingRangeLimit")
    is_signed = number(source, "PixelRepresentation") == 1
    low, high = sorted(_signed(one, is_signed) for one in (value, value if limit is None else limit))
    return low, high


def _signed(value: float, is_signed: bool) -> float:
    if is_signed and value > 32767:
        return value - 65536
    return value + 65536 if not is_signed and value < 0 else value


def image_of(source: Source) -> ImageHeader:
    """What a header says of an image apart from its place, from any source of values by keyword."""
    return _image(source, "")


def _image(source: Source, syntax: str) -> ImageHeader:
    agents = sequence(source, "ContrastBolusAgentSequence")
    agent = text(source, "ContrastBolusAgent") or next((text(a, "CodeMeaning") for a in agents), "")
    words = ("BodyPartExamined", "SeriesDescription", "ProtocolName")
    return ImageHeader(
        study_uid=text(source, "StudyInstanceUID"),
        series_uid=text(source, "SeriesInstanceUID"),
        series_number=text(source, "SeriesNumber"),
        person=_person(source),
        sop_class_uid=text(source, "SOPClassUID"),
        modality=text(source, "Modality"),
        image_type=tuple(word.upper() for word in texts(source, "FrameType") or texts(source, "ImageType")),
        samples_per_pixel=number(source, "SamplesPerPixel") or 1.0,
        photometric=text(source, "PhotometricInterpretation"),
        is_lossy=text(source, "LossyImageCompression") == "01" or syntax in _LOSSY_SYNTAXES,
        manufacturer=text(source, "Manufacturer"),
        model=text(source, "ManufacturerModelName"),
        serial_number=text(source, "DeviceSerialNumber"),
        software_versions=text(source, "SoftwareVersions"),
        institution=text(source, "InstitutionName"),
        accession=text(source, "AccessionNumber"),
        station=text(source, "StationName"),
        kernel=text(source, "ConvolutionKernel"),
        thickness_mm=positive(source, "SliceThickness"),
        tilt_deg=number(source, "GantryDetectorTilt"),
        reconstruction_diameter_mm=number(source, "ReconstructionDiameter"),
        patient_position=text(source, "PatientPosition"),
        contrast_agent=agent,
        body_part=text(source, "BodyPartExamined"),
        words=" ".join(text(source, keyword) for keyword in words).upper(),
        not_plain=not_plain(source),
        is_simulated=text(source, "ImageComments").lower().startswith(SIMULATED_MARK),
        odd=(*_odd(source, _CHECKED_NUMBERS), *_odd_age(source)),
    )


def _person(source: Source) -> Person:
    size = number(source, "PatientSize")
    return Person(
        patient_id=text(source, "PatientID"),
        sex=text(source, "PatientSex").upper()[:1],
        born=day(source, "PatientBirthDate"),
        age_years=age_years(source),
        size_m=size if size is not None and _SIZE_M[0] <= size <= _SIZE_M[1] else None,
        scanned=day(source, "StudyDate"),
    )


def _odd(source: Source, numbers: Mapping[str, tuple[str, int]]) -> tuple[Odd, ...]:
    found = []
    for keyword, (name, count) in numbers.items():
        reading = read(source, keyword, count if count > 1 else 0)
        if reading.state in (State.MENDED, State.UNREADABLE):
            found.append(Odd(name=name, shown=reading.shown, is_read=reading.state is State.MENDED))
        elif keyword.startswith("Rescale") and (vr := _foreign_vr(source, keyword)):
            found.append(Odd(name=name, shown=f"under VR {vr}", is_read=True))
    return tuple(found)


def _foreign_vr(source: Source, keyword: str) -> str:
    """The VR of an element that is not DS: decoders of pixels then miss a rescale, or read it in their own way."""
    element = source.get(keyword)
    vr = element.VR if isinstance(element, RawDataElement) else None
    return "" if vr in (None, "DS") else str(vr)


def _odd_age(source: Source) -> tuple[Odd, ...]:
    state, shown = age_state(source)
    if state in (State.MENDED, State.UNREADABLE):
        return (Odd(name="the patient's age", shown=shown, is_read=state is State.MENDED),)
    return ()
