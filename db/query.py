"""Named queries: SQL files in ``queries/`` with named parameters, answered in Arrow.

A query about a cohort holds ``/*cohort*/ TRUE`` where the filter's WHERE clause goes, and one by groups ``/*group*/ 0``
where the number of the group ``$by`` goes; unchanged, the file asks about all patients and runs in any DuckDB client.
``/*exported columns*/ 0 AS nothing`` are the columns of the cohort that leave the site as they are stored. Every query
about the cohort can be asked as one reader may see it (seen_by.sql).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from db.sql import identifier
from db.where import where
from osteo_core.columns import Column
from osteo_core.columns.cohort import EXPORTED_AS_STORED
from osteo_core.errors import BrokenPromiseError
from osteo_core.programme.cohort import CohortFilter

QUERIES = Path(__file__).parent / "queries"
_PLACE = "/*cohort*/ TRUE"
_GROUP = "/*group*/ 0"
_EXPORTED = "/*exported columns*/ 0 AS nothing"
#: What a query may group by -> its number in the table ``cohort`` (what numbers stand for: the table ``names``).
GROUPS: dict[str, str] = {
    "all": "0",
    **{name: f"cohort.{name}_number" for name in ("sex", "age_band", "vendor", "scanner", "site", "period")},
}
#: Queries that keep one or two small values per patient: up to 2^22 patients are held in an array by number, which
#: takes half the time of hashing and at most some 100 MB. Other queries would need far more memory there.
_BY_ARRAY, _ARRAY_BITS, _USUAL_BITS = frozenset({"cohort_summary", "prevalence", "equity"}), 22, 12
_COMMENT = re.compile(r"--[^\n]*")
#: Before a query: the cohort as one reader may see it.
_SEEN_BY = _COMMENT.sub("", (QUERIES.parent / "seen_by.sql").read_text(encoding="utf-8")).strip()
_WITH = re.compile(r"WITH\b\s*")
_PARAMETER = re.compile(r"\$([a-z_]+)")
EVERYBODY = CohortFilter()


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What to take of a query's answer: these columns, sorted by ``order``, then by ``then``; ``limit`` at most."""

    columns: tuple[str, ...]
    order: str
    then: str
    is_descending: bool = False
    limit: int | None = None

    def of(self, text: str) -> str:
        """The query ``text`` with this selection; missing values come last."""
        names = ", ".join(map(identifier, self.columns))
        way = "DESC" if self.is_descending else "ASC"
        rows = "" if self.limit is None else f" LIMIT {int(self.limit)}"
        order = f"{identifier(self.order)} {way} NULLS LAST, {identifier(self.then)}"
        return f"SELECT {names} FROM ({text}) ORDER BY {order}{rows}"


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
    cursor: duckdb.DuckDBPyConnection,
    name: str,
    *,
    cohort: CohortFilter = EVERYBODY,
    selection: Selection | None = None,
    seen_by: str | None = None,
    **params: Any,
) -> pa.Table:
    """Answer the query ``name``, or a selection from its answer.

    ``seen_by``: as this reader may see it, None for everything.

    Raises BrokenPromiseError for an unknown name, a missing or unknown parameter or group, or a filter on a query that
    takes none: these are bugs of the caller.
    """
    text = _text(name)
    expected = parameters_of(name)
    if set(params) != expected:
        raise BrokenPromiseError(f"query '{name}' takes {sorted(expected)}, got {sorted(params)}")
    if cohort != EVERYBODY and not takes_cohort(name):
        raise BrokenPromiseError(f"query '{name}' takes no cohort filter")
    if _GROUP in text:
        if params["by"] not in GROUPS:
            raise BrokenPromiseError(f"query '{name}' groups by {list(GROUPS)}, got {params['by']!r}")
        text = text.replace(_GROUP, GROUPS[params["by"]])
    text = selection.of(text) if selection else text
    clause, values = where(cohort)
    if seen_by is not None:
        text, values = _as_seen(text), {**values, "seen_by": seen_by}
    cursor.execute(f"SET perfect_ht_threshold = {_ARRAY_BITS if name in _BY_ARRAY else _USUAL_BITS}")
    given = {key: list(value) if isinstance(value, tuple) else value for key, value in params.items()}
    relation = cursor.sql(text.replace(_PLACE, clause), params={**given, **values} or None)
    table: pa.Table = relation.to_arrow_table()
    return table


def _as_seen(text: str) -> str:
    """The query ``text`` over the cohort that ``$seen_by`` may see."""
    text = _COMMENT.sub("", text).lstrip()
    if _WITH.match(text):
        return f"WITH {_SEEN_BY}, {_WITH.sub('', text, count=1)}"
    return f"WITH {_SEEN_BY} {text}"


@functools.cache
def _text(name: str) -> str:
    path = QUERIES / f"{name}.sql"
    if not path.is_file():
        raise BrokenPromiseError(f"there is no query '{name}'; known are {list(query_names())}")
    text = path.read_text(encoding="utf-8").strip().removesuffix(";")
    return text.replace(_EXPORTED, ", ".join(_as_one_value(column) for column in EXPORTED_AS_STORED))


def _as_one_value(column: Column) -> str:
    """A list as text: a cell of a table holds one value."""
    if not pa.types.is_list(column.type):
        return column.name
    between = "; " if pa.types.is_string(column.type.value_type) else ";"
    return f"array_to_string({column.name}, '{between}') AS {column.name}"
