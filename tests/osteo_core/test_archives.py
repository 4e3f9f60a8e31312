"""Archives of studies: their contents are found and read as if unpacked; hostile ones cost nothing and lead nowhere."""

from __future__ import annotations

import gzip
import io
import os
import random
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from osteo_core.archive_formats import ArchiveError
from osteo_core.archives import archive_of, is_there, left_out, local_file, local_volume, members, status_of
from osteo_core.dicom.volume import read_volume
from osteo_core.dicom.walk import Known
from osteo_core.dicom.who import read_who
from osteo_core.outcomes import ExclusionCode
from tests.builders.series import BuiltSeries, CtSpec, write_series
from tests.osteo_core.dicom.finding import find, the_exclusion, the_series, volume_of
from tests.osteo_core.imaging.test_open_volume import BODY

Packer = Callable[[BuiltSeries, Path], None]


def with_members(path: Path, number: int) -> Path:
    """A zip whose list names so many empty members, which need not be in it."""
    listed = b"".join(
        struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, *[0] * 7, 6, *[0] * 6) + b"%06x" % n for n in range(number)
    )
    count = min(number, 0xFFFF)
    path.write_bytes(listed + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(listed), 0, 0))
    return path


def test_a_list_of_too_many_members_is_not_even_read(tmp_path: Path) -> None:
    """A list of 51 MB took 455 MB of memory and 6 s before it was refused."""
    assert len(members(with_members(tmp_path / "few.zip", 1000))) == 1000
    packed = with_members(tmp_path / "many.zip", 700_000)
    tracemalloc.start()
    with pytest.raises(ArchiveError, match="an archive of more than 200,000 files"):
        members(packed)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2**20


def pack_zip(built: BuiltSeries, folder: Path) -> None:
    with zipfile.ZipFile(folder / "study.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for file in built.files:
            packed.write(file, f"CT Abdomen/{file.name}")


def pack_tar(built: BuiltSeries, folder: Path, *, suffix: str = ".tar", mode: str = "w") -> None:
    with tarfile.open(folder / f"study{suffix}", mode) as packed:  # type: ignore[call-overload]
        for file in built.files:
            packed.add(file, f"CT/{file.name}")


def pack_tar_gz(built: BuiltSeries, folder: Path) -> None:
    pack_tar(built, folder, suffix=".tar.gz", mode="w:gz")


def pack_each(built: BuiltSeries, folder: Path) -> None:
    for file in built.files:
        (folder / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))


PACKERS: dict[str, Packer] = {"zip": pack_zip, "tar": pack_tar, "tar.gz": pack_tar_gz, "dcm.gz": pack_each}


@pytest.fixture
def built(tmp_path: Path) -> BuiltSeries:
    return write_series(tmp_path / "plain", CtSpec(is_shuffled=True))


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    folder = tmp_path / "packed"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("kind", PACKERS)
def test_a_packed_study_is_read_as_the_unpacked_one(built: BuiltSeries, packed: Path, kind: str) -> None:
    PACKERS[kind](built, packed)
    before = sorted(packed.rglob("*"))
    found = find(packed)
    volume = volume_of(found)
    np.testing.assert_array_equal(volume.voxels_hu, built.voxels_hu)
    assert volume.geometry.is_close(built.geometry, tolerance_mm=1e-3)
    assert the_series(found).series_key == the_series(find(built.folder)).series_key
    assert read_who(the_series(found).files).patient_id == built.spec.patient_id
    assert sorted(packed.rglob("*")) == before, "nothing is left beside it"


def test_a_zip_given_as_the_path(built: BuiltSeries, packed: Path) -> None:
    pack_zip(built, packed)
    assert len(the_series(find(packed / "study.zip")).files) == len(built.files)


@pytest.mark.parametrize("kind", PACKERS)
def test_members_have_size_and_time_so_that_an_unchanged_archive_is_not_read_again(
    built: BuiltSeries, packed: Path, kind: str
) -> None:
    PACKERS[kind](built, packed)
    files = the_series(find(packed)).files
    known = {str(file): Known(stamp=status_of(file)) for file in files}
    assert find(packed, known=known).series == ()
    assert all(is_there(file) for file in files)
    assert not is_there(files[0].with_name("other.dcm"))


