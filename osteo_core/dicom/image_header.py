"""The header of an image apart from its position: the record, and the elements that its fields are read from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from pydicom.dataelem import RawDataElement

from osteo_core.dicom.dates import age_by_dates, age_state, age_years, day
from osteo_core.dicom.spectral import is_unnamed_multienergy, not_plain
from osteo_core.dicom.values import Source, State, number, positive, read, sequence, shown, text, texts
from osteo_core.limits.tables import TUBE_VOLTAGE_HIGH, TUBE_VOLTAGE_LOW

#: JPEG baseline and extended, JPEG-LS near-lossless. JPEG 2000 (.91) may be either; (0028,2110) tells.
_LOSSY_SYNTAXES = frozenset(f"1.2.840.10008.1.2.4.{tail}" for tail in ("50", "51", "81"))
#: (0020,4000) of every simulated series begins with this.
_SIMULATED_MARK = "simulated"
#: A patient size outside this range is a typing error or in centimetres.
_SIZE_M = (0.3, 2.5)

#: An age in whole years is up to one year less than that by the dates; a greater difference is a contradiction.
_AGES_APART_YEARS = 2.0

#: Where multi-frame files and dual-energy scanners state the voltage of each tube (DICOM Supplement 188).
_TUBE_SEQUENCES = ("CTXRayDetailsSequence", "CTAdditionalXRaySourceSequence", "MultienergyCTAcquisitionSequence")

#: Elements that are equal in all images of a regular series: all that `image_header` reads, since images share a header
#: by them. A derivation description counts by the kind of image that it names.
COMMON_KEYWORDS = (
    *("SpecificCharacterSet", "SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber"),
    *("AccessionNumber", "Modality", "ImageType", "FrameType", "Manufacturer", "ManufacturerModelName"),
    *("DeviceSerialNumber", "SoftwareVersions", "InstitutionName", "StationName", "KVP", "ConvolutionKernel"),
    *("SliceThickness", "PixelSpacing", "Rows", "Columns", "ImageOrientationPatient", "GantryDetectorTilt"),
    *("PatientPosition", "PatientID", "IssuerOfPatientID", "PatientSex", "PatientAge", "PatientBirthDate"),
    *("PatientSize", "StudyDate"),
    *("ContrastBolusAgent", "ContrastBolusAgentSequence", "BodyPartExamined", "SeriesDescription", "ProtocolName"),
    *("ReconstructionDiameter", "RescaleType", "PixelPaddingValue", "PixelPaddingRangeLimit", "PixelRepresentation"),
    *("SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "LossyImageCompression", "ImageComments"),
    *("DerivationCodeSequence", "FrameComments", "FilterMaterial", "FilterType"),
    *("MultienergyCTAcquisition", "MultienergyCTXRaySourceSequence"),
    *("MultienergyCTAcquisitionSequence", "MultienergyCTCharacteristicsSequence", "MonoenergeticEnergyEquivalent"),
    *("DecompositionMaterialSequence", "DecompositionMethod"),
)
#: Numbers that are reported when malformed: name used in reasons, and expected count.
_CHECKED_NUMBERS = {
    "KVP": ("the tube voltage", 1),
    "SliceThickness": ("slice thickness", 1),
    "PixelSpacing": ("PixelSpacing", 2),
    "ImageOrientationPatient": ("ImageOrientationPatient", 6),
    "Rows": ("Rows", 1),
    "Columns": ("Columns", 1),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Odd:
    """A malformed value: its name, its text, and whether it could be read nevertheless."""

    name: str
    shown: str
    is_read: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """The patient named in a file. Never leaves this process; identifiers are hashed first.

    ``issuer``: who assigned the PatientID; letters and digits only, because scanners punctuate it differently.
    """

    patient_id: str = ""
    issuer: str = ""
    sex: str = ""
    born: date | None = None
    age_years: float | None = None
    size_m: float | None = None
    scanned: date | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageHeader:
    """The header of an image apart from its position; equal images of a file search share one object.

    ``words``: its descriptions in upper case. ``not_plain``: why it is not plain CT, '' for plain CT.
    ``is_multienergy``: from a multi-energy scan, possibly a mixed image.
    ``contrast_agent``: the stated agent. ``odd``: its malformed values.
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
    is_multienergy: bool = False
    is_simulated: bool = False
    odd: tuple[Odd, ...] = ()


