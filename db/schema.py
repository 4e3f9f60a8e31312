"""The store's tables, made from osteo_core/columns when a store is opened, in one transaction.

Primary tables (parts, series, results, events ...) only ever gain columns. Derived tables are rebuilt when their recipe
(SQL, rules and columns) differs from the one recorded in the store; the record is part of the same transaction, so a
killed process leaves the store as it was before.
"""

from __future__ import annotations

import logging

import duckdb
import pyarrow as pa

from db import derived, rules
from db.chain import CHAIN
from db.sql import identifier, literal
from osteo_core.columns import TABLES
from osteo_core.columns.column import BIG, MOMENT, REQUIRED, TEXT, Column, Table, table
from osteo_core.errors import StoreError

_log = logging.getLogger("osteo.store")

PARTS = table(
    "parts",
    "parts taken in; a part is taken in once",
    Column("name", TEXT, "text", "file name: kind and SHA-256 of the file", use=REQUIRED),
    Column("kind", TEXT, "text", "the table it went to", use=REQUIRED),
    Column("n_rows", BIG, "count", "rows in the file", use=REQUIRED),
    Column("taken_in_at", MOMENT, "UTC", "when it was taken in", use=REQUIRED),
    key="name",
)
ABOUT = table(
    "about",
    "what the store says of itself, by name",
    Column("name", TEXT, "text", "what is said", use=REQUIRED),
    Column("value", TEXT, "text", "what it is", use=REQUIRED),
    key="name",
)
#: Tables whose content cannot be rebuilt from others.
TRUTH: dict[str, Table] = {**TABLES, PARTS.name: PARTS, ABOUT.name: ABOUT, CHAIN.name: CHAIN}
#: Tables whose key the database itself keeps unique.
_UNIQUE = ("parts", "about", "events", "results", "chain")
RECIPE = "recipe"

_SQL_TYPES = {
    pa.string(): "VARCHAR",
    pa.float64(): "DOUBLE",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.uint8(): "UTINYINT",
    pa.uint16(): "USMALLINT",
    pa.uint32(): "UINTEGER",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    MOMENT: "TIMESTAMP WITH TIME ZONE",
}


def version() -> int:
    """The version of stores written by this program: the number of columns of primary tables, which only grows."""
    return sum(len(one.columns) for one in TRUTH.values())


def refuse_newer(found: int, *, what: str) -> None:
    """Raise StoreError if ``what`` is of a later version than this program knows."""
    if found > version():
        raise StoreError(
            f"{what} is at version {found}; this program knows versions up to {version()}. "
            "Update the program, or name another store with --store"
        )


