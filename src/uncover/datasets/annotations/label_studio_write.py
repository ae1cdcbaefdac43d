"""Frames for Label Studio: tasks as JSON, with boxes and grades as annotations, or as pre-annotations to correct.

The format is that of https://labelstud.io/guide/tasks and https://labelstud.io/guide/predictions: boxes in percent of
the picture, grades as a choice for the picture as a whole. `labeling_config` gives the interface that names both.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from uncover.atomic import new_file
from uncover.datasets.annotations.annotated import FACE, GRADE, FrameState
from uncover.datasets.picked import UNGRADED

IMAGE = "image"
BOX = "box"
"""What the interface calls the picture and its boxes."""
LOCAL_FILES = "/data/local-files/?d="
"""How Label Studio addresses files below LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT."""


def write_label_studio(states: Mapping[str, FrameState], prefix: str, out: Path) -> None:
    """Write a task per frame.

    Proposals are predictions, which people look at and correct; what somebody reviewed is an annotation. A frame of
    which nothing is known has neither.

    Args:
        states: Frames by the names of their pictures.
        prefix: Address of the folder of frames in Label Studio, such as `/data/local-files/?d=frames/`.
        out: JSON file to write.
    """
    tasks = [_task_of(states[name], prefix) for name in sorted(states)]
    with new_file(out) as path:
        path.write_text(json.dumps(tasks, indent=1) + "\n", encoding="utf-8")


def labeling_config(grades: Iterable[str]) -> str:
    """XML of the interface, for "Labeling Interface", "Code" in the settings of a project."""
    choices = "".join(f"    <Choice value={quoteattr(grade)}/>\n" for grade in grades)
    return (
        f'<View>\n  <Image name="{IMAGE}" value="${IMAGE}" zoom="true"/>\n'
        f'  <RectangleLabels name="{BOX}" toName="{IMAGE}" canRotate="false">\n'
        f'    <Label value="{FACE}" background="#1f77b4"/>\n  </RectangleLabels>\n'
        f'  <Choices name="{GRADE}" toName="{IMAGE}" choice="single-radio" showInline="true">\n'
        f"{choices}  </Choices>\n</View>\n"
    )


def _task_of(state: FrameState, prefix: str) -> dict[str, Any]:
    frame = state.frame
    data = {IMAGE: prefix + quote(frame.image), "video": frame.video, "frame": frame.frame, "second": frame.second}
    task: dict[str, Any] = {"data": data}
    result = [_box_of(number, box, state.size) for number, box in enumerate(state.shown.tolist(), start=1)]
    if frame.grade != UNGRADED:
        choice = {"from_name": GRADE, "to_name": IMAGE, "type": "choices", "value": {"choices": [frame.grade]}}
        result.append({"id": GRADE, **choice})
    if state.boxes is not None:
        task["annotations"] = [{"result": result}]
    elif result:
        task["predictions"] = [{"model_version": "uncover", "result": result}]
    return task


def _box_of(number: int, box: list[float], size: tuple[int, int]) -> dict[str, Any]:
    (x1, y1, x2, y2), (width, height) = box, size
    return {
        "id": f"{FACE}{number}",
        "from_name": BOX,
        "to_name": IMAGE,
        "type": "rectanglelabels",
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "value": {
            "x": x1 / width * 100,
            "y": y1 / height * 100,
            "width": (x2 - x1) / width * 100,
            "height": (y2 - y1) / height * 100,
            "rotation": 0,
            "rectanglelabels": [FACE],
        },
    }
