"""Compares a study with an earlier one of the same person: differences by level, and which of them are changes.

A difference is a change only beyond the least significant change (LSC), 2.77 precision errors (ISCD 2019). Precision is
that of the site's own study of these scanners if there is one (precision.py), else the published value for automated
measurements in real patients, in percent of the mean of both values. Where scanner, calibration, tube voltage, kernel
or contrast differ, the calibration errors no longer cancel: then the LSC is at least the root sum of squares of both
95 % half widths. Rescans of simulated patients (benchmarks/fang2021) differ less, but do not lower the LSC.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from osteo_core.limits.precision import (
    LEVELS_COMPARED,
    PRECISION_LEAST,
    PRECISION_OTHER,
    PRECISION_SAME,
    SIGNIFICANT_FACTOR,
)
from osteo_core.review.precision import Scanner, SitePrecision
from osteo_core.review.summary import Interval, LevelSummary, Summary
from osteo_core.terms import ContrastPhase, Level

#: Fractures of this grade or higher are reported as new if the earlier study had a lower grade.
_FRACTURED_FROM = 2
#: The difference that a site's precision study of two scanners covers.
OTHER_SCANNER = "another scanner"


@dataclass(frozen=True, kw_only=True)
class Study:
    """One study in a comparison. Empty strings and None mean unknown.

    ``device`` identifies the scanner unit, ``scanner`` its model, ``calibration`` the line or method used.
    """

    day: date | None
    summary: Summary
    device: str = ""
    scanner: Scanner | None = None
    calibration: str = ""
    mineral: str = ""
    phase: str = ContrastPhase.UNKNOWN.value
    kvp: float | None = None
    kernel_group: str = ""
    measuring_version: str = ""


@dataclass(frozen=True, kw_only=True)
class Change:
    """vBMD of the earlier and the present study, and their least significant change, all in mg/cm3."""

    before: float
    after: float
    lsc: float

    @property
    def difference(self) -> float:
        """Present minus earlier, mg/cm3."""
        return self.after - self.before

    @property
    def is_beyond(self) -> bool:
        """Whether the difference is a change."""
        return abs(self.difference) > self.lsc


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The present study against an earlier one.

    ``unlike``: differences between the scans that increase the LSC. ``reason``: why no comparison is possible.
    ``precision``: the precision error behind the LSC; ``is_own``: it is the site's own.
    ``mean``: over ``levels``, those that count in both. ``new_fractures``: levels now of grade 2 or 3, before less.
    """

    day: date | None
    unlike: tuple[str, ...] = ()
    reason: str = ""
    precision: str = ""
    is_own: bool = False
    mean: Change | None = None
    levels: Mapping[Level, Change] = field(default_factory=dict)
    new_fractures: tuple[Level, ...] = ()


def least_significant_change(precision: float) -> float:
    """2.77 precision errors, in their unit (ISCD 2019).

    >>> round(least_significant_change(1.9), 1)  # ISCD's least precision of the lumbar spine, in percent
    5.3
    """
    return SIGNIFICANT_FACTOR.value * precision


def compare(now: Study, prior: Study, *, own: Sequence[SitePrecision] = ()) -> Comparison:
    """The present study against an earlier one, by level and by the mean of the levels that count in both.

    ``own``: the site's precision studies; the first that covers both scans is used.
    """
    fractures = _new_fractures(now.summary, prior.summary)
    reason = _why_not(now, prior)
    if reason:
        return Comparison(day=prior.day, reason=reason, new_fractures=fractures)
    unlike = _unlike(now, prior)
    both = [level for level in now.summary.levels_used if level in prior.summary.levels_used]
    pairs = {level: (_vbmd(prior.summary, level), _vbmd(now.summary, level)) for level in both}
    found = {level: (a, b) for level, (a, b) in pairs.items() if a is not None and b is not None}
    if len(found) < LEVELS_COMPARED.value:
        reason = f"fewer than {LEVELS_COMPARED.value} levels count in both studies"
        return Comparison(day=prior.day, unlike=unlike, reason=reason, new_fractures=fractures)
    site = _own_precision(now, prior, unlike, own)
    wide = _half(now.summary.mean_mg_cm3), _half(prior.summary.mean_mg_cm3)
    befores, afters = [a[0] for a, _ in found.values()], [b[0] for _, b in found.values()]
    # Upper bound for the precision error of one level relative to the mean; it is not published by level.
    more = math.sqrt(len(found))
    return Comparison(
        day=prior.day,
        unlike=unlike,
        precision=site.words if site else _published(unlike),
        is_own=site is not None,
        mean=_change(_mean(befores), _mean(afters), is_alike=not unlike, half_widths=wide, site=site),
        levels={
            level: _change(a[0], b[0], is_alike=not unlike, half_widths=(_half(a), _half(b)), times=more, site=site)
            for level, (a, b) in found.items()
        },
        new_fractures=fractures,
    )


