"""The study of Fang 2021 (Eur Radiol 31:1831) repeated with simulated patients: three vendors, released pipeline.

``python -m benchmarks.fang2021`` runs it; `cohort` draws the patients, `scan` takes one from DICOM to its values,
`agreement` and `rescan` make the tables.
"""
