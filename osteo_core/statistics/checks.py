"""Input checks shared by all statistics, with one wording for each refusal."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from osteo_core.errors import StatisticsError

Values = NDArray[np.float64]


def finite(values: ArrayLike, *, name: str, at_least: int) -> Values:
    """(n,) float64. Raises StatisticsError for another shape, too few values, or one that is not finite."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise StatisticsError(f"{name} must be a one-dimensional array, found shape {array.shape}")
    if not np.isfinite(array).all():
        raise StatisticsError(
            f"{name} holds {int((~np.isfinite(array)).sum())} values that are not numbers; drop those rows"
        )
    if len(array) < at_least:
        raise StatisticsError(f"too few values: {len(array)} in {name}, at least {at_least} are needed")
    return array


def paired(x: ArrayLike, y: ArrayLike, *, at_least: int) -> tuple[Values, Values]:
    """Two arrays of the same length, checked as in ``finite``."""
    a, b = finite(x, name="x", at_least=0), finite(y, name="y", at_least=0)
    if len(a) != len(b):
        raise StatisticsError(f"values must come in pairs, found {len(a)} and {len(b)}")
    if len(a) < at_least:
        raise StatisticsError(f"too few pairs: {len(a)}, at least {at_least} are needed")
    return a, b


def varying(values: Values, *, name: str) -> Values:
    """The values. Raises StatisticsError when all are equal to within rounding error."""
    scale = float(np.abs(values).max(initial=0.0))
    if np.ptp(values) <= 8 * np.finfo(np.float64).eps * scale:
        raise StatisticsError(f"all values of {name} are equal; there is no variation to describe")
    return values


def ratings(table: ArrayLike) -> Values:
    """(targets, raters) float64, complete. Raises StatisticsError for fewer than 2 of either or a missing rating."""
    array = np.asarray(table, dtype=np.float64)
    if array.ndim != 2 or min(array.shape) < 2:
        raise StatisticsError(f"ratings must be a table of at least 2 targets and 2 raters, found {array.shape}")
    if not np.isfinite(array).all():
        raise StatisticsError("every rater must have rated every target; drop targets with a missing rating")
    return array


def share(value: float, *, name: str) -> float:
    """A number between 0 and 1, ends excluded. Raises StatisticsError otherwise."""
    if not 0.0 < value < 1.0:
        raise StatisticsError(f"{name} must lie between 0 and 1, found {value:g}")
    return value
