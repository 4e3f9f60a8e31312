"""Turns the raw elements of one image into a SliceHeader and its ImageHeader."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pydicom.dataelem import RawDataElement

from osteo_core.dicom.image_header import COMMON_KEYWORDS, ImageHeader, image_header, odd_numbers, voltages_kv
from osteo_core.dicom.slices import PixelForm, Seen, SliceHeader
from osteo_core.dicom.spectral import image_kind
from osteo_core.dicom.values import Source, number, numbers, tag_of, text

_COMMON_TAGS = tuple(tag_of(keyword) for keyword in COMMON_KEYWORDS)

#: What distinguishes several stacks under one SeriesInstanceUID; the last three occur in multi-frame files.
_ACQUISITION_KEYWORDS = (
    *("AcquisitionNumber", "TemporalPositionIdentifier"),
    *("FrameAcquisitionNumber", "TemporalPositionIndex", "StackID"),
)
_PHASE_KEYWORDS = ("NominalPercentageOfCardiacPhase", "NominalCardiacTriggerDelayTime", "TriggerTime")
_CHECKED_OWN_NUMBERS = {
    "ImagePositionPatient": ("ImagePositionPatient", 3),
    "RescaleSlope": ("RescaleSlope", 1),
    "RescaleIntercept": ("RescaleIntercept", 1),
}


class Elements:
    """The raw elements of one frame by tag: its own functional groups first, then shared ones, then the top level."""

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
    """The header of one frame; values that slices of a series share are cached in ``seen``."""
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
        odd=odd_numbers(source, _CHECKED_OWN_NUMBERS),
        **common,
    )


def _seconds(stated: str) -> float | None:
    """A time of day (HHMMSS.frac, with or without colons) in seconds."""
    found = re.fullmatch(r"(\d{2}):?(\d{2}):?(\d{2}(?:\.\d*)?)", stated)
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else None


def _common(source: Elements, syntax: str, seen: Seen) -> tuple[ImageHeader, PixelForm, dict[str, Any]]:
    """Values that the slices of a series share, parsed once for identical bytes."""
    elements = [source.by_tag.get(tag) for tag in _COMMON_TAGS]
    # Compression writes its ratio into each derivation description, so the key holds only the kind of image.
    derived = image_kind(text(source, "DerivationDescription"))
    voltages = voltages_kv(source)
    key = (syntax, derived, voltages, *(None if one is None else one.value for one in elements))
    try:
        found = seen.get(key)
    except TypeError:  # unhashable (a sequence, or a value that was set), so not cached
        return image_header(source, syntax), _pixels(source, syntax), _grid(source, voltages)
    if found is None:
        found = seen[key] = (image_header(source, syntax), _pixels(source, syntax), _grid(source, voltages))
    return found


def _grid(source: Source, voltages: tuple[float, ...]) -> dict[str, Any]:
    spacing = numbers(source, "PixelSpacing", 2)
    return {
        "rows": int(number(source, "Rows") or 0),
        "columns": int(number(source, "Columns") or 0),
        "orientation": numbers(source, "ImageOrientationPatient", 6),
        "pixel_spacing_mm": (spacing[0], spacing[1]) if spacing else None,
        "rescale_type": text(source, "RescaleType").upper(),
        "kvp": voltages[0] if voltages else None,
        "other_kv": voltages[1:],
    }


def _pixels(source: Source, syntax: str) -> PixelForm:
    return PixelForm(
        transfer_syntax=syntax,
        is_monochrome1=text(source, "PhotometricInterpretation") == "MONOCHROME1",
        padding=_padding(source),
    )


def _padding(source: Source) -> tuple[float, float] | None:
    """The declared padding range; a value written with the wrong sign (63536 for -2000) is corrected."""
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
