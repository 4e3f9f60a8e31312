"""Columns of records beside a result: reasons, tissues, outlines, failures, QCT values and events."""

from __future__ import annotations

from osteo_core.columns.column import BIG, FLAG, FLOAT, INT, INTERNAL, LEVEL, MOMENT, REQUIRED, TEXT, Column, table
from osteo_core.columns.levels import RESULT_ID
from osteo_core.columns.series import SERIES_KEY

#: The record is `Exclusion` or `Caution`.
_REASON = (
    Column(
        "source_id",
        TEXT,
        "text",
        "result_id of a result, or index_id of a reading of headers",
        source=None,
        use=REQUIRED | INTERNAL,
    ),
    SERIES_KEY,
    Column(
        "position", INT, "count", "order in which the reasons were given, from 0", source=None, use=REQUIRED | INTERNAL
    ),
    Column("code", TEXT, "text", "the reason's code", use=REQUIRED),
    Column("step", TEXT, "text", "step of the way of one scan", use=REQUIRED),
    Column("level", LEVEL, "VerSe number", "null when the whole series is meant"),
    Column("found", TEXT, "text", "what was found"),
    Column("limit", TEXT, "text", "the limit that it broke, if any"),
    Column("sentence", TEXT, "text", "the reason in words", use=REQUIRED),
)
EXCLUSIONS = table(
    "exclusions",
    "one row a reason for having no answer",
    *_REASON,
    key="source_id position",
    order="series_key source_id position",
)
CAUTIONS = table(
    "cautions",
    "one row a thing to mind beside a valid number",
    *_REASON,
    key="source_id position",
    order="series_key source_id position",
)

#: The record is `TissueSample`.
TISSUES = table(
    "tissues",
    "one row a result and calibration tissue",
    RESULT_ID,
    SERIES_KEY,
    Column("name", TEXT, "fat, muscle, blood, air, cortical", "the tissue", use=REQUIRED),
    Column("mean_hu", FLOAT, "HU", "mean"),
    Column("sd_hu", FLOAT, "HU", "SD"),
    Column("area_mm2", FLOAT, "mm2", "area sampled"),
    key="result_id name",
    order="series_key result_id name",
)

#: The record is `SegmentedLevel`; the writer gives the values common to all levels.
SEGMENTATIONS = table(
    "segmentations",
    "one row a result and outlined vertebral body",
    RESULT_ID,
    SERIES_KEY,
    Column("mask_file", TEXT, "text", "name in media/", source=None),
    Column("engine", TEXT, "text", "name of the segmenter", source=None),
    Column(
        "model_hash",
        TEXT,
        "text",
        "SHA-256 of the segmenter's weights, or of the mask from elsewhere",
        source=None,
        use=REQUIRED,
    ),
    Column("anchor", TEXT, "text", "landmark from which levels were counted", source=None),
    Column("seconds", FLOAT, "s", "time of the segmentation alone", source=None),
    Column("level", LEVEL, "VerSe number", "null when nothing was outlined"),
    Column("confidence", FLOAT, "0-1", "of the outline; null where the engine states none"),
    Column("voxels", BIG, "count", "of the outlined body"),
    Column("centroid_x_mm", FLOAT, "LPS mm", "centre of the body", source=lambda b: b.centroid_mm[0]),
    Column("centroid_y_mm", FLOAT, "LPS mm", "centre of the body", source=lambda b: b.centroid_mm[1]),
    Column("centroid_z_mm", FLOAT, "LPS mm", "centre of the body", source=lambda b: b.centroid_mm[2]),
    Column("cut", TEXT, "text", "sides on which the field of view cuts it; empty when whole"),
    key="result_id level",
    order="series_key result_id level",
)

#: The record is `ReferenceValue`.
REFERENCE_VALUES = table(
    "reference_values",
    "QCT values that the site imported; the latest for a patient, level and mineral is current",
    Column("patient_key", TEXT, "text", "keyed hash of the patient", use=REQUIRED),
    Column("level", LEVEL, "VerSe number", "null for the patient's mean"),
    Column("vbmd_mg_cm3", FLOAT, "mg/cm3 of mineral", "trabecular vBMD by QCT", use=REQUIRED),
    Column("mineral", TEXT, "HA, K2HPO4", "reference mineral of the value", use=REQUIRED),
    Column("source", TEXT, "text", "where the value comes from"),
    Column("is_simulated", FLAG, "true, false", "an invented value"),
    Column("imported_at", MOMENT, "UTC", "when it was imported", source=None, use=REQUIRED),
    key="patient_key level source imported_at",
)

#: The record is `Event`.
EVENTS = table(
    "events",
    "what people did; insert-only, states are views over it",
    Column("event_id", TEXT, "text", "given by the writer", use=REQUIRED),
    Column("kind", TEXT, "text", "what was done", use=REQUIRED),
    Column("series_key", TEXT, "text", "keyed hash of the series", use=REQUIRED),
    Column("author", TEXT, "text", "who did it", use=REQUIRED),
    Column("at", MOMENT, "UTC", "when it was done", use=REQUIRED),
    Column("reason", TEXT, "text", "why, in words"),
    Column("payload_json", TEXT, "JSON", "what exactly was done"),
    Column("model_hash", TEXT, "text", "models of the result that the person saw"),
    Column("settings_hash", TEXT, "text", "settings of the result that the person saw"),
    key="event_id",
    order="series_key at event_id",
)

#: The record is `Failure`.
FAILURES = table(
    "failures",
    "what went wrong in code or machine",
    Column("series_key", TEXT, "text", "keyed hash of the series", use=REQUIRED),
    Column("kind", TEXT, "text", "class of the exception", use=REQUIRED),
    Column("message", TEXT, "text", "names no patient"),
    Column("traceback", TEXT, "text", "file, line and function only"),
    Column("at", MOMENT, "UTC", "when it happened", use=REQUIRED),
    key="series_key at",
)
