"""Whether the levels of one patient are alike, by the median HU of their trabecular regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from osteo_core.limits.region import LEVEL_DIFFERENCE_HU
from osteo_core.records import Measurement
from osteo_core.terms import Level

#: If only two levels differ, it is not known which of them is wrong.
_MINIMUM_OTHERS = 2


def unlike_levels(measurements: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """Levels farther than ``LEVEL_DIFFERENCE_HU`` from the median of the others; () if all are alike.

    Every level must have HU. A steady fall from head to foot keeps each level near the median of the others.
    """
    return tuple(m for m, hu, others in _with_others(measurements) if abs(hu - _median(others)) > _allowed())


def outvoted_level(measurements: Sequence[Measurement]) -> Measurement | None:
    """The level far from the median of the others while these, at least two, agree within the limit.

    None if no level qualifies, or more than one does. Every level must have HU.
    """
    found = [
        m
        for m, hu, others in _with_others(measurements)
        if len(others) >= _MINIMUM_OTHERS
        and max(others) - min(others) <= _allowed()
        and abs(hu - _median(others)) > _allowed()
    ]
    return found[0] if len(found) == 1 else None


def others_median_hu(measurements: Sequence[Measurement], level: Level) -> float:
    """Median HU of all levels but this one."""
    return next(_median(others) for m, _, others in _with_others(measurements) if m.level is level)


def _with_others(measurements: Sequence[Measurement]) -> list[tuple[Measurement, float, list[float]]]:
    hu: Mapping[Level, float] = {m.level: float(m.median_hu or 0.0) for m in measurements}
    if len(hu) < _MINIMUM_OTHERS:
        return []
    return [(m, hu[m.level], [x for level, x in hu.items() if level != m.level]) for m in measurements]


def _median(values: list[float]) -> float:
    return float(np.median(values))


def _allowed() -> float:
    return float(LEVEL_DIFFERENCE_HU.value)
