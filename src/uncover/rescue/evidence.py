"""What the rivals of the second step may look at: stored predictions, sizes of images, anatomy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.errors import InputError
from uncover.images.maps import StoredMaps
from uncover.metrics.predictions import Predictions
from uncover.rescue.anatomy import Anatomy


@dataclass(frozen=True)
class Evidence:
    """About one set.

    Attributes:
        rgb10: Predictions of the detector of ten parts.
        rgb1: Predictions of the detector of the whole face, on the same images.
        anatomy: Of the training set.
        looks: Further predictions of the same images, by name: such as those of rgb1 at twice its input size.
        nms_iou: IoU above which a proposed box of lower confidence is dropped.
        maps: The joint heatmap of each image, by its name; None where there are no heatmaps.
    """

    rgb10: Predictions
    rgb1: Predictions
    anatomy: Anatomy
    looks: Mapping[str, Predictions] = field(default_factory=dict)
    nms_iou: float = 0.6
    maps: Mapping[str, StoredMaps] | None = None

    def __post_init__(self) -> None:
        """Make sure that all are about the same images.

        Raises:
            InputError: They are not.
        """
        own = self.images[["image", "width", "height"]].sort_values("image", ignore_index=True)
        for name, others in {"rgb1": self.rgb1, **self.looks}.items():
            same = others.images[["image", "width", "height"]].sort_values("image", ignore_index=True)
            if not np.array_equal(own.to_numpy(object), same.to_numpy(object)):
                raise InputError(
                    f"predictions of rgb10 and {name} are on other images ({len(own)} and {len(same)}), or these have "
                    "other sizes; predict on the same set with both"
                )

    @property
    def images(self) -> pd.DataFrame:
        """One row per image: image, width, height (pixels)."""
        return self.rgb10.images

    def row_of_image(self) -> dict[str, int]:
        """Row of `images` by name."""
        return {image: row for row, image in enumerate(self.images["image"])}

    def sizes(self) -> NDArray[np.float64]:
        """float64 (images, 2), width and height in pixels."""
        return self.images[["width", "height"]].to_numpy(np.float64)
