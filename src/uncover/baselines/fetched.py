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
        seen: What there was of the file on this machine where the attempt failed, as `state_of_file` has it.
    """

    why: str
    attempt: int
    seen: str = ""


def read_fetched(folder: Path) -> Fetched | None:
    """The record of `uncover fetch_weights`; None where nothing was tried, or nothing readable is left of it."""
    try:
        values = json.loads((folder / STATE).read_text(encoding="utf-8"))
        return Fetched(str(values["why"]), int(values["attempt"]), str(values.get("seen", "")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_fetched(folder: Path, fetched: Fetched) -> None:
    """Leave the record."""
    with new_file(folder / STATE) as path:
        path.write_text(json.dumps(asdict(fetched)) + "\n", encoding="utf-8")


def state_of_file(place: str) -> str:
    """What tells a file from none, and from another one in its place; empty where there is none."""
    try:
        about = Path(place).stat()
    except (OSError, ValueError):
        return ""
    return f"{about.st_size} bytes of {about.st_mtime_ns}"


def attempt_of(folder: Path, place: str) -> int:
    """Number of the attempt to make: that of the last one, unless it failed and there is another file by now.

    Without news of the file nothing is tried again, so that a run that does without the weights can be finished.

    Args:
        folder: Where the last attempt left its record.
        place: File, or address.
    """
    last = read_fetched(folder)
    if last is None:
        return 1
    return last.attempt + (bool(last.why) and state_of_file(place) != last.seen)


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
