"""Answers from an open store or snapshot: queries, and whole tables for export."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa

from db.border import translated
from db.query import EVERYBODY, Selection, run_query
from osteo_core.columns import EXPORT_TABLES, TABLES
from osteo_core.errors import BrokenPromiseError
from osteo_core.programme.cohort import CohortFilter


class Reader:
    """Answers queries from any thread: each thread has its own cursor."""

    def __init__(self, store_dir: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.store_dir = store_dir
        self._connection = connection
        self._local = threading.local()

    def query(
        self,
        name: str,
        *,
        cohort: CohortFilter = EVERYBODY,
        selection: Selection | None = None,
        seen_by: str | None = None,
        **params: Any,
    ) -> pa.Table:
        """Answer the query ``name`` (db/queries) about ``cohort``, or a selection from its answer, as an Arrow table.

        ``seen_by``: as this reader may see it (db/query.py).

        Raises StoreError if disk, memory or a damaged file prevents it.
        """
        with translated(self.store_dir, "reading"):
            return run_query(self._cursor(), name, cohort=cohort, selection=selection, seen_by=seen_by, **params)

    def table(self, name: str) -> pa.Table:
        """A whole table for export. Raises BrokenPromiseError for one that must not leave the site."""
        if name not in EXPORT_TABLES:
            raise BrokenPromiseError(f"table '{name}' is not for export; those are {list(EXPORT_TABLES)}")
        with translated(self.store_dir, "reading"):
            found: pa.Table = self._cursor().sql(f"SELECT * FROM {name}{_whole_only(name)}").to_arrow_table()
        return found

    @contextmanager
    def unchanging(self) -> Iterator[None]:
        """Within this context all answers are of one moment."""
        yield

    def close(self) -> None:
        """Close the connections of every thread: DuckDB keeps one database per path as long as any is open."""
        self._local = threading.local()
        self._connection.close()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        held: tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection] | None = getattr(self._local, "held", None)
        if held is None or held[0] is not self._connection:
            held = (self._connection, self._connection.cursor())
            self._local.held = held
        return held[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _whole_only(name: str) -> str:
    """Leaves out rows of a result without its own row: their worker was killed, and another run repeated it."""
    columns = {column.name for column in TABLES[name].columns}
    if name != "results" and "result_id" in columns:
        return " WHERE result_id IN (SELECT result_id FROM results)"
    if "source_id" in columns:
        return " WHERE source_id IN (SELECT result_id FROM results UNION ALL SELECT index_id FROM series)"
    return ""
