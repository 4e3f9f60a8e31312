"""From a set's rows to its line in the result table, using only osteo_core.statistics.

value: the patient's mean vBMD over the levels that both the program and QCT have; reference: QCT's mean over the same
levels. Category, area under the curve and kappa are over patients whom the program gave a category: categories are
valid from age 50. Everybody is included in n and failed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from benchmarks.fang2021.cohort import PUBLISHED_R, StudySet
from benchmarks.fang2021.scan import EXCLUDED, FAILED, REPORTED
from benchmarks.scoring import Row
from osteo_core.assessment.assess import category_of
from osteo_core.errors import StatisticsError
from osteo_core.records import Estimate
from osteo_core.settings import Settings
from osteo_core.statistics.agreement import bland_altman, lin_ccc, pearson
from osteo_core.statistics.diagnostic import confusion, kappa, roc_auc
from osteo_core.statistics.intervals import wilson
from osteo_core.statistics.jackknife import BIAS, ROOT_MEAN_SQUARE, Statistic, by_patient
from osteo_core.statistics.reliability import icc
from osteo_core.terms import MEASURED_LEVELS, Category

CLASSES = (Category.OSTEOPOROSIS.value, Category.LOW_BONE_MASS.value, Category.NORMAL.value)
#: Targets for each vendor: r, |bias| and limits in mg/cm3, areas under the curve, quadratic kappa.
TARGETS: dict[str, dict[str, float]] = {
    name: {"target_r": r, "target_bias": 2.0, "target_loa": loa, "target_auc": 0.98, "target_kappa": 0.90}
    for name, r, loa in (("phantomless", 0.98, 10.0), ("precalibrated", 0.99, 6.0))
}


def line_of(test_set: StudySet, calibration: str, rows: Sequence[Row]) -> Row:
    """The line of one set under one calibration; None if there are too few patients for a figure."""
    own = [row for row in rows if row["calibration"] == calibration]
    given = [row for row in own if row["status"] == REPORTED]
    return {
        "set": test_set.number,
        "vendor": test_set.vendor.value,
        "calibration": calibration,
        "n": len(own),
        "failed": len(own) - len(given),
        "excluded": sum(row["status"] == EXCLUDED for row in own),
        "errors": sum(row["status"] == FAILED for row in own),
        "silent": sum(row.get("silent", 0) for row in own) + sum(not (row["reason"] or "mean" in row) for row in own),
        "without_reference": sum("common" not in row for row in given),
        **_dice(own),
        **_agreement([row for row in given if "common" in row]),
        **_against_truth(given),
        **_classes([row for row in given if "common" in row and row["category"] in CLASSES]),
        "published_dice_floor": test_set.published_dice_floor,
        "published_r_above": PUBLISHED_R,
        **TARGETS[calibration],
    }


def reasons(rows: Sequence[Row]) -> Counter[tuple[str, str]]:
    """Why patients have no value, and with which study: (reason, situation) to their number."""
    return Counter((row["reason"], row["situation"]) for row in rows if row["status"] != REPORTED)


def levels_left_out(rows: Sequence[Row]) -> Counter[str]:
    """Why single levels of L1-L4 have no value, over the measured patients."""
    names = {level.name for level in MEASURED_LEVELS}
    left = [found for row in rows for found in row.get("level_reasons", {}).items()]
    return Counter(reason for level, reason in left if level in names)


def _dice(rows: Sequence[Row]) -> Row:
    """Mean Dice of each of L1-L4 over the series that were read and show it whole; missing counts 0."""
    line: Row = {}
    pairs = {
        level.name: [(row["dice"][level.name], str(row["seed"])) for row in rows if level.name in row.get("dice", {})]
        for level in MEASURED_LEVELS
    }
    means = {name: float(np.mean([value for value, _ in found])) for name, found in pairs.items() if found}
    floor = min(means, key=lambda name: means[name]) if means else None
    line |= dict.fromkeys(("dice_floor", "dice_floor_low", "dice_floor_high", "dice_floor_level"))
    if floor:
        line |= {"dice_floor": means[floor], "dice_floor_level": floor}
        values, patients = zip(*pairs[floor], strict=True)
        nothing = np.zeros(len(values))  # the mean difference from 0 is the mean
        line |= _ends("dice_floor", lambda: _by_patient(values, nothing, patients, BIAS))
    return line | {f"dice_{level.name.lower()}": means.get(level.name) for level in MEASURED_LEVELS}


def _agreement(rows: Sequence[Row]) -> Row:
    """Agreement with QCT, over the levels that both have."""
    value = [row["common"][0] for row in rows]
    qct = [_mean(row["qct"], row["common_levels"]) for row in rows]
    patients = [str(row["seed"]) for row in rows]
    held = sum(row["common"][1] <= one <= row["common"][2] for row, one in zip(rows, qct, strict=True))
    return {
        "n_agreement": len(rows),
        **_figure("r", lambda: pearson(value, qct)),
        **_figure("icc", lambda: icc(np.column_stack([value, qct]))),
        **_figure("ccc", lambda: lin_ccc(value, qct)),
        **_figure("rmse", lambda: _by_patient(value, qct, patients, ROOT_MEAN_SQUARE)),
        **_figure("bias", lambda: bland_altman(value, qct).bias),
        **_figure("loa_low", lambda: bland_altman(value, qct).lower_limit),
        **_figure("loa_high", lambda: bland_altman(value, qct).upper_limit),
        **_figure("coverage_qct", lambda: wilson(held, len(rows))),
    }


def _against_truth(rows: Sequence[Row]) -> Row:
    """The reported mean against the truth of exactly the levels it is over."""
    value = [row["mean"][0] for row in rows]
    true = [_mean(row["true"], row["levels"]) for row in rows]
    held = sum(row["mean"][1] <= one <= row["mean"][2] for row, one in zip(rows, true, strict=True))
    return {
        **_figure("coverage", lambda: wilson(held, len(rows))),
        "half_width": float(np.mean([(row["mean"][2] - row["mean"][1]) / 2 for row in rows])) if rows else None,
        **_figure("true_bias", lambda: bland_altman(value, true).bias),
        **_figure("true_loa_low", lambda: bland_altman(value, true).lower_limit),
        **_figure("true_loa_high", lambda: bland_altman(value, true).upper_limit),
    }


def _classes(rows: Sequence[Row]) -> Row:
    settings = Settings()
    score = np.array([-row["common"][0] for row in rows])
    reference = [category_of(_mean(row["qct"], row["common_levels"]), settings).value for row in rows]
    table = confusion(reference, [row["category"] for row in rows], classes=CLASSES)
    has, low = (np.isin(reference, CLASSES[:k]) for k in (1, 2))
    return {
        "n_categories": len(rows),
        **_figure("auc_osteoporosis", lambda: roc_auc(score[~has], score[has])),
        **_figure("auc_low_bmd", lambda: roc_auc(score[~low], score[low])),
        **_figure("kappa_quadratic", lambda: kappa(table, weights="quadratic")),
        "confusion": "; ".join(" ".join(str(count) for count in row) for row in table),
    }


def _by_patient(x: ArrayLike, y: ArrayLike, patients: Sequence[str], statistic: Statistic) -> Estimate:
    """One statistic with its jackknife interval over patients. Raises StatisticsError if it cannot be computed."""
    found = by_patient(x, y, patients, {"it": statistic})["it"]
    if isinstance(found, StatisticsError):
        raise found
    return found


def _figure(name: str, statistic: Callable[[], Estimate]) -> Row:
    """A figure with both ends of its interval, all None if there are too few patients."""
    try:
        found = statistic()
    except StatisticsError:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"))
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def _ends(name: str, statistic: Callable[[], Estimate]) -> Row:
    """Only the ends of the interval, for a figure that is already in the row."""
    figure = _figure(name, statistic)
    return {key: value for key, value in figure.items() if key != name}


def _mean(by_level: dict[str, float], levels: Sequence[str]) -> float:
    return float(np.mean([by_level[level] for level in levels]))
