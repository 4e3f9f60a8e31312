"""Named queries: SQL files in ``queries/`` with named parameters, answered in Arrow.

A query about a cohort holds ``/*cohort*/ TRUE`` where the filter's WHERE clause goes; as it stands the
file asks about everybody and runs in any DuckDB client.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from db.where import where
from osteo_core.errors import BrokenPromiseError
from osteo_core.programme.cohort import CohortFilter

QUERIES = Path(__file__).parent / "queries"
_PLACE = "/*cohort*/ TRUE"
_PARAMETER = re.compile(r"\$([a-z_]+)")
_COMMENT = re.compile(r"--[^\n]*")
EVERYBODY = CohortFilter()


def query_names() -> tuple[str, ...]:
    """The names of all queries."""
    return tuple(path.stem for path in sorted(QUERIES.glob("*.sql")))


def parameters_of(name: str) -> frozenset[str]:
    """The parameters that a query takes beside the cohort."""
    return frozenset(_PARAMETER.findall(_COMMENT.sub("", _text(name))))


def takes_cohort(name: str) -> bool:
    """Whether a query can be asked about a part of the cohort."""
    return _PLACE in _text(name)


def run_query(
    cursor: duckdb.DuckDBPyConnection, name: str, *, cohort: CohortFilter = EVERYBODY, **params: Any
) -> pa.Table:
    """Answer the query ``name``.

    Raises BrokenPromiseError for an unknown name, a missing or unknown parameter, or a filter on a
    query that takes none: the caller is our own code.
    """
    text = _text(name)
    expected = parameters_of(name)
    if set(params) != expected:
        raise BrokenPromiseError(f"query '{name}' takes {sorted(expected)}, got {sorted(params)}")
    if cohort != EVERYBODY and not takes_cohort(name):
        raise BrokenPromiseError(f"query '{name}' takes no cohort filter")
    clause, values = where(cohort)
    relation = cursor.sql(text.replace(_PLACE, clause), params={**params, **values} or None)
    table: pa.Table = relation.to_arrow_table()
    return table


@functools.cache
def _text(name: str) -> str:
    path = QUERIES / f"{name}.sql"
    if not path.is_file():
        raise BrokenPromiseError(f"there is no query '{name}'; known are {list(query_names())}")
    return path.read_text(encoding="utf-8").strip().removesuffix(";")
