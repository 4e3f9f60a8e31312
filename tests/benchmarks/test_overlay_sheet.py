"""Slices are shown head up and pass through the outlines, whatever the storage order."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks.overlay_sheet import cuts, sheet, worst_series
from benchmarks.resumable import write_table
from osteo_core.imaging.nifti import write_nifti
from osteo_core.imaging.resample import reorient
from osteo_core.records import Geometry, Segmentation, Volume
from osteo_core.terms import Anchor, Level
from training.real import read_ct

SHAPE = (20, 24, 30)


def outlined(codes: str) -> tuple[Volume, Segmentation]:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[6:10, 15:20, 18:26] = Level.L1
    labels[6:10, 15:20, 6:14] = Level.L2
    geometry = Geometry(shape=SHAPE, affine_lps=np.diag([1.0, 2.0, 3.0, 1.0]))
    hu, turned = reorient(np.where(labels > 0, 300, 0).astype(np.int16), geometry, codes)
    labels, _ = reorient(labels, geometry, codes)
    segmentation = Segmentation(
        labels=labels, geometry=turned, levels=(), anchor=Anchor.NONE, engine="made up", model_hash="0" * 12
    )
    return Volume(voxels_hu=hu, geometry=turned), segmentation


@pytest.mark.parametrize("codes", ["LPS", "RAI", "SLP"])
def test_cuts_stand_head_up_and_show_both_bodies(codes: str) -> None:
    sagittal, coronal = cuts(*outlined(codes))
    assert sagittal.hu.shape == (30, 24)
    assert coronal.hu.shape == (30, 20)
    assert (sagittal.aspect, coronal.aspect) == (1.5, 3.0)
    for cut in (sagittal, coronal):
        first, second = (np.argwhere(cut.labels == level)[:, 0].mean() for level in (Level.L1, Level.L2))
        assert first < second, "L1 lies above L2"
        assert (cut.hu[cut.labels > 0] == 300).all()


def test_a_cut_follows_a_crooked_spine() -> None:
    volume, segmentation = outlined("LPS")
    labels = np.array(segmentation.labels)
    labels[labels == Level.L2] = 0
    labels[14:18, 3:8, 6:14] = Level.L2
    sagittal, coronal = cuts(volume, replace(segmentation, labels=labels))
    assert set(np.unique(sagittal.labels)) == set(np.unique(coronal.labels)) == {0, Level.L1, Level.L2}


def test_a_volume_without_outlines_is_cut_in_the_middle(tmp_path) -> None:
    path = tmp_path / "air.nii.gz"
    geometry = Geometry(shape=SHAPE, affine_lps=np.diag([5.0, 5.0, 5.0, 1.0]))
    write_nifti(path, np.zeros(SHAPE, dtype=np.uint8), geometry)
    titles = sheet({"air": partial(read_ct, path)}, tmp_path / "sheet.png")
    assert titles == ["air: nothing outlined; counted from: none in view"]
    assert (tmp_path / "sheet.png").stat().st_size > 1000


def test_the_worst_series_are_those_of_whole_lumbar_levels(tmp_path: Path) -> None:
    judged = [
        (1, "L1", True, 0.9),
        (1, "L2", True, 0.7),
        (2, "L5", True, 0.1),
        (3, "L3", False, 0.2),
        (4, "L4", True, 0.8),
    ]
    rows = [{"seed": s, "level": level, "whole": whole, "dice": dice} for s, level, whole, dice in judged]
    write_table(tmp_path / "simulated.csv", rows)
    assert list(worst_series(2, tmp_path / "simulated.csv")) == ["simulated 1", "simulated 4"]