def image_header(source: Source, syntax: str = "") -> ImageHeader:
    """The header of an image apart from its position, from any source of values by keyword."""
    agents = sequence(source, "ContrastBolusAgentSequence")
    agent = text(source, "ContrastBolusAgent") or next((text(a, "CodeMeaning") for a in agents), "")
    words = ("BodyPartExamined", "SeriesDescription", "ProtocolName")
    return ImageHeader(
        study_uid=text(source, "StudyInstanceUID"),
        series_uid=text(source, "SeriesInstanceUID"),
        series_number=text(source, "SeriesNumber"),
        person=_person(source),
        sop_class_uid=text(source, "SOPClassUID"),
        modality=text(source, "Modality").upper(),
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
        is_multienergy=is_unnamed_multienergy(source),
        is_simulated=text(source, "ImageComments").lower().startswith(_SIMULATED_MARK),
        odd=(*odd_numbers(source, _CHECKED_NUMBERS), *_odd_age(source), *_odd_date(source), *_odd_voltage(source)),
    )


def _person(source: Source) -> Person:
    size = number(source, "PatientSize")
    return Person(
        patient_id=text(source, "PatientID"),
        issuer="".join(filter(str.isalnum, text(source, "IssuerOfPatientID").casefold())),
        sex=text(source, "PatientSex").upper()[:1],
        born=day(source, "PatientBirthDate"),
        age_years=age_years(source),
        size_m=size if size is not None and _SIZE_M[0] <= size <= _SIZE_M[1] else None,
        scanned=day(source, "StudyDate"),
    )


def odd_numbers(source: Source, numbers: Mapping[str, tuple[str, int]]) -> tuple[Odd, ...]:
    """Which of these numbers (keyword -> name and count) are malformed."""
    found = []
    for keyword, (name, count) in numbers.items():
        reading = read(source, keyword, count if count > 1 else 0)
        if reading.state in (State.MENDED, State.UNREADABLE):
            found.append(Odd(name=name, shown=reading.shown, is_read=reading.state is State.MENDED))
        elif keyword.startswith("Rescale") and (vr := _foreign_vr(source, keyword)):
            found.append(Odd(name=name, shown=f"under VR {vr}", is_read=True))
    return tuple(found)


def _foreign_vr(source: Source, keyword: str) -> str:
    """The VR of a rescale element if not DS: pixel decoders then miss or misread the rescale. Otherwise ''."""
    element = source.get(keyword)
    vr = element.VR if isinstance(element, RawDataElement) else None
    return "" if vr in (None, "DS") else str(vr)


def voltages_kv(source: Source) -> tuple[float, ...]:
    """The tube voltages (kV) of all tubes in header order, without duplicates and implausible values."""
    return tuple(dict.fromkeys(kv for kv in _stated_kv(source) if _is_voltage(kv)))


def _stated_kv(source: Source) -> Iterator[float]:
    yield from read(source, "KVP").values or ()
    for keyword in _TUBE_SEQUENCES:
        for item in sequence(source, keyword):
            yield from _stated_kv(item)


def _is_voltage(kv: float) -> bool:
    return TUBE_VOLTAGE_LOW.value <= kv <= TUBE_VOLTAGE_HIGH.value


def _odd_voltage(source: Source) -> tuple[Odd, ...]:
    """An implausible tube voltage; 0 and less count as blank."""
    beyond = next((kv for kv in read(source, "KVP").values or () if kv > 0 and not _is_voltage(kv)), None)
    return () if beyond is None else (Odd(name="the tube voltage", shown=shown(f"{beyond:g}"), is_read=False),)


def _odd_age(source: Source) -> tuple[Odd, ...]:
    state, shown = age_state(source)
    if state in (State.MENDED, State.UNREADABLE):
        return (Odd(name="the patient's age", shown=shown, is_read=state is State.MENDED),)
    stated, by_dates = age_years(source), age_by_dates(source)
    if stated is None or by_dates is None or abs(stated - by_dates) <= _AGES_APART_YEARS:
        return ()
    words = f"{stated:.0f}, by the dates of birth and study it is {by_dates:.0f}"
    return (Odd(name="the patient's age", shown=words, is_read=True),)


def _odd_date(source: Source) -> tuple[Odd, ...]:
    """A study date later than tomorrow: east of this machine tomorrow may have begun."""
    scanned = day(source, "StudyDate")
    if scanned is None or scanned <= date.today() + timedelta(days=1):
        return ()
    words = f"{scanned}, in the future: age by dates, valid calibration lines and follow-up depend on it"
    return (Odd(name="the study date", shown=words, is_read=True),)
