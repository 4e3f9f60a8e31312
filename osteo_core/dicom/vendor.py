"""Manufacturers as seven names and OTHER. A string that matches no row of the table is OTHER; nothing is guessed.

The rows cover the 45 strings found in the NCI Imaging Data Commons (v25, 270,830 CT series);
``tests/osteo_core/dicom/test_vendor.py`` checks all of them.
"""

from __future__ import annotations

import re

from osteo_core.terms import Vendor

#: Beginnings of (0008,0070), in upper case with single spaces. Rows match whole words only, so
#: 'GE' does not match 'GENERAL'. The first match counts.
MANUFACTURERS: tuple[tuple[str, Vendor], ...] = (
    ("GE MEDICAL S]STEMS", Vendor.GE),  # a flipped bit; seen in IDC
    ("GE MEDICAL SYSTEMS", Vendor.GE),
    ("GE HEALTHCARE", Vendor.GE),
    ("GE", Vendor.GE),
    ("SIEMENS", Vendor.SIEMENS),
    ("SIEMENS HEALTHINEERS", Vendor.SIEMENS),
    ("PHILIPS", Vendor.PHILIPS),
    ("MARCONI", Vendor.PHILIPS),  # acquired by Philips in 2001, same scanner lines (Mx8000)
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

#: Beginnings of scanner model names. Used only where the manufacturer is blank: workstations and
#: research groups enter their own name there, and such a string stays OTHER.
MODELS: tuple[tuple[str, Vendor], ...] = (
    *((line, Vendor.GE) for line in ("BRIGHTSPEED", "LIGHTSPEED", "OPTIMA CT", "REVOLUTION", "DISCOVERY", "HISPEED")),
    *((line, Vendor.SIEMENS) for line in ("SOMATOM", "BIOGRAPH", "SENSATION", "EMOTION", "NAEOTOM")),
    *((line, Vendor.PHILIPS) for line in ("BRILLIANCE", "INGENUITY", "MX8000", "GEMINI", "ICT", "IQON", "INCISIVE")),
    *((line, Vendor.CANON) for line in ("AQUILION", "ACTIVION", "ASTEION")),
    *((line, Vendor.UIH) for line in ("UCT", "UMI")),
    *((line, Vendor.HITACHI) for line in ("ECLOS", "SCENARIA", "SUPRIA")),
    ("NEUVIZ", Vendor.NEUSOFT),
)

#: Words in the manufacturer or model of units whose values are not fan-beam HU: cone-beam CT on linacs, in angiography,
#: in the operating room and of the limbs, megavoltage CT, and MR scanners and programs that synthesise CT from MR.
_ODD_UNITS = (
    (
        "cone-beam CT",
        re.compile(
            r"CONE[- ]BEAM|\bOBI\b|XVI|ARTIS\b|ON-BOARD IMAGER|HALCYON|\bETHOS\b|\bO-ARM|\bINNOVA(?!T)|ALLURA|AZURION"
            r"|\bCIOS\b|ARCADIS|ZIEHM|\bLOOP-X|PLANMED"
        ),
    ),
    ("megavoltage CT", re.compile(r"TOMOTHERAPY|\bHI-ART")),
    ("a CT made from MR", re.compile(r"\bMRCAT|MAGNETOM|\bSIGNA\b|\bINGENIA\b|\bMRI PLANNER")),
)


def normalise_vendor(manufacturer: str | None) -> Vendor:
    """The vendor that (0008,0070) names; OTHER where blank or unknown. 'Philips / MIM Software' is Philips."""
    words = _words(manufacturer)
    return next((vendor for row, vendor in MANUFACTURERS if _begins(words, row)), Vendor.OTHER)


def vendor_of_model(manufacturer_model_name: str | None) -> Vendor:
    """The vendor whose scanner line (0008,1090) names, for files whose manufacturer is blank; else OTHER."""
    words = _words(manufacturer_model_name)
    return next((vendor for row, vendor in MODELS if words.startswith(row)), Vendor.OTHER)


def odd_unit(manufacturer: str | None, manufacturer_model_name: str | None) -> str:
    """What this unit produces if not fan-beam CT in HU ('cone-beam CT'), '' otherwise."""
    words = f"{_words(manufacturer)} {_words(manufacturer_model_name)}"
    return next((kind for kind, pattern in _ODD_UNITS if pattern.search(words)), "")


def _words(text: str | None) -> str:
    return " ".join((text or "").upper().split())


def _begins(words: str, row: str) -> bool:
    return words == row or words.startswith(f"{row} ")
