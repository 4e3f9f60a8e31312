"""A reader's decisions apart from the mask: excluded levels, grades, causes, contrast phase, level count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from osteo_core.errors import UsageError
from osteo_core.programme.cause import Cause
from osteo_core.terms import ContrastPhase, Level

#: Genant's grades (Genant 1993): none, mild, moderate, severe.
GRADES = (0, 1, 2, 3)


class LeftOut(StrEnum):
    """Why a reader leaves one level out."""

    FRACTURE = "fracture"
    CEMENT = "cement"
    METAL = "metal"
    ARTEFACT = "artefact"
    HAEMANGIOMA = "haemangioma"
    METASTASIS = "metastasis"
    DEGENERATIVE = "degenerative change"
    OTHER = "other, said in words"


@dataclass(frozen=True, kw_only=True)
class Reason:
    """A reason from the list with optional words, which 'other' requires."""

    why: LeftOut
    words: str = ""

    def __post_init__(self) -> None:
        if self.why is LeftOut.OTHER and not self.words.strip():
            raise UsageError(f"'{LeftOut.OTHER}' needs a reason in words: type it")

    @property
    def sentence(self) -> str:
        """'metal', or 'other' in the reader's words."""
        words = self.words.strip()
        if self.why is LeftOut.OTHER:
            return words
        return f"{self.why.value}, {words}" if words else self.why.value


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """What is left blank stays as the program has it. ``grades`` are Genant's, ``causes`` m2ABQ classes.

    ``phase``: the contrast phase according to the reader; ``is_count_wrong``: the levels were counted from a wrong
    landmark.
    """

    left_out: Mapping[Level, Reason] = field(default_factory=lambda: MappingProxyType({}))
    grades: Mapping[Level, int] = field(default_factory=lambda: MappingProxyType({}))
    causes: Mapping[Level, Cause] = field(default_factory=lambda: MappingProxyType({}))
    phase: ContrastPhase | None = None
    is_count_wrong: bool = False

    def __post_init__(self) -> None:
        wrong = [f"{level.name}: {grade}" for level, grade in self.grades.items() if grade not in GRADES]
        if wrong:
            raise UsageError(f"a Genant grade is 0, 1, 2 or 3; found {', '.join(wrong)}")

    @property
    def is_empty(self) -> bool:
        """Whether the reader decided nothing."""
        return self == Decisions()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for an event's payload; ``from_dict`` reads them back equal."""
        return {
            "left_out": {str(int(n)): {"why": r.why.value, "words": r.words} for n, r in sorted(self.left_out.items())},
            "grades": {str(int(n)): grade for n, grade in sorted(self.grades.items())},
            "causes": {str(int(n)): cause.value for n, cause in sorted(self.causes.items())},
            "phase": self.phase.value if self.phase else None,
            "is_count_wrong": self.is_count_wrong,
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Decisions:
        """Read what ``to_dict`` wrote. Raises UsageError for a word or number outside the vocabulary."""
        try:
            return cls(
                left_out={
                    Level(int(n)): Reason(why=LeftOut(one["why"]), words=str(one.get("words", "")))
                    for n, one in (given.get("left_out") or {}).items()
                },
                grades={Level(int(n)): _whole(grade) for n, grade in (given.get("grades") or {}).items()},
                causes={Level(int(n)): Cause(cause) for n, cause in (given.get("causes") or {}).items()},
                phase=ContrastPhase(given["phase"]) if given.get("phase") else None,
                is_count_wrong=bool(given.get("is_count_wrong")),
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UsageError(f"a decision of the reader cannot be read: {error}") from None


def _whole(grade: object) -> int:
    """The grade unchanged. Raises ValueError for anything but a whole number: 1.9 must not become 1."""
    if type(grade) is not int:
        raise ValueError("a Genant grade is 0, 1, 2 or 3")
    return grade
