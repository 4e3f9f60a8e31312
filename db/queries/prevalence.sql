-- Patients by category and by group; $by is 'all', 'sex', 'age_band', 'vendor', 'scanner', 'site' or 'period' (quarter).
-- One row a patient: the latest study with a category, else the latest of all; those without one are `missing`.
-- The bits of pick are told in db/refresh.sql.
WITH patient AS (
    SELECT
        max(pick) AS pick,
        arg_max(CASE $by
            WHEN 'scanner' THEN coalesce(manufacturer_model_name, 'unknown')
            WHEN 'site' THEN coalesce(site_key, 'unknown')
        END, pick) AS name
    FROM cohort
    WHERE /*cohort*/ TRUE
    GROUP BY patient_number
),
grouped AS (
    SELECT
        (pick >> 53) & 1 = 1 AS has_category,
        (pick >> 33) & 3 AS category,
        CASE $by
            WHEN 'all' THEN 'all'
            WHEN 'sex' THEN ['F', 'M', 'O', 'unknown'][((pick >> 31) & 3) + 1]
            WHEN 'vendor' THEN coalesce(['GE', 'Siemens', 'Philips', 'Canon/Toshiba', 'UIH', 'Hitachi/Fujifilm', 'Neusoft', 'Other'][(pick >> 20) & 15], 'Other')
            WHEN 'scanner' THEN name
            WHEN 'site' THEN name
            WHEN 'period' THEN CASE WHEN (pick >> 36) & 131071 = 0 THEN 'unknown' ELSE
                year(DATE '1900-01-01' + ((pick >> 36) & 131071)::INTEGER) || ' Q' || quarter(DATE '1900-01-01' + ((pick >> 36) & 131071)::INTEGER)
            END
            WHEN 'age_band' THEN CASE
                WHEN (pick >> 24) & 127 = 127 THEN 'unknown'
                WHEN (pick >> 24) & 127 < 50 THEN 'under 50'
                WHEN (pick >> 24) & 127 < 60 THEN '50-59'
                WHEN (pick >> 24) & 127 < 70 THEN '60-69'
                WHEN (pick >> 24) & 127 < 80 THEN '70-79'
                ELSE '80 and over'
            END
            ELSE error('prevalence is by all, sex, age_band, vendor, scanner, site or period')
        END AS "group"
    FROM patient
)
SELECT
    "group",
    count(*) FILTER (has_category) AS n,
    count(*) FILTER (NOT has_category) AS missing,
    count(*) FILTER (has_category AND category = 1) AS osteoporosis,
    count(*) FILTER (has_category AND category = 2) AS low_bone_mass,
    count(*) FILTER (has_category AND category = 3) AS normal
FROM grouped
GROUP BY "group"
ORDER BY list_position(['under 50', '50-59', '60-69', '70-79', '80 and over'], "group") NULLS LAST, "group";
