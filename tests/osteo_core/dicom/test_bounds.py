"""Files that claim or inflate to more than they hold, and unexpected headers: one reason each, and the run goes on."""

from __future__ import annotations

import io
import resource
import struct
import tracemalloc
import zlib
from pathlib import Path

import nibabel
import numpy as np
import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from osteo_core.dicom import bounds
from osteo_core.dicom.pixels import PixelsUnreadableError, read_frames
from osteo_core.dicom.volume import read_volume
from osteo_core.outcomes import Exclusion, ExclusionCode
from tests.builders.series import CtSpec, write_series
from tests.osteo_core.dicom.finding import find, found_in, the_exclusion, the_series, volume_of


def deflated(path: Path, dataset: Dataset, *, more: int = 0) -> Path:
    """The data set as a deflated file; ``more`` zero bytes follow it in the deflated stream."""
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    raw = buffer.getvalue()
    end = 144 + struct.unpack("<I", raw[140:144])[0]
    body = zlib.decompress(raw[end:], -zlib.MAX_WBITS)
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    with path.open("wb") as file:
        file.write(raw[:end] + packer.compress(body))
        for _ in range(more // 2**20):
            file.write(packer.compress(bytes(2**20)))
        file.write(packer.flush())
    return path


def one_slice(tmp_path: Path, **spec) -> Dataset:
    built = write_series(tmp_path / "plain", CtSpec(**spec))
    return dcmread(built.files[0])


def test_a_deflated_series_reads_as_a_plain_one(tmp_path: Path) -> None:
    built = write_series(tmp_path / "ct", CtSpec())
    for path in built.files:
        deflated(path, dcmread(path))
    found = find(built.folder)
    assert the_series(found).transfer_syntax_uid == DeflatedExplicitVRLittleEndian
    assert np.array_equal(volume_of(found).voxels_hu, built.voxels_hu)


def test_a_header_is_inflated_no_further_than_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_HEADER_BYTES", bounds.Limit(value=2**21, unit="", source="", date="", beyond=""))
    path = deflated(tmp_path / "bomb.dcm", one_slice(tmp_path), more=64 * 2**20)
    assert path.stat().st_size < 2**20
    tracemalloc.start()
    with path.open("rb") as file:
        assert bounds.read_until_pixels(file).Rows == 48  # the header itself is sound and short
    with pytest.raises(PixelsUnreadableError, match="inflates to more than its header states"):
        read_frames(path, DeflatedExplicitVRLittleEndian)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * 2**20


def test_a_deflated_header_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_HEADER_BYTES", bounds.Limit(value=2**20, unit="", source="", date="", beyond=""))
    dataset = one_slice(tmp_path)
    dataset.add_new((0x0018, 0x1400), "UT", "x" * (4 * 2**20))
    exclusion = the_exclusion(find(deflated(tmp_path / "long.dcm", dataset)))
    assert exclusion.sentence.endswith("damaged DICOM header: its header inflates to more than any real header.")


@pytest.mark.parametrize("cut", [0.2, 0.9])
def test_a_deflated_file_cut_short_has_a_reason(tmp_path: Path, cut: float) -> None:
    path = deflated(tmp_path / "cut.dcm", one_slice(tmp_path))
    path.write_bytes(path.read_bytes()[: round(cut * path.stat().st_size)])
    with pytest.raises(PixelsUnreadableError):
        read_frames(path, DeflatedExplicitVRLittleEndian)


@pytest.mark.parametrize(
    ("keyword", "value", "reason"),
    [
        ("NumberOfFrames", "56560", "claims more than 20,000 frames"),
        ("NumberOfFrames", "20000000", "claims more than 20,000 frames"),
        ("NumberOfFrames", "19999", "claims more pixels than the file can hold"),
        ("NumberOfFrames", "1e-9", "not a positive whole number"),
        ("NumberOfFrames", "-3", "not a positive whole number"),
        ("NumberOfFrames", "2.5", "not a positive whole number"),
        ("Rows", 65535, "claims more pixels than the file can hold"),
    ],
)
def test_a_claim_that_the_file_cannot_hold(tmp_path: Path, keyword: str, value: str | int, reason: str) -> None:
    def lie(dataset: Dataset, _: int) -> None:
        if isinstance(value, str):  # as in the file: pydicom would not write such a number
            dataset[Tag(0x0028, 0x0008)] = RawDataElement(
                Tag(0x0028, 0x0008), "IS", len(value), value.encode(), 0, False, True
            )
        else:
            setattr(dataset, keyword, value)

    found = found_in(tmp_path / "ct", change=lie)
    assert {exclusion.code for _, exclusion in found.excluded} == {ExclusionCode.UNREADABLE}
    assert all(reason in exclusion.sentence for _, exclusion in found.excluded)


def _nested(depth: int) -> bytes:
    """Nested (0018,9321) sequences of undefined length, in explicit little endian."""
    sequence = struct.pack("<HH2sHI", 0x0018, 0x9321, b"SQ", 0, 0xFFFFFFFF)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    ends = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return (sequence + item) * depth + ends * depth


def test_sequences_nested_without_end_are_one_file_s_reason_and_the_others_are_found(tmp_path: Path) -> None:
    built = write_series(tmp_path / "ct", CtSpec())
    content = built.files[0].read_bytes()
    at = content.index(struct.pack("<HH2s", 0x0018, 0x0050, b"DS"))  # before SliceThickness
    (tmp_path / "ct" / "nested.dcm").write_bytes(content[:at] + _nested(3000) + content[at:])
    found = find(built.folder)
    the_series(found)
    assert [exclusion.code for _, exclusion in found.excluded] == [ExclusionCode.UNREADABLE]


def test_columns_as_a_person_s_name_are_one_series_reason(tmp_path: Path) -> None:
    sound = write_series(tmp_path / "sound", CtSpec())

    def name(dataset: Dataset, _: int) -> None:
        dataset[Tag(0x0028, 0x0011)] = RawDataElement(Tag(0x0028, 0x0011), "PN", 8, b"DOE^JANE", 0, False, True)

    named = write_series(tmp_path / "named", CtSpec(series_uid="1.2.3", change=name))
    found = find(sound.folder, named.folder)
    assert len(found.series) == 1
    ((_, exclusion),) = found.excluded
    assert "DOE" not in exclusion.sentence


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("vox_offset", np.inf),
        ("vox_offset", np.nan),
        ("dim", [3, 32000, 32000, 32000, 1, 1, 1, 1]),
        ("pixdim", [np.nan] * 8),
    ],
)
def test_a_nifti_header_that_lies(tmp_path: Path, field: str, value) -> None:
    voxels = np.zeros((40, 40, 30), dtype=np.int16)
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([5, 5, 5, 1.0])), tmp_path / "a.nii")
    header = np.frombuffer((tmp_path / "a.nii").read_bytes()[:348], dtype=nibabel.Nifti1Header.template_dtype).copy()
    header[field] = value
    (tmp_path / "a.nii").write_bytes(header.tobytes() + (tmp_path / "a.nii").read_bytes()[348:])
    found = find(tmp_path / "a.nii")
    for series in found.series:
        assert isinstance(read_volume(series), Exclusion)
    assert len(found.series) + len(found.excluded) == 1


def test_an_unknown_value_representation_costs_no_memory(tmp_path: Path) -> None:
    """GDCM would take the next four bytes as a length, and keep 740 MB for each reading of this slice."""
    (path,) = write_series(tmp_path / "ct", CtSpec(slices=1)).files
    whole = read_frames(path, ExplicitVRLittleEndian)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\x02\0\x02\0UI", b"\x02\0\x02\0UM", 1))
    before = _resident_bytes()
    assert np.array_equal(read_frames(path, ExplicitVRLittleEndian), whole)
    assert _resident_bytes() - before < 2**27


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
