"""An evaluation as text for a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from uncover.metrics.counts import CONFIDENCE, count_class

if TYPE_CHECKING:
    from uncover.metrics.evaluate import Evaluation
    from uncover.metrics.intervals import Rate

MISSING = "n/a"
HEADINGS = {"P": "P", "R": "R", "F1": "F1", "AP50": "AP50", "AP50_95": "AP50-95"}


def as_text(evaluation: Evaluation) -> str:
    """A table with a row per class and the means above, then intervals and counts; no final line break."""
    rows = [["class", "images", "labels", *HEADINGS.values()]]
    counts = [str(evaluation.images - evaluation.unlabelled), str(evaluation.labels)]
    rows.append(["all", *counts, *(_number(evaluation.rates[score].value) for score in HEADINGS)])
    for title, end in (("  95 %, from", "low"), ("  to", "high")):
        ends = [getattr(evaluation.rates[score], end) for score in HEADINGS]
        if not all(map(math.isnan, ends)):
            rows.append([title, "", "", *map(_number, ends)])
    for number, name in evaluation.names.items():
        labels = count_class(evaluation.confusion, number).labels
        scores = evaluation.by_class.get(number)
        numbers = [_number(scores[score].value if scores else math.nan) for score in HEADINGS]
        rows.append([name, str(evaluation.images_of_class[number]), str(labels), *numbers])
    return "\n".join([*_align(rows), "", *_remarks(evaluation)])


def _remarks(evaluation: Evaluation) -> list[str]:
    matrix = evaluation.confusion
    lines = [
        f"{evaluation.images} images ({evaluation.unlabelled} without a label of these classes), "
        f"{evaluation.predictions} predicted boxes",
    ]
    if evaluation.labels:
        lines.append(f"P, R and F1 at confidence {evaluation.metrics.best_confidence:.3f}, where mean F1 is best")
        lines.append(
            f"accuracy at confidence {matrix.confidence}, IoU {matrix.iou}: {_rate(evaluation.rates['accuracy'])}; "
            f"with the surest of equal boxes {_number(evaluation.rates['accuracy_surest'].value)}, "
            f"of all cells of the confusion matrix {_number(matrix.accuracy_all_cells)}"
        )
    for number, name in evaluation.names.items():
        found = evaluation.found[number]
        lines.append(
            f"images with {name} at confidence {CONFIDENCE}: {found.found} of {found.images}, {_rate(found.share)}"
        )
    lines.append(f"intervals: {_how_drawn(evaluation)}")
    left_out = int(matrix.left_out.sum())
    if left_out:
        lines.append(
            f"boxes above confidence {matrix.confidence} in images where none met a label: {left_out}; the confusion "
            "matrix leaves them out, as upstream's does"
        )
    if evaluation.other_labels:
        lines.append(f"labels of other classes, left out: {evaluation.other_labels}")
    if evaluation.unpredicted:
        lines.append(f"label files of images that were not predicted on, left out: {evaluation.unpredicted}")
    return lines


def _how_drawn(evaluation: Evaluation) -> str:
    blocks = evaluation.blocks
    if blocks is None:
        return (
            "images count as independent, which those of one infant, person or video are not; blocks.csv or --blocks "
            "says which belong together"
        )
    alone = f", {blocks.alone} of them images of no known one" if blocks.alone else ""
    return f"images of one {blocks.kind} are drawn together, {blocks.blocks} blocks{alone}"


def _align(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _rate(rate: Rate) -> str:
    interval = "" if math.isnan(rate.low) else f" ({rate.low:.3f} to {rate.high:.3f})"
    return _number(rate.value) + interval


def _number(value: float) -> str:
    return MISSING if math.isnan(value) else f"{value:.3f}"
