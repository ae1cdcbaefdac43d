"""Faces that the RGB detectors find in Hand Over Face (thesis section 4.4.1; the thesis has no table of them)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from uncover.datasets.blocks import Blocks, read_blocks
from uncover.errors import InputError
from uncover.metrics.alike import Alike
from uncover.metrics.counts import count_images
from uncover.metrics.predictions import Predictions, read_predictions
from uncover.parts.classes import WHOLE_FACE
from uncover.report.published import PublishedNumber, load_text
from uncover.report.registry import table
from uncover.report.tables.companions import HIGH, LOW, PUBLISHED, companion_rows, interval_notes
from uncover.report.tables.table import Table

MODELS = ("rgb10", "rgb1")


@table(
    "table_hof",
    "faces found in Hand Over Face",
    caption="Frames of Hand Over Face in which the RGB detectors find a face. Nobody annotated this set: a detection"
    " need not be right.",
    inputs=lambda run: (
        {
            "predictions": run.predictions(["rgb10", "rgb1"], ["hof"]),
            "manifest": run.paths.dataset("hof").manifest,
        }
        if "hof" in run.frame_sets
        else None
    ),
    options=lambda run: {
        "dataset": run.paths.dataset("hof"),
        "confidence": run.config.rescue.missed_confidence,
    },
    mem_mb=2000,
)
def faces_in_hand_over_face(
    predictions: Sequence[Path], published: Path, dataset: Path | None = None, confidence: float = 0.4
) -> Table:
    """Make the table from files.

    Args:
        predictions: Tables of `uncover predict` on Hand Over Face, in folders named as their model: rgb10, rgb1.
        published: The thesis's numbers (config/published.yaml).
        dataset: The data set, which may say whom each frame shows.
        confidence: Lowest confidence of a face.

    Raises:
        InputError: A file is not what it should be, or lacks boxes that would count.
    """
    found, alike = {}, Alike()
    for path in predictions:
        model = path.parent.name
        if model not in MODELS or model in found:
            raise InputError(f"{path}: stands in {model}; expected one file in each of {', '.join(MODELS)}")
        found[model] = read_predictions(path, confidence)
        alike.add(path, found[model].settings, model)
    images = {image for each in found.values() for image in each.images["image"]}
    blocks = None if dataset is None else read_blocks(dataset, sorted(images))
    return hand_over_face(found, confidence, load_text(published), blocks)


def hand_over_face(
    predictions: Mapping[str, Predictions],
    confidence: float,
    published: Mapping[str, PublishedNumber],
    blocks: Blocks | None = None,
) -> Table:
    """Count the frames with a face.

    Args:
        predictions: By model.
        confidence: Lowest of a face that counts.
        published: Numbers of the thesis's text.
        blocks: What frames belong to, where it is known; None takes them as independent.

    Returns:
        Columns "Model", "Frames", "Detected", "Share" with its interval, and the thesis's numbers.
    """
    rows = []
    for model in (model for model in MODELS if model in predictions):
        count = count_images(predictions[model], WHOLE_FACE, confidence, blocks)
        rows.append(
            {
                "Model": model,
                "Frames": count.images,
                "Detected": count.found,
                "Share": count.share.value,
                f"Share{LOW}": count.share.low,
                f"Share{HIGH}": count.share.high,
                f"Frames{PUBLISHED}": published["hof_faces"].value,
                f"Detected{PUBLISHED}": published[f"hof_{model}_found"].value,
                f"Share{PUBLISHED}": published[f"hof_{model}_share"].value / 100,
            }
        )
    frame = pd.DataFrame(rows)
    frames, found, missed = (published[f"hof_{name}"].value for name in ("faces", "rgb10_found", "missed"))
    overlaps = sorted({str(each.settings.get("nms_iou", "unknown")) for each in predictions.values()})
    notes = [
        f"A frame counts as detected with at least one whole-face box of confidence {confidence} or more; NMS at IoU"
        f" {', '.join(overlaps)}, which changes no count: the surest box of a frame always stays.",
        "Nobody annotated this set: a detection need not be a face, and one face a frame is taken on trust.",
        "Interval: 95 %, Wilson's.",
        *interval_notes(
            ("the frames", None if blocks is None else blocks.count(each.images["image"]))
            for each in predictions.values()
        ),
        f"By these numbers the thesis misses {frames - found} frames ({frames} - {found}), by section 4.5.2 {missed}.",
    ]
    title = "Faces found in Hand Over Face"
    return Table("table_hof", title, frame, notes, shown=companion_rows(frame))
