"""Damaged headers: whatever bytes a file holds, it is read or reported as unreadable, and the others are found."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from osteo_core.dicom.header import NotReadable, read_slices
from osteo_core.dicom.slices import SliceHeader
from tests.builders.series import CtSpec, write_series
from tests.osteo_core.dicom.finding import find

_HEADER_BYTES = 1600
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One small file of each kind."""
    kinds = {
        "explicit": CtSpec(slices=1, columns=8, rows=8),
        "bare": CtSpec(slices=1, columns=8, rows=8, has_preamble=False),
        "enhanced": CtSpec(slices=3, columns=8, rows=8, is_enhanced=True),
    }
    folder = tmp_path_factory.mktemp("sound")
    return {name: write_series(folder / name, spec).files[0].read_bytes() for name, spec in kinds.items()}


def mutated(content: bytes, seed: int) -> bytes:
    """The file with a few bytes changed, doubled, lost or cut off, as by broken discs and programs."""
    draw = random.Random(seed)
    spoilt = bytearray(content)
    for _ in range(draw.randint(1, 6)):
        at = draw.randrange(min(len(spoilt), _HEADER_BYTES))
        what = draw.randrange(5)
        if what == 0:
            spoilt[at] = draw.randrange(256)
        elif what == 1:
            spoilt[at : at + 4] = draw.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"SQ\0\0", b"\xfe\xff\0\xe0", b"1e99"))
        elif what == 2:
            del spoilt[at : at + draw.randint(1, 40)]
        elif what == 3:
            spoilt[at:at] = spoilt[at : at + draw.randint(1, 40)]
        else:
            spoilt = spoilt[: max(at, 200)]
    return bytes(spoilt)


@pytest.mark.parametrize("kind", ["explicit", "bare", "enhanced"])
def test_any_damaged_header_is_read_or_named(tmp_path: Path, sound: dict[str, bytes], kind: str) -> None:
    path = tmp_path / "spoilt.dcm"
    ends = set()
    for seed in range(250):
        path.write_bytes(mutated(sound[kind], seed))
        found = read_slices(path, {})
        ends.add(type(found))
        if isinstance(found, NotReadable):
            assert "spoilt" not in found.kind
        else:
            assert all(isinstance(one, SliceHeader) for one in found)
    assert ends == {NotReadable, list}


def test_damaged_files_never_end_a_search(tmp_path: Path, sound: dict[str, bytes]) -> None:
    built = write_series(
        tmp_path / "sound", CtSpec(columns=8, rows=8, patient_id="OTHER", study_uid="9.1", series_uid="9.2")
    )
    for seed in range(150):
        kind = ("explicit", "bare", "enhanced")[seed % 3]
        (tmp_path / f"{seed}.dcm").write_bytes(mutated(sound[kind], 1000 + seed))
    found = find(tmp_path)
    assert [len(series.files) for series in found.series if series.files[0] in built.files] == [16]
    named = sum(len(series.files) for series, _ in found.excluded)
    assert named + sum(len(series.files) for series in found.series) == 150 + 16
