-- Fat and muscle beside each series: drift is looked for in every scanner at once, without a join over all tissues.

ALTER TABLE cohort ADD COLUMN fat_mean_hu DOUBLE;
ALTER TABLE cohort ADD COLUMN muscle_mean_hu DOUBLE;
COMMENT ON COLUMN cohort.fat_mean_hu IS 'HU of subcutaneous fat';
COMMENT ON COLUMN cohort.muscle_mean_hu IS 'HU of muscle';

UPDATE cohort
SET fat_mean_hu = tissue.fat, muscle_mean_hu = tissue.muscle
FROM (
    SELECT
        result_id,
        max(mean_hu) FILTER (name = 'fat') AS fat,
        max(mean_hu) FILTER (name = 'muscle') AS muscle
    FROM tissues
    WHERE name IN ('fat', 'muscle')
    GROUP BY result_id
) AS tissue
WHERE tissue.result_id = cohort.result_id;
