"""Identifiers become keyed hashes on the way in; the key lies outside the store and never leaves the site.

HMAC-SHA256 (RFC 2104, FIPS 198-1) over a domain and the identifier, the first 16 hex digits of it.
Domains keep a patient's hash from ever equalling that of a study with the same text. Without the key
a hash cannot be turned back, nor guessed by trying all patient numbers.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from osteo_core.errors import SettingsError
from osteo_core.whole_files import sync_folder

_KEY_BYTES = 32
_HEX_DIGITS = 16
#: Namespace of the UIDs made here; another one would give each object a new UID.
_UIDS = uuid.UUID("5f0f4f0e-3c5c-4d3b-9a55-6f9f4e2b8f61")


@dataclass(frozen=True)
class Pseudonyms:
    """Keyed hashes of identifiers, 16 hex digits each. The key is never printed."""

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) < _KEY_BYTES:
            raise SettingsError(f"a pseudonym key has at least {_KEY_BYTES} bytes, found {len(self.key)}")

    @classmethod
    def from_key_file(cls, path: Path) -> Pseudonyms:
        """The key in ``path`` as hex; made anew, readable by its owner alone (0600), where there is none.

        Two processes that come at once end with the same key. Raises SettingsError when the file holds
        no key: a site that lost its key must say so by removing the file, for all hashes change with it.
        """
        if path.is_dir():
            raise SettingsError(f"key_file must be a file, {path} is a folder; name the file in it that holds the key")
        if not path.exists():
            _make_key_file(path)
        text = path.read_text(encoding="ascii", errors="replace").strip()
        try:
            return cls(bytes.fromhex(text))
        except ValueError:
            raise SettingsError(
                f"{path} holds no pseudonym key (expected {2 * _KEY_BYTES} hex digits); restore it from its backup"
            ) from None

    @property
    def fingerprint(self) -> str:
        """What tells this key from others and gives nothing of it away."""
        return self._hash("key", "fingerprint")

    def patient(self, raw: str) -> str:
        """Hash of a PatientID; spaces around it do not count, as DICOM pads with them."""
        return self._hash("patient", raw)

    def study(self, raw: str) -> str:
        """Hash of a StudyInstanceUID."""
        return self._hash("study", raw)

    def series(self, raw: str) -> str:
        """Hash of what names a series, its study included, or a stack within it."""
        return self._hash("series", raw)

    def device(self, raw: str) -> str:
        """Hash of a scanner's serial number together with manufacturer and model."""
        return self._hash("device", raw)

    def site(self, raw: str) -> str:
        """Hash of an institution's name."""
        return self._hash("site", raw)

    def uid(self, raw: str) -> str:
        """A DICOM UID for something made here: '2.25.' and a UUID (version 5) as a number (DICOM PS3.5 B.2)."""
        return f"2.25.{uuid.uuid5(_UIDS, self._digest('uid', raw)).int}"

    def accession(self, raw: str) -> str:
        """Hash of an accession number."""
        return self._hash("accession", raw)

    def about(self, raw: str) -> str:
        """Hash of what a table says of a file."""
        return self._hash("about", raw)

    def _hash(self, domain: str, raw: str) -> str:
        return self._digest(domain, raw)[:_HEX_DIGITS]

    def _digest(self, domain: str, raw: str) -> str:
        # A path's bytes that are no UTF-8 count as they are.
        message = f"{domain}\0{raw.strip()}".encode(errors="surrogatepass")
        return hmac.new(self.key, message, hashlib.sha256).hexdigest()


def _make_key_file(path: Path) -> None:
    """Write a fresh key under a temporary name and link it in, so that nobody ever reads half a key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())  # a store made with a key that a power cut takes away could never be added to
        try:
            os.link(temporary, path)
            sync_folder(path.parent)
        except FileExistsError:  # another process was first: its key is the key
            return
    finally:
        temporary.unlink()
