-- Writes the rows of `cohort`, and those of `pairs`, anew for the series in the temporary table `touched`: all series of
-- every patient that was touched. The parts between the cuts that make one row a series are run a second time for
-- `unread`: series that a reader signed, as the program alone measured them and without notes (db/derived.py).
-- Excluded by its headers beats measured: a series that lost its study's preference no longer counts. Where the preferred
-- series cannot be measured, the next one of the study counts too (osteo_core/dicom/prefer.py), unless a reader has signed
-- values for the preferred one. A series that a reader has signed counts in any case, if it was ever ranked.
-- pick, from the highest bit: has a category (1), day of study since 1900 (17), preferred (1), hash of the series (16), 28
-- free: a query puts there what it asks about the series with the largest pick, which stands for its patient.
-- facts: code of the five years of age (4 bits; table five_years), face of the category (2 bits; table categories).
-- Numbers and words of rules come from the tables of db/rules.py.
-- work_order, likewise: open follow-up, ended one, none (2 bits), vBMD in thousandths or none (25), hash of the series (36).
CREATE OR REPLACE TEMP TABLE counted AS
WITH header AS (
    SELECT * FROM series
    WHERE series_key IN (SELECT series_key FROM touched)
    QUALIFY is_current_series(series_key, indexed_at, index_id)
),
outcome AS (
    SELECT
        series_key,
        bool_or(coalesce(is_read, false)) AS is_signed,
        arg_max(status, (finished_at, result_id)) FILTER (is_read) AS signed_status,
        arg_max(status, (finished_at, result_id)) FILTER (NOT coalesce(is_read, false)) AS status
    FROM sound_results
    WHERE series_key IN (SELECT series_key FROM touched)
    GROUP BY series_key
)
SELECT
    /*series columns*/ h.*,
    h.index_id,
    h.is_eligible OR coalesce(
        h.preference_rank IS NOT NULL AND o.is_signed
        OR h.preference_rank <= (SELECT value FROM rules WHERE name = 'series tried')
            AND count(*) FILTER (o.status <> 'measured' AND o.signed_status IS DISTINCT FROM 'measured') OVER better
            = h.preference_rank - 1,
        false
    ) AS is_counted
FROM header AS h
LEFT JOIN outcome AS o ON o.series_key = h.series_key
WHERE NOT coalesce(h.is_superseded, false)
WINDOW better AS (
    PARTITION BY h.patient_key, h.study_key ORDER BY h.preference_rank
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
);

-- cut
CREATE OR REPLACE TEMP TABLE joined AS
WITH latest AS (
    SELECT * FROM sound_results
    WHERE series_key IN (SELECT series_key FROM touched) AND /*whose*/ TRUE
    QUALIFY is_current_result(series_key, is_read, finished_at, result_id)
)
SELECT
    /*series columns*/ h.*,
    /*results columns*/ r.*,
    h.is_counted,
    CASE WHEN NOT h.is_counted THEN 'excluded' ELSE coalesce(r.status, 'waiting') END AS status,
    coalesce(r.is_flagged, false) AS is_flagged,
    coalesce(r.result_id, h.index_id) AS source_id
FROM counted AS h
LEFT JOIN latest AS r ON r.series_key = h.series_key AND h.is_counted
WHERE /*which*/ TRUE;

CREATE OR REPLACE TEMP TABLE named AS
SELECT
    series_key,
    patient_sex AS sex,
    coalesce(band.name, (SELECT name FROM age_bands WHERE from_years IS NULL)) AS age_band,
    vendor,
    coalesce(manufacturer_model_name, 'unknown') AS scanner,
    coalesce(site_key, 'unknown') AS site,
    coalesce(year(study_date) || ' Q' || quarter(study_date), 'unknown') AS period,
    coalesce(device_key, manufacturer_model_name, vendor) AS device,
    kvp || ' kV, ' || contrast_phase AS beam
FROM joined
LEFT JOIN age_bands AS band ON patient_age_years >= band.from_years AND patient_age_years < band.to_years;

-- cut
INSERT INTO patients
SELECT patient_key, coalesce((SELECT max(number) FROM patients), 0) + row_number() OVER (ORDER BY patient_key)
FROM (SELECT DISTINCT patient_key FROM joined)
ANTI JOIN patients USING (patient_key);

INSERT INTO names
SELECT
    kind,
    coalesce((SELECT max(known.number) FROM names AS known WHERE known.kind = found.kind), 0)
    + row_number() OVER (PARTITION BY kind ORDER BY name) AS number,
    name
FROM (
    SELECT DISTINCT kind, name
    FROM (UNPIVOT named ON sex, age_band, vendor, scanner, site, period, device, beam INTO NAME kind VALUE name)
) AS found
ANTI JOIN names USING (kind, name);

DELETE FROM pairs WHERE series_key IN (SELECT series_key FROM touched);

CREATE OR REPLACE TEMP TABLE touched_references AS
SELECT * FROM valid_reference_values WHERE patient_key IN (SELECT patient_key FROM joined);

