"""Headers that lie about where or how many their voxels are: refused before a library acts on them."""

from __future__ import annotations

import gzip
import os
import struct
import time
import zlib
from pathlib import Path

import pytest
import SimpleITK as sitk  # noqa: N813

from osteo_core.archives import status_of
from osteo_core.imaging.nifti import read_nifti_header, read_nifti_volume
from osteo_core.outcomes import Exclusion
from osteo_core.records import Volume
from tests.osteo_core.imaging.test_open_volume import itk, pair, plain

META = {
    "ObjectType": "Image",
    "NDims": "3",
    "BinaryData": "True",
    "TransformMatrix": "1 0 0 0 1 0 0 0 1",
    "Offset": "0 0 0",
    "ElementSpacing": "1 1 1",
    "DimSize": "30 30 30",
    "ElementType": "MET_SHORT",
}
NRRD = "NRRD0004\ntype: short\ndimension: 3\nspacings: 1 1 1\nsizes: 30 30 30\nendian: little\nencoding: raw\n"
VOXELS = bytes(2 * 30**3)


def meta(last: str, **changed: str) -> str:
    return "".join(f"{name} = {value}\n" for name, value in {**META, **changed}.items()) + last


def refused(path: Path, content: str | bytes) -> str:
    """Why a file with this content is refused, by its header as by its voxels."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    found, header = read_nifti_volume(path), read_nifti_header(path)
    assert isinstance(found, Exclusion)
    assert isinstance(header, Exclusion), "the index would offer it for analysis"
    assert found.found == header.found
    return found.found


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    """A folder beside whose parent lies a file that is none of its own."""
    (tmp_path / "outside.raw").write_bytes(VOXELS)
    (tmp_path / "inside").mkdir()
    return tmp_path / "inside"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.nhdr", NRRD + "data file: LIST 3\n../outside.raw\n"),
        ("list.nrrd", NRRD + "data file: LIST 3\n../outside.raw\n"),
        ("late.nhdr", NRRD + "# a comment\n" * 7_000 + "data file: ../outside.raw\n"),
        ("pattern.nhdr", NRRD + "data file: outside%d.raw 1 30 1\n"),
        ("list.mhd", meta("ElementDataFile = LIST\n" + "../outside.raw\n" * 30)),
        ("colon.mhd", meta("ElementDataFile : ../outside.raw\n")),
        ("space.mhd", meta(" ElementDataFile = ../outside.raw\n")),
        ("return.mhd", meta("\rElementDataFile = ../outside.raw\n")),
        ("blank.mhd", meta("\n\nElementDataFile = ../outside.raw\n")),
        ("late.mhd", meta("".join(f"Key{n} = x\n" for n in range(9_000)) + "ElementDataFile = ../outside.raw\n")),
    ],
)
def test_no_header_leads_out_of_its_folder(name: str, content: str, inside: Path) -> None:
    assert refused(inside / name, content)


@pytest.mark.parametrize(
    ("changed", "last"),
    [
        *(({"NDims": axes}, "ElementDataFile = LOCAL\n") for axes in ("-1", "0", "100", "1000", "1e3", "9" * 20)),
        ({"Name": "x" * 300}, "ElementDataFile = LOCAL\n"),
        ({}, "NDims = 1000\nElementDataFile = LOCAL\n"),
        ({}, "ElementDataFile = %s%n\n"),
        ({}, "ElementDataFile = %99999999d.raw 1 1 1\n"),
    ],
)
def test_a_metaimage_header_cannot_end_the_process(changed: dict[str, str], last: str, tmp_path: Path) -> None:
    assert refused(tmp_path / "a.mha", meta(last, **changed))


@pytest.mark.parametrize("line", ["x" * 1_100, "labels: " + "x" * 1_100, "sizes: " + "1 " * 600])
def test_nor_can_an_nrrd_header(line: str, tmp_path: Path) -> None:
    assert refused(tmp_path / "a.nrrd", f"{NRRD}{line}\n\n")


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("dot.nhdr", NRRD + "data file: ./own.raw\n"),  # relative to the header, as the format's documents write it
        ("dot.mhd", meta("ElementDataFile = ./own.raw\n")),
        ("blank.mhd", "\n" + meta("\r\n\nElementDataFile = own.raw\n")),
        ("packed.mhd", meta("CompressedData = True\nElementDataFile = own.raw\n")),  # CompressedDataSize may be absent
    ],
)
def test_headers_written_by_hand_are_read(name: str, header: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(header, newline="")
    voxels = b"".join(struct.pack("<h", hu) for hu in range(-1000, 2000)) * 9
    (tmp_path / "own.raw").write_bytes(zlib.compress(voxels) if "packed" in name else voxels)
    found = read_nifti_volume(tmp_path / name)
    assert isinstance(found, Volume)
    assert found.voxels_hu.astype("<i2").tobytes(order="F") == voxels
    (tmp_path / "own.raw").write_bytes(zlib.compress(voxels)[:-1])
    assert unread(tmp_path / name)


def test_names_of_segments_may_be_long(tmp_path: Path) -> None:
    path = itk(".nrrd")(tmp_path)
    begin, voxels = path.read_bytes().split(b"\n\n", 1)
    path.write_bytes(begin + b"\nSegment0_Tags:=" + b"x" * 2_000 + b"\n\n" + voxels)
    assert isinstance(read_nifti_volume(path), Volume)


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("name", ["a.mhd", "a.nhdr", "a.hdr"])
def test_voxels_are_in_a_regular_file(name: str, kind: str, tmp_path: Path) -> None:
    voxels = tmp_path / ("a.img" if name == "a.hdr" else "a.raw")
    if kind == "pipe":
        os.mkfifo(voxels)  # opening it would never end
    else:
        voxels.symlink_to("/dev/zero")
    content = {
        "a.mhd": meta("ElementDataFile = a.raw\n").encode(),
        "a.nhdr": f"{NRRD}data file: a.raw\n".encode(),
        "a.hdr": b"\x5c\1\0\0".ljust(348, b"\0"),
    }[name]
    assert "not a regular file" in refused(tmp_path / name, content)


def bomb() -> bytes:
    """Two gigabytes of zeros in two megabytes."""
    return gzip.compress(bytes(2**26)) * 32


def nifti(tmp_path: Path, *, offset: float = 352.0, extension: bytes = bytes(4)) -> bytes:
    whole = bytearray(plain(tmp_path).read_bytes())
    struct.pack_into("<f", whole, 108, offset)
    return bytes(whole[:348]) + extension + bytes(whole[352:])


@pytest.mark.parametrize("offset", [-1.0, float("nan"), float("inf"), 2.0**31, 1e12])
def test_a_nifti_header_cannot_place_its_voxels_far_behind(offset: float, tmp_path: Path) -> None:
    began = time.process_time()
    extension = b"\1\0\0\0" + struct.pack("<ii", 2**31 - 16, 6)
    content = gzip.compress(nifti(tmp_path, offset=offset, extension=extension)) + bomb()
    assert "impossible place" in refused(tmp_path / "a.nii.gz", content)
    assert time.process_time() - began < 5


def test_compressed_voxels_are_not_skipped_byte_by_byte(tmp_path: Path) -> None:
    header = NRRD.replace("raw", "gzip") + "byte skip: 4000000000\n\n"
    assert "skips a part of compressed" in refused(tmp_path / "a.nrrd", header.encode() + bomb())


def unread(path: Path) -> str:
    found = read_nifti_volume(path)
    assert isinstance(found, Exclusion)
    return found.found


def test_a_file_holds_as_many_voxels_as_it_states(tmp_path: Path) -> None:
    shape = NRRD.replace("30 30 30", "1024 1024 1024") + "\n"
    (tmp_path / "a.nrrd").write_bytes(shape.encode() + VOXELS)
    assert "more voxels than the file can hold" in unread(tmp_path / "a.nrrd")
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(plain(tmp_path).read_bytes()) + bomb())
    assert "more voxels than its header states" in unread(tmp_path / "a.nii.gz")


def test_damaged_compression_gives_no_voxels(tmp_path: Path) -> None:
    """A changed byte may unpack to other voxels; only the checksum at the end tells."""
    sitk.WriteImage(sitk.ReadImage(str(plain(tmp_path))), str(tmp_path / "a.mha"), True)
    packed = zlib.compressobj(0, zlib.DEFLATED, 31)  # stored as they are: any changed byte is a changed voxel
    (tmp_path / "a.nii.gz").write_bytes(packed.compress(plain(tmp_path).read_bytes()) + packed.flush())
    for name in ("a.mha", "a.nii.gz"):
        path = tmp_path / name
        assert isinstance(read_nifti_volume(path), Volume)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0x10
        path.write_bytes(content)
        assert "damaged" in unread(path)
    packed_short = meta("CompressedData = True\nElementDataFile = LOCAL\n").encode() + zlib.compress(VOXELS)
    (tmp_path / "a.mha").write_bytes(packed_short)  # without CompressedDataSize SimpleITK reads nothing
    assert "damaged" in unread(tmp_path / "a.mha")


@pytest.mark.parametrize("suffix", [".hdr", ".mhd", ".nhdr"])
def test_the_voxels_of_another_patient_change_the_stamp_of_their_header(suffix: str, tmp_path: Path) -> None:
    path = pair(tmp_path) if suffix == ".hdr" else itk(suffix)(tmp_path)
    voxels = next(file for file in tmp_path.iterdir() if file.stem == path.stem and file != path)
    before = status_of(path)
    os.utime(voxels, ns=(0, voxels.stat().st_mtime_ns - 10**12))  # copied with its older date, same size
    assert status_of(path) != before
