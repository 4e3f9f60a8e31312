"""Header values of one search, slice by slice. Records only; no file is opened here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from osteo_core.dicom.image_header import ImageHeader, Odd


@dataclass(frozen=True, kw_only=True, slots=True)
class PixelForm:
    """What is needed to read the pixels. Padding is (0028,0120) to (0028,0121) with the sign of the pixels."""

    transfer_syntax: str = ""
    is_monochrome1: bool = False
    padding: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SliceHeader:
    """One slice: a file, or one frame of a multi-frame file. Geometry is None where the header is blank.

    ``acquisition``, ``phase``, ``times_s`` and ``instance_number`` distinguish scans of the same place.
    ``other_kv`` are further tube voltages: of a second tube, or from a multi-valued element.
    """

    path: Path
    frame: int
    sop_instance_uid: str
    rows: int
    columns: int
    position_mm: tuple[float, float, float] | None
    orientation: tuple[float, ...] | None
    pixel_spacing_mm: tuple[float, float] | None
    rescale_slope: float | None
    rescale_intercept: float | None
    rescale_type: str
    acquisition: str
    frame_of_reference_uid: str = ""
    phase: str = ""
    times_s: tuple[float | None, float | None] = (None, None)
    instance_number: float | None = None
    kvp: float | None = None
    other_kv: tuple[float, ...] = ()
    exposure_mas: float | None = None
    table_height_mm: float | None = None
    image: ImageHeader = field(default_factory=ImageHeader)
    pixels: PixelForm = field(default_factory=PixelForm)
    odd: tuple[Odd, ...] = ()


#: ImageHeader and PixelForm by the bytes they were read from, so that slices of a series share one of each.
Seen = dict[tuple[object, ...], tuple[ImageHeader, PixelForm, dict[str, Any]]]
