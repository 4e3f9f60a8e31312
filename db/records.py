"""Rows back to records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from db.columns import path_of
from osteo_core.outcomes import Caution, CautionCode
from osteo_core.records import Estimate, Found, SegmentedLevel, Series
from osteo_core.terms import KernelGroup, Level, Plane, Sex, Step, Vendor

_WORDS: dict[str, type] = {"vendor": Vendor, "kernel_group": KernelGroup, "plane": Plane, "patient_sex": Sex}
_OWN = (
    "index_id",
    "indexed_at",
    "is_eligible",
    "pixel_spacing_row_mm",
    "pixel_spacing_column_mm",
    "image_type",
    "stack_label",
    "files",
    "file_stamps",
)


def found_of(waiting: pa.Table, cautions: pa.Table) -> Found:
    """The answers of ``waiting_series`` and ``waiting_cautions`` as ``find`` gave them."""
    noted: dict[str, list[Caution]] = {}
    for row in cautions.to_pylist():
        noted.setdefault(row["series_key"], []).append(caution_of(row))
    return Found(
        series=tuple(series_of(row) for row in waiting.to_pylist()),
        cautions={key: tuple(given) for key, given in noted.items()},
    )


def series_of(row: dict[str, Any]) -> Series:
    """A row of ``series`` with ``files`` as the record; the file's own UID is not stored, only its key."""
    spacing = (row["pixel_spacing_row_mm"], row["pixel_spacing_column_mm"])
    same = {name: value for name, value in row.items() if name not in _OWN}
    same["is_superseded"] = bool(row.get("is_superseded"))
    return Series(
        **same | {name: kind(row[name]) for name, kind in _WORDS.items()},
        series_instance_uid=row["series_key"],
        files=tuple(path_of(path) for path in row.get("files") or ()),
        file_stamps=stamps_of(row),
        image_type=tuple(row["image_type"] or ()),
        pixel_spacing_mm=None if None in spacing else spacing,
        stack_label=row.get("stack_label") or "",
    )


def stamps_of(row: Mapping[str, Any]) -> tuple[tuple[int, int], ...]:
    """Size and time of change of each of a row's ``files``, as indexed."""
    return tuple((size, changed_ns) for size, changed_ns in row.get("file_stamps") or ())


def caution_of(row: Mapping[str, Any]) -> Caution:
    """A row of ``cautions`` as the record."""
    return Caution(
        code=CautionCode(row["code"]),
        step=Step(row["step"]),
        found=row["found"] or "",
        limit=row["limit"] or "",
        level=None if row["level"] is None else Level(row["level"]),
    )


def segmented_level_of(row: Mapping[str, Any]) -> SegmentedLevel:
    """A row of ``segmentations`` that has a level, as the record."""
    return SegmentedLevel(
        level=Level(row["level"]),
        confidence=row["confidence"],
        voxels=row["voxels"],
        centroid_mm=(row["centroid_x_mm"], row["centroid_y_mm"], row["centroid_z_mm"]),
        cut=row["cut"] or "",
    )


def estimate_of(row: Mapping[str, Any], name: str) -> Estimate | None:
    """The columns ``name``_mg_cm3, ``name``_low_mg_cm3 and ``name``_high_mg_cm3 as the record; None without a value."""
    value, low, high = (row[f"{name}_{end}mg_cm3"] for end in ("", "low_", "high_"))
    return None if value is None else Estimate(value=value, low=low, high=high, n=1, method="as stored")
