"""How good boxes are: matching, precision and recall, curves, confusion, counts, intervals. NumPy only, no network."""
