"""Regressors for tests: they return the same number everywhere, and record the levels they were asked for."""

from __future__ import annotations

from collections.abc import Sequence

from commands.analysis_job import Models
from osteo_core.records import Estimate, Segmentation, Volume
from osteo_core.terms import ContrastPhase, Level
from tests.builders import segmenters

REGRESSOR_HASH = "d" * 12
HALF_MG_CM3 = 12.0


class CannedRegressor:
    """Returns ``value_mg_cm3`` with an interval of 12 mg/cm3 to each side, or the value in ``own`` for a level."""

    name = "canned"
    model_hash = REGRESSOR_HASH

    def __init__(self, value_mg_cm3: float, own: dict[Level, float] | None = None) -> None:
        self.value_mg_cm3 = value_mg_cm3
        self.own = own or {}
        self.asked: list[tuple[float, tuple[Level, ...]]] = []

    def regress(
        self,
        volume: Volume,
        segmentation: Segmentation,
        *,
        kvp: float,
        levels: Sequence[Level],
        phase: ContrastPhase = ContrastPhase.UNKNOWN,
    ) -> dict[Level, Estimate]:
        """The given number."""
        self.asked.append((kvp, tuple(levels)))
        return {level: reading(self.own.get(level, self.value_mg_cm3)) for level in levels}


def reading(value_mg_cm3: float) -> Estimate:
    """One reading."""
    low, high = value_mg_cm3 - HALF_MG_CM3, value_mg_cm3 + HALF_MG_CM3
    return Estimate(value=value_mg_cm3, low=low, high=high, n=1, method="canned")


def canned() -> CannedRegressor:
    """The function that the workers call."""
    return CannedRegressor(300.0)


TRUTH_AND_CANNED = Models(
    segmenter=segmenters.TRUTH.segmenter,
    model_hash=segmenters.MODEL_HASH,
    regressor="tests.builders.regressors:canned",
    regressor_hash=REGRESSOR_HASH,
)
