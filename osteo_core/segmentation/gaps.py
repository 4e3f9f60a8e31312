"""The levels at which the gaps of a series lie: gaps are found before segmentation, when only their mm are known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from osteo_core.outcomes import Caution, CautionCode
from osteo_core.records import Segmentation
from osteo_core.terms import Level

#: A gap as `dicom.stack.gap_between` writes it.
_GAP = re.compile(r"between z (-?\d+\.\d+) and (-?\d+\.\d+) mm")


def with_levels(cautions: Sequence[Caution], segmentation: Segmentation | None) -> tuple[Caution, ...]:
    """The cautions of the find step, with the levels between which each gap lies or that a split stack shows."""
    if segmentation is None or not segmentation.levels:
        return tuple(cautions)
    return tuple(_with_levels(one, segmentation) for one in cautions)


def _with_levels(caution: Caution, segmentation: Segmentation) -> Caution:
    if caution.code is CautionCode.IMAGES_LEFT_OUT:
        found = _GAP.sub(lambda gap: f"{gap[0]}, {_place(float(gap[1]), float(gap[2]), segmentation)}", caution.found)
        return replace(caution, found=found)
    if caution.code is CautionCode.SERIES_SPLIT:
        names = [level.name for _, level in _from_head(segmentation)]
        shown = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
        return replace(caution, found=f"{caution.found}; it shows {shown}")
    return caution


def _from_head(segmentation: Segmentation) -> list[tuple[float, Level]]:
    return sorted(((one.centroid_mm[2], one.level) for one in segmentation.levels), reverse=True)


def _place(low_mm: float, high_mm: float, segmentation: Segmentation) -> str:
    """The position of these heights among the levels, in words."""
    middle, levels = (low_mm + high_mm) / 2.0, _from_head(segmentation)
    above = [level.name for z, level in levels if z > middle]
    below = [level.name for z, level in levels if z <= middle]
    if above and below:
        return f"between {above[-1]} and {below[0]}"
    return f"below {above[-1]}" if above else f"above {below[0]}"
