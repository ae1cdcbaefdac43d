"""Faces as annotated: one record per face, one reader per raw layout."""
