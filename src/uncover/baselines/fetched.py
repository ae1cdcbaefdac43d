"""Whether a third party's weights are at hand: one small record, so that those who can do without them may."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from uncover.atomic import new_file
from uncover.errors import InputError

STATE, WEIGHTS = "state.json", "weights.pt"


@dataclass(frozen=True)
class Fetched:
    """What came of fetching.

    Attributes:
        why: What stood in the way; empty where the weights are at hand.
        attempt: Number of the attempt, from 1 on.
    """

    why: str
    attempt: int


def read_fetched(folder: Path) -> Fetched | None:
    """The record of `uncover fetch_weights`; None where nothing was tried, or nothing readable is left of it."""
    try:
        values = json.loads((folder / STATE).read_text(encoding="utf-8"))
        return Fetched(str(values["why"]), int(values["attempt"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_fetched(folder: Path, fetched: Fetched) -> None:
    """Leave the record."""
    with new_file(folder / STATE) as path:
        path.write_text(json.dumps(asdict(fetched)) + "\n", encoding="utf-8")


def next_attempt(folder: Path) -> int:
    """Number of the attempt to make: that of the last one where it succeeded, the next one where it did not."""
    last = read_fetched(folder)
    return 1 if last is None else last.attempt + bool(last.why)


def fetched_file(path: Path) -> Path:
    """The weights file that `path` names: itself, or what `uncover fetch_weights` left in the folder `path`.

    Raises:
        InputError: Nothing could be fetched into the folder; the message is that of the attempt.
    """
    if not path.is_dir():
        return path
    fetched = read_fetched(path)
    if fetched is None:
        raise InputError(f"{path}: holds no {STATE}; expected a folder of 'uncover fetch_weights'")
    if fetched.why:
        raise InputError(fetched.why)
    return path / WEIGHTS
