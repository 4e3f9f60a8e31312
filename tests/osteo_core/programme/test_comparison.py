"""All figures of agreement at once: each equals its own statistic, and a sentence for what cannot be computed."""

from __future__ import annotations

import numpy as np
import pytest

from osteo_core.programme.comparison import CLASSES, compare
from osteo_core.statistics.agreement import lin_ccc, pearson, rmse
from osteo_core.statistics.diagnostic import confusion
from osteo_core.statistics.reliability import icc
from tests.osteo_core.statistics.pefr import MINI_1, WRIGHT_1

LIMITS = (80.0, 120.0)
W, M = np.array(WRIGHT_1, float), np.array(MINI_1, float)


def names(count: int, *, each: int = 1) -> list[str]:
    return [f"{n // each:04d}" for n in range(count)]


def test_the_figures_are_those_of_the_statistics() -> None:
    found = compare("all", W, M, patients=names(17), limits_mg_cm3=(300.0, 450.0))
    assert found.figures["Pearson r"] == pearson(W, M)
    assert found.figures["ICC(2,1)"] == icc(np.column_stack([W, M]))
    assert found.figures["Lin's concordance"] == lin_ccc(W, M)
    assert found.figures["RMSE"].value == pytest.approx(rmse(W, M))
    assert found.bland_altman is not None
    assert found.bland_altman.bias.value == pytest.approx(-2.1176, abs=5e-5)
    words = [["osteoporosis" if v < 300 else "low bone mass" if v <= 450 else "normal" for v in x] for x in (M, W)]
    assert (found.table == confusion(*words, classes=[c.value for c in CLASSES])).all()
    assert found.figures["Sensitivity for osteoporosis"].n == int((M < 300).sum())
    assert found.missing == {}


def test_levels_of_a_patient_widen_the_intervals() -> None:
    rng = np.random.default_rng(1)
    truth = np.repeat(rng.normal(110, 25, 60), 4)
    measured = truth + np.repeat(rng.normal(0, 8, 60), 4)
    found = compare("all", measured, truth, patients=names(240, each=4), limits_mg_cm3=LIMITS)
    assert found.figures["Bias"].method.startswith("jackknife over patients")
    alone = compare("all", measured, truth, patients=names(240), limits_mg_cm3=LIMITS)
    assert found.figures["Bias"].high - found.figures["Bias"].low > 1.6 * (
        alone.figures["Bias"].high - alone.figures["Bias"].low
    )


def test_what_is_refused_by_patients_is_not_shown_otherwise() -> None:
    rng = np.random.default_rng(1)
    truth = np.repeat(rng.normal(110, 25, 4), 4)
    found = compare("all", truth + rng.normal(0, 8, 16), truth, patients=names(16, each=4), limits_mg_cm3=LIMITS)
    assert "too few patients" in found.missing["Bias"]
    assert set(found.figures) & set(found.missing) == set()
    assert {"RMSE", "MAE", "Bias", "Pearson r", "ICC(2,1)", "Lin's concordance"} <= set(found.missing)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_pairs_give_sentences(count: int) -> None:
    found = compare("GE", W[:count], M[:count], patients=names(count), limits_mg_cm3=LIMITS)
    assert "too few pairs" in found.missing["Pearson r"]
    assert found.n == count
    assert {"Deming", "Passing-Bablok", "ROC area for osteoporosis"} <= set(found.missing)


def test_two_versions_that_agree_exactly_are_compared() -> None:
    values = np.random.default_rng(5).normal(110, 25, 40)
    found = compare("both versions", values, values, patients=names(40), limits_mg_cm3=LIMITS)
    assert (found.figures["ICC(2,1)"].value, found.figures["RMSE"].value, found.figures["Bias"].value) == (1, 0, 0)
    assert found.figures["Kappa"].value == 1.0


def test_tied_data_give_sentences() -> None:
    found = compare("GE", np.full(9, 100.0), np.full(9, 100.0), patients=names(9), limits_mg_cm3=LIMITS)
    assert "no variation" in found.missing["Pearson r"]
    assert "the same single class" in found.missing["Kappa"]
    assert list(found.table[1]) == [0, 9, 0]
    assert [c.value for c in CLASSES] == ["osteoporosis", "low bone mass", "normal"]
    assert found.figures["RMSE"].value == 0.0
