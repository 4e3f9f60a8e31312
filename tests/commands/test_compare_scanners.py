"""A series unlike the others of its scanner gets one caution, once the store holds enough of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from commands.compare_scanners import compare_scanners
from db.connect import open_store
from osteo_core.limits.header import SCANNER_SERIES
from osteo_core.outcomes import CautionCode
from osteo_core.records import CalibrationTissues, SeriesResult
from osteo_core.settings import Settings
from tests.builders.cohort import key_of
from tests.builders.reading import LOWERED, build_case
from tests.commands.test_recalibrate import filled, job_of

#: Muscle minus fat (HU) for patients of a scanner, and for one whose 80 kVp were recorded as 120.
USUAL_HU, SD_HU, LYING_HU = 138.0, 5.0, 156.0
REASON = "tissues are unlike the scanner's other series"
OTHERS = int(SCANNER_SERIES.value)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> SeriesResult:
    return build_case(tmp_path_factory.mktemp("case"), 0, LOWERED, device_key="d" * 16).result


def on_one_scanner(measured: SeriesResult, apart_hu: list[float]) -> list[SeriesResult]:
    """The same spine in one patient per value: muscle minus fat, HU."""
    found = []
    for number, apart in enumerate(apart_hu):
        named = {name: key_of(number, part) for name, part in (("patient_key", "patient"), ("study_key", "study"))}
        series = replace(measured.series, series_key=key_of(number), series_instance_uid=f"1.2.{number}", **named)
        assert measured.tissues is not None
        fat, muscle = measured.tissues.sample("fat"), measured.tissues.sample("muscle")
        assert fat is not None
        assert muscle is not None
        others = tuple(one for one in measured.tissues.samples if one.name not in ("fat", "muscle"))
        moved = (replace(fat, mean_hu=50.0 - apart), replace(muscle, mean_hu=50.0), *others)
        tissues: CalibrationTissues = replace(measured.tissues, samples=moved)
        found.append(replace(measured, series=series, tissues=tissues))
    return found


def patients(n: int) -> list[float]:
    """n values with exactly this mean and SD."""
    drawn = np.random.default_rng(1).normal(size=n)
    return list(USUAL_HU + SD_HU * (drawn - drawn.mean()) / drawn.std(ddof=1))


def test_the_one_that_is_unlike_its_scanner_is_told_once(measured: SeriesResult, tmp_path: Path) -> None:
    store, key = tmp_path / "store", key_of(OTHERS)
    filled(store, on_one_scanner(measured, [*patients(OTHERS), LYING_HU]))
    job = job_of(store, Settings())
    assert compare_scanners(job) == 1
    with open_store(store) as opened:
        opened.take_in()
        rows = opened.query("patient_cautions", series_key=key).to_pylist()
        listed = opened.query("worklist_rows", series_keys=[key_of(n) for n in range(OTHERS + 1)]).to_pylist()
    (said,) = [row["sentence"] for row in rows if row["code"] == CautionCode.UNLIKE_SCANNER]
    assert "muscle lies 156 HU above fat, in 20 others 138 (SD 5), as with a tube voltage lower than stated" in said
    assert [row["series_key"] for row in listed if REASON in row["review_reasons"]] == [key]
    assert compare_scanners(job) == 0
