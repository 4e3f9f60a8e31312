"""Colours that are distinguishable with any colour vision (Okabe and Ito 2008) and on light and dark backgrounds.

Categories, vendors and vertebral levels each have one colour everywhere; a shape or word always repeats it.
"""

from __future__ import annotations

from osteo_core.terms import Category, Level, Vendor

BLUE, SKY, GREEN, ORANGE, VERMILION, PURPLE, YELLOW, GREY = (
    "#0072B2",
    "#56B4E9",
    "#009E73",
    "#E69F00",
    "#D55E00",
    "#CC79A7",
    "#C9B400",
    "#8A8F98",
)

CATEGORY_COLOURS: dict[Category, str] = {
    Category.OSTEOPOROSIS: VERMILION,
    Category.LOW_BONE_MASS: ORANGE,
    Category.NORMAL: BLUE,
    Category.NOT_REPORTABLE: GREY,
}

#: The same hues, dark enough for white text (contrast 4.5 and more).
CHIP_COLOURS: dict[Category, str] = {
    Category.OSTEOPOROSIS: "#B04A00",
    Category.LOW_BONE_MASS: "#8F5E00",
    Category.NORMAL: "#005F96",
    Category.NOT_REPORTABLE: "#5F646D",
}

VENDOR_COLOURS: dict[Vendor, str] = {
    Vendor.GE: BLUE,
    Vendor.SIEMENS: VERMILION,
    Vendor.PHILIPS: GREEN,
    Vendor.CANON: ORANGE,
    Vendor.UIH: PURPLE,
    Vendor.HITACHI: SKY,
    Vendor.NEUSOFT: YELLOW,
    Vendor.OTHER: GREY,
}

#: Marker shapes beside the colours, so that a print in grey still tells vendors apart.
VENDOR_SYMBOLS: dict[Vendor, str] = {
    Vendor.GE: "circle",
    Vendor.SIEMENS: "square",
    Vendor.PHILIPS: "diamond",
    Vendor.CANON: "triangle-up",
    Vendor.UIH: "x",
    Vendor.HITACHI: "triangle-down",
    Vendor.NEUSOFT: "star",
    Vendor.OTHER: "cross",
}

LEVEL_COLOURS: dict[Level, str] = {
    Level.T12: GREY,
    Level.L1: SKY,
    Level.L2: ORANGE,
    Level.L3: GREEN,
    Level.L4: PURPLE,
    Level.L5: YELLOW,
}

#: Every level that a reader may draw; the six of a released mask keep their colours.
READER_COLOURS: dict[Level, str] = {
    Level.T10: "#6B7F99",
    Level.T11: "#B2A27A",
    **LEVEL_COLOURS,
    Level.L6: VERMILION,
    Level.T13: "#A3D9B1",
}

#: Bright on the greys of a CT, and unlike those of the levels.
TISSUE_COLOURS: dict[str, str] = {
    "air": "#4DE3FF",
    "fat": "#FFE14D",
    "muscle": "#FF7A5C",
    "blood": "#FF3D8B",
    "cortical": "#FFFFFF",
}


def rgb(colour: str) -> tuple[int, int, int]:
    """'#0072B2' as (0, 114, 178)."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def vendor_colour(word: str | None) -> str:
    """The colour of a vendor by its word; grey for a word that is not one."""
    return next((colour for vendor, colour in VENDOR_COLOURS.items() if vendor == word), GREY)
