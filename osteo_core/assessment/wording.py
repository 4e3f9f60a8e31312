"""The wording of an assessment: levels, numbers and findings as a reader would state them."""

from __future__ import annotations

from collections.abc import Sequence

from osteo_core.records import Estimate, Measurement
from osteo_core.terms import Category, Level


def levels_in_words(levels: Sequence[Level]) -> str:
    """'L1-L3' for consecutive levels, 'L1, L3' otherwise, 'no level' for none."""
    ordered = sorted(levels)
    if not ordered:
        return "no level"
    runs: list[list[Level]] = [[ordered[0]]]
    for level in ordered[1:]:
        if level == runs[-1][-1] + 1:
            runs[-1].append(level)
        else:
            runs.append([level])
    return ", ".join(run[0].name if len(run) == 1 else f"{run[0].name}-{run[-1].name}" for run in runs)


def mean_in_words(levels: Sequence[Level], mean: Estimate) -> str:
    """'L1-L3 mean 71 mg/cm³ (64 to 78)'."""
    return f"{levels_in_words(levels)} mean {mean.value:.0f} mg/cm³ ({interval_in_words(mean)})"


def interval_in_words(estimate: Estimate) -> str:
    """'64 to 78', as shown on screen."""
    return f"{estimate.low:.0f} to {estimate.high:.0f}"


def osteoporosis_in_words(value: float, low: float, high: float, *, below: float) -> str:
    """'osteoporosis is likely' or '... is possible' if the interval (mg/cm3) contains the limit, else ''.

    Likely: the value lies below the limit and the interval reaches it. Possible: the other way round. If the whole
    interval lies on one side, the category alone suffices.
    """
    if not low < below <= high:
        return ""
    return "osteoporosis is likely" if value < below else "osteoporosis is possible"


def fractures_in_words(measurements: Sequence[Measurement]) -> str:
    """'possible fracture L1' or 'fracture L2 (grade 3)', for all levels; '' if there is none."""
    words = []
    for measurement in measurements:
        grade = measurement.fracture_grade or 0
        if grade == 1:
            words.append(f"possible fracture {measurement.level.name}")
        elif grade >= 2:
            words.append(f"fracture {measurement.level.name} (grade {grade})")
    return ", ".join(words)


def crossing_in_words(mean: Estimate, *, limit: float, other: Category) -> str:
    """'64 to 98 mg/cm³ contains the limit 80; low bone mass is possible too'."""
    return f"{interval_in_words(mean)} mg/cm³ contains the limit {limit:g}; {other.value} is possible too"


def disagreement_in_words(where: str, calibrated: Estimate, read: Estimate) -> str:
    """'L2 151 mg/cm³ (140 to 162), calibrated 98 (90 to 106)'."""
    own = f"calibrated {calibrated.value:.0f} ({interval_in_words(calibrated)})"
    return f"{where} {read.value:.0f} mg/cm³ ({interval_in_words(read)}), {own}"


def z_in_words(z: float, *, age_years: float, norm: str, is_low: bool) -> str:
    """'Z-score -2.3 at 45 years, below the expected range for age (norm Cheng 2021)'."""
    place = "below" if is_low else "within"
    return f"Z-score {z:.1f} at {age_years:g} years, {place} the expected range for age (norm {norm})"
