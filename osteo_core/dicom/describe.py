"""What the headers of one series say of it, as a `Series`, and what they fail to say, as cautions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import Dataset

from osteo_core.dicom.arrange import Arranged
from osteo_core.dicom.header import Functional
from osteo_core.dicom.identity import Identity
from osteo_core.dicom.kernels import kernel_group
from osteo_core.dicom.sites import SiteRule, Source, site_key, site_of
from osteo_core.dicom.spectral import not_plain
from osteo_core.dicom.stack import Stack
from osteo_core.dicom.values import age_years, day, number, positive, sequence, text, texts
from osteo_core.dicom.vendor import normalise_vendor, vendor_of_model
from osteo_core.limits.acquisition import GANTRY_TILT_IGNORED, THICKNESS_PREFERRED
from osteo_core.outcomes import Caution, CautionCode
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.records import Series
from osteo_core.terms import KernelGroup, Plane, Sex, Step, Vendor

#: (0020,4000) of every series that this program invents begins so.
SIMULATED_MARK = "simulated"
#: Step and thickness agree within this share of the thickness.
STEP_TOLERANCE = 0.05

_SEXES = {"F": Sex.FEMALE, "M": Sex.MALE, "O": Sex.OTHER}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Parts of the header that decide eligibility and are not kept.

    ``not_plain``: what makes it no plain CT, '' for plain CT. ``patients``: how many its files name.
    """

    sop_class_uid: str
    samples_per_pixel: float
    photometric: str
    is_lossy: bool
    declared_tilt_deg: float | None
    has_identity: bool
    words: str
    not_plain: str = ""
    patients: int = 1


def kind_of(dataset: Dataset) -> Kind:
    """What kind of object this is, by its header."""
    source = Functional(dataset)
    loss = text(source, "LossyImageCompression") == "01"
    return Kind(
        sop_class_uid=text(source, "SOPClassUID"),
        samples_per_pixel=number(source, "SamplesPerPixel") or 1,
        photometric=text(source, "PhotometricInterpretation"),
        is_lossy=loss or transfer_syntax(dataset) in LOSSY_SYNTAXES,
        declared_tilt_deg=number(source, "GantryDetectorTilt"),
        has_identity=bool(text(source, "StudyInstanceUID") and text(source, "SeriesInstanceUID")),
        words=" ".join(text(source, k) for k in ("BodyPartExamined", "SeriesDescription", "ProtocolName")).upper(),
        not_plain=not_plain(source),
    )


#: JPEG baseline and extended, JPEG-LS near-lossless. JPEG 2000 (.91) may be either; (0028,2110) tells.
LOSSY_SYNTAXES = frozenset(
    ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81"),
)


def transfer_syntax(dataset: Dataset) -> str:
    """(0002,0010), or '' in a file without meta information."""
    return text(getattr(dataset, "file_meta", Dataset()), "TransferSyntaxUID")


def describe(
    dataset: Dataset,
    arranged: Arranged,
    identity: Identity,
    pseudonyms: Pseudonyms,
    *,
    sites: Sequence[SiteRule] = (),
) -> Series:
    """One stack as a Series. ``dataset`` is the header of one of its files; identifiers leave as hashes.

    ``sites``: the site's own names of where series come from.
    """
    slices = arranged.stack.slices if isinstance(arranged.stack, Stack) else arranged.slices
    files = tuple(dict.fromkeys(s.path for s in sorted(arranged.slices, key=lambda s: (str(s.path), s.frame))))
    return Series(
        # Copies of a study under other patients repeat its SeriesInstanceUID: that alone would join two patients.
        series_key=pseudonyms.series(f"{identity.study}\0{identity.series}{arranged.label}"),
        study_key=pseudonyms.study(identity.study),
        # Without a PatientID each study is a patient of its own: never two patients as one.
        patient_key=pseudonyms.patient(text(dataset, "PatientID") or f"study {identity.study}"),
        series_instance_uid=identity.name + arranged.label,
        files=(*files, *arranged.left_out),
        stack_label=arranged.label,
        n_slices=len(slices),
        kvp=arranged.voltages_kv[0] if arranged.voltages_kv else None,
        site_key=site_key(site_of(_source(dataset, files[0]), sites), pseudonyms),
        **_scanner(dataset, pseudonyms),
        **_patient(dataset),
        **_image(dataset, arranged),
        **_geometry(arranged.stack),
    )


def _source(dataset: Dataset, file: Path) -> Source:
    return Source(
        file=file,
        institution=text(dataset, "InstitutionName"),
        station=text(dataset, "StationName"),
        serial_number=text(Functional(dataset), "DeviceSerialNumber"),
    )


