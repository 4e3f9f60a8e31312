-- Questions group by small numbers: texts and hashes take several times as long. Notes stand beside the flag, and what CT
-- and QCT say of the same level is joined once, when a part is taken in (db/refresh.sql).

DELETE FROM cohort;
DROP TABLE follow_ups;

CREATE TABLE patients (patient_key VARCHAR NOT NULL, number UINTEGER NOT NULL);
COMMENT ON TABLE patients IS 'the patients'' numbers in cohort; given as they come in, and kept; derived';
COMMENT ON COLUMN patients.patient_key IS 'keyed hash of the patient';
COMMENT ON COLUMN patients.number IS 'from 1 without a gap';

CREATE TABLE names (kind VARCHAR NOT NULL, number UINTEGER NOT NULL, name VARCHAR NOT NULL);
COMMENT ON TABLE names IS 'what the other numbers in cohort stand for; given as names come in, and kept; derived';
COMMENT ON COLUMN names.kind IS 'sex, age_band, vendor, scanner (its model), site, period (quarter), device or beam';
COMMENT ON COLUMN names.number IS 'from 1 without a gap within a kind';
COMMENT ON COLUMN names.name IS 'unknown where nothing was stated';

CREATE TABLE pairs (
    series_key VARCHAR NOT NULL,
    level UTINYINT,
    vbmd DOUBLE NOT NULL,
    reference_vbmd DOUBLE NOT NULL,
    mineral VARCHAR NOT NULL,
    source VARCHAR NOT NULL
);
COMMENT ON TABLE pairs IS 'what a series and QCT say of the same patient or level in the same mineral; derived';
COMMENT ON COLUMN pairs.series_key IS 'keyed hash of the series';
COMMENT ON COLUMN pairs.level IS 'VerSe number; null for the patient''s mean';
COMMENT ON COLUMN pairs.vbmd IS 'mg/cm3 of mineral, by the series';
COMMENT ON COLUMN pairs.reference_vbmd IS 'mg/cm3 of mineral, by the QCT value imported last';
COMMENT ON COLUMN pairs.mineral IS 'HA or K2HPO4';
COMMENT ON COLUMN pairs.source IS 'where the QCT value comes from';

ALTER TABLE cohort DROP COLUMN patient_number;
ALTER TABLE cohort ADD COLUMN patient_number UINTEGER;
ALTER TABLE cohort ADD COLUMN sex_number UINTEGER;
ALTER TABLE cohort ADD COLUMN age_band_number UINTEGER;
ALTER TABLE cohort ADD COLUMN vendor_number UINTEGER;
ALTER TABLE cohort ADD COLUMN scanner_number UINTEGER;
ALTER TABLE cohort ADD COLUMN site_number UINTEGER;
ALTER TABLE cohort ADD COLUMN period_number UINTEGER;
ALTER TABLE cohort ADD COLUMN device_number UINTEGER;
ALTER TABLE cohort ADD COLUMN beam_number UINTEGER;
ALTER TABLE cohort ADD COLUMN age_group USMALLINT;
ALTER TABLE cohort ADD COLUMN facts UTINYINT;
ALTER TABLE cohort ADD COLUMN marks UTINYINT;
ALTER TABLE cohort ADD COLUMN has_reference BOOLEAN;
ALTER TABLE cohort ADD COLUMN is_only_flag BOOLEAN;
ALTER TABLE cohort ADD COLUMN reviewed_at TIMESTAMPTZ;
ALTER TABLE cohort ADD COLUMN review VARCHAR;
ALTER TABLE cohort ADD COLUMN risk_at TIMESTAMPTZ;
ALTER TABLE cohort ADD COLUMN dxa_at TIMESTAMPTZ;
ALTER TABLE cohort ADD COLUMN falls_at TIMESTAMPTZ;
ALTER TABLE cohort ADD COLUMN advised_at TIMESTAMPTZ;
ALTER TABLE cohort ADD COLUMN decided_at TIMESTAMPTZ;
ALTER TABLE cohort ADD COLUMN exercise_at TIMESTAMPTZ;
ALTER TABLE cohort ADD COLUMN contact_at TIMESTAMPTZ;
ALTER TABLE cohort ADD COLUMN started_at TIMESTAMPTZ;
ALTER TABLE cohort ADD COLUMN still_at TIMESTAMPTZ;
ALTER TABLE cohort ADD COLUMN ended_at TIMESTAMPTZ;
ALTER TABLE cohort ADD COLUMN gone_at TIMESTAMPTZ;
COMMENT ON COLUMN cohort.patient_number IS 'number of patient_key in patients';
COMMENT ON COLUMN cohort.sex_number IS 'number of patient_sex in names';
COMMENT ON COLUMN cohort.age_band_number IS 'number in names of the age band shown';
COMMENT ON COLUMN cohort.vendor_number IS 'number of vendor in names';
COMMENT ON COLUMN cohort.scanner_number IS 'number of manufacturer_model_name in names';
COMMENT ON COLUMN cohort.site_number IS 'number of site_key in names';
COMMENT ON COLUMN cohort.period_number IS 'number in names of the quarter of the study';
COMMENT ON COLUMN cohort.device_number IS 'number in names of device_key, else of the model, else of the vendor';
COMMENT ON COLUMN cohort.beam_number IS 'number in names of tube voltage and contrast phase; null where one is not known';
COMMENT ON COLUMN cohort.age_group IS 'sex and five years of age in one number; null where the age is not known';
COMMENT ON COLUMN cohort.pick IS 'bits: which series stands for a patient, the largest; the lowest 28 are free (db/refresh.sql)';
COMMENT ON COLUMN cohort.facts IS 'bits: five years of age from 50 on (4), category (2) (db/refresh.sql)';
COMMENT ON COLUMN cohort.marks IS 'bits: measured 1, flagged 2, follow-up closed 4';
COMMENT ON COLUMN cohort.has_reference IS 'there is a QCT value of this patient';
COMMENT ON COLUMN cohort.is_only_flag IS 'no other series of this patient was ever flagged; null where this one was not';
COMMENT ON COLUMN cohort.reviewed_at IS 'UTC, first answer of a review';
COMMENT ON COLUMN cohort.review IS 'last answer of a review, or to review when it was put back';
COMMENT ON COLUMN cohort.risk_at IS 'UTC, fracture risk assessed';
COMMENT ON COLUMN cohort.dxa_at IS 'UTC, DXA done';
COMMENT ON COLUMN cohort.falls_at IS 'UTC, falls assessed';
COMMENT ON COLUMN cohort.advised_at IS 'UTC, treatment advised';
COMMENT ON COLUMN cohort.decided_at IS 'UTC, treatment advised or started, observe, or no action';
COMMENT ON COLUMN cohort.exercise_at IS 'UTC, strength and balance training started';
COMMENT ON COLUMN cohort.contact_at IS 'UTC, 4-month contact';
COMMENT ON COLUMN cohort.started_at IS 'UTC, treatment started';
COMMENT ON COLUMN cohort.still_at IS 'UTC, still on treatment at 12 months';
COMMENT ON COLUMN cohort.ended_at IS 'UTC, first no action or closed';
COMMENT ON COLUMN cohort.gone_at IS 'UTC, died or moved';
