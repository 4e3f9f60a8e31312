"""Columns of every kind of part, with unit and meaning; the same as the store's tables (a test compares them).

A part is one Parquet file of one kind. Later versions may add columns at the end, never rename or
remove one: a store is rebuilt from parts of every age, and a column that an old part lacks is null.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

TEXT = pa.string()
TEXTS = pa.list_(pa.string())
FLOAT = pa.float64()
FLOATS = pa.list_(pa.float64())
INT = pa.int32()
BIG = pa.int64()
LEVEL = pa.uint8()
LEVELS = pa.list_(pa.uint8())
FLAG = pa.bool_()
DAY = pa.date32()
MOMENT = pa.timestamp("us", tz="UTC")

_SERIES_KEY = ("series_key", TEXT, "keyed hash of the series")
_RESULT = ("result_id", TEXT, "the result this row belongs to")
_SOURCE = ("source_id", TEXT, "result_id of a result, or index_id of a reading of headers")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of part and the table it goes to. ``key`` tells rows apart; ``order`` is how snapshots are sorted."""

    schema: pa.Schema
    key: tuple[str, ...]
    order: tuple[str, ...]
    comment: str


def _kind(comment: str, key: str, *columns: tuple[str, pa.DataType, str], order: str = "") -> Kind:
    fields = [pa.field(name, type_, metadata={"comment": words}) for name, type_, words in columns]
    return Kind(schema=pa.schema(fields), key=tuple(key.split()), order=tuple((order or key).split()), comment=comment)


