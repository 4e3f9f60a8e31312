"""Builds a stack from slices: sorted along their normal, with every irregularity found and named.

Only (0020,0032) and (0020,0037) determine slice positions; instance numbers, slice locations, patient
position and file names are ignored, so shuffled or renamed files give the same stack.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from osteo_core.dicom.image_header import ImageHeader
from osteo_core.dicom.slices import SliceHeader
from osteo_core.imaging.tilt import tilt_deg
from osteo_core.limits.acquisition import GANTRY_TILT_MAXIMUM, MINIMUM_SLICES, STEP_UNEVENNESS
from osteo_core.outcomes import Exclusion, ExclusionCode
from osteo_core.records import FloatArray
from osteo_core.terms import Plane, Step

#: Slices are parallel when no direction cosine differs by more (about half a degree).
ORIENTATION_TOLERANCE = 1e-2
#: Rows and columns stand at right angles when the cosine between them is below this.
_RIGHT_ANGLE_COSINE = 1e-3
#: Pixel spacings are the same within this (mm); headers round to 1e-3 or better.
PIXEL_SPACING_TOLERANCE_MM = 2e-3
#: Two slices closer than this have the same position.
SAME_PLACE_MM = 0.01
#: Positions rounded to a tenth of a millimetre make steps of 0.625 mm look uneven by this much.
ROUNDING_MM = 0.11
#: Positions rounded to whole millimetres are even if none deviates more from a straight line (mm).
WHOLE_MM_TOLERANCE_MM = 0.55
#: With positions rounded to whole mm, more steps than this share are longer: steps are 1.25 or 1.5 mm, never 1.05.
_FEW_LONGER = 0.1
#: Largest deviation of slices from a straight line; half a pixel of a typical field of view.
SIDEWAYS_TOLERANCE_MM = 0.5
#: A gap of at least this many steps means missing slices; a smaller one means uneven spacing.
MISSING_FROM_STEPS = 1.5
#: Image headers without identifiers: reading needs only to know whether the scan was multi-energy.
_NOBODY = {is_multienergy: ImageHeader(is_multienergy=is_multienergy) for is_multienergy in (False, True)}
#: A plane is axial, sagittal or coronal when its normal is within 26 degrees of that axis.
_PLANE_COSINE = 0.9


@dataclass(frozen=True, kw_only=True, eq=False)
class Stack:
    """Slices in order along their normal. ``affine_lps`` maps (column, row, slice) to mm; sheared when tilted.

    ``repeated`` are slices at the position of another, as (index into ``slices``, slice). ``is_rounded``:
    positions are stated in whole millimetres, and the step is that of a straight line fitted to them.
    """

    slices: tuple[SliceHeader, ...]
    affine_lps: FloatArray
    step_mm: float
    tilt_deg: float
    repeated: tuple[tuple[int, SliceHeader], ...] = ()
    is_rounded: bool = False

    @property
    def plane(self) -> Plane:
        """Axial, sagittal, coronal, or oblique, by the normal of the slices."""
        return plane_of(self.affine_lps)


def plane_of(affine_lps: FloatArray) -> Plane:
    """Plane of the slices spanned by the first two axes of an affine."""
    normal = np.abs(np.cross(affine_lps[:3, 0], affine_lps[:3, 1]))
    normal /= np.linalg.norm(normal)
    axis = int(normal.argmax())
    return (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)[axis] if normal[axis] >= _PLANE_COSINE else Plane.OBLIQUE


def without_identity(stack: Stack) -> Stack:
    """The stack as needed for reading, without anything that identifies a patient, study or device."""

    def bare(one: SliceHeader) -> SliceHeader:
        return replace(one, sop_instance_uid="", frame_of_reference_uid="", image=_NOBODY[one.image.is_multienergy])

    return replace(
        stack,
        slices=tuple(map(bare, stack.slices)),
        repeated=tuple((place, bare(one)) for place, one in stack.repeated),
    )


def build_stack(slices: Sequence[SliceHeader], *, step: Step) -> Stack | Exclusion:
    """The stack that these slices form, or why they do not (geometry missing, mixed, gaps, too tilted).

    A single slice is a stack of one; whether that is enough is not judged here.
    """
    fault = _missing_geometry(slices, step) or _mixed(slices, step)
    if fault:
        return fault
    normal = normal_of(slices[0])
    rounded = _whole_millimetres(slices, normal)
    if rounded:
        return _stack(rounded, (), step, is_rounded=True)
    kept, repeated = apart(in_order(slices, normal), normal)
    fault = _uneven(kept, normal, step)
    return fault or _stack(kept, repeated, step)


def in_order(slices: Sequence[SliceHeader], normal: FloatArray) -> list[SliceHeader]:
    """Sorted along the normal; ties are broken by identifiers, so the order of files has no effect."""
    places = (np.array([s.position_mm for s in slices]) @ normal).tolist()
    order = sorted(range(len(slices)), key=lambda n: (places[n], slices[n].sop_instance_uid))
    return [slices[n] for n in order]


def allowed_difference_mm(usual: float) -> float:
    """How far a step may be from the usual one (mm) in an even stack."""
    return max(STEP_UNEVENNESS.value * usual, ROUNDING_MM)


def gap_between(lower: SliceHeader, upper: SliceHeader) -> str:
    """The gap between two neighbouring slices in words: its width, and its position in patient coordinates."""
    normal = normal_of(lower)
    first, second = np.array(lower.position_mm), np.array(upper.position_mm)
    axis = int(np.abs(normal).argmax())
    width = abs(float(normal @ (second - first)))
    return f"{width:.2f} mm between {'xyz'[axis]} {first[axis]:.1f} and {second[axis]:.1f} mm"


def _whole_millimetres(slices: Sequence[SliceHeader], normal: FloatArray) -> list[SliceHeader]:
    """The slices in order if their positions are even apart from rounding to whole mm; otherwise empty.

    Steps of 0.625 mm then give two slices the same position; instance numbers give their order.
    """
    places = np.array([s.position_mm for s in slices]) @ normal
    if len(slices) < MINIMUM_SLICES.value or np.abs(places - np.round(places)).max() > 1e-3 or not np.ptp(places):
        return []
    numbers = np.array([np.nan if s.instance_number is None else s.instance_number for s in slices])
    if np.isnan(numbers).any() or len(set(numbers)) < len(numbers):
        return []
    if np.corrcoef(places, numbers)[0, 1] < 0:
        numbers = -numbers
    order = np.lexsort((numbers, np.round(places)))
    steps = np.diff(places[order])
    if float(np.ptp(steps)) < 1e-3 or (np.diff(numbers[order]) <= 0).any():
        return []  # already even, or not a single scan
    if _are_few_multiples(steps):
        return []  # even apart from missing slices
    index = np.arange(len(order))
    line = np.polyval(np.polyfit(index, places[order], 1), index)
    is_even = np.abs(places[order] - line).max() <= WHOLE_MM_TOLERANCE_MM
    return [slices[n] for n in order] if is_even else []


def _are_few_multiples(steps: FloatArray) -> bool:
    """Whether all steps equal the usual one except a few multiples; rounding would lengthen more of them."""
    usual = float(np.median(steps))
    longer = steps[steps > usual + 1e-3]
    if usual <= 0 or steps.min() < usual - 1e-3 or len(longer) >= _FEW_LONGER * len(steps):
        return False
    return bool(np.abs(longer / usual - np.rint(longer / usual)).max() < 1e-3)


def _missing_geometry(slices: Sequence[SliceHeader], step: Step) -> Exclusion | None:
    needed: dict[str, Callable[[SliceHeader], bool]] = {
        "ImagePositionPatient": lambda s: s.position_mm is None,
        "ImageOrientationPatient": lambda s: s.orientation is None,
        "PixelSpacing": lambda s: s.pixel_spacing_mm is None or min(s.pixel_spacing_mm) <= 0,
        "Rows or Columns": lambda s: not (s.rows and s.columns),
    }
    missing = [_lacking(name, slices) for name, lacks in needed.items() if any(lacks(s) for s in slices)]
    if not missing and not all(_is_orthonormal(turn) for turn in {s.orientation for s in slices}):
        missing = ["ImageOrientationPatient is not two unit vectors at right angles"]
    return Exclusion(code=ExclusionCode.GEOMETRY_MISSING, step=step, found=", ".join(missing)) if missing else None


def _lacking(name: str, slices: Sequence[SliceHeader]) -> str:
    """Says that a value is missing, or unreadable with its text."""
    odd = (odd for s in slices for odd in (*s.odd, *s.image.odd) if odd.name in name and not odd.is_read)
    found = next(odd, None)
    return f"{name} cannot be read, found {found.shown}" if found else f"{name} missing"


def _is_orthonormal(cosines: tuple[float, ...] | None) -> bool:
    """Whether rows and columns are unit vectors (apart from rounding) at right angles."""
    row, column = np.reshape(np.array(cosines), (2, 3))
    lengths = np.array([row @ row, column @ column])
    return bool(np.abs(lengths - 1.0).max() < ORIENTATION_TOLERANCE and abs(row @ column) < _RIGHT_ANGLE_COSINE)


def _mixed(slices: Sequence[SliceHeader], step: Step) -> Exclusion | None:
    groups = _groups([s.orientation for s in slices], ORIENTATION_TOLERANCE)
    if len(groups) > 1:
        counts = " and ".join(str(n) for n in groups)
        return Exclusion(code=ExclusionCode.MIXED_ORIENTATION, step=step, found=f"{counts} slices")
    sizes = sorted({(s.columns, s.rows) for s in slices})
    if len(sizes) > 1:
        found = ", ".join(f"{columns}x{rows}" for columns, rows in sizes)
        return Exclusion(code=ExclusionCode.MIXED_GEOMETRY, step=step, found=found)
    spacings = _groups([s.pixel_spacing_mm for s in slices], PIXEL_SPACING_TOLERANCE_MM)
    if len(spacings) > 1:
        found = f"{len(spacings)} pixel spacings"
        return Exclusion(code=ExclusionCode.MIXED_GEOMETRY, step=step, found=found)
    return None


def _groups(values: Sequence[tuple[float, ...] | None], tolerance: float) -> list[int]:
    """Sizes of the groups of values that are alike, largest first."""
    left = np.array(values, dtype=float)
    sizes = []
    while len(left):
        alike = np.abs(left - left[0]).max(axis=1) <= tolerance
        sizes.append(int(alike.sum()))
        left = left[~alike]
    return sorted(sizes, reverse=True)


def normal_of(first: SliceHeader) -> FloatArray:
    """The unit normal of a slice (LPS); zero if its direction cosines are invalid."""
    cosines = np.array(first.orientation)
    normal = np.cross(cosines[:3], cosines[3:])
    length = float(np.linalg.norm(normal))
    return normal / length if length else normal


def apart(
    ordered: Sequence[SliceHeader], normal: FloatArray
) -> tuple[list[SliceHeader], tuple[tuple[int, SliceHeader], ...]]:
    """One slice per position, and the slices at the position of another."""
    places = (np.array([s.position_mm for s in ordered]) @ normal).tolist()
    kept: list[int] = []
    repeated = []
    for n, place in enumerate(places):
        if kept and place - places[kept[-1]] < SAME_PLACE_MM:
            repeated.append((len(kept) - 1, ordered[n]))
        else:
            kept.append(n)
    return [ordered[n] for n in kept], tuple(repeated)


def _uneven(kept: Sequence[SliceHeader], normal: FloatArray, step: Step) -> Exclusion | None:
    places = np.array([s.position_mm for s in kept]) @ normal
    steps = np.diff(places)
    if len(steps) < 2:
        return None
    usual = float(np.median(steps))
    gaps = steps[steps >= MISSING_FROM_STEPS * usual]
    if len(gaps):
        lacking = int(np.maximum(1, np.round(gaps / usual) - 1).sum())
        widest = int(steps.argmax())
        found = (
            f"about {lacking} in {len(gaps)} gap(s), the widest {gap_between(kept[widest], kept[widest + 1])}, "
            f"where {usual:.2f} mm is usual"
        )
        return Exclusion(code=ExclusionCode.MISSING_SLICES, step=step, found=found)
    worst = float(np.abs(steps - usual).max())
    if worst > allowed_difference_mm(usual):
        return Exclusion(
            code=ExclusionCode.UNEVEN_SPACING,
            step=step,
            found=f"steps of {steps.min():.2f} to {steps.max():.2f} mm",
            limit=f"{100 * STEP_UNEVENNESS.value:.0f} % of {usual:.2f} mm",
        )
    return None


def _stack(
    kept: list[SliceHeader], repeated: tuple[tuple[int, SliceHeader], ...], step: Step, *, is_rounded: bool = False
) -> Stack | Exclusion:
    cosines = np.array(kept[0].orientation)
    row_spacing, column_spacing = kept[0].pixel_spacing_mm or (1.0, 1.0)
    positions = np.array([s.position_mm for s in kept])
    normal = normal_of(kept[0])
    if is_rounded:
        index = np.arange(len(kept))
        slopes, starts = np.polyfit(index, positions, 1)
        positions = starts + np.outer(index, slopes)
    along = (positions[-1] - positions[0]) / (len(kept) - 1) if len(kept) > 1 else normal
    affine = np.eye(4)
    # (0028,0030) is row spacing first: the distance between rows, along a column.
    affine[:3, 0] = cosines[:3] / np.linalg.norm(cosines[:3]) * column_spacing
    affine[:3, 1] = cosines[3:] / np.linalg.norm(cosines[3:]) * row_spacing
    affine[:3, 2] = along
    affine[:3, 3] = positions[0]
    if abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        return Exclusion(code=ExclusionCode.GEOMETRY_MISSING, step=step, found="ImageOrientationPatient is invalid")
    off_line = positions - (positions[0] + np.outer(np.arange(len(kept)), along))
    sideways = np.abs(off_line - np.outer(off_line @ normal, normal)).max()
    if sideways > SIDEWAYS_TOLERANCE_MM:
        found = f"slices shifted sideways by up to {sideways:.1f} mm"
        return Exclusion(code=ExclusionCode.MIXED_GEOMETRY, step=step, found=found)
    tilt = tilt_deg(affine)
    if tilt > GANTRY_TILT_MAXIMUM.value:
        limit = f"{GANTRY_TILT_MAXIMUM.value:g}"
        return Exclusion(code=ExclusionCode.GANTRY_TILT, step=step, found=f"{tilt:.1f}", limit=limit)
    step_mm = abs(float(normal @ along))
    return Stack(
        slices=tuple(kept),
        affine_lps=affine,
        step_mm=step_mm,
        tilt_deg=tilt,
        repeated=repeated,
        is_rounded=is_rounded,
    )
