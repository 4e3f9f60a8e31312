"""The few numbers of a result that a reader compares and signs, as plain values for an event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from osteo_core.records import Estimate, SeriesResult
from osteo_core.terms import Category, Level

Interval = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class LevelSummary:
    """One level: vBMD as (value, low, high) mg/cm3 where it has one, median HU, Genant grade, why it does not count.

    ``height_loss`` is a share; None if it was not measured, or by a version that did not store it.
    """

    vbmd_mg_cm3: Interval | None = None
    median_hu: float | None = None
    grade: int | None = None
    height_loss: float | None = None
    heights_mm: tuple[float | None, float | None, float | None] = (None, None, None)
    roi_volume_ml: float = 0.0
    left_out: str = ""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One series: category, mean vBMD over the levels that count, worst grade, and every level.

    ``is_flagged`` and ``reason``: the program's assessment of these numbers.
    """

    category: Category | None
    mean_mg_cm3: Interval | None = None
    levels_used: tuple[Level, ...] = ()
    worst_grade: int | None = None
    is_flagged: bool = False
    reason: str = ""
    levels: Mapping[Level, LevelSummary] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; ``from_dict`` reads them back equal."""
        return {
            "category": self.category.value if self.category else None,
            "mean": list(self.mean_mg_cm3) if self.mean_mg_cm3 else None,
            "levels_used": [int(level) for level in self.levels_used],
            "worst_grade": self.worst_grade,
            "is_flagged": self.is_flagged,
            "reason": self.reason,
            "levels": {
                str(int(level)): {
                    "vbmd": list(one.vbmd_mg_cm3) if one.vbmd_mg_cm3 else None,
                    "hu": one.median_hu,
                    "grade": one.grade,
                    "height_loss": one.height_loss,
                    "heights_mm": list(one.heights_mm),
                    "roi_ml": one.roi_volume_ml,
                    "left_out": one.left_out,
                }
                for level, one in sorted(self.levels.items())
            },
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Summary:
        """Read what ``to_dict`` wrote."""
        return cls(
            category=Category(given["category"]) if given["category"] else None,
            mean_mg_cm3=_interval(given["mean"]),
            levels_used=tuple(Level(n) for n in given["levels_used"]),
            worst_grade=given["worst_grade"],
            is_flagged=bool(given["is_flagged"]),
            reason=given["reason"],
            levels={
                Level(int(n)): LevelSummary(
                    vbmd_mg_cm3=_interval(one["vbmd"]),
                    median_hu=one["hu"],
                    grade=one["grade"],
                    height_loss=one.get("height_loss"),
                    heights_mm=tuple(one["heights_mm"]),
                    roi_volume_ml=one["roi_ml"],
                    left_out=one["left_out"],
                )
                for n, one in given["levels"].items()
            },
        )


def summary_of(result: SeriesResult) -> Summary:
    """The summary of a result; if rejected or excluded, it has a reason but no category."""
    judged = result.assessment
    whole = next((e.sentence for e in result.exclusions if e.level is None), "")
    return Summary(
        category=judged.category if judged else None,
        mean_mg_cm3=_of(judged.mean_vbmd_mg_cm3) if judged else None,
        levels_used=judged.levels_used if judged else (),
        worst_grade=judged.worst_fracture_grade if judged else None,
        is_flagged=judged.is_flagged if judged else False,
        reason=(judged.flag_reason if judged else "") or whole,
        levels={
            m.level: LevelSummary(
                vbmd_mg_cm3=_of(m.vbmd_mg_cm3),
                median_hu=m.median_hu,
                grade=m.fracture_grade,
                height_loss=m.height_loss,
                heights_mm=(m.anterior_height_mm, m.middle_height_mm, m.posterior_height_mm),
                roi_volume_ml=m.roi_volume_ml,
                left_out=m.exclusion.sentence if m.exclusion else "",
            )
            for m in result.measurements
        },
    )


def _of(estimate: Estimate | None) -> Interval | None:
    if estimate is None or estimate.value != estimate.value:
        return None
    return estimate.value, estimate.low, estimate.high


def _interval(given: Any) -> Interval | None:
    return None if given is None else (float(given[0]), float(given[1]), float(given[2]))
