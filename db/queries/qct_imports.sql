-- Every import of QCT values: when, by whom, how many values and patients, of which sources, and whether it was
-- withdrawn.
SELECT
    r.imported_at,
    count(*) AS n_values,
    count(DISTINCT r.patient_key) AS n_patients,
    string_agg(DISTINCT r.mineral, ', ' ORDER BY r.mineral) AS minerals,
    string_agg(DISTINCT r.source, ', ' ORDER BY r.source) AS sources,
    min(r.vbmd_mg_cm3) AS lowest,
    median(r.vbmd_mg_cm3) AS middle,
    max(r.vbmd_mg_cm3) AS highest,
    coalesce(any_value(made.author), '') AS author,
    any_value(gone.author) AS withdrawn_by,
    any_value(gone.withdrawn_at) AS withdrawn_at
FROM reference_values AS r
LEFT JOIN events AS made
    ON made.kind = 'QCT import' AND (made.payload_json ->> '$.imported_at')::TIMESTAMPTZ = r.imported_at
LEFT JOIN (  -- two people may have withdrawn it: the first did
    SELECT
        (payload_json ->> '$.imported_at')::TIMESTAMPTZ AS imported_at, arg_min(author, "at") AS author,
        min("at") AS withdrawn_at
    FROM events
    WHERE kind = 'QCT import withdrawn'
    GROUP BY ALL
) AS gone ON gone.imported_at = r.imported_at
GROUP BY r.imported_at
ORDER BY r.imported_at DESC;
