"""The engine for masks: bodies on the CT's grid from any grid and format, with no confidence of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.given_masks.segmenter import MaskSegmenter
from osteo_core.imaging.nifti import write_nifti
from osteo_core.imaging.resample import reorient
from osteo_core.outcomes import CautionCode, Exclusion
from osteo_core.records import Segmentation, Volume
from osteo_core.segmentation.find_masks import MaskFiles
from osteo_core.segmentation.naming import MaskTool
from osteo_core.terms import Anchor, Level
from tests.builders.segs import names_of, whole_spine, write_seg
from tests.builders.spines import grid

GRID = grid(spacing_mm=(1.0, 1.0, 2.0), extent_mm=(80.0, 110.0, 160.0), centre_mm=(0.0, 15.0, 0.0))
CT, WHOLE, BODIES = whole_spine(GRID)


def segmented(path: Path, volume: Volume = CT, tool: MaskTool = MaskTool.VERSE, **more: str) -> Segmentation:
    found = MaskSegmenter(MaskFiles(files=(path,), tool=tool), model_hash="a" * 12, **more).segment(volume)
    assert isinstance(found, Segmentation), found
    return found


def dices(found: Segmentation, truth: np.ndarray) -> list[float]:
    return [
        2 * float(((found.labels == b.level) & (truth == b.level)).sum()) / float(b.voxels + (truth == b.level).sum())
        for b in found.levels
    ]


def test_the_bodies_and_whose_they_are(tmp_path: Path) -> None:
    write_nifti(tmp_path / "m.nii.gz", WHOLE, GRID)
    found = segmented(tmp_path / "m.nii.gz")
    assert [body.level.name for body in found.levels] == ["L1", "L2", "L3", "L4"]
    assert min(dices(found, BODIES)) > 0.95
    assert (found.engine, found.model_hash, found.anchor) == ("mask from elsewhere: verse", "a" * 12, Anchor.STATED)
    assert {(body.confidence, body.cut) for body in found.levels} == {(None, "")}
    assert [caution.code for caution in found.cautions] == [CautionCode.MASK_FROM_ELSEWHERE]
    centre = next(body.centroid_mm for body in found.levels if body.level is Level.L2)
    assert np.allclose(centre, GRID.to_world_mm(np.argwhere(BODIES == Level.L2).mean(0)), atol=1.0)


@pytest.mark.parametrize("codes", ["RAS", "PIR", "SLA"])
def test_a_mask_with_other_axes_gives_the_same_bodies(tmp_path: Path, codes: str) -> None:
    write_nifti(tmp_path / "m.nii.gz", WHOLE, GRID)
    turned, where = reorient(WHOLE, GRID, codes)
    write_nifti(tmp_path / "turned.nii.gz", np.ascontiguousarray(turned), where)
    plain, other = segmented(tmp_path / "m.nii.gz"), segmented(tmp_path / "turned.nii.gz")
    assert min(dices(other, np.asarray(plain.labels))) > 0.995


def test_a_mask_on_a_finer_and_larger_grid(tmp_path: Path) -> None:
    fine = grid(spacing_mm=(1.3, 0.8, 1.5), extent_mm=(104.0, 120.0, 180.0), centre_mm=(2.0, 14.0, 3.0))
    write_nifti(tmp_path / "m.nii.gz", whole_spine(fine)[1], fine)
    found = segmented(tmp_path / "m.nii.gz")
    assert min(dices(found, BODIES)) > 0.93
    assert {body.cut for body in found.levels} == {""}


def test_a_seg_that_leaves_empty_slices_out_cuts_nothing(tmp_path: Path) -> None:
    path = write_seg(tmp_path / "s.dcm", WHOLE, GRID, names=names_of(WHOLE))
    found = segmented(path, tool=MaskTool.NAMES)
    assert found.engine == "mask from elsewhere: DICOM SEG, Tool 7"
    assert min(dices(found, BODIES)) > 0.95
    assert {body.cut for body in found.levels} == {""}


def test_what_the_ct_cuts_and_what_the_mask_cuts_is_marked(tmp_path: Path) -> None:
    write_nifti(tmp_path / "m.nii.gz", WHOLE, GRID)
    top = int(np.argwhere(BODIES == Level.L1)[:, 2].mean())
    part = Volume(
        voxels_hu=CT.voxels_hu[:, :, :top], geometry=type(GRID)(shape=(80, 110, top), affine_lps=GRID.affine_lps)
    )
    assert {b.level.name: b.cut for b in segmented(tmp_path / "m.nii.gz", part).levels}["L1"] == "superior"
    write_nifti(tmp_path / "short.nii.gz", np.ascontiguousarray(WHOLE[:, :, :top]), part.geometry)
    cut = {b.level.name: b.cut for b in segmented(tmp_path / "short.nii.gz").levels}
    assert cut == {"L1": "superior", "L2": "", "L3": "", "L4": ""}


def test_an_empty_mask_is_refused(tmp_path: Path) -> None:
    """An empty mask does not mean that the CT shows no lumbar vertebra."""
    write_nifti(tmp_path / "m.nii.gz", np.zeros(GRID.shape, np.uint8), GRID)
    mask = MaskFiles(files=(tmp_path / "m.nii.gz",), tool=MaskTool.VERSE)
    found = MaskSegmenter(mask, model_hash="a" * 12).segment(CT)
    assert isinstance(found, Exclusion)
    assert "it holds no vertebra" in found.sentence


def test_l6_is_left_out_and_told(tmp_path: Path) -> None:
    labels = np.where(WHOLE > 0, WHOLE + 2, 0).astype(np.uint8)  # L3-L6
    write_nifti(tmp_path / "m.nii.gz", labels, GRID)
    found = segmented(tmp_path / "m.nii.gz")
    assert [body.level.name for body in found.levels] == ["L3", "L4", "L5"]
    assert "the mask holds L6" in [caution.found for caution in found.cautions]


def test_a_refusal_is_an_exclusion(tmp_path: Path) -> None:
    path = write_seg(tmp_path / "s.dcm", WHOLE, GRID, names=names_of(WHOLE), frame_uid="1.2.3")
    engine = MaskSegmenter(
        MaskFiles(files=(path,), tool=MaskTool.NAMES), model_hash="a" * 12, frame_of_reference_uid="1.2.4"
    )
    found = engine.segment(CT)
    assert isinstance(found, Exclusion)
    assert "another frame of reference" in found.sentence
    write_nifti(tmp_path / "m.nii.gz", WHOLE, GRID)
    unnamed = MaskSegmenter(MaskFiles(files=(tmp_path / "m.nii.gz",), tool=MaskTool.NAMES), model_hash="a" * 12)
    refused = unnamed.segment(CT)
    assert isinstance(refused, Exclusion)
    assert "no tool was named" in refused.sentence
