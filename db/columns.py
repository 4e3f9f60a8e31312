"""Turns one record into rows by table, with the keys between them. No Arrow, no database."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path

from osteo_core.archive_formats import ArchiveError
from osteo_core.archives import status_of
from osteo_core.columns import TABLES, Row
from osteo_core.outcomes import Caution, Exclusion
from osteo_core.records import Failure, Series, SeriesResult

_ID_DIGITS = 24
#: How Python represents bytes of a file name that are not UTF-8 (PEP 383), and how ``path_text`` writes them. A path
#: may begin with two separators, and there they mean no byte.
_ESCAPED = 0xDC00
_NO_UTF8 = re.compile("[\udc80-\udcff]")
_WRITTEN = re.compile("(?<!^)//([89a-f][0-9a-f])")


def result_rows(result: SeriesResult) -> dict[str, list[Row]]:
    """All rows of one result by table, ``results`` last: its row makes the others current.

    A result without ``finished_at`` counts as finished now.
    """
    at = utc(result.finished_at or datetime.now(UTC))
    key = result.series.series_key
    versions = (result.model_hash, result.settings_hash, result.measuring_version)
    result_id = identity("result", key, *versions, at.isoformat())
    about: Row = {"result_id": result_id, "series_key": key}
    tissues = result.tissues.samples if result.tissues else ()
    return {
        "series": [series_row(result.series, indexed_at=None, is_eligible=True)],
        "measurements": [TABLES["measurements"].row(one, **about) for one in result.measurements],
        "exclusions": reason_rows("exclusions", result_id, key, result.exclusions),
        "cautions": reason_rows("cautions", result_id, key, result.cautions),
        "tissues": [TABLES["tissues"].row(one, **about) for one in tissues],
        "segmentations": _segmentation_rows(result, about),
        "failures": [failure_row(result.failure)] if result.failure else [],
        "results": [TABLES["results"].row(result, **about, finished_at=at)],
    }


def series_row(series: Series, *, indexed_at: datetime | None, is_eligible: bool) -> Row:
    """One reading of headers; ``indexed_at`` None when it is known from a result alone."""
    row = TABLES["series"].row(series, indexed_at=utc(indexed_at) if indexed_at else None, is_eligible=is_eligible)
    return row | {"index_id": identity("index", *(f"{name}={value}" for name, value in sorted(row.items())))}


def file_rows(series: Series, at: datetime, about_hashes: Mapping[Path, str]) -> list[Row]:
    """The files of a series with size and time of change, from before they were read where these are known.

    A file that has since gone is left out. ``about_hashes``: hash of the entry for each file in a table about files.
    """
    rows = []
    for file, stamp in zip_longest(series.files, series.file_stamps):
        try:
            now = status_of(file)
        except (FileNotFoundError, ArchiveError):
            continue
        size_bytes, mtime_ns = stamp or now
        rows.append(
            {
                "path": path_text(file.absolute()),
                "series_key": series.series_key,
                "size_bytes": size_bytes,
                "mtime_ns": mtime_ns,
                "about_hash": about_hashes.get(file) or None,
                "indexed_at": utc(at),
            }
        )
    return rows


def path_text(path: Path) -> str:
    """An absolute path as text for any table: a byte that is not UTF-8 becomes '//', not in any path, and digits."""
    return _NO_UTF8.sub(lambda byte: f"//{ord(byte[0]) - _ESCAPED:02x}", str(path))


def path_of(text: str) -> Path:
    """The path that ``path_text`` wrote."""
    return Path(_WRITTEN.sub(lambda digits: chr(_ESCAPED + int(digits[1], 16)), text))


def reason_rows(table: str, source_id: str, series_key: str, reasons: Sequence[Exclusion | Caution]) -> list[Row]:
    """Reasons in the order in which they were given, each once; ``table``: exclusions or cautions."""
    return [
        TABLES[table].row(reason, source_id=source_id, series_key=series_key, position=position)
        for position, reason in enumerate(dict.fromkeys(reasons))
    ]


def _segmentation_rows(result: SeriesResult, about: Row) -> list[Row]:
    """One row for each segmented body; a single row without a level when there is none."""
    found = result.segmentation
    if found is None:
        return []
    about = {
        **about,
        "mask_file": result.mask_file,
        "engine": found.engine,
        "model_hash": found.model_hash,
        "anchor": str(found.anchor),
        "seconds": found.seconds,
    }
    return [TABLES["segmentations"].row(body, **about) for body in found.levels] or [about]


def failure_row(failure: Failure) -> Row:
    """The error of the software or the machine."""
    return TABLES["failures"].row(failure) | {"at": utc(failure.at)}


def identity(*parts: str) -> str:
    """A short hash of texts, the same for the same texts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_ID_DIGITS]


def utc(moment: datetime) -> datetime:
    """The moment in UTC. Raises ValueError if it has no time zone, since it would be ambiguous."""
    if moment.tzinfo is None:
        raise ValueError("a moment must carry its time zone; use datetime.now(UTC)")
    return moment.astimezone(UTC)
