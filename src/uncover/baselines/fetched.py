"""Record of whether third-party weights are available, so that a run can continue without them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from uncover.atomic import new_file
from uncover.errors import InputError

STATE, WEIGHTS = "state.json", "weights.pt"


@dataclass(frozen=True)
class Fetched:
    """Result of fetching weights.

    Attributes:
        why: Reason of the failure; empty if the weights are available.
        attempt: Number of the attempt, from 1.
        seen: State of the file on this machine at a failed attempt, as from `state_of_file`.
    """

    why: str
    attempt: int
    seen: str = ""


def read_fetched(folder: Path) -> Fetched | None:
    """The record of `uncover fetch_weights`; None if there is no readable one."""
    try:
        values = json.loads((folder / STATE).read_text(encoding="utf-8"))
        return Fetched(str(values["why"]), int(values["attempt"]), str(values.get("seen", "")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_fetched(folder: Path, fetched: Fetched) -> None:
    """Write the record."""
    with new_file(folder / STATE) as path:
        path.write_text(json.dumps(asdict(fetched)) + "\n", encoding="utf-8")


def state_of_file(place: str) -> str:
    """Fingerprint of a file, to detect a new or changed one; empty if there is none."""
    try:
        about = Path(place).stat()
    except (OSError, ValueError):
        return ""
    return f"{about.st_size} bytes of {about.st_mtime_ns}"


def attempt_of(folder: Path, place: str) -> int:
    """Number of the attempt to make: that of the last one, unless it failed and the file has changed since.

    An unchanged state is not tried again, so that a run without the weights can finish.

    Args:
        folder: Folder with the record of the last attempt.
        place: File, or address.
    """
    last = read_fetched(folder)
    if last is None:
        return 1
    return last.attempt + (bool(last.why) and state_of_file(place) != last.seen)


def fetched_file(path: Path) -> Path:
    """The weights file that `path` refers to: itself, or that of `uncover fetch_weights` in the folder `path`.

    Raises:
        InputError: The weights could not be fetched; the message is that of the attempt.
    """
    if not path.is_dir():
        return path
    fetched = read_fetched(path)
    if fetched is None:
        raise InputError(f"{path}: no {STATE} in it; expected a folder of 'uncover fetch_weights'")
    if fetched.why:
        raise InputError(fetched.why)
    return path / WEIGHTS
