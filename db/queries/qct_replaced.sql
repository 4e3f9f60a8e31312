-- The present QCT values of the patients $patient_keys, by patient, level (null for the mean) and mineral.
SELECT patient_key, level, mineral, vbmd_mg_cm3
FROM current_reference_values
WHERE list_contains($patient_keys::VARCHAR[], patient_key)
ORDER BY patient_key, level NULLS FIRST, mineral;
