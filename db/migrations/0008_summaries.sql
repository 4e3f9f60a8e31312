-- What questions about a million series ask most often, computed once when a part is taken in (db/refresh.sql).

ALTER TABLE cohort ADD COLUMN patient_number UBIGINT;
ALTER TABLE cohort ADD COLUMN pick BIGINT;
ALTER TABLE cohort ADD COLUMN work_order BIGINT;
COMMENT ON COLUMN cohort.patient_number IS 'MD5 of patient_key: numbers are grouped several times faster than texts';
COMMENT ON COLUMN cohort.pick IS 'bits: which series stands for a patient, and what it says; the largest wins (db/refresh.sql)';
COMMENT ON COLUMN cohort.work_order IS 'place in the worklist, the smallest first; null: not in it';

CREATE TABLE follow_ups (
    series_key VARCHAR NOT NULL,
    reviewed_at TIMESTAMPTZ,
    review VARCHAR,
    risk_at TIMESTAMPTZ,
    dxa_at TIMESTAMPTZ,
    falls_at TIMESTAMPTZ,
    advised_at TIMESTAMPTZ,
    decided_at TIMESTAMPTZ,
    exercise_at TIMESTAMPTZ,
    contact_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ,
    still_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ,
    gone_at TIMESTAMPTZ
);
COMMENT ON TABLE follow_ups IS 'one row a series with notes: when each thing was first noted; derived';
COMMENT ON COLUMN follow_ups.series_key IS 'keyed hash of the series';
COMMENT ON COLUMN follow_ups.reviewed_at IS 'UTC, first answer of a review';
COMMENT ON COLUMN follow_ups.review IS 'last answer of a review, or to review when it was put back';
COMMENT ON COLUMN follow_ups.risk_at IS 'UTC, fracture risk assessed';
COMMENT ON COLUMN follow_ups.dxa_at IS 'UTC, DXA done';
COMMENT ON COLUMN follow_ups.falls_at IS 'UTC, falls assessed';
COMMENT ON COLUMN follow_ups.advised_at IS 'UTC, treatment advised';
COMMENT ON COLUMN follow_ups.decided_at IS 'UTC, treatment advised or started, observe, or no action';
COMMENT ON COLUMN follow_ups.exercise_at IS 'UTC, strength and balance training started';
COMMENT ON COLUMN follow_ups.contact_at IS 'UTC, 4-month contact';
COMMENT ON COLUMN follow_ups.started_at IS 'UTC, treatment started';
COMMENT ON COLUMN follow_ups.still_at IS 'UTC, still on treatment at 12 months';
COMMENT ON COLUMN follow_ups.ended_at IS 'UTC, first no action or closed';
COMMENT ON COLUMN follow_ups.gone_at IS 'UTC, died or moved';
