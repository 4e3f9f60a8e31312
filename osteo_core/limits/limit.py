"""What a limit states: value, unit, source, date, and what happens beyond it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One limit. ``source`` says who set it; 'design' means this project did, without a published source."""

    value: float
    unit: str
    source: str
    date: str
    beyond: str
