"""The encrypted table of identifiers: readable with its key only, one line per series, and removed by an erasure."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from db.identities import Kept, keep, kept_of, remove
from osteo_core.errors import SettingsError
from osteo_core.pseudonyms import Pseudonyms

KEYS = Pseudonyms(b"k" * 32)
MARKER = "MARKER-Zoë Ü"


def row(number: int, name: str = MARKER) -> Kept:
    return Kept(
        patient_key=f"{number // 2:016x}",
        series_key=f"{number + 100:016x}",
        identifiers={"name": name, "birth_date": ""},
    )


def on_disk(folder: Path) -> bytes:
    return b"".join(path.name.encode() + path.read_bytes() for path in folder.rglob("*"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four series of two patients, written in two runs."""
    place = tmp_path / "pseudonym.key.identities"
    assert keep(place, KEYS, [row(0), row(1)]) == 2
    assert keep(place, KEYS, [row(2), row(3)]) == 2
    return place


def test_only_the_key_reads_it_and_only_its_owner_may_open_it(folder: Path) -> None:
    assert kept_of(folder, KEYS, row(3).series_key) == {"name": MARKER, "birth_date": ""}
    assert kept_of(folder, KEYS, "f" * 16) is None
    assert kept_of(folder.parent / "none", KEYS, row(0).series_key) is None
    content = on_disk(folder)
    for words in (b"MARKER", "Zoë".encode(), b"name", KEYS.key.hex().encode()):
        assert words not in content
    assert {oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == {"0o600"}
    assert oct(folder.stat().st_mode & 0o777) == "0o700"
    assert not list(folder.glob(".*"))


def test_another_key_is_refused_and_adds_nothing(folder: Path) -> None:
    other, before = Pseudonyms(b"o" * 32), on_disk(folder)
    with pytest.raises(SettingsError, match="made with another pseudonym key, or is damaged; restore table and key"):
        kept_of(folder, other, row(0).series_key)
    with pytest.raises(SettingsError, match="index again with --again"):
        keep(folder, other, [row(9)])
    assert on_disk(folder) == before


@pytest.mark.parametrize(
    "change", [lambda token: token[:-9] + b"AAAAAAAA=", lambda token: b"", lambda token: token[:40]]
)
def test_a_damaged_line_is_refused(folder: Path, change) -> None:
    for path in folder.iterdir():
        patient, series, token = path.read_bytes().splitlines()[0].split(b" ")
        path.write_bytes(b" ".join([patient, series, change(token)]) + b"\n")
        with pytest.raises(SettingsError, match="or is damaged"):
            kept_of(folder, KEYS, series.decode())


def test_a_line_under_another_series_is_refused(folder: Path) -> None:
    path = next(folder.iterdir())
    first, second = (line.split(b" ") for line in path.read_bytes().splitlines())
    path.write_bytes(b" ".join([first[0], first[1], second[2]]) + b"\n")
    with pytest.raises(SettingsError, match="or is damaged"):
        kept_of(folder, KEYS, first[1].decode())


def test_a_series_that_is_read_again_has_one_line_the_latest(folder: Path) -> None:
    keep(folder, KEYS, [row(1, "corrected"), row(2, "corrected")])
    assert kept_of(folder, KEYS, row(1).series_key)["name"] == "corrected"
    assert kept_of(folder, KEYS, row(0).series_key)["name"] == MARKER
    assert sorted(line.split()[1].decode() for path in folder.iterdir() for line in path.read_bytes().splitlines()) == [
        row(number).series_key for number in range(4)
    ]


def test_an_erased_patient_and_series_are_gone_without_the_key(folder: Path) -> None:
    half = folder / ".0.writing.sealed"  # as left by a killed process
    half.write_bytes(next(folder.iterdir()).read_bytes())
    os.utime(half, (0, 0))
    for _ in range(2):
        remove(folder, patient_key=row(0).patient_key, series_keys=frozenset({row(3).series_key}))
        assert [kept_of(folder, KEYS, row(n).series_key) is None for n in range(4)] == [True, True, False, True]
    assert all(row(n).series_key.encode() not in on_disk(folder) for n in (0, 1, 3))
    assert not half.exists()