SERIES = _kind(
    "one row a reading of a series' headers; the latest is current",
    "index_id",
    ("index_id", TEXT, "this reading"),
    _SERIES_KEY,
    ("study_key", TEXT, "keyed hash of the study"),
    ("patient_key", TEXT, "keyed hash of the patient"),
    ("indexed_at", MOMENT, "UTC; null when known from a result alone"),
    ("is_eligible", FLAG, "false when excluded before an image was read"),
    ("modality", TEXT, "DICOM (0008,0060)"),
    ("manufacturer", TEXT, "DICOM (0008,0070) as read"),
    ("vendor", TEXT, "manufacturer as normalised"),
    ("manufacturer_model_name", TEXT, "DICOM (0008,1090)"),
    ("device_key", TEXT, "keyed hash of the scanner"),
    ("software_versions", TEXT, "DICOM (0018,1020)"),
    ("kvp", FLOAT, "kV"),
    ("convolution_kernel", TEXT, "DICOM (0018,1210)"),
    ("kernel_group", TEXT, "smooth, standard, sharp or unknown"),
    ("slice_thickness_mm", FLOAT, "mm"),
    ("slice_step_mm", FLOAT, "mm between slice positions"),
    ("pixel_spacing_row_mm", FLOAT, "mm between rows"),
    ("pixel_spacing_column_mm", FLOAT, "mm between columns"),
    ("rows", INT, "pixels"),
    ("columns", INT, "pixels"),
    ("n_slices", INT, "count"),
    ("coverage_mm", FLOAT, "mm"),
    ("plane", TEXT, "plane of the stored slices"),
    ("gantry_detector_tilt_deg", FLOAT, "degrees"),
    ("image_type", TEXTS, "DICOM (0008,0008)"),
    ("patient_position", TEXT, "DICOM (0018,5100)"),
    ("patient_sex", TEXT, "F, M, O or unknown"),
    ("patient_age_years", FLOAT, "years at the study"),
    ("study_date", DAY, "day of the study"),
    ("contrast_bolus_agent", TEXT, "DICOM (0018,0010)"),
    ("body_part_examined", TEXT, "DICOM (0018,0015)"),
    ("exposure_mas", FLOAT, "mAs"),
    ("table_height_mm", FLOAT, "mm"),
    ("reconstruction_diameter_mm", FLOAT, "mm"),
    ("transfer_syntax_uid", TEXT, "DICOM (0002,0010)"),
    ("is_simulated", FLAG, "an invented patient"),
    ("is_preferred", FLAG, "the one series of its study that counts"),
    ("preference_reason", TEXT, "why it is or is not preferred"),
    ("stack_label", TEXT, "which stack of its SeriesInstanceUID; empty where that holds one"),
    ("site_key", TEXT, "keyed hash of the institution"),
    order="series_key indexed_at index_id",
)
FILES = _kind(
    "files of a series as last seen; local paths, never exported",
    "path series_key indexed_at",
    ("path", TEXT, "absolute path on this site; may tell of a patient"),
    _SERIES_KEY,
    ("size_bytes", BIG, "bytes"),
    ("mtime_ns", BIG, "time of change, ns since 1970 UTC"),
    ("indexed_at", MOMENT, "UTC"),
    order="series_key path indexed_at",
)
RESULTS = _kind(
    "one row a finished analysis of a series, whatever came of it; never overwritten",
    "result_id",
    ("result_id", TEXT, "hash of series, model, settings and time of finishing"),
    _SERIES_KEY,
    ("model_hash", TEXT, "SHA-256 of the weights used"),
    ("settings_hash", TEXT, "hash of the settings that change results"),
    ("finished_at", MOMENT, "UTC"),
    ("seconds", FLOAT, "s"),
    ("status", TEXT, "measured, excluded or failed"),
    ("category", TEXT, "class by vBMD; null when nothing was assessed"),
    ("mean_vbmd_mg_cm3", FLOAT, "mg/cm3 of calibration_mineral"),
    ("mean_vbmd_low_mg_cm3", FLOAT, "mg/cm3, lower end of the interval"),
    ("mean_vbmd_high_mg_cm3", FLOAT, "mg/cm3, upper end of the interval"),
    ("mean_vbmd_confidence", FLOAT, "0-1, of the interval"),
    ("mean_vbmd_method", TEXT, "how value and interval were computed"),
    ("mean_hu", FLOAT, "HU"),
    ("levels_used", LEVELS, "VerSe numbers"),
    ("worst_fracture_grade", INT, "Genant 0-3"),
    ("is_flagged", FLAG, "should be looked at"),
    ("flag_reason", TEXT, "in words"),
    ("review_reasons", TEXTS, "in words"),
    ("corrections", TEXTS, "corrections applied to the calibrated value"),
    ("contrast_phase", TEXT, "as seen in the image, else as declared"),
    ("calibration_name", TEXT, "name of the line"),
    ("calibration_kind", TEXT, "published, site, phantom ..."),
    ("calibration_slope_mg_cm3_per_hu", FLOAT, "mg/cm3 per HU"),
    ("calibration_intercept_mg_cm3", FLOAT, "mg/cm3"),
    ("calibration_residual_sd_mg_cm3", FLOAT, "mg/cm3, scatter of one level about the line"),
    ("calibration_kvp", FLOAT, "kV for which the line holds"),
    ("calibration_mineral", TEXT, "HA or K2HPO4"),
    ("calibration_source", TEXT, "who published or fitted the line"),
    ("calibration_vendor", TEXT, "null for every vendor"),
    ("calibration_model_name", TEXT, "null for every scanner model"),
    ("calibration_valid_from", DAY, "day"),
    ("calibration_valid_to", DAY, "day"),
    ("shape", pa.list_(INT), "voxels along each array axis"),
    ("spacing_mm", FLOATS, "mm along each array axis"),
    ("orientation", TEXT, "direction to which each array axis grows, letters of LRPASI"),
    ("affine_lps", FLOATS, "4x4 row by row, index to LPS mm"),
    order="series_key finished_at result_id",
)
MEASUREMENTS = _kind(
    "one row a result and vertebral level",
    "result_id level",
    _RESULT,
    _SERIES_KEY,
    ("level", LEVEL, "VerSe number"),
    ("voxels", BIG, "count, the whole body"),
    ("volume_ml", FLOAT, "ml, the whole body"),
    ("roi_voxels", BIG, "count, the trabecular region"),
    ("roi_volume_ml", FLOAT, "ml, the trabecular region"),
    ("mean_hu", FLOAT, "HU of the trabecular region"),
    ("median_hu", FLOAT, "HU of the trabecular region"),
    ("sd_hu", FLOAT, "HU of the trabecular region"),
    ("vbmd_mg_cm3", FLOAT, "mg/cm3 of the result's calibration_mineral"),
    ("vbmd_low_mg_cm3", FLOAT, "mg/cm3, lower end of the interval"),
    ("vbmd_high_mg_cm3", FLOAT, "mg/cm3, upper end of the interval"),
    ("vbmd_confidence", FLOAT, "0-1, of the interval"),
    ("vbmd_method", TEXT, "how value and interval were computed"),
    ("anterior_height_mm", FLOAT, "mm"),
    ("middle_height_mm", FLOAT, "mm"),
    ("posterior_height_mm", FLOAT, "mm"),
    ("fracture_grade", INT, "Genant 0-3"),
    ("confidence", FLOAT, "0-1, that outline and number are right; null where the engine states none"),
    ("exclusion_code", TEXT, "why the level does not count; null when it does"),
    ("exclusion_sentence", TEXT, "the same in words"),
    ("regressed_mg_cm3", FLOAT, "mg/cm3 K2HPO4, read by a network beside vbmd_mg_cm3; decides nothing"),
    ("regressed_low_mg_cm3", FLOAT, "mg/cm3 K2HPO4, lower end of the network's 95 % interval"),
    ("regressed_high_mg_cm3", FLOAT, "mg/cm3 K2HPO4, upper end of the network's 95 % interval"),
    (
        "endplate_depression",
        FLOAT,
        "share by which the middle height lies below what the rims and the normal shape say; no part of the grade",
    ),
    (
        "suggested_cause",
        TEXT,
        "what the endplates suggest about the cause of a deformity; a model's suggestion, a reader decides",
    ),
    order="series_key result_id level",
)
_REASON = (
    ("position", INT, "order in which the reasons were given, from 0"),
    ("code", TEXT, "member of outcomes.py"),
    ("step", TEXT, "step of the way of one scan"),
    ("level", LEVEL, "VerSe number; null when the whole series is meant"),
    ("found", TEXT, "what was found"),
    ("limit", TEXT, "the limit it broke, if any"),
    ("sentence", TEXT, "the reason in words"),
)
EXCLUSIONS = _kind(
    "one row a reason for having no answer",
    "source_id position",
    _SOURCE,
    _SERIES_KEY,
    *_REASON,
    order="series_key source_id position",
)
CAUTIONS = _kind(
    "one row a thing to mind beside a number that stands",
    "source_id position",
    _SOURCE,
    _SERIES_KEY,
    *_REASON,
    order="series_key source_id position",
)
TISSUES = _kind(
    "one row a result and reference tissue",
    "result_id name",
    _RESULT,
    _SERIES_KEY,
    ("name", TEXT, "fat, muscle, blood, air, cortical ..."),
    ("mean_hu", FLOAT, "HU"),
    ("sd_hu", FLOAT, "HU"),
    ("area_mm2", FLOAT, "mm2"),
    order="series_key result_id name",
)
SEGMENTATIONS = _kind(
    "one row a result and outlined vertebral body",
    "result_id level",
    _RESULT,
    _SERIES_KEY,
    ("mask_file", TEXT, "name in media/"),
    ("engine", TEXT, "name of the segmenter"),
    ("model_hash", TEXT, "SHA-256 of the segmenter's weights, or of the mask from elsewhere"),
    ("anchor", TEXT, "landmark from which levels were counted"),
    ("seconds", FLOAT, "s, the segmentation alone"),
    ("level", LEVEL, "VerSe number; null when nothing was outlined"),
    ("confidence", FLOAT, "0-1; null where the engine states none"),
    ("voxels", BIG, "count"),
    ("centroid_x_mm", FLOAT, "LPS mm"),
    ("centroid_y_mm", FLOAT, "LPS mm"),
    ("centroid_z_mm", FLOAT, "LPS mm"),
    ("cut", TEXT, "sides on which the field of view cuts it; empty when whole"),
    order="series_key result_id level",
)
REFERENCE_VALUES = _kind(
    "QCT values that the site imported; the latest for a patient and level is current",
    "patient_key level source imported_at",
    ("patient_key", TEXT, "keyed hash of the patient"),
    ("level", LEVEL, "VerSe number; null for the patient's mean"),
    ("vbmd_mg_cm3", FLOAT, "mg/cm3 of mineral"),
    ("mineral", TEXT, "HA or K2HPO4"),
    ("source", TEXT, "where the value comes from"),
    ("is_simulated", FLAG, "an invented value"),
    ("imported_at", MOMENT, "UTC"),
)
EVENTS = _kind(
    "what people did; insert-only, states are views over it",
    "event_id",
    ("event_id", TEXT, "given by the writer"),
    ("kind", TEXT, "what was done"),
    _SERIES_KEY,
    ("author", TEXT, "who"),
    ("at", MOMENT, "UTC"),
    ("reason", TEXT, "why, in words"),
    ("payload_json", TEXT, "JSON"),
    ("model_hash", TEXT, "version that the person saw"),
    ("settings_hash", TEXT, "version that the person saw"),
    order="series_key at event_id",
)
FAILURES = _kind(
    "what went wrong in code or machine",
    "series_key at",
    _SERIES_KEY,
    ("kind", TEXT, "class of the exception"),
    ("message", TEXT, "names no patient"),
    ("traceback", TEXT, "file, line and function only"),
    ("at", MOMENT, "UTC"),
)

#: Every kind by its name, which is also the table's. A result's row is written last: it makes the others current.
KINDS: dict[str, Kind] = {
    "files": FILES,
    "measurements": MEASUREMENTS,
    "exclusions": EXCLUSIONS,
    "cautions": CAUTIONS,
    "tissues": TISSUES,
    "segmentations": SEGMENTATIONS,
    "failures": FAILURES,
    "reference_values": REFERENCE_VALUES,
    "events": EVENTS,
    "series": SERIES,
    "results": RESULTS,
}

#: Tables that may leave the site: pseudonyms only. ``files`` holds local paths and stays.
EXPORT_TABLES: tuple[str, ...] = tuple(name for name in KINDS if name != "files")
