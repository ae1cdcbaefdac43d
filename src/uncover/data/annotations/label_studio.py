"""Label Studio annotations: read its JSON and write it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import quoteattr

from uncover.atomic import new_file
from uncover.data.annotations.annotated import (
    FACE,
    GRADE,
    Annotation,
    EntryError,
    FrameState,
    Reading,
    agreed_grade,
    as_boxes,
    check_box,
    check_size,
    known_grades,
)
from uncover.data.picked import UNGRADED
from uncover.errors import InputError

IMAGE = "image"
BOX = "box"
"""Names of the image and the boxes in the labelling interface."""
LOCAL_FILES = "/data/local-files/?d="
"""Prefix of addresses of files below LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT."""

EXPECTED = "expected a Label Studio export as JSON or JSON_MIN: a list of tasks"
UPLOADED = re.compile(r"[0-9a-f]{8}-")
"""Prefix that Label Studio adds to the name of an uploaded file."""
RECTANGLE = "rectanglelabels"
OTHER_SHAPES = ("polygonlabels", "brushlabels", "ellipselabels", "keypointlabels", "labels", "videorectangle")


def write_label_studio(states: Mapping[str, FrameState], prefix: str, out: Path) -> None:
    """Write a task per frame.

    Proposals are written as predictions, for people to review and correct, reviewed boxes as annotations. Frames
    without either are written without boxes.

    Args:
        states: Frames, by file name of the image.
        prefix: Address of the folder of frames in Label Studio, e.g. `/data/local-files/?d=frames/`.
        out: JSON file to write.
    """
    tasks = [_task_of(states[name], prefix) for name in sorted(states)]
    with new_file(out) as path:
        path.write_text(json.dumps(tasks, indent=1) + "\n", encoding="utf-8")


def labeling_config(grades: Iterable[str]) -> str:
    """XML of the labelling interface, for "Labeling Interface", "Code" in the settings of a project."""
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


def read_label_studio(path: Path, states: Mapping[str, FrameState], face: str) -> Reading:
    """Read boxes and grades of frames.

    If a task has several annotations, the one marked as ground truth is used, else the last one.

    Args:
        path: A Label Studio export.
        states: Frames of the folder, by file name of the image.
        face: Label of the boxes of faces.

    Raises:
        InputError: The file is not a Label Studio export.
    """
    reading = Reading()
    grades = known_grades(states)
    for row, task in enumerate(_tasks_of(path), start=1):
        address = _address_of(task)
        name = _name_of(address, states)
        if name is None:
            reading.reject(path, row, "", "unknown_image", f"image {address!r:.80} is not in the folder")
            continue
        results = _results_of(task, path, row, name, reading)
        if results is None:
            continue
        boxes, found = [], []
        for result in _labelled(list(results)):
            try:
                if _is_grade(result):
                    found += [(row, str(choice)) for choice in _value_of(result, row).get("choices", [])]
                elif box := _box_of_face(result, path, row, name, reading, states[name].size, face):
                    boxes.append(box)
            except EntryError as error:
                reading.reject(path, row, name, error.reason, f"{name}: {error}")
        grade = agreed_grade(path, found, grades, reading, name)
        reading.add(path, row, name, Annotation(as_boxes(boxes), grade, _is_submitted(task)))
    return reading


def _tasks_of(path: Path) -> list[dict[str, Any]]:
    try:
        tasks = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; {EXPECTED}") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; {EXPECTED}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not JSON ({str(error)[:80]}); {EXPECTED}") from None
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise InputError(f"{path}: is not a list of tasks; {EXPECTED}")
    return tasks


def _is_submitted(task: Mapping[str, Any]) -> bool:
    """Whether the task was submitted; JSON then has results, JSON_MIN names the annotator."""
    return not _is_min(task) or any(task.get(key) is not None for key in ("annotation_id", "annotator", "lead_time"))


def _is_min(task: Mapping[str, Any]) -> bool:
    return not isinstance(task.get("data"), dict)


def _address_of(task: Mapping[str, Any]) -> str:
    """Address of the image, whose key depends on the labelling interface."""
    data = task if _is_min(task) else task["data"]
    addresses = [data.get(IMAGE), *data.values()]
    return next((str(value) for value in addresses if isinstance(value, str) and "." in value), "")


def _name_of(address: str, states: Mapping[str, FrameState]) -> str | None:
    """File name of the frame with an address, which may be a Windows path; None for other images."""
    # Names may contain characters with a meaning in addresses, such as # or +, and not every version quotes them.
    ways = (*_local(address), unquote(urlsplit(address).path), unquote(address), address)
    for name in (PurePosixPath(way.replace("\\", "/")).name for way in ways):
        without = UPLOADED.sub("", name, count=1) if UPLOADED.match(name) else name
        if name in states or without in states:
            return name if name in states else without
    return None


def _local(address: str) -> list[str]:
    """The file of a local-storage address, as written and unquoted."""
    _, found, file = address.partition("?d=")
    return [unquote(file), file] if found else parse_qs(urlsplit(address).query).get("d", [])


def _results_of(
    task: Mapping[str, Any], path: Path, row: int, name: str, reading: Reading
) -> Iterable[Mapping[str, Any]] | None:
    """Results of a task; None if it was not annotated."""
    if _is_min(task):
        return list(_results_of_min(task))
    given = task.get("annotations", task.get("completions"))
    given = given if isinstance(given, list) else []
    whole = [item for item in given if isinstance(item, dict) and not item.get("was_cancelled")]
    if not whole:
        return None
    last = max(whole, key=lambda item: (bool(item.get("ground_truth")), str(item.get("updated_at") or "")))
    for item in whole:
        if item is not last:
            detail = f"{name}: annotation {item.get('id')} is not the last one of its task; left out"
            reading.reject(path, row, name, "other_annotation", detail, spoils=False)
    results = last.get("result")
    return [item for item in results if isinstance(item, dict)] if isinstance(results, list) else []


def _results_of_min(task: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Results of JSON_MIN, converted to the keys of JSON."""
    for key, value in task.items():
        if key == GRADE:
            answers = value if isinstance(value, list) else [value]
            yield {"from_name": GRADE, "type": "choices", "value": {"choices": answers}}
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    sizes = {side: item.get(side) for side in ("original_width", "original_height")}
                    yield {"from_name": key, "type": _kind_of(item), "value": item, **sizes}


