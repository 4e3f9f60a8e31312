-- Outlined bodies of the result $result_id of $series_key; centroids in LPS mm.
SELECT level, confidence, voxels, centroid_x_mm, centroid_y_mm, centroid_z_mm, cut
FROM segmentations
WHERE series_key = $series_key AND result_id = $result_id AND level IS NOT NULL
ORDER BY level;
