"""All columns that are stored or written, each stated once; rows, tables, files, dictionaries and help use them.

A later version may add columns but never rename or remove one: a store is rebuilt from parts of any age, and a column
that an old part lacks is null.
"""

from __future__ import annotations

from osteo_core.columns.beside import CAUTIONS, EVENTS, EXCLUSIONS, FAILURES, REFERENCE_VALUES, SEGMENTATIONS, TISSUES
from osteo_core.columns.column import Column, Row, Table
from osteo_core.columns.levels import MEASUREMENTS
from osteo_core.columns.results import RESULTS
from osteo_core.columns.series import FILES, SERIES

#: Every table by its name, in the order in which parts are written: a result's row comes last and makes the others
#: current.
TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        FILES,
        MEASUREMENTS,
        EXCLUSIONS,
        CAUTIONS,
        TISSUES,
        SEGMENTATIONS,
        FAILURES,
        REFERENCE_VALUES,
        EVENTS,
        SERIES,
        RESULTS,
    )
}

#: Tables that may leave the site: pseudonyms only. ``files`` holds local paths and stays.
EXPORT_TABLES: tuple[str, ...] = tuple(name for name in TABLES if name != "files")

__all__ = ["EXPORT_TABLES", "TABLES", "Column", "Row", "Table"]
