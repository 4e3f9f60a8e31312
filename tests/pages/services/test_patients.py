"""Text on a series' page that is derived from numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from db.events import record
from db.parts import write_parts
from db.rows import indexed_tables
from osteo_core.outcomes import Exclusion, ExclusionCode
from osteo_core.records import Event, Found
from osteo_core.terms import Status, Step
from pages.ui import services
from pages.ui.services import running_app
from pages.ui.services.patients import _tissue
from tests.builders.cohort import build_cohort
from tests.builders.store import build_store, write_results


@pytest.mark.parametrize(
    ("name", "mean_hu", "why_not"),
    [
        ("air", -998.2, ""),
        ("muscle", 4.0, "not used: outside 15 to 90"),
        ("kidney", 180.0, ""),
        ("cortical", 640.0, "not used: outside 700 to 2000"),
    ],
)
def test_a_tissue_that_cannot_calibrate_says_why(name: str, mean_hu: float, why_not: str) -> None:
    found = _tissue({"name": name, "mean_hu": mean_hu, "sd_hu": 12.0, "area_mm2": 300.0})
    assert (found.name, found.mean_hu, found.why_not) == (name, mean_hu, why_not)


def test_a_read_that_is_older_than_the_programs_result_says_so(
    tmp_path: Path, in_store: Callable[[Path], None]
) -> None:
    result = build_cohort(1)[0]
    assert result.finished_at is not None
    key, signed_at = result.series.series_key, result.finished_at + timedelta(hours=1)
    store = build_store(tmp_path / "store", [result, replace(result, is_read=True, finished_at=signed_at)])
    payload = json.dumps({"role": "first reader"})
    record(
        store, Event(event_id="e", kind="read signed", series_key=key, author="AB", at=signed_at, payload_json=payload)
    )
    in_store(store)
    running_app.store_holder().take_in()
    view = services.patient(key)
    assert view is not None
    assert view.is_read
    before = view.cautions
    write_results(store, [replace(result, finished_at=signed_at + timedelta(hours=1))])
    running_app.store_holder().take_in()
    later = services.patient(key)
    assert later is not None
    assert later.is_read, "what was signed counts"
    assert len(later.cautions) == len(before) + 1
    assert "measured this series again after it was signed" in later.cautions[0]


def test_a_series_analyzed_because_a_preferred_one_failed_says_so(
    tmp_path: Path, in_store: Callable[[Path], None]
) -> None:
    """Its own exclusion, by which the other series is preferred, no longer applies."""
    first, second = build_cohort(2)
    same = {"patient_key": "p", "study_key": "s"}
    reason = "the preferred series of this study could not be measured, or a reader signed this one"
    first = replace(
        first, status=Status.FAILED, series=replace(first.series, preference_rank=1, preference_reason="thin", **same)
    )
    passed = replace(second.series, is_preferred=False, preference_rank=2, preference_reason="thick", **same)
    in_store(build_store(tmp_path / "store", [first]))
    store = running_app.store_holder().store_dir
    why = Exclusion(code=ExclusionCode.NOT_PREFERRED, step=Step.FIND, found="thick")
    write_parts(store, indexed_tables(Found(series=(first.series,), excluded=((passed, why),))))
    running_app.store_holder().take_in()

    def shown(series_key: str) -> tuple[str, str, tuple[str, ...]]:
        view = services.patient(series_key)
        assert view is not None
        return view.status, view.preference_reason, tuple(view.exclusions)

    assert shown(first.series.series_key)[:2] == ("failed", "thin")
    assert shown(passed.series_key) == ("waiting", reason, ())
    write_results(store, [replace(second, series=passed)])
    running_app.store_holder().take_in()
    assert shown(passed.series_key)[:2] == ("measured", reason)
