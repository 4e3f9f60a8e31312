"""A mask that lies elsewhere, is mirrored, has no bone under it or is misnumbered is refused with the reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteo_core.imaging.nifti import read_nifti_labels, read_nifti_volume
from osteo_core.outcomes import CautionCode
from osteo_core.records import Geometry, Volume
from osteo_core.segmentation.fit import cautions_of, misfit
from osteo_core.segmentation.masks import WholeVertebrae
from osteo_core.terms import Level
from tests.builders.segs import whole_spine
from tests.builders.spines import grid
from tests.shared_data import shared_data

GRID = grid(spacing_mm=(1.5, 1.5, 2.0), extent_mm=(84.0, 111.0, 160.0), centre_mm=(0.0, 15.0, 0.0))
CT, WHOLE, _ = whole_spine(GRID)
MASK = WholeVertebrae(labels=WHOLE, geometry=GRID, source="verse")


def moved(geometry: Geometry, shift_mm: tuple[float, float, float]) -> Geometry:
    affine = geometry.affine_lps.copy()
    affine[:3, 3] += shift_mm
    return Geometry(shape=geometry.shape, affine_lps=affine)


def renumbered(table: dict[int, int]) -> WholeVertebrae:
    lookup = np.arange(256, dtype=np.uint8)
    for old, new in table.items():
        lookup[old] = new
    return replace(MASK, labels=lookup[WHOLE])


def reason(mask: WholeVertebrae, volume: Volume = CT, *, frame: str = "") -> str:
    found = misfit(mask, volume, frame_of_reference_uid=frame)
    assert found is not None
    return found.sentence


def test_a_mask_in_its_place_fits() -> None:
    assert misfit(MASK, CT) is None
    assert misfit(replace(MASK, labels=np.zeros_like(WHOLE)), CT) is None


def test_another_frame_of_reference() -> None:
    mask = replace(MASK, frame_of_reference_uid="1.2")
    assert "another frame of reference" in reason(mask, frame="1.3")
    assert misfit(mask, CT, frame_of_reference_uid="1.2") is None
    assert misfit(mask, CT) is None  # a NIfTI CT does not state one


def test_a_mask_beside_the_ct() -> None:
    assert "no vertebra of it lies in the field of view" in reason(
        replace(MASK, geometry=moved(GRID, (0.0, 0.0, 400.0)))
    )


@pytest.mark.parametrize("shift_mm", [(20.0, 0.0, 0.0), (0.0, 40.0, 0.0), (-20.0, -20.0, 10.0)])
def test_a_mask_off_the_bone(shift_mm: tuple[float, float, float]) -> None:
    assert "does not lie on the vertebrae of this CT" in reason(replace(MASK, geometry=moved(GRID, shift_mm)))


def test_a_mask_that_does_not_say_where_it_lies_must_have_the_cts_grid() -> None:
    assert misfit(replace(MASK, is_placed=False), CT) is None
    smaller = replace(MASK, is_placed=False, labels=WHOLE[:, :, 2:], geometry=grid(extent_mm=(56.0, 74.0, 78.0)))
    assert "does not say where its voxels lie" in reason(smaller)


def test_numbers_that_run_the_wrong_way() -> None:
    """VerSe numbers read as those of a tool that counts upwards, or vice versa."""
    upside_down = renumbered({20: 23, 21: 22, 22: 21, 23: 20})
    assert "L1 does not lie above L2: its numbers are other than was said" in reason(upside_down)


def test_t13_lies_between_t12_and_l1() -> None:
    assert misfit(renumbered({20: Level.T12, 21: Level.T13, 22: Level.L1, 23: Level.L2}), CT) is None
    assert "T13 does not lie above L1" in reason(renumbered({20: Level.L1, 21: Level.T13}))


def test_totalsegmentators_numbers_read_as_verse() -> None:
    """27 and 28, TotalSegmentator's L5 and L4, are coccyx and T13 in VerSe."""
    assert "holds T13 and neither T12 nor L1" in reason(renumbered({20: 0, 21: 0, 22: 28, 23: 27}))


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ({22: 0, 23: 22}, "L2 and L3 lie"),
        ({21: 0, 20: 21}, "L2 and L3 lie"),
        ({21: 0, 20: Level.T13, 22: Level.L1, 23: Level.L2}, "the mask holds T13, T13 and L1 lie"),
    ],
)
def test_a_vertebra_left_out_while_the_numbers_go_on_is_for_review(table: dict[int, int], found: str) -> None:
    _, doubt = cautions_of(renumbered(table))
    assert doubt.code is CautionCode.LEVELS_UNSURE
    assert doubt.found.startswith(found)
    assert doubt.found.endswith("mm apart, as if a vertebra between them were not marked")


@pytest.mark.parametrize("end", range(38, 50, 2))
def test_a_vertebra_cut_by_the_end_of_the_image_is_no_vertebra_left_out(end: int) -> None:
    """Of a vertebra that is cut, only the spinous process may be in view: its middle lies far off, or near the next."""
    for part in (slice(0, end), slice(-end, None)):
        assert len(cautions_of(replace(MASK, labels=WHOLE[:, :, part]))) == 1


def test_cautions_say_whose_mask_it_is_and_what_to_review() -> None:
    (own,) = cautions_of(MASK)
    assert (own.code, own.found) == (CautionCode.MASK_FROM_ELSEWHERE, "verse")
    assert "states no confidence" in own.sentence
    _, variant = cautions_of(renumbered({23: Level.L6, 22: Level.L5, 21: Level.L4, 20: Level.L3}))
    assert (variant.code, variant.found) == (CautionCode.LEVELS_UNSURE, "the mask holds L6")
    _, gap = cautions_of(renumbered({21: 0, 22: 0}))
    assert gap.found == "the mask leaves out L2, the mask leaves out L3"
    _, above_sacrum = cautions_of(renumbered({23: Level.SACRUM}))
    assert above_sacrum.found == "the mask leaves out L4, the mask leaves out L5"
    assert len(cautions_of(renumbered({20: Level.T12, 21: Level.L1, 22: Level.L2, 23: Level.L3}))) == 1


@pytest.mark.parametrize(
    ("name", "ct"),
    [
        ("verse005", "labels/pairs/verse005_ct.nii.gz"),
        ("verse007", "labels/pairs/verse007_ct.nii.gz"),
        ("verse014", "labels/pairs/verse014_ct.nii.gz"),
        ("lidc_0001", "ct/lidc_0001.nii.gz"),
    ],
)
def test_real_masks_fit_and_mirrored_ones_do_not(name: str, ct: str) -> None:
    labels, geometry = read_nifti_labels(shared_data("labels", f"{name}.nii.gz"))
    volume = read_nifti_volume(shared_data(*ct.split("/")))
    assert isinstance(volume, Volume)
    mask = WholeVertebrae(labels=labels, geometry=geometry, source="verse")
    assert misfit(mask, volume) is None
    for axis in range(3):
        assert misfit(replace(mask, labels=np.flip(labels, axis).copy()), volume) is not None
    assert misfit(replace(mask, geometry=moved(geometry, (15.0, 0.0, 0.0))), volume) is not None
