-- Outlined bodies of the current result of $series_key; centroids in LPS mm.
SELECT s.level, s.confidence, s.voxels, s.centroid_x_mm, s.centroid_y_mm, s.centroid_z_mm, s.cut, s.mask_file, s.engine, s.anchor
FROM segmentations AS s
JOIN cohort ON cohort.result_id = s.result_id
WHERE s.series_key = $series_key AND cohort.series_key = $series_key AND s.level IS NOT NULL
ORDER BY s.level;
