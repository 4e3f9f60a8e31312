"""Does the programme serve everybody alike? Shares measured, flagged and closed in groups, small groups marked."""

from __future__ import annotations

from dataclasses import dataclass

from scipy import stats

from osteo_core.programme.prevalence import SUPPRESS_BELOW
from osteo_core.records import Estimate
from osteo_core.statistics.intervals import wilson


@dataclass(frozen=True, kw_only=True)
class Reach:
    """One group of patients: measured of those scanned, flagged of those measured, closed of those flagged.

    ``flagged`` are all with a flag, ``measured_flagged`` those of them who are measured: a fracture alone flags too.
    A share is None where fewer than SUPPRESS_BELOW stand in its denominator, lest it tells of single people.
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
        """Of those measured; who is flagged by a fracture alone and was not measured stands in neither number."""
        return _share(self.measured_flagged, self.measured)

    @property
    def closed_share(self) -> Estimate | None:
        """Of those flagged: each of their flags not confirmed, no action, closed, or contacted at 12 months."""
        return _share(self.closed, self.flagged)


def _share(count: int, n: int) -> Estimate | None:
    return wilson(count, n) if n >= SUPPRESS_BELOW else None


def differs(counts: list[tuple[int, int]]) -> float | None:
    """p of Pearson's chi-square over (yes, of) in groups; None below two groups or an expected count below 5.

    H0: all groups have the same share. Says whether, not where or how much: look at the intervals.
    """
    table = [[yes, of - yes] for yes, of in counts if of]
    if len(table) < 2 or not any(yes for yes, _ in table) or not any(no for _, no in table):
        return None
    found = stats.chi2_contingency(table, correction=False)
    return None if float(found.expected_freq.min()) < 5 else float(found.pvalue)
