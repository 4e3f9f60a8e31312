"""Standard populations from age 50, and strata that are too small."""

from __future__ import annotations

import pytest

from osteo_core.programme.standard import EUROPE_2013, STANDARDS, WHO_WORLD, standardise


def test_weights_are_the_published_ones_from_fifty() -> None:
    # Eurostat 2013: 39 % of the European standard are 50 or older; WHO: 21.9 %.
    assert sum(EUROPE_2013.weights.values()) == 39_000
    assert sum(WHO_WORLD.weights.values()) == pytest.approx(21.875)
    assert all(list(p.weights) == list(range(50, 90, 5)) for p in STANDARDS)


def test_the_same_share_in_all_strata_stays_what_it_is() -> None:
    strata = {age: (20, 100) for age in range(40, 90, 5)}
    found = standardise(strata, EUROPE_2013)
    assert found.share is not None
    assert found.share.value == pytest.approx(0.2)
    assert found.share.n == 800


def test_a_small_stratum_is_named_and_nothing_is_made_up() -> None:
    strata = {age: (2, 50) for age in range(50, 80, 5)} | {80: (1, 9)}
    found = standardise(strata, WHO_WORLD)
    assert found.share is None
    assert found.why == "fewer than 10 people aged 80-84, 85 and over"
