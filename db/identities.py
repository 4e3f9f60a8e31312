"""The encrypted table of identifiers that a site may keep beside its key, for use when the source files are gone.

A folder beside the key file, outside the store; each file has one line per series, ``patient_key series_key token``. A
token holds the identifiers encrypted with Fernet (AES-128-CBC and HMAC-SHA256, library cryptography), under a key that
HKDF-SHA256 (RFC 5869) derives from the pseudonym key: whoever has one has the other, and without it nothing can be
read. A file is written once, as a whole; if it loses lines, by an erasure or to a later reading, it is rewritten.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from db.leftovers import remove_old_halves
from osteo_core.errors import SettingsError
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.whole_files import writing

_PURPOSE = b"osteo: table of identifiers, 1"
_SUFFIX = ".sealed"


@dataclass(frozen=True, kw_only=True, repr=False)
class Kept:
    """One series in the table: its patient's keyed hash, its own, and the identifiers by name."""

    patient_key: str
    series_key: str
    identifiers: Mapping[str, str]


def keep(folder: Path, pseudonyms: Pseudonyms, rows: Iterable[Kept]) -> int:
    """Add the rows in one step, replacing earlier rows of their series. Returns their number.

    Raises SettingsError when the table was made with another key.
    """
    fernet = _fernet(pseudonyms)
    lines = {row.series_key: _line(row, fernet) for row in rows}
    if not lines:
        return 0
    _check_key(folder, fernet)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    before = list(_files(folder))
    written = _write(folder, b"".join(lines.values()))
    for path in before:
        if path != written:
            _rewrite(path, patient_key="", series_keys=lines.keys())
    return len(lines)


def kept_of(folder: Path, pseudonyms: Pseudonyms, series_key: str) -> dict[str, str] | None:
    """The identifiers of a series, None if the table has none.

    Raises SettingsError when the table was made with another key, or its line is damaged.
    """
    fernet, mark = _fernet(pseudonyms), f" {series_key} ".encode()
    for path in _files(folder):
        content = path.read_bytes()
        at = content.find(mark)
        if at >= 0:
            return _opened(content[content.rfind(b"\n", 0, at) + 1 :].partition(b"\n")[0], fernet, folder)
    return None


def remove(folder: Path, *, patient_key: str, series_keys: Set[str]) -> None:
    """Remove a patient and these series from the table; needs no key, and doing it twice is harmless."""
    remove_old_halves(folder)
    for path in _files(folder):
        _rewrite(path, patient_key=patient_key, series_keys=series_keys)


def _fernet(pseudonyms: Pseudonyms) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(pseudonyms.key)
    return Fernet(base64.urlsafe_b64encode(derived))


def _line(row: Kept, fernet: Fernet) -> bytes:
    # The series key is encrypted too, so a line moved to another series is detected.
    sealed = fernet.encrypt(json.dumps([row.series_key, dict(row.identifiers)]).encode())
    return f"{row.patient_key} {row.series_key} {sealed.decode()}\n".encode()


def _opened(line: bytes, fernet: Fernet, folder: Path) -> dict[str, str]:
    head, _, token = line.rpartition(b" ")
    series_key = head.rpartition(b" ")[2].decode(errors="replace")
    try:
        sealed_for, identifiers = json.loads(fernet.decrypt(token))
    except InvalidToken:
        sealed_for, identifiers = "", {}
    if sealed_for != series_key:
        raise SettingsError(
            f"the table of identifiers in {folder} was made with another pseudonym key, or is damaged; restore table "
            "and key file from one backup, or remove the table and index again with --again while the source files "
            "are there"
        )
    return dict(identifiers)


def _check_key(folder: Path, fernet: Fernet) -> None:
    """Raises SettingsError if the first line of the table cannot be decrypted."""
    for path in _files(folder):
        with path.open("rb") as file:
            _opened(file.readline(), fernet, folder)
        return


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob(f"[!.]*{_SUFFIX}"))  # half-written ones begin with a dot


def _write(folder: Path, content: bytes) -> Path:
    path = folder / f"{hashlib.sha256(content).hexdigest()[:16]}{_SUFFIX}"
    with writing(path) as temporary:
        temporary.touch(mode=0o600)  # before anything is in it
        temporary.write_bytes(content)
    return path


def _rewrite(path: Path, *, patient_key: str, series_keys: Set[str]) -> None:
    """Rewrite the file without these lines; the rest is written before the old file is removed."""
    with contextlib.suppress(FileNotFoundError):  # another process was first
        lines = path.read_bytes().splitlines(keepends=True)
        left = [line for line in lines if not _is_of(line, patient_key, series_keys)]
        if len(left) == len(lines):
            return
        if left:
            _write(path.parent, b"".join(left))
        path.unlink()


def _is_of(line: bytes, patient_key: str, series_keys: Set[str]) -> bool:
    patient, series = [*line.decode(errors="replace").split(" "), ""][:2]
    return patient == patient_key or series in series_keys
