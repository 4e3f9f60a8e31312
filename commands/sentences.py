"""How the commands put numbers into sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from commands.analyze_many import RunSummary


def counted(number: int, one: str, many: str) -> str:
    """The number with the word that fits it: '1 row', '2 rows'."""
    return f"{number} {one if number == 1 else many}"


def run_sentence(summary: RunSummary) -> str:
    """What a run that looked for series did, in one sentence."""
    before = f"{summary.skipped} done before; " if summary.skipped else ""
    return f"{summary.found} series found, {summary.left_out} left out by their headers; {before}{_done(summary)}"


def analyze_sentence(summary: RunSummary) -> str:
    """What a run over a store did, in one sentence: only series that had no result yet were looked at."""
    if not summary.found:
        return "No series of this store is left to analyze."
    return f"{summary.found} series to analyze; {_done(summary)}"


def _done(summary: RunSummary) -> str:
    again = f"{summary.recalibrated} calibrated again without segmenting, " if summary.recalibrated else ""
    others = f" Another run took {summary.elsewhere} of them." if summary.elsewhere else ""
    return f"now {again}{summary.measured} measured, {summary.excluded} excluded, {summary.failed} failed.{others}"
