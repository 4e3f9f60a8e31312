-- The same patients as in `prevalence` by group and five-year age group from 50 (85 and over together), those with a category.
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
        least(5 * (((pick >> 24) & 127) // 5), 85)::INTEGER AS age_from,
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
            ELSE error('strata are by all, sex, vendor, scanner, site or period')
        END AS "group"
    FROM patient
    WHERE (pick >> 53) & 1 = 1 AND (pick >> 24) & 127 BETWEEN 50 AND 126
)
SELECT
    "group",
    age_from,
    count(*) AS n,
    count(*) FILTER (category = 1) AS osteoporosis,
    count(*) FILTER (category = 2) AS low_bone_mass
FROM grouped
GROUP BY "group", age_from
ORDER BY "group", age_from;
