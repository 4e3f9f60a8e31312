"""Builds a `Series` from the headers of one stack: the most frequent value counts, and differences are reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from osteo_core.dicom.arrange import Arranged
from osteo_core.dicom.identity import Identity
from osteo_core.dicom.image_header import ImageHeader, Odd
from osteo_core.dicom.kernels import first_value, kernel_group
from osteo_core.dicom.sites import SiteRule, Source, site_key, site_of
from osteo_core.dicom.slices import SliceHeader
from osteo_core.dicom.stack import Stack
from osteo_core.dicom.values import NO_NUMBER, most
from osteo_core.dicom.vendor import normalise_vendor, vendor_of_model
from osteo_core.limits.acquisition import GANTRY_TILT_IGNORED, THICKNESS_PREFERRED
from osteo_core.outcomes import Caution, CautionCode, Exclusion
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.records import Series
from osteo_core.terms import KernelGroup, Plane, Sex, Step, Vendor, names_agent

#: Step and thickness agree within this share of the thickness.
_STEP_TOLERANCE = 0.05
#: At most this many differing values are named in a caution.
_MOST_NAMED = 4

_SEXES = {"F": Sex.FEMALE, "M": Sex.MALE, "O": Sex.OTHER}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """An attribute in which the slices of a stack differ: in words, and the share of slices in the minority.

    ``is_calibrated``: it selects the calibration line, so slices with different values cannot be measured together.
    """

    words: str
    share: float
    is_calibrated: bool = False


def differences(slices: Sequence[SliceHeader]) -> list[Difference]:
    """Attributes relevant to the measurement in which the slices differ."""
    if len({s.image for s in slices}) == 1:
        return []
    groups = {kernel_group(_vendor(s.image), s.image.kernel) for s in slices if s.image.kernel}
    compared: tuple[tuple[str, Callable[[ImageHeader], str], bool], ...] = (
        ("scanner", lambda image: f"{image.manufacturer} {image.model}".strip(), True),
        ("kernel", lambda image: first_value(image.kernel), len(groups) > 1),
        ("slice thickness in mm", lambda image: f"{image.thickness_mm:g}" if image.thickness_mm else "", False),
        ("contrast", lambda image: "declared" if names_agent(image.contrast_agent) else "", False),
        ("image type", lambda image: "/".join(image.image_type), False),
    )
    return [found for name, value, is_line in compared if (found := _difference(name, value, slices, is_line))]


def _difference(
    name: str, value: Callable[[ImageHeader], str], slices: Sequence[SliceHeader], is_calibrated: bool
) -> Difference | None:
    counts = Counter(value(s.image) for s in slices).most_common()
    if len(counts) < 2:
        return None
    named = ", ".join(f"{one or 'blank'} in {n}" for one, n in counts[:_MOST_NAMED])
    stated = [n for one, n in counts if one]
    share = 1.0 - max(stated) / sum(stated) if stated else 0.0
    return Difference(words=f"{name}: {named}", share=share, is_calibrated=is_calibrated)


def describe(
    arranged: Arranged,
    identity: Identity,
    pseudonyms: Pseudonyms,
    *,
    patient: str,
    sites: Sequence[SiteRule],
) -> Series:
    """One stack as a Series; identifiers leave as hashes.

    ``patient``: identifies the patient uniquely. ``sites``: rows of the site table.
    """
    slices = arranged.stack.slices if isinstance(arranged.stack, Stack) else arranged.slices
    files = tuple(dict.fromkeys(s.path for s in sorted(arranged.slices, key=lambda s: (str(s.path), s.frame))))
    images = [s.image for s in slices] or [s.image for s in arranged.slices]
    return Series(
        # Copies of a study under another patient keep its SeriesInstanceUID, which alone would merge two patients.
        series_key=pseudonyms.series(f"{identity.study}\0{identity.series}{arranged.label}"),
        study_key=pseudonyms.study(identity.study),
        patient_key=pseudonyms.patient(patient),
        series_instance_uid=identity.name + arranged.label,
        files=(*files, *arranged.left_out),
        stack_label=arranged.label,
        n_slices=len(slices),
        kvp=arranged.voltages_kv[0] if arranged.voltages_kv else None,
        site_key=site_key(site_of(_source(images, arranged), sites), pseudonyms),
        accession_key=_accession_key(images, pseudonyms),
        exposure_mas=_middle(s.exposure_mas for s in slices),
        table_height_mm=_middle(s.table_height_mm for s in slices),
        **_scanner(images, pseudonyms),
        **_patient(images),
        **_image(images, arranged),
        **_geometry(arranged.stack),
    )


def _accession_key(images: Sequence[ImageHeader], pseudonyms: Pseudonyms) -> str | None:
    accession = most(image.accession for image in images)
    return pseudonyms.accession(accession) if accession else None


def _middle(values: Iterable[float | None]) -> float | None:
    """The (upper) median of the stated values, always one of them."""
    stated = sorted(value for value in values if value is not None)
    return stated[len(stated) // 2] if stated else None


def _source(images: Sequence[ImageHeader], arranged: Arranged) -> Source:
    return Source(
        file=min((s.path for s in arranged.slices), key=str),
        institution=most(image.institution for image in images) or "",
        station=most(image.station for image in images) or "",
        serial_number=most(image.serial_number for image in images) or "",
    )


def _vendor(image: ImageHeader) -> Vendor:
    return normalise_vendor(image.manufacturer) if image.manufacturer else vendor_of_model(image.model or None)


def _scanner(images: Sequence[ImageHeader], pseudonyms: Pseudonyms) -> dict[str, Any]:
    scanner = most((image.manufacturer, image.model, image.serial_number) for image in images) or ("", "", "")
    manufacturer, model, serial = (value or None for value in scanner)
    vendor = normalise_vendor(manufacturer) if manufacturer else vendor_of_model(model)
    kernel = most(image.kernel for image in images) or None
    return {
        "modality": most(image.modality for image in images),
        "manufacturer": manufacturer,
        "vendor": vendor,
        "manufacturer_model_name": model,
        "device_key": pseudonyms.device(f"{manufacturer}\0{model}\0{serial}") if serial else None,
        "software_versions": most(image.software_versions for image in images) or None,
        "convolution_kernel": kernel,
        "kernel_group": kernel_group(vendor, kernel),
        "reconstruction_diameter_mm": most(image.reconstruction_diameter_mm for image in images),
        "gantry_detector_tilt_deg": most(image.tilt_deg for image in images),
    }


def facts_of(image: ImageHeader, pseudonyms: Pseudonyms) -> dict[str, Any]:
    """Fields of a Series from one image without a stack: scanner, person and kind of image."""
    return {
        **_scanner([image], pseudonyms),
        **_patient([image]),
        "modality": image.modality,
        "image_type": image.image_type,
        "slice_thickness_mm": image.thickness_mm,
        "contrast_bolus_agent": image.contrast_agent or None,
        "body_part_examined": image.body_part or None,
    }


def odd_in_words(image: ImageHeader) -> list[str]:
    """The malformed values of an image, in words."""
    return [_in_words(odd) for odd in image.odd]


def _patient(images: Sequence[ImageHeader]) -> dict[str, Any]:
    return {
        "patient_sex": _SEXES.get(most(image.person.sex for image in images) or "", Sex.UNKNOWN),
        "patient_age_years": most(image.person.age_years for image in images),
        "patient_position": most(image.patient_position for image in images) or None,
        "study_date": most(image.person.scanned for image in images),
        "is_simulated": any(image.is_simulated for image in images),
    }


def _image(images: Sequence[ImageHeader], arranged: Arranged) -> dict[str, Any]:
    return {
        "image_type": most(image.image_type for image in images) or (),
        "slice_thickness_mm": most(image.thickness_mm for image in images),
        # One slice that declares contrast is enough: contrast does not vanish between two slices.
        "contrast_bolus_agent": _agent(images),
        "body_part_examined": most(image.body_part for image in images) or None,
        "transfer_syntax_uid": most(s.pixels.transfer_syntax for s in arranged.slices) or None,
        "rows": arranged.slices[0].rows or None,
        "columns": arranged.slices[0].columns or None,
        "pixel_spacing_mm": arranged.slices[0].pixel_spacing_mm,
    }


def _agent(images: Sequence[ImageHeader]) -> str | None:
    stated = [image.contrast_agent for image in images]
    return most(filter(names_agent, stated)) or most(stated) or None


def words_of(arranged: Arranged) -> str:
    """The descriptions of the series in upper case; they are not stored."""
    return most(s.image.words for s in arranged.slices) or ""


def _geometry(stack: Stack | Exclusion) -> dict[str, Any]:
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


def header_cautions(series: Series, stack: Stack, *, is_stated: bool, has_patient_id: bool) -> tuple[Caution, ...]:
    """Cautions about an eligible series, from its headers alone.

    ``is_stated``: study and series UIDs are present; ``has_patient_id``: the PatientID is not a placeholder.
    """
    images = [s.image for s in stack.slices]
    odd = _odd(stack.slices)
    found: list[tuple[CautionCode, str, str]] = [
        *_unknown(series, {one.name for one in odd}, is_stated=is_stated, has_patient_id=has_patient_id),
    ]
    if odd:
        found.append((CautionCode.HEADER_ODD, "; ".join(map(_in_words, odd)), ""))
    unlike = differences(stack.slices)
    if unlike:
        found.append((CautionCode.SLICES_DIFFER, "; ".join(one.words for one in unlike), ""))
    if series.vendor is Vendor.OTHER and series.manufacturer is not None:
        found.append((CautionCode.HEADER_UNKNOWN, f"a vendor that is known here ({series.manufacturer})", ""))
    if series.kernel_group is KernelGroup.UNKNOWN:
        found.append((CautionCode.KERNEL_UNKNOWN, series.convolution_kernel or "(blank)", ""))
    if any(image.is_lossy for image in images):
        found.append((CautionCode.LOSSY, series.transfer_syntax_uid or "", ""))
    if "DERIVED" in series.image_type or series.plane is not Plane.AXIAL:
        found.append((CautionCode.DERIVED, f"{series.plane}, {'/'.join(series.image_type)}", ""))
    found += thickness_cautions(series)
    declared = abs(series.gantry_detector_tilt_deg or 0.0)
    if declared > GANTRY_TILT_IGNORED.value >= stack.tilt_deg and series.plane is Plane.AXIAL:
        found.append((CautionCode.TILT_DECLARED, f"{declared:.1f}", ""))
    return tuple(Caution(code=code, step=Step.FIND, found=what, limit=limit) for code, what, limit in found)


def _unknown(
    series: Series, odd: set[str], *, is_stated: bool, has_patient_id: bool
) -> list[tuple[CautionCode, str, str]]:
    """What the headers do not state; unreadable values (``odd``) are reported separately."""
    values = (
        ("study and series (blank identifiers; distinguished by folder)", "stated" if is_stated else None),
        ("who the patient is (no PatientID; each study counts as a patient)", "stated" if has_patient_id else None),
        ("the manufacturer", series.manufacturer),
        ("the tube voltage", series.kvp),
        ("slice thickness", series.slice_thickness_mm),
        ("the patient's age", series.patient_age_years),
    )
    unknown = [name for name, value in values if value is None and name not in odd]
    return [(CautionCode.HEADER_UNKNOWN, ", ".join(unknown), "")] if unknown else []


def _odd(slices: Sequence[SliceHeader]) -> list[Odd]:
    """The malformed values, one of each name; unreadable ones first."""
    found = {odd for image in {s.image for s in slices} for odd in image.odd} | {odd for s in slices for odd in s.odd}
    ordered = sorted(found, key=lambda odd: (odd.is_read, odd.name, odd.shown))
    return list({odd.name: odd for odd in reversed(ordered)}.values())[::-1]


def _in_words(odd: Odd) -> str:
    if not odd.is_read:
        return f"{odd.name} cannot be read, found {odd.shown}"
    return f"{odd.name} written {odd.shown if odd.shown != NO_NUMBER else 'in words'}"


def thickness_cautions(series: Series) -> list[tuple[CautionCode, str, str]]:
    """Cautions for thick, overlapping or gapped slices: code, finding, limit."""
    thickness, step = series.slice_thickness_mm, series.slice_step_mm
    found = []
    if thickness is not None and thickness > THICKNESS_PREFERRED.value:
        found.append((CautionCode.THICK_SLICES, f"{thickness:g}", f"{THICKNESS_PREFERRED.value:g}"))
    if thickness is not None and step is not None and abs(step - thickness) > _STEP_TOLERANCE * thickness:
        how = "overlapping" if step < thickness else "gaps between slices"
        found.append((CautionCode.STEP_DIFFERS, f"{thickness:g} mm thick every {step:.4g} mm, {how}", ""))
    return found
