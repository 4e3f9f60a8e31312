"""Records to rows: the content of parts and of the files of ``process``. No database here, so workers can use it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from db.columns import file_rows, reason_rows, result_rows, series_row, utc
from db.identified import identified_tables
from osteo_core.columns import TABLES, Row
from osteo_core.outcomes import Exclusion
from osteo_core.records import Event, Found, ReferenceValue, SeriesResult


def result_tables(result: SeriesResult) -> dict[str, pa.Table]:
    """All rows of one result by kind, empty kinds left out, in the order in which parts must be written.

    The kinds are series, measurements, exclusions, cautions, tissues, segmentations, failures and, last,
    results: its row makes the others current. A result without ``finished_at`` counts as finished now.
    """
    return {kind: table_of(kind, given) for kind, given in result_rows(result).items() if given}


def process_tables(results: Sequence[SeriesResult]) -> dict[str, pa.Table]:
    """The tables ``series``, ``measurements``, ``exclusions`` and ``cautions`` over these results, always all four.

    They hold a person's own identifiers and levels by their names (db/identified.py).
    """
    return identified_tables([(result.series.series_instance_uid, result_rows(result)) for result in results])


def indexed_tables(found: Found, *, at: datetime | None = None) -> dict[str, pa.Table]:
    """Rows of what ``find`` found: series (eligible or not), their files, exclusions and cautions.

    ``at`` (default now) is the time of indexing. Reads size and time of change of every file; a file that has since
    gone is left out, so that the next index looks again.
    """
    moment = at or datetime.now(UTC)
    excluded: dict[str, list[Exclusion]] = {}
    series = {one.series_key: one for one, _ in found.excluded}
    for one, exclusion in found.excluded:
        excluded.setdefault(one.series_key, []).append(exclusion)
    series.update({one.series_key: one for one in found.series if one.series_key not in excluded})
    rows: dict[str, list[Row]] = {kind: [] for kind in ("files", "exclusions", "cautions", "series")}
    for key, one in series.items():
        row = series_row(one, indexed_at=moment, is_eligible=key not in excluded)
        rows["series"].append(row)
        rows["files"].extend(file_rows(one, moment, found.about_hashes))
        rows["exclusions"].extend(reason_rows("exclusions", row["index_id"], key, excluded.get(key, ())))
        rows["cautions"].extend(reason_rows("cautions", row["index_id"], key, found.cautions.get(key, ())))
    rows["series"] += [series_row(one, indexed_at=moment, is_eligible=False) for one in found.superseded]
    return {kind: table_of(kind, given) for kind, given in rows.items() if given}


def reference_table(values: Iterable[ReferenceValue], *, at: datetime | None = None) -> pa.Table:
    """QCT values imported at ``at`` (default now); the latest import of a patient and level counts."""
    moment = at or datetime.now(UTC)
    kind = TABLES["reference_values"]
    return table_of("reference_values", [kind.row(value, imported_at=utc(moment)) for value in values])


def event_table(*events: Event) -> pa.Table:
    """Events. Raises ValueError when a payload is not JSON."""
    for event in events:
        json.loads(event.payload_json)
    return table_of("events", [TABLES["events"].row(event) | {"at": utc(event.at)} for event in events])


def table_of(kind: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows as the Arrow table of their kind."""
    return pa.Table.from_pylist(list(rows), schema=TABLES[kind].schema)
