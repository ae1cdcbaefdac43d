"""Baseline detectors, one module each, with a common interface."""