def test_a_changed_archive_is_opened_anew(built: BuiltSeries, packed: Path, tmp_path: Path) -> None:
    pack_zip(built, packed)
    first = the_series(find(packed)).files
    other = write_series(tmp_path / "other", CtSpec(slices=20))
    pack_zip(other, packed)
    assert len(the_series(find(packed)).files) == 20 != len(first)


def test_names_that_lead_out_of_the_archive_are_no_members(tmp_path: Path) -> None:
    target = tmp_path / "secret.dcm"
    target.write_bytes(b"secret")
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for name in (str(target), "../secret.dcm", "a/../../secret.dcm", "..\\secret.dcm", "good.dcm"):
            packed.writestr(name, b"x")
    assert members(path) == [(path / "good.dcm", 1)]
    assert left_out(path) == ("4 member(s) of an archive with a path outside it",)
    told = [exclusion.found for _, exclusion in find(path).excluded]
    assert "4 member(s) of an archive with a path outside it" in told
    with pytest.raises(FileNotFoundError), local_file(path / "../secret.dcm"):
        pass


def test_links_in_a_tar_lead_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as packed:
        link = tarfile.TarInfo("link.dcm")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(link)
        good = tarfile.TarInfo("good.dcm")
        good.size = 1
        packed.addfile(good, io.BytesIO(b"x"))
        for name, target in (("CT/inside.dcm", "../good.dcm"), ("CT/outside.dcm", "../../good.dcm")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            packed.addfile(link)
        packed.addfile(good, io.BytesIO(b"y"))
    assert [member.name for member, _ in members(path)] == ["good.dcm"]
    assert left_out(path) == (
        "2 member(s) of an archive with a path outside it",
        "1 member(s) of an archive with a duplicate name",
    )


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_a_bomb_is_refused_before_it_bursts(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"bomb{suffix}"
    zeros = bytes(2**27)
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("bomb.dcm", zeros)
    else:
        path.write_bytes(gzip.compress(zeros))
    exclusion = the_exclusion(find(path))
    assert exclusion.code == ExclusionCode.UNREADABLE
    assert exclusion.found == "1 file(s): an archive that unpacks to more than any real study"


def test_an_encrypted_zip_is_told_so(built: BuiltSeries, packed: Path) -> None:
    pack_zip(built, packed)
    data = bytearray((packed / "study.zip").read_bytes())
    at = -1
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        data[at + 8] |= 1
    (packed / "study.zip").write_bytes(data)
    assert the_exclusion(find(packed)).found == "1 file(s): an encrypted archive; unpack it first"


def _packed(folder: Path, to: Path, suffix: str) -> None:
    if suffix == ".zip":
        with zipfile.ZipFile(to / "study.zip", "w") as zipped:
            for file in sorted(folder.rglob("*.*")):
                zipped.write(file, file.relative_to(folder))
    else:
        with tarfile.open(to / f"study{suffix}", "w:gz" if suffix.endswith("gz") else "w") as tarred:
            tarred.add(folder, ".")


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz"])
@pytest.mark.parametrize("kind", ["ct.nii.gz", "ct.hdr", "ct.mhd", "ct.nrrd"])
def test_a_volume_file_in_an_archive_is_read_with_what_lies_beside_it(
    tmp_path: Path, packed: Path, kind: str, suffix: str
) -> None:
    plain = tmp_path / "plain" / "case 7"
    plain.mkdir(parents=True)
    image = sitk.GetImageFromArray(BODY.T)
    image.SetSpacing((2.0, 2.0, 3.0))
    sitk.WriteImage(image, str(plain / kind))
    (plain / "ct.json").write_text('{"KVP": 120, "PatientID": "7"}')
    _packed(tmp_path / "plain", packed, suffix)
    expected, found = find(tmp_path / "plain"), find(packed)
    assert found.excluded == expected.excluded == ()
    series = the_series(found)
    assert (series.kvp, series.patient_key) == (120.0, the_series(expected).patient_key)
    np.testing.assert_array_equal(volume_of(found).voxels_hu, volume_of(expected).voxels_hu)
    assert volume_of(found).geometry.is_close(volume_of(expected).geometry, tolerance_mm=1e-6)


def test_a_damaged_volume_file_in_an_archive_is_told_so(packed: Path) -> None:
    with zipfile.ZipFile(packed / "study.zip", "w") as zipped:
        zipped.writestr("ct.nii.gz", b"x")
    assert "damaged NIfTI" in the_exclusion(find(packed)).sentence


def test_archives_in_an_archive_are_told_each_by_its_name(built: BuiltSeries, packed: Path) -> None:
    with zipfile.ZipFile(packed / "all.zip", "w") as zipped:
        for file in built.files:
            zipped.write(file, f"CT/{file.name}")
        for name in ("a.zip", "b.tar.gz"):
            zipped.writestr(name, b"x")
    found = find(packed)
    assert len(the_series(found).files) == len(built.files)
    assert {(series.series_instance_uid, exclusion.found) for series, exclusion in found.excluded} == {
        (name, "1 file(s): an archive in an archive; unpack it first") for name in ("a.zip", "b.tar.gz")
    }


@pytest.mark.parametrize("kind", PACKERS)
def test_damaged_archives_end_in_reasons(built: BuiltSeries, packed: Path, kind: str) -> None:
    PACKERS[kind](built, packed)
    rng = random.Random(7)
    path = min(packed.iterdir())
    whole = path.read_bytes()
    for _ in range(25):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 40)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data[: rng.randrange(len(data))] if rng.random() < 0.5 else data)
        found = find(packed)
        for series in found.series:
            read_volume(series)
        assert found.series or found.excluded


