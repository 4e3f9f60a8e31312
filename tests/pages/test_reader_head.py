"""The headline of the reader's screen: who, and why a series is flagged or has no category."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from osteo_core.terms import Sex
from pages.ui import services
from pages.ui.patient.reader import _head
from tests.builders.cohort import left_out_result
from tests.builders.store import build_store


def test_what_is_unknown_is_listed_and_sentences_are_joined_without_their_stops(
    tmp_path: Path, in_store: Callable[[Path], None]
) -> None:
    result = left_out_result(1, np.random.default_rng(1))
    series = replace(result.series, patient_age_years=None, patient_sex=Sex.UNKNOWN, study_date=None)
    one = result.exclusions[0]
    result = replace(result, series=series, exclusions=(one, replace(one, found="MR")))
    in_store(build_store(tmp_path / "store", [result]))
    view = services.patient(series.series_key)
    assert view is not None
    head = _head(view)
    assert head["who"].endswith(" · age unknown, sex unknown")
    assert "study date unknown" in head["who_more"]
    assert "; " in head["why"]
    assert ".;" not in head["why"] + head["why_more"]
