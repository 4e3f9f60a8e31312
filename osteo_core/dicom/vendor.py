"""Manufacturers as seven names and OTHER. What no row of the table names stays OTHER and is never guessed.

The rows cover what the 45 strings of the NCI Imaging Data Commons (v25, 270,830 CT series) really
hold; ``tests/osteo_core/dicom/test_vendor.py`` walks through all of them.
"""

from __future__ import annotations

from osteo_core.dicom.kernels import kernel_group
from osteo_core.terms import Vendor

__all__ = ["is_cone_beam", "kernel_group", "normalise_vendor", "vendor_of_model"]

#: How (0008,0070) begins, in upper case and with single spaces. A row matches whole words only, so
#: 'GE' does not take 'GENERAL'. The first row that matches counts.
MANUFACTURERS: tuple[tuple[str, Vendor], ...] = (
    ("GE MEDICAL S]STEMS", Vendor.GE),  # a bit flipped on the way; seen in IDC
    ("GE MEDICAL SYSTEMS", Vendor.GE),
    ("GE HEALTHCARE", Vendor.GE),
    ("GE", Vendor.GE),
    ("SIEMENS", Vendor.SIEMENS),
    ("SIEMENS HEALTHINEERS", Vendor.SIEMENS),
    ("PHILIPS", Vendor.PHILIPS),
    ("MARCONI", Vendor.PHILIPS),  # bought by Philips 2001, the same scanner lines (Mx8000)
    ("TOSHIBA", Vendor.CANON),
    ("TOSHIBA_MEC", Vendor.CANON),
    ("TOSHIBA_MEC_CT3", Vendor.CANON),
    ("CANON", Vendor.CANON),
    ("CANON_MEC", Vendor.CANON),
    ("UIH", Vendor.UIH),
    ("UNITED IMAGING", Vendor.UIH),
    ("HITACHI", Vendor.HITACHI),
    ("HITACHI,", Vendor.HITACHI),
    ("FUJIFILM", Vendor.HITACHI),
    ("NMS", Vendor.NEUSOFT),
    ("PNMS", Vendor.NEUSOFT),  # Philips and Neusoft Medical Systems, NeuViz scanners
    ("NEUSOFT", Vendor.NEUSOFT),
)

#: What a scanner line's name begins with. Read only where the manufacturer is blank: workstations and
#: research groups put their own name there, and such a string stays OTHER.
MODELS: tuple[tuple[str, Vendor], ...] = (
    *((line, Vendor.GE) for line in ("BRIGHTSPEED", "LIGHTSPEED", "OPTIMA CT", "REVOLUTION", "DISCOVERY", "HISPEED")),
    *((line, Vendor.SIEMENS) for line in ("SOMATOM", "BIOGRAPH", "SENSATION", "EMOTION", "NAEOTOM")),
    *((line, Vendor.PHILIPS) for line in ("BRILLIANCE", "INGENUITY", "MX8000", "GEMINI", "ICT", "IQON", "INCISIVE")),
    *((line, Vendor.CANON) for line in ("AQUILION", "ACTIVION", "ASTEION")),
    *((line, Vendor.UIH) for line in ("UCT", "UMI")),
    *((line, Vendor.HITACHI) for line in ("ECLOS", "SCENARIA", "SUPRIA")),
    ("NEUVIZ", Vendor.NEUSOFT),
)

#: Words in manufacturer or model of cone-beam units, whose values are no HU.
_CONE_BEAM = ("CONE BEAM", "CONE-BEAM", "OBI ", "XVI", "AXIOM-ARTIS", "ARTIS ")


def normalise_vendor(manufacturer: str | None) -> Vendor:
    """The vendor that (0008,0070) names; OTHER where blank or unknown. 'Philips / MIM Software' is Philips."""
    words = _words(manufacturer)
    return next((vendor for row, vendor in MANUFACTURERS if _begins(words, row)), Vendor.OTHER)


def vendor_of_model(manufacturer_model_name: str | None) -> Vendor:
    """The vendor whose scanner line (0008,1090) names, for files whose manufacturer is blank; else OTHER."""
    words = _words(manufacturer_model_name)
    return next((vendor for row, vendor in MODELS if words.startswith(row)), Vendor.OTHER)


def is_cone_beam(manufacturer: str | None, manufacturer_model_name: str | None) -> bool:
    """True for linac and angiography units whose cone-beam CT is not in HU."""
    text = f"{_words(manufacturer)} {_words(manufacturer_model_name)} "
    return any(word in text for word in _CONE_BEAM)


def _words(text: str | None) -> str:
    return " ".join((text or "").upper().split())


def _begins(words: str, row: str) -> bool:
    return words == row or words.startswith(f"{row} ")
