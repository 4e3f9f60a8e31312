"""Readers: the difference between two of them beyond which a third person decides."""

from __future__ import annotations

from osteo_core.limits.limit import Limit

READERS_DIFFER = Limit(
    value=10.0,
    unit="mg/cm³",
    source="design: about the least significant change of automated QCT within one scanner",
    date="2026-11-29",
    beyond="two readers' mean vBMD goes to an adjudicator",
)
