"""What one image is, by its own header: a measurable slice, a localiser, a capture or a derived image."""

from __future__ import annotations

from functools import lru_cache

from osteo_core.dicom.image_header import ImageHeader
from osteo_core.outcomes import Exclusion, ExclusionCode
from osteo_core.terms import Step

#: CT, Enhanced CT, Legacy Converted Enhanced CT.
CT_SOP_CLASSES = frozenset(f"1.2.840.10008.5.1.4.1.1.2{tail}" for tail in ("", ".1", ".2"))
#: Secondary capture (.7), structured reports (.88), presentation states (.11), encapsulated documents (.104).
_CAPTURE_SOP_CLASSES = tuple(f"1.2.840.10008.5.1.4.1.1.{branch}" for branch in ("7", "88.", "11.", "104."))
_REPORT_MODALITIES = frozenset(("SR", "PR", "KO", "DOC", "OT", "SC"))

#: Words in (0008,0008) of pictures of a screen, a dose or a plan.
_CAPTURE_WORDS = frozenset(("SCREEN SAVE", "DOSE", "DOSE_INFO", "DOSE INFO", "REPORT", "SCANOGRAM_PLAN"))
_LOCALISER_WORDS = frozenset(("LOCALIZER", "SCOUT", "TOPOGRAM"))
#: Words of derived images whose values are not the HU of the scan.
_DERIVED_WORDS = frozenset(
    (
        *("MIP", "MINIP", "MAX_IP", "MIN_IP", "MAXIP", "PROJECTION", "PROJECTION IMAGE", "VRT", "3D"),
        *("VOLUME_RENDERED", "SURFACE", "CPR", "CURVED", "SUBTRACTION", "FUSED", "RGB", "BONE_REMOVAL", "OVERLAY"),
        *("WATER", "MATERIAL", "MD", "PERFUSION"),
    )
)
#: Words of derived images that keep the HU: reformats and averages of slices.
_REFORMAT_WORDS = frozenset(("AXIAL", "MPR", "REFORMATTED", "AVERAGE", "RESAMPLED", "CSA MPR", "VOLUMETRIC", "HELIX"))

#: Names of excluded kinds of image; a count precedes the name.
_NAMES = {
    ExclusionCode.LOCALISER: "localiser(s)",
    ExclusionCode.SECONDARY_CAPTURE: "capture(s) or report(s)",
    ExclusionCode.NOT_CT: "image(s) other than CT",
    ExclusionCode.NOT_AN_IMAGE: "object(s) other than CT images",
}


@lru_cache(maxsize=4096)
def fault_of(image: ImageHeader) -> Exclusion | None:
    """Why an image is not a slice of a plain CT, or None."""
    return _not_ct(image) or _not_original(image)


def name_of(fault: Exclusion) -> str:
    """What images with this fault are, worded to follow a count."""
    return _NAMES.get(fault.code, f"derived image(s) ({fault.found})")


def exclude(code: ExclusionCode, found: str = "", limit: str = "") -> Exclusion:
    """An exclusion by the headers alone."""
    return Exclusion(code=code, step=Step.FIND, found=found, limit=limit)


def _not_ct(image: ImageHeader) -> Exclusion | None:
    words = set(image.image_type)
    if image.sop_class_uid.startswith(_CAPTURE_SOP_CLASSES) or image.modality in _REPORT_MODALITIES:
        return exclude(ExclusionCode.SECONDARY_CAPTURE, image.modality)
    if image.modality != "CT":
        return exclude(ExclusionCode.NOT_CT, image.modality or "of unknown modality")
    if words & _CAPTURE_WORDS or image.samples_per_pixel != 1:
        return exclude(ExclusionCode.SECONDARY_CAPTURE, "/".join(image.image_type) or image.photometric)
    if image.sop_class_uid not in CT_SOP_CLASSES:
        return exclude(ExclusionCode.NOT_AN_IMAGE, "no CT image storage class")
    return exclude(ExclusionCode.LOCALISER) if words & _LOCALISER_WORDS else None


def _not_original(image: ImageHeader) -> Exclusion | None:
    if image.not_plain:
        return exclude(ExclusionCode.DERIVED, image.not_plain)
    words = set(image.image_type)
    named = words & _DERIVED_WORDS or {w for w in words if w.startswith(("DE_", "GSI", "MONO_"))}
    is_unknown = "DERIVED" in words and not words & _REFORMAT_WORDS
    return exclude(ExclusionCode.DERIVED, "/".join(image.image_type)) if named or is_unknown else None
