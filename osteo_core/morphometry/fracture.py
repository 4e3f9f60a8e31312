"""Height loss of each body against its own shape and its neighbours, and the resulting fracture grade.

Expected heights have two sources: (a) the body's own posterior height and the level's normal shape, so that a
lordotic L4-L5, naturally higher in front, is not a fracture; (b) the other bodies of the same patient, scaled
by the level's normal heights. Bodies that have lost height themselves are left out of (b) and the mean of the
sound ones is used, so that several fractures in a row do not hide one another.
The loss of a body is the largest of: anterior and middle against (a), all three against (b).
Grades by Genant 1993 with these boundaries: 20 <= x < 25 % is 1 (possible),
25 <= x <= 40 % is 2, above 40 % is 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from osteo_core.limits.fracture import (
    ENDPLATE_DEPRESSION,
    HEIGHT_LOSS_ERROR,
    HEIGHT_STEP_TRUSTED,
    MODERATE_FRACTURE_LOSS,
    POSSIBLE_FRACTURE_LOSS,
    SEVERE_FRACTURE_LOSS,
)
from osteo_core.morphometry.heights import Heights
from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.records import Measurement
from osteo_core.terms import Level, Step, SuggestedCause

#: Normal anterior, middle and posterior height of a body as a share of the patient's posterior height of L2.
#: Measured with this program's own rule on the two adult reference men of the shared label maps
#: (2026-11-24); the in-body ratios agree with published morphometry within 0.03 (general knowledge, verify).
NORMAL_HEIGHTS: dict[Level, tuple[float, float, float]] = {
    Level.T11: (0.78, 0.80, 0.83),
    Level.T12: (0.865, 0.85, 0.91),
    Level.L1: (0.93, 0.90, 0.97),
    Level.L2: (0.945, 0.90, 1.00),
    Level.L3: (1.02, 0.89, 0.97),
    Level.L4: (1.02, 0.89, 0.975),
    Level.L5: (1.05, 0.87, 0.875),
}
#: Genant's method (1993) grades T4-L4; L5 is naturally wedged and serves only as a neighbour.
_LOWEST_GRADED = Level.L4
#: With fewer other bodies than this, what is normal for the patient is not known.
_MINIMUM_NEIGHBOURS = 2
#: Reduction of a loss before it is graded, for each mm of step beyond HEIGHT_STEP_TRUSTED: heights err by
#: 0.5 mm (SD) on simulated 2-3 mm slices and by 1.1 mm on 5 mm ones (2026-11-25).
_LOSS_PER_MM = 0.01
_NOT_ONE_WHOLE_BODY = (ExclusionCode.LEVEL_CUT, ExclusionCode.IMPLAUSIBLE_BODY)
#: Distance from the rims at which heights are measured, as a share of the depth; a wedge loses most at the rim itself.
#: The front wall is concave: at mid height, where the depth is measured, it lies some 3 % of it behind the rim.
_FRONT_SHARE, _BACK_SHARE = 0.155, 0.125
_PLACES = ("anterior", "middle", "posterior")


@dataclass(frozen=True, kw_only=True)
class HeightLoss:
    """Largest height loss of one body as a share, its place, what it is compared with, and its grade 0-3.

    ``depression``: share by which the middle height is smaller than the rims and the level's normal shape predict.
    It suggests the cause and does not change the grade.
    """

    loss: float
    place: str
    against: str
    grade: int
    depression: float

    @property
    def words(self) -> str:
        """The finding, phrased for a sentence: 'anterior height 31 % below its neighbours'."""
        return f"{self.place} height {100 * self.loss:.0f} % below {self.against}"

    @property
    def suggested_cause(self) -> SuggestedCause:
        """What the endplates suggest about the cause of a deformity of grade 1 or more, for a reader to decide.

        After the algorithm-based qualitative reading (Jiang 2004): an osteoporotic fracture depresses the centre of an
        endplate; a wedge without depression may be old, or due to Scheuermann's disease or wear. Without a height loss
        there is no deformity: the meaning of a depression alone is left to the reader.
        """
        if self.grade < 1:
            return SuggestedCause.NO_DEFORMITY
        is_depressed = self.depression >= ENDPLATE_DEPRESSION.value
        return SuggestedCause.DEPRESSED if is_depressed else SuggestedCause.NOT_DEPRESSED

    @property
    def cause_words(self) -> str:
        """The suggested cause, phrased for a sentence."""
        if self.suggested_cause is SuggestedCause.DEPRESSED:
            return f"endplates depressed by {100 * self.depression:.0f} %, which speaks for an osteoporotic fracture"
        return "endplates not depressed, so an old wedge, Scheuermann or wear is possible too"


def grade_fractures(
    measurements: Sequence[Measurement], *, step_mm: float = 1.0
) -> tuple[tuple[Measurement, ...], tuple[Caution, ...]]:
    """Measurements with their fracture grade, and a caution for every grade from 1 (possible).

    ``step_mm``: distance of the slices along the spine; heights from thick slices are imprecise, so part of
    the loss is disregarded (HEIGHT_STEP_TRUSTED).

    A level of grade 2 or 3 is excluded from the density; a possible fracture (grade 1) is not. Bodies that
    the field of view cuts, or of implausible height, are neither graded nor used as neighbours.
    """
    heights = {m.level: found for m in measurements if (found := _heights_of(m)) is not None}
    losses = find_height_losses(heights, step_mm=step_mm)
    graded = tuple(_graded(m, losses.get(m.level)) for m in measurements)
    cautions = tuple(_caution(level, loss) for level, loss in losses.items() if loss.grade >= 1)
    return graded, cautions


def find_height_losses(heights: Mapping[Level, Heights], *, step_mm: float = 1.0) -> dict[Level, HeightLoss]:
    """The height loss of every level from T11 to L4 by level; the heights of L5 are used as a neighbour's."""
    known = {
        level: _at_rims((found.anterior_mm, found.middle_mm, found.posterior_mm))
        for level, found in heights.items()
        if level in NORMAL_HEIGHTS
    }
    beyond_mm = max(step_mm - HEIGHT_STEP_TRUSTED.value, 0.0)
    allowance = _LOSS_PER_MM * beyond_mm
    # which bodies are low is not known yet: the median tolerates a few
    first = {level: _worst(level, known[level], _scale(level, known, np.median), allowance) for level in known}
    sound = {level: known[level] for level, loss in first.items() if loss.grade == 0}
    found = {}
    for level in (level for level in known if level <= _LOWEST_GRADED):
        scale = _scale(level, sound, np.mean)
        found[level] = first[level] if scale is None else _worst(level, known[level], scale, allowance)
    return found


