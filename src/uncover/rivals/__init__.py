"""Face detectors of others: one module each, all of one form."""
