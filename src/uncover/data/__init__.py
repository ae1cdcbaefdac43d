"""From raw data to data sets in YOLO layout: faces, parts, readers, splits, labels, annotations."""
