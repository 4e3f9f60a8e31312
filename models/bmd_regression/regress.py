"""vBMD of single levels by the network, each with an interval from the network's own variance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.bmd_regression.network import TARGET_MEAN_MG_CM3, TARGET_SD_MG_CM3
from models.bmd_regression.prepare import channels, crop
from osteo_core.limits.calibration import REGRESSION_KVP_LEAST, REGRESSION_KVP_MOST
from osteo_core.records import Estimate, FloatArray, Segmentation, Volume
from osteo_core.statistics.intervals import Z_95
from osteo_core.terms import ContrastPhase, Level

if TYPE_CHECKING:
    from torch import nn

_LEAST_LOG_VARIANCE, _MOST_LOG_VARIANCE = -8.0, 3.0


@dataclass(frozen=True, kw_only=True)
class SdFactor:
    """Factors by which the stated SDs are multiplied on native and on enhanced scans."""

    native: float
    enhanced: float

    def at(self, phase: ContrastPhase) -> float:
        """The factor for a scan; the larger one if it is unknown whether the scan has contrast."""
        if phase is ContrastPhase.UNKNOWN:
            return max(self.native, self.enhanced)
        return self.native if phase is ContrastPhase.NATIVE else self.enhanced


class BmdRegressor:
    """Reads vBMD (mg/cm3, K2HPO4) of outlined levels; a `Regressor` (osteo_core.records).

    ``sd_factor`` scales the stated SDs so that their 95 % intervals covered 95 % of the held-out patients in training.
    It has separate values for native and enhanced scans: the network cannot tell contrast in marrow from mineral.
    """

    name = "bmd_regression"

    def __init__(self, network: nn.Module, *, model_hash: str, sd_factor: SdFactor) -> None:
        self.model_hash = model_hash
        self._network = network
        self._sd_factor = sd_factor

    def read(self, x: FloatArray) -> tuple[float, float]:
        """vBMD and the SD stated by the network, mg/cm3, before scaling; ``x`` holds the channels (3, I, J, K)."""
        import torch

        with torch.inference_mode():
            mean, log_variance = (float(v) for v in self._network(torch.from_numpy(x)[None])[0])
        sd = float(np.exp(0.5 * np.clip(log_variance, _LEAST_LOG_VARIANCE, _MOST_LOG_VARIANCE))) * TARGET_SD_MG_CM3
        return mean * TARGET_SD_MG_CM3 + TARGET_MEAN_MG_CM3, sd

    def regress(
        self,
        volume: Volume,
        segmentation: Segmentation,
        *,
        kvp: float,
        levels: Sequence[Level],
        phase: ContrastPhase = ContrastPhase.UNKNOWN,
    ) -> dict[Level, Estimate]:
        """Mean and 95 % interval for each of ``levels``; empty if the tube voltage is outside the trained range.

        Raises ValueError if a level is not outlined.
        """
        if not REGRESSION_KVP_LEAST.value <= kvp <= REGRESSION_KVP_MOST.value:
            return {}
        found = {}
        for level in levels:
            value, sd = self.read(channels(*crop(volume, segmentation.labels, level), kvp))
            half = Z_95 * sd * self._sd_factor.at(phase)
            found[level] = Estimate(
                value=value,
                low=min(value, max(value - half, 0.0)),  # as for the measured vBMD: no density is below 0
                high=value + half,
                n=1,
                method="DenseNet-121 with its own variance",
            )
        return found
