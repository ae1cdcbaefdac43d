"""Figures 22 and 23: what a face detector of others finds, with its landmarks (thesis section 6.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.config.evaluation import Privacy
from uncover.config.options import check_number
from uncover.datasets.manifest import read_manifest
from uncover.datasets.photos import read_upright_rgb
from uncover.errors import InputError
from uncover.images.privacy import has_patients, shown
from uncover.metrics.matching import match_image
from uncover.metrics.predictions import CORNERS, LANDMARK_COLUMNS, LANDMARKS, Predictions, read_predictions
from uncover.metrics.truth import read_truth
from uncover.parts.classes import WHOLE_FACE
from uncover.report.command_line import Option
from uncover.report.figures.rival_panels import Detections, Panel, counted, rival_detections, words_alone
from uncover.report.models import RIVAL_TITLES
from uncover.report.registry import figure
from uncover.report.rescue_names import set_title
from uncover.rescue.missed import check_same_images

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from uncover.workflow.targets import Run

PHOTOS = 6
"""Shown, at most."""


CAPTION = (
    "What {detector} finds, and its five landmarks, in up to six photos of the set: those with and without a detection"
    " are shown in the proportion in which they stand in it, at least one of each, evenly spaced over the photos by"
    " name. Right and left are the subject's.\n"
    "True boxes are dashed where the photo is labelled; a detection is found where it is a true face (IoU"
    " `rescue.true_iou`); one beside true faces may still be on a face that nobody labelled. Photos of patients are"
    " pixelated inside the faces, and all over where nobody labelled them, unless `report.privacy` says otherwise."
)


@figure(
    "figure_22",
    "22: detections of retinaface",
    caption=CAPTION.format(detector="RetinaFace"),
    inputs=lambda run: _files(run, "retinaface"),
    options=lambda run: _options(run, "retinaface"),
    fixed={"rival": "retinaface"},
    mem_mb=2000,
    after_fetching=True,
)
@figure(
    "figure_23",
    "23: detections of mtcnn",
    caption=CAPTION.format(detector="MTCNN"),
    inputs=lambda run: _files(run, "mtcnn"),
    options=lambda run: _options(run, "mtcnn"),
    fixed={"rival": "mtcnn"},
    mem_mb=2000,
    after_fetching=True,
)
def detections_of_rival(
    predictions: Path | None = None,
    not_run: Annotated[str | None, Option("REASON")] = None,
    dataset: Path | None = None,
    confidence: float = 0.5,
    true_iou: float = 0.5,
    privacy: Privacy = "pixelate",
    *,
    rival: str,
) -> Figure:
    """Draw what a detector finds from files, or say that it was not run.

    Args:
        predictions: Of the detector on a data set, a table of `uncover predict`.
        not_run: Why there are none: the figure says so.
        dataset: Folder of the data set, named as the set.
        confidence: Lowest of a detection.
        true_iou: IoU with a true face from which a box is correct.
        privacy: Of photos of patients.
        rival: Name of the detector.

    Raises:
        InputError: Arguments or files are not what they should be.
    """
    check_number("--confidence", confidence, 0, 1)
    check_number("--true-iou", true_iou, 0, 1)
    if (predictions is None) == (not_run is None):
        raise InputError("expected either --predictions, or --not-run and why there are none")
    if predictions is None:
        return words_alone(f"{RIVAL_TITLES[rival]} was not run: {not_run}")
    if dataset is None:
        raise InputError(f"{predictions}: shows no photo; expected --dataset, the folder of its data set, too")
    return draw_rival_detections(rival, predictions, dataset, confidence, privacy, true_iou)


def _files(run: Run, rival: str) -> dict[str, str | list[str]]:
    shown = run.paths.dataset(run.shown_set)
    return {"stored": _stored(run, rival), "manifest": shown.manifest, "boxes": shown.boxes}


def _options(run: Run, rival: str) -> dict[str, Any]:
    stored = _stored(run, rival)
    told = run.baselines_not_run().get(rival, "not tried yet")
    return {
        "predictions": stored,
        "confidence": run.confidences[rival] if stored else None,
        "not_run": None if stored else told,
        "dataset": run.paths.dataset(run.shown_set),
        "true_iou": run.config.rescue.true_iou,
        "privacy": run.config.report.privacy,
    }


def _stored(run: Run, rival: str) -> list[str]:
    return run.predictions([name for name in run.baselines_at_hand() if name == rival], [run.shown_set])


def draw_rival_detections(
    rival: str, predictions: Path, dataset: Path, confidence: float, privacy: str, true_iou: float = 0.5
) -> Figure:
    """Make the figure from files.

    The photos are chosen by `choose_photos`, of the set's photos in the order of their names.

    Args:
        rival: Name of the detector.
        predictions: Of it, on the set.
        dataset: Folder of the set, named as the set.
        confidence: Lowest of a detection.
        privacy: Of photos of patients, `report.privacy` of the config.
        true_iou: IoU with a true face from which a box is correct.

    Raises:
        InputError: A file is not what it should be, or the two are not of the same set.
    """
    found = read_predictions(predictions, confidence)
    if (model := found.settings.get("model")) != rival:
        raise InputError(f"{predictions}: holds boxes of {model}; expected those of {rival}")
    manifest = read_manifest(dataset / "manifest.parquet")
    labelled = dict(zip(manifest["image"].str.removeprefix("images/"), manifest["labelled"].astype(bool), strict=True))
    check_same_images(predictions, found.images["image"], labelled, dataset)
    name = dataset.absolute().name
    photos = detections(found, dataset, labelled, confidence, true_iou)
    names = list(photos)
    panels = []
    for place in choose_photos(np.array([len(each.boxes) > 0 for each in photos.values()], np.bool_), PHOTOS):
        own = photos[names[place]]
        image = read_upright_rgb(dataset / "images" / names[place])
        if has_patients(name):
            image = shown(image, _may_hold_faces(own), privacy)
        panels.append(Panel(image, place + 1, own))
    return rival_detections(panels, sentence(RIVAL_TITLES[rival], set_title(name), confidence, list(photos.values())))


def detections(
    predictions: Predictions, dataset: Path, labelled: Mapping[str, bool], confidence: float, true_iou: float
) -> dict[str, Detections]:
    """What was found in each photo of a set, in the order of their names.

    Args:
        predictions: On the set.
        dataset: Its folder.
        labelled: By photo, whether somebody labelled it.
        confidence: Lowest of a detection.
        true_iou: IoU with a true face from which it is correct.

    Raises:
        InputError: A label file is none.
    """
    boxes = predictions.boxes[predictions.boxes["class_id"] == WHOLE_FACE]
    # Stored confidences are float32: one that is the threshold itself must not fall short of it.
    boxes = boxes[boxes["confidence"] >= np.float32(confidence)]
    boxes = boxes.sort_values("confidence", ascending=False, kind="stable")
    truth = pd.DataFrame(columns=["image", "class_id", *CORNERS])
    if any(labelled.values()):
        truth = read_truth(dataset, predictions.images)
        truth = truth[truth["class_id"] == WHOLE_FACE]
    by_image, true_by_image = dict(list(boxes.groupby("image"))), dict(list(truth.groupby("image")))
    return {
        image: _of_photo(by_image.get(image, boxes[:0]), true_by_image.get(image, truth[:0]), labelled[image], true_iou)
        for image in sorted(labelled)
    }


def _of_photo(boxes: pd.DataFrame, truth: pd.DataFrame, labelled: bool, true_iou: float) -> Detections:
    corners = boxes[list(CORNERS)].to_numpy(np.float32)
    sure = boxes["confidence"].to_numpy(np.float32)
    points = np.full((len(boxes), len(LANDMARKS), 2), np.nan, np.float32)
    if LANDMARK_COLUMNS.keys() <= set(boxes):
        points = boxes[list(LANDMARK_COLUMNS)].to_numpy(np.float32).reshape(points.shape)
    true = truth[list(CORNERS)].to_numpy(np.float64)
    # Of one class, so that its number does not matter.
    predicted = np.column_stack([corners, sure, np.zeros(len(boxes))])
    ious = np.array([true_iou], np.float32)
    correct = match_image(predicted, np.column_stack([np.zeros(len(true)), true]), ious)[:, 0]
    return Detections(corners, sure, points, true if labelled else None, correct)


def choose_photos(detected: NDArray[np.bool_], count: int) -> list[int]:
    """Pick photos with and without a detection in the proportion in which they stand in the set.

    There is at least one of each kind that exists, where there is room for both. Of a kind, the photos are evenly
    spaced over all of it: nobody picks them, and whether a detection is a good one plays no part.

    Args:
        detected: bool (N,), by photo in a fixed order.
        count: How many photos, at most.

    Returns:
        Rising places of the photos.
    """
    places = min(count, len(detected))
    kinds = [np.flatnonzero(detected), np.flatnonzero(~detected)]
    with_box = round(places * len(kinds[0]) / max(1, len(detected)))
    if all(map(len, kinds)) and places > 1:
        with_box = min(max(with_box, 1), places - 1)
    chosen: list[int] = []
    for kind, number in zip(kinds, (with_box, places - with_box), strict=True):
        # The middle one of each of as many equal stretches.
        chosen += [int(kind[(2 * stretch + 1) * len(kind) // (2 * number)]) for stretch in range(number)]
    return sorted(chosen)


def sentence(detector: str, photos: str, confidence: float, found: Sequence[Detections]) -> str:
    """What the detector does on the whole set, of which the panels show a part."""
    with_box = sum(len(each.boxes) > 0 for each in found)
    told = (
        f"{detector} on {photos}: detections (confidence from {confidence:g} on) in {with_box} of {len(found)} photos"
    )
    known = [each for each in found if each.true is not None]
    if len(known) < len(found):
        return f"{told}; nobody labelled {'them' if not known else f'{len(found) - len(known)} of them'}"
    faces = sum(len(each.true) for each in known if each.true is not None)
    right = sum(int(each.correct.sum()) for each in known)
    false = sum(len(each.boxes) for each in known) - right
    return f"{told};\n{right} of {faces} faces found, {counted(false, 'other detection')}"


def _may_hold_faces(found: Detections) -> NDArray[np.float64]:
    """Boxes for `shown`; none where nobody labelled the photo, as its faces may be anywhere but in what was found."""
    if found.true is None:
        return np.zeros((0, 4))
    return np.concatenate([found.true, found.boxes.astype(np.float64)])
