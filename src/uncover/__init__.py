"""uncover: face detection under occlusion, explained and re-executed."""

__version__ = "0.1.0"
