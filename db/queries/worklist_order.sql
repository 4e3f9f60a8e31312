-- The series of the worklist in the order that is asked for, $limit at most: keys alone, so that a whole list can be
-- kept in its order while its patients are worked through. $sort: 'urgency', 'due date', 'mean vBMD', 'age' or 'study
-- date'; $descending turns it.
SELECT series_key
FROM cohort
WHERE work_order IS NOT NULL AND /*cohort*/ TRUE
ORDER BY
    CASE WHEN $descending::BOOLEAN THEN -1 ELSE 1 END * CASE $sort::VARCHAR
        WHEN 'due date' THEN epoch(due_at)
        WHEN 'mean vBMD' THEN mean_vbmd_mg_cm3
        WHEN 'age' THEN patient_age_years
        WHEN 'study date' THEN epoch(study_date)
    END NULLS LAST,
    CASE WHEN $descending::BOOLEAN AND $sort::VARCHAR = 'urgency' THEN -work_order ELSE work_order END
LIMIT $limit::BIGINT;
