"""`torch.save` that tells a full disk from a defect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch


def save(content: Any, path: Path) -> None:
    """Write tensors and plain containers; the same content gives the same bytes, whatever the name of the file.

    Raises:
        OSError: As the system words it, such as "No space left on device".
    """
    # A file object, because torch writes the name of a path into the file, and hides why one could not be written.
    with path.open("wb") as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:
            # Torch's complaint about the half-written archive comes on top of what happened: an error of the system,
            # or a signal that ends the process.
            raise error.__context__ or error from None
