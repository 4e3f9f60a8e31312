"""A mask sent by a browser: every fault in it gives one sentence, and only a sound mask passes."""

from __future__ import annotations

import gzip

import nibabel
import numpy as np
import pytest

from osteo_core.errors import UsageError
from osteo_core.records import Geometry
from osteo_core.review.mask import changes_between, mask_hash, read_sent_mask, released
from osteo_core.terms import Level

GRID = Geometry(
    shape=(20, 18, 24), affine_lps=np.array([[2.0, 0, 0, -7], [0, 2.0, 0, 5], [0, 0, 2.5, 100], [0, 0, 0, 1]])
)


def labels() -> np.ndarray:
    found = np.zeros(GRID.shape, dtype=np.uint8, order="F")
    found[4:14, 4:14, 3:9] = Level.L2
    found[4:14, 4:14, 12:18] = Level.L1
    return found


def sent(array: np.ndarray, *, affine: np.ndarray | None = None) -> bytes:
    ras = np.diag([-1.0, -1, 1, 1]) @ (GRID.affine_lps if affine is None else affine)
    return gzip.compress(nibabel.Nifti1Image(array, ras).to_bytes(), mtime=0)


def test_a_sound_mask_comes_back_as_it_was_drawn() -> None:
    assert np.array_equal(read_sent_mask(sent(labels()), GRID), labels())


def shifted() -> np.ndarray:
    affine = np.array(GRID.affine_lps)
    affine[2, 3] += 2.5
    return affine


UNKNOWN = labels()
UNKNOWN[0, 0, 0] = 77
SMALL = labels()
SMALL[0, 0, 0] = Level.L3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (sent(labels()[:-1]), "expected 20 x 18 x 24"),
        (sent(labels(), affine=shifted()), "lies elsewhere than this CT"),
        (sent(UNKNOWN), "holds 77, which is not a level"),
        (sent(np.zeros(GRID.shape, np.uint8)), "the mask is empty"),
        (sent(SMALL), "less than 1 ml of L3"),
        (sent(labels().astype(np.int16)), "expected uint8|more voxels"),
        (sent(np.zeros((200, 200, 200), np.uint8)), "more voxels than this CT"),
        (b"not gzip", "arrived damaged"),
        (sent(labels())[:-40], "arrived damaged"),
        (gzip.compress(b"x" * 600, mtime=0), "arrived damaged"),
        (b"", "arrived damaged"),
    ],
)
def test_what_is_wrong_is_one_sentence(content: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_sent_mask(content, GRID)


def test_no_damage_gets_further_than_a_sentence() -> None:
    rng = np.random.default_rng(3)
    whole = bytearray(nibabel.Nifti1Image(labels(), np.diag([-1.0, -1, 1, 1]) @ GRID.affine_lps).to_bytes())
    for _ in range(150):
        damaged = bytearray(whole)
        for place in rng.integers(0, 352, 4):
            damaged[place] = rng.integers(0, 256)
        try:
            read = read_sent_mask(gzip.compress(bytes(damaged), 1), GRID)
        except UsageError:
            continue
        assert read.shape == GRID.shape


def test_a_bomb_is_not_unpacked() -> None:
    with pytest.raises(UsageError, match="more voxels"):
        read_sent_mask(gzip.compress(b"\0" * 50_000_000), GRID)


def test_changes_add_up_and_dice_is_one_where_nothing_changed() -> None:
    before, after = labels(), labels()
    after[14, 4:14, 3:9] = Level.L2
    after[4:14, 4:14, 12:18] = 0
    found = {change.level: change for change in changes_between(before, after)}
    assert (found[Level.L2].added_voxels, found[Level.L2].removed_voxels) == (60, 0)
    assert found[Level.L2].dice == pytest.approx(2 * 600 / (600 + 660))
    assert found[Level.L1].dice == 0
    assert all(change.dice == 1 for change in changes_between(before, before))


def test_a_mask_is_named_by_labels_and_grid() -> None:
    moved = Geometry(shape=GRID.shape, affine_lps=shifted())
    names = {mask_hash(labels(), GRID), mask_hash(labels(), moved), mask_hash(UNKNOWN, GRID)}
    assert len(names) == 3
    assert mask_hash(labels(), GRID) == mask_hash(np.ascontiguousarray(labels()), GRID)


def test_a_released_mask_holds_only_its_levels() -> None:
    drawn = labels()
    drawn[0:3, 0:3, 0:3] = Level.L6
    assert set(np.unique(released(drawn))) == {0, int(Level.L1), int(Level.L2)}
