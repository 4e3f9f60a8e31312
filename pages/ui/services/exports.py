"""The filtered cohort as files: CSV, Parquet, data dictionary; and the versions stated in a report."""

from __future__ import annotations

import csv
import hashlib
import io
import secrets
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet

from db.query import Selection
from osteo_core.columns.cohort import EXPORT
from osteo_core.programme.cohort import CohortFilter
from osteo_core.tables.formulas import guarded, guarded_table
from pages.ui.services.running_app import query

#: In every file, chosen or not, so that simulated data is always marked.
_SIMULATED = "is_simulated"


def _whole_table(cohort: CohortFilter, *, with_keys: bool, seen_by: str | None) -> pa.Table:
    """One row per series, grouped by patient, as ``seen_by`` may see it; each column states its unit and meaning."""
    whole = Selection(columns=tuple(column.name for column in EXPORT), order="patient", then="series")
    return cohort_table(cohort, whole, with_keys=with_keys, secret=secrets.token_hex(16), seen_by=seen_by)


def cohort_table(
    cohort: CohortFilter, selection: Selection, *, with_keys: bool, secret: str, seen_by: str | None
) -> pa.Table:
    """A selection from that table, as ``seen_by`` may see it.

    Pseudonyms of patients, series ... differ for each filter and choice of columns. ``secret``: that of the session;
    the same secret gives the same pseudonyms on screen and in the file.
    """
    given = "\n".join((secret, cohort.to_query(), *sorted({*selection.columns} - {_SIMULATED})))
    salt = hashlib.sha256(given.encode()).hexdigest()
    asked = {"with_keys": with_keys, "salt": salt, "selection": selection}
    table = query("export_cohort", cohort=cohort, seen_by=seen_by, **asked)
    stated = {column.name: column.field.metadata for column in EXPORT}
    return table.cast(pa.schema([field.with_metadata(stated[field.name]) for field in table.schema]))


def selection_of_file(shown: Selection) -> Selection:
    """What a file holds of the table shown: all rows, the chosen columns, and which patients are simulated."""
    return replace(shown, limit=None, columns=tuple(dict.fromkeys((*shown.columns, _SIMULATED))))


def as_csv(table: pa.Table) -> bytes:
    """A table as CSV in UTF-8, first line the columns' names; text that starts like a formula is escaped."""
    out = io.BytesIO()
    arrow_csv.write_csv(guarded_table(table), out)
    return out.getvalue()


def as_parquet(table: pa.Table) -> bytes:
    """A table as Parquet, each column's metadata kept."""
    out = io.BytesIO()
    parquet.write_table(table, out, compression="zstd")
    return out.getvalue()


def cohort_csv(cohort: CohortFilter, *, with_keys: bool = False, seen_by: str | None) -> bytes:
    """The filtered cohort as CSV in UTF-8, first line the columns' names."""
    return as_csv(_whole_table(cohort, with_keys=with_keys, seen_by=seen_by))


def cohort_parquet(cohort: CohortFilter, *, with_keys: bool = False, seen_by: str | None) -> bytes:
    """The same as Parquet, with unit and meaning of each column."""
    return as_parquet(_whole_table(cohort, with_keys=with_keys, seen_by=seen_by))


def dictionary_csv(columns: Collection[str] = ()) -> bytes:
    """The data dictionary of both, or of some of their columns."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("column", "unit or values", "meaning"))
    chosen = [column for column in EXPORT if not columns or column.name in columns]
    writer.writerows(map(guarded, (column.name, column.unit, column.meaning)) for column in chosen)
    return out.getvalue().encode()


def versions(cohort: CohortFilter, *, seen_by: str | None) -> list[dict[str, Any]]:
    """Weights, settings and calibrations behind the current numbers, with how many series each."""
    found: list[dict[str, Any]] = query("cohort_versions", cohort=cohort, seen_by=seen_by).to_pylist()
    return found
