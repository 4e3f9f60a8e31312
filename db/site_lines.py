"""The calibration lines made in a store, as a table beside it that an analysis reads.

The table follows from the events and is rewritten when they change.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from db.query import run_query
from osteo_core.programme.site_line import rows_in_force
from osteo_core.records import Event
from osteo_core.settings import STORE_LINES
from osteo_core.whole_files import write_text


def write_lines(connection: duckdb.DuckDBPyConnection, store_dir: Path) -> None:
    """Update the store's table of calibration lines from its events; no table if no line is in force."""
    path, rows = store_dir / STORE_LINES, rows_of(connection)
    if not rows:
        path.unlink(missing_ok=True)
        return
    content = csv_text(rows)
    if not path.is_file() or path.read_bytes() != content.encode():
        write_text(path, content)


def rows_of(connection: duckdb.DuckDBPyConnection) -> list[dict[str, str]]:
    """Rows of the calibration table in force according to the store's events."""
    return rows_in_force(Event(**row) for row in run_query(connection, "calibration_line_events").to_pylist())


def csv_text(rows: Iterable[Mapping[str, str]]) -> str:
    """Rows of one kind as CSV with their names on top."""
    given = list(rows)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(given[0]))
    writer.writeheader()
    writer.writerows(given)
    return text.getvalue()
