"""What a run's stored predictions say of how its methods looked at pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from uncover.console import say
from uncover.errors import InputError
from uncover.metrics.alike import CAP, NMS_IOU, PRECISION

DETECTOR = "rgb10"
"""The detector of a run that is the first to look, as in the thesis."""

CLOSER_LOOK, HEATMAP_BOXES = "closer_look", "heatmap_boxes"
"""Methods that need to know more than weights."""


def find_nms_iou(run: Path) -> float | None:
    """IoU of non-maximum suppression of a run's stored predictions; None where there are none of this version."""
    about = _about_a_table(run / "predictions" / DETECTOR, "*.parquet")
    return float(about[NMS_IOU]) if about is not None and CAP in about else None


def check_as_tried(run: Path, name: str, nms_iou: float, precision: str, resized: bool) -> None:
    """Make sure that a method looks as it did when the run's trial chose its confidence.

    Args:
        run: Folder of the run.
        name: Of the method.
        nms_iou: IoU above which a box of lower confidence is dropped, now.
        precision: Arithmetic of the networks, now.
        resized: Whether pictures are looked at in another size than in the run.

    Raises:
        InputError: Boxes are suppressed at another IoU now.
    """
    looks = [*find_looks(run)] if name == CLOSER_LOOK else []
    for folder in (run / "predictions" / each for each in (name, *looks)):
        path = _a_table(folder, "*.parquet")
        if path is None:
            continue
        about = _about(path)
        if CAP not in about:
            say(f"note: {path}: is of an earlier version, and so is the confidence of {name}; make the run again")
            return
        if about[NMS_IOU] != nms_iou:
            raise InputError(
                f"--nms-iou {nms_iou}: {path} has {about[NMS_IOU]}, by which the run's trial chose the confidence of"
                f" {name}; leave --nms-iou out, or give --rescue-confidence too"
            )
        if about[PRECISION] != precision:
            say(f"note: --precision {precision}: the run's trial chose the confidence of {name} in {about[PRECISION]}")
            break
    if resized:
        say(f"note: --image-size: the run's trial chose the confidence of {name} at the sizes of the training")


def find_looks(run: Path) -> dict[str, tuple[str, int | None]]:
    """Detectors that looked closer in a run: model and size of its input, by the name of their predictions."""
    looks: dict[str, tuple[str, int | None]] = {}
    for folder in sorted((run / "predictions").glob("*_look[0-9]*")):
        model = folder.name.rpartition("_look")[0]
        about = _about_a_table(folder, "*.parquet")
        if about is not None:
            looks.setdefault(model, (model, None))
            looks[folder.name] = (model, int(about["image_size"]))
    return looks


def find_boxed_heatmaps(run: Path) -> dict[str, Any] | None:
    """How the heatmaps are made around whose highlighted regions a run drew boxes; None where it drew none."""
    proposed = _about_a_table(run / "predictions" / HEATMAP_BOXES, "*.parquet")
    if proposed is None:
        return None
    return _about_a_table(run / "heatmaps" / proposed["heatmaps"]["variant"], "*/manifest.parquet")


def find_privacy(run: Path) -> str | None:
    """What the run's last config shows of patients; None where no config stands in its record, or it does not say."""
    import yaml

    configs = sorted(run.glob("record/*/config.yaml"))
    values = yaml.safe_load(configs[-1].read_text(encoding="utf-8")) if configs else {}
    report = values.get("report") if isinstance(values, dict) else None
    return str(report["privacy"]) if isinstance(report, dict) and "privacy" in report else None


def _about_a_table(folder: Path, pattern: str) -> dict[str, Any] | None:
    """What the first table of a folder says of how all of them were made; None where there is none."""
    stored = _a_table(folder, pattern)
    return None if stored is None else _about(stored)


def _a_table(folder: Path, pattern: str) -> Path | None:
    return next(iter(sorted(folder.glob(pattern))), None)


def _about(path: Path) -> dict[str, Any]:
    import pyarrow.parquet as pq

    return json.loads((pq.read_schema(path).metadata or {})[b"uncover"])
