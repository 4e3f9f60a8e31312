"""Scanners of the simulated cohort: real manufacturer, model and kernel strings, and the image properties of each.

Model strings occur in the NCI Imaging Data Commons' CT series; the shares follow a mixed hospital fleet (mostly
GE, Siemens, Philips), not one of its collections. Resolution, noise and HU offsets are drawn around
plausible values from phantoms; they were not measured on the named models.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteo_core.simulate.flaws import ORDINARY, PERFECT, UNSEEN, VARIED, FlawRange, Flaws, draw_flaws
from osteo_core.terms import Vendor


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """A reconstruction kernel: blur SD in mm, edge enhancement (0 none), noise relative to a standard kernel."""

    name: str
    blur_mm: float
    edge: float
    noise: float


@dataclass(frozen=True, kw_only=True)
class Maker:
    """One vendor's strings and kernels. ``padding``: stored outside the round field of view, None if it is square."""

    vendor: Vendor
    manufacturer: str
    share: float
    models: tuple[str, ...]
    soft: tuple[Kernel, ...]
    sharp: Kernel
    intercept: int
    padding: int | None
    agent: str
    software: str


MAKERS: tuple[Maker, ...] = (
    Maker(
        vendor=Vendor.GE,
        manufacturer="GE MEDICAL SYSTEMS",
        share=0.30,
        models=("LightSpeed VCT", "Discovery CT750 HD", "Optima CT660", "Revolution EVO", "LightSpeed16"),
        soft=(
            Kernel(name="STANDARD", blur_mm=0.62, edge=0.10, noise=1.0),
            Kernel(name="SOFT", blur_mm=0.75, edge=0.0, noise=0.75),
        ),
        sharp=Kernel(name="LUNG", blur_mm=0.30, edge=0.9, noise=3.2),
        intercept=-1024,
        padding=-2000,
        agent="OMNIPAQUE 350",
        software="gmp_hde.35",
    ),
    Maker(
        vendor=Vendor.SIEMENS,
        manufacturer="SIEMENS",
        share=0.30,
        models=("SOMATOM Definition AS+", "Sensation 64", "SOMATOM Definition Flash", "SOMATOM Force", "Emotion 16"),
        soft=(
            Kernel(name="B30f", blur_mm=0.66, edge=0.0, noise=0.9),
            Kernel(name="B40f", blur_mm=0.56, edge=0.15, noise=1.2),
            Kernel(name="Br38f\\3", blur_mm=0.58, edge=0.10, noise=0.8),
            Kernel(name="I30f\\3", blur_mm=0.66, edge=0.0, noise=0.65),
        ),
        sharp=Kernel(name="B70f", blur_mm=0.28, edge=1.1, noise=3.6),
        intercept=-1024,
        padding=None,
        agent="Ultravist 370",
        software="syngo CT 2012B",
    ),
    Maker(
        vendor=Vendor.PHILIPS,
        manufacturer="Philips",
        share=0.22,
        models=("Brilliance 64", "iCT 256", "Ingenuity CT", "Brilliance16", "IQon - Spectral CT"),
        soft=(
            Kernel(name="B", blur_mm=0.64, edge=0.0, noise=0.9),
            Kernel(name="C", blur_mm=0.54, edge=0.20, noise=1.25),
        ),
        sharp=Kernel(name="L", blur_mm=0.30, edge=0.9, noise=3.2),
        intercept=-1024,
        padding=None,
        agent="CONTRAST",
        software="4.1.6",
    ),
    Maker(
        vendor=Vendor.CANON,
        manufacturer="TOSHIBA",
        share=0.11,
        models=("Aquilion ONE", "Aquilion PRIME", "Aquilion"),
        soft=(
            Kernel(name="FC08", blur_mm=0.66, edge=0.0, noise=0.95),
            Kernel(name="FC18", blur_mm=0.58, edge=0.15, noise=1.05),
        ),
        sharp=Kernel(name="FC52", blur_mm=0.30, edge=0.8, noise=3.0),
        intercept=0,
        padding=-2048,
        agent="CE",
        software="V6.00ER004",
    ),
    Maker(
        vendor=Vendor.UIH,
        manufacturer="UIH",
        share=0.07,
        models=("uCT ATLAS Astound", "uMI 550"),
        soft=(Kernel(name="B_SOFT_B", blur_mm=0.64, edge=0.0, noise=0.9),),
        sharp=Kernel(name="B_SHARP_C", blur_mm=0.30, edge=0.9, noise=3.1),
        intercept=-1024,
        padding=None,
        agent="Iohexol",
        software="R002",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Acquisition:
    """How one series was made. ``offset_hu`` and ``gain`` are the scanner's own calibration error.

    ``gain`` multiplies HU; ``flaws`` are further errors; ``unit``: number of the scanner of that model; thickness,
    step, pixel in mm. ``filtration``: a name in the tissue table, '' for the maker's own.
    """

    maker: Maker
    model: str
    unit: int
    kvp: int
    kernel: Kernel
    thickness_mm: float
    step_mm: float
    matrix: int
    pixel_mm: float
    noise_hu: float
    offset_hu: float
    gain: float
    table_height_mm: float
    exposure_mas: int
    feet_first: bool = False
    flaws: Flaws = PERFECT
    filtration: str = ""


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """The units of each model, and the ranges of their flaws; no two fleets share a unit."""

    units: range
    flaws: FlawRange


#: For the demo and the training scans of the segmentation; for the benchmarks; for the crops of the regression.
ORDINARY_FLEET = Fleet(units=range(1, 3), flaws=ORDINARY)
UNSEEN_FLEET = Fleet(units=range(3, 5), flaws=UNSEEN)
VARIED_FLEET = Fleet(units=range(5, 45), flaws=VARIED)
#: Pixels along a side of a slice: half of what scanners store.
_MATRIX = 256


def draw_acquisition(rng: np.random.Generator, *, trunk_mm: float, day: int, fleet: Fleet) -> Acquisition:
    """A scanner of a fleet and a soft-tissue series on it, for a trunk of that width on a day of the cohort."""
    maker = MAKERS[int(rng.choice(len(MAKERS), p=[one.share for one in MAKERS]))]
    model_index, unit = int(rng.integers(len(maker.models))), int(rng.choice(fleet.units))
    scanner = np.random.default_rng([ord(maker.manufacturer[0]), model_index, unit])  # a scanner keeps its errors
    offset_hu, gain = float(scanner.normal(0, 1.2)), float(scanner.normal(1.0, 0.008))
    kvp = int(rng.choice([80, 100, 120, 140], p=[0.03, 0.17, 0.72, 0.08]))
    thickness, step = ((2.5, 2.5), (3.0, 3.0), (3.0, 2.5), (2.0, 2.0))[int(rng.choice(4, p=[0.33, 0.47, 0.15, 0.05]))]
    kernel = maker.soft[int(rng.integers(len(maker.soft)))]
    field_mm = float(np.clip(trunk_mm * rng.uniform(1.02, 1.2), 300, 500))
    dose_noise = float(rng.uniform(11, 21)) * float(np.exp((trunk_mm - 340) / 220)) * (1.25 if kvp <= 100 else 1.0)
    return Acquisition(
        maker=maker,
        model=maker.models[model_index],
        unit=unit,
        kvp=kvp,
        kernel=kernel,
        thickness_mm=thickness,
        step_mm=step,
        matrix=_MATRIX,
        pixel_mm=round(field_mm / _MATRIX, 6),
        noise_hu=dose_noise * float(np.sqrt(2.5 / thickness)),
        offset_hu=offset_hu,
        gain=gain,
        table_height_mm=float(rng.normal(150, 15)),
        exposure_mas=int(rng.integers(80, 260)),
        feet_first=bool(rng.random() < 0.15),
        flaws=draw_flaws(scanner, rng, fleet.flaws, day=day),
    )