INSERT INTO pairs BY NAME
WITH reference AS (
    SELECT patient_key, level, vbmd_mg_cm3, mineral, source
    FROM touched_references
    QUALIFY is_current_reference(patient_key, level, mineral, imported_at, source)
),
found AS (
    SELECT series_key, patient_key, calibration_mineral, NULL::UTINYINT AS level, mean_vbmd_mg_cm3 AS vbmd
    FROM joined
    WHERE status = 'measured' AND mean_vbmd_mg_cm3 IS NOT NULL
    UNION ALL
    SELECT j.series_key, j.patient_key, j.calibration_mineral, m.level, m.vbmd_mg_cm3
    FROM joined AS j
    JOIN measurements AS m ON m.result_id = j.result_id
    WHERE j.status = 'measured' AND j.patient_key IN (SELECT patient_key FROM reference WHERE level IS NOT NULL)
        AND m.vbmd_mg_cm3 IS NOT NULL AND m.exclusion_code IS NULL
)
SELECT f.series_key, f.level, f.vbmd, r.vbmd_mg_cm3 AS reference_vbmd, r.mineral, r.source
FROM found AS f
JOIN reference AS r
    ON r.patient_key = f.patient_key AND r.level IS NOT DISTINCT FROM f.level AND r.mineral = f.calibration_mineral;

-- Notes on the follow-up that nobody undid.
CREATE OR REPLACE TEMP TABLE valid_notes AS
SELECT * FROM events
ANTI JOIN (
    SELECT payload_json ->> '$.undoes' AS event_id FROM events WHERE kind = 'follow-up undone'
) AS undone USING (event_id)
WHERE kind IN ('follow-up', 'follow-up fact') AND series_key IN (SELECT series_key FROM touched);

-- cut
DELETE FROM cohort WHERE series_key IN (SELECT series_key FROM touched);

