"""Faces in footage: a detector, a rescue where it finds none, and what a face does over time."""
