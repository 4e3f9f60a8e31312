"""Scores of one segmented series: each level of the truth, and whether a reader would have been warned.

Every benchmark that compares outlines with a truth uses `score`, so that each word has the same meaning in all tables:

whole    no face of the volume cuts the body; only whole levels can be failures
right    more than half of the body is outlined and carries its own number
wrong    more than half of the body is outlined, but not under its own number
missing  half of the body or more is not outlined
false    an outline that covers no body of the truth (only if the truth holds every body in view)
flagged  the program reports that the levels of this series need review, or that it found no lumbar level
measured the program gives a value for this body
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osteo_core.outcomes import CautionCode, ExclusionCode
from osteo_core.pipeline import analyze_volume
from osteo_core.records import Segmentation, SegmentedLevel, Segmenter, Series, SeriesResult, Volume
from osteo_core.settings import Settings
from osteo_core.statistics.overlap import dice, surface_distance
from osteo_core.terms import MASK_LEVELS, MEASURED_LEVELS, Level

RIGHT, WRONG, MISSING, FALSE = "right", "wrong", "missing", "false"
Row = dict[str, Any]
Labels = NDArray[np.generic]
_MOST = 0.5
#: An outline with less than this share on bodies of the truth covers none of them.
_ON_A_BODY = 0.1
#: A body is cut if its section in a face of the volume is more than this share of its largest parallel section.
_GRAZES = 0.25
_REVIEW_EXCLUSIONS = {ExclusionCode.LEVEL_UNSURE, ExclusionCode.NO_LUMBAR_LEVEL}


@dataclass(frozen=True, kw_only=True)
class LevelScore:
    """One body of the truth. ``found`` is the number it carries; ``confidence`` and ``cut`` are that outline's."""

    level: str
    whole: bool
    outcome: str
    dice: float
    msd_mm: float | None
    found: str
    confidence: float | None
    cut: str
    measured: bool


@dataclass(frozen=True, kw_only=True)
class SeriesScore:
    """One series: its levels, the landmark they were counted from, and whether a review is requested."""

    levels: tuple[LevelScore, ...]
    anchor: str
    flagged: bool
    seconds: float

    def rows(self, **about: object) -> list[Row]:
        """One row per level; ``about`` describes the series. A series without a level to judge has one empty row."""
        rest = {"anchor": self.anchor, "flagged": self.flagged, "seconds": self.seconds}
        levels = [asdict(level) for level in self.levels] or [{"level": "", "outcome": ""}]
        return [{**about, **level, **rest} for level in levels]


def whole_levels(truth: Labels) -> frozenset[Level]:
    """The levels of a truth (I, J, K) that no face of the volume cuts; an edge that only grazes a face is not a cut."""
    return frozenset(Level(int(n)) for n in np.unique(truth) if n and not _is_cut(truth == n))


def _is_cut(body: NDArray[np.bool_]) -> bool:
    for axis in range(3):
        sections = body.sum(axis=tuple(other for other in range(3) if other != axis))
        if max(sections[0], sections[-1]) > _GRAZES * sections.max():
            return True
    return False


def score(
    segmenter: Segmenter,
    volume: Volume,
    truth: Labels,
    *,
    whole: frozenset[Level] | None = None,
    complete: bool = True,
) -> SeriesScore:
    """Segment and assess a volume, and judge each of T12-L5 in the truth (I, J, K, VerSe numbers).

    ``whole``: the levels that are whole in view; by default derived from the faces of the volume. ``complete``: the
    truth has every body in view, so that an outline elsewhere is false.
    """
    result, _ = analyze(segmenter, volume)
    return score_result(result, truth, whole=whole, complete=complete)


def score_result(
    result: SeriesResult,
    truth: Labels,
    *,
    whole: frozenset[Level] | None = None,
    complete: bool = True,
    surfaces: bool = True,
) -> SeriesScore:
    """The same for an existing result of the pipeline; ``result`` has a segmentation on the truth's grid.

    ``surfaces`` False skips the distances, which take longest. Raises ValueError without a segmentation.
    """
    segmentation = result.segmentation
    if segmentation is None:
        raise ValueError("a result without a segmentation cannot be compared with a truth; count it as a failure")
    whole = whole_levels(truth) if whole is None else whole
    there = [level for level in MASK_LEVELS if (truth == level).any()]
    levels = [_judge(result, segmentation, truth, level, whole=level in whole, surfaces=surfaces) for level in there]
    if complete:
        levels += _false_outlines(result, segmentation, truth)
    return SeriesScore(
        levels=tuple(levels), anchor=segmentation.anchor.value, flagged=is_flagged(result), seconds=segmentation.seconds
    )


