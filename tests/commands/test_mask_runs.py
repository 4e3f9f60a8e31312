"""Runs on masks from elsewhere: each series with its own mask, redone if that changes, never with another engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
from pydicom import dcmread

from commands.analysis_job import MaskFiles, Models, default_models, models_of, own_models, segmenter_for
from commands.analyze import analyze
from commands.index import index
from commands.process import process
from commands.store_access import reading
from osteo_core.errors import UsageError
from osteo_core.imaging.nifti import read_nifti_labels, write_nifti
from osteo_core.outcomes import Exclusion
from osteo_core.pipeline import joint_hash
from osteo_core.records import Series
from osteo_core.settings import Settings
from tests.builders import segmenters
from tests.builders.segs import whole_spine, write_seg
from tests.builders.series import CtSpec, write_series
from tests.builders.spines import SpineSpec, grid
from tests.shared_data import shared_data

pytestmark = pytest.mark.usefixtures("in_this_process")

GRID = grid(spacing_mm=(2.0, 2.0, 3.0), extent_mm=(110.0, 120.0, 180.0))


def write_case(folder: Path, name: str, seed: int) -> np.ndarray:
    """Write a CT of the spine with its processes; returns the whole vertebrae."""
    folder.mkdir(parents=True, exist_ok=True)
    volume, whole, _ = whole_spine(GRID, SpineSpec(noise_hu=8.0, seed=seed))
    write_nifti(folder / f"{name}.nii.gz", np.rint(np.asarray(volume.voxels_hu)).astype(np.int16), GRID)
    return whole


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """Two CTs, and a subfolder of masks with that of the first."""
    whole = write_case(tmp_path / "ct", "case_0", 0)
    write_case(tmp_path / "ct", "case_1", 1)
    (tmp_path / "ct" / "masks").mkdir()
    write_nifti(tmp_path / "ct" / "masks" / "case_0.nii.gz", whole, GRID)
    return tmp_path / "ct"


@pytest.fixture
def settings(cases: Path) -> Settings:
    return Settings(
        store=cases.parent / "store", key_file=cases.parent / "key", masks=str(cases / "masks"), mask_tool="verse"
    )


def series_rows(out: Path) -> dict[str, dict]:
    return {row["series_instance_uid"]: row for row in parquet.read_table(out / "series.parquet").to_pylist()}


def test_process_takes_each_series_by_its_mask(cases: Path, settings: Settings) -> None:
    out = cases.parent / "out"
    summary = process([cases], out, settings=settings)
    assert (summary.found, summary.measured, summary.excluded, summary.failed) == (2, 1, 1, 0)
    rows = series_rows(out)
    assert rows["case_0"]["engine"] == "mask from elsewhere: verse"
    assert rows["case_0"]["anchor"] == "stated by a mask from elsewhere"
    assert rows["case_0"]["model_hash"] != rows["case_1"]["model_hash"]
    (reason,) = (
        r
        for r in parquet.read_table(out / "exclusions.parquet").to_pylist()
        if r["level"] is None and r["series_instance_uid"] == "case_1"
    )
    assert reason["code"] == "no_mask"
    levels = parquet.read_table(out / "measurements.parquet").to_pylist()
    assert [(row["level"], row["confidence"]) for row in levels] == [(f"L{n}", None) for n in range(1, 5)]
    mask, _ = read_nifti_labels(out / "masks" / "case_0.nii.gz")
    assert set(np.unique(mask)) == {0, 20, 21, 22, 23}

    assert process([cases], out, settings=settings).skipped == 2
    whole, _ = read_nifti_labels(cases / "masks" / "case_0.nii.gz")
    write_nifti(cases / "masks" / "case_0.nii.gz", np.where(whole == 23, 0, whole).astype(np.uint8), GRID)
    write_nifti(cases / "masks" / "case_1.nii.gz", whole, GRID)
    again = process([cases], out, settings=settings)
    assert (again.skipped, again.measured) == (0, 2)
    assert series_rows(out)["case_0"]["model_hash"] != rows["case_0"]["model_hash"]


def test_analyze_adds_results_under_each_masks_own_hash(cases: Path, settings: Settings) -> None:
    store = cases.parent / "store"
    index([cases / "case_0.nii.gz", cases / "case_1.nii.gz"], store, settings=settings)
    first = analyze(store, settings=settings)
    assert (first.found, first.measured, first.excluded) == (2, 1, 1)
    assert analyze(store, settings=settings).found == 0
    whole, _ = read_nifti_labels(cases / "masks" / "case_0.nii.gz")
    write_nifti(cases / "masks" / "case_1.nii.gz", np.where(whole == 23, 0, whole).astype(np.uint8), GRID)
    second = analyze(store, settings=settings)
    assert (second.found, second.measured) == (1, 1)
    other = analyze(store, settings=settings, models=segmenters.TRUTH)
    assert other.found == 2
    with reading(store) as reader:
        assert reader is not None
        results, outlined = reader.table("results").to_pylist(), reader.table("segmentations").to_pylist()
    assert len(results) == 5
    assert {row["engine"] for row in outlined} == {"mask from elsewhere: verse", "truth"}
    regressor = models_of(settings).regressor_hash
    own = {joint_hash(row["model_hash"], regressor) for row in outlined if row["engine"] != "truth"}
    assert own == {row["model_hash"] for row in results if row["status"] == "measured"} - {segmenters.MODEL_HASH}
    assert len(own) == 2


@pytest.mark.parametrize("is_store", [True, False])
def test_a_run_of_several_rounds_reads_each_mask_once(
    cases: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, is_store: bool
) -> None:
    """The second CT has no mask, so that a second round looks for another series of its study."""
    hashed = []

    def counting(self: Models, mask: MaskFiles | Exclusion, original=Models.with_mask) -> Models:
        hashed.append(mask)
        return original(self, mask)

    monkeypatch.setattr(Models, "with_mask", counting)
    if is_store:
        store = cases.parent / "store"
        index([cases], store, settings=settings)
        assert analyze(store, settings=settings).found == 2
    else:
        assert process([cases], cases.parent / "out", settings=settings).found == 2
    assert len([mask for mask in hashed if isinstance(mask, MaskFiles)]) == 1


def test_a_mask_that_cannot_be_read_leaves_the_others_alone(cases: Path, settings: Settings) -> None:
    folder = models_of(settings)
    (cases / "masks" / "case_0.nii.gz").unlink()
    series = Series(
        series_key="k", study_key="", patient_key="", series_instance_uid="", files=(cases / "case_0.nii.gz",)
    )
    found = segmenter_for(series, folder.of(series))
    assert isinstance(found, Exclusion)
    assert "a file of it cannot be read (No such file or directory)" in found.sentence


def test_the_settings_choose(cases: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert models_of(Settings()) == default_models()
    assert own_models([], default_models()) == {}
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install TotalSegmentator"):
        models_of(Settings(engine="totalsegmentator"))


def test_what_travels_with_a_series_is_its_own_mask_alone(tmp_path: Path) -> None:
    built = write_series(tmp_path / "ct", CtSpec(slices=3))
    header = dcmread(built.files[0])
    labels = np.ones((4, 4, 4), dtype=np.uint8)
    (tmp_path / "masks").mkdir()
    for n, uid in enumerate((header.SeriesInstanceUID, "1.2.3")):
        write_seg(tmp_path / "masks" / f"{n}.dcm", labels, grid(extent_mm=(4.0,) * 3), names={1: "L1"}, series_uid=uid)
    models = models_of(Settings(masks=str(tmp_path / "masks")))
    series = Series(series_key="k", study_key="", patient_key="", series_instance_uid="", files=(built.files[0],))
    own = own_models([series], models)["k"]
    assert own.masks is None
    assert isinstance(own.mask, MaskFiles)
    assert [path.name for path in own.mask.files] == ["0.dcm"]
    assert own.outline_hash == own.mask.model_hash() != models.model_hash
    assert own.result_hash == joint_hash(own.outline_hash, models.regressor_hash)
    engine = segmenter_for(series, own)
    assert engine.model_hash == own.outline_hash


def test_a_real_ct_with_totalsegmentators_mask_as_seg(tmp_path: Path) -> None:
    """Lower thorax: T12 is outlined, T11 is not requested, and without a lumbar level there is no result."""
    ct = shared_data("ct", "siemens_biograph_mct")
    labels, geometry = read_nifti_labels(shared_data("labels", "totalseg_dicom.nii.gz"))
    header = dcmread(next(path for path in sorted(ct.iterdir()) if path.is_file()), stop_before_pixels=True)
    names = {32: "vertebrae_T12", 33: "vertebrae_T11", 5: "liver"}
    (tmp_path / "masks").mkdir()
    seg = tmp_path / "masks" / "siemens_biograph_mct.dcm"  # its UIDs are blanked; the folder name replaces them
    write_seg(seg, labels, geometry, names=names)
    settings = Settings(store=tmp_path / "store", key_file=tmp_path / "key", masks=str(tmp_path / "masks"))
    assert process([ct], tmp_path / "other", settings=settings).excluded == 1
    (refused,) = parquet.read_table(tmp_path / "other" / "exclusions.parquet").to_pylist()
    assert "another frame of reference" in refused["sentence"]
    write_seg(seg, labels, geometry, names=names, frame_uid=header.FrameOfReferenceUID)
    assert process([ct], tmp_path / "out", settings=settings).excluded == 1
    (row,) = series_rows(tmp_path / "out").values()
    assert row["engine"] == "mask from elsewhere: DICOM SEG, Tool 7"
    reasons = parquet.read_table(tmp_path / "out" / "exclusions.parquet").to_pylist()
    assert "outlined: T12" in next(r["found"] for r in reasons if r["code"] == "no_lumbar_level")
