-- The first form of the store. Column comments hold units; db/schemas.py holds the same columns for parts.

CREATE TABLE parts (
    name VARCHAR PRIMARY KEY,
    kind VARCHAR NOT NULL,
    n_rows BIGINT NOT NULL,
    taken_in_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE parts IS 'parts taken in; a part is taken in once';
COMMENT ON COLUMN parts.name IS 'file name: kind and SHA-256 of the file';
COMMENT ON COLUMN parts.kind IS 'table it went to';
COMMENT ON COLUMN parts.n_rows IS 'rows in the file';
COMMENT ON COLUMN parts.taken_in_at IS 'UTC';

CREATE TABLE files (
    path VARCHAR NOT NULL,
    series_key VARCHAR NOT NULL,
    size_bytes BIGINT NOT NULL,
    mtime_ns BIGINT NOT NULL,
    indexed_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE files IS 'files of a series as last seen; local paths, never exported';
COMMENT ON COLUMN files.path IS 'absolute path on this site; may tell of a patient';
COMMENT ON COLUMN files.series_key IS 'keyed hash of the series';
COMMENT ON COLUMN files.size_bytes IS 'bytes';
COMMENT ON COLUMN files.mtime_ns IS 'time of change, ns since 1970 UTC';
COMMENT ON COLUMN files.indexed_at IS 'UTC';

CREATE TABLE measurements (
    result_id VARCHAR NOT NULL,
    series_key VARCHAR NOT NULL,
    level UTINYINT NOT NULL,
    voxels BIGINT,
    volume_ml DOUBLE,
    roi_voxels BIGINT,
    roi_volume_ml DOUBLE,
    mean_hu DOUBLE,
    median_hu DOUBLE,
    sd_hu DOUBLE,
    vbmd_mg_cm3 DOUBLE,
    vbmd_low_mg_cm3 DOUBLE,
    vbmd_high_mg_cm3 DOUBLE,
    vbmd_confidence DOUBLE,
    vbmd_method VARCHAR,
    anterior_height_mm DOUBLE,
    middle_height_mm DOUBLE,
    posterior_height_mm DOUBLE,
    fracture_grade INTEGER,
    confidence DOUBLE NOT NULL,
    exclusion_code VARCHAR,
    exclusion_sentence VARCHAR,
    CHECK (vbmd_mg_cm3 BETWEEN vbmd_low_mg_cm3 AND vbmd_high_mg_cm3),
    CHECK (confidence BETWEEN 0 AND 1)
);
COMMENT ON TABLE measurements IS 'one row a result and vertebral level';
COMMENT ON COLUMN measurements.result_id IS 'the result this row belongs to';
COMMENT ON COLUMN measurements.series_key IS 'keyed hash of the series';
COMMENT ON COLUMN measurements.level IS 'VerSe number';
COMMENT ON COLUMN measurements.voxels IS 'count, the whole body';
COMMENT ON COLUMN measurements.volume_ml IS 'ml, the whole body';
COMMENT ON COLUMN measurements.roi_voxels IS 'count, the trabecular region';
COMMENT ON COLUMN measurements.roi_volume_ml IS 'ml, the trabecular region';
COMMENT ON COLUMN measurements.mean_hu IS 'HU of the trabecular region';
COMMENT ON COLUMN measurements.median_hu IS 'HU of the trabecular region';
COMMENT ON COLUMN measurements.sd_hu IS 'HU of the trabecular region';
COMMENT ON COLUMN measurements.vbmd_mg_cm3 IS 'mg/cm3 of the result''s calibration_mineral';
COMMENT ON COLUMN measurements.vbmd_low_mg_cm3 IS 'mg/cm3, lower end of the interval';
COMMENT ON COLUMN measurements.vbmd_high_mg_cm3 IS 'mg/cm3, upper end of the interval';
COMMENT ON COLUMN measurements.vbmd_confidence IS '0-1, of the interval';
COMMENT ON COLUMN measurements.vbmd_method IS 'how value and interval were computed';
COMMENT ON COLUMN measurements.anterior_height_mm IS 'mm';
COMMENT ON COLUMN measurements.middle_height_mm IS 'mm';
COMMENT ON COLUMN measurements.posterior_height_mm IS 'mm';
COMMENT ON COLUMN measurements.fracture_grade IS 'Genant 0-3';
COMMENT ON COLUMN measurements.confidence IS '0-1, that outline and number are right';
COMMENT ON COLUMN measurements.exclusion_code IS 'why the level does not count; null when it does';
COMMENT ON COLUMN measurements.exclusion_sentence IS 'the same in words';

CREATE TABLE exclusions (
    source_id VARCHAR NOT NULL,
    series_key VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    code VARCHAR NOT NULL,
    step VARCHAR NOT NULL,
    level UTINYINT,
    found VARCHAR,
    "limit" VARCHAR,
    sentence VARCHAR NOT NULL
);
COMMENT ON TABLE exclusions IS 'one row a reason for having no answer';
COMMENT ON COLUMN exclusions.source_id IS 'result_id of a result, or index_id of a reading of headers';
COMMENT ON COLUMN exclusions.series_key IS 'keyed hash of the series';
COMMENT ON COLUMN exclusions.position IS 'order in which the reasons were given, from 0';
COMMENT ON COLUMN exclusions.code IS 'member of outcomes.py';
COMMENT ON COLUMN exclusions.step IS 'step of the way of one scan';
COMMENT ON COLUMN exclusions.level IS 'VerSe number; null when the whole series is meant';
COMMENT ON COLUMN exclusions.found IS 'what was found';
COMMENT ON COLUMN exclusions."limit" IS 'the limit it broke, if any';
COMMENT ON COLUMN exclusions.sentence IS 'the reason in words';

CREATE TABLE cautions (
    source_id VARCHAR NOT NULL,
    series_key VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    code VARCHAR NOT NULL,
    step VARCHAR NOT NULL,
    level UTINYINT,
    found VARCHAR,
    "limit" VARCHAR,
    sentence VARCHAR NOT NULL
);
COMMENT ON TABLE cautions IS 'one row a thing to mind beside a number that stands';
COMMENT ON COLUMN cautions.source_id IS 'result_id of a result, or index_id of a reading of headers';
COMMENT ON COLUMN cautions.series_key IS 'keyed hash of the series';
COMMENT ON COLUMN cautions.position IS 'order in which the reasons were given, from 0';
COMMENT ON COLUMN cautions.code IS 'member of outcomes.py';
COMMENT ON COLUMN cautions.step IS 'step of the way of one scan';
COMMENT ON COLUMN cautions.level IS 'VerSe number; null when the whole series is meant';
COMMENT ON COLUMN cautions.found IS 'what was found';
COMMENT ON COLUMN cautions."limit" IS 'the limit it broke, if any';
COMMENT ON COLUMN cautions.sentence IS 'the reason in words';

CREATE TABLE tissues (
    result_id VARCHAR NOT NULL,
    series_key VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    mean_hu DOUBLE,
    sd_hu DOUBLE,
    area_mm2 DOUBLE
);
COMMENT ON TABLE tissues IS 'one row a result and reference tissue';
COMMENT ON COLUMN tissues.result_id IS 'the result this row belongs to';
COMMENT ON COLUMN tissues.series_key IS 'keyed hash of the series';
COMMENT ON COLUMN tissues.name IS 'fat, muscle, blood, air, cortical ...';
COMMENT ON COLUMN tissues.mean_hu IS 'HU';
COMMENT ON COLUMN tissues.sd_hu IS 'HU';
COMMENT ON COLUMN tissues.area_mm2 IS 'mm2';

CREATE TABLE segmentations (
    result_id VARCHAR NOT NULL,
    series_key VARCHAR NOT NULL,
    mask_file VARCHAR,
    engine VARCHAR,
    model_hash VARCHAR NOT NULL,
    anchor VARCHAR,
    seconds DOUBLE,
    level UTINYINT,
    confidence DOUBLE,
    voxels BIGINT,
    centroid_x_mm DOUBLE,
    centroid_y_mm DOUBLE,
    centroid_z_mm DOUBLE,
    cut VARCHAR
);
COMMENT ON TABLE segmentations IS 'one row a result and outlined vertebral body';
COMMENT ON COLUMN segmentations.result_id IS 'the result this row belongs to';
COMMENT ON COLUMN segmentations.series_key IS 'keyed hash of the series';
COMMENT ON COLUMN segmentations.mask_file IS 'name in media/';
COMMENT ON COLUMN segmentations.engine IS 'name of the segmenter';
COMMENT ON COLUMN segmentations.model_hash IS 'SHA-256 of the segmenter''s weights';
COMMENT ON COLUMN segmentations.anchor IS 'landmark from which levels were counted';
COMMENT ON COLUMN segmentations.seconds IS 's, the segmentation alone';
COMMENT ON COLUMN segmentations.level IS 'VerSe number; null when nothing was outlined';
COMMENT ON COLUMN segmentations.confidence IS '0-1';
COMMENT ON COLUMN segmentations.voxels IS 'count';
COMMENT ON COLUMN segmentations.centroid_x_mm IS 'LPS mm';
COMMENT ON COLUMN segmentations.centroid_y_mm IS 'LPS mm';
COMMENT ON COLUMN segmentations.centroid_z_mm IS 'LPS mm';
COMMENT ON COLUMN segmentations.cut IS 'sides on which the field of view cuts it; empty when whole';

CREATE TABLE failures (
    series_key VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    message VARCHAR,
    traceback VARCHAR,
    "at" TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE failures IS 'what went wrong in code or machine';
COMMENT ON COLUMN failures.series_key IS 'keyed hash of the series';
COMMENT ON COLUMN failures.kind IS 'class of the exception';
COMMENT ON COLUMN failures.message IS 'names no patient';
COMMENT ON COLUMN failures.traceback IS 'file, line and function only';
COMMENT ON COLUMN failures."at" IS 'UTC';

CREATE TABLE reference_values (
    patient_key VARCHAR NOT NULL,
    level UTINYINT,
    vbmd_mg_cm3 DOUBLE NOT NULL,
    mineral VARCHAR NOT NULL,
    source VARCHAR,
    is_simulated BOOLEAN,
    imported_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE reference_values IS 'QCT values that the site imported; the latest for a patient and level is current';
COMMENT ON COLUMN reference_values.patient_key IS 'keyed hash of the patient';
COMMENT ON COLUMN reference_values.level IS 'VerSe number; null for the patient''s mean';
COMMENT ON COLUMN reference_values.vbmd_mg_cm3 IS 'mg/cm3 of mineral';
COMMENT ON COLUMN reference_values.mineral IS 'HA or K2HPO4';
COMMENT ON COLUMN reference_values.source IS 'where the value comes from';
COMMENT ON COLUMN reference_values.is_simulated IS 'an invented value';
COMMENT ON COLUMN reference_values.imported_at IS 'UTC';

CREATE TABLE events (
    event_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    series_key VARCHAR NOT NULL,
    author VARCHAR NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    reason VARCHAR,
    payload_json VARCHAR,
    model_hash VARCHAR,
    settings_hash VARCHAR,
    PRIMARY KEY (event_id)
);
COMMENT ON TABLE events IS 'what people did; insert-only, states are views over it';
COMMENT ON COLUMN events.event_id IS 'given by the writer';
COMMENT ON COLUMN events.kind IS 'what was done';
COMMENT ON COLUMN events.series_key IS 'keyed hash of the series';
COMMENT ON COLUMN events.author IS 'who';
COMMENT ON COLUMN events."at" IS 'UTC';
COMMENT ON COLUMN events.reason IS 'why, in words';
COMMENT ON COLUMN events.payload_json IS 'JSON';
COMMENT ON COLUMN events.model_hash IS 'version that the person saw';
COMMENT ON COLUMN events.settings_hash IS 'version that the person saw';

CREATE TABLE series (
    index_id VARCHAR NOT NULL,
    series_key VARCHAR NOT NULL,
    study_key VARCHAR NOT NULL,
    patient_key VARCHAR NOT NULL,
    indexed_at TIMESTAMPTZ,
    is_eligible BOOLEAN NOT NULL,
    modality VARCHAR,
    manufacturer VARCHAR,
    vendor VARCHAR NOT NULL,
    manufacturer_model_name VARCHAR,
    device_key VARCHAR,
    software_versions VARCHAR,
    kvp DOUBLE,
    convolution_kernel VARCHAR,
    kernel_group VARCHAR,
    slice_thickness_mm DOUBLE,
    slice_step_mm DOUBLE,
    pixel_spacing_row_mm DOUBLE,
    pixel_spacing_column_mm DOUBLE,
    "rows" INTEGER,
    "columns" INTEGER,
    n_slices INTEGER,
    coverage_mm DOUBLE,
    plane VARCHAR,
    gantry_detector_tilt_deg DOUBLE,
    image_type VARCHAR[],
    patient_position VARCHAR,
    patient_sex VARCHAR NOT NULL,
    patient_age_years DOUBLE,
    study_date DATE,
    contrast_bolus_agent VARCHAR,
    body_part_examined VARCHAR,
    exposure_mas DOUBLE,
    table_height_mm DOUBLE,
    reconstruction_diameter_mm DOUBLE,
    transfer_syntax_uid VARCHAR,
    is_simulated BOOLEAN NOT NULL,
    is_preferred BOOLEAN NOT NULL,
    preference_reason VARCHAR,
    CHECK (length(series_key) > 0)
);
COMMENT ON TABLE series IS 'one row a reading of a series'' headers; the latest is current';
COMMENT ON COLUMN series.index_id IS 'this reading';
COMMENT ON COLUMN series.series_key IS 'keyed hash of the series';
COMMENT ON COLUMN series.study_key IS 'keyed hash of the study';
COMMENT ON COLUMN series.patient_key IS 'keyed hash of the patient';
COMMENT ON COLUMN series.indexed_at IS 'UTC; null when known from a result alone';
COMMENT ON COLUMN series.is_eligible IS 'false when excluded before an image was read';
COMMENT ON COLUMN series.modality IS 'DICOM (0008,0060)';
COMMENT ON COLUMN series.manufacturer IS 'DICOM (0008,0070) as read';
COMMENT ON COLUMN series.vendor IS 'manufacturer as normalised';
COMMENT ON COLUMN series.manufacturer_model_name IS 'DICOM (0008,1090)';
COMMENT ON COLUMN series.device_key IS 'keyed hash of the scanner';
COMMENT ON COLUMN series.software_versions IS 'DICOM (0018,1020)';
COMMENT ON COLUMN series.kvp IS 'kV';
COMMENT ON COLUMN series.convolution_kernel IS 'DICOM (0018,1210)';
COMMENT ON COLUMN series.kernel_group IS 'smooth, standard, sharp or unknown';
COMMENT ON COLUMN series.slice_thickness_mm IS 'mm';
COMMENT ON COLUMN series.slice_step_mm IS 'mm between slice positions';
COMMENT ON COLUMN series.pixel_spacing_row_mm IS 'mm between rows';
COMMENT ON COLUMN series.pixel_spacing_column_mm IS 'mm between columns';
COMMENT ON COLUMN series."rows" IS 'pixels';
COMMENT ON COLUMN series."columns" IS 'pixels';
COMMENT ON COLUMN series.n_slices IS 'count';
COMMENT ON COLUMN series.coverage_mm IS 'mm';
COMMENT ON COLUMN series.plane IS 'plane of the stored slices';
COMMENT ON COLUMN series.gantry_detector_tilt_deg IS 'degrees';
COMMENT ON COLUMN series.image_type IS 'DICOM (0008,0008)';
COMMENT ON COLUMN series.patient_position IS 'DICOM (0018,5100)';
COMMENT ON COLUMN series.patient_sex IS 'F, M, O or unknown';
COMMENT ON COLUMN series.patient_age_years IS 'years at the study';
COMMENT ON COLUMN series.study_date IS 'day of the study';
COMMENT ON COLUMN series.contrast_bolus_agent IS 'DICOM (0018,0010)';
COMMENT ON COLUMN series.body_part_examined IS 'DICOM (0018,0015)';
COMMENT ON COLUMN series.exposure_mas IS 'mAs';
COMMENT ON COLUMN series.table_height_mm IS 'mm';
COMMENT ON COLUMN series.reconstruction_diameter_mm IS 'mm';
COMMENT ON COLUMN series.transfer_syntax_uid IS 'DICOM (0002,0010)';
COMMENT ON COLUMN series.is_simulated IS 'an invented patient';
COMMENT ON COLUMN series.is_preferred IS 'the one series of its study that counts';
COMMENT ON COLUMN series.preference_reason IS 'why it is or is not preferred';

CREATE TABLE results (
    result_id VARCHAR NOT NULL,
    series_key VARCHAR NOT NULL,
    model_hash VARCHAR NOT NULL,
    settings_hash VARCHAR NOT NULL,
    finished_at TIMESTAMPTZ NOT NULL,
    seconds DOUBLE,
    status VARCHAR NOT NULL,
    category VARCHAR,
    mean_vbmd_mg_cm3 DOUBLE,
    mean_vbmd_low_mg_cm3 DOUBLE,
    mean_vbmd_high_mg_cm3 DOUBLE,
    mean_vbmd_confidence DOUBLE,
    mean_vbmd_method VARCHAR,
    mean_hu DOUBLE,
    levels_used UTINYINT[],
    worst_fracture_grade INTEGER,
    is_flagged BOOLEAN NOT NULL,
    flag_reason VARCHAR,
    review_reasons VARCHAR[],
    corrections VARCHAR[],
    contrast_phase VARCHAR,
    calibration_name VARCHAR,
    calibration_kind VARCHAR,
    calibration_slope_mg_cm3_per_hu DOUBLE,
    calibration_intercept_mg_cm3 DOUBLE,
    calibration_residual_sd_mg_cm3 DOUBLE,
    calibration_kvp DOUBLE,
    calibration_mineral VARCHAR,
    calibration_source VARCHAR,
    calibration_vendor VARCHAR,
    calibration_model_name VARCHAR,
    calibration_valid_from DATE,
    calibration_valid_to DATE,
    shape INTEGER[],
    spacing_mm DOUBLE[],
    orientation VARCHAR,
    affine_lps DOUBLE[],
    PRIMARY KEY (result_id),
    CHECK (status IN ('measured', 'excluded', 'failed')),
    CHECK (mean_vbmd_mg_cm3 BETWEEN mean_vbmd_low_mg_cm3 AND mean_vbmd_high_mg_cm3)
);
COMMENT ON TABLE results IS 'one row a finished analysis of a series, whatever came of it; never overwritten';
COMMENT ON COLUMN results.result_id IS 'hash of series, model, settings and time of finishing';
COMMENT ON COLUMN results.series_key IS 'keyed hash of the series';
COMMENT ON COLUMN results.model_hash IS 'SHA-256 of the weights used';
COMMENT ON COLUMN results.settings_hash IS 'hash of the settings that change results';
COMMENT ON COLUMN results.finished_at IS 'UTC';
COMMENT ON COLUMN results.seconds IS 's';
COMMENT ON COLUMN results.status IS 'measured, excluded or failed';
COMMENT ON COLUMN results.category IS 'class by vBMD; null when nothing was assessed';
COMMENT ON COLUMN results.mean_vbmd_mg_cm3 IS 'mg/cm3 of calibration_mineral';
COMMENT ON COLUMN results.mean_vbmd_low_mg_cm3 IS 'mg/cm3, lower end of the interval';
COMMENT ON COLUMN results.mean_vbmd_high_mg_cm3 IS 'mg/cm3, upper end of the interval';
COMMENT ON COLUMN results.mean_vbmd_confidence IS '0-1, of the interval';
COMMENT ON COLUMN results.mean_vbmd_method IS 'how value and interval were computed';
COMMENT ON COLUMN results.mean_hu IS 'HU';
COMMENT ON COLUMN results.levels_used IS 'VerSe numbers';
COMMENT ON COLUMN results.worst_fracture_grade IS 'Genant 0-3';
COMMENT ON COLUMN results.is_flagged IS 'should be looked at';
COMMENT ON COLUMN results.flag_reason IS 'in words';
COMMENT ON COLUMN results.review_reasons IS 'in words';
COMMENT ON COLUMN results.corrections IS 'corrections applied to the calibrated value';
COMMENT ON COLUMN results.contrast_phase IS 'as seen in the image, else as declared';
COMMENT ON COLUMN results.calibration_name IS 'name of the line';
COMMENT ON COLUMN results.calibration_kind IS 'published, site, phantom ...';
COMMENT ON COLUMN results.calibration_slope_mg_cm3_per_hu IS 'mg/cm3 per HU';
COMMENT ON COLUMN results.calibration_intercept_mg_cm3 IS 'mg/cm3';
COMMENT ON COLUMN results.calibration_residual_sd_mg_cm3 IS 'mg/cm3, scatter of one level about the line';
COMMENT ON COLUMN results.calibration_kvp IS 'kV for which the line holds';
COMMENT ON COLUMN results.calibration_mineral IS 'HA or K2HPO4';
COMMENT ON COLUMN results.calibration_source IS 'who published or fitted the line';
COMMENT ON COLUMN results.calibration_vendor IS 'null for every vendor';
COMMENT ON COLUMN results.calibration_model_name IS 'null for every scanner model';
COMMENT ON COLUMN results.calibration_valid_from IS 'day';
COMMENT ON COLUMN results.calibration_valid_to IS 'day';
COMMENT ON COLUMN results.shape IS 'voxels along each array axis';
COMMENT ON COLUMN results.spacing_mm IS 'mm along each array axis';
COMMENT ON COLUMN results.orientation IS 'direction to which each array axis grows, letters of LRPASI';
COMMENT ON COLUMN results.affine_lps IS '4x4 row by row, index to LPS mm';
