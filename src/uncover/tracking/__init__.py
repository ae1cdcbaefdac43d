"""Track a face over time: a Kalman filter, a tracker for live video, and smoothing of whole recordings."""
