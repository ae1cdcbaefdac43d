"""uncover: face detection under occlusion, explained and re-executed.

In Python, `uncover.FaceDetector` finds faces in pictures.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uncover.video.face_detector import FaceDetector as FaceDetector

__version__ = "0.1.0"
__all__ = ["FaceDetector", "__version__"]

_HOMES = {"FaceDetector": "uncover.video.face_detector"}
"""Where the names stand that are imported when somebody asks for them: torch takes a second."""


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
