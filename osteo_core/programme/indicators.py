"""The eleven indicators of fracture prevention (IOF, FFN and NOF), and the programme's own, as shares with bands.

M. K. Javaid et al., Osteoporos Int 2020;31:1193. Their denominators are fracture patients; here, patients with a
confirmed flag. A patient counts once the period has ended, so that early successes do not bias the share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from osteo_core.limits.follow_up import INDICATOR_GREEN_ABOVE, INDICATOR_RED_BELOW
from osteo_core.records import Estimate
from osteo_core.statistics.intervals import wilson


class Band(StrEnum):
    """A share relative to the published cut-offs."""

    RED = "red"
    AMBER = "amber"
    GREEN = "green"
    UNKNOWN = "not known"


@dataclass(frozen=True, kw_only=True)
class Count:
    """Patients whose period has ended (``due``), those of them done in time, and those still within it."""

    due: int = 0
    done: int = 0
    running: int = 0


@dataclass(frozen=True, kw_only=True)
class Indicator:
    """One indicator; ``share`` is None if nobody is due yet or the store cannot know it; ``why`` gives the reason."""

    number: int
    words: str
    count: Count
    share: Estimate | None
    band: Band
    why: str = ""


#: (number, words, name of the count); None where a CT store has no data.
ELEVEN: tuple[tuple[int, str, str | None], ...] = (
    (1, "Fractures found other than of the spine", None),
    (2, "Spine fractures found, of those expected", "spine fractures"),
    (3, "Fracture risk assessed within 12 weeks", "risk assessed"),
    (4, "Bone density scan (DXA) done within 12 weeks", "DXA"),
    (5, "Asked about falls within 12 weeks", "falls assessed"),
    (6, "Bone medicine advised within 16 weeks", "treatment advised"),
    (7, "Strength and balance training within 16 weeks", "exercise started"),
    (8, "Seen or called again within 16 weeks", "monitored"),
    (9, "Started within 16 weeks, of those advised", "treatment started"),
    (10, "Still on it after a year, of those who started", "still treated"),
    (11, "Everything noted after 16 weeks", "complete"),
)
#: The programme's own: (number, words, name of the count).
OWN: tuple[tuple[int, str, str], ...] = (
    (12, "Flags looked at within 5 working days", "reviewed in time"),
    (13, "Flags confirmed, of those decided", "confirmed"),
)
_ADVICE = 6
#: A confirmed flag of this Genant grade or higher counts as a spine fracture.
FRACTURE_GRADE = 2
_NON_SPINE = "CT of the trunk does not show other fractures; this number comes from the fracture register."
_NO_CASELOAD = "Type above how many spine fractures are expected in this period."
_NOBODY = "No patient has reached the end of this period yet; the last column counts those within it."


def band_of(share: float, *, number: int) -> Band:
    """Below 50 % red, above 80 % green, otherwise amber; for treatment advice green starts at 50 %."""
    if share < INDICATOR_RED_BELOW.value:
        return Band.RED
    return Band.GREEN if number == _ADVICE or share > INDICATOR_GREEN_ABOVE.value else Band.AMBER


def indicators(counts: Mapping[str, Count], *, expected_spine_fractures: int = 0) -> tuple[Indicator, ...]:
    """The eleven indicators and the programme's own from counts by name; missing names count as zero.

    ``expected_spine_fractures``: expected number in the served population in this period, 0 if unknown.
    """
    found = []
    for number, words, name in (*ELEVEN, *OWN):
        count = counts.get(name, Count()) if name else Count()
        if number == 1:
            found.append(_unknown(number, words, count, _NON_SPINE))
        elif number == 2:
            found.append(_spine(number, words, count, expected_spine_fractures))
        elif not count.due:
            found.append(_unknown(number, words, count, _NOBODY))
        else:
            found.append(_known(number, words, count))
    return tuple(found)


def _known(number: int, words: str, count: Count) -> Indicator:
    share = wilson(count.done, count.due)
    return Indicator(number=number, words=words, count=count, share=share, band=band_of(share.value, number=number))


def _unknown(number: int, words: str, count: Count, why: str) -> Indicator:
    return Indicator(number=number, words=words, count=count, share=None, band=Band.UNKNOWN, why=why)


def _spine(number: int, words: str, count: Count, expected: int) -> Indicator:
    if not expected:
        return _unknown(number, words, count, _NO_CASELOAD)
    if count.done > expected:
        return _unknown(number, words, count, f"More were found ({count.done}) than expected ({expected}).")
    return _known(number, words, Count(due=expected, done=count.done))
