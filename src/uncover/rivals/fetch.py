"""A third party's weights into a folder, as tensors alone; what stands in the way is written down, not raised."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from uncover.detector.inert_pickle import Record, load_inert, state_of
from uncover.detector.third_party import check_content, check_trusted, read_or_fetch
from uncover.errors import InputError
from uncover.rivals.fetched import WEIGHTS, Fetched, write_fetched
from uncover.rivals.weights import RivalWeights, save_rival


def fetch_weights(folder: Path, place: str, url: str | None, sha256: str | None, attempt: int = 1) -> Fetched:
    """Read or fetch weights, and leave them and a record of what came of it.

    Args:
        folder: Gets `state.json` and, where all went well, `weights.pt`.
        place: File, or address.
        url: Where to fetch the file from if there is none.
        sha256: Hash that it must have: no file is opened without one.
        attempt: Number of the attempt, for the record.

    Returns:
        The record; `why` names the file, where it comes from and its hash.
    """
    why = ""
    try:
        check_trusted(place, sha256)
        content, name = read_or_fetch(place, url)
        digest = check_content(content, name, sha256)
        about = {"source": name.rpartition("/")[2], "sha256": digest}
        save_rival(folder / WEIGHTS, RivalWeights(read_state_dict(content, name), about))
    except InputError as error:
        (folder / WEIGHTS).unlink(missing_ok=True)
        wanted = f"wanted: {place}" + (f", else {url}" if url else "") + f", sha256 {sha256 or 'not stated'}"
        why = f"{folder.name}: no weights: {error} ({wanted})"
    fetched = Fetched(why, attempt)
    write_fetched(folder, fetched)
    return fetched


def read_state_dict(content: bytes, name: str) -> dict[str, Tensor]:
    """Tensors by name, of a file of `torch.save` that holds a state dict, alone or under a key, or a whole module.

    Nothing in the file comes to life. A prefix that every name has, as data parallel training leaves it, is taken off.

    Args:
        content: The file.
        name: What to call it in messages.

    Raises:
        InputError: It holds nothing of the kind.
    """
    try:
        saved: Any = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, AttributeError, TypeError):
        saved = load_inert(content, name)
    for key in ("ema", "model", "state_dict"):
        if isinstance(saved, dict) and isinstance(saved.get(key), dict | Record):
            saved = saved[key]
            break
    if isinstance(saved, Record):
        saved = dict(state_of(saved))
    named = saved if isinstance(saved, dict) else {}
    tensors = {str(key): value for key, value in named.items() if isinstance(value, Tensor)}
    if not tensors:
        raise InputError(f"{name}: holds no tensors by name; expected a state dict, or a network that was saved whole")
    prefix = "module."
    if all(key.startswith(prefix) for key in tensors):
        tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}
    return tensors
