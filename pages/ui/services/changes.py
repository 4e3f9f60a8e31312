"""What changed in the store since a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pages.ui.services.running_app import query


@dataclass(frozen=True, kw_only=True)
class Changes:
    """How many series were read, analyzed, failed, newly flagged, became overdue, or were noted by people."""

    indexed: int
    analyzed: int
    failed: int
    flagged: int
    overdue: int
    noted: int


def changes(since: datetime, *, seen_by: str | None) -> Changes:
    """Changes since then, as ``seen_by`` may see them."""
    row = query("changes", since=since, seen_by=seen_by).to_pylist()[0]
    return Changes(
        indexed=int(row["n_indexed"]),
        analyzed=int(row["n_analyzed"]),
        failed=int(row["n_failed"]),
        flagged=int(row["n_flagged"]),
        overdue=int(row["n_overdue"]),
        noted=int(row["n_noted"]),
    )
