"""QCT values from a CSV file: read, checked, pseudonymised, and written as one part."""

from __future__ import annotations

from pathlib import Path

from db import rows
from osteo_core.engine import store
from osteo_core.engine.qct_table import read_reference
from osteo_core.pseudonyms import Pseudonyms
from osteo_core.records import ReferenceValue
from osteo_core.settings import Settings


def import_reference(path: Path, store_dir: Path, *, settings: Settings) -> tuple[ReferenceValue, ...]:
    """Read the file and write its values to the store; nothing is written when one row is wrong."""
    values = read_reference(path, Pseudonyms.from_key_file(settings.key_file))
    store.leave(store_dir, {"reference_values": rows.reference_table(values)})
    store.hand_over(store_dir)
    return values
