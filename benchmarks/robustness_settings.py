"""The settings of the robustness table: each changes one thing in a simulated patient, or in any volume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmarks import anatomy, degradations
from benchmarks.anatomy import PatientChange, Renumbering
from benchmarks.degradations import Case, centre_mm
from osteo_core.simulate.truth import FractureKind
from osteo_core.terms import ContrastPhase, Level

VolumeChange = Callable[[Case], Case]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One row of the table. Without ``patient`` it also applies to real series.

    ``fine`` renders simulated patients in thin slices first, ``numbers`` maps the rendered levels to their true
    numbers, ``needs`` lists the levels that a real series must have.
    """

    name: str
    patient: PatientChange | None = None
    volume: VolumeChange | None = None
    fine: bool = False
    numbers: Renumbering | None = None
    needs: tuple[Level, ...] = ()


def _cut_through(case: Case, *, level: Level, side: str) -> Case:
    """The field of view ends (``above``) or begins (``below``) in the middle of a body."""
    z = float(centre_mm(case, level)[2])
    return degradations.cropped(case, direction="z", **({"high_mm": z} if side == "above" else {"low_mm": z}))


def _cut_between(case: Case, *, upper: Level, lower: Level, side: str) -> Case:
    """The field of view ends or begins between two bodies."""
    z = float((centre_mm(case, upper)[2] + centre_mm(case, lower)[2]) / 2)
    return degradations.cropped(case, direction="z", **({"high_mm": z} if side == "above" else {"low_mm": z}))


def _cut_side(case: Case, *, beyond_mm: float) -> Case:
    """The field of view ends this far to the left of L2's centre."""
    return degradations.cropped(case, direction="x", high_mm=float(centre_mm(case, Level.L2)[0]) + beyond_mm)


def _narrow(case: Case, *, half_mm: float) -> Case:
    """A narrow field around the spine: no flanks, no front wall."""
    x, y, _ = centre_mm(case, Level.L2)
    case = degradations.cropped(case, direction="x", low_mm=float(x) - half_mm, high_mm=float(x) + half_mm)
    return degradations.cropped(case, direction="y", low_mm=float(y) - half_mm, high_mm=float(y) + half_mm)


def _reformat(case: Case, *, direction: str, slice_mm: float, codes: str) -> Case:
    return degradations.turned(degradations.thick(case, direction=direction, slice_mm=slice_mm), codes=codes)


def _slices() -> list[Setting]:
    names = {"x": "left to right", "y": "front to back", "z": "head to foot"}
    return [
        Setting(
            name=f"slices {mm:g} mm, {words}",
            volume=partial(degradations.thick, direction=direction, slice_mm=mm),
            fine=True,
        )
        for direction, words in names.items()
        for mm in (0.6, 1.0, 2.0, 3.0, 4.0, 5.0)
    ]


def _scanner() -> list[Setting]:
    kernels = {
        "very smooth": anatomy.with_kernel(blur_mm=0.95, edge=0.0, noise=0.55),
        "smooth": anatomy.with_kernel(blur_mm=0.75, edge=0.0, noise=0.75),
        "standard": anatomy.with_kernel(blur_mm=0.62, edge=0.1, noise=1.0),
        "bone": anatomy.with_kernel(blur_mm=0.40, edge=0.6, noise=2.2),
        "sharpest": anatomy.with_kernel(blur_mm=0.28, edge=1.1, noise=3.6),
    }
    return [
        *(Setting(name=f"kernel {name}", patient=change) for name, change in kernels.items()),
        Setting(name="image smoothed by 1 mm", volume=partial(degradations.smoothed, sigma_mm=1.0)),
        Setting(name="image sharpened by 1.5", volume=partial(degradations.sharpened, amount=1.5)),
        *(Setting(name=f"{kvp} kVp", patient=anatomy.with_voltage(kvp)) for kvp in (80, 100, 120, 140)),
        Setting(name="quarter dose", patient=anatomy.with_noise(2.0)),
        Setting(name="sixteenth dose", patient=anatomy.with_noise(4.0)),
        *(Setting(name=f"noise of {sd:g} HU added", volume=partial(degradations.noisy, sd_hu=sd)) for sd in (30, 60)),
        *(
            Setting(name=f"contrast {phase.value}", patient=anatomy.with_contrast(phase))
            for phase in (ContrastPhase.NATIVE, ContrastPhase.ARTERIAL, ContrastPhase.PORTAL_VENOUS)
        ),
    ]


