"""A face followed over time: a Kalman filter, a tracker for live video, smoothing of whole recordings."""
