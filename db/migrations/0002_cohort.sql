-- What every cohort query reads: one row a series, its latest headers and its current result side by side.
-- Derived: db/refresh.sql writes the rows of touched series in the transaction that takes their parts in.

CREATE TABLE cohort (
    series_key VARCHAR NOT NULL,
    study_key VARCHAR NOT NULL,
    patient_key VARCHAR NOT NULL,
    is_simulated BOOLEAN NOT NULL,
    is_preferred BOOLEAN NOT NULL,
    preference_reason VARCHAR,
    vendor VARCHAR NOT NULL,
    manufacturer VARCHAR,
    manufacturer_model_name VARCHAR,
    kvp DOUBLE,
    convolution_kernel VARCHAR,
    slice_thickness_mm DOUBLE,
    slice_step_mm DOUBLE,
    pixel_spacing_row_mm DOUBLE,
    n_slices INTEGER,
    patient_sex VARCHAR NOT NULL,
    patient_age_years DOUBLE,
    study_date DATE,
    indexed_at TIMESTAMPTZ,
    status VARCHAR NOT NULL,
    source_id VARCHAR NOT NULL,
    result_id VARCHAR,
    model_hash VARCHAR,
    settings_hash VARCHAR,
    finished_at TIMESTAMPTZ,
    seconds DOUBLE,
    category VARCHAR,
    mean_vbmd_mg_cm3 DOUBLE,
    mean_vbmd_low_mg_cm3 DOUBLE,
    mean_vbmd_high_mg_cm3 DOUBLE,
    mean_hu DOUBLE,
    levels_used UTINYINT[],
    worst_fracture_grade INTEGER,
    is_flagged BOOLEAN NOT NULL,
    flag_reason VARCHAR,
    review_reasons VARCHAR[],
    contrast_phase VARCHAR,
    calibration_name VARCHAR,
    calibration_mineral VARCHAR,
    first_exclusion_code VARCHAR,
    first_exclusion_step VARCHAR,
    first_exclusion_sentence VARCHAR
);
COMMENT ON TABLE cohort IS 'one row a series: latest headers and current result; derived';
COMMENT ON COLUMN cohort.series_key IS 'keyed hash of the series';
COMMENT ON COLUMN cohort.study_key IS 'keyed hash of the study';
COMMENT ON COLUMN cohort.patient_key IS 'keyed hash of the patient';
COMMENT ON COLUMN cohort.is_simulated IS 'an invented patient';
COMMENT ON COLUMN cohort.is_preferred IS 'the one series of its study that counts';
COMMENT ON COLUMN cohort.preference_reason IS 'why it is or is not preferred';
COMMENT ON COLUMN cohort.vendor IS 'manufacturer as normalised';
COMMENT ON COLUMN cohort.manufacturer IS 'as read';
COMMENT ON COLUMN cohort.manufacturer_model_name IS 'as read';
COMMENT ON COLUMN cohort.kvp IS 'kV';
COMMENT ON COLUMN cohort.convolution_kernel IS 'as read';
COMMENT ON COLUMN cohort.slice_thickness_mm IS 'mm';
COMMENT ON COLUMN cohort.slice_step_mm IS 'mm';
COMMENT ON COLUMN cohort.pixel_spacing_row_mm IS 'mm';
COMMENT ON COLUMN cohort.n_slices IS 'count';
COMMENT ON COLUMN cohort.patient_sex IS 'F, M, O or unknown';
COMMENT ON COLUMN cohort.patient_age_years IS 'years at the study';
COMMENT ON COLUMN cohort.study_date IS 'day of the study';
COMMENT ON COLUMN cohort.indexed_at IS 'UTC';
COMMENT ON COLUMN cohort.status IS 'measured, excluded, failed, or waiting for its analysis';
COMMENT ON COLUMN cohort.source_id IS 'where the current exclusions and cautions stand: result_id or index_id';
COMMENT ON COLUMN cohort.result_id IS 'the current result, if any';
COMMENT ON COLUMN cohort.model_hash IS 'SHA-256 of the weights used';
COMMENT ON COLUMN cohort.settings_hash IS 'hash of the settings that change results';
COMMENT ON COLUMN cohort.finished_at IS 'UTC';
COMMENT ON COLUMN cohort.seconds IS 's';
COMMENT ON COLUMN cohort.category IS 'class by vBMD';
COMMENT ON COLUMN cohort.mean_vbmd_mg_cm3 IS 'mg/cm3 of calibration_mineral';
COMMENT ON COLUMN cohort.mean_vbmd_low_mg_cm3 IS 'mg/cm3, lower end of the interval';
COMMENT ON COLUMN cohort.mean_vbmd_high_mg_cm3 IS 'mg/cm3, upper end of the interval';
COMMENT ON COLUMN cohort.mean_hu IS 'HU';
COMMENT ON COLUMN cohort.levels_used IS 'VerSe numbers';
COMMENT ON COLUMN cohort.worst_fracture_grade IS 'Genant 0-3';
COMMENT ON COLUMN cohort.is_flagged IS 'should be looked at';
COMMENT ON COLUMN cohort.flag_reason IS 'in words';
COMMENT ON COLUMN cohort.review_reasons IS 'in words';
COMMENT ON COLUMN cohort.contrast_phase IS 'as seen in the image, else as declared';
COMMENT ON COLUMN cohort.calibration_name IS 'name of the line';
COMMENT ON COLUMN cohort.calibration_mineral IS 'HA or K2HPO4';
COMMENT ON COLUMN cohort.first_exclusion_code IS 'first reason for the whole series';
COMMENT ON COLUMN cohort.first_exclusion_step IS 'the step that gave it';
COMMENT ON COLUMN cohort.first_exclusion_sentence IS 'the same in words';