INSERT INTO cohort BY NAME
WITH note AS (
    SELECT n.series_key, n."at", m.milestone, m.word
    FROM (
        SELECT
            series_key, "at",
            unnest([
                {'field': 'state', 'word': payload_json ->> '$.state'},
                {'field': 'fact', 'word': payload_json ->> '$.fact'},
                {'field': 'because', 'word': payload_json ->> '$.because'}
            ]) AS said
        FROM valid_notes
    ) AS n
    JOIN milestones AS m ON m.field = n.said.field AND m.word = n.said.word
),
noted AS (
    SELECT
        series_key,
        min("at") FILTER (milestone = 'reviewed') AS reviewed_at,
        arg_max(word, "at") FILTER (milestone = 'review') AS review,
        min("at") FILTER (milestone = 'risk') AS risk_at,
        min("at") FILTER (milestone = 'dxa') AS dxa_at,
        min("at") FILTER (milestone = 'falls') AS falls_at,
        min("at") FILTER (milestone = 'advised') AS advised_at,
        min("at") FILTER (milestone = 'decided') AS decided_at,
        min("at") FILTER (milestone = 'exercise') AS exercise_at,
        min("at") FILTER (milestone = 'contact') AS contact_at,
        min("at") FILTER (milestone = 'started') AS started_at,
        min("at") FILTER (milestone = 'still') AS still_at,
        min("at") FILTER (milestone = 'ended') AS ended_at,
        min("at") FILTER (milestone = 'gone') AS gone_at
    FROM note
    GROUP BY series_key
),
tissue AS (
    SELECT
        result_id,
        max(mean_hu) FILTER (name = 'fat') AS fat_mean_hu,
        max(mean_hu) FILTER (name = 'muscle') AS muscle_mean_hu
    FROM tissues
    WHERE name IN ('fat', 'muscle') AND series_key IN (SELECT series_key FROM touched)
    GROUP BY result_id
),
first_flag AS (
    SELECT series_key, min(finished_at) AS flagged_at FROM sound_results
    WHERE is_flagged AND series_key IN (SELECT series_key FROM touched) AND /*whose*/ TRUE
    GROUP BY series_key
),
step AS (
    SELECT series_key, payload_json ->> '$.state' AS state, payload_json ->> '$.because' AS because, "at"
    FROM valid_notes
    WHERE kind = 'follow-up'
    QUALIFY row_number() OVER (PARTITION BY series_key ORDER BY "at" DESC, event_id DESC) = 1
),
followed AS (
    SELECT
        j.series_key,
        count(*) OVER (PARTITION BY j.patient_key) = 1 AS is_only_flag,
        coalesce(f.flagged_at, s."at") AS flagged_at,
        coalesce(s.state, 'to review') AS follow_state,
        s."at" AS follow_since,
        s.because AS follow_because
    FROM joined AS j
    LEFT JOIN first_flag AS f ON f.series_key = j.series_key
    LEFT JOIN step AS s ON s.series_key = j.series_key
    WHERE j.is_flagged OR s.state IS NOT NULL
),
clock AS (  -- the same as due_at in osteo_core/programme/follow_up.py
    SELECT
        f.*, coalesce(s.is_ended, false) AS is_ended, s.weeks IS NULL AND NOT s.is_in_working_days AS is_over,
        f.flagged_at + to_days(CASE WHEN s.is_in_working_days THEN w.days ELSE 7 * s.weeks END) AS due_at
    FROM followed AS f
    LEFT JOIN states AS s ON s.state = f.follow_state
    LEFT JOIN weekdays AS w ON w.weekday = isodow(f.flagged_at)
),
reason AS (
    SELECT e.source_id, e.code, e.step, e.sentence
    FROM exclusions AS e
    WHERE e.series_key IN (SELECT series_key FROM touched)
    QUALIFY row_number() OVER (PARTITION BY e.source_id ORDER BY e.level IS NOT NULL, e.position) = 1
)
SELECT
    j.*,
    e.code AS first_exclusion_code,
    e.step AS first_exclusion_step,
    e.sentence AS first_exclusion_sentence,
    c.is_only_flag, c.flagged_at, c.follow_state, c.follow_since, c.follow_because, c.due_at,
    t.fat_mean_hu, t.muscle_mean_hu,
    n.* EXCLUDE (series_key),
    patients.number AS patient_number, sex.number AS sex_number, age_band.number AS age_band_number,
    vendor.number AS vendor_number, scanner.number AS scanner_number, site.number AS site_number,
    period.number AS period_number, device.number AS device_number, beam.number AS beam_number,
    CASE WHEN j.patient_age_years IS NOT NULL THEN
        4 * (least(greatest(floor(j.patient_age_years), 0), 126)::USMALLINT
            // (SELECT value::USMALLINT FROM rules WHERE name = 'group years'))
        + coalesce(list_position(['F', 'M', 'O'], j.patient_sex), 4) - 1
    END AS age_group,
    j.status = 'measured' AND coalesce(k.face, 0) > 0 AS has_category,
    (CASE WHEN j.status = 'measured' AND k.face > 0 THEN 1::BIGINT ELSE 0 END << 62)
    | (least(greatest(coalesce(date_diff('day', DATE '1900-01-01', j.study_date), 0), 0), 131071)::BIGINT << 45)
    | (j.is_preferred::BIGINT << 44)
    | ((md5_number_lower(j.series_key) % 65536)::BIGINT << 28) AS pick,
    4 * coalesce(y.code, 0) + CASE WHEN j.status = 'measured' THEN coalesce(k.face, 0) ELSE 0 END AS facts,
    (j.status = 'measured')::UTINYINT + 2 * (c.follow_state IS NOT NULL)::UTINYINT
    + 4 * (c.follow_state IS NOT NULL AND NOT coalesce(c.is_over, false))::UTINYINT AS marks,
    j.patient_key IN (SELECT patient_key FROM touched_references) AS has_reference,
    CASE WHEN j.status = 'measured' OR len(j.review_reasons) > 0 OR c.follow_state IS NOT NULL THEN
        ((CASE
            WHEN c.follow_state IS NOT NULL AND NOT c.is_ended THEN 0::BIGINT
            WHEN c.follow_state IS NOT NULL THEN 1
            ELSE 2
        END << 25) + CASE
            WHEN j.mean_vbmd_mg_cm3 IS NULL THEN 1::BIGINT << 24
            ELSE (1000 * (least(greatest(j.mean_vbmd_mg_cm3, -1000), 9999) + 1000))::BIGINT
        END << 36) | (md5_number_lower(j.series_key) % 68719476736)::BIGINT
    END AS work_order
FROM joined AS j
JOIN named ON named.series_key = j.series_key
JOIN patients ON patients.patient_key = j.patient_key
JOIN names AS sex ON sex.kind = 'sex' AND sex.name = named.sex
JOIN names AS age_band ON age_band.kind = 'age_band' AND age_band.name = named.age_band
JOIN names AS vendor ON vendor.kind = 'vendor' AND vendor.name = named.vendor
JOIN names AS scanner ON scanner.kind = 'scanner' AND scanner.name = named.scanner
JOIN names AS site ON site.kind = 'site' AND site.name = named.site
JOIN names AS period ON period.kind = 'period' AND period.name = named.period
JOIN names AS device ON device.kind = 'device' AND device.name = named.device
LEFT JOIN names AS beam ON beam.kind = 'beam' AND beam.name = named.beam
LEFT JOIN noted AS n ON n.series_key = j.series_key
LEFT JOIN tissue AS t ON t.result_id = j.result_id
LEFT JOIN clock AS c ON c.series_key = j.series_key
LEFT JOIN categories AS k ON k.category = j.category
LEFT JOIN reason AS e
    ON e.source_id = j.source_id AND (j.status IN ('excluded', 'failed') OR j.status = 'measured' AND k.face IS NULL)
LEFT JOIN five_years AS y ON j.patient_age_years >= y.from_years AND j.patient_age_years < y.to_years
ORDER BY j.series_key;

-- cut
DROP TABLE valid_notes;
DROP TABLE touched_references;
DROP TABLE joined;
DROP TABLE counted;
DROP TABLE named;
