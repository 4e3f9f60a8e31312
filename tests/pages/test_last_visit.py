"""What changed since the last visit: Home counts the series that its links list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from osteo_core.programme.cohort import Change, CohortFilter
from pages.ui import services
from pages.ui.home import visit
from tests.builders.cohort import build_cohort
from tests.builders.store import build_store

LEFT = datetime(2026, 11, 29, 10, 0, 30, tzinfo=UTC)


def test_what_came_in_the_minute_of_the_last_visit_is_counted_and_listed(
    tmp_path: Path, in_store: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    results = [
        replace(one, finished_at=LEFT + timedelta(seconds=shift))
        for one, shift in zip(build_cohort(3), (-90, -15, 15), strict=True)
    ]
    in_store(build_store(tmp_path, results))
    monkeypatch.setattr(visit.st, "session_state", {})
    told = SimpleNamespace(before_ms=int(1000 * LEFT.timestamp()))
    monkeypatch.setattr(visit, "_component", lambda **_: told)
    since = visit.last_visit()
    assert since is not None
    listed = CohortFilter(changed=Change.ANALYZED, since=since)
    counted = services.changes(since, seen_by=None).analyzed
    assert counted == services.cohort_numbers(listed, seen_by=None).series == 2
