"""CT compared with QCT in one group: all figures of agreement with intervals, or the reason why one is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from osteo_core.errors import StatisticsError
from osteo_core.records import Estimate
from osteo_core.statistics import jackknife
from osteo_core.statistics.agreement import BlandAltman, bland_altman, lin_ccc, pearson
from osteo_core.statistics.diagnostic import kappa, roc_auc
from osteo_core.statistics.intervals import wilson
from osteo_core.statistics.regression import Line, deming, passing_bablok
from osteo_core.statistics.reliability import icc
from osteo_core.terms import Category

Values = NDArray[np.float64]
_Found = TypeVar("_Found")
CLASSES = (Category.OSTEOPOROSIS, Category.LOW_BONE_MASS, Category.NORMAL)
#: Figures with jackknife intervals over patients; those without a formula always use them.
_BY_PATIENT: dict[str, jackknife.Statistic] = {
    "RMSE": jackknife.ROOT_MEAN_SQUARE,
    "MAE": jackknife.MEAN_ABSOLUTE,
    "Bias": jackknife.BIAS,
    "Pearson r": jackknife.CORRELATION,
    "ICC(2,1)": jackknife.ABSOLUTE_AGREEMENT,
    "Lin's concordance": jackknife.CONCORDANCE,
}
_WITHOUT_FORMULA = ("RMSE", "MAE")
#: Figures in mg/cm3; of values in different minerals they are different quantities.
IN_MG_CM3 = ("Bias", "Lower limit", "Upper limit", "RMSE", "MAE")
#: Passing-Bablok uses every pair of points; beyond this it would take minutes.
MOST_FOR_PASSING_BABLOK = 3000


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The comparison for one group. ``figures`` and ``lines`` by name; ``missing``: name -> reason.

    ``table``: counts, rows QCT and columns CT in the order of CLASSES.
    """

    group: str
    n: int
    patients: int
    bland_altman: BlandAltman | None
    figures: Mapping[str, Estimate]
    lines: Mapping[str, Line]
    table: NDArray[np.int64]
    missing: Mapping[str, str]

    @property
    def lower_limit(self) -> Estimate | None:
        """Bland and Altman's lower limit of agreement."""
        return self.bland_altman.lower_limit if self.bland_altman else None

    @property
    def upper_limit(self) -> Estimate | None:
        """Bland and Altman's upper limit of agreement."""
        return self.bland_altman.upper_limit if self.bland_altman else None


def compare(
    group: str,
    measured: Values,
    reference: Values,
    *,
    patients: ArrayLike,
    limits_mg_cm3: tuple[float, float],
    with_lines: bool = True,
) -> Comparison:
    """The complete comparison of (n,) pairs in mg/cm3; ``patients`` (n,): the patient of each pair.

    Where a patient has several pairs (levels), intervals come from a jackknife over patients, since levels of one
    patient are not independent; otherwise from each statistic's own formula. ``with_lines``: fit the
    lines too, which takes longest.
    """
    n_patients = len(np.unique(np.asarray(patients)))
    found: dict[str, Estimate] = {}
    missing: dict[str, str] = {}
    limits_of_agreement = cache(partial(bland_altman, measured, reference, exact=True))
    _try("Bias", lambda: limits_of_agreement().bias, found, missing)
    for name, make in _figures(measured, reference, limits_mg_cm3).items():
        _try(name, make, found, missing)
    by_patient = _BY_PATIENT if n_patients < len(measured) else {name: _BY_PATIENT[name] for name in _WITHOUT_FORMULA}
    left_out, refused = _leave_out(measured, reference, patients, by_patient)
    # If the jackknife refuses a figure, its interval for independent pairs is not shown either.
    found = {name: one for name, one in found.items() if name not in by_patient} | left_out
    missing = {name: why for name, why in missing.items() if name not in by_patient} | refused
    lines: dict[str, Line] = {}
    for name, fit in (("Passing-Bablok", _passing_bablok), ("Deming", deming)) if with_lines else ():
        _try(name, partial(fit, reference, measured), lines, missing)
    agreement: dict[str, BlandAltman] = {}
    _try("Bland-Altman", limits_of_agreement, agreement, missing)
    return Comparison(
        group=group,
        n=len(measured),
        patients=n_patients,
        bland_altman=agreement.get("Bland-Altman"),
        figures=found,
        lines=lines,
        table=_table(measured, reference, limits_mg_cm3),
        missing=missing,
    )


def _try(name: str, make: Callable[[], _Found], found: dict[str, _Found], missing: dict[str, str]) -> None:
    try:
        found[name] = make()
    except StatisticsError as refused:
        missing[name] = str(refused)


def _leave_out(
    measured: Values, reference: Values, patients: ArrayLike, statistics: Mapping[str, jackknife.Statistic]
) -> tuple[dict[str, Estimate], dict[str, str]]:
    """These figures with jackknife intervals over patients, and reasons for missing ones."""
    try:
        each = jackknife.by_patient(measured, reference, patients, statistics)
    except StatisticsError as refused:
        return {}, dict.fromkeys(statistics, str(refused))
    found = {name: one for name, one in each.items() if isinstance(one, Estimate)}
    return found, {name: str(one) for name, one in each.items() if name not in found}


def _passing_bablok(x: Values, y: Values) -> Line:
    if len(x) > MOST_FOR_PASSING_BABLOK:
        raise StatisticsError(f"{len(x):,} pairs: computed only up to {MOST_FOR_PASSING_BABLOK:,}; see Deming")
    return passing_bablok(x, y)


def _table(measured: Values, reference: Values, limits: tuple[float, float]) -> NDArray[np.int64]:
    """(3, 3) counts; both limits belong to low bone mass."""
    rows, columns = (np.where(v < limits[0], 0, np.where(v <= limits[1], 1, 2)) for v in (reference, measured))
    return np.bincount(3 * rows + columns, minlength=9).reshape(3, 3)


def _figures(measured: Values, reference: Values, limits: tuple[float, float]) -> dict[str, Callable[[], Estimate]]:
    """Name -> function; each may raise StatisticsError independently."""
    low = reference < limits[0]
    table = _table(measured, reference, limits)
    hits, positives = int((low & (measured < limits[0])).sum()), int(low.sum())
    passes, negatives = int((~low & (measured >= limits[0])).sum()), int((~low).sum())
    return {
        "Pearson r": lambda: pearson(measured, reference),
        "ICC(2,1)": lambda: icc(np.column_stack([measured, reference])),
        "Lin's concordance": lambda: lin_ccc(measured, reference),
        "Kappa": lambda: kappa(table),
        "Kappa, linear weights": lambda: kappa(table, weights="linear"),
        "Kappa, quadratic weights": lambda: kappa(table, weights="quadratic"),
        "ROC area for osteoporosis": lambda: roc_auc(-measured[~low], -measured[low]),
        "Sensitivity for osteoporosis": lambda: wilson(hits, positives),
        "Specificity for osteoporosis": lambda: wilson(passes, negatives),
    }
