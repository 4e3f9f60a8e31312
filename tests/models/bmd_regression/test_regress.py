"""The network's output becomes mg/cm3 with an interval; outside the trained range there is no value."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from models.bmd_regression.network import TARGET_MEAN_MG_CM3, TARGET_SD_MG_CM3
from models.bmd_regression.regress import BmdRegressor, SdFactor
from osteo_core.records import Regressor, Segmentation, Volume
from osteo_core.terms import Anchor, ContrastPhase, Level
from tests.models.bmd_regression.test_prepare import scene


class Constant(nn.Module):
    """Returns one SD above the mean, and a log variance, for any input."""

    def __init__(self, log_variance: float) -> None:
        super().__init__()
        self.log_variance = log_variance

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tensor([[1.0, self.log_variance]])


def outlined() -> tuple[Volume, Segmentation]:
    volume, labels = scene()
    found = Segmentation(
        labels=labels, geometry=volume.geometry, levels=(), anchor=Anchor.BOTH, engine="truth", model_hash="0" * 12
    )
    return volume, found


FACTOR = SdFactor(native=1.5, enhanced=2.0)


def regressor() -> Regressor:
    return BmdRegressor(Constant(np.log(0.01)), model_hash="b" * 12, sd_factor=FACTOR)


@pytest.mark.parametrize(
    ("phase", "factor"),
    [
        (ContrastPhase.NATIVE, 1.5),
        (ContrastPhase.ARTERIAL, 2.0),
        (ContrastPhase.ENHANCED, 2.0),
        (ContrastPhase.UNKNOWN, 2.0),
    ],
)
def test_mean_and_interval_are_in_mg_cm3_and_stretched(phase: ContrastPhase, factor: float) -> None:
    (found,) = regressor().regress(*outlined(), kvp=120.0, levels=[Level.L2], phase=phase).items()
    level, estimate = found
    half = 1.959964 * 0.1 * TARGET_SD_MG_CM3 * factor
    assert level is Level.L2
    assert estimate.value == pytest.approx(TARGET_MEAN_MG_CM3 + TARGET_SD_MG_CM3)
    assert estimate.high - estimate.value == pytest.approx(half, rel=1e-4)
    assert estimate.value - estimate.low == pytest.approx(half, rel=1e-4)


def test_no_interval_reaches_below_zero() -> None:
    unsure = BmdRegressor(Constant(np.log(9.0)), model_hash="b" * 12, sd_factor=FACTOR)
    estimate = unsure.regress(*outlined(), kvp=120.0, levels=[Level.L2])[Level.L2]
    assert (estimate.low, estimate.value) == (0.0, pytest.approx(TARGET_MEAN_MG_CM3 + TARGET_SD_MG_CM3))
    assert estimate.high - estimate.value > estimate.value


@pytest.mark.parametrize(("kvp", "read"), [(70.0, 0), (80.0, 1), (140.0, 1), (150.0, 0)])
def test_a_tube_voltage_that_it_was_not_taught_gives_no_number(kvp: float, read: int) -> None:
    assert len(regressor().regress(*outlined(), kvp=kvp, levels=[Level.L2])) == read


def test_a_level_that_is_not_outlined_is_an_error() -> None:
    with pytest.raises(ValueError, match="L4 is not in the labels"):
        regressor().regress(*outlined(), kvp=120.0, levels=[Level.L4])
