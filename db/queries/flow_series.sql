-- The series behind one box of the flow of exclusions, the latest studies first, $limit of them. $kind is 'found',
-- 'processed' (all but what waits), 'waiting', 'left out' (at one of $steps, and for the reason $code unless that is
-- ''), 'goes on' (processed and left out at none of $steps; with no step but 'find' also what waits) or 'category'
-- ($code).
WITH flow AS (
    SELECT
        series_key, patient_key, status, category, mean_vbmd_mg_cm3, first_exclusion_sentence AS sentence,
        vendor, patient_age_years, patient_sex, study_date,
        status <> 'waiting' AND NOT has_category AS is_left_out,
        CASE WHEN status = 'failed' THEN 'run' ELSE coalesce(first_exclusion_step, 'assess') END AS step,
        coalesce(first_exclusion_code, 'reason not stated') AS code
    FROM cohort
    WHERE /*cohort*/ TRUE
)
SELECT * EXCLUDE (is_left_out, step, code)
FROM flow
WHERE CASE $kind
    WHEN 'found' THEN true
    WHEN 'processed' THEN status <> 'waiting'
    WHEN 'waiting' THEN status = 'waiting'
    WHEN 'left out' THEN is_left_out AND list_contains($steps::VARCHAR[], step) AND ($code = '' OR code = $code)
    WHEN 'goes on' THEN
        NOT (is_left_out AND list_contains($steps::VARCHAR[], step))
        AND (status <> 'waiting' OR $steps::VARCHAR[] = ['find'])
    WHEN 'category' THEN status = 'measured' AND category = $code
    ELSE error('a box is found, processed, waiting, left out, goes on or category')
END
ORDER BY study_date DESC NULLS LAST, series_key
LIMIT $limit::BIGINT;