def grade_of_loss(loss: float, *, error: float = 0.0) -> int:
    """Genant grade of a height loss given as a share (0.30 is 30 %).

    ``error``: a loss at most this far below the first or second boundary counts as having reached it, so that
    measurement errors do not hide a fracture; the boundary of grade 3 is not moved.
    """
    if loss + error < POSSIBLE_FRACTURE_LOSS.value:
        return 0
    if loss + error < MODERATE_FRACTURE_LOSS.value:
        return 1
    return 2 if loss <= SEVERE_FRACTURE_LOSS.value else 3


def _heights_of(measurement: Measurement) -> Heights | None:
    is_no_body = any(reason.code in _NOT_ONE_WHOLE_BODY for reason in measurement.exclusions)
    anterior, middle = measurement.anterior_height_mm, measurement.middle_height_mm
    posterior = measurement.posterior_height_mm
    if is_no_body or anterior is None or middle is None or posterior is None:
        return None
    return Heights(anterior_mm=anterior, middle_mm=middle, posterior_mm=posterior)


def _caution(level: Level, loss: HeightLoss) -> Caution:
    found = f"{level.name}, {loss.words}; {loss.cause_words}"
    return Caution(code=CautionCode.POSSIBLE_FRACTURE, step=Step.MEASURE, found=found, level=level)


def _graded(measurement: Measurement, loss: HeightLoss | None) -> Measurement:
    if loss is None:
        return measurement
    exclusions = measurement.exclusions
    if loss.grade >= 2:
        found = f"grade {loss.grade}, {loss.words}"
        exclusions += (
            Exclusion(code=ExclusionCode.FRACTURED, step=Step.MEASURE, found=found, level=measurement.level),
        )
    return replace(
        measurement,
        fracture_grade=loss.grade,
        height_loss=loss.loss,
        endplate_depression=loss.depression,
        suggested_cause=loss.suggested_cause,
        exclusions=exclusions,
    )


def _at_rims(heights: Sequence[float]) -> np.ndarray:
    """Anterior, middle and posterior height, with the outer two extrapolated linearly to the rims."""
    anterior, middle, posterior = heights
    slope = (anterior - posterior) / (1 - _FRONT_SHARE - _BACK_SHARE)
    return np.array([anterior + _FRONT_SHARE * slope, middle, posterior - _BACK_SHARE * slope])


def _scale(level: Level, bodies: Mapping[Level, np.ndarray], centre: Callable[..., np.ndarray]) -> np.ndarray | None:
    """Size of the other bodies over normal, for each of the three heights; None if there are too few of them."""
    others = [heights / _at_rims(NORMAL_HEIGHTS[at]) for at, heights in bodies.items() if at != level]
    return centre(others, axis=0) if len(others) >= _MINIMUM_NEIGHBOURS else None


def _worst(level: Level, own: np.ndarray, scale: np.ndarray | None, allowance: float) -> HeightLoss:
    normal = _at_rims(NORMAL_HEIGHTS[level])
    shape_loss = 1 - own[:2] / (normal[:2] * own[2] / normal[2])
    candidates = [
        (float(loss), place, "its own posterior height") for loss, place in zip(shape_loss, _PLACES, strict=False)
    ]
    if scale is not None:
        neighbour_loss = 1 - own / (scale * normal)
        candidates += [(float(x), place, "its neighbours") for x, place in zip(neighbour_loss, _PLACES, strict=True)]
    loss, place, against = max(candidates)
    error = HEIGHT_LOSS_ERROR.value
    return HeightLoss(
        loss=loss,
        place=place,
        against=against,
        grade=grade_of_loss(loss - allowance, error=error),
        depression=1 - _middle_share(own) / _middle_share(normal),
    )


def _middle_share(heights: np.ndarray) -> float:
    return float(heights[1] / (heights[0] + heights[2]))
