"""Reconstruction kernels in three groups, per vendor; a name that is not listed is UNKNOWN, never guessed.

Groups follow clinical use (smooth: soft abdomen; standard: body; sharp: lung, bone,
edge). In NLST each centre reconstructed one standard and one sharp series (GE STANDARD and BONE or LUNG,
Siemens B30f and B50f, Philips C and D, Toshiba FC10 and FC51), which fixes the boundary for four
vendors. Sources: NLST protocol and its series in IDC v25; vendors' public names; the rest is a design choice.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from osteo_core.terms import KernelGroup, Vendor

_SMOOTH, _STANDARD, _SHARP = KernelGroup.SMOOTH, KernelGroup.STANDARD, KernelGroup.SHARP

GE_KERNELS = {
    **dict.fromkeys(("SOFT", "SOFT+", "SOFTER"), _SMOOTH),
    **dict.fromkeys(("STANDARD", "STAND", "STND", "STD", "STANDARD+", "STD+"), _STANDARD),
    **dict.fromkeys(("LUNG", "BONE", "BONEPLUS", "BONE+", "BONEP", "EDGE", "EDGE1", "EDGE+"), _SHARP),
    **dict.fromkeys(("ULTRA", "DETAIL", "CHST", "CHEST", "HD LUNG", "HDLUNG", "HD BONE", "HDBONE"), _SHARP),
    **dict.fromkeys(("HD STND", "HD STD", "HD STANDARD"), _STANDARD),
}

PHILIPS_KERNELS = {
    **dict.fromkeys(("A", "AA", "YA", "SA", "UA", "EA", "XCA", "CA"), _SMOOTH),
    **dict.fromkeys(("B", "YB", "SB", "UB", "EB", "XCB", "CB", "C", "XCC", "CC", "IMR1,BODY ROUTINE"), _STANDARD),
    **dict.fromkeys(("D", "YC", "YD", "L", "E", "EC", "F", "XCD", "CD", "Y-SHARP", "Y-DETAIL"), _SHARP),
}

#: Siemens: family letters (B, Br, Bl, Bf, Bv, Hr, Qr, I, J, D, Q ...), two digits that increase with sharpness,
#: then rotation or algorithm letters. T is for topograms.
_SIEMENS = re.compile(r"^(?P<family>[A-Z]{1,2})(?P<sharpness>\d{2})[A-Z]?(?:[_ ].*)?$")
_SIEMENS_FAMILIES = frozenset(
    ("B", "BR", "BL", "BF", "BV", "BP", "BM", "H", "HR", "HC", "HP", "HV", "QR", "QC", "Q", "I", "J", "D", "SA")
)
_SIEMENS_STANDARD_FROM, _SIEMENS_SHARP_FROM = 30, 50

#: Toshiba and Canon: FC and two digits; each decade has one purpose.
_TOSHIBA = re.compile(r"^FC(?P<number>\d{2})[A-Z]?(?:[-_ ].*)?$")
_TOSHIBA_RANGES = (
    (range(1, 4), _SMOOTH),  # body, with beam-hardening correction, smoothest first
    (range(4, 10), _STANDARD),
    (range(10, 13), _SMOOTH),  # body without that correction
    (range(13, 20), _STANDARD),
    (range(20, 30), _STANDARD),  # head, soft
    (range(30, 40), _SHARP),  # inner ear, bone
    (range(50, 60), _SHARP),  # lung
    (range(80, 90), _SHARP),  # bone, high resolution
)

#: UIH kernel names state their purpose (B_SOFT_B, B_SHARP_C, LUNG_VSHARP_C).
_UIH_WORDS = (("SHARP", _SHARP), ("LUNG", _SHARP), ("BONE", _SHARP), ("VSOFT", _SMOOTH), ("SOFT", _STANDARD))

_NAMED = {
    **dict.fromkeys(("SOFT", "SMOOTH"), _SMOOTH),
    "STANDARD": _STANDARD,
    **dict.fromkeys(("LUNG", "BONE", "SHARP", "EDGE"), _SHARP),
}


def kernel_group(vendor: Vendor, convolution_kernel: str | None) -> KernelGroup:
    """The group of a kernel (0018,1210); if it has two values ('Br38f\\\\3') the first counts.

    The second value is the strength of iterative reconstruction and does not affect sharpness.
    """
    name = first_value(convolution_kernel).upper()
    return _RULES.get(vendor, _by_name)(name) if name else KernelGroup.UNKNOWN


def first_value(convolution_kernel: str | None) -> str:
    """The kernel name up to the first backslash, without surrounding spaces."""
    return (convolution_kernel or "").split("\\")[0].strip()


def _ge(name: str) -> KernelGroup:
    return GE_KERNELS.get(name, KernelGroup.UNKNOWN)


def _philips(name: str) -> KernelGroup:
    return PHILIPS_KERNELS.get(name, KernelGroup.UNKNOWN)


def _siemens(name: str) -> KernelGroup:
    found = _SIEMENS.match(name)
    if not found or found["family"] not in _SIEMENS_FAMILIES:
        return KernelGroup.UNKNOWN
    sharpness = int(found["sharpness"])
    if sharpness >= _SIEMENS_SHARP_FROM:
        return _SHARP
    return _STANDARD if sharpness >= _SIEMENS_STANDARD_FROM else _SMOOTH


def _toshiba(name: str) -> KernelGroup:
    found = _TOSHIBA.match(name)
    number = int(found["number"]) if found else -1
    return next((group for numbers, group in _TOSHIBA_RANGES if number in numbers), KernelGroup.UNKNOWN)


def _uih(name: str) -> KernelGroup:
    return next((group for word, group in _UIH_WORDS if word in name), KernelGroup.UNKNOWN)


def _by_name(name: str) -> KernelGroup:
    """Hitachi, Neusoft and others: only self-explanatory names; bare numbers stay unknown."""
    return _NAMED.get(name, KernelGroup.UNKNOWN)


_RULES: dict[Vendor, Callable[[str], KernelGroup]] = {
    Vendor.GE: _ge,
    Vendor.SIEMENS: _siemens,
    Vendor.PHILIPS: _philips,
    Vendor.CANON: _toshiba,
    Vendor.UIH: _uih,
}
