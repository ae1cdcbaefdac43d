"""Quality of boxes: matching, precision and recall, curves, confusion, counts, intervals. Uses NumPy, no network."""
