"""Which of several results of a series is meant: by model, settings, measuring code, calibration or reader."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Origin(StrEnum):
    """Who gave a result."""

    PROGRAM = "program"
    READER = "reader"


@dataclass(frozen=True, kw_only=True)
class Version:
    """The latest result that has all of this; nothing chosen means the current result.

    ``model``: hash of the weights; ``settings``: hash of the settings; ``measuring``: version of the measuring code;
    ``calibration``: kind of the calibration. Where ``origin`` is not chosen, a reader's result counts before others.
    """

    model: str = ""
    settings: str = ""
    measuring: str = ""
    calibration: str = ""
    origin: Origin | None = None

    def parameters(self, prefix: str = "") -> dict[str, str]:
        """What the queries ``version_*`` take; '' for what is not chosen."""
        return {f"{prefix}{name}": str(value or "") for name, value in asdict(self).items()}


CURRENT = Version()
