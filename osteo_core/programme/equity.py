"""Whether the programme serves all groups equally: shares measured, flagged and closed, small groups suppressed."""

from __future__ import annotations

from dataclasses import dataclass

from scipy import stats

from osteo_core.programme.prevalence import SUPPRESS_BELOW
from osteo_core.records import Estimate
from osteo_core.statistics.intervals import wilson


@dataclass(frozen=True, kw_only=True)
class Reach:
    """One group of patients: share measured of those scanned, flagged of those measured, closed of those flagged.

    ``flagged``: all with a flag; ``measured_flagged``: those of them who were measured (a fracture alone flags too).
    A share is None if its denominator is below SUPPRESS_BELOW, so that individuals cannot be identified.
    """

    group: str
    scanned: int
    measured: int
    measured_flagged: int
    flagged: int
    closed: int

    @property
    def measured_share(self) -> Estimate | None:
        """Of those scanned, failed and excluded ones included."""
        return _share(self.measured, self.scanned)

    @property
    def flagged_share(self) -> Estimate | None:
        """Of those measured. Patients flagged for a fracture alone without a measurement are in neither number."""
        return _share(self.measured_flagged, self.measured)

    @property
    def closed_share(self) -> Estimate | None:
        """Of those flagged: all their flags not confirmed, no action, closed, or contacted at 12 months."""
        return _share(self.closed, self.flagged)


def _share(count: int, n: int) -> Estimate | None:
    return wilson(count, n) if n >= SUPPRESS_BELOW else None


def differs(counts: list[tuple[int, int]]) -> float | None:
    """p of Pearson's chi-square over (yes, of) in groups; None for fewer than two groups or an expected count below 5.

    H0: all groups have the same share. For where and how much they differ, see the intervals.
    """
    table = [[yes, of - yes] for yes, of in counts if of]
    if len(table) < 2 or not any(yes for yes, _ in table) or not any(no for _, no in table):
        return None
    found = stats.chi2_contingency(table, correction=False)
    return None if float(found.expected_freq.min()) < 5 else float(found.pvalue)
