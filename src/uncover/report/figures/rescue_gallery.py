"""Missed photos of each set with the boxes of the best method and of the best heatmap detector."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.config.catalogue import FigurePrivacy
from uncover.config.values import check_number
from uncover.data.parts import WHOLE_FACE
from uncover.data.photos import read_upright_rgb
from uncover.images.privacy import are_left_out, has_patients, in_figure, left_out_words
from uncover.metrics.detections import box_iou
from uncover.metrics.predictions import CORNERS, Alike, read_predictions
from uncover.metrics.truth import read_truth
from uncover.report.command_line import Option
from uncover.report.figures.photos import APART, draw_box, outlined, photo_rows
from uncover.report.figures.style import FOUND, SECOND, SMALL, TEXT, TRUE, counted, n_of, not_run
from uncover.report.registry import figure
from uncover.report.rescue_names import SET_TITLES, method_title, set_title
from uncover.report.rescue_records import at_rate, first_of
from uncover.rescue.methods import Method, read_methods
from uncover.rescue.missed import looked_at, read_missed
from uncover.rescue.trial_record import read_trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Methods = Annotated[Sequence[Method], Option("NAME=GROUP[:HEATMAPS:INPUT]", "*", read=read_methods)]
"""Option type for the methods of the trial."""

PHOTOS = 6
"""Maximum number of photos of a set."""

COLUMNS = 3

TITLE, KEY = 0.4, 0.28
"""Space for the two-line title of a set, and for the legend below all photos, in inches."""

BEST, HEATMAP = "most faces found", "best heatmap detector"
KINDS = {TRUE: ("true face", TRUE, 2.6), BEST: (BEST, FOUND, 2.4), HEATMAP: (HEATMAP, SECOND, 1.2)}
"""Legend text, kind and line width of boxes, in drawing order."""


@dataclass(frozen=True)
class Panel:
    """A missed photo.

    Attributes:
        image: uint8 (H, W, 3) RGB, anonymised as needed.
        boxes: float64 (N, 4) by kind (`KINDS`), in pixels of the image.
    """

    image: NDArray[np.uint8]
    boxes: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


@figure(
    "figure_rescue",
    "missed photos and detections",
    caption="Photos in which the ten-part detector found no face, with true faces and the boxes of two methods: the one"
    " that found most faces of the set at the middle rate of `rescue.false_positives_per_photo` (the first in the"
    " record if several tie), and the best of the thesis's heatmap detectors. Each has its own threshold, which"
    " gives it that rate on the set.\n"
    "Up to six photos per set: outcomes (found by both, by one, by none) are shown in proportion to their frequency,"
    " each at least once; a hash of the file names chooses the photos. Frames of patients are pixelated inside the"
    " faces unless `report.privacy` sets something else.",
    inputs=lambda run: {
        "trial": run.paths.rescue_trial,
        "missed": run.missed(run.labelled_missed_sets),
        "found": run.predictions([*run.second_models, *run.strategies, *run.baselines_at_hand()], run.tried_sets),
        "boxes": run.boxes(run.labelled_missed_sets),
    },
    options=lambda run: {
        "datasets": run.datasets(run.labelled_missed_sets),
        "predictions": run.paths.all_predictions,
        "methods": run.rescue_methods(),
        "true_iou": run.config.rescue.true_iou,
        "privacy": run.config.report.privacy,
    },
    mem_mb=2000,
    after_fetching=True,
)
def draw_rescue_gallery(
    trial: Path,
    predictions: Path,
    datasets: Sequence[Path] = (),
    missed: Sequence[Path] = (),
    privacy: FigurePrivacy = "pixelate",
    methods: Methods = (),
    true_iou: float = 0.5,
) -> Figure:
    """Make the figure from files.

    Args:
        trial: rescue_trial.csv of `uncover rescue_trial`, with the ranking and the thresholds.
        predictions: Folder with <method>/<set>.parquet of all methods of the trial.
        datasets: Data sets, in folders named after their set.
        missed: Tables of `uncover missed` for these sets.
        privacy: Treatment of frames of patients, as `report.privacy`.
        methods: Methods as passed to `uncover rescue_trial`: a heatmap detector has no boxes for a blank heatmap.
        true_iou: Minimum IoU with a true face for a correct box.

    Raises:
        InputError: A file is not valid, or predictions were made with different settings.
    """
    check_number("--true-iou", true_iou, 0, 1)
    rows = at_rate(read_trial(trial))
    maps = {method.name: method.maps for method in methods}
    lists = {path.stem: path for path in missed}
    folders = {path.absolute().name: path for path in datasets}
    groups: dict[str, list[Panel]] = {}
    left_out: list[str] = []
    alike = Alike()
    for name in [*SET_TITLES, *sorted(folders.keys() - SET_TITLES.keys())]:
        firsts = dict(zip((BEST, HEATMAP), first_of(rows[rows["set"] == name]), strict=True))
        if name not in folders or name not in lists or firsts[BEST] is None:
            continue
        if are_left_out(privacy) and has_patients(name):
            left_out.append(set_title(name))
            continue
        # If no method found a face, none is the best.
        shown_methods = {kind: row for kind, row in firsts.items() if row is not None and row["found"] > 0}
        table = read_missed(lists[name], sorted({own for own in maps.values() if own}))
        boxes = {}
        for kind, row in shown_methods.items():
            method = str(row["method"])
            looked = table.loc[looked_at(table, maps.get(method)), "image"]
            found = _sure(predictions / method / f"{name}.parquet", float(row["confidence"]), method, alike)
            boxes[kind] = found[found["image"].isin(looked)]
        panels, missed_photos = _panels(name, folders[name], table, boxes, privacy, true_iou)
        titles = [
            f"{kind}: {method_title(str(row['method']))} ({row['found']} of {counted(int(row['faces']), 'face')})"
            for kind, row in shown_methods.items()
        ]
        if panels:
            count = n_of((missed_photos, "missed photo"))
            shown = "" if missed_photos == len(panels) else f", {len(panels)} shown"
            words = "; ".join(titles) or "no method found a face"
            groups[f"{set_title(name)}, {count}{shown}\n{words}"] = panels
    return rescue_gallery(groups, left_out, privacy)


def _panels(
    name: str, dataset: Path, table: pd.DataFrame, boxes: Mapping[str, pd.DataFrame], privacy: str, true_iou: float
) -> tuple[list[Panel], int]:
    """The shown photos of a set, and the number that they were chosen from."""
    truth = read_truth(dataset, table[["image", "width", "height"]])
    truth = truth[truth["class_id"] == WHOLE_FACE]
    with_faces = table.loc[table["missed"] & table["image"].isin(truth["image"]), "image"]
    drawn = {
        image: {kind: _corners(own, image) for kind, own in {TRUE: truth, **boxes}.items()} for image in with_faces
    }
    outcomes = {image: tuple(_finds(own[TRUE], own[kind], true_iou) for kind in boxes) for image, own in drawn.items()}
    panels = []
    for image in choose_photos(outcomes, PHOTOS):
        photo = read_upright_rgb(dataset / "images" / image)
        photo = in_figure(photo, np.concatenate(list(drawn[image].values())), privacy, has_patients(name))
        panels.append(Panel(photo, drawn[image]))
    return panels, len(with_faces)


def choose_photos(outcomes: Mapping[str, tuple[bool, ...]], count: int) -> list[str]:
    """Choose photos so that each outcome is shown in proportion to its frequency, and at least once.

    A hash of the file names chooses the photos of an outcome, so that the choice is not manual.

    Args:
        outcomes: By photo, whether each method found a face in it.
        count: Maximum number of photos.

    Returns:
        Their names, by outcome (found by all first), then by hash.
    """
    of_outcome: dict[tuple[bool, ...], list[str]] = {}
    for image in sorted(outcomes, key=lambda image: hashlib.sha256(image.encode()).hexdigest()):
        of_outcome.setdefault(outcomes[image], []).append(image)
    taken = dict.fromkeys(sorted(of_outcome, reverse=True)[:count], 1)
    for _ in range(min(count, len(outcomes)) - len(taken)):
        # The next place goes to the outcome that is most under-represented (Sainte-Lague).
        left = [outcome for outcome in taken if taken[outcome] < len(of_outcome[outcome])]
        next_one = max(left, key=lambda outcome: len(of_outcome[outcome]) / (2 * taken[outcome] + 1))
        taken[next_one] += 1
    return [image for outcome, number in taken.items() for image in of_outcome[outcome][:number]]


def rescue_gallery(
    groups: Mapping[str, Sequence[Panel]], left_out: Sequence[str] = (), privacy: FigurePrivacy = "leave-out"
) -> Figure:
    """Draw the panels of each set below one another.

    Args:
        groups: Panels by title; if there are none, the figure states so.
        left_out: Titles of sets whose photos may not be shown; the figure names them.
        privacy: Value of `report.privacy` that forbids it.
    """
    from matplotlib.lines import Line2D

    told = left_out_words(left_out, privacy) if left_out else "no missed photo with a labelled face"
    if not groups:
        return not_run("missed photos and detections", told)
    rows, heads = [], []
    for panels in groups.values():
        own = [panels[start : start + COLUMNS] for start in range(0, len(panels), COLUMNS)]
        rows += own
        heads += [TITLE, *[APART] * (len(own) - 1)]
    foot = KEY + (0.16 if left_out else 0)
    figure, grid = photo_rows([[panel.image for panel in row] for row in rows], heads, foot)
    high = figure.get_size_inches()[1]
    for axes, panel in zip(itertools.chain(*grid), itertools.chain(*rows), strict=True):
        _draw(axes, panel)
    tops = [row[0].get_position().y1 for row, head in zip(grid, heads, strict=True) if head == TITLE]
    for top, title in zip(tops, groups, strict=True):
        figure.text(0, top + 0.05 / high, title, fontsize=TEXT, va="bottom", linespacing=1.2)
    if left_out:
        figure.text(0, 0.05 / high, told, fontsize=SMALL, va="bottom")
    lines = [Line2D([], [], label=name, **outlined(kind, width)) for name, kind, width in KINDS.values()]
    figure.legend(
        handles=lines,
        loc="lower center",
        bbox_to_anchor=(0.5, (foot - KEY + 0.06) / high),
        ncols=len(lines),
        handlelength=3,
    )
    return figure


def _draw(axes: Axes, panel: Panel) -> None:
    for kind, boxes in panel.boxes.items():
        _, style, width = KINDS[kind]
        for box in boxes:
            draw_box(axes, box, style, width)


def _sure(path: Path, confidence: float, method: str, alike: Alike) -> pd.DataFrame:
    """A method's whole-face boxes at or above its threshold; none if it has no threshold."""
    predictions = read_predictions(path)
    alike.add(path, predictions.settings, method)
    boxes = predictions.boxes
    # Stored confidences are float32, so compare in float32: a confidence equal to the threshold counts.
    return boxes[(boxes["class_id"] == WHOLE_FACE) & (boxes["confidence"] >= np.float32(confidence))]


def _corners(boxes: pd.DataFrame, image: str) -> NDArray[np.float64]:
    return boxes.loc[boxes["image"] == image, list(CORNERS)].to_numpy(np.float64)


def _finds(true: NDArray[np.float64], predicted: NDArray[np.float64], true_iou: float) -> bool:
    # Single precision, as in the trial.
    return bool(len(predicted)) and bool((box_iou(true, predicted).astype(np.float32) >= np.float32(true_iou)).any())
