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