def _anatomy() -> list[Setting]:
    return [
        *(Setting(name=f"scoliosis {deg} degrees", patient=anatomy.with_scoliosis(deg)) for deg in (10, 20, 30, 45)),
        *(
            Setting(name=f"{kind.value} fracture of L2, grade {grade}", patient=anatomy.with_fracture(kind, grade))
            for kind in FractureKind
            for grade in (1, 2, 3)
        ),
        Setting(name="cement in L2", patient=anatomy.with_cement()),
        Setting(name="screws in L4 and L5", patient=anatomy.with_screws(Level.L4, Level.L5)),
        Setting(name="screws in L2 and L3", patient=anatomy.with_screws(Level.L2, Level.L3)),
        Setting(name="six lumbar vertebrae (L6)", patient=anatomy.with_last_rib(Level.T11), numbers=anatomy.SIX_LUMBAR),
        Setting(
            name="thirteen pairs of ribs (T13)", patient=anatomy.with_last_rib(Level.L1), numbers=anatomy.THIRTEEN_RIBS
        ),
        Setting(name="sacralised L5", patient=anatomy.with_sacralised_l5()),
        Setting(name="table in view, 500 mm field", patient=anatomy.with_wide_field),
        Setting(name="arms down, 500 mm field", patient=anatomy.with_wide_field, volume=anatomy.with_arms),
    ]


def _views() -> list[Setting]:
    l1, l2, l4, l5, t12 = Level.L1, Level.L2, Level.L4, Level.L5, Level.T12
    return [
        Setting(name="cut above through L1", volume=partial(_cut_through, level=l1, side="above"), needs=(l1,)),
        Setting(
            name="cut above between T12 and L1",
            volume=partial(_cut_between, upper=t12, lower=l1, side="above"),
            needs=(t12, l1),
        ),
        Setting(name="cut below through L4", volume=partial(_cut_through, level=l4, side="below"), needs=(l4,)),
        Setting(
            name="cut below between L4 and L5",
            volume=partial(_cut_between, upper=l4, lower=l5, side="below"),
            needs=(l4, l5),
        ),
        Setting(name="cut at the side through the bodies", volume=partial(_cut_side, beyond_mm=5.0), needs=(l2,)),
        Setting(name="cut at the side beside the bodies", volume=partial(_cut_side, beyond_mm=45.0), needs=(l2,)),
        Setting(name="field of 140 mm about the spine", volume=partial(_narrow, half_mm=70.0), needs=(l2,)),
        Setting(name="field of 100 mm about the spine", volume=partial(_narrow, half_mm=50.0), needs=(l2,)),
    ]


def _axes() -> list[Setting]:
    return [
        *(
            Setting(name=f"stored as {codes}", volume=partial(degradations.turned, codes=codes))
            for codes in ("RAS", "LAI", "PSL", "SRA")
        ),
        Setting(
            name="sagittal reformat of 3 mm",
            volume=partial(_reformat, direction="x", slice_mm=3.0, codes="PIL"),
            fine=True,
        ),
        Setting(
            name="coronal reformat of 3 mm",
            volume=partial(_reformat, direction="y", slice_mm=3.0, codes="LIP"),
            fine=True,
        ),
        Setting(name="oblique, 15 degrees about x", volume=partial(degradations.oblique, x_deg=15)),
        Setting(name="oblique, 20 degrees about z", volume=partial(degradations.oblique, z_deg=20)),
        Setting(
            name="oblique, 10 degrees about all", volume=partial(degradations.oblique, x_deg=10, y_deg=10, z_deg=10)
        ),
    ]


SETTINGS: tuple[Setting, ...] = (
    Setting(name="as it comes"),
    *_slices(),
    *_scanner(),
    *_anatomy(),
    *_views(),
    *_axes(),
)
