"""Names and texts written into SQL, where a statement takes no parameter: DDL, COPY, ATTACH, views."""

from __future__ import annotations


def identifier(name: str) -> str:
    """The name of a column or table, quoted."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: object) -> str:
    """A text or path as an SQL string, quoted."""
    return "'" + str(text).replace("'", "''") + "'"
