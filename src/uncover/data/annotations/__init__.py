"""Export boxes and grades of picked frames to annotation tools, and import them back."""
