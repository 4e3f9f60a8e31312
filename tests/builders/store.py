"""A store filled from records as by the engine: parts are written, then taken in by an owner; and what is wrong in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from db import parts, rows
from db.check import check_store
from db.connect import open_store
from osteo_core.records import ReferenceValue, SeriesResult


def write_results(store_dir: Path, results: Sequence[SeriesResult]) -> None:
    """Write the results to the inbox, as workers do."""
    for result in results:
        parts.write_parts(store_dir, rows.result_tables(result))


def write_together(store_dir: Path, results: Sequence[SeriesResult]) -> None:
    """Write many results at once, one part per kind."""
    tables: dict[str, list[pa.Table]] = {}
    for result in results:
        for kind, table in rows.result_tables(result).items():
            tables.setdefault(kind, []).append(table)
    for kind, given in tables.items():
        parts.write_part(store_dir, kind, pa.concat_tables(given))


def build_store(store_dir: Path, results: Sequence[SeriesResult], *, references: Sequence[ReferenceValue] = ()) -> Path:
    """A store with ``results`` and QCT ``references``, closed again; returns its folder."""
    store = open_store(store_dir)
    try:
        write_together(store_dir, results)
        if references:
            parts.write_part(store_dir, "reference_values", rows.reference_table(list(references)))
        store.take_in()
        store.publish_snapshot()
    finally:
        store.close()
    return store_dir


def faults(store_dir: Path) -> dict[str, str]:
    """What `check` finds wrong with a store: the message of each finding that is not ok, by its name."""
    return {finding.name: finding.message for finding in check_store(store_dir) if not finding.ok}
