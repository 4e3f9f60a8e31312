"""Compares two cohorts, or two versions of the results of one, with their differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from osteo_core.programme.cohort import CohortFilter
from osteo_core.programme.comparison import CLASSES, IN_MG_CM3, Comparison, compare
from osteo_core.programme.standard import StandardPopulation
from osteo_core.programme.versions import CURRENT, Version
from osteo_core.records import Estimate
from osteo_core.statistics.agreement import bland_altman
from osteo_core.statistics.differences import difference_of_independent, difference_of_paired_shares
from osteo_core.terms import Category
from pages.ui.agreement.figures import Pairs
from pages.ui.services.cohort import (
    agreement,
    agreement_pairs,
    hidden_from_this_reader,
    prevalence,
    sight_of_figures,
    standardised,
)
from pages.ui.services.running_app import limits, query
from pages.ui.shared.figures import Rate

#: Figures of agreement whose difference has an interval of its own for different people.
_SUBTRACTED = ("Bias", "Lower limit", "Upper limit", "Pearson r")
#: Versions of one kind that can be chosen from, the most frequent first.
_MOST_VERSIONS = 50


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side of a comparison: a cohort, and which result of each of its series counts."""

    cohort: CohortFilter
    version: Version = CURRENT


@dataclass(frozen=True, kw_only=True)
class Line:
    """One figure of both sides. ``difference``: first minus second; None if ``why`` states the reason."""

    name: str
    first: Estimate | None
    second: Estimate | None
    difference: Estimate | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Shares:
    """Prevalence of both sides; ``shared`` patients are in both."""

    first: Rate
    second: Rate
    lines: tuple[Line, ...]
    shared: int
    is_paired: bool


@dataclass(frozen=True, kw_only=True)
class Both:
    """The same patients under two versions: one series each that both measured; values in mg/cm3 of one mineral.

    ``pairs``: the first version as measured, the second as reference. ``other_mineral``: patients left out because the
    two versions are in different minerals. ``shares``: first minus second, of the ``judged`` patients: those with a
    category under both versions.
    """

    pairs: Pairs
    compared: Comparison
    other_mineral: int
    shares: Mapping[Category, Estimate]
    judged: int


def version_options() -> dict[str, dict[str, int]]:
    """Versions by which results of this store differ, each value with its number of results, most common first."""
    found: dict[str, dict[str, int]] = {
        name: {} for name in ("model", "settings", "measuring", "calibration", "origin")
    }
    for row in query("versions", limit=_MOST_VERSIONS).to_pylist():
        found[row["field"]][row["value"]] = int(row["n"])
    return found


def version_values(field: str) -> list[str]:
    """The values of one kind of version."""
    return list(version_options()[field])


def compare_shares(first: Side, second: Side, population: StandardPopulation) -> Shares | None:
    """Osteoporosis and low bone mass of both sides; None if one side has no patient with a category."""
    rates = []
    for side in (first, second):
        found = prevalence(side.cohort, by="all", version=side.version, seen_by=sight_of_figures())
        if not found or not found[0].n:
            return None
        rates.append(found[0])
    one, two = rates
    is_paired = first.cohort == second.cohort and first.version != second.version
    gaps: Mapping[Category, Estimate] = {}
    if is_paired:
        gaps = compare_versions(first.cohort, first.version, second.version).shares
    lines = [
        _shares_line(name, a, b, gaps.get(category), is_paired=is_paired)
        for name, category, a, b in (
            ("Osteoporosis", Category.OSTEOPOROSIS, one.osteoporosis, two.osteoporosis),
            ("Low bone mass", Category.LOW_BONE_MASS, one.low_bone_mass, two.low_bone_mass),
        )
    ]
    lines.append(_standardised_line(first, second, population, is_paired=is_paired))
    return Shares(
        first=one, second=two, lines=tuple(lines), shared=_shared(first.cohort, second.cohort), is_paired=is_paired
    )


def _shares_line(
    name: str, first: Estimate | None, second: Estimate | None, paired: Estimate | None, *, is_paired: bool
) -> Line:
    if is_paired:
        why = "" if paired else "no patient has a category under both versions"
        return Line(name=name, first=first, second=second, difference=paired, why=why)
    gap = difference_of_independent(first, second) if first and second else None
    return Line(name=name, first=first, second=second, difference=gap)


def _standardised_line(first: Side, second: Side, population: StandardPopulation, *, is_paired: bool) -> Line:
    name = "Osteoporosis, age-standardised from 50"
    found: list[tuple[Estimate | None, str]] = []
    for side in (first, second):
        of = standardised(
            side.cohort, by="all", population=population, version=side.version, seen_by=sight_of_figures()
        ).get("all")
        if of is None or of[0].share is None:
            found.append((None, of[0].why if of else "nobody aged 50 or over"))
        else:
            found.append((of[0].share, ""))
    (a, why_a), (b, why_b) = found
    if a is None or b is None:
        words = [f"{side}: {why}" for side, why in (("first", why_a), ("second", why_b)) if why]
        return Line(name=name, first=a, second=b, why="; ".join(words))
    if is_paired:
        return Line(name=name, first=a, second=b, why="no interval for the same people under two versions")
    return Line(name=name, first=a, second=b, difference=difference_of_independent(a, b))