def is_brought_up(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether ``bring_up`` has nothing to do; read-only. Raises StoreError as ``bring_up`` does."""
    return not _changes(connection) and not _is_stale(connection)


def bring_up(connection: duckdb.DuckDBPyConnection) -> bool:
    """Create what is missing, in one transaction; returns whether derived tables were rebuilt.

    Raises StoreError if the store has columns unknown to this program.
    """
    changes = _changes(connection)
    if not changes and not _is_stale(connection):
        return False
    connection.execute("BEGIN TRANSACTION")
    try:
        connection.execute(";\n".join([*changes, derived.VIEWS]))
        is_stale = _is_stale(connection)
        if is_stale:
            _make_derived(connection)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return is_stale


def _changes(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Statements that bring the primary tables up to this program's columns. Raises StoreError for unknown columns."""
    held = _columns(connection)
    _refuse_unknown(held)
    return [sql for one in TRUTH.values() for sql in _table_changes(one, held.get(one.name, {}))]


def _is_stale(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the derived tables are missing, empty, or made by another recipe (which includes the views)."""
    return _recorded_recipe(connection) != derived.recipe() or derived.is_empty(connection)


def _make_derived(connection: duckdb.DuckDBPyConnection) -> None:
    ((n_series,),) = connection.execute("SELECT count(DISTINCT series_key) FROM series").fetchall()
    if n_series:
        _log.warning("the summaries of %d series are being rebuilt; a million take about a minute", n_series)
    for one in (*rules.RULES.values(), *derived.TABLES.values()):
        connection.execute(f"DROP TABLE IF EXISTS {one.name}")
        create(connection, one)
    rules.fill(connection)
    if n_series:
        derived.fill(connection)
    connection.execute(derived.INDEX)
    connection.execute(
        "INSERT OR REPLACE INTO about VALUES ($name, $value)", {"name": RECIPE, "value": derived.recipe()}
    )


def create(connection: duckdb.DuckDBPyConnection, one: Table) -> None:
    """Create the table with its comments."""
    connection.execute(";\n".join(_table_changes(one, {})))


def create_sql(one: Table) -> str:
    """The CREATE TABLE statement of a table."""
    lines = [_column_sql(column) + (" NOT NULL" if REQUIRED in column.use else "") for column in one.columns]
    lines += [f"PRIMARY KEY ({', '.join(map(identifier, one.key))})"] if one.name in _UNIQUE else []
    lines += [f"CHECK ({check})" for check in one.checks]
    return f"CREATE TABLE {one.name} ({', '.join(lines)})"


def _table_changes(one: Table, held: dict[str, str]) -> list[str]:
    """Statements that create the table, or bring one with the columns ``held`` (name: comment) up to date."""
    if not held:
        return [create_sql(one), *_comments(one, {})]
    # Older rows have no value in a new column: it may be null whatever the column says of new ones.
    missing = [column for column in one.columns if column.name not in held]
    changes = [f"ALTER TABLE {one.name} ADD COLUMN {_column_sql(column)}" for column in missing]
    return changes + _comments(one, held)


def _comments(one: Table, held: dict[str, str]) -> list[str]:
    """Statements for the comments that are not those in the file, by column."""
    table = [] if held else [f"COMMENT ON TABLE {one.name} IS {literal(one.meaning)}"]
    return table + [
        f"COMMENT ON COLUMN {one.name}.{identifier(column.name)} IS {literal(column.comment)}"
        for column in one.columns
        if held.get(column.name) != column.comment
    ]


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Comment of every column in the file, by table; read-only."""
    rows = connection.execute(
        "SELECT table_name, column_name, coalesce(comment, '') FROM duckdb_columns() "
        "WHERE NOT internal AND database_name = current_database() AND schema_name = 'main'"
    ).fetchall()
    held: dict[str, dict[str, str]] = {}
    for name, column, comment in rows:
        held.setdefault(name, {})[column] = comment
    return held


def _refuse_unknown(held: dict[str, dict[str, str]]) -> None:
    unknown = sorted(
        f"{name}.{column}"
        for name, one in TRUTH.items()
        for column in set(held.get(name, {})) - {known.name for known in one.columns}
    )
    if unknown:
        raise StoreError(
            f"the store has columns that this program does not know ({', '.join(unknown)}): a newer program wrote it. "
            "Update the program, or name another store with --store"
        )


def _recorded_recipe(connection: duckdb.DuckDBPyConnection) -> str:
    # Fetch everything: with a row left, the connection accepts nothing but another execute().
    found = connection.execute("SELECT value FROM about WHERE name = $name", {"name": RECIPE}).fetchall()
    return str(found[0][0]) if found else ""


def _column_sql(column: Column) -> str:
    return f"{identifier(column.name)} {sql_type(column.type)}"


def sql_type(type_: pa.DataType) -> str:
    """The database's name of an Arrow type."""
    if pa.types.is_list(type_):
        return f"{sql_type(type_.value_type)}[]"
    if pa.types.is_struct(type_):
        return f"STRUCT({', '.join(f'{identifier(field.name)} {sql_type(field.type)}' for field in type_)})"
    return _SQL_TYPES[type_]
