"""Output of `process`: masks on the grid of the files, stable names, and its own files never read as input."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pyarrow.parquet as parquet
import pytest

from commands import write_results
from commands.analysis_job import Job
from commands.find import find
from commands.process import process
from osteo_core.density.calibration.setup import read_setup
from osteo_core.dicom.volume import read_volume
from osteo_core.imaging.nifti import write_labels_like
from osteo_core.records import Segmentation, SeriesResult, Volume
from osteo_core.settings import Settings
from osteo_core.terms import Anchor, Status
from tests.builders import segmenters
from tests.builders.ct_files import write_ct
from tests.builders.series import CtSpec, write_series

pytestmark = pytest.mark.usefixtures("in_this_process")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(store=tmp_path / "store", key_file=tmp_path / "key")


def names(out: Path) -> dict[str, str]:
    rows = parquet.read_table(out / "series.parquet").to_pylist()
    return {row["series_key"]: row["series_instance_uid"] for row in rows}


@pytest.mark.parametrize(("tilt", "least"), [(0.3, 0.999), (12.0, 0.9)])
def test_a_mask_lies_on_the_files_grid_also_where_a_tilt_was_straightened(
    tmp_path: Path, settings: Settings, tilt: float, least: float
) -> None:
    built = write_series(tmp_path / "ct", CtSpec(tilt_deg=tilt, slices=40))
    (series,) = find([built.folder], settings=settings).series
    volume = read_volume(series)
    assert isinstance(volume, Volume)
    hu = np.asarray(volume.voxels_hu)
    labels = (((hu > 150) & (hu < 200)) * 20).astype(np.uint8)
    result = SeriesResult(
        series=series,
        status=Status.MEASURED,
        model_hash="f" * 12,
        settings_hash=settings.hash,
        geometry=volume.geometry,
        source_geometry=volume.source_geometry,
        segmentation=Segmentation(
            labels=labels,
            geometry=volume.geometry,
            levels=(),
            anchor=next(iter(Anchor)),
            engine="test",
            model_hash="f" * 12,
        ),
    )
    job = Job(
        run_id="1",
        out_dir=tmp_path / "out",
        settings=settings,
        setup=read_setup(settings),
        models=segmenters.TRUTH,
        deliver=write_results.to_folder,
    )
    write_results.to_folder(result, job)
    (path,) = (tmp_path / "out" / "masks").iterdir()
    mask = nibabel.load(path)
    np.testing.assert_allclose(mask.affine, np.diag([-1, -1, 1, 1]) @ built.geometry.affine_lps, atol=1e-5)
    found = np.asarray(mask.dataobj) == 20
    truth = (built.voxels_hu > 150) & (built.voxels_hu < 200)
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > least


def test_a_name_once_given_stays_and_no_mask_is_overwritten(tmp_path: Path, settings: Settings) -> None:
    out = tmp_path / "out"
    for folder in ("a", "z"):
        write_ct(tmp_path / "ct" / folder / "ct.nii.gz", seed=ord(folder))
    process([tmp_path / "ct"], out, settings=settings, models=segmenters.TRUTH)
    before = names(out)
    assert sorted(before.values()) == ["ct", "ct_2"]
    write_ct(tmp_path / "ct" / "m" / "ct.nii.gz", seed=7)
    summary = process([tmp_path / "ct"], out, settings=settings, models=segmenters.TRUTH)
    assert (summary.skipped, summary.measured) == (2, 1)
    assert before.items() < names(out).items()
    assert {p.name for p in (out / "masks").iterdir()} == {f"{name}.nii.gz" for name in names(out).values()}


def test_output_below_the_input_is_no_input(tmp_path: Path, settings: Settings) -> None:
    write_ct(tmp_path / "ct" / "one.nii.gz")
    for _ in range(2):
        process([tmp_path / "ct"], tmp_path / "ct" / "out", settings=settings, models=segmenters.TRUTH)
        assert set(names(tmp_path / "ct" / "out").values()) == {"one"}


@pytest.mark.parametrize("out", ["ct", "."])
def test_output_into_the_input_or_above_it_drops_nothing(tmp_path: Path, settings: Settings, out: str) -> None:
    write_ct(tmp_path / "ct" / "one.nii.gz")
    for skipped in (0, 1):
        summary = process([tmp_path / "ct"], tmp_path / out, settings=settings, models=segmenters.TRUTH)
        assert (summary.found, summary.skipped, summary.left_out) == (1, skipped, 0)
        assert set(names(tmp_path / out).values()) == {"one"}


def test_a_series_that_changed_is_done_again_and_its_earlier_rows_go(tmp_path: Path, settings: Settings) -> None:
    out = tmp_path / "out"

    def run() -> tuple[int, int]:
        summary = process([tmp_path / "ct"], out, settings=settings, models=segmenters.TRUTH)
        return summary.measured + summary.failed, summary.skipped

    for name in ("changes", "stays"):
        write_ct(tmp_path / "ct" / f"{name}.nii.gz")
    assert run() == (2, 0)
    assert run() == (0, 2)
    write_ct(tmp_path / "ct" / "changes.nii.gz", mark_hu=segmenters.FAULTY_HU)
    assert run() == (1, 1)
    status = {r["series_instance_uid"]: r["status"] for r in parquet.read_table(out / "series.parquet").to_pylist()}
    assert status == {"changes": "failed", "stays": "measured"}
    assert len(list((out / ".pieces").rglob("*.series.parquet"))) == 2
    assert run() == (0, 2)


def test_a_name_as_long_as_names_can_be(tmp_path: Path, settings: Settings) -> None:
    source = write_ct(tmp_path / "ct.nii.gz")
    long = tmp_path / "ct" / ("n" * 248 + ".nii.gz")
    long.parent.mkdir()
    shutil.move(source, long)
    summary = process([long], tmp_path / "out", settings=settings, models=segmenters.TRUTH)
    assert summary.measured == 1
    assert [p.name for p in (tmp_path / "out" / "masks").iterdir()] == [long.name]


def test_a_name_longer_than_a_mask_may_be_is_cut_and_stays_its_own() -> None:
    first, second = (write_results.mask_name("é" * 126 + end) for end in "ab")
    assert first != second
    assert max(len(name.encode()) for name in (first, second)) < 200
    assert write_results.mask_name("n" * 248) == "n" * 248 + ".nii.gz"


def test_a_mask_that_cannot_be_delivered_fails_its_series_alone(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bad", "good"):
        write_ct(tmp_path / "ct" / f"{name}.nii.gz")

    def write(path: Path, labels: np.ndarray, source: Path) -> None:
        if source.name == "bad.nii.gz":
            raise ValueError(f"a fault of {source}")
        write_labels_like(path, labels, source)

    monkeypatch.setattr(write_results, "write_labels_like", write)
    summary = process([tmp_path / "ct"], tmp_path / "out", settings=settings, models=segmenters.TRUTH)
    assert (summary.measured, summary.failed) == (1, 1)
    reasons = parquet.read_table(tmp_path / "out" / "exclusions.parquet").to_pylist()
    (reason,) = [r["sentence"] for r in reasons if r["code"] == "failed"]
    assert "ValueError: a fault of (hidden)" in reason


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_a_disk_that_refuses_a_result_ends_the_run_and_the_series_is_still_to_be_done(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def write(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    write_ct(tmp_path / "ct.nii.gz")
    with monkeypatch.context() as patch:
        patch.setattr(write_results, "write_labels_like", write)
        with pytest.raises(OSError, match=os.strerror(number)):
            process([tmp_path / "ct.nii.gz"], tmp_path / "out", settings=settings, models=segmenters.TRUTH)
    again = process([tmp_path / "ct.nii.gz"], tmp_path / "out", settings=settings, models=segmenters.TRUTH)
    assert (again.skipped, again.measured, again.failed) == (0, 1, 0)


def test_an_error_of_the_disk_that_passes_costs_no_series(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def write(path: Path, labels: np.ndarray, source: Path) -> None:
        calls.append(path)
        if len(calls) == 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        write_labels_like(path, labels, source)

    write_ct(tmp_path / "ct.nii.gz")
    monkeypatch.setattr(write_results, "write_labels_like", write)
    summary = process([tmp_path / "ct.nii.gz"], tmp_path / "out", settings=settings, models=segmenters.TRUTH)
    assert (summary.measured, summary.failed) == (1, 0)


def test_a_name_that_is_no_utf8_is_processed(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / os.fsdecode(b"M\xfcller")
    folder.mkdir()
    write_ct(tmp_path / "ct.nii").replace(folder / os.fsdecode(b"M\xfcller.nii"))
    write_series(folder / "dicom", CtSpec())
    summary = process([folder], tmp_path / "out", settings=settings, models=segmenters.TRUTH)
    assert (summary.found, summary.measured, summary.failed) == (2, 1, 0)
    assert set(names(tmp_path / "out").values()) == {"M\\xfcller", CtSpec().series_uid}
