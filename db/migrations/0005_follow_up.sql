-- Follow-up beside the flag, and which scanner and site a series comes from; `site_key` is blank for what was indexed before.

ALTER TABLE series ADD COLUMN site_key VARCHAR;
COMMENT ON COLUMN series.site_key IS 'keyed hash of the institution';

ALTER TABLE cohort ADD COLUMN device_key VARCHAR;
ALTER TABLE cohort ADD COLUMN site_key VARCHAR;
ALTER TABLE cohort ADD COLUMN flagged_at TIMESTAMPTZ;
ALTER TABLE cohort ADD COLUMN follow_state VARCHAR;
ALTER TABLE cohort ADD COLUMN follow_since TIMESTAMPTZ;
ALTER TABLE cohort ADD COLUMN follow_because VARCHAR;
ALTER TABLE cohort ADD COLUMN due_at TIMESTAMPTZ;
COMMENT ON COLUMN cohort.device_key IS 'keyed hash of the scanner';
COMMENT ON COLUMN cohort.site_key IS 'keyed hash of the institution';
COMMENT ON COLUMN cohort.flagged_at IS 'UTC, end of the first analysis that flagged it';
COMMENT ON COLUMN cohort.follow_state IS 'what was last noted about the flag; to review when nothing was';
COMMENT ON COLUMN cohort.follow_since IS 'UTC, of the last note';
COMMENT ON COLUMN cohort.follow_because IS 'why it ended';
COMMENT ON COLUMN cohort.due_at IS 'UTC, when the next thing must have happened; null when nothing is due';

UPDATE cohort
SET device_key = header.device_key
FROM (
    SELECT series_key, device_key FROM series
    QUALIFY row_number() OVER (PARTITION BY series_key ORDER BY indexed_at DESC NULLS LAST, index_id DESC) = 1
) AS header
WHERE header.series_key = cohort.series_key;

UPDATE cohort
SET
    flagged_at = first_flag.flagged_at,
    follow_state = 'to review',
    due_at = first_flag.flagged_at + to_days(CASE isodow(first_flag.flagged_at) WHEN 6 THEN 6 WHEN 7 THEN 5 ELSE 7 END)
FROM (SELECT series_key, min(finished_at) AS flagged_at FROM results WHERE is_flagged GROUP BY series_key) AS first_flag
WHERE first_flag.series_key = cohort.series_key AND cohort.is_flagged;
