"""Columns of a level: the measurements of one vertebra. The record is `Measurement`."""

from __future__ import annotations

from osteo_core.columns.column import (
    BIG,
    FLOAT,
    INT,
    INTERNAL,
    LEVEL,
    REQUIRED,
    TEXT,
    Column,
    interval_columns,
    method_columns,
    table,
)
from osteo_core.columns.series import SERIES_KEY

RESULT_ID = Column("result_id", TEXT, "text", "the result this row belongs to", source=None, use=REQUIRED | INTERNAL)

MEASUREMENTS = table(
    "measurements",
    "one row a result and vertebral level",
    RESULT_ID,
    SERIES_KEY,
    Column("level", LEVEL, "VerSe number, 20 is L1", "vertebral level", use=REQUIRED),
    Column("voxels", BIG, "count", "the whole body"),
    Column("volume_ml", FLOAT, "ml", "the whole body"),
    Column("roi_voxels", BIG, "count", "the trabecular region"),
    Column("roi_volume_ml", FLOAT, "ml", "the trabecular region"),
    Column("mean_hu", FLOAT, "HU", "mean of the trabecular region"),
    Column("median_hu", FLOAT, "HU", "median of the trabecular region"),
    Column("sd_hu", FLOAT, "HU", "SD of the trabecular region"),
    *interval_columns("vbmd", "vbmd_mg_cm3", "mg/cm3 of the result's calibration_mineral", "trabecular vBMD"),
    *method_columns("vbmd", "vbmd_mg_cm3"),
    Column("anterior_height_mm", FLOAT, "mm", "height of the body in front"),
    Column("middle_height_mm", FLOAT, "mm", "height of the body in its middle"),
    Column("posterior_height_mm", FLOAT, "mm", "height of the body behind"),
    Column("fracture_grade", INT, "0-3", "Genant grade by heights"),
    Column("confidence", FLOAT, "0-1", "that outline and number are right; null where the engine states none"),
    Column("exclusion_code", TEXT, "text", "why the level does not count; null when it does", source="exclusion.code"),
    Column("exclusion_sentence", TEXT, "text", "the same in words", source="exclusion.sentence"),
    *interval_columns(
        "regressed", "regressed_mg_cm3", "mg/cm3 K2HPO4", "as a network reads it, beside vbmd_mg_cm3; decides nothing"
    ),
    Column(
        "endplate_depression",
        FLOAT,
        "share",
        "by which the middle height lies below what the rims and the normal shape say; no part of the grade",
    ),
    Column(
        "suggested_cause",
        TEXT,
        "text",
        "what the endplates suggest about the cause of a deformity; a model's suggestion, a reader decides",
    ),
    Column("height_loss", FLOAT, "share", "the largest loss of height, by which the grade is made"),
    key="result_id level",
    order="series_key result_id level",
    checks=("vbmd_mg_cm3 BETWEEN vbmd_low_mg_cm3 AND vbmd_high_mg_cm3", "confidence BETWEEN 0 AND 1"),
)
