-- Which of several stacks under one SeriesInstanceUID a series is: `analyze` must read that one and no other.

ALTER TABLE series ADD COLUMN stack_label VARCHAR;
COMMENT ON COLUMN series.stack_label IS 'which stack of its SeriesInstanceUID; empty where that holds one';
