"""The ten classes of the first detector, in the thesis's order (section 4.1); right and left are the subject's."""

from __future__ import annotations

CLASS_NAMES = (
    "eyes",
    "nose",
    "whole face",
    "right face",
    "left face",
    "brows",
    "left eye face",
    "right eye face",
    "eyes nose",
    "mouth",
)
"""Names by class id. Both eyes are one class, so a face has eleven boxes of ten classes."""

WHOLE_FACE = CLASS_NAMES.index("whole face")

PARTS = (
    "left eye",
    "right eye",
    "nose",
    "whole face",
    "right face",
    "left face",
    "brows",
    "left eye face",
    "right eye face",
    "eyes nose",
    "mouth",
)
"""The eleven boxes of a face, in the order in which label files list them."""

CLASS_OF_PART = tuple(CLASS_NAMES.index("eyes" if part in ("left eye", "right eye") else part) for part in PARTS)
"""Class id of each of `PARTS`."""
