"""Selects one of several results of a series: by model, settings, measuring code, calibration or reader."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Origin(StrEnum):
    """Who produced a result."""

    PROGRAM = "program"
    READER = "reader"


@dataclass(frozen=True, kw_only=True)
class Version:
    """Selects the latest result with all chosen attributes; without any, the current result.

    ``model``: hash of the weights; ``settings``: hash of the settings; ``measuring``: version of the measuring code;
    ``calibration``: kind of the calibration. Without ``origin``, a reader's result takes precedence.
    """

    model: str = ""
    settings: str = ""
    measuring: str = ""
    calibration: str = ""
    origin: Origin | None = None

    def parameters(self, prefix: str = "") -> dict[str, str]:
        """Parameters of the queries ``version_*``; '' for attributes not chosen."""
        return {f"{prefix}{name}": str(value or "") for name, value in asdict(self).items()}


CURRENT = Version()
