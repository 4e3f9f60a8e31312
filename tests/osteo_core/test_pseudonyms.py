"""Keyed hashes: stable under one key, different between domains and keys, and never the identifier itself."""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from pathlib import Path

import pytest

from osteo_core.errors import SettingsError
from osteo_core.pseudonyms import Pseudonyms

KEY = bytes(range(32))


def test_hash_is_the_published_construction() -> None:
    expected = hmac.new(KEY, b"patient\x00SIM-000123", hashlib.sha256).hexdigest()[:16]
    assert Pseudonyms(KEY).patient("SIM-000123") == expected


def test_domains_and_keys_keep_hashes_apart() -> None:
    one, other = Pseudonyms(KEY), Pseudonyms(bytes(32))
    hashes = {one.patient("1"), one.study("1"), one.series("1"), one.device("1"), other.patient("1")}
    assert len(hashes) == 5
    assert all(len(value) == 16 and int(value, 16) >= 0 for value in hashes)


def test_padding_of_an_identifier_does_not_count() -> None:
    assert Pseudonyms(KEY).patient(" A-1 ") == Pseudonyms(KEY).patient("A-1")


def test_key_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "pseudonym.key"
    first = Pseudonyms.from_key_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Pseudonyms.from_key_file(path).patient("A") == first.patient("A")
    assert [p.name for p in path.parent.iterdir()] == ["pseudonym.key"]


@pytest.mark.parametrize("content", ["", "no key", "abcd"])
def test_a_spoilt_key_file_is_never_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "pseudonym.key"
    path.write_text(content)
    with pytest.raises(SettingsError, match="pseudonym key"):
        Pseudonyms.from_key_file(path)
    assert path.read_text() == content


def test_the_key_is_never_printed() -> None:
    assert KEY.hex() not in repr(Pseudonyms(KEY))
    assert str(KEY) not in repr(Pseudonyms(KEY))


def test_a_path_that_is_no_utf8_has_its_own_hash() -> None:
    one = Pseudonyms(bytes(range(32)))
    first, second = (os.fsdecode(b"/ct/M" + byte + b"ller") for byte in (b"\xfc", b"\xe4"))
    assert one.series(first) != one.series(second)


def test_a_folder_holds_no_key(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"key_file must be a file, .* is a folder"):
        Pseudonyms.from_key_file(tmp_path)
