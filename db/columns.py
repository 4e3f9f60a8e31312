"""One result or record as rows: which field goes to which column. Plain dictionaries, no Arrow, no database."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from db.schemas import KINDS
from osteo_core.outcomes import Caution, Exclusion
from osteo_core.records import Calibration, Estimate, Failure, Geometry, Measurement, Series, SeriesResult

Row = dict[str, Any]
_ID_DIGITS = 24
#: What Python makes of a file name's bytes that are no UTF-8 (PEP 383), and how ``path_text`` writes them. A path may
#: begin with two separators, and there they mean no byte.
_ESCAPED = 0xDC00
_NO_UTF8 = re.compile("[\udc80-\udcff]")
_WRITTEN = re.compile("(?<!^)//([89a-f][0-9a-f])")
#: Fields of Series with columns of the same name; the rest (paths, the file's own UID) is not stored.
_SERIES_FIELDS = tuple(
    name
    for name in KINDS["series"].schema.names
    if name
    not in ("index_id", "indexed_at", "is_eligible", "pixel_spacing_row_mm", "pixel_spacing_column_mm", "image_type")
)


def result_rows(result: SeriesResult) -> dict[str, list[Row]]:
    """All rows of one result by kind, results last: its row makes the others current.

    A result without ``finished_at`` counts as finished now.
    """
    at = result.finished_at or datetime.now(UTC)
    key = result.series.series_key
    result_id = identity("result", key, result.model_hash, result.settings_hash, utc(at).isoformat())
    about: Row = {"result_id": result_id, "series_key": key}
    tissues = result.tissues.samples if result.tissues else ()
    return {
        "series": [series_row(result.series, indexed_at=None, is_eligible=True)],
        "measurements": [{**about, **_measurement_row(m)} for m in result.measurements],
        "exclusions": reason_rows(result_id, key, result.exclusions),
        "cautions": reason_rows(result_id, key, result.cautions),
        "tissues": [
            {**about, "name": t.name, "mean_hu": t.mean_hu, "sd_hu": t.sd_hu, "area_mm2": t.area_mm2} for t in tissues
        ],
        "segmentations": [{**about, **row} for row in _segmentation_rows(result)],
        "failures": [failure_row(result.failure)] if result.failure else [],
        "results": [{**about, **_result_row(result, at)}],
    }


def series_row(series: Series, *, indexed_at: datetime | None, is_eligible: bool) -> Row:
    """One reading of headers; ``indexed_at`` None when it is known from a result alone."""
    row: Row = {name: _plain(getattr(series, name)) for name in _SERIES_FIELDS}
    spacing = series.pixel_spacing_mm or (None, None)
    row |= {
        "indexed_at": utc(indexed_at) if indexed_at else None,
        "is_eligible": is_eligible,
        "pixel_spacing_row_mm": spacing[0],
        "pixel_spacing_column_mm": spacing[1],
        "image_type": list(series.image_type),
    }
    return row | {"index_id": identity("index", *(f"{name}={value}" for name, value in sorted(row.items())))}


def file_rows(series: Series, at: datetime) -> list[Row]:
    """The files of a series with size and time of change; one that is gone meanwhile is left out."""
    rows = []
    for file in series.files:
        try:
            seen = file.stat()
        except FileNotFoundError:
            continue
        rows.append(
            {
                "path": path_text(file.absolute()),
                "series_key": series.series_key,
                "size_bytes": seen.st_size,
                "mtime_ns": seen.st_mtime_ns,
                "indexed_at": utc(at),
            }
        )
    return rows


def path_text(path: Path) -> str:
    """An absolute path as text for any table: a byte that is no UTF-8 becomes '//' and its digits, as no path has."""
    return _NO_UTF8.sub(lambda byte: f"//{ord(byte[0]) - _ESCAPED:02x}", str(path))


def path_of(text: str) -> Path:
    """The path that ``path_text`` wrote."""
    return Path(_WRITTEN.sub(lambda digits: chr(_ESCAPED + int(digits[1], 16)), text))


def _result_row(result: SeriesResult, at: datetime) -> Row:
    judged = result.assessment
    return {
        "model_hash": result.model_hash,
        "settings_hash": result.settings_hash,
        "finished_at": utc(at),
        "seconds": result.seconds,
        "status": str(result.status),
        "category": str(judged.category) if judged else None,
        **_estimate_columns("mean_vbmd", judged.mean_vbmd_mg_cm3 if judged else None),
        "mean_hu": judged.mean_hu if judged else None,
        "levels_used": [int(level) for level in judged.levels_used] if judged else None,
        "worst_fracture_grade": judged.worst_fracture_grade if judged else None,
        "is_flagged": judged.is_flagged if judged else False,
        "flag_reason": judged.flag_reason if judged else None,
        "review_reasons": list(judged.review_reasons) if judged else [],
        "corrections": list(judged.corrections) if judged else [],
        "contrast_phase": str(result.contrast_phase),
        **_calibration_columns(judged.calibration if judged else None),
        **_geometry_columns(result.geometry),
    }


def _estimate_columns(name: str, estimate: Estimate | None) -> Row:
    """Value, interval, its confidence and method."""
    columns = _interval_columns(name, estimate)
    if estimate is None or not columns:
        return {}
    return {**columns, f"{name}_confidence": estimate.confidence, f"{name}_method": estimate.method}


def _interval_columns(name: str, estimate: Estimate | None) -> Row:
    """Value and interval; a value that is not a number is no value."""
    if estimate is None or estimate.value != estimate.value:
        return {}
    return {
        f"{name}_mg_cm3": estimate.value,
        f"{name}_low_mg_cm3": estimate.low,
        f"{name}_high_mg_cm3": estimate.high,
    }


def _calibration_columns(line: Calibration | None) -> Row:
    if line is None:
        return {}
    return {
        "calibration_name": line.name,
        "calibration_kind": line.kind,
        "calibration_slope_mg_cm3_per_hu": line.slope_mg_cm3_per_hu,
        "calibration_intercept_mg_cm3": line.intercept_mg_cm3,
        "calibration_residual_sd_mg_cm3": line.residual_sd_mg_cm3,
        "calibration_kvp": line.kvp,
        "calibration_mineral": str(line.mineral),
        "calibration_source": line.source,
        "calibration_vendor": _plain(line.vendor),
        "calibration_model_name": line.manufacturer_model_name,
        "calibration_valid_from": line.valid_from,
        "calibration_valid_to": line.valid_to,
    }


def _geometry_columns(geometry: Geometry | None) -> Row:
    if geometry is None:
        return {}
    return {
        "shape": list(geometry.shape),
        "spacing_mm": list(geometry.spacing_mm),
        "orientation": geometry.axis_codes,
        "affine_lps": [float(x) for x in geometry.affine_lps.ravel()],
    }


def _measurement_row(m: Measurement) -> Row:
    same = (
        "voxels volume_ml roi_voxels roi_volume_ml mean_hu median_hu sd_hu anterior_height_mm middle_height_mm "
        "posterior_height_mm fracture_grade endplate_depression confidence"
    ).split()
    return {
        **{name: getattr(m, name) for name in same},
        "level": int(m.level),
        **_estimate_columns("vbmd", m.vbmd_mg_cm3),
        "exclusion_code": str(m.exclusion.code) if m.exclusion else None,
        "exclusion_sentence": m.exclusion.sentence if m.exclusion else None,
        **_interval_columns("regressed", m.regressed_mg_cm3),
        "suggested_cause": str(m.suggested_cause),
    }


def reason_rows(source_id: str, series_key: str, reasons: Sequence[Exclusion | Caution]) -> list[Row]:
    """Reasons in the order in which they were given, each once."""
    return [
        {
            "source_id": source_id,
            "series_key": series_key,
            "position": position,
            "code": str(reason.code),
            "step": str(reason.step),
            "level": level_number(reason.level),
            "found": reason.found,
            "limit": reason.limit,
            "sentence": reason.sentence,
        }
        for position, reason in enumerate(dict.fromkeys(reasons))
    ]


def _segmentation_rows(result: SeriesResult) -> list[Row]:
    """One row an outlined body; a single row without a level when nothing was outlined."""
    found = result.segmentation
    if found is None:
        return []
    about: Row = {
        "mask_file": f"{result.series.series_key}_{result.model_hash}_mask.nii.gz",
        "engine": found.engine,
        "model_hash": found.model_hash,
        "anchor": str(found.anchor),
        "seconds": found.seconds,
    }
    bodies = [
        {
            "level": int(body.level),
            "confidence": body.confidence,
            "voxels": body.voxels,
            **dict(zip(("centroid_x_mm", "centroid_y_mm", "centroid_z_mm"), body.centroid_mm, strict=True)),
            "cut": body.cut,
        }
        for body in found.levels
    ]
    return [{**about, **body} for body in bodies] or [about]


def failure_row(failure: Failure) -> Row:
    """What went wrong in code or machine."""
    return {name: getattr(failure, name) for name in KINDS["failures"].schema.names} | {"at": utc(failure.at)}


def identity(*parts: str) -> str:
    """A short hash over texts, the same for the same texts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_ID_DIGITS]


def utc(moment: datetime) -> datetime:
    """The moment in UTC. Raises ValueError for one without a time zone: it could mean any."""
    if moment.tzinfo is None:
        raise ValueError("a moment must carry its time zone; use datetime.now(UTC)")
    return moment.astimezone(UTC)


def level_number(level: int | None) -> int | None:
    """A level's VerSe number."""
    return None if level is None else int(level)


def _plain(value: Any) -> Any:
    """Words of a vocabulary as text; everything else as it is."""
    return str(value) if isinstance(value, str) else value
