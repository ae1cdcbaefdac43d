"""What a finished training leaves: weights, record, summary."""

from __future__ import annotations

import json
from pathlib import Path

from uncover.atomic import new_file
from uncover.detector.job import Job
from uncover.detector.record import write_record
from uncover.detector.training_state import TrainingState
from uncover.detector.weights import Header, save_weights

NOT_IN_WEIGHTS = ("seconds", "start", "digests", "frames")


def about_training(job: Job) -> dict[str, object]:
    """What `summary.json` says of a training before it begins, which tells it from others."""
    identity = job.identity()
    return {
        "model": job.settings.model,
        "input": job.input,
        "channels": job.channels,
        "classes": {
            str(number): name for number, name in zip(job.training.class_ids, job.training.class_names, strict=True)
        },
        "train_images": len(job.training.paths),
        "val_images": len(job.validation.paths),
        "settings": job.settings.model_dump(mode="json"),
        "digests": {name: identity[name] for name in ("training", "validation", "start", "maps")},
    }


def write_outcome(out: Path, job: Job, state: TrainingState, batch: int) -> dict[str, object]:
    """Write `weights.pt`, `results.csv`, and last `summary.json`, which says that all is well.

    Args:
        out: Folder to write to.
        job: What was trained.
        state: At the end of the training.
        batch: Images per step.

    Returns:
        The summary.
    """
    settings, best = job.settings, state.rows[state.best_epoch]
    summary: dict[str, object] = {
        "model": settings.model,
        "input": job.input,
        "channels": job.channels,
        "classes": dict(zip(job.training.class_ids, job.training.class_names, strict=True)),
        "train_images": len(job.training.paths),
        "val_images": len(job.validation.paths),
        "batch": batch,
        "epochs_run": state.epoch,
        "best_epoch": state.best_epoch,
        "best": {name: best[name] for name in best if name.startswith("metrics/")},
        "seconds": round(sum(row["seconds/train"] + row["seconds/val"] for row in state.rows), 1),
        "start": str(job.start) if job.start else None,
        "settings": settings.model_dump(),
        "digests": about_training(job)["digests"],
    }
    if job.frames is not None:
        summary["frames"] = job.frames
    header = Header(
        model=settings.model,
        channels=job.channels,
        class_names=job.training.class_names,
        class_ids=job.training.class_ids,
        image_size=settings.image_size,
        padding=job.padding,
        input=job.input,
        maps=job.maps,
        # Without what differs between two runs of the same training: equal weights are equal files.
        training={name: value for name, value in summary.items() if name not in NOT_IN_WEIGHTS},
    )
    save_weights(out / "weights.pt", state.best, header)
    write_record(out / "results.csv", state.rows)
    with new_file(out / "summary.json") as path:
        path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return summary
