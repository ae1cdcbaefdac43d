"""From faces to YOLO data sets: photos, splits, merging, labels, manifest."""
