"""How the commands put numbers into sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from commands.analyze_many import RunSummary


def counted(number: int, one: str, many: str) -> str:
    """The number with the word that fits it: '1 row', '2 rows'."""
    return f"{number} {one if number == 1 else many}"


def run_sentence(summary: RunSummary) -> str:
    """What a run did, in one sentence."""
    before = f"{summary.skipped} done before; " if summary.skipped else ""
    again = f"{summary.recalibrated} calibrated again without segmenting, " if summary.recalibrated else ""
    others = f" Another run took {summary.elsewhere} of them." if summary.elsewhere else ""
    return (
        f"{summary.found} series found, {summary.left_out} left out by their headers; {before}"
        f"now {again}{summary.measured} measured, {summary.excluded} excluded, {summary.failed} failed.{others}"
    )
