"""If the preferred series of a study cannot be measured, the next one is analyzed, by `process` and in a store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
from pydicom import Dataset

from commands import store_access
from commands.analyze import analyze
from commands.index import index
from commands.process import process
from osteo_core.settings import Settings
from tests.builders import segmenters
from tests.builders.ct_files import SPACING_MM
from tests.builders.sending import write_dicom
from tests.builders.spines import SpineSpec, build_spine, grid

pytestmark = pytest.mark.usefixtures("in_this_process")

FAULTY, SOUND = segmenters.FAULTY_HU, -1000
#: Kernels in the order of preference: known and smooth before known and sharp.
KERNELS = ("Br40", "B70f", "B75f", "B80f")


def write_study(folder: Path, marks_hu: Mapping[str, int]) -> None:
    """One study with a series of the default spine per kernel; the first voxel has this HU (segmenters.py)."""
    part = grid(spacing_mm=SPACING_MM, extent_mm=(110.0, 120.0, 180.0))
    volume, _ = build_spine(SpineSpec(noise_hu=8.0), part)
    for number, (kernel, mark_hu) in enumerate(marks_hu.items(), start=1):

        def change(data: Dataset, _: int, number: int = number, kernel: str = kernel, mark_hu: int = mark_hu) -> None:
            data.SeriesInstanceUID = f"{data.StudyInstanceUID}.{number}"
            data.SOPInstanceUID = f"{data.SOPInstanceUID}.{number}"
            data.ConvolutionKernel = kernel
            data.SliceThickness = SPACING_MM[2] + number / 100
            pixels = np.frombuffer(data.PixelData, np.uint16).copy()
            pixels[0] = mark_hu + 1024
            data.PixelData = pixels.tobytes()

        write_dicom(folder / kernel, volume, 1, change)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(store=tmp_path / "store", key_file=tmp_path / "key")


def indexed(settings: Settings, marks_hu: Mapping[str, int]) -> dict[str, str]:
    """The key of each series by kernel, of a study in the store."""
    write_study(settings.store.parent / "ct", marks_hu)
    found = index([settings.store.parent / "ct"], settings.store, settings=settings)
    assert [one.convolution_kernel for one in found.series] == [next(iter(marks_hu))]
    return {
        one.convolution_kernel or "": one.series_key for one in (*found.series, *(one for one, _ in found.excluded))
    }


def statuses(settings: Settings, keys: Mapping[str, str]) -> list[str]:
    with store_access.store_to_read(settings.store) as reader:
        return [reader.query("patient", series_key=key).to_pylist()[0]["status"] for key in keys.values()]


def test_the_next_series_of_the_study_is_analyzed(settings: Settings) -> None:
    keys = indexed(settings, {"Br40": FAULTY, "B70f": SOUND, "B75f": SOUND})
    summary = analyze(settings.store, settings=settings, models=segmenters.TRUTH)
    assert (summary.found, summary.failed, summary.measured) == (2, 1, 1)
    assert statuses(settings, keys) == ["failed", "measured", "excluded"]
    assert analyze(settings.store, settings=settings, models=segmenters.TRUTH).found == 0
    # New weights start with both, and a study read again keeps what was measured.
    newer = replace(segmenters.TRUTH, model_hash="e" * 12)
    waiting = store_access.waiting(settings.store, newer, settings).series
    assert {one.series_key for one in waiting} == {keys["Br40"], keys["B70f"]}
    index([settings.store.parent / "ct"], settings.store, settings=settings, again=True)
    assert statuses(settings, keys) == ["failed", "measured", "excluded"]


def test_not_more_than_three_of_a_study(settings: Settings) -> None:
    keys = indexed(settings, dict(zip(KERNELS, (FAULTY, FAULTY, FAULTY, SOUND), strict=True)))
    summary = analyze(settings.store, settings=settings, models=segmenters.TRUTH)
    assert (summary.found, summary.failed, summary.measured) == (3, 3, 0)
    assert statuses(settings, keys) == ["failed", "failed", "failed", "excluded"]


def test_process_analyzes_the_next_series_too(tmp_path: Path, settings: Settings) -> None:
    write_study(tmp_path / "ct", {"Br40": FAULTY, "B70f": SOUND, "B75f": SOUND})
    summary = process([tmp_path / "ct"], tmp_path / "out", settings=settings, models=segmenters.TRUTH)
    assert (summary.found, summary.failed, summary.measured, summary.left_out) == (3, 1, 1, 1)
    rows = parquet.read_table(tmp_path / "out" / "series.parquet").to_pylist()
    found = {row["convolution_kernel"]: row["status"] for row in rows}
    assert found == {"Br40": "failed", "B70f": "measured", "B75f": "excluded"}
    again = process([tmp_path / "ct"], tmp_path / "out", settings=settings, models=segmenters.TRUTH)
    assert (again.skipped, again.measured, again.failed, again.left_out) == (2, 0, 0, 1)
    rows_again = parquet.read_table(tmp_path / "out" / "series.parquet").to_pylist()
    assert [(row["series_key"], row["status"]) for row in rows_again] == [(r["series_key"], r["status"]) for r in rows]


def test_a_retry_that_measures_the_preferred_series_leaves_no_mask_of_the_next(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_study(tmp_path / "ct", {"Br40": FAULTY, "B70f": SOUND})
    masks = tmp_path / "out" / "masks"
    process([tmp_path / "ct"], tmp_path / "out", settings=settings, models=segmenters.TRUTH)
    (of_next,) = masks.iterdir()
    monkeypatch.setattr(segmenters, "FAULTY_HU", FAULTY - 1)  # the fault is mended
    again = process([tmp_path / "ct"], tmp_path / "out", settings=settings, models=segmenters.TRUTH, retry=True)
    assert (again.measured, again.left_out) == (1, 1)
    (of_preferred,) = masks.iterdir()
    assert of_preferred.name != of_next.name


def test_a_series_that_newer_models_cannot_measure_keeps_no_mask(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_study(tmp_path / "ct", {"Br40": SOUND})
    process([tmp_path / "ct"], tmp_path / "out", settings=settings, models=segmenters.TRUTH)
    monkeypatch.setattr(segmenters, "FAULTY_HU", SOUND)
    newer = replace(segmenters.TRUTH, model_hash="e" * 12)
    assert process([tmp_path / "ct"], tmp_path / "out", settings=settings, models=newer).failed == 1
    assert not list((tmp_path / "out" / "masks").iterdir())
