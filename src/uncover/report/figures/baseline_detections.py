"""Figures 22 and 23: detections of a baseline detector with its landmarks (thesis section 6.1)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.config.catalogue import FigurePrivacy
from uncover.config.values import check_number
from uncover.data.parts import WHOLE_FACE
from uncover.data.photos import read_upright_rgb
from uncover.data.sets import read_manifest
from uncover.errors import InputError
from uncover.images.privacy import are_left_out, has_patients, in_figure, left_out_words
from uncover.metrics.matching import match_image
from uncover.metrics.predictions import CORNERS, LANDMARK_COLUMNS, LANDMARKS, Predictions, read_predictions
from uncover.metrics.truth import read_truth
from uncover.report.command_line import Option
from uncover.report.figures import style
from uncover.report.figures.photos import draw_box, outlined, photo_rows, title_photo, write_confidence
from uncover.report.figures.style import (
    BLUE,
    FALSE,
    FOUND,
    GREEN,
    ORANGE,
    PURPLE,
    SMALL,
    TRUE,
    UNKNOWN,
    YELLOW,
    counted,
    n_of,
)
from uncover.report.registry import figure
from uncover.report.rescue_names import set_title
from uncover.report.titles import BASELINE_TITLES
from uncover.rescue.missed import check_same_images

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from uncover.workflow.targets import Run

COLUMNS = 3
"""Maximum number of photos in a row."""

TITLES, KEY = 0.36, 0.72
"""Space for the title of a photo, and for the text below all photos, in inches."""

POINTS: dict[str, dict[str, Any]] = {
    "right_eye": {"color": ORANGE, "marker": "o"},
    "left_eye": {"color": YELLOW, "marker": "s"},
    "nose": {"color": GREEN, "marker": "^"},
    "right_mouth": {"color": PURPLE, "marker": "D"},
    "left_mouth": {"color": BLUE, "marker": "v"},
}
"""Style of each landmark: colours of Okabe and Ito that no box uses; markers differ for greyscale print."""


@dataclass(frozen=True)
class ScoredDetections:
    """Detections in a photo.

    Attributes:
        boxes: float32 (N, 4), x1 y1 x2 y2 in pixels of the photo, sorted by falling confidence.
        confidence: float32 (N,).
        landmarks: float32 (N, 5, 2), x and y in pixels, in the order of `LANDMARKS`; NaN if the detector has none.
        true: float64 (M, 4), labelled faces; None if the photo has no labels.
        correct: bool (N,), whether the box matches a labelled face, as in evaluation; False without labels.
    """

    boxes: NDArray[np.float32]
    confidence: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    true: NDArray[np.float64] | None
    correct: NDArray[np.bool_]

    @property
    def kinds(self) -> list[str]:
        """Drawing style of each box."""
        if self.true is None:
            return [UNKNOWN] * len(self.boxes)
        return [FOUND if correct else FALSE for correct in self.correct]


@dataclass(frozen=True)
class Panel:
    """A photo for display: uint8 (H, W, 3) RGB, its number in the set (from 1), and its detections."""

    image: NDArray[np.uint8]
    number: int
    found: ScoredDetections


def baseline_detections(panels: Sequence[Panel], told: str) -> Figure:
    """Draw the photos in rows of equal height.

    Args:
        panels: Photos, at least one.
        told: Sentence below the photos, at most two lines.
    """
    # Rows have the same number of photos; the last one may have one less.
    columns = -(-len(panels) // -(-len(panels) // COLUMNS))
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    figure, grid = photo_rows([[panel.image for panel in row] for row in rows], [TITLES] * len(rows), KEY)
    high = figure.get_size_inches()[1]
    for axes, panel in zip(itertools.chain(*grid), panels, strict=True):
        _draw(axes, panel, 72 * axes.get_position().height * high / panel.image.shape[0])
    figure.text(0.5, (KEY - 0.06) / high, told, fontsize=SMALL, ha="center", va="top")
    for place, handles in zip((0.19, 0.04), _legends(panels), strict=True):
        figure.legend(
            handles=handles,
            loc="lower center",
            bbox_to_anchor=(0.5, place / high),
            ncols=len(handles),
            handletextpad=0.5,
        )
    return figure


def _draw(axes: Axes, panel: Panel, scale: float) -> None:
    """Draw a photo; `scale` is the size of its pixels in print, in points."""
    found = panel.found
    title_photo(axes, _title(panel))
    if found.true is not None:
        for box in found.true:
            draw_box(axes, box, TRUE)
    for box, sure, points, kind in zip(found.boxes, found.confidence, found.landmarks, found.kinds, strict=True):
        draw_box(axes, box, kind, 1.4)
        write_confidence(axes, box, float(sure), kind)
        size = float(np.clip((box[2] - box[0]) * scale / 10, 2.5, 5.5))
        for name, point in zip(LANDMARKS, points, strict=True):
            axes.plot(*point, **_marked(name, size))


def _marked(name: str, size: float) -> dict[str, Any]:
    return {**POINTS[name], "linestyle": "none", "markersize": size, "mec": "black", "mew": 0.6}


def _title(panel: Panel) -> str:
    found, right = panel.found, int(panel.found.correct.sum())
    if found.true is None:
        return f"photo {panel.number}\n{counted(len(found.boxes), 'detection')}, no labels"
    return f"photo {panel.number}\n{right} of {len(found.true)} found, {len(found.boxes) - right} false"


def _legends(panels: Sequence[Panel]) -> tuple[list[Any], list[Any]]:
    """Legend entries: all kinds of boxes that the panels may have, and all landmarks, even if none is shown."""
    from matplotlib.lines import Line2D

    known = [panel.found.true is not None for panel in panels]
    kinds = [*([TRUE, FOUND, FALSE] if any(known) else []), *([] if all(known) else [UNKNOWN])]
    titles = {"right_mouth": "right mouth corner", "left_mouth": "left mouth corner"}
    return (
        [Line2D([], [], label=kind, **outlined(kind)) for kind in kinds],
        [Line2D([], [], label=titles.get(name, name.replace("_", " ")), **_marked(name, 5)) for name in LANDMARKS],
    )


PHOTOS = 6
"""Maximum number of photos shown."""


CAPTION = (
    "Detections of {detector} and their five landmarks, in up to six photos of the set. Photos with and without a"
    " detection are shown in the proportion of the set, at least one of each, evenly spaced by file name. Right and"
    " left are the subject's.\n"
    "True boxes of labelled photos are dashed; a detection counts as found if it matches a true face (IoU"
    " `rescue.true_iou`); a false one may be on an unlabelled face. Photos of patients are pixelated inside the faces,"
    " and completely if they have no labels, unless `report.privacy` sets something else."
)


@figure(
    "figure_22",
    "22: detections of retinaface",
    caption=CAPTION.format(detector="RetinaFace"),
    inputs=lambda run: _files(run, "retinaface"),
    options=lambda run: _options(run, "retinaface"),
    fixed={"baseline": "retinaface"},
    mem_mb=2000,
    after_fetching=True,
)
@figure(
    "figure_23",
    "23: detections of mtcnn",
    caption=CAPTION.format(detector="MTCNN"),
    inputs=lambda run: _files(run, "mtcnn"),
    options=lambda run: _options(run, "mtcnn"),
    fixed={"baseline": "mtcnn"},
    mem_mb=2000,
    after_fetching=True,
)
def detections_of_baseline(
    predictions: Path | None = None,
    not_run: Annotated[str | None, Option("REASON")] = None,
    dataset: Path | None = None,
    confidence: float = 0.5,
    true_iou: float = 0.5,
    privacy: FigurePrivacy = "pixelate",
    *,
    baseline: str,
) -> Figure:
    """Draw the detections of a baseline detector from files, or state that it was not run.

    Args:
        predictions: Predictions of the detector on a data set, a table of `uncover predict`.
        not_run: Reason why there are no predictions; shown in the figure.
        dataset: Folder of the data set, named after the set.
        confidence: Confidence threshold.
        true_iou: Minimum IoU with a true face for a correct box.
        privacy: Treatment of photos of patients, as `report.privacy`.
        baseline: Name of the detector.

    Raises:
        InputError: Arguments or files are not valid.
    """
    check_number("--confidence", confidence, 0, 1)
    check_number("--true-iou", true_iou, 0, 1)
    if (predictions is None) == (not_run is None):
        raise InputError("no input; pass either --predictions or --not-run with a reason")
    if predictions is None:
        return style.not_run(f"{BASELINE_TITLES[baseline]} was not run", str(not_run))
    if dataset is None:
        raise InputError(f"{predictions}: data set unknown; pass its folder with --dataset")
    return draw_baseline_detections(baseline, predictions, dataset, confidence, privacy, true_iou)


def _files(run: Run, baseline: str) -> dict[str, str | list[str]]:
    shown = run.paths.dataset(run.shown_set)
    return {"stored": _stored(run, baseline), "manifest": shown.manifest, "boxes": shown.boxes}


def _options(run: Run, baseline: str) -> dict[str, Any]:
    stored = _stored(run, baseline)
    told = run.baselines_not_run().get(baseline, "not run yet")
    return {
        "predictions": stored,
        "confidence": run.confidences[baseline] if stored else None,
        "not_run": None if stored else told,
        "dataset": run.paths.dataset(run.shown_set),
        "true_iou": run.config.rescue.true_iou,
        "privacy": run.config.report.privacy,
    }


def _stored(run: Run, baseline: str) -> list[str]:
    return run.predictions([name for name in run.baselines_at_hand() if name == baseline], [run.shown_set])


def draw_baseline_detections(
    baseline: str, predictions: Path, dataset: Path, confidence: float, privacy: str, true_iou: float = 0.5
) -> Figure:
    """Make the figure from files.

    `choose_photos` chooses from the photos of the set, sorted by name.

    Args:
        baseline: Name of the detector.
        predictions: Its predictions on the set.
        dataset: Folder of the set, named after the set.
        confidence: Confidence threshold.
        privacy: Treatment of photos of patients, as `report.privacy`.
        true_iou: Minimum IoU with a true face for a correct box.

    Raises:
        InputError: A file is not valid, or predictions and data set are not of the same set.
    """
    found = read_predictions(predictions, confidence)
    if (model := found.settings.get("model")) != baseline:
        raise InputError(f"{predictions}: has boxes of {model}; expected boxes of {baseline}")
    manifest = read_manifest(dataset / "manifest.parquet")
    labelled = dict(zip(manifest["image"].str.removeprefix("images/"), manifest["labelled"].astype(bool), strict=True))
    check_same_images(predictions, found.images["image"], labelled, dataset)
    name = dataset.absolute().name
    if are_left_out(privacy) and has_patients(name):
        return style.not_run(BASELINE_TITLES[baseline], left_out_words([set_title(name)], privacy))
    photos = detections(found, dataset, labelled, confidence, true_iou)
    names = list(photos)
    panels = []
    for place in choose_photos(np.array([len(each.boxes) > 0 for each in photos.values()], np.bool_), PHOTOS):
        own = photos[names[place]]
        image = read_upright_rgb(dataset / "images" / names[place])
        image = in_figure(image, _may_hold_faces(own), privacy, has_patients(name))
        panels.append(Panel(image, place + 1, own))
    if not panels:
        return style.not_run(BASELINE_TITLES[baseline], f"no photo in {set_title(name)}")
    return baseline_detections(
        panels, sentence(BASELINE_TITLES[baseline], set_title(name), confidence, list(photos.values()))
    )


def detections(
    predictions: Predictions, dataset: Path, labelled: Mapping[str, bool], confidence: float, true_iou: float
) -> dict[str, ScoredDetections]:
    """Detections in each photo of a set, sorted by photo name.

    Args:
        predictions: Predictions on the set.
        dataset: Folder of the set.
        labelled: Whether a photo has labels, by photo.
        confidence: Confidence threshold.
        true_iou: Minimum IoU with a true face for a correct box.

    Raises:
        InputError: A label file is not valid.
    """
    boxes = predictions.boxes[predictions.boxes["class_id"] == WHOLE_FACE]
    # Stored confidences are float32, so compare in float32: a confidence equal to the threshold counts.
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


def _of_photo(boxes: pd.DataFrame, truth: pd.DataFrame, labelled: bool, true_iou: float) -> ScoredDetections:
    corners = boxes[list(CORNERS)].to_numpy(np.float32)
    sure = boxes["confidence"].to_numpy(np.float32)
    points = np.full((len(boxes), len(LANDMARKS), 2), np.nan, np.float32)
    if LANDMARK_COLUMNS.keys() <= set(boxes):
        points = boxes[list(LANDMARK_COLUMNS)].to_numpy(np.float32).reshape(points.shape)
    true = truth[list(CORNERS)].to_numpy(np.float64)
    # There is one class, so its number does not matter.
    predicted = np.column_stack([corners, sure, np.zeros(len(boxes))])
    ious = np.array([true_iou], np.float32)
    correct = match_image(predicted, np.column_stack([np.zeros(len(true)), true]), ious)[:, 0]
    return ScoredDetections(corners, sure, points, true if labelled else None, correct)


def choose_photos(detected: NDArray[np.bool_], count: int) -> list[int]:
    """Choose photos with and without a detection in the proportion of the set.

    At least one photo of each kind is chosen, if the set has both and `count` allows it. The photos of a kind are
    evenly spaced over the set: the choice is not manual and does not depend on the quality of detections.

    Args:
        detected: bool (N,), by photo in a fixed order.
        count: Maximum number of photos.

    Returns:
        Indices of the photos, ascending.
    """
    places = min(count, len(detected))
    kinds = [np.flatnonzero(detected), np.flatnonzero(~detected)]
    with_box = round(places * len(kinds[0]) / max(1, len(detected)))
    if all(map(len, kinds)) and places > 1:
        with_box = min(max(with_box, 1), places - 1)
    chosen: list[int] = []
    for kind, number in zip(kinds, (with_box, places - with_box), strict=True):
        # Take the middle photo of each of equally long intervals.
        chosen += [int(kind[(2 * stretch + 1) * len(kind) // (2 * number)]) for stretch in range(number)]
    return sorted(chosen)


def sentence(detector: str, photos: str, confidence: float, found: Sequence[ScoredDetections]) -> str:
    """Result of the detector on the whole set; the panels show only a part of it."""
    with_box = sum(len(each.boxes) > 0 for each in found)
    told = (
        f"{detector} on {photos}, {n_of((len(found), 'photo'))}:"
        f" detections (confidence at least {confidence:g}) in {with_box} of {len(found)} photos"
    )
    known = [each for each in found if each.true is not None]
    if len(known) < len(found):
        return f"{told}; {'no' if not known else f'{len(found) - len(known)} without'} labels"
    faces = sum(len(each.true) for each in known if each.true is not None)
    right = sum(int(each.correct.sum()) for each in known)
    false = sum(len(each.boxes) for each in known) - right
    return f"{told};\n{right} of {faces} faces found, {counted(false, 'other detection')}"


def _may_hold_faces(found: ScoredDetections) -> NDArray[np.float64]:
    """Boxes for `shown`; none for a photo without labels, because its faces may be anywhere."""
    if found.true is None:
        return np.zeros((0, 4))
    return np.concatenate([found.true, found.boxes.astype(np.float64)])
