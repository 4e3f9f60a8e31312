"""What the headers of one search say, image by image: records only, no file is opened here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Odd:
    """A value that is not as DICOM has it: what it is, what stood there, and whether it could be read all the same."""

    name: str
    shown: str
    is_read: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Who a file says was scanned. Never leaves this process: identifiers become keyed hashes first."""

    patient_id: str = ""
    sex: str = ""
    born: date | None = None
    age_years: float | None = None
    size_m: float | None = None
    scanned: date | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PixelForm:
    """What reading the pixels needs to know. Padding is (0028,0120) to (0028,0121) with the pixels' own sign."""

    transfer_syntax: str = ""
    is_monochrome1: bool = False
    padding: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageHeader:
    """What an image says of itself apart from its place; one object for all images of a file search that say the same.

    ``words`` is what describes it, in upper case; ``not_plain`` what makes it no plain CT, '' for plain CT.
    ``contrast_agent`` joins what names one; ``odd`` are its values that are not as DICOM has them.
    """

    study_uid: str = ""
    series_uid: str = ""
    series_number: str = ""
    person: Person = field(default_factory=Person)
    sop_class_uid: str = ""
    modality: str = ""
    image_type: tuple[str, ...] = ()
    samples_per_pixel: float = 1.0
    photometric: str = ""
    is_lossy: bool = False
    manufacturer: str = ""
    model: str = ""
    serial_number: str = ""
    software_versions: str = ""
    institution: str = ""
    accession: str = ""
    station: str = ""
    kernel: str = ""
    thickness_mm: float | None = None
    tilt_deg: float | None = None
    reconstruction_diameter_mm: float | None = None
    patient_position: str = ""
    contrast_agent: str = ""
    body_part: str = ""
    words: str = ""
    not_plain: str = ""
    is_simulated: bool = False
    odd: tuple[Odd, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SliceHeader:
    """One slice: a file, or one frame of a multi-frame file. Geometry is None where the header is blank.

    ``acquisition``, ``phase``, ``times_s`` and ``instance_number`` tell apart scans of one place.
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
    exposure_mas: float | None = None
    table_height_mm: float | None = None
    image: ImageHeader = field(default_factory=ImageHeader)
    pixels: PixelForm = field(default_factory=PixelForm)
    odd: tuple[Odd, ...] = ()


#: ImageHeader and PixelForm by the bytes that they were read from, so that a series' own is made once.
Seen = dict[tuple[object, ...], tuple[ImageHeader, PixelForm, dict[str, Any]]]
