-- Fat and muscle beside each series: drift is looked for in every scanner at once, without a join over all tissues.

ALTER TABLE cohort ADD COLUMN fat_mean_hu DOUBLE;
ALTER TABLE cohort ADD COLUMN muscle_mean_hu DOUBLE;
COMMENT ON COLUMN cohort.fat_mean_hu IS 'HU of subcutaneous fat';
COMMENT ON COLUMN cohort.muscle_mean_hu IS 'HU of muscle';
