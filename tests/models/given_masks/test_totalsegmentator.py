"""TotalSegmentator is run where it is installed; these tests install a stand-in of that name, with weights folders."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from models.given_masks.totalsegmentator import TotalSegmentatorSegmenter, installed
from osteo_core.errors import UsageError
from osteo_core.imaging.nifti import write_nifti
from osteo_core.records import Segmentation
from tests.builders.segs import whole_spine
from tests.builders.spines import grid

GRID = grid(spacing_mm=(1.5, 1.5, 2.0), extent_mm=(84.0, 111.0, 160.0), centre_mm=(0.0, 15.0, 0.0))
CT, WHOLE, BODIES = whole_spine(GRID)

API = """
import json, os, shutil, sys
def send_usage_stats(*a, **k):
    raise SystemExit("statistics were sent")
def totalsegmentator(input, output, ml, task, roi_subset, quiet):
    send_usage_stats()
    assert ml and task == "total" and "vertebrae_L1" in roi_subset and "liver" not in roi_subset
    if os.environ.get("STAND_IN_FAILS"):
        raise RuntimeError("no memory")
    shutil.copy(os.environ["STAND_IN_MASK"], output)
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of that name with the functions that are called; its mask is the truth in its own numbers."""
    package = tmp_path / "site" / "totalsegmentator"
    package.mkdir(parents=True)
    weights = tmp_path / "weights"
    names = {n: f"vertebrae_{name}" for n, name in ((27, "L5"), (28, "L4"), (29, "L3"), (30, "L2"), (31, "L1"))}
    (package / "__init__.py").write_text("")
    (package / "config.py").write_text(f"def get_weights_dir():\n    return {str(weights)!r}\n")
    (package / "map_to_binary.py").write_text(f"class_map = {{'total': {{5: 'liver', **{names!r}}}}}\n")
    (package / "python_api.py").write_text(API)
    info = tmp_path / "site" / "totalsegmentator-2.18.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: TotalSegmentator\nVersion: 2.18.0\n")
    for number in (291, 292, 293, 294, 295, 298):
        (weights / f"Dataset{number}_stand_in").mkdir(parents=True)
    write_nifti(tmp_path / "mask.nii.gz", np.where(WHOLE > 0, 51 - WHOLE, 0).astype(np.uint8), GRID)
    monkeypatch.setenv("STAND_IN_MASK", str(tmp_path / "mask.nii.gz"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path / "site"), os.environ.get("PYTHONPATH", ""))))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    importlib.invalidate_caches()
    yield weights
    for name in [name for name in sys.modules if name.split(".")[0] == "totalsegmentator"]:
        del sys.modules[name]


def test_where_it_is_missing_the_sentence_says_how_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"is not installed; 'pip install TotalSegmentator' and 'totalseg_download"):
        installed()


def test_missing_weights_are_refused_before_anything_is_fetched(stand_in: Path) -> None:
    (stand_in / "Dataset292_stand_in").rmdir()
    with pytest.raises(UsageError, match="1 of 6 networks are missing; 'totalseg_download_weights -t total'"):
        installed()


def test_its_masks_go_through_the_same_reader(stand_in: Path) -> None:
    engine = TotalSegmentatorSegmenter()
    found = engine.segment(CT)
    assert isinstance(found, Segmentation)
    assert found.engine == "TotalSegmentator 2.18.0, run here"
    assert found.model_hash == engine.model_hash == installed()[1]
    assert [body.level.name for body in found.levels] == ["L1", "L2", "L3", "L4"]
    assert {body.confidence for body in found.levels} == {None}
    assert ((found.labels > 0) & (BODIES > 0)).sum() > 0.95 * (BODIES > 0).sum()


def test_other_weights_are_another_model(stand_in: Path) -> None:
    before = installed()[1]
    (stand_in / "Dataset292_stand_in").rename(stand_in / "Dataset292_newer")
    assert installed()[1] != before


def test_a_failure_of_the_package_is_an_error(stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN_FAILS", "1")
    with pytest.raises(RuntimeError, match="TotalSegmentator ended with code 1 and gave no mask"):
        TotalSegmentatorSegmenter().segment(CT)
