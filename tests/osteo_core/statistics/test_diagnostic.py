"""Confusion, kappa and ROC areas against printed and computed oracles, and properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from osteo_core.errors import StatisticsError
from osteo_core.statistics.diagnostic import confusion, kappa, roc_auc
from osteo_core.statistics.intervals import wilson
from osteo_core.terms import Category

CLASSES = [Category.NORMAL, Category.LOW_BONE_MASS, Category.OSTEOPOROSIS]
RHEUMATOID = [[7, 7, 2, 3], [2, 8, 3, 7], [1, 5, 4, 9], [2, 8, 9, 14]]
FEW_DISAGREE = [[58, 1, 0], [1, 36, 1], [0, 1, 18]]
NEG_A, NEG_B = [0.1, 0.4, 0.35, 0.8, 0.2], [0.2, 0.3, 0.6, 0.5, 0.1]
POS_A, POS_B = [0.6, 0.7, 0.9, 0.3, 0.75], [0.4, 0.55, 0.8, 0.7, 0.45]


def test_confusion_has_the_reference_in_rows() -> None:
    reference = ["normal", "normal", "osteoporosis", "low bone mass"]
    found = ["normal", "low bone mass", "osteoporosis", "osteoporosis"]
    assert confusion(reference, found, classes=CLASSES).tolist() == [[1, 1, 0], [0, 0, 1], [0, 0, 1]]
    with pytest.raises(StatisticsError, match=r"found also \['not reportable'\]"):
        confusion(["normal"], ["not reportable"], classes=CLASSES)
    with pytest.raises(StatisticsError, match="values must come in pairs, found 1 and 0"):
        confusion(["normal"], [], classes=CLASSES)


@pytest.mark.parametrize(("weights", "value"), [("none", 0.1293), ("linear", 0.2374), ("quadratic", 0.3320)])
def test_kappa_against_a_textbook_table(weights, value: float) -> None:
    found = kappa(RHEUMATOID, weights=weights)
    assert (found.value, found.n) == (pytest.approx(value, abs=5e-5), 91)
    assert kappa(np.transpose(RHEUMATOID), weights=weights).value == pytest.approx(found.value)
    assert kappa(10 * np.array(RHEUMATOID), weights=weights).value == pytest.approx(found.value)


@pytest.mark.parametrize("weights", ["none", "quadratic"])
@pytest.mark.parametrize("pairs", [20, 400])
@pytest.mark.parametrize("table", [RHEUMATOID, FEW_DISAGREE])
def test_the_interval_of_kappa_covers_what_simulation_gives(table: list, pairs: int, weights) -> None:
    rng = np.random.default_rng(11)
    p = np.array(table) / np.sum(table)
    drawn = [kappa(rng.multinomial(pairs, p.ravel()).reshape(p.shape), weights=weights) for _ in range(400)]
    truth = kappa(table, weights=weights).value
    assert np.mean([e.low <= truth <= e.high for e in drawn]) >= 0.92


def test_the_interval_of_kappa_with_many_pairs_is_that_of_fleiss_cohen_and_everitt() -> None:
    """Second computation: kappa's SE over multinomial draws, which their formula approaches for many pairs."""
    rng, table = np.random.default_rng(3), 20 * np.array([[20, 5], [10, 15]])
    drawn = [kappa(one.reshape(2, 2)).value for one in rng.multinomial(1000, table.ravel() / 1000, 2000)]
    found = kappa(table)
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(np.std(drawn), rel=0.05)


@pytest.mark.parametrize("counts", [(58, 36, 18), (1, 1), (3, 0, 4), (7, 11, 13, 17)])
@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_full_agreement_is_one_and_not_certain(counts: tuple, weights) -> None:
    found = kappa(np.diag(counts), weights=weights)
    n, shares = sum(counts), np.array(counts) / sum(counts)
    apart = np.abs(np.subtract.outer(range(len(counts)), range(len(counts)))) / (len(counts) - 1)
    power = {"none": 0, "linear": 1, "quadratic": 2}[weights]
    chance = 1 - float(((apart**power) * (apart > 0) * np.outer(shares, shares)).sum())
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(max(-1.0, (wilson(n, n).low - chance) / (1 - chance)))
    assert found.low < 1.0