def _own_precision(
    now: Study, prior: Study, unlike: tuple[str, ...], own: Sequence[SitePrecision]
) -> SitePrecision | None:
    """The site's study of these scanners; None if anything but the scanner differs."""
    if now.scanner is None or prior.scanner is None or set(unlike) - {OTHER_SCANNER}:
        return None
    is_same_unit = not unlike
    covering = (one for one in own if one.covers(prior.scanner, now.scanner, is_same_unit=is_same_unit, kvp=now.kvp))
    return next(covering, None)


def _published(unlike: tuple[str, ...]) -> str:
    limit = PRECISION_OTHER if unlike else PRECISION_SAME
    return f"published: RMS CV {limit.value:g} %{' or both intervals' if unlike else ''}"


def _change(
    before: float,
    after: float,
    *,
    is_alike: bool,
    half_widths: tuple[float, float],
    times: float = 1.0,
    site: SitePrecision | None = None,
) -> Change:
    if site is not None:
        lsc = least_significant_change(times * site.error_mg_cm3((before + after) / 2))
        return Change(before=before, after=after, lsc=lsc)
    percent = PRECISION_SAME.value if is_alike else PRECISION_OTHER.value
    precision = max(percent / 100 * (before + after) / 2, PRECISION_LEAST.value)
    lsc = least_significant_change(times * precision)
    return Change(before=before, after=after, lsc=lsc if is_alike else max(lsc, math.hypot(*half_widths)))


def _why_not(now: Study, prior: Study) -> str:
    """Why the two studies cannot be compared, '' if they can."""
    if not prior.summary.levels_used or prior.summary.mean_mg_cm3 is None:
        return "the earlier study has no vBMD"
    if not now.summary.levels_used or now.summary.mean_mg_cm3 is None:
        return "this study has no vBMD"
    if now.mineral != prior.mineral:
        return f"its vBMD is in {prior.mineral or 'an unknown mineral'}, this one in {now.mineral or 'an unknown one'}"
    if now.measuring_version != prior.measuring_version:
        return "it was measured by another version of the program; analyze it again"
    if ContrastPhase.UNKNOWN.value in (now.phase, prior.phase):
        return "the contrast phase of one of the two is not known"
    if now.phase != prior.phase:
        return f"its contrast phase is {prior.phase}, here it is {now.phase}"
    return ""


def _unlike(now: Study, prior: Study) -> tuple[str, ...]:
    """Differences between two scans that prevent calibration errors from cancelling."""
    found = []
    if not (now.device and prior.device):
        found.append("scanner not known")
    elif now.device != prior.device:
        found.append(OTHER_SCANNER)
    if now.calibration != prior.calibration:
        found.append("another calibration")
    if now.kvp is None or now.kvp != prior.kvp:
        found.append("another tube voltage" if now.kvp and prior.kvp else "tube voltage not known")
    if now.kernel_group != prior.kernel_group:
        found.append("another kernel")
    if now.phase != ContrastPhase.NATIVE.value:
        found.append("contrast-enhanced")
    return tuple(found)


def _new_fractures(now: Summary, prior: Summary) -> tuple[Level, ...]:
    return tuple(
        level
        for level, one in sorted(now.levels.items())
        if (one.grade or 0) >= _FRACTURED_FROM
        and prior.levels.get(level, LevelSummary()).grade is not None
        and (prior.levels[level].grade or 0) < _FRACTURED_FROM
    )


def _vbmd(summary: Summary, level: Level) -> Interval | None:
    return summary.levels[level].vbmd_mg_cm3 if level in summary.levels else None


def _half(interval: Interval | None) -> float:
    return 0.0 if interval is None else (interval[2] - interval[1]) / 2


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