def _kind_of(value: Mapping[str, Any]) -> str:
    return next((kind for kind in (RECTANGLE, *OTHER_SHAPES, "choices") if kind in value), "rectangle")


def _labelled(results: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Results, with a `<Rectangle>` and the `<Labels>` of its region merged into one.

    Both have the id of the region, and in JSON_MIN, which has no ids, its corners.
    """
    apart = [result for result in results if result.get("type") == "labels"]
    used: list[Mapping[str, Any]] = []
    joined = []
    for result in results:
        if result.get("type") == "rectangle":
            own = [each for each in apart if _region_of(each) == _region_of(result)]
            labels = [label for each in own for label in each["value"].get("labels") or []]
            used += own
            if labels:
                result = {**result, "type": RECTANGLE, "value": {**result["value"], RECTANGLE: labels}}
        joined.append(result)
    return [result for result in joined if not any(result is each for each in used)]


def _region_of(result: Mapping[str, Any]) -> object:
    value = result.get("value")
    corners = [value.get(side) for side in ("x", "y", "width", "height")] if isinstance(value, dict) else [result]
    return result.get("id") or corners


def _is_grade(result: Mapping[str, Any]) -> bool:
    return result.get("type") == "choices" and result.get("from_name") == GRADE


def _value_of(result: Mapping[str, Any], row: int) -> Mapping[str, Any]:
    value = result.get("value")
    if not isinstance(value, dict):
        raise EntryError(row, "malformed_row", f"result {result.get('id')!r:.40} has no value")
    return value


def _box_of_face(
    result: Mapping[str, Any],
    path: Path,
    row: int,
    name: str,
    reading: Reading,
    size: tuple[int, int],
    face: str,
) -> list[float] | None:
    """The box of a face; None if the result is something else.

    Raises:
        EntryError: The result is the box of a face that cannot be used.
    """
    value = _value_of(result, row)
    kind = str(result.get("type"))
    labels = value.get(kind, value.get(RECTANGLE))
    if kind not in (RECTANGLE, "rectangle", *OTHER_SHAPES):
        detail = f"{name}: a result for {str(result.get('from_name'))[:40]!r} is neither box nor {GRADE}; left out"
        reading.reject(path, row, name, "other_label", detail, spoils=False)
        return None
    if not isinstance(labels, list) or face not in labels:
        shown = " and ".join(map(str, labels)) if isinstance(labels, list) else labels
        reading.other_label(path, row, name, shown or None, face)
        return None
    if kind != RECTANGLE:
        raise EntryError(row, "no_box", f"a face is of type {kind}; expected {RECTANGLE}")
    width, height = size
    check_size((result.get("original_width"), result.get("original_height")), size, row)
    if result.get("image_rotation"):
        raise EntryError(row, "rotated_box", "the image was rotated in the tool; rotate it back and redraw the box")
    try:
        x, y = float(value["x"]) / 100 * width, float(value["y"]) / 100 * height
        corners = [x, y, x + float(value["width"]) / 100 * width, y + float(value["height"]) / 100 * height]
    except (KeyError, TypeError, ValueError):
        raise EntryError(row, "no_box", "a box lacks one of the numbers x, y, width and height") from None
    return check_box(corners, value.get("rotation"), size, row)
