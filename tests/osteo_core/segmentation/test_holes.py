"""Holes in a mask's vertebra are filled and reported; one with missing slices or voxels is refused."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from osteo_core.outcomes import CautionCode, Exclusion
from osteo_core.records import LabelArray
from osteo_core.segmentation.holes import without_holes
from osteo_core.segmentation.masks import WholeVertebrae
from osteo_core.terms import Level
from tests.builders.spines import grid
from tests.shared_data import shared_data

GRID = grid(spacing_mm=(1.0, 1.0, 1.0), extent_mm=(50.0, 50.0, 60.0))
BODY = np.zeros(GRID.shape, dtype=np.uint8)
BODY[5:45, 8:42, 10:38] = Level.L3


def mask_of(labels: LabelArray) -> WholeVertebrae:
    return WholeVertebrae(labels=labels, geometry=GRID, source="x")


def spoilt(where: tuple[slice, ...]) -> LabelArray:
    labels = BODY.copy()
    labels[where] = 0
    return labels


def test_a_sound_mask_is_the_same_mask() -> None:
    mask = mask_of(BODY)
    assert without_holes(mask) == (mask, ())


def test_a_cavity_is_filled_and_counted() -> None:
    found = without_holes(mask_of(spoilt((slice(20, 30), slice(20, 30), slice(20, 25)))))
    assert not isinstance(found, Exclusion)
    mask, (caution,) = found
    assert np.array_equal(mask.labels, BODY)
    assert (caution.code, caution.found) == (CautionCode.MASK_HOLES, "500 voxel(s) of L3")


def test_another_number_inside_is_no_hole() -> None:
    labels = spoilt((slice(20, 30), slice(20, 30), slice(20, 25)))
    labels[20:30, 20:30, 20:25] = Level.L2
    found = without_holes(mask_of(labels))
    assert not isinstance(found, Exclusion)
    assert np.array_equal(found[0].labels, labels)


@pytest.mark.parametrize("every", ["slice", "voxel"])
def test_missing_slices_or_voxels_are_refused(every: str) -> None:
    labels = BODY.copy()
    if every == "slice":
        labels[:, :, ::4] = 0
    else:
        labels[np.random.default_rng(1).random(labels.shape) < 0.3] = 0
    found = without_holes(mask_of(labels))
    assert isinstance(found, Exclusion)
    assert "L3 is not marked: its outline has gaps or missing slices" in found.sentence


@pytest.mark.parametrize("name", ["verse004", "verse009", "lidc_0001", "totalseg_dicom"])
def test_reference_masks_of_real_ct_have_none(name: str) -> None:
    image = nibabel.load(shared_data("labels", f"{name}.nii.gz"))
    labels = np.asarray(image.dataobj).astype(np.uint8)
    found = without_holes(WholeVertebrae(labels=labels, geometry=GRID, source="x"))
    assert not isinstance(found, Exclusion), found
