"""The filtered cohort as files: CSV, Parquet, data dictionary; and what a report says of its versions."""

from __future__ import annotations

import csv
import io
import secrets
from typing import Any

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet

from osteo_core.columns.cohort import EXPORT
from osteo_core.programme.cohort import CohortFilter
from osteo_core.tables.formulas import guarded, guarded_table
from pages.ui.services.running_app import query


def _table(cohort: CohortFilter, *, with_keys: bool) -> pa.Table:
    """One row a series; each column's metadata holds its unit and meaning."""
    table = query("export_cohort", cohort=cohort, with_keys=with_keys, salt=secrets.token_hex(16))
    stated = {column.name: column.field.metadata for column in EXPORT}
    return table.cast(pa.schema([field.with_metadata(stated[field.name]) for field in table.schema]))


def cohort_csv(cohort: CohortFilter, *, with_keys: bool = False) -> bytes:
    """The filtered cohort as CSV in UTF-8, first line the columns' names."""
    out = io.BytesIO()
    arrow_csv.write_csv(guarded_table(_table(cohort, with_keys=with_keys)), out)
    return out.getvalue()


def cohort_parquet(cohort: CohortFilter, *, with_keys: bool = False) -> bytes:
    """The same as Parquet; unit and meaning stand with each column."""
    out = io.BytesIO()
    parquet.write_table(_table(cohort, with_keys=with_keys), out, compression="zstd")
    return out.getvalue()


def dictionary_csv() -> bytes:
    """The data dictionary of both."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("column", "unit or values", "meaning"))
    writer.writerows(map(guarded, (column.name, column.unit, column.meaning)) for column in EXPORT)
    return out.getvalue().encode()


def versions(cohort: CohortFilter) -> list[dict[str, Any]]:
    """Weights, settings and calibrations behind the current numbers, with how many series each."""
    found: list[dict[str, Any]] = query("cohort_versions", cohort=cohort).to_pylist()
    return found
