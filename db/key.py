"""The pseudonym key of a store: the store keeps the key's fingerprint and refuses another key.

Under another key every patient would get another pseudonym: the same CT indexed again would double the cohort without
any visible error.
"""

from __future__ import annotations

import json
from pathlib import Path

from db.parts import INBOX, SUFFIX, any_kept
from osteo_core.errors import SettingsError
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.settings import Settings
from osteo_core.whole_files import write_text

KEY_FILE = "key.json"
_FINGERPRINT = "fingerprint"


def has_data(store_dir: Path) -> bool:
    """Whether this store ever received data."""
    return any((store_dir / INBOX).glob(f"*{SUFFIX}")) or any_kept(store_dir)


def pseudonyms_of(settings: Settings) -> Pseudonyms:
    """The pseudonyms of the store named in the settings, under its key.

    A store without data takes the key in ``settings.key_path``, created if missing, and records its fingerprint. Raises
    SettingsError if a store with data has lost its key, or was made with another one.
    """
    store = settings.store
    pseudonyms = pseudonyms_beside(settings)
    kept = _kept(store)
    if kept == pseudonyms.fingerprint:
        return pseudonyms
    if kept and has_data(store):
        raise SettingsError(
            f"the store {store} was made with another pseudonym key than the one in {settings.key_path} (fingerprint "
            f"{kept}, found {pseudonyms.fingerprint}): its patients would be counted twice. Name its own key file with "
            "the setting key_file, or restore that file from its backup"
        )
    _keep(store, pseudonyms.fingerprint)
    return pseudonyms


def pseudonyms_beside(settings: Settings) -> Pseudonyms:
    """Pseudonyms for work that writes nothing to a store; never creates a new key beside a store that has data.

    Raises SettingsError when such a store has lost its key.
    """
    path = settings.key_path
    if not path.exists() and has_data(settings.store):
        raise SettingsError(
            f"there is no pseudonym key at {path}, and the store {settings.store} was made with one: a new key would "
            "count its patients twice. Restore the key file from its backup, or name it with the setting key_file"
        )
    return Pseudonyms.from_key_file(path)


def _kept(store_dir: Path) -> str:
    """The fingerprint recorded in the store; '' if there is none. Raises SettingsError when it cannot be read."""
    path = store_dir / KEY_FILE
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))[_FINGERPRINT])
    except FileNotFoundError:
        return ""
    except (ValueError, KeyError, TypeError):
        raise SettingsError(f"{path} is damaged; restore it from a backup of the store") from None


def _keep(store_dir: Path, fingerprint: str) -> None:
    write_text(store_dir / KEY_FILE, json.dumps({_FINGERPRINT: fingerprint}) + "\n")
