"""A calibration phantom in the scan itself: which known phantom a row of rods is, and its line for each vertebra.

Every known phantom is matched to the row in every position and in both directions. A match must have evenly spaced
rods, explain all rods that stand out, miss none that should, rise with density as mineral does at 70-150 kVp, and fit
the phantom's own arithmetic with R2 of at least `limits.calibration.PHANTOM_R2`. The line of a vertebra uses only the
rods beside that vertebra: within one scan the same rod reads 208 HU beside bodies and 247 beside discs, and rods on
the vertebra's own slices halved the error compared with nine fixed slices (a trial, 13 people scanned twice).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from osteo_core.density.calibration.beam import beam_kvps, beam_line
from osteo_core.density.calibration.known_phantoms import KnownPhantom, Rod, RodFit, fit_rods
from osteo_core.density.rod_row import RodRow
from osteo_core.limits.acquisition import KVP_TOLERANCE
from osteo_core.limits.calibration import PHANTOM_R2, PHANTOM_RODS
from osteo_core.records import FloatArray
from osteo_core.terms import Level

#: Distance between neighbouring rods of a phantom, mm, and how far a rod may lie from its evenly spaced position.
_SPACING_MM, _OFF_PLACE_MM = (18.0, 60.0), 3.0
#: mg/cm3 per HU that mineral can have: K2HPO4 0.61 at 80 kVp to 0.89 at 140 kVp, HA and small or large bodies beyond.
_SLOPE_MG_CM3_PER_HU = (0.42, 1.15)
#: Largest relative difference of a phantom's slope from physics at the tube voltage (real ones: 0.76 to 0.99 for 0.85).
_SLOPE_SHARE, _USUAL_PATH_CM = 0.25, 28.0
#: Lines that differ by less than this at 0 and at 200 HU count as one.
_ONE_LINE_MG_CM3 = 3.0
#: Largest distance from 0 of the HU of no mineral, that is of the rods' water: scanners show it within a few HU of 0.
_ZERO_HU = 30.0
#: From this many rods on, one missed rod is tolerated, and one other object that cannot be a further rod of the row.
_SURE_RODS = 4
#: A rod that differs from its base by more than this must stand out.
_STANDS_OUT_HU = 40.0


@dataclass(frozen=True, kw_only=True, eq=False)
class InScanPhantom:
    """A phantom that was found: its line per vertebra, and one for the mean over the vertebrae."""

    phantom: KnownPhantom
    n_rods: int
    whole: RodFit
    levels: dict[Level, RodFit]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Placed:
    """A phantom matched to the row: positions of its rods in mm, and their fit."""

    phantom: KnownPhantom
    rods: tuple[Rod, ...]
    places_mm: FloatArray
    fit: RodFit


def identify_phantom(row: RodRow, phantoms: Iterable[KnownPhantom], *, kvp: float | None = None) -> InScanPhantom | str:
    """The known phantom that matches this row, with a line per vertebra, or why none does.

    A vertebra whose own rods do not fit has no line in ``levels``. Without a tabulated tube voltage ``kvp`` any slope
    that mineral can have at 70-150 kVp is allowed.
    """
    mean = _mean_where_seen(row)
    placed = [one for phantom in phantoms for one in _placements(row, mean, phantom) if _rises_as_mineral(one, kvp)]
    if not placed:
        return f"{len(row.seen_mm)} rods in a row lie under the back; they are those of no known phantom"
    fitting = [one for one in placed if one.fit.r2 >= PHANTOM_R2.value]
    if not fitting:
        best = max(placed, key=lambda one: one.fit.r2)
        return (
            f"rods under the back look like {best.phantom.name}, but fit it with R2 {best.fit.r2:.4f}; "
            f"at least {PHANTOM_R2.value:g} is needed"
        )
    best = max(fitting, key=lambda one: (len(one.rods), one.fit.r2))
    others = [one for one in fitting if one.phantom != best.phantom and len(one.rods) == len(best.rods)]
    rivals = sorted({one.phantom.name for one in others if not _is_one_line(one.fit, best.fit)})
    if rivals:
        return f"rods under the back are those of {best.phantom.name} or of {', '.join(rivals)}: the lines differ"
    levels = {level: fit for level, hu in row.hu.items() if (fit := _line(best, row, hu)) is not None}
    if not levels:
        return f"{best.phantom.name} is in view, but beside no vertebra do its rods fit with R2 {PHANTOM_R2.value:g}"
    return InScanPhantom(phantom=best.phantom, n_rods=len(best.rods), whole=best.fit, levels=levels)


def _rises_as_mineral(placed: _Placed, kvp: float | None) -> bool:
    """Whether the phantom's slope fits its mineral at this tube voltage; True if the voltage is not tabulated."""
    tabulated = min(beam_kvps(), key=lambda one: abs(one - (kvp or 0.0)))
    if abs(tabulated - (kvp or 0.0)) > KVP_TOLERANCE.value:
        return True
    expected = beam_line(tabulated, _USUAL_PATH_CM, placed.phantom).slope_mg_cm3_per_hu
    return abs(placed.fit.slope_mg_cm3_per_hu / expected - 1) <= _SLOPE_SHARE


