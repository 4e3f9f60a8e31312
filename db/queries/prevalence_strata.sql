-- The same patients as in `prevalence` by group and five-year age group from 50 (85 and over together), those with a category.
WITH patient AS (
    SELECT cohort.*, status = 'measured' AND category IS NOT NULL AND category <> 'not reportable' AS has_category
    FROM cohort
    WHERE /*cohort*/ TRUE
    QUALIFY row_number() OVER (
        PARTITION BY patient_key ORDER BY has_category DESC, study_date DESC NULLS LAST, is_preferred DESC, series_key
    ) = 1
)
SELECT
    CASE $by
        WHEN 'all' THEN 'all'
        WHEN 'sex' THEN patient_sex
        WHEN 'vendor' THEN vendor
        WHEN 'scanner' THEN coalesce(manufacturer_model_name, 'unknown')
        WHEN 'site' THEN coalesce(site_key, 'unknown')
        WHEN 'period' THEN coalesce(year(study_date) || ' Q' || quarter(study_date), 'unknown')
        ELSE error('strata are by all, sex, vendor, scanner, site or period')
    END AS "group",
    least(5 * floor(patient_age_years / 5), 85)::INTEGER AS age_from,
    count(*) AS n,
    count(*) FILTER (category = 'osteoporosis') AS osteoporosis,
    count(*) FILTER (category = 'low bone mass') AS low_bone_mass
FROM patient
WHERE has_category AND patient_age_years >= 50
GROUP BY "group", age_from
ORDER BY "group", age_from;
