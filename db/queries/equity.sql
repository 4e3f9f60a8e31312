-- Patients by group: scanned, measured, flagged, and flags whose follow-up is closed; $by is 'site', 'sex' or 'age_band'.
-- A patient stands in the group of the latest study (bits of pick: db/refresh.sql). Failed and excluded patients stay in n.
WITH patient AS (
    SELECT
        max(pick & ((1::BIGINT << 53) - 1)) AS pick,
        arg_max(CASE $by WHEN 'site' THEN coalesce(site_key, 'unknown') END, pick & ((1::BIGINT << 53) - 1)) AS site,
        bit_or(  -- measured 1, flagged 2, closed 4
            (status = 'measured')::INTEGER + 2 * (follow_state IS NOT NULL)::INTEGER
            + 4 * coalesce(follow_state IN ('not confirmed', 'no action', 'closed', '12-month contact'), false)::INTEGER
        ) AS marks
    FROM cohort
    WHERE /*cohort*/ TRUE
    GROUP BY patient_number
)
SELECT
    CASE $by
        WHEN 'site' THEN site
        WHEN 'sex' THEN ['F', 'M', 'O', 'unknown'][((pick >> 31) & 3) + 1]
        WHEN 'age_band' THEN CASE
                WHEN (pick >> 24) & 127 = 127 THEN 'unknown'
                WHEN (pick >> 24) & 127 < 50 THEN 'under 50'
                WHEN (pick >> 24) & 127 < 60 THEN '50-59'
                WHEN (pick >> 24) & 127 < 70 THEN '60-69'
                WHEN (pick >> 24) & 127 < 80 THEN '70-79'
                ELSE '80 and over'
        END
        ELSE error('equity is by site, sex or age_band')
    END AS "group",
    count(*) AS n,
    count(*) FILTER (marks & 1 = 1) AS n_measured,
    count(*) FILTER (marks & 2 = 2) AS n_flagged,
    count(*) FILTER (marks & 6 = 6) AS n_closed
FROM patient
GROUP BY "group"
ORDER BY list_position(['under 50', '50-59', '60-69', '70-79', '80 and over'], "group") NULLS LAST, "group";
