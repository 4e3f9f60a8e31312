"""One line per column: it is complete, has a source, and agrees with the documentation."""

from __future__ import annotations

import re
from dataclasses import fields

import pyarrow as pa
import pytest

from db.rows import process_tables, result_tables
from osteo_core.columns import TABLES
from osteo_core.columns.cohort import COHORT_ROWS, DERIVED, EXPORT
from osteo_core.columns.column import EXPORTED, INTERNAL, Column, at_path
from osteo_core.columns.document import document
from osteo_core.records import Measurement, Series
from tests.builders.cohort import build_cohort
from tests.house.sources import ROOT

EVERY = [(name, column) for name, one in {**TABLES, **DERIVED}.items() for column in one.columns]
#: Fields of the records that are stored under other names or not stored.
NOT_STORED = {"files", "stack", "series_instance_uid", "files_stamp", "file_stamps", "pixel_spacing_mm", "exclusions"}


@pytest.mark.parametrize("column", EXPORT, ids=lambda column: column.name)
def test_an_exported_column_says_unit_and_meaning(column: Column) -> None:
    assert column.unit
    assert column.meaning


def test_each_column_is_named_once_and_says_what_it_holds() -> None:
    for one in {**TABLES, **DERIVED}.values():
        names = [column.name for column in one.columns]
        assert len(set(names)) == len(names)
        assert set(one.key) | set(one.order) <= set(names)
    assert [f"{name}.{column.name}" for name, column in EVERY if not (column.unit and column.meaning)] == []
    assert [c.name for _, c in EVERY if not re.fullmatch(r"[a-z][a-z0-9_]*", c.name)] == []


@pytest.mark.parametrize(("record", "name"), [(Series, "series"), (Measurement, "measurements")])
def test_every_field_of_the_records_is_stored(record: type, name: str) -> None:
    stored = {column.name for column in TABLES[name].columns}
    missing = {
        field.name
        for field in fields(record)
        if not {field.name, field.name.replace("_mg_cm3", "") + "_mg_cm3"} & stored
    }
    assert missing - NOT_STORED == set()


def test_every_column_has_a_value_of_its_type_for_some_result() -> None:
    tables: dict[str, list[pa.Table]] = {}
    for result in build_cohort(40):
        for name, rows in result_tables(result).items():
            tables.setdefault(name, []).append(rows)
    for name, rows in tables.items():
        assert pa.concat_tables(rows).schema.equals(TABLES[name].schema, check_metadata=True)


def test_files_of_process_hold_every_column_that_is_not_internal() -> None:
    written = process_tables(build_cohort(3))
    for name in ("measurements", "exclusions"):
        outside = [column.name for column in TABLES[name].columns if INTERNAL not in column.use]
        assert written[name].schema.names == ["series_instance_uid", *outside]
    outside = {c.name for n in ("series", "results") for c in TABLES[n].columns if INTERNAL not in c.use}
    assert outside < set(written["series"].schema.names)
    assert {field.metadata[b"comment"] for table in written.values() for field in table.schema} >= {b"kV; tube voltage"}


def test_the_cohort_takes_its_columns_with_unit_and_meaning() -> None:
    stated = {c.name: c for n in ("series", "results") for c in TABLES[n].columns}
    for column in COHORT_ROWS.columns:
        if column.name in stated and column.name not in ("status", "is_flagged"):
            assert (column.unit, column.meaning) == (stated[column.name].unit, stated[column.name].meaning)
    assert {c.name for c in COHORT_ROWS.columns if EXPORTED in c.use} < {c.name for c in EXPORT}


def test_a_path_ends_where_a_part_is_none() -> None:
    measurement = build_cohort(1)[0].measurements[0]
    assert at_path(measurement, "vbmd_mg_cm3.value") == measurement.vbmd_mg_cm3.value
    assert at_path(Measurement(level=measurement.level, voxels=1, volume_ml=1.0), "vbmd_mg_cm3.value") is None


def test_the_page_of_the_documentation_is_the_one_that_the_columns_make() -> None:
    assert (ROOT / "docs" / "columns.md").read_text(encoding="utf-8") == document(), (
        "write it anew: python -m osteo_core.columns > docs/columns.md"
    )
