-- What the endplates suggest about the cause of a deformity, apart from its grade; blank for what was measured before.

ALTER TABLE measurements ADD COLUMN endplate_depression DOUBLE;
ALTER TABLE measurements ADD COLUMN suggested_cause VARCHAR;
COMMENT ON COLUMN measurements.endplate_depression IS 'share by which the middle height lies below what the rims and the normal shape say; no part of the grade';
COMMENT ON COLUMN measurements.suggested_cause IS 'what the endplates suggest about the cause of a deformity; a model''s suggestion, a reader decides';
