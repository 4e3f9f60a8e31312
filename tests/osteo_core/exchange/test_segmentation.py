"""The SEG of a signed read holds the exact voxels in their positions, and says what each segment is and by whom."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from pydicom import Dataset

from osteo_core.dicom.seg import read_seg
from osteo_core.errors import UsageError
from osteo_core.exchange.segmentation import seg_of
from osteo_core.exchange.source import Source
from osteo_core.imaging.resample import resample_labels
from osteo_core.imaging.tilt import untilt
from osteo_core.records import Geometry, Volume
from osteo_core.segmentation.find_masks import MaskFiles
from osteo_core.segmentation.masks import WholeVertebrae, read_mask
from osteo_core.segmentation.naming import MaskTool
from osteo_core.terms import Level
from tests.builders.series import CORONAL, SAGITTAL
from tests.builders.spines import rotation
from tests.osteo_core.exchange.sending import SIGNED, blocks, made_from, read_back, source_in, written

AXES = np.vstack([np.eye(3), -np.eye(3)])
#: Rows and columns along any two body axes in either direction, and oblique to all of them.
ORIENTATIONS = [
    *(
        tuple(AXES[a + 3 * i]) + tuple(AXES[b + 3 * j])
        for (a, b), i, j in product(permutations(range(3), 2), (0, 1), (0, 1))
    ),
    *(tuple(turn[:, 0]) + tuple(turn[:, 1]) for turn in (rotation("x", 20) @ rotation("z", 10), rotation("y", -35))),
]


def labels_from(path: Path, made: Dataset, target: Geometry) -> np.ndarray:
    """The labels found in the file by our own reader, by the segments' labels, on the grid of the source."""
    path.write_bytes(written(made))
    read = read_seg(path, lambda segment: Level[segment.words[0]])
    return resample_labels(read.labels, read.geometry, target)


@pytest.mark.parametrize("is_enhanced", [False, True])
@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=lambda one: " ".join(f"{v:.2g}" for v in one))
def test_every_voxel_comes_back_where_it_lay(tmp_path: Path, orientation, is_enhanced: bool) -> None:
    source = source_in(tmp_path / "ct", orientation=orientation, is_enhanced=is_enhanced, is_shuffled=True)
    seg, _ = made_from(source)
    labels = blocks(source.geometry.shape)
    assert np.array_equal(labels_from(tmp_path / "s.dcm", seg, source.geometry), labels)


@pytest.mark.parametrize("orientation", [SAGITTAL, CORONAL])
def test_a_mask_on_turned_axes_is_laid_on_the_slices(tmp_path: Path, orientation) -> None:
    """As kept by a store: the same grid with its axes in another order."""
    source = source_in(tmp_path / "ct", orientation=orientation)
    grid, labels = source.geometry, blocks(source.geometry.shape)
    affine = grid.affine_lps[:, [2, 0, 1, 3]].copy()
    affine[:3, 1] *= -1
    affine[:3, 3] = grid.to_world_mm(np.array([grid.shape[0] - 1, 0, 0]))
    turned = Geometry(shape=(grid.shape[2], grid.shape[0], grid.shape[1]), affine_lps=affine)
    seg = seg_of(source, labels.transpose(2, 0, 1)[:, ::-1], turned, SIGNED)
    assert np.array_equal(labels_from(tmp_path / "s.dcm", seg, grid), labels)


def test_a_straightened_tilt_goes_back_to_the_slices_of_the_files(tmp_path: Path) -> None:
    source = source_in(tmp_path / "ct", tilt_deg=12.0, slices=30)
    upright = untilt(Volume(voxels_hu=np.zeros(source.geometry.shape, dtype=np.int16), geometry=source.geometry))
    assert isinstance(upright, Volume)
    labels = blocks(upright.geometry.shape)
    seg = seg_of(source, labels, upright.geometry, SIGNED)
    back = labels_from(tmp_path / "s.dcm", seg, source.geometry)
    expected = resample_labels(labels, upright.geometry, source.geometry)
    assert np.array_equal(back, expected)
    assert abs(np.count_nonzero(back) / np.count_nonzero(labels) - 1) < 0.03


