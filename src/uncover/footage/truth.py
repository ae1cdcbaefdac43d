"""What a table of the truth about a video holds: one row for each frame."""

from __future__ import annotations

from typing import Literal, get_args

Event = Literal["still", "movement", "hand", "nurse", "dim", "away"]
EVENTS: tuple[Event, ...] = get_args(Event)
"""What goes on: nothing, quick movement, a hand over the face, a nurse at work, dimmed light, nobody in the picture."""

CORNERS = ("x1", "y1", "x2", "y2")
"""Box of the whole face, covered or not, in pixels of the upright frame; empty where there is no face."""

TRUTH_COLUMNS = ("frame", "second", *CORNERS, "grade", "event")
"""Number of the frame from 0, its time from the first frame on, its box, how much is hidden, and what goes on."""
