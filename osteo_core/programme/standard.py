"""Standard populations by five-year age groups from 50, as data with their sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from osteo_core.programme.prevalence import SUPPRESS_BELOW
from osteo_core.records import Estimate
from osteo_core.statistics.standardise import directly_standardised


@dataclass(frozen=True, kw_only=True)
class StandardPopulation:
    """Weights by the age at which each five-year group begins; the last group is open."""

    name: str
    source: str
    weights: Mapping[int, float]


EUROPE_2013 = StandardPopulation(
    name="Europe 2013",
    source="Eurostat, Revision of the European Standard Population, 2013; per 100,000",
    weights={50: 7000, 55: 6500, 60: 6000, 65: 5500, 70: 5000, 75: 4000, 80: 2500, 85: 2500},
)
WHO_WORLD = StandardPopulation(
    name="World (WHO 2000-2025)",
    source="Ahmad et al., Age standardization of rates: a new WHO standard, GPE discussion paper 31, 2001; per cent",
    weights={50: 5.37, 55: 4.55, 60: 3.72, 65: 2.96, 70: 2.21, 75: 1.52, 80: 0.91, 85: 0.635},
)
STANDARDS = (EUROPE_2013, WHO_WORLD)


@dataclass(frozen=True, kw_only=True)
class Standardised:
    """A standardised share, or the reason why there is none."""

    share: Estimate | None
    why: str = ""


def standardise(strata: Mapping[int, tuple[int, int]], population: StandardPopulation) -> Standardised:
    """``strata``: lower end of each five-year group (85 and over together) -> (count, n).

    Groups under 50 are ignored. No share is computed unless every group has at least SUPPRESS_BELOW people, because
    estimates from nearly empty strata are unreliable.
    """
    small = [age for age in population.weights if strata.get(age, (0, 0))[1] < SUPPRESS_BELOW]
    if small:
        words = ", ".join(f"{age} and over" if age == max(population.weights) else f"{age}-{age + 4}" for age in small)
        return Standardised(share=None, why=f"fewer than {SUPPRESS_BELOW} people aged {words}")
    ages = list(population.weights)
    counts, sizes = [strata[age][0] for age in ages], [strata[age][1] for age in ages]
    return Standardised(share=directly_standardised(counts, sizes, list(population.weights.values())))
