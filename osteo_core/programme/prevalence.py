"""Age bands for prevalence by group, and the group size below which shares are suppressed."""

from __future__ import annotations

from osteo_core.errors import UsageError

#: (name, from, to) in whole years, ``to`` excluded; the store's table ``age_bands`` is filled from it.
AGE_BANDS: tuple[tuple[str, float, float], ...] = (
    ("under 50", 0.0, 50.0),
    ("50-59", 50.0, 60.0),
    ("60-69", 60.0, 70.0),
    ("70-79", 70.0, 80.0),
    ("80 and over", 80.0, float("inf")),
)
UNKNOWN_AGE = "unknown"
#: Lower ends of the five-year groups used for age standardisation; the last one is open.
FIVE_YEARS_FROM = (50, 55, 60, 65, 70, 75, 80, 85)
#: Shares are not shown for groups with fewer people.
SUPPRESS_BELOW = 10


def age_band(age_years: float | None) -> str:
    """The name of the age band. Raises UsageError for an age that is negative or not a number."""
    if age_years is None:
        return UNKNOWN_AGE
    for name, low, high in AGE_BANDS:
        if low <= age_years < high:
            return name
    raise UsageError(f"an age must be a number of years from 0, found {age_years:g}")
