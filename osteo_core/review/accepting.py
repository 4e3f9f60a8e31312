"""What may be accepted: the program's own result, or, by an adjudicator, one of the two signed reads unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from osteo_core.errors import UsageError
from osteo_core.review.decisions import Decisions
from osteo_core.review.reads import Read, Reading, Role, Verdict
from osteo_core.review.summary import Summary


def corrected(version: str, decisions: Decisions, *, model_version: str, program: Summary, phase: str) -> list[str]:
    """Differences from the program's result, in words. An m2ABQ class is an addition, not a correction.

    Mirrored by ``pages/ui/viewer/reader/verdict.js``, which runs while a reader fills in the form.
    """
    found = ["the outlines are corrected"] if version != model_version else []
    found += [f"{level.name} is left out" for level in sorted(decisions.left_out)]
    for level, grade in sorted(decisions.grades.items()):
        if level not in program.levels or program.levels[level].grade != grade:
            found.append(f"the grade of {level.name} is another one")
    if decisions.phase is not None and decisions.phase.value != phase:
        found.append("the contrast phase is another one")
    if decisions.is_count_wrong:
        found.append("the levels were counted from a wrong landmark")
    return found


def acceptable_reads(reading: Reading, role: Role | None) -> tuple[Read, ...]:
    """The reads that may be accepted unchanged in this role: an adjudicator may accept both unless rejected."""
    both = (reading.by(Role.FIRST), reading.by(Role.SECOND)) if role is Role.ADJUDICATOR else ()
    return tuple(read for read in both if read is not None and read.verdict is not Verdict.REJECT)


def check_acceptance(
    version: str, decisions: Decisions, *, corrected: Sequence[str], acceptable: Sequence[Read]
) -> None:
    """Raises UsageError unless outlines and decisions are those of the program or of an acceptable read."""
    said = replace(decisions, causes={})
    is_chosen = any(read.version == version and replace(read.decisions, causes={}) == said for read in acceptable)
    if corrected and not is_chosen:
        raise UsageError(
            f"'{Verdict.ACCEPT.value}' is for the program's own result, and here {', '.join(corrected)}; sign it as "
            f"{Verdict.CORRECT.value}"
        )
