"""Make data sets in YOLO layout from raw data: faces, facial parts, readers, splits, labels, annotations."""
