"""Predictions of the shares of a set become those of the set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from uncover.errors import InputError
from uncover.metrics.predictions import Predictions, read_predictions

SHARE = ("shard", "shards")
"""Settings in which the predictions of a share differ from those of another."""


def join_predictions(paths: Sequence[Path]) -> Predictions:
    """Read the predictions of all shares of a set and join them, images in the order of the set.

    Args:
        paths: Of the tables, in any order.

    Raises:
        InputError: A share is missing, stands there twice, or was made in another way.
    """
    shares = {path: read_predictions(path) for path in paths}
    first = next(iter(shares))
    count = shares[first].settings.get("shards", 1)
    by_number: dict[int, Path] = {}
    for path, share in shares.items():
        number = share.settings.get("shard", 1)
        if number in by_number:
            raise InputError(f"{path}: is share {number} of {count}, and so is {by_number[number]}; give each once")
        if _settings(share) != _settings(shares[first]) or share.settings.get("shards", 1) != count:
            raise InputError(f"{path}: was not made as {first} was; run 'uncover predict' again for all shares")
        by_number[number] = path
    missing = [str(number) for number in range(1, count + 1) if number not in by_number]
    if missing:
        raise InputError(f"{first.parent}: no share {', '.join(missing)} of {count}; expected all of them")
    ordered = [shares[by_number[number]] for number in range(1, count + 1)]
    boxes = [share.boxes for share in ordered if len(share.boxes)] or [ordered[0].boxes]
    # Share k has every count-th image from the k-th on.
    places = [np.arange(len(share.images)) * count + number for number, share in enumerate(ordered)]
    images = pd.concat([share.images.assign(place=own) for share, own in zip(ordered, places, strict=True)])
    images = images.sort_values("place", ignore_index=True).drop(columns="place")
    return Predictions(pd.concat(boxes, ignore_index=True), images, _settings(ordered[0]))


def _settings(predictions: Predictions) -> dict[str, object]:
    return {name: value for name, value in predictions.settings.items() if name not in SHARE}
