"""Synthetic data: a parametric 3-D face, from which raw data in the layouts of real data sets is rendered."""
