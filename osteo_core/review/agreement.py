"""How two readers agree on the same series: category, fracture grade, vBMD, and the outlines they corrected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from osteo_core.errors import StatisticsError
from osteo_core.records import Estimate
from osteo_core.review.reads import Read
from osteo_core.statistics.agreement import BlandAltman, bland_altman
from osteo_core.statistics.diagnostic import confusion, kappa
from osteo_core.statistics.reliability import icc
from osteo_core.terms import MEASURED_LEVELS, Category

_CLASSES = tuple(category.value for category in Category)
_GRADES = ("0", "1", "2", "3")


@dataclass(frozen=True, kw_only=True)
class ReaderAgreement:
    """Figures by name, each an Estimate or the reason for its absence; ``dice``: every level outlined by both readers.

    ``blind``: how many of the ``series`` second reads were signed without seeing the first.
    """

    series: int
    blind: int
    figures: Mapping[str, Estimate | str] = field(default_factory=dict)
    vbmd: BlandAltman | None = None
    dice: tuple[float, ...] = ()


def reader_agreement(pairs: Sequence[tuple[Read, Read]]) -> ReaderAgreement:
    """Agreement of first and second reads, one pair per series; rejected reads have no numbers.

    Kappa of the category (Cohen, unweighted: 'not reportable' has no order), quadratic kappa of the grades of L1-L4,
    ICC(2,1) and Bland-Altman of the mean vBMD (second minus first), Dice of the outlines.
    """
    both = [(a.summary, b.summary) for a, b in pairs]
    named = [(a.category.value, b.category.value) for a, b in both if a.category and b.category]
    grades = [
        (str(a.levels[level].grade), str(b.levels[level].grade))
        for a, b in both
        for level in MEASURED_LEVELS
        if level in a.levels and level in b.levels
        if a.levels[level].grade is not None and b.levels[level].grade is not None
    ]
    means = np.array([(a.mean_mg_cm3[0], b.mean_mg_cm3[0]) for a, b in both if a.mean_mg_cm3 and b.mean_mg_cm3])
    figures = {
        "Kappa of the category": _too_alike(named, "series with a category from both")
        or _or_why(lambda: kappa(_table(named, _CLASSES))),
        "Quadratic kappa of the grades": _too_alike(grades, "levels with a grade from both")
        or _or_why(lambda: kappa(_table(grades, _GRADES), weights="quadratic")),
        "ICC(2,1) of the mean vBMD": _too_few(len(means), "series with a mean vBMD from both")
        or _or_why(lambda: icc(means)),
    }
    try:
        difference = bland_altman(means[:, 1], means[:, 0], exact=True) if len(means) else None
    except StatisticsError:
        difference = None
    return ReaderAgreement(
        series=len(pairs),
        blind=sum(second.is_blind for _, second in pairs),
        figures=figures,
        vbmd=difference,
        dice=tuple(value for _, second in pairs for value in second.dice.values()),
    )


def _table(pairs: Sequence[tuple[str, str]], classes: tuple[str, ...]) -> np.ndarray:
    """Counts over all classes. Weights depend on the position in the whole scale, so unused classes stay."""
    return confusion([a for a, _ in pairs], [b for _, b in pairs], classes=classes)


def _too_few(count: int, what: str) -> str:
    """'too few series with a category from both (0; at least 2)', '' where there are enough."""
    return f"too few {what} ({count}; at least 2)" if count < 2 else ""


def _too_alike(pairs: Sequence[tuple[str, str]], what: str) -> str:
    """Why kappa is undefined for these pairs, else ''."""
    if len(pairs) >= 2 and len({word for pair in pairs for word in pair}) == 1:
        return f"both readers said '{pairs[0][0]}' throughout, so kappa is not defined"
    return _too_few(len(pairs), what)


def _or_why(compute: Callable[[], Estimate]) -> Estimate | str:
    try:
        return compute()
    except StatisticsError as refused:
        return str(refused)
