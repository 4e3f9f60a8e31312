"""SEGs of every kind are read back as written, on any axes, with only the requested segments."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from osteo_core.dicom.seg import SegUnreadableError, read_seg, seg_header
from osteo_core.imaging.resample import canonical, resample_labels
from osteo_core.records import Geometry
from tests.builders.segs import write_seg
from tests.builders.series import CtSpec, truth_geometry
from tests.builders.spines import grid, rotation

NAMES = {5: "first", 9: "second", 200: "third"}


def blocks(geometry: Geometry) -> np.ndarray:
    labels = np.zeros(geometry.shape, dtype=np.uint8)
    labels[3:9, 4:7, 2:5] = 5
    labels[1:4, 9:12, 7:9] = 9  # two empty slices between the first and the second
    labels[10:12, 2:5, 9:11] = 200
    return labels


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
@pytest.mark.parametrize(
    "turn", [np.eye(3), np.diag([-1.0, -1.0, 1.0]), np.eye(3)[:, [1, 2, 0]], rotation("x", 20) @ rotation("z", 10)]
)
def test_what_was_written_comes_back_where_it_lay(tmp_path: Path, kind: str, turn: np.ndarray) -> None:
    geometry = grid(spacing_mm=(1.5, 0.7, 2.3), extent_mm=(19.5, 9.8, 29.9), rotation=turn)
    labels = blocks(geometry)
    path = write_seg(tmp_path / "seg.dcm", labels, geometry, names=NAMES, kind=kind)
    read = read_seg(path, lambda segment: {1: 5, 2: 9, 3: 200}[segment.number])
    assert np.array_equal(resample_labels(read.labels, read.geometry, geometry), labels)
    assert read.labels.shape == (*geometry.shape[:2], 9)
    assert np.allclose(read.geometry.voxel_volume_ml, geometry.voxel_volume_ml)


def test_the_stack_grows_along_its_own_normal(tmp_path: Path) -> None:
    """Frames of a grid whose third axis runs against the normal are sorted by position."""
    geometry = grid(spacing_mm=(1.0, 1.0, 2.0), extent_mm=(13.0, 14.0, 24.0), rotation=np.diag([1.0, 1.0, -1.0]))
    labels = blocks(geometry)
    read = read_seg(write_seg(tmp_path / "s.dcm", labels, geometry, names=NAMES), lambda segment: segment.number)
    turned, where = canonical(read.labels, read.geometry)
    assert where.axis_codes == "LPS"
    assert np.array_equal(resample_labels(turned, where, geometry) > 0, labels > 0)


def test_only_the_segments_asked_for_are_painted(tmp_path: Path) -> None:
    geometry = grid(spacing_mm=(1.0, 1.0, 1.0), extent_mm=(13.0, 14.0, 12.0))
    path = write_seg(tmp_path / "s.dcm", blocks(geometry), geometry, names=NAMES)
    read = read_seg(path, lambda segment: 7 if segment.words[0] == "second" else 0)
    assert set(np.unique(read.labels)) == {0, 7}
    assert [segment.words[0] for segment in read.segments] == ["first", "second", "third"]
    assert read.segments[0].algorithm == "Tool 7"


def test_a_seg_of_a_tilted_gantry_lies_where_its_slices_lie(tmp_path: Path) -> None:
    geometry = truth_geometry(CtSpec(tilt_deg=12.0, slices=30))
    labels = np.zeros(geometry.shape, dtype=np.uint8)
    labels[20:40, 20:30, 3:12] = 5
    path = write_seg(tmp_path / "s.dcm", labels, geometry, names={5: "first"})
    read = read_seg(path, lambda segment: 5)
    assert np.array_equal(resample_labels(read.labels, read.geometry, geometry), labels)
    steep = truth_geometry(CtSpec(tilt_deg=40.0, slices=30))
    with pytest.raises(SegUnreadableError, match=r"tilted by 40\.0 degrees; at most"):
        read_seg(_relaid(path, steep), lambda segment: 5)


def _relaid(path: Path, geometry: Geometry) -> Path:
    dataset = dcmread(path)
    turn = [float(v) for axis in (0, 1) for v in geometry.directions[:, axis]]
    groups = dataset.SharedFunctionalGroupsSequence[0]
    groups.PlaneOrientationSequence[0].ImageOrientationPatient = turn
    for k, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        place = geometry.to_world_mm(np.array([0.0, 0.0, 3.0 + k]))
        group.PlanePositionSequence[0].ImagePositionPatient = [round(float(v), 6) for v in place]
    dataset.save_as(path)
    return path


@pytest.mark.parametrize("step_mm", [0.625, 0.3125, 1.0 / 3.0])
@pytest.mark.parametrize("decimals", [2, 3, 10])
def test_a_long_stack_of_fine_steps_is_one(tmp_path: Path, step_mm: float, decimals: int) -> None:
    geometry = grid(spacing_mm=(1.0, 1.0, step_mm), extent_mm=(13.0, 14.0, 300 * step_mm))
    labels = np.zeros(geometry.shape, dtype=np.uint8)
    labels[3:9, 4:7, 20:90] = 5
    labels[3:9, 4:7, 95:290] = 9
    path = write_seg(tmp_path / "s.dcm", labels, geometry, names={5: "first", 9: "second"})
    dataset = dcmread(path)
    for group in dataset.PerFrameFunctionalGroupsSequence:
        place = group.PlanePositionSequence[0]
        place.ImagePositionPatient = [round(float(v), decimals) for v in place.ImagePositionPatient]
    dataset.save_as(path)
    read = read_seg(path, lambda segment: {1: 5, 2: 9}[segment.number])
    assert np.array_equal(read.labels, labels[:, :, 20:290])


def test_one_segment_may_be_said_for_all_frames_at_once(tmp_path: Path) -> None:
    geometry = grid(spacing_mm=(1.0, 1.0, 1.0), extent_mm=(13.0, 14.0, 12.0))
    labels = np.where(blocks(geometry) == 9, 9, 0).astype(np.uint8)
    path = write_seg(tmp_path / "s.dcm", labels, geometry, names={9: "second"})
    dataset = dcmread(path)
    frames = dataset.PerFrameFunctionalGroupsSequence
    dataset.SharedFunctionalGroupsSequence[0].SegmentIdentificationSequence = frames[0].SegmentIdentificationSequence
    for group in frames:
        del group.SegmentIdentificationSequence
    dataset.save_as(path)
    assert np.count_nonzero(read_seg(path, lambda segment: 9).labels) == np.count_nonzero(labels)


def test_the_header_says_whose_mask_it_is(tmp_path: Path) -> None:
    geometry = grid(spacing_mm=(1.0, 1.0, 1.0), extent_mm=(13.0, 14.0, 12.0))
    path = write_seg(tmp_path / "s.dcm", blocks(geometry), geometry, names=NAMES, series_uid="1.2.3", frame_uid="1.9")
    header = seg_header(path)
    assert header is not None
    assert (header.series_instance_uids, header.frame_of_reference_uid) == (("1.2.3",), "1.9")
    (tmp_path / "text").write_text("no DICOM at all")
    assert seg_header(tmp_path / "text") is None


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda d: setattr(d, "PerFrameFunctionalGroupsSequence", []), "a SEG without frames"),
        (lambda d: setattr(d, "PixelData", d.PixelData[:40]), "fewer pixels than frames"),
        (lambda d: setattr(d, "SOPClassUID", "1.2.3"), "expected a DICOM segmentation"),
        (lambda d: delattr(d.SharedFunctionalGroupsSequence[0], "PlaneOrientationSequence"), "without orientation"),
        (
            lambda d: setattr(
                d.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0], "ImagePositionPatient", [0, 9, 9.4]
            ),
            "not evenly spaced",
        ),
        (
            lambda d: delattr(d.PerFrameFunctionalGroupsSequence[1], "PlanePositionSequence"),
            "have no position",
        ),
        (
            lambda d: delattr(d.PerFrameFunctionalGroupsSequence[1], "SegmentIdentificationSequence"),
            "do not reference a segment",
        ),
        (lambda d: setattr(d, "PixelData", bytes(len(d.PixelData))), "are empty"),
    ],
)
def test_a_spoilt_seg_says_what_is_wrong(tmp_path: Path, spoil, words: str) -> None:
    geometry = grid(spacing_mm=(1.0, 1.0, 1.0), extent_mm=(13.0, 14.0, 12.0))
    path = write_seg(tmp_path / "s.dcm", blocks(geometry), geometry, names=NAMES)
    dataset = dcmread(path)
    spoil(dataset)
    dataset.save_as(path)
    with pytest.raises(SegUnreadableError, match=words):
        read_seg(path, lambda segment: segment.number)


def test_thousands_of_segments_are_painted_at_once(tmp_path: Path) -> None:
    """A label map of 30,000 segments, each of which could be a vertebra, took minutes."""
    geometry = grid(spacing_mm=(1.0, 1.0, 1.0), extent_mm=(256.0, 256.0, 12.0))
    path = write_seg(tmp_path / "s.dcm", blocks(geometry), geometry, names=NAMES, kind="LABELMAP")
    dataset = dcmread(path)
    for number in range(4, 30_000):
        item = Dataset()
        item.SegmentNumber, item.SegmentLabel, item.SegmentAlgorithmType = number, "L1", "MANUAL"
        dataset.SegmentSequence.append(item)
    dataset.save_as(path)
    began = time.process_time()
    read = read_seg(path, lambda segment: min(segment.number, 4))
    assert set(np.unique(read.labels)) == {0, 1, 2, 3}
    assert time.process_time() - began < 20


def test_a_negative_pixel_spacing_mirrors_nothing(tmp_path: Path) -> None:
    geometry = grid(spacing_mm=(1.0, 1.0, 1.0), extent_mm=(13.0, 14.0, 12.0))
    path = write_seg(tmp_path / "s.dcm", blocks(geometry), geometry, names=NAMES)
    dataset = dcmread(path)
    dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [-1.0, 1.0]
    dataset.save_as(path)
    with pytest.raises(SegUnreadableError, match="without orientation or pixel spacing"):
        read_seg(path, lambda segment: segment.number)


def test_frames_too_far_apart_are_told_by_their_distance(tmp_path: Path) -> None:
    geometry = grid(spacing_mm=(1.0, 1.0, 1.0), extent_mm=(13.0, 14.0, 12.0))
    path = write_seg(tmp_path / "s.dcm", blocks(geometry), geometry, names=NAMES)
    dataset = dcmread(path)
    last = dataset.PerFrameFunctionalGroupsSequence[-1].PlanePositionSequence[0]
    last.ImagePositionPatient = [*last.ImagePositionPatient[:2], last.ImagePositionPatient[2] + 20_000]
    dataset.save_as(path)
    with pytest.raises(SegUnreadableError, match=r"frames lie 20\.0 m apart; no CT is longer than 3 m"):
        read_seg(path, lambda segment: segment.number)