def test_a_run_of_the_slices_keeps_its_place(tmp_path: Path) -> None:
    source = source_in(tmp_path / "ct", slices=20)
    labels = blocks(source.geometry.shape)
    affine = source.geometry.affine_lps.copy()
    affine[:3, 3] = source.geometry.to_world_mm(np.array([0, 0, 2]))
    part = Geometry(shape=(*labels.shape[:2], 16), affine_lps=affine)
    seg = seg_of(source, labels[:, :, 2:18], part, SIGNED)
    assert np.array_equal(labels_from(tmp_path / "s.dcm", seg, source.geometry)[:, :, 2:18], labels[:, :, 2:18])


def test_frames_refer_to_the_very_slices(tmp_path: Path) -> None:
    source = source_in(tmp_path / "ct", is_shuffled=True)
    made = read_back(made_from(source)[0])
    places = {one.sop_instance_uid.split("#")[0]: one.position_mm for one in source.stack.slices}
    for group in made.PerFrameFunctionalGroupsSequence:
        uid = group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        assert np.allclose(group.PlanePositionSequence[0].ImagePositionPatient, places[uid])
    assert made.FrameOfReferenceUID == source.header.FrameOfReferenceUID
    assert {
        item.ReferencedSOPInstanceUID for item in made.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    } == set(places)


def test_frames_of_a_multi_frame_source_are_told_by_number(tmp_path: Path) -> None:
    source = source_in(tmp_path / "ct", is_enhanced=True, is_shuffled=True)
    made = read_back(made_from(source)[0])
    places = {one.frame + 1: one.position_mm for one in source.stack.slices}
    for group in made.PerFrameFunctionalGroupsSequence:
        item = group.DerivationImageSequence[0].SourceImageSequence[0]
        assert np.allclose(group.PlanePositionSequence[0].ImagePositionPatient, places[int(item.ReferencedFrameNumber)])
        assert item.ReferencedSOPClassUID == source.header.SOPClassUID


def test_each_segment_is_coded_and_says_who_drew_it(tmp_path: Path) -> None:
    seg = hd.seg.Segmentation.from_dataset(read_back(made_from(source_in(tmp_path / "ct"))[0]))
    kinds = [seg.get_segment_description(n) for n in (1, 2, 3)]
    assert [one.segment_label for one in kinds] == ["L1", "L2", "L3"]
    assert [one.algorithm_type.value for one in kinds] == ["AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"]
    assert [one.anatomic_regions[0].value for one in kinds] == ["66794005", "14293000", "36470004"]
    assert {one.segmented_property_type.value for one in kinds} == {"3572006"}
    assert (kinds[0].algorithm_identification.name, kinds[0].algorithm_identification.version) == (
        "vertebra_segmentation",
        "a" * 12,
    )
    assert kinds[2].algorithm_identification is None
    assert "research use" in seg.SeriesDescription.lower()


def test_levels_without_a_code_have_the_part_of_the_spine_and_say_so(tmp_path: Path) -> None:
    """Not the code of a neighbour, which would give two vertebrae the same code."""
    source = source_in(tmp_path / "ct", slices=30)
    labels = blocks(source.geometry.shape, (28, 20, 24, 25))
    seg = made_from(source, labels=labels)[0]
    found = {item.SegmentLabel: item for item in read_back(seg).SegmentSequence}
    assert {name: item.AnatomicRegionSequence[0].CodeMeaning for name, item in found.items()} == {
        "L1": "L1 vertebra",
        "L5": "L5 vertebra",
        "L6": "Lumbar spine",
        "T13": "Thoracic spine",
    }
    assert "no code of its own" in str(found["L6"].TrackingID)


def test_the_program_reads_its_own_segments_as_the_levels_they_are(tmp_path: Path) -> None:
    source = source_in(tmp_path / "ct", slices=30)
    labels = blocks(source.geometry.shape, (20, 21, 22, 23, 24, 25))
    file = tmp_path / "s.dcm"
    file.write_bytes(written(made_from(source, labels=labels)[0]))
    read = read_mask(MaskFiles(files=(file,), tool=MaskTool.NAMES))
    assert isinstance(read, WholeVertebrae), read
    assert np.array_equal(resample_labels(read.labels, read.geometry, source.geometry), labels)


def test_outlines_beside_the_slices_are_refused(tmp_path: Path) -> None:
    source: Source = source_in(tmp_path / "ct")
    affine = source.geometry.affine_lps.copy()
    affine[0, 3] += 5000.0
    with pytest.raises(UsageError, match="no outline lies on the slices"):
        seg_of(source, blocks(source.geometry.shape), Geometry(shape=source.geometry.shape, affine_lps=affine), SIGNED)
