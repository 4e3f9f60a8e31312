"""Reader agreement: by hand on a few pairs, and swapping the readers negates the bias."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from osteo_core.records import Estimate
from osteo_core.review.agreement import reader_agreement
from osteo_core.review.reads import Read, Role, Verdict
from osteo_core.review.summary import LevelSummary, Summary
from osteo_core.terms import Category, Level

MEANS = [(60.0, 64.0), (75.0, 83.0), (100.0, 98.0), (130.0, 133.0), (90.0, 92.0)]


def read(role: Role, mean: float, grade: int) -> Read:
    category = Category.OSTEOPOROSIS if mean < 80 else Category.NORMAL if mean > 120 else Category.LOW_BONE_MASS
    summary = Summary(category=category, mean_mg_cm3=(mean, mean, mean), levels={Level.L1: LevelSummary(grade=grade)})
    return Read(
        verdict=Verdict.ACCEPT,
        role=role,
        version="v",
        reader=role.value,
        at=datetime(2026, 11, 29, tzinfo=UTC),
        model_hash="m",
        settings_hash="s",
        summary=summary,
        is_blind=role is Role.SECOND,
        dice={Level.L1: 0.9} if role is Role.SECOND else {},
    )


def pairs(means=MEANS):
    return [(read(Role.FIRST, a, n % 3), read(Role.SECOND, b, n % 2)) for n, (a, b) in enumerate(means)]


def test_figures_by_hand() -> None:
    found = reader_agreement(pairs())
    # categories: O-O, O-L, L-L, N-N, L-L: observed 4/5; chance (2*1 + 2*3 + 1*1) / 25
    expected = (0.8 - 9 / 25) / (1 - 9 / 25)
    assert found.figures["Kappa of the category"].value == pytest.approx(expected)
    assert found.vbmd.bias.value == pytest.approx((4 + 8 - 2 + 3 + 2) / 5)
    assert isinstance(found.figures["ICC(2,1) of the mean vBMD"], Estimate)
    assert (found.series, found.blind, found.dice) == (5, 5, (0.9,) * 5)


def test_swapping_the_readers_negates_the_bias() -> None:
    swapped = reader_agreement(pairs([(b, a) for a, b in MEANS]))
    assert swapped.vbmd.bias.value == pytest.approx(-reader_agreement(pairs()).vbmd.bias.value)


def test_a_grade_that_nobody_gave_keeps_its_place_in_the_scale() -> None:
    grades = [(0, 0), (0, 0), (0, 2), (2, 2), (3, 2), (3, 3)]
    found = reader_agreement([(read(Role.FIRST, 100, a), read(Role.SECOND, 100, b)) for a, b in grades])
    first, second = np.transpose(grades)
    chance = np.mean(np.subtract.outer(first, second) ** 2)
    expected = 1 - np.mean((first - second) ** 2) / chance
    assert found.figures["Quadratic kappa of the grades"].value == pytest.approx(expected)
    assert "throughout, so kappa is not defined" in found.figures["Kappa of the category"]


def test_readers_who_agree_exactly() -> None:
    found = reader_agreement(pairs([(mean, mean) for mean in (90.1, 101.3, 120.7)]))
    assert found.figures["ICC(2,1) of the mean vBMD"].value == 1.0
    assert found.vbmd.bias.value == 0.0


def test_too_few_pairs_say_why() -> None:
    found = reader_agreement(pairs(MEANS[:1]))
    assert found.vbmd is None
    assert list(found.figures.values()) == [
        "too few series with a category from both (1; at least 2)",
        "too few levels with a grade from both (1; at least 2)",
        "too few series with a mean vBMD from both (1; at least 2)",
    ]
    alike = reader_agreement(pairs([(60.0, 61.0), (62.0, 60.0)]))
    assert (
        alike.figures["Kappa of the category"] == "both readers said 'osteoporosis' throughout, so kappa is not defined"
    )
    assert reader_agreement([]).series == 0
