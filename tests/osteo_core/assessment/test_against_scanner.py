"""A series against its scanner: the limit is the prediction interval of a normal distribution, whatever n."""

from __future__ import annotations

from dataclasses import replace
from math import gamma, pi, sqrt

import numpy as np
import pytest

from osteo_core.assessment.against_scanner import Peers, scanner_doubt
from osteo_core.limits.header import SCANNER_FALSE_ALARMS, SCANNER_SERIES
from osteo_core.outcomes import CautionCode

PEERS = Peers(n=20, mean_hu=138.0, sd_hu=5.0)


def two_sided_tail(t: float, degrees: int) -> float:
    """Share of Student's distribution beyond ±t, by integrating its density (W. S. Gosset, Biometrika 1908;6:1)."""
    scale = gamma((degrees + 1) / 2) / (sqrt(degrees * pi) * gamma(degrees / 2))
    x = np.linspace(0.0, t, 2_001)
    return float(1.0 - 2.0 * np.trapezoid(scale * (1.0 + x**2 / degrees) ** (-(degrees + 1) / 2), x))


@pytest.mark.parametrize(("sign", "side"), [(1, "lower"), (-1, "higher")])
def test_the_limit_is_students_and_the_side_is_named(sign: int, side: str) -> None:
    limit = next(t for t in np.arange(3.0, 4.0, 0.002) if two_sided_tail(t, 19) <= SCANNER_FALSE_ALARMS.value)
    reach_hu = limit * np.sqrt(1.05) * PEERS.sd_hu
    assert scanner_doubt(PEERS.mean_hu + sign * (reach_hu - 0.05), PEERS) is None
    doubt = scanner_doubt(PEERS.mean_hu + sign * (reach_hu + 0.05), PEERS)
    assert doubt is not None
    assert doubt.code is CautionCode.UNLIKE_SCANNER
    assert f"a tube voltage {side} than stated" in doubt.found


@pytest.mark.parametrize("peers", [replace(PEERS, n=int(SCANNER_SERIES.value) - 1), replace(PEERS, sd_hu=0.0)])
def test_too_few_or_equal_peers_tell_nothing(peers: Peers) -> None:
    assert scanner_doubt(500.0, peers) is None


@pytest.mark.parametrize("n", [20, 200])
def test_of_normal_patients_the_stated_share_is_doubted(n: int) -> None:
    rng = np.random.default_rng(n)
    draws = rng.normal(138.0, 5.0, (8_000, n + 1))
    mean, sd = draws[:, 1:].mean(axis=1), draws[:, 1:].std(axis=1, ddof=1)
    told = [
        scanner_doubt(float(x), Peers(n=n, mean_hu=float(m), sd_hu=float(s))) is not None
        for x, m, s in zip(draws[:, 0], mean, sd, strict=True)
    ]
    expected = SCANNER_FALSE_ALARMS.value
    assert np.mean(told) == pytest.approx(expected, abs=3.5 * np.sqrt(expected / len(told)))
