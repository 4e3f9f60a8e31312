"""How often readers correct the program: counts by scanner and reason, each with its denominator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from osteo_core.records import Event
from osteo_core.review.decisions import LeftOut
from osteo_core.review.read_events import reading_of
from osteo_core.review.reads import Read, Reading, Verdict
from osteo_core.terms import Level

#: The line over all scanners.
ALL = "all scanners"


@dataclass(frozen=True, kw_only=True)
class Corrected:
    """Signed reads of one scanner, and how many of them have corrected outlines or were rejected.

    ``levels``: outlined by model or reader in reads that were not rejected; ``levels_corrected``: those with a changed
    outline; ``dice``: their Dice with the model (0 if only one has the level); ``left_out``: counts by reason.
    """

    scanner: str
    signed: int = 0
    corrected: int = 0
    rejected: int = 0
    levels: int = 0
    levels_corrected: int = 0
    dice: tuple[float, ...] = ()
    left_out: Mapping[LeftOut, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SignedSeries:
    """A series with its signed reads and its scanner in words."""

    series_key: str
    scanner: str
    reading: Reading


def signed_series(rows: Iterable[Mapping[str, Any]]) -> list[SignedSeries]:
    """The result of the query ``corrections`` by series, in order of first event."""
    events: dict[str, list[Event]] = {}
    scanners: dict[str, str] = {}
    for row in rows:
        scanners[row["series_key"]] = row["scanner"] or "unknown"
        event = {name: value for name, value in row.items() if name != "scanner"}
        events.setdefault(row["series_key"], []).append(Event(**event))
    return [SignedSeries(series_key=key, scanner=scanners[key], reading=reading_of(own)) for key, own in events.items()]


def outline_dice(reading: Reading, read: Read) -> dict[Level, float]:
    """Dice with the model for every level of either; all 1 if the outlines are the model's."""
    if read.version == read.model_hash:
        return dict.fromkeys(read.summary.levels, 1.0)
    saved = next((mask for mask in reversed(reading.masks) if mask.version == read.version), None)
    return dict(saved.dice) if saved else {}


def corrected_where(series: Iterable[SignedSeries]) -> list[Corrected]:
    """All scanners together first, then each scanner, largest share of corrected levels first."""
    by_scanner: dict[str, list[Reading]] = {}
    for one in series:
        by_scanner.setdefault(one.scanner, []).append(one.reading)
    found = [_counted(scanner, readings) for scanner, readings in by_scanner.items()]
    found.sort(key=lambda one: (-one.levels_corrected / max(one.levels, 1), one.scanner))
    everything = _counted(ALL, [reading for readings in by_scanner.values() for reading in readings])
    return [everything, *found] if found else []


def _counted(scanner: str, readings: Iterable[Reading]) -> Corrected:
    reads = [(reading, reading.counts) for reading in readings]
    counted = [(reading, read) for reading, read in reads if read is not None]
    kept = [(reading, read) for reading, read in counted if read.verdict is not Verdict.REJECT]
    dice = [value for reading, read in kept for value in outline_dice(reading, read).values()]
    return Corrected(
        scanner=scanner,
        signed=len(counted),
        corrected=sum(read.version != read.model_hash for _, read in kept),
        rejected=len(counted) - len(kept),
        levels=len(dice),
        levels_corrected=sum(value < 1.0 for value in dice),
        dice=tuple(value for value in dice if value < 1.0),
        left_out=Counter(reason.why for _, read in kept for reason in read.decisions.left_out.values()),
    )