def analyze(segmenter: Segmenter, volume: Volume) -> tuple[SeriesResult, Segmentation]:
    """The pipeline's result for a volume whose only known header value is 120 kVp, and its outlines."""
    series = Series(series_key="-", study_key="-", patient_key="-", series_instance_uid="-", files=(), kvp=120.0)
    result = analyze_volume(series, volume, segmenter=segmenter, settings=Settings())
    if result.segmentation is None:
        raise ValueError(f"the pipeline gave no segmentation: {[e.sentence for e in result.exclusions]}")
    return result, result.segmentation


def is_flagged(result: SeriesResult) -> bool:
    """Whether the program reports that levels need review, or that no lumbar level is in view."""
    cautioned = any(caution.code is CautionCode.LEVELS_UNSURE for caution in result.cautions)
    return cautioned or any(exclusion.code in _REVIEW_EXCLUSIONS for exclusion in result.exclusions)


def _outcome(labels: Labels, level: Level) -> tuple[str, int]:
    """The outcome for a body, from the labels on its voxels, and the number that most of its outline carries."""
    numbers, counts = np.unique(labels[labels != 0], return_counts=True)
    if counts.sum() <= _MOST * labels.size:
        return MISSING, 0
    if (labels == level).mean() > _MOST:
        return RIGHT, int(level)
    return WRONG, int(numbers[counts.argmax()])


def _judge(
    result: SeriesResult, segmentation: Segmentation, truth: Labels, level: Level, *, whole: bool, surfaces: bool
) -> LevelScore:
    body, mask = truth == level, segmentation.labels == level
    outcome, number = _outcome(segmentation.labels[body], level)
    spacing = segmentation.geometry.spacing_mm
    return _described(
        result,
        segmentation.level(Level(number)) if number else None,
        level=level.name,
        whole=whole,
        outcome=outcome,
        dice=dice(mask, body),
        msd_mm=surface_distance(mask, body, spacing_mm=spacing).mean_mm if surfaces and mask.any() else None,
    )


def _false_outlines(result: SeriesResult, segmentation: Segmentation, truth: Labels) -> list[LevelScore]:
    return [
        _described(result, found, level="", whole=False, outcome=FALSE, dice=0.0, msd_mm=None)
        for found in segmentation.levels
        if (truth[segmentation.labels == found.level] != 0).mean() < _ON_A_BODY
    ]


def _described(result: SeriesResult, found: SegmentedLevel | None, **judged: Any) -> LevelScore:
    measured = found is not None and any(
        m.level == found.level and m.exclusion is None and m.median_hu is not None for m in result.measurements
    )
    return LevelScore(
        **judged,
        found=found.level.name if found else "",
        confidence=found.confidence if found else None,
        cut=found.cut if found else "",
        measured=measured,
    )


def counted(rows: Iterable[Row], levels: Sequence[Level] = MEASURED_LEVELS) -> list[Row]:
    """The rows that count in tables: these levels if they are whole in view."""
    names = {level.name for level in levels}
    return [row for row in rows if row["level"] in names and row["whole"]]


def mean_of(values: Sequence[float]) -> float | None:
    """Mean; None if empty."""
    return float(np.mean(values)) if values else None


def totals(rows: Sequence[Row]) -> dict[str, float | int | None]:
    """Dice, surface distance, numbering and flags over counted rows; a missing level has Dice 0.

    The surface distance is the mean over correctly numbered levels, since a level without an outline has none.
    """
    failures = [row for row in rows if row["outcome"] != RIGHT]
    return {
        "levels": len(rows),
        "mean_dice": mean_of([row["dice"] for row in rows]),
        "lowest_dice": min((row["dice"] for row in rows), default=None),
        "msd_mm": mean_of([row["msd_mm"] for row in rows if row["outcome"] == RIGHT]),
        "right": len(rows) - len(failures),
        "wrong": sum(row["outcome"] == WRONG for row in rows),
        "missing": sum(row["outcome"] == MISSING for row in rows),
        "right_share": (len(rows) - len(failures)) / len(rows) if rows else None,
        "failures_flagged": sum(row["flagged"] for row in failures),
        "failures_flagged_share": sum(row["flagged"] for row in failures) / len(failures) if failures else None,
        "failures_not_measured": sum(not row["measured"] for row in failures),
    }


def by_level(rows: Sequence[Row], key: str = "dice") -> Mapping[str, float]:
    """Mean of a column for each level that has one."""
    names = dict.fromkeys(row["level"] for row in rows)
    found = {n: [row[key] for row in rows if row["level"] == n and row[key] is not None] for n in names}
    return {name: float(np.mean(values)) for name, values in found.items() if values}
