"""Boxes and grades of picked frames, to annotation tools and back."""
