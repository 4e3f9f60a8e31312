-- Writes the rows of `cohort` anew for the series in the temporary table `touched`.
-- Excluded by its headers beats measured: a series that lost its study's preference no longer counts.
DELETE FROM cohort WHERE series_key IN (SELECT series_key FROM touched);

INSERT INTO cohort BY NAME
WITH header AS (
    SELECT * FROM series
    WHERE series_key IN (SELECT series_key FROM touched)
    QUALIFY row_number() OVER (PARTITION BY series_key ORDER BY indexed_at DESC NULLS LAST, index_id DESC) = 1
),
latest AS (
    SELECT * FROM results
    WHERE series_key IN (SELECT series_key FROM touched)
    QUALIFY row_number() OVER (PARTITION BY series_key ORDER BY finished_at DESC, result_id DESC) = 1
),
joined AS (
    SELECT
        h.series_key, h.study_key, h.patient_key, h.is_simulated, h.is_preferred, h.preference_reason,
        h.vendor, h.manufacturer, h.manufacturer_model_name, h.kvp, h.convolution_kernel,
        h.slice_thickness_mm, h.slice_step_mm, h.pixel_spacing_row_mm, h.n_slices,
        h.patient_sex, h.patient_age_years, h.study_date, h.indexed_at,
        CASE WHEN NOT h.is_eligible THEN 'excluded' ELSE coalesce(r.status, 'waiting') END AS status,
        coalesce(r.result_id, h.index_id) AS source_id,
        r.result_id, r.model_hash, r.settings_hash, r.finished_at, r.seconds, r.category,
        r.mean_vbmd_mg_cm3, r.mean_vbmd_low_mg_cm3, r.mean_vbmd_high_mg_cm3, r.mean_hu, r.levels_used,
        r.worst_fracture_grade, coalesce(r.is_flagged, false) AS is_flagged, r.flag_reason, r.review_reasons,
        r.contrast_phase, r.calibration_name, r.calibration_mineral
    FROM header AS h
    LEFT JOIN latest AS r ON r.series_key = h.series_key AND h.is_eligible
),
reason AS (
    SELECT e.source_id, e.code, e.step, e.sentence
    FROM exclusions AS e
    WHERE e.series_key IN (SELECT series_key FROM touched)
    QUALIFY row_number() OVER (PARTITION BY e.source_id ORDER BY e.level IS NOT NULL, e.position) = 1
)
SELECT
    j.*,
    e.code AS first_exclusion_code,
    e.step AS first_exclusion_step,
    e.sentence AS first_exclusion_sentence
FROM joined AS j
LEFT JOIN reason AS e
    ON e.source_id = j.source_id AND (j.status IN ('excluded', 'failed') OR j.category = 'not reportable')
ORDER BY j.series_key;
