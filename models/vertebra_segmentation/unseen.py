"""A caution for vertebrae in view beyond the ends of the outlined chain; otherwise nothing would report them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from osteo_core.outcomes import Caution, CautionCode
from osteo_core.records import SegmentedLevel, Volume
from osteo_core.terms import MASK_LEVELS, Step

#: From the middle of a lumbar body to beyond the far end of the next: 35 to 40 mm between them, and half a body.
_NEXT_WHOLE_MM = 60.0
#: Air outside the body, or slices without a patient, are darker.
_BODY_ABOVE_HU = -500.0


def unseen_beyond(levels: Sequence[SegmentedLevel], volume: Volume) -> tuple[Caution, ...]:
    """A caution for each end of ``levels`` (T12 to L5) beyond which the next vertebra is in view but not outlined."""
    if not levels:
        return ()
    lowest, highest = max(levels, key=lambda one: one.level), min(levels, key=lambda one: one.level)
    ends = ((lowest, MASK_LEVELS[-1], "below", -1.0), (highest, MASK_LEVELS[0], "above", 1.0))
    return tuple(
        Caution(
            code=CautionCode.LEVELS_UNSURE,
            step=Step.SEGMENT,
            found=f"no vertebra is outlined {where} {one.level.name} though the body goes on there",
        )
        for one, last, where, up in ends
        if one.level is not last and _is_in_body(volume, one.centroid_mm, up * _NEXT_WHOLE_MM)
    )


def _is_in_body(volume: Volume, centre_mm: tuple[float, float, float], up_mm: float) -> bool:
    """Whether the place this far above a centre (LPS, mm) lies in the image, and in the patient."""
    at = np.array([[*centre_mm[:2], centre_mm[2] + up_mm]])
    index = np.rint(volume.geometry.to_index(at)[0]).astype(int)
    is_in_view = bool(((index >= 0) & (index < np.array(volume.geometry.shape))).all())
    return is_in_view and float(volume.voxels_hu[tuple(index)]) > _BODY_ABOVE_HU
