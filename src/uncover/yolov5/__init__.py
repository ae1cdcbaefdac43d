"""The YOLOv5 detectors: network, weights, loss, training, prediction."""