def test_kappa_at_its_ends_and_refusals() -> None:
    assert kappa(np.diag([3, 4, 5]), weights="linear").value == pytest.approx(1.0)
    assert kappa([[0, 5], [5, 0]]).value == pytest.approx(-1.0)
    with pytest.raises(StatisticsError, match="the same single class throughout"):
        kappa([[5, 0], [0, 0]])
    with pytest.raises(StatisticsError, match=r"must be square, 2 x 2 or larger, found \(2, 3\)"):
        kappa(np.ones((2, 3)))
    with pytest.raises(StatisticsError, match="must hold counts"):
        kappa(np.zeros((2, 2)))


def newcombe(area: float, m: int, n: int) -> tuple[float, float]:
    """Method 5 the slow way: the quartic of Newcombe 2006, his equation times (2-t)(1+t), over a grid."""
    t = np.linspace(0, 1, 200_001)
    by = ((m + n) / 2 - 1) * ((1 - t) ** 2 * t * (1 + t) + t**2 * (1 - t) * (2 - t)) + t * (1 - t) * (2 - t) * (1 + t)
    held = t[(area - t) ** 2 * (2 - t) * (1 + t) * m * n <= 1.959964**2 * by]
    return float(held.min()), float(held.max())


@pytest.mark.parametrize(("m", "n"), [(2, 2), (5, 15), (100, 10)])
def test_separated_scores_have_newcombes_interval(m: int, n: int) -> None:
    found = roc_auc(np.arange(n), np.arange(m) + 1000)
    assert (found.value, found.low, found.high) == (1.0, pytest.approx(newcombe(1.0, m, n)[0], abs=1e-5), 1.0)
    turned = roc_auc(np.arange(n) + 1000, np.arange(m))
    assert (turned.value, turned.low, turned.high) == (0.0, 0.0, pytest.approx(1 - found.low))


def test_scores_that_are_all_equal_have_newcombes_interval() -> None:
    found = roc_auc([1, 1, 1], [1, 1])
    assert (found.low, found.high) == pytest.approx(newcombe(0.5, 2, 3), abs=1e-5)


@pytest.mark.parametrize(("area", "spread", "m", "n"), [(0.961, 1, 5, 15), (0.9, 2, 20, 40), (0.99, 1, 30, 100)])
def test_the_interval_of_the_area_holds_the_truth(area: float, spread: float, m: int, n: int) -> None:
    rng, shift = np.random.default_rng(8), stats.norm.ppf(area) * np.sqrt(1 + spread**2)
    drawn = [roc_auc(rng.normal(0, 1, n), rng.normal(shift, spread, m)) for _ in range(500)]
    assert np.mean([e.low <= area <= e.high for e in drawn]) >= 0.93


def test_delong_against_a_computed_oracle() -> None:
    found = roc_auc(NEG_A, POS_A)
    assert found.value == pytest.approx(0.76)
    # On the logit scale with DeLong's variance 0.0312, which gives a wider interval here than Newcombe's.
    half = 1.959964 * np.sqrt(0.0312) / (0.76 * 0.24)
    ends = special.expit(special.logit(0.76) + half * np.array([-1, 1]))
    assert (found.low, found.high) == pytest.approx(tuple(ends), abs=1e-6)
    low, high = newcombe(0.76, 5, 5)
    assert found.low < low < high < found.high
    assert roc_auc(NEG_B, POS_B).value == pytest.approx(0.80)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6))
def test_area_is_the_mann_whitney_share_and_depends_on_ranks_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    negatives, positives = rng.integers(0, 12, 15).astype(float), rng.integers(3, 15, 11).astype(float)
    found = roc_auc(negatives, positives)
    u = stats.mannwhitneyu(positives, negatives).statistic
    assert found.value == pytest.approx(u / (15 * 11))
    assert roc_auc(np.exp(negatives), np.exp(positives)).low == pytest.approx(found.low)
    assert roc_auc(-negatives, -positives).value == pytest.approx(1 - found.value)
    assert roc_auc(positives, negatives).high == pytest.approx(1 - found.low)


def test_area_refusals() -> None:
    assert roc_auc([1, 2], [3, 4]).value == 1.0
    with pytest.raises(StatisticsError, match="too few values: 1 in positives, at least 2"):
        roc_auc([1, 2], [3])


def test_an_interval_of_kappa_ends_where_kappa_does() -> None:
    found = kappa([[0, 3], [3, 0]])
    assert (found.low, found.value) == (-1.0, -1.0)
    found = kappa([[3, 0], [1, 2]])
    assert -1.0 < found.low < found.value < found.high < 1.0