def test_a_tar_damaged_in_the_middle_does_not_lose_what_follows_in_silence(built: BuiltSeries, packed: Path) -> None:
    pack_tar(built, packed)
    path = packed / "study.tar"
    with tarfile.open(path) as opened:
        middle = opened.getmembers()[len(built.files) // 2].offset
    whole = path.read_bytes()
    for damaged in (whole[:middle] + b"?" + whole[middle + 1 :], whole[: middle + 100]):
        path.write_bytes(damaged)
        assert the_exclusion(find(packed)).found == "1 file(s): a damaged archive"
    path.write_bytes(whole[:middle])  # a writer that was stopped between two files left no mark of the end
    assert len(members(path)) == len(built.files) // 2


def test_a_damaged_member_is_told_so_whatever_its_compression(packed: Path) -> None:
    path = packed / "study.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as zipped:
        zipped.writestr("ct.dcm", random.Random(7).randbytes(2000))
    data = bytearray(path.read_bytes())
    data[60:100] = bytes(40)
    path.write_bytes(data)
    assert the_exclusion(find(packed)).found == "1 file(s): a damaged archive"


def test_a_file_of_its_own_is_its_own_local_file(tmp_path: Path) -> None:
    path = tmp_path / "a.zip" / "b.dcm"  # a folder with the name of an archive
    path.parent.mkdir()
    path.write_bytes(b"x")
    assert archive_of(path) is None
    with local_file(path) as local:
        assert local == path
    with pytest.raises(ArchiveError):
        members(broken_zip(tmp_path))


@pytest.mark.parametrize("opens", [local_file, local_volume])
def test_a_pipe_in_the_place_of_a_file_is_not_opened(tmp_path: Path, opens: Callable) -> None:
    """Opening it would hold a worker for ever."""
    os.mkfifo(tmp_path / "ct.dcm")
    with pytest.raises(FileNotFoundError, match="no longer a regular file"), opens(tmp_path / "ct.dcm"):
        pass


def broken_zip(folder: Path) -> Path:
    path = folder / "broken.zip"
    path.write_bytes(b"PK\x03\x04 no more")
    return path
