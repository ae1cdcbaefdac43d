"""The embedded synthetic data: a parametric 3-D face that writes synthetic raw data in the layouts of real data sets."""