def _shared(first: CohortFilter, second: CohortFilter) -> int:
    sight = sight_of_figures()
    found = (query("cohort_patients", cohort=cohort, seen_by=sight) for cohort in (first, second))
    one, other = (table["patient"].to_numpy() for table in found)
    return len(np.intersect1d(one, other, assume_unique=True))


def compare_versions(cohort: CohortFilter, first: Version, second: Version) -> Both:
    """The first version against the second in the same patients."""
    parameters = first.parameters("first_") | second.parameters("second_")
    hidden = tuple(hidden_from_this_reader())
    table = query("version_both", cohort=cohort, hidden=hidden, seen_by=sight_of_figures(), **parameters)
    first_mineral, second_mineral = (table[f"{side}_mineral"].to_numpy() for side in ("first", "second"))
    values = [table[f"{side}_vbmd"].to_numpy(zero_copy_only=False).astype(float) for side in ("first", "second")]
    is_known = ~(np.isnan(values[0]) | np.isnan(values[1]))
    is_alike = first_mineral == second_mineral
    pairs = _pairs(table, measured=values[0], reference=values[1]).where(is_known & is_alike)
    chosen = limits()
    categories = np.stack([table[f"{side}_category"].to_numpy() for side in ("first", "second")])
    known = np.isin(categories, [one.value for one in CLASSES]).all(axis=0)
    return Both(
        pairs=pairs,
        compared=compare(
            "both versions",
            pairs.measured,
            pairs.reference,
            patients=pairs.patient,
            limits_mg_cm3=(chosen.osteoporosis_below, chosen.normal_above),
        ),
        other_mineral=int((is_known & ~is_alike).sum()),
        shares=_paired_shares(categories[:, known]),
        judged=int(known.sum()),
    )


def _paired_shares(categories: np.ndarray) -> dict[Category, Estimate]:
    """Differences of the shares of (2, n) categories, by category; none where n is 0."""
    if not categories.shape[1]:
        return {}
    found = {}
    for category in (Category.OSTEOPOROSIS, Category.LOW_BONE_MASS):
        one, two = categories == category.value
        counts = (one & two, one & ~two, ~one & two, ~one & ~two)
        found[category] = difference_of_paired_shares(*(int(count.sum()) for count in counts))
    return found


def _pairs(table: pa.Table, *, measured: np.ndarray, reference: np.ndarray) -> Pairs:
    return Pairs(
        series_key=table["series_key"].to_numpy(),
        patient_key=table["patient_key"].to_numpy(),
        patient=table["patient"].to_numpy(),
        vendor=table["vendor"].to_numpy(),
        level=np.zeros(len(table), dtype=np.uint8),
        measured=measured,
        reference=reference,
        mineral=table["first_mineral"].to_numpy(),
    )


@dataclass(frozen=True, kw_only=True)
class Agreements:
    """Agreement with QCT of both sides; ``is_paired``: both hold the same series."""

    pairs: tuple[Pairs, Pairs]
    compared: tuple[Comparison, Comparison]
    lines: tuple[Line, ...]
    shared: int
    is_paired: bool


def compare_agreement(first: Side, second: Side, *, by_level: bool) -> Agreements:
    """Figures of both sides with their differences.

    Values in mg/cm3 are not subtracted if the sides are in different minerals. For the same series under two versions
    the difference of the biases is the mean of first minus second with Student's interval, and other differences have
    none; levels of one patient are not independent, so theirs have none either.
    """
    sides = [agreement_pairs(one.cohort, by_level=by_level, version=one.version) for one in (first, second)]
    compared = [agreement(pairs)[0] for pairs in sides]
    held = [set(zip(pairs.patient_key, pairs.level, strict=True)) for pairs in sides]
    shared = len({key for key, _ in held[0]} & {key for key, _ in held[1]})
    figures = [_figures(one) for one in compared]
    is_paired = len(sides[0]) > 0 and np.array_equal(sides[0].series_key, sides[1].series_key)
    paired_bias = _paired_bias(*sides) if is_paired and not by_level else None
    minerals = {str(mineral) for pairs in sides for mineral in pairs.mineral}
    lines = []
    for name in dict.fromkeys([*figures[0], *figures[1]]):
        a, b = figures[0].get(name), figures[1].get(name)
        gap, why = None, ""
        if a is None or b is None:
            why = "one side is missing"
        elif len(minerals) > 1 and name in IN_MG_CM3:
            why = "values are in different minerals"
        elif by_level:
            why = "levels of one patient are not independent"
        elif is_paired:
            gap = paired_bias if name == "Bias" else None
            why = "" if gap else "the same patients are on both sides"
        elif name in _SUBTRACTED:
            gap = difference_of_independent(a, b)
        else:
            why = "no interval is computed for this figure"
        lines.append(Line(name=name, first=a, second=b, difference=gap, why=why))
    return Agreements(
        pairs=(sides[0], sides[1]),
        compared=(compared[0], compared[1]),
        lines=tuple(lines),
        shared=shared,
        is_paired=is_paired,
    )


def _figures(one: Comparison) -> dict[str, Estimate]:
    found = {"Bias": one.figures.get("Bias"), "Lower limit": one.lower_limit, "Upper limit": one.upper_limit}
    return {name: value for name, value in found.items() if value} | dict(one.figures)


def _paired_bias(first: Pairs, second: Pairs) -> Estimate | None:
    """Difference of the biases of the same series in the same order; None below three."""
    if len(first) < 3:
        return None
    return bland_altman(first.measured - first.reference, second.measured - second.reference).bias
