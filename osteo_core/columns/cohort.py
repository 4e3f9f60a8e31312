"""Columns that are derived from the stored rows: computed by the store (db/refresh.sql), never written as parts."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from osteo_core.columns.column import (
    BIG,
    COHORT,
    EXPORTED,
    FLAG,
    FLOAT,
    LEVEL,
    MOMENT,
    TEXT,
    Column,
    Use,
    table,
)
from osteo_core.columns.results import RESULTS
from osteo_core.columns.series import SERIES

NUMBER = pa.uint32()
SMALL = pa.uint16()
BITS = pa.uint8()

#: The columns that the cohort takes from the latest headers and from the current result, in this order.
FROM_SERIES = tuple(column for column in SERIES.columns if COHORT in column.use)
FROM_RESULTS = tuple(column for column in RESULTS.columns if COHORT in column.use)

_OWN = (
    Column(
        "is_counted",
        FLAG,
        "true, false",
        "analyzed, or waiting: preferred in its study, or the next after those that could not be measured",
    ),
    Column(
        "status",
        TEXT,
        "measured, excluded, failed, waiting",
        "what became of the series; all stay in the denominator",
        use=EXPORTED,
    ),
    Column(
        "is_flagged",
        FLAG,
        "true, false",
        "below the osteoporosis limit, or a fracture of grade 2 or more",
        use=EXPORTED,
    ),
    Column("has_category", FLAG, "true, false", "measured, with a category other than not reportable"),
    Column("source_id", TEXT, "text", "where the current exclusions and cautions are: result_id or index_id"),
    Column("first_exclusion_code", TEXT, "text", "first reason for having no answer or no category", use=EXPORTED),
    Column("first_exclusion_step", TEXT, "text", "the step that gave it", use=EXPORTED),
    Column("first_exclusion_sentence", TEXT, "text", "the same in words", use=EXPORTED),
    Column("fat_mean_hu", FLOAT, "HU", "subcutaneous fat", use=EXPORTED),
    Column("muscle_mean_hu", FLOAT, "HU", "muscle", use=EXPORTED),
    Column(
        "follow_state", TEXT, "text", "what was last noted about the flag; to review when nothing was", use=EXPORTED
    ),
    Column("follow_because", TEXT, "text", "why the follow-up ended", use=EXPORTED),
    Column("follow_since", MOMENT, "UTC", "of the last note"),
    Column(
        "is_only_flag",
        FLAG,
        "true, false",
        "no other series of this patient was ever flagged; null where this one was not",
    ),
    Column("flagged_at", MOMENT, "UTC", "end of the first analysis that flagged it"),
    Column("due_at", MOMENT, "UTC", "when the next thing must have happened; null when nothing is due"),
    Column("reviewed_at", MOMENT, "UTC", "first answer of a review"),
    Column("review", TEXT, "text", "last answer of a review, or to review when it was put back"),
    Column("risk_at", MOMENT, "UTC", "fracture risk assessed"),
    Column("dxa_at", MOMENT, "UTC", "DXA done"),
    Column("falls_at", MOMENT, "UTC", "falls assessed"),
    Column("advised_at", MOMENT, "UTC", "treatment advised, or started without a note of the advice"),
    Column("decided_at", MOMENT, "UTC", "treatment advised or started, observe, or no action"),
    Column("exercise_at", MOMENT, "UTC", "strength and balance training started"),
    Column("contact_at", MOMENT, "UTC", "4-month contact"),
    Column("started_at", MOMENT, "UTC", "treatment started"),
    Column("still_at", MOMENT, "UTC", "still on treatment at 12 months"),
    Column("ended_at", MOMENT, "UTC", "first no action or closed"),
    Column("gone_at", MOMENT, "UTC", "died or moved"),
    Column("has_reference", FLAG, "true, false", "there is a QCT value of this patient"),
    Column("patient_number", NUMBER, "count", "number of patient_key in patients"),
    Column("sex_number", NUMBER, "count", "number of patient_sex in names"),
    Column("age_band_number", NUMBER, "count", "number in names of the age band shown"),
    Column("vendor_number", NUMBER, "count", "number of vendor in names"),
    Column("scanner_number", NUMBER, "count", "number of manufacturer_model_name in names"),
    Column("site_number", NUMBER, "count", "number of site_key in names"),
    Column("period_number", NUMBER, "count", "number in names of the quarter of the study"),
    Column("device_number", NUMBER, "count", "number in names of device_key, else of the model, else of the vendor"),
    Column(
        "beam_number",
        NUMBER,
        "count",
        "number in names of tube voltage and contrast phase; null where one is not known",
    ),
    Column("age_group", SMALL, "count", "sex and five years of age in one number; null where the age is not known"),
    Column(
        "pick", BIG, "bits", "which series counts for a patient, the largest; the lowest 28 are free (db/refresh.sql)"
    ),
    Column("facts", BITS, "bits", "five years of age from 50 on (4), category (2) (db/refresh.sql)"),
    Column("marks", BITS, "bits", "measured 1, flagged 2, follow-up of a flag open 4"),
    Column("work_order", BIG, "bits", "place in the worklist, the smallest first; null: not in it"),
)

COHORT_ROWS = table(
    "cohort",
    "one row a series: latest headers and current result; derived",
    *FROM_SERIES,
    *(replace(column, use=column.use & ~Use.REQUIRED) for column in FROM_RESULTS),
    *_OWN,
    key="series_key",
    order="work_order series_key",
)

UNREAD = replace(
    COHORT_ROWS,
    name="unread",
    meaning="series that a reader signed, as the program measured them: who has not read them sees these; derived",
)

PAIRS = table(
    "pairs",
    "what a series and QCT say of the same patient or level in the same mineral; derived",
    Column("series_key", TEXT, "text", "keyed hash of the series"),
    Column("level", LEVEL, "VerSe number", "null for the patient's mean"),
    Column("vbmd", FLOAT, "mg/cm3 of mineral", "by the series"),
    Column("reference_vbmd", FLOAT, "mg/cm3 of mineral", "by the QCT value imported last"),
    Column("mineral", TEXT, "HA, K2HPO4", "reference mineral of both"),
    Column("source", TEXT, "text", "where the QCT value comes from"),
    key="series_key level",
)

PATIENTS = table(
    "patients",
    "the patients' numbers in cohort; derived",
    Column("patient_key", TEXT, "text", "keyed hash of the patient"),
    Column("number", NUMBER, "count", "from 1 without a gap"),
    key="number",
)

NAMES = table(
    "names",
    "what the other numbers in cohort mean; derived",
    Column("kind", TEXT, "text", "sex, age_band, vendor, scanner (its model), site, period (quarter), device or beam"),
    Column("number", NUMBER, "count", "from 1 without a gap within a kind"),
    Column("name", TEXT, "text", "unknown where nothing was stated"),
    key="kind number",
)

#: Tables that the store makes from the others, by name.
DERIVED = {one.name: one for one in (COHORT_ROWS, UNREAD, PAIRS, PATIENTS, NAMES)}

_EXPORTED = tuple(column for column in COHORT_ROWS.columns if EXPORTED in column.use)

#: The exported cohort, in its order: pseudonyms and coarsened values first (db/queries/export_cohort.sql).
EXPORT: tuple[Column, ...] = (
    Column("patient", TEXT, "text", "pseudonym of the patient; named anew for each export unless keys were asked for"),
    Column("study", TEXT, "text", "pseudonym of the study"),
    Column("series", TEXT, "text", "pseudonym of the series; one row each"),
    Column("scanner", TEXT, "text", "pseudonym of the scanner; blank where the header has no serial number"),
    Column("site", TEXT, "text", "pseudonym of the institution; blank where the header names none"),
    Column("patient_age_years", FLOAT, "years", "at the study; whole years and at most 90 unless keys were asked for"),
    Column("studied", TEXT, "year, or day with keys", "when the study was made"),
    Column(
        "suggested_causes",
        TEXT,
        "level (VerSe number): words",
        "what the endplates of deformed levels suggest; a model's",
    ),
    Column(
        "reader_causes", TEXT, "level (VerSe number): m2ABQ class", "latest reading of each level's cause by a person"
    ),
    Column(
        "reference_vbmd_mg_cm3",
        FLOAT,
        "mg/cm3 of calibration_mineral",
        "QCT value of the patient's mean; last imported",
    ),
    Column("reference_source", TEXT, "text", "where the QCT value comes from"),
    *_EXPORTED,
)

#: The columns that an export takes from the table `cohort` as they are.
EXPORTED_AS_STORED = _EXPORTED