def _is_one_line(a: RodFit, b: RodFit) -> bool:
    return all(abs(a.reading_mg_cm3(hu) - b.reading_mg_cm3(hu)) < _ONE_LINE_MG_CM3 for hu in (0.0, 200.0))


def _mean_where_seen(row: RodRow) -> FloatArray:
    """(m,) mean over the vertebrae of the HU along the row; NaN where none of them has a value."""
    hu = np.array(list(row.hu.values())).reshape(-1, len(row.along_mm))
    seen = np.isfinite(hu)
    counted = np.maximum(seen.sum(axis=0), 1)
    return np.where(seen.any(axis=0), np.where(seen, hu, 0.0).sum(axis=0) / counted, np.nan)


def _placements(row: RodRow, hu: FloatArray, phantom: KnownPhantom) -> Iterator[_Placed]:
    """Every match of the phantom to the row that spacing, order and HU allow."""
    if len({rod.density_mg_cm3 for rod in phantom.rods}) < PHANTOM_RODS.value:
        return
    seen: set[tuple[int, int, bool]] = set()
    for a, b in combinations(range(len(row.seen_mm)), 2):
        for i, j in combinations(range(len(phantom.rods)), 2):
            spacing = (row.seen_mm[b] - row.seen_mm[a]) / (j - i)
            if not _SPACING_MM[0] <= spacing <= _SPACING_MM[1]:
                continue
            first = row.seen_mm[a] - i * spacing
            for rods, is_turned in ((phantom.rods, False), (phantom.rods[::-1], True)):
                key = (round(first), round(spacing), is_turned)
                if key not in seen:
                    seen.add(key)
                    placed = _placed(row, hu, phantom, rods=rods, places=first + spacing * np.arange(len(rods)))
                    if placed is not None:
                        yield placed


def _placed(
    row: RodRow, hu: FloatArray, phantom: KnownPhantom, *, rods: Sequence[Rod], places: FloatArray
) -> _Placed | None:
    """The phantom at these positions; None if it does not explain what is seen."""
    distance = np.abs(row.seen_mm[:, None] - places[None, :])
    others = row.seen_mm[distance.min(axis=1) > _OFF_PLACE_MM]
    shown = _at(row, hu, places)
    inside = np.isfinite(shown)
    kept = [rod for rod, there in zip(rods, inside, strict=True) if there]
    if len({rod.density_mg_cm3 for rod in kept}) < PHANTOM_RODS.value:
        return None
    if len(others) and not (len(kept) >= _SURE_RODS and _is_no_rod(others, places)):
        return None  # a rod stands out where this phantom has none
    try:
        fit = fit_rods(kept, shown[inside].tolist())
    except ValueError:
        return None
    if not _SLOPE_MG_CM3_PER_HU[0] <= fit.slope_mg_cm3_per_hu <= _SLOPE_MG_CM3_PER_HU[1]:
        return None
    if abs(fit.intercept_mg_cm3 / fit.slope_mg_cm3_per_hu) > _ZERO_HU:
        return None
    between = _at(row, hu, (places[:-1] + places[1:]) / 2)
    base = np.median(between[np.isfinite(between)]) if np.isfinite(between).any() else 0.0
    hidden = distance.min(axis=0)[inside] > _OFF_PLACE_MM
    missed = (np.abs(shown[inside] - base)[hidden] > _STANDS_OUT_HU).sum()
    if missed > (len(kept) >= _SURE_RODS):  # of many rods, one need not stand out, since its HU on the row fit
        return None
    return _Placed(phantom=phantom, rods=tuple(kept), places_mm=places[inside], fit=fit)


def _is_no_rod(others_mm: FloatArray, places_mm: FloatArray) -> bool:
    """Whether a single object stands out elsewhere, and not where the row would continue beyond its ends."""
    spacing = (places_mm[-1] - places_mm[0]) / (len(places_mm) - 1)
    step = float((others_mm[0] - places_mm[0]) / spacing)
    is_between = -0.25 < step < len(places_mm) - 0.75
    is_off = abs(step - round(step)) * spacing > 2 * _OFF_PLACE_MM
    return len(others_mm) == 1 and (is_between or is_off)


def _line(placed: _Placed, row: RodRow, hu: FloatArray) -> RodFit | None:
    """The line of one vertebra from its own slices; None if a rod is missing there or the fit is poor."""
    shown = _at(row, hu, placed.places_mm)
    if not np.isfinite(shown).all():
        return None
    try:
        fit = fit_rods(placed.rods, shown.tolist())
    except ValueError:
        return None
    return fit if fit.r2 >= PHANTOM_R2.value else None


def _at(row: RodRow, hu: FloatArray, places_mm: FloatArray) -> FloatArray:
    return np.interp(places_mm, row.along_mm, hu, left=np.nan, right=np.nan)
