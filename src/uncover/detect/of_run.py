"""What a run's stored predictions say of how its methods looked at pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CLOSER_LOOK, HEATMAP_BOXES = "closer_look", "heatmap_boxes"
"""Methods that need to know more than weights."""


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
    import pyarrow.parquet as pq

    stored = next(iter(sorted(folder.glob(pattern))), None)
    return None if stored is None else json.loads((pq.read_schema(stored).metadata or {})[b"uncover"])
