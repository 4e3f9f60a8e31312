"""QCT values from a table on screen: read, mapped, looked at, then taken in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from db import rows
from db.key import pseudonyms_of
from db.parts import write_part
from osteo_core.tables.content import Table, read_table
from osteo_core.tables.qct import Mapped, guess, map_rows
from osteo_core.terms import Mineral
from pages.ui.services.running_app import query, settings, store_holder


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What an import would do: rows taken and refused, patients in it, and those of them with a CT here."""

    mapped: Mapped
    patients: int
    known: int
    measured: int


def qct_table(content: bytes) -> tuple[Table, dict[str, str]]:
    """The table and which column most likely means what. Raises UsageError for what is no table."""
    table = read_table(content)
    return table, guess(table)


def preview_qct(table: Table, columns: Mapping[str, str], *, mineral: Mineral | None, source: str) -> Preview:
    """What would be taken in under this mapping; nothing is stored. Raises UsageError as ``map_rows``."""
    pseudonyms = pseudonyms_of(settings())
    mapped = map_rows(table, columns, pseudonyms, mineral=mineral, source=source)
    keys = sorted({value.patient_key for value in mapped.values})
    found = query("known_patients", patient_keys=keys).to_pylist()[0]
    return Preview(mapped=mapped, patients=len(keys), known=int(found["n"]), measured=int(found["n_measured"]))


def import_qct(preview: Preview) -> None:
    """Take the values in."""
    held = store_holder()
    write_part(held.store_dir, "reference_values", rows.reference_table(preview.mapped.values))
    held.take_in()
