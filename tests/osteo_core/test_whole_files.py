"""Files that are there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from osteo_core.whole_files import HALF_WRITTEN, write_bytes, write_text, writing


def test_what_is_written_appears_under_its_name_and_nothing_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lines.csv"
    write_text(path, "ä,1\r\n")
    assert path.read_bytes() == "ä,1\r\n".encode()
    write_bytes(path, b"\0\1")
    assert [(file.name, file.read_bytes()) for file in path.parent.iterdir()] == [("lines.csv", b"\0\1")]


def test_an_error_leaves_the_former_file(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    write_text(path, "before")

    def fail() -> None:
        with writing(path) as temporary:
            temporary.write_text("half")
            assert path.read_text() == "before"
            assert list(tmp_path.glob(HALF_WRITTEN)) == [temporary]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("table.parquet", "before")]


@pytest.mark.parametrize(
    ("name", "suffix"), [("1.2.840_mask.nii.gz", ".nii.gz"), ("a.b.parquet", ".parquet"), ("note", "")]
)
def test_the_temporary_name_keeps_the_suffix_and_is_short(tmp_path: Path, name: str, suffix: str) -> None:
    with writing(tmp_path / ("x" * (255 - len(name)) + name)) as temporary:
        assert temporary.name.endswith(f".writing{suffix}")
        assert len(temporary.name) < 60
        temporary.touch()
