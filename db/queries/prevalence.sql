-- Patients by category and by group; $by is 'all', 'sex', 'age_band', 'vendor', 'scanner', 'site' or 'period' (quarter).
-- One row a patient: the latest study with a category, else the latest of all; those without one are `missing`.
WITH patient AS (
    SELECT cohort.*, status = 'measured' AND category IS NOT NULL AND category <> 'not reportable' AS has_category
    FROM cohort
    WHERE /*cohort*/ TRUE
    QUALIFY row_number() OVER (
        PARTITION BY patient_key ORDER BY has_category DESC, study_date DESC NULLS LAST, is_preferred DESC, series_key
    ) = 1
),
grouped AS (
    SELECT
        has_category,
        category,
        CASE $by
            WHEN 'all' THEN 'all'
            WHEN 'sex' THEN patient_sex
            WHEN 'vendor' THEN vendor
            WHEN 'scanner' THEN coalesce(manufacturer_model_name, 'unknown')
            WHEN 'site' THEN coalesce(site_key, 'unknown')
            WHEN 'period' THEN coalesce(year(study_date) || ' Q' || quarter(study_date), 'unknown')
            WHEN 'age_band' THEN CASE
                WHEN patient_age_years IS NULL THEN 'unknown'
                WHEN patient_age_years < 50 THEN 'under 50'
                WHEN patient_age_years < 60 THEN '50-59'
                WHEN patient_age_years < 70 THEN '60-69'
                WHEN patient_age_years < 80 THEN '70-79'
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
    count(*) FILTER (has_category AND category = 'osteoporosis') AS osteoporosis,
    count(*) FILTER (has_category AND category = 'low bone mass') AS low_bone_mass,
    count(*) FILTER (has_category AND category = 'normal') AS normal
FROM grouped
GROUP BY "group"
ORDER BY list_position(['under 50', '50-59', '60-69', '70-79', '80 and over'], "group") NULLS LAST, "group";
