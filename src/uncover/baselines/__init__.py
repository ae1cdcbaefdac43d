"""Baseline detectors: one module each, all of one form."""