def _scanner(dataset: Dataset, pseudonyms: Pseudonyms) -> dict:
    source = Functional(dataset)
    manufacturer = text(source, "Manufacturer") or None
    model = text(source, "ManufacturerModelName") or None
    serial = text(source, "DeviceSerialNumber")
    vendor = normalise_vendor(manufacturer) if manufacturer else vendor_of_model(model)
    kernel = text(source, "ConvolutionKernel") or None
    return {
        "modality": text(source, "Modality"),
        "manufacturer": manufacturer,
        "vendor": vendor,
        "manufacturer_model_name": model,
        "device_key": pseudonyms.device(f"{manufacturer}\0{model}\0{serial}") if serial else None,
        "software_versions": text(source, "SoftwareVersions") or None,
        "convolution_kernel": kernel,
        "kernel_group": kernel_group(vendor, kernel),
        "exposure_mas": number(source, "ExposureInmAs") or number(source, "Exposure"),
        "table_height_mm": number(source, "TableHeight"),
        "reconstruction_diameter_mm": number(source, "ReconstructionDiameter"),
        "gantry_detector_tilt_deg": number(source, "GantryDetectorTilt"),
    }


def _patient(dataset: Dataset) -> dict:
    return {
        "patient_sex": _SEXES.get(text(dataset, "PatientSex").upper(), Sex.UNKNOWN),
        "patient_age_years": age_years(dataset),
        "patient_position": text(dataset, "PatientPosition") or None,
        "study_date": day(dataset, "StudyDate"),
        "is_simulated": text(dataset, "ImageComments").lower().startswith(SIMULATED_MARK),
    }


def _image(dataset: Dataset, arranged: Arranged) -> dict:
    source = Functional(dataset)
    agents = sequence(dataset, "ContrastBolusAgentSequence")
    agent = text(source, "ContrastBolusAgent") or next((text(a, "CodeMeaning") for a in agents), "")
    return {
        "image_type": tuple(word.upper() for word in texts(source, "FrameType") or texts(source, "ImageType")),
        "slice_thickness_mm": positive(source, "SliceThickness"),
        "contrast_bolus_agent": agent or None,
        "body_part_examined": text(source, "BodyPartExamined") or None,
        "transfer_syntax_uid": transfer_syntax(dataset) or None,
        "rows": arranged.slices[0].rows or None,
        "columns": arranged.slices[0].columns or None,
        "pixel_spacing_mm": arranged.slices[0].pixel_spacing_mm,
    }


def _geometry(stack: Stack | object) -> dict:
    if not isinstance(stack, Stack) or len(stack.slices) < 2:
        return {"plane": stack.plane} if isinstance(stack, Stack) else {}
    first = stack.slices[0]
    extent = np.abs(stack.affine_lps[2, :3]) * (first.columns, first.rows, len(stack.slices))
    return {
        "slice_step_mm": stack.step_mm,
        "plane": stack.plane,
        # From head to foot: along the stack for axial slices, within the plane for others.
        "coverage_mm": float(extent[2] if stack.plane is Plane.AXIAL else extent.sum()),
    }


def header_cautions(series: Series, kind: Kind, stack: Stack) -> tuple[Caution, ...]:
    """What to mind of an eligible series by its header alone."""
    found: list[tuple[CautionCode, str, str]] = []
    unknown = [
        name
        for name, value in (
            ("study and series (blank identifiers; distinguished by folder)", None if not kind.has_identity else ""),
            ("the manufacturer", series.manufacturer),
            ("the tube voltage", series.kvp),
            ("slice thickness", series.slice_thickness_mm),
            ("the patient's age", series.patient_age_years),
        )
        if value is None
    ]
    if unknown:
        found.append((CautionCode.HEADER_UNKNOWN, ", ".join(unknown), ""))
    if series.vendor is Vendor.OTHER and series.manufacturer is not None:
        found.append((CautionCode.HEADER_UNKNOWN, f"a vendor that is known here ({series.manufacturer})", ""))
    if series.kernel_group is KernelGroup.UNKNOWN:
        found.append((CautionCode.KERNEL_UNKNOWN, series.convolution_kernel or "(blank)", ""))
    if kind.is_lossy:
        found.append((CautionCode.LOSSY, series.transfer_syntax_uid or "", ""))
    if "DERIVED" in series.image_type or series.plane is not Plane.AXIAL:
        found.append((CautionCode.DERIVED, f"{series.plane}, {'/'.join(series.image_type)}", ""))
    found += _thickness(series)
    declared = abs(kind.declared_tilt_deg or 0.0)
    if declared > GANTRY_TILT_IGNORED.value >= stack.tilt_deg and series.plane is Plane.AXIAL:
        found.append((CautionCode.TILT_DECLARED, f"{declared:.1f}", ""))
    return tuple(Caution(code=code, step=Step.FIND, found=what, limit=limit) for code, what, limit in found)


def _thickness(series: Series) -> list[tuple[CautionCode, str, str]]:
    thickness, step = series.slice_thickness_mm, series.slice_step_mm
    found = []
    if thickness is not None and thickness > THICKNESS_PREFERRED.value:
        found.append((CautionCode.THICK_SLICES, f"{thickness:g}", f"{THICKNESS_PREFERRED.value:g}"))
    if thickness is not None and step is not None and abs(step - thickness) > STEP_TOLERANCE * thickness:
        how = "overlapping" if step < thickness else "gaps between slices"
        found.append((CautionCode.STEP_DIFFERS, f"{thickness:g} mm thick every {step:.4g} mm, {how}", ""))
    return found
