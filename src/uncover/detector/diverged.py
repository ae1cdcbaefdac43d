"""What a training and whoever chose its settings must both know, without torch."""

from __future__ import annotations

from uncover.errors import InputError


class Diverged(InputError):
    """A training whose loss is no longer a number: the settings are to blame, and whoever chose them can do better.

    Attributes:
        epochs: Epochs that were done before.
    """

    def __init__(self, message: str, epochs: int) -> None:
        super().__init__(message)
        self.epochs = epochs
