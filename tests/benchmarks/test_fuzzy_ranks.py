"""Fuzzy rank ensemble: a worked example, a slow second implementation, and properties of any reading."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fuzzy_ranks import (
    average_category,
    class_probabilities,
    fuzzy_rank_category,
    fuzzy_rank_scores,
    sd_of,
)
from osteo_core.records import Estimate
from osteo_core.terms import Category

EXAMPLE = [[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.2, 0.5, 0.3]]


def test_worked_example_of_kundu_2021() -> None:
    # ranks .2185 .4885 (.632) / .2601 .4224 (.632) / (.632) .3078 .4224; sums 1.1106 1.2186 1.6864
    # complements of confidence .5667 .6667 .9000; the example rounds the worst rank to .632
    assert fuzzy_rank_scores(EXAMPLE) == pytest.approx([0.6293, 0.8124, 1.5177], abs=3e-4)
    assert fuzzy_rank_category(EXAMPLE) is Category.OSTEOPOROSIS


def slow(rows: list[list[float]]) -> list[float]:
    """The same, class by class in plain arithmetic."""
    scores = []
    for c in range(len(rows[0])):
        ranks, confidence = 0.0, 0.0
        for row in rows:
            best = sorted(range(len(row)), key=lambda k, row=row: -row[k])[:2]
            ranks += 1 - math.exp(-math.exp(-2 * row[c])) if c in best else 1 - 1 / math.e
            confidence += row[c] if c in best else 0.0
        scores.append(ranks * (1 - confidence / len(rows)))
    return scores


@given(st.lists(st.tuples(*[st.floats(0.01, 1.0)] * 3), min_size=1, max_size=5))
def test_agrees_with_the_slow_version(weights) -> None:
    rows = [[w / sum(row) for w in row] for row in weights]
    assert fuzzy_rank_scores(rows) == pytest.approx(slow(rows))


@given(st.lists(st.tuples(*[st.floats(0.01, 1.0)] * 3), min_size=2, max_size=5), st.randoms())
def test_the_order_of_readings_does_not_matter(weights, random) -> None:
    rows = [[w / sum(row) for w in row] for row in weights]
    shuffled = random.sample(rows, len(rows))
    assert fuzzy_rank_scores(shuffled) == pytest.approx(fuzzy_rank_scores(rows))


def test_readings_that_agree_are_followed() -> None:
    for n, category in enumerate((Category.OSTEOPOROSIS, Category.LOW_BONE_MASS, Category.NORMAL)):
        rows = np.full((3, 3), 0.1)
        rows[:, n] = 0.8
        assert fuzzy_rank_category(rows) is average_category(rows) is category


def test_probabilities_of_a_value_and_its_scatter() -> None:
    assert class_probabilities(100.0, 20.0, cuts=(80.0, 120.0)) == pytest.approx([0.15866, 0.68269, 0.15866], abs=1e-5)
    assert class_probabilities(60.0, 0.1, cuts=(80.0, 120.0)) == pytest.approx([1.0, 0.0, 0.0])


def test_the_scatter_is_read_from_the_upper_end() -> None:
    assert sd_of(Estimate(value=10.0, low=0.0, high=29.6, n=3, method="m")) == pytest.approx(10.0, abs=1e-3)


@pytest.mark.parametrize("wrong", [[0.5, 0.3, 0.2], [], [[0.5], [0.5]], [[0.5, 0.6, 0.2]], [[1.2, -0.2, 0.0]]])
def test_what_are_no_probabilities_is_refused(wrong) -> None:
    with pytest.raises(ValueError, match="probabilities must"):
        fuzzy_rank_scores(wrong)


def test_a_reading_without_scatter_is_refused() -> None:
    with pytest.raises(ValueError, match="the SD must be above 0, found 0"):
        class_probabilities(100.0, 0.0, cuts=(80.0, 120.0))
