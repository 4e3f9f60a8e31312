"""Replaces identifiers by keyed hashes on input; the key is kept outside the store and never leaves the site.

First 16 hex digits of HMAC-SHA256 (RFC 2104, FIPS 198-1) over a domain and the identifier.
Domains separate the hashes of a patient and a study with the same text. Without the key,
a hash cannot be reversed, not even by trying all patient numbers.
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
#: Namespace of the UIDs made here; changing it would change all UIDs.
_UIDS = uuid.UUID("5f0f4f0e-3c5c-4d3b-9a55-6f9f4e2b8f61")


@dataclass(frozen=True)
class Pseudonyms:
    """Keyed hashes of identifiers, 16 hex digits each. The key is never printed."""

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) < _KEY_BYTES:
            raise SettingsError(f"a pseudonym key must have at least {_KEY_BYTES} bytes, found {len(self.key)}")

    @classmethod
    def from_key_file(cls, path: Path) -> Pseudonyms:
        """The key in ``path`` (hex); if there is none, a new one is created with mode 0600.

        Concurrent processes get the same key. Raises SettingsError if the file contains no valid
        key: since all hashes depend on it, a site must explicitly remove the file to get a new key.
        """
        if path.is_dir():
            raise SettingsError(f"key_file must be a file, but {path} is a folder; name the key file in it")
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
        """Identifies this key without revealing anything about it."""
        return self._hash("key", "fingerprint")

    def patient(self, raw: str) -> str:
        """Hash of a PatientID; surrounding spaces are ignored, as DICOM pads with them."""
        return self._hash("patient", raw)

    def study(self, raw: str) -> str:
        """Hash of a StudyInstanceUID."""
        return self._hash("study", raw)

    def series(self, raw: str) -> str:
        """Hash of the identifier of a series (including its study) or of a stack in it."""
        return self._hash("series", raw)

    def device(self, raw: str) -> str:
        """Hash of a scanner's serial number together with manufacturer and model."""
        return self._hash("device", raw)

    def site(self, raw: str) -> str:
        """Hash of an institution's name."""
        return self._hash("site", raw)

    def uid(self, raw: str) -> str:
        """A DICOM UID for an object made here: '2.25.' and a UUID (version 5) as a number (DICOM PS3.5 B.2)."""
        return f"2.25.{uuid.uuid5(_UIDS, self._digest('uid', raw)).int}"

    def accession(self, raw: str) -> str:
        """Hash of an accession number."""
        return self._hash("accession", raw)

    def about(self, raw: str) -> str:
        """Hash of what a table states about a file."""
        return self._hash("about", raw)

    def _hash(self, domain: str, raw: str) -> str:
        return self._digest(domain, raw)[:_HEX_DIGITS]

    def _digest(self, domain: str, raw: str) -> str:
        # Paths may contain bytes that are not UTF-8.
        message = f"{domain}\0{raw.strip()}".encode(errors="surrogatepass")
        return hmac.new(self.key, message, hashlib.sha256).hexdigest()


def _make_key_file(path: Path) -> None:
    """Write a new key to a temporary file and link it, so that a partial key is never read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())  # a store whose key is lost in a power cut could never be extended
        try:
            os.link(temporary, path)
            sync_folder(path.parent)
        except FileExistsError:  # another process was first; its key is used
            return
    finally:
        temporary.unlink()
