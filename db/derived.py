"""Derived tables: their recipe, and building all rows or only those that new parts affect."""

from __future__ import annotations

import functools
import hashlib
import sys
from pathlib import Path

import duckdb

from db import rules
from osteo_core.columns import Table
from osteo_core.columns.cohort import DERIVED, FROM_RESULTS, FROM_SERIES

#: Views and macros over the primary tables, also used by refresh.sql.
VIEWS = (Path(__file__).parent / "views.sql").read_text(encoding="utf-8")
_REFRESH = (Path(__file__).parent / "refresh.sql").read_text(encoding="utf-8")
#: Where refresh.sql takes the columns that `cohort` has from headers and results.
_SERIES_PLACE, _RESULTS_PLACE = "/*series columns*/ h.*", "/*results columns*/ r.*"
_CUT, _WHOSE, _WHICH = "-- cut\n", "/*whose*/ TRUE", "/*which*/ TRUE"
_INTO = ("DELETE FROM cohort", "INSERT INTO cohort")
_SIGNED = "series_key IN (SELECT series_key FROM sound_results WHERE is_read)"
#: The program's own measurements of signed series, including series that no longer count.
_UNREAD = (f"NOT coalesce(is_read, false) AND {_SIGNED}", f"h.{_SIGNED}")
#: Notes on the follow-up are left out: they follow from the read.
_NOTES, _NO_NOTES = "FROM valid_notes", "FROM (FROM valid_notes WHERE false)"
_IS_SIGNED = "SELECT EXISTS(FROM sound_results WHERE is_read AND series_key IN (SELECT series_key FROM touched))"
_DELETE_UNREAD = "DELETE FROM unread WHERE series_key IN (SELECT series_key FROM touched)"
#: Pages query rows of some series by key: an index look-up instead of a full scan.
INDEX = "CREATE INDEX cohort_by_series ON cohort (series_key)"
#: Built by refresh.sql from rows of parts only.
TABLES: dict[str, Table] = DERIVED


@functools.cache
def _recipe_sql() -> tuple[str, str, str]:
    """SQL for every derived row of the series in ``touched``: of all, of those that a reader signed, and the end."""
    series = ", ".join(f"h.{column.name}" for column in FROM_SERIES)
    results = ", ".join(f"r.{column.name}" for column in FROM_RESULTS)
    whole = _REFRESH.replace(_SERIES_PLACE, series).replace(_RESULTS_PLACE, results)
    counted, made, between, rows, end = whole.split(_CUT)
    whose, which = _UNREAD
    again = (made + rows).replace(_WHOSE, whose).replace(_WHICH, which)
    again = again.replace(_NOTES, _NO_NOTES)
    for words in _INTO:
        again = again.replace(words, words.replace("cohort", "unread"))
    return counted + made + between + rows, again, end


def refresh(connection: duckdb.DuckDBPyConnection) -> None:
    """Rebuild every derived row of the series in the temporary table ``touched``, within the caller's transaction.

    For a few rows most of the time goes into planning the query; that for ``unread`` runs only where a read is signed.
    """
    all_sql, unread_sql, end_sql = _recipe_sql()
    connection.execute(all_sql)
    ((is_signed,),) = connection.execute(_IS_SIGNED).fetchall()
    connection.execute(unread_sql if is_signed else _DELETE_UNREAD)
    connection.execute(end_sql)


@functools.cache
def recipe() -> str:
    """Hash of everything that determines the content of the derived tables."""
    tables = (*TABLES.values(), *rules.RULES.values())
    columns = [f"{one.name}.{column.name} {column.type}" for one in tables for column in one.columns]
    return hashlib.sha256("\0".join((VIEWS, INDEX, *_recipe_sql(), repr(rules.rows()), *columns)).encode()).hexdigest()


def is_empty(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether there are series that count but no derived rows."""
    names = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if not names.issuperset(TABLES):
        return True
    ((found,),) = connection.execute("SELECT EXISTS(FROM series) AND NOT EXISTS(FROM cohort)").fetchall()
    if not found:
        return False
    # All of them may be superseded. This reads every series, so only now.
    counting = "SELECT EXISTS(FROM current_series WHERE NOT coalesce(is_superseded, false))"
    ((found,),) = connection.execute(counting).fetchall()
    return bool(found)


def fill(connection: duckdb.DuckDBPyConnection) -> None:
    """Build every derived row, with a bar on a terminal, within the caller's transaction."""
    connection.execute("CREATE OR REPLACE TEMP TABLE touched AS SELECT DISTINCT series_key FROM series")
    connection.execute(f"SET enable_progress_bar = {sys.stdout.isatty()}")
    refresh(connection)
    connection.execute("SET enable_progress_bar = false")
