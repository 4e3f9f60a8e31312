-- A mask from elsewhere states no confidence: unknown, not nought.

ALTER TABLE measurements ALTER COLUMN confidence DROP NOT NULL;
COMMENT ON COLUMN measurements.confidence IS '0-1, that outline and number are right; null where the engine states none';
COMMENT ON COLUMN segmentations.confidence IS '0-1; null where the engine states none';
COMMENT ON COLUMN segmentations.model_hash IS 'SHA-256 of the segmenter''s weights, or of the mask from elsewhere';
