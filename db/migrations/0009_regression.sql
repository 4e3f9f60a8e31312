-- A network's reading of vBMD beside the calibrated value of each level; blank where no network read it.

ALTER TABLE measurements ADD COLUMN regressed_mg_cm3 DOUBLE;
ALTER TABLE measurements ADD COLUMN regressed_low_mg_cm3 DOUBLE;
ALTER TABLE measurements ADD COLUMN regressed_high_mg_cm3 DOUBLE;
COMMENT ON COLUMN measurements.regressed_mg_cm3 IS 'mg/cm3 K2HPO4, read by a network beside vbmd_mg_cm3; decides nothing';
COMMENT ON COLUMN measurements.regressed_low_mg_cm3 IS 'mg/cm3 K2HPO4, lower end of the network''s 95 % interval';
COMMENT ON COLUMN measurements.regressed_high_mg_cm3 IS 'mg/cm3 K2HPO4, upper end of the network''s 95 % interval';
