-- A measured series without a category has a reason too: the first that holds for the whole series.

UPDATE cohort
SET
    first_exclusion_code = reason.code,
    first_exclusion_step = reason.step,
    first_exclusion_sentence = reason.sentence
FROM (
    SELECT * FROM exclusions
    WHERE level IS NULL
    QUALIFY row_number() OVER (PARTITION BY source_id ORDER BY position) = 1
) AS reason
WHERE reason.source_id = cohort.source_id AND cohort.status = 'measured' AND cohort.category = 'not reportable';

COMMENT ON COLUMN cohort.first_exclusion_code IS 'first reason why the whole series has no answer or no category';
