"""The worklist as requested by its page."""

from __future__ import annotations

from typing import Any

from db.connect import Store
from db.query import EVERYBODY
from osteo_core.programme.cohort import CohortFilter


def worklist(store: Store, cohort: CohortFilter = EVERYBODY) -> list[dict[str, Any]]:
    """All rows by urgency."""
    order = store.query("worklist_order", cohort=cohort, sort="urgency", descending=False, limit=1000)
    keys = order.column("series_key").to_pylist()
    rows = {row["series_key"]: row for row in store.query("worklist_rows", series_keys=keys).to_pylist()}
    return [rows[key] for key in keys]
