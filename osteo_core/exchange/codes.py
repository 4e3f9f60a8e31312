"""Coded concepts for exported objects: SNOMED CT, DICOM and UCUM codes, else the private scheme 99OSTEO.

SNOMED CT codes are taken from the DICOM dictionary (pydicom's copy), the vertebral body from SNOMED CT itself.
"""

from __future__ import annotations

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes

from osteo_core.terms import Category, ContrastPhase, Level

SCHEME, SCHEME_NAME = "99OSTEO", "Opportunistic osteoporosis screening on CT"
#: Maximum lengths of code value and meaning (VR SH, LO).
_VALUE_LENGTH, _MEANING_LENGTH = 16, 64

CATEGORY = codes.cid7150.AnatomicalStructure
VERTEBRAL_BODY = CodedConcept("3572006", "SCT", "Vertebral body")
LUMBAR_SPINE = codes.SCT.LumbarSpine
#: Vertebrae without their own code are coded by spinal region, and the text names the body. A neighbour's code would
#: assign two bodies to one vertebra.
_UNCODED = {Level.L6: LUMBAR_SPINE, Level.T13: codes.SCT.ThoracicSpine}


def private(value: str, meaning: str) -> CodedConcept:
    """A concept of the private scheme, truncated to DICOM's limits."""
    return CodedConcept(value.upper()[:_VALUE_LENGTH], SCHEME, meaning[:_MEANING_LENGTH])


VBMD = private("VBMD", "Trabecular volumetric bone mineral density")
VBMD_LOW = private("VBMD_LOW", "Trabecular vBMD, lower limit of the 95 % interval")
VBMD_HIGH = private("VBMD_HIGH", "Trabecular vBMD, upper limit of the 95 % interval")
HEIGHT_LOSS = private("HEIGHT_LOSS", "Largest loss of height of the vertebral body")
GENANT = private("GENANT", "Height loss grade (Genant 1993)")
WORST_GENANT = private("WORST_GENANT", "Worst height loss grade (Genant 1993)")
COUNTS = private("LEVEL_COUNTS", "Level counts for the mean vBMD")
MINERAL = private("MINERAL", "Mineral in which the vBMD is expressed")
QCT_CATEGORY = private("QCT_CATEGORY", "Category of the mean vBMD by QCT limits")
PHASE = private("CONTRAST_PHASE", "Contrast phase")
VERDICT = private("VERDICT", "Verdict of the reader on the measurement")


def scheme_item() -> CodingSchemeIdentificationItem:
    """The item that identifies the private scheme to a receiver."""
    return CodingSchemeIdentificationItem(designator=SCHEME, name=SCHEME_NAME)


def region_of(level: Level) -> CodedConcept:
    """The vertebra; for L6 and T13, which have no code, the lumbar or thoracic spine."""
    return CodedConcept.from_code(_UNCODED.get(level) or getattr(codes.SCT, f"{level.name}Vertebra"))


def body_name(level: Level) -> str:
    """'L1 vertebral body', with a remark for levels without their own code."""
    return f"{level.name} vertebral body{' (no code of its own)' if level in _UNCODED else ''}"


def grade(number: int) -> CodedConcept:
    """Genant's grade."""
    words = ("no loss of height", "mild", "moderate", "severe")
    return private(f"GENANT_{number}", f"Grade {number}: {words[number]}")


def category(found: Category | None) -> CodedConcept:
    """The program's category, which is not a diagnosis."""
    found = found or Category.NOT_REPORTABLE
    return private(found.name, f"vBMD category: {found.value}")


def phase(words: str) -> CodedConcept:
    """The contrast phase by its word in the store."""
    found = ContrastPhase(words or ContrastPhase.UNKNOWN)
    return private(found.name, f"Contrast phase: {found.value}")


def calibration(kind: str, mineral: str) -> CodedConcept:
    """Calibration method and mineral as one code per pair, because a receiver may compare codes only."""
    way = kind.replace("_", " ") or "unknown"
    value = "_".join(filter(None, (mineral, kind or "unknown")))  # mineral first, so that truncation never removes it
    return private(value, f"Calibration method: {way}, {mineral or 'mineral unknown'}")
