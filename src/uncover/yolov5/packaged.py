"""Pretrained weights of the package: scores on held-out photos, weights in half precision, and model cards."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from uncover.atomic import new_file
from uncover.config.packaged import ComposedDetector
from uncover.config.values import as_pairs, check_section
from uncover.data.blocks import Block, Blocks, read_blocks
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.errors import InputError
from uncover.images.inputs import find_inputs
from uncover.images.reading import COLOURS
from uncover.metrics.average_precision import ap_per_class, confidence_order
from uncover.metrics.detections import Detections, box_iou
from uncover.metrics.intervals import percentile_interval, resample_scores
from uncover.metrics.matching import LabelledSet, Matched, match_set
from uncover.metrics.predictions import CORNERS
from uncover.metrics.truth import read_truth
from uncover.yolov5.weights import read_weights, save_weights

WORDS = "words.csv"
"""Columns that describe each face of a set of `uncover face_photos`."""

LEAST_SIDE = 12.0
"""Faces whose longer side is shorter than this, in pixels of the photo, are ignored in scores."""
IOUS = (0.5, 0.4)
LOWEST = 0.001
"""Lowest confidence of scored boxes."""
FALSE_BOXES = 0.25
"""False positives per photo at which recall is read."""
MOST_WORDS = 6
"""A column with more different words than this does not describe classes of faces."""
LARGEST = 4_000_000
"""Maximum size of a packaged weights file, in bytes."""


@dataclass(frozen=True)
class SetScores:
    """Scores of a detector on photos that it was not trained on.

    Attributes:
        detector: Name.
        set: Name of the scored set.
        faces_scored: "all", or the word of the scored faces; other faces are ignored.
        photos: Photos.
        faces: Scored faces.
        blocks: Infants, people, or other groups of photos.
        ap50: Average precision at IoU 0.5.
        ap50_low: Lower end of its interval, which resamples blocks.
        ap50_high: Upper end.
        ap40: Average precision at IoU 0.4.
        recall: Share of faces found at 0.25 false positives per photo, at IoU 0.5.
        turns: Number of turns of the second pass on photos without a face; 1 for no second pass.
    """

    detector: str
    set: str
    faces_scored: str
    photos: int
    faces: int
    blocks: int
    ap50: float
    ap50_low: float
    ap50_high: float
    ap40: float
    recall: float
    turns: int = 1


Look = Callable[[Sequence[Path]], list[Detections]]
"""Boxes of a detector in image files, with confidences of `LOWEST` or more."""


@dataclass(frozen=True)
class _Truth:
    """True boxes of sets, in the order of `Detections`, with their descriptions."""

    boxes: Detections
    words: NDArray[np.str_]
    grades: NDArray[np.str_]


def score_sets(
    detector: str,
    name: str,
    pairs: Sequence[tuple[Path, Path]],
    look_with: Callable[[Path], Look],
    resamples: int = 1000,
    turns: int = 1,
) -> list[SetScores]:
    """Score a detector on one or several sets of `uncover face_photos`, which are combined.

    Args:
        detector: Name of the detector.
        name: Name of the combined set.
        pairs: Weights and set; several for cross-validation on halves.
        look_with: Makes a detector of weights.
        resamples: Number of bootstrap resamples of the intervals.
        turns: Number of turns of the second pass, for the record.

    Returns:
        Scores of all faces, and of the faces of each word and grade if there are several.

    Raises:
        InputError: Weights or a set are unusable.
    """
    parts = [_look(look_with(weights), data) for weights, data in pairs]
    found = Detections.concatenate([_shifted(each, parts, number) for number, (each, *_) in enumerate(parts)])
    true = Detections.concatenate([_shifted(each.boxes, parts, number) for number, (_, each, *_) in enumerate(parts)])
    words = np.concatenate([each.words for _, each, *_ in parts])
    grades = np.concatenate([each.grades for _, each, *_ in parts])
    blocks, first = [], 0
    for *_, own in parts:
        blocks.append(own + first)
        first += int(own.max(initial=-1)) + 1
    numbers = np.concatenate(blocks)
    large = (true.boxes[:, 2:] - true.boxes[:, :2]).max(1, initial=0) >= LEAST_SIDE
    rows = []
    for told, counted, photos in _subsets(true, words, grades, len(numbers)):
        scores = _score(detector, name, told, found, true, counted & large, photos, numbers, resamples)
        rows.append(replace(scores, turns=turns))
    return rows


def _look(look: Look, data: Path) -> tuple[Detections, _Truth, NDArray[np.int64]]:
    """Detected and true boxes of a set, and the number of each photo's block."""
    inputs = find_inputs([data], "photo", COLOURS, None)
    table = pd.DataFrame({"image": inputs.names, "width": inputs.sizes[:, 0], "height": inputs.sizes[:, 1]})
    images = table["image"]
    truth = read_truth(data, table)
    truth = truth[truth["class_id"] == WHOLE_FACE].reset_index(drop=True)
    said = read_table_of_words(data / WORDS)
    truth["number"] = truth.groupby("image").cumcount()
    joined = truth.merge(said, how="left", on=["image", "number"])
    true = Detections.from_pandas(truth[["image", *CORNERS]], images)
    stated = read_blocks(data, images.tolist())
    blocks = Blocks({image: Block(image, "block") for image in images}) if stated is None else stated
    kept = _Truth(
        true, joined["word"].fillna("").to_numpy(np.str_), joined["grade"].fillna("").astype(str).to_numpy(np.str_)
    )
    found = [
        replace(each, image=np.full(len(each), number), found_by=None) for number, each in enumerate(look(inputs.paths))
    ]
    return Detections.concatenate(found), kept, blocks.numbers(images)


def read_table_of_words(path: Path) -> pd.DataFrame:
    """Descriptions of the faces of a set: image, number in its label file, word, grade.

    Raises:
        InputError: There is no such table.
    """
    try:
        return pd.read_csv(path, dtype={"word": str, "grade": str}, keep_default_na=False)
    except FileNotFoundError:
        raise InputError(
            f"{path}: does not exist; expected a folder of 'uncover face_photos', such as OUT/test"
        ) from None


def _shifted(
    boxes: Detections, parts: Sequence[tuple[Detections, _Truth, NDArray[np.int64]]], number: int
) -> Detections:
    """Boxes of one of several sets that are combined."""
    before = sum(len(blocks) for *_, blocks in parts[:number])
    return Detections(boxes.boxes, boxes.confidence, boxes.class_ids, image=boxes.image_rows + before)


def _subsets(
    true: Detections, words: NDArray[np.str_], grades: NDArray[np.str_], photos: int
) -> Iterator[tuple[str, NDArray[np.bool_], NDArray[np.bool_]]]:
    """Name, scored faces and photos, for all faces and for those of each word or grade."""
    everywhere = np.ones(photos, bool)
    yield "all", np.ones(len(true), bool), everywhere
    graded = len(set(grades.tolist())) > 1
    kinds = grades if graded else words
    names = sorted(set(kinds.tolist()) - {""})
    if not 1 < len(names) <= MOST_WORDS:
        return
    for name in names:
        own = kinds == name
        # A grade applies to a whole photo, so photos of other grades are not in the set.
        yield name, own, np.isin(np.arange(photos), true.image_rows[own]) if graded else everywhere


def _score(
    detector: str,
    name: str,
    told: str,
    found: Detections,
    true: Detections,
    counted: NDArray[np.bool_],
    photos: NDArray[np.bool_],
    blocks: NDArray[np.int64],
    resamples: int,
) -> SetScores:
    own = found[photos[found.image_rows]]
    own = own[~_on_ignored(own, true, counted)]
    place = np.cumsum(photos) - 1
    sets = LabelledSet(
        int(photos.sum()),
        *(
            Detections(each.boxes, each.confidence, each.class_ids, image=place[each.image_rows]).sorted()
            for each in (own, true[counted])
        ),
    )
    matched = match_set(sets, IOUS)
    _, numbers = np.unique(blocks[photos], return_inverse=True)
    if not len(matched.true_class):
        nothing = (math.nan,) * 5
        return SetScores(detector, name, told, sets.images, 0, len(set(numbers.tolist())), *nothing)
    metrics = ap_per_class(matched.correct, matched.confidence, matched.predicted_class, matched.true_class)
    resampled = resample_scores(matched, 0.25, resamples, 0, numbers)
    interval = percentile_interval(float(metrics.ap[0, 0]), resampled.ap50[:, 0])
    return SetScores(
        detector,
        name,
        told,
        sets.images,
        len(matched.true_class),
        len(set(numbers.tolist())),
        interval.value,
        interval.low,
        interval.high,
        float(metrics.ap[0, 1]),
        recall_at(matched, FALSE_BOXES),
    )


def _on_ignored(found: Detections, true: Detections, counted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a box overlaps an ignored face more than a scored one."""
    ignored = np.zeros(len(found), bool)
    images = found.image_rows
    for image in np.unique(true.image_rows[~counted]):
        rows = np.flatnonzero(images == image)
        labels = np.flatnonzero(true.image_rows == image)
        if len(rows) and len(labels):
            overlap = box_iou(found.boxes[rows], true.boxes[labels])
            best = overlap.argmax(1)
            ignored[rows] = ~counted[labels[best]] & (overlap[np.arange(len(rows)), best] >= min(IOUS))
    return ignored


def recall_at(matched: Matched, false_boxes: float) -> float:
    """Share of faces found at the lowest threshold with at most this rate of false positives.

    Args:
        matched: Boxes of a set; the first IoU threshold is used.
        false_boxes: False positives per photo.
    """
    hits = matched.correct[confidence_order(matched.confidence), 0]
    within = np.cumsum(~hits) <= false_boxes * matched.images
    return float(hits[within].sum() / len(matched.true_class))


def write_scores(path: Path, rows: Sequence[SetScores]) -> None:
    """Write the table of scores."""
    table = pd.DataFrame([asdict(row) for row in rows])
    with new_file(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.4f", lineterminator="\n")


def read_scores(path: Path) -> list[SetScores]:
    """Read a table of scores.

    Raises:
        InputError: The file is not such a table.
    """
    try:
        rows = pd.read_csv(path).to_dict("records")
        return [SetScores(**{str(name): value for name, value in row.items()}) for row in rows]
    except (FileNotFoundError, TypeError, ValueError):
        raise InputError(f"{path}: not a table of scores; expected one of 'uncover score_packaged'") from None


def package_weights(
    weights: Path, out: Path, card: Path, photos: Sequence[Path], scores: Path, command: str, date: str
) -> int:
    """Write weights in half precision, and the model card next to them.

    Args:
        weights: Weights of a training on composed images.
        out: Weights file to write; its name is the detector's.
        card: Model card to write.
        photos: Folders of `uncover face_photos` used for training.
        scores: Table of scores.
        command: Command that makes it.
        date: Date for the card.

    Returns:
        Size of the weights file, in bytes.

    Raises:
        InputError: The weights are of another kind of training, or too large.
    """
    header, state = read_weights(weights)
    settings = header.training.get("settings")
    if not isinstance(settings, Mapping) or "composed" not in settings:
        raise InputError(f"{weights}: not from 'uncover train composed'; expected its weights.pt")
    save_weights(
        out, {name: value.half() if value.is_floating_point() else value for name, value in state.items()}, header
    )
    size = out.stat().st_size
    if size > LARGEST:
        out.unlink()
        raise InputError(
            f"{weights}: takes {size} bytes in half precision; expected at most {LARGEST}, so use a smaller network"
        )
    detector = check_section(ComposedDetector, settings, str(weights))
    table = read_scores(scores)
    text = _card(out, header.model, header.image_size, detector, photos, table, command, date, header.training)
    with new_file(card) as path:
        path.write_text(text, encoding="utf-8")
    return size


INTENDED_USE = (
    "Research on face detection: boxes of faces in images and videos, for example to hide faces. It detects faces and"
    " does not identify people."
)
PHOTOS_HEADER = (
    "| data set | training photos | faces | of these labelled by teachers alone | younger copies | held-out photos |\n"
    "| --- | --- | --- | --- | --- | --- |"
)
SCORES_INTRODUCTION = (
    "Computed by `uncover score_packaged` on held-out photos. AP50 and AP40: average precision at IoU 0.5 and 0.4; the"
    " 95 % interval resamples blocks. Recall: share of the faces found at 0.25 false positives per photo."
)
SCORES_HEADER = (
    "| data set | scored faces | photos | faces | pass | AP50 (95 % interval) | AP40 | recall |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- |"
)


def _card(
    out: Path,
    model: str,
    image_size: int,
    settings: ComposedDetector,
    photos: Sequence[Path],
    scores: Sequence[SetScores],
    command: str,
    date: str,
    training: Mapping[str, Any],
) -> str:
    digest = hashlib.sha256(out.read_bytes()).hexdigest()
    infants = "photos of infants in care included" if settings.infants else "no photo of an infant in care"
    recipe = ", ".join(f"`{pair}`" for pair in as_pairs(settings) if not pair.startswith("start="))
    parts = [
        f"# {out.stem}: whole-face detector",
        "Detects whole faces, from hairline to chin, at any angle and under occlusion.",
        "## Details",
        f"- Network: {model}, one class ({CLASS_NAMES[WHOLE_FACE]}), trained at {image_size} px\n"
        f"- File: half precision, {out.stat().st_size} bytes, sha256 {digest}\n"
        f"- Date: {date}\n"
        "- Licence: research only, as for the training photos and the initial weights\n"
        f"- Command: `{command}`\n"
        f"- Training: {training.get('epochs_run', '?')} epochs of {settings.composed.images} composed images\n"
        f"- Data: {infants}",
        "## Intended use",
        INTENDED_USE,
        "## Training data",
        "\n".join([PHOTOS_HEADER, *map(_photos_row, photos)]),
        "## Recipe",
        recipe,
        "## Scores",
        *_score_parts([row for row in scores if row.detector == out.stem]),
        "## Limits",
        "- Boxes span from hairline to chin.\n"
        "- The photos come from few data sets, the infants from one ward, and they are few.\n"
        "- A missed face is no proof that there is none. Do not rely on this detector alone if the privacy or safety of"
        " a person depends on it.",
    ]
    return "\n\n".join(parts) + "\n"


def _photos_row(folder: Path) -> str:
    record = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    counts, own = record["counts"], record["settings"]
    holds_none_out = own["hold_out"] == "blocks" and own["half"] == "all"
    cells = [record["group"], counts["train"], counts["train_faces"], counts["taught"], counts["younger"]]
    return f"| {' | '.join(map(str, cells))} | {0 if holds_none_out else counts['test']} |"


def _score_parts(scores: Sequence[SetScores]) -> list[str]:
    """Paragraphs of a model card about scores: a table, and what its words mean.

    Args:
        scores: Of one detector.
    """
    rows = [
        f"| {row.set} | {row.faces_scored} | {row.photos} | {row.faces} |"
        f" {'one' if row.turns == 1 else f'second at {row.turns} turns'} |"
        f" {row.ap50:.3f} ({row.ap50_low:.3f} to {row.ap50_high:.3f}) | {row.ap40:.3f} | {row.recall:.3f} |"
        for row in scores
    ]
    parts = [SCORES_INTRODUCTION, "\n".join([SCORES_HEADER, *rows])]
    if any(row.turns > 1 for row in scores):
        parts.append("Second pass: runs on photos in which the first pass found no face with confidence 0.4 or more.")
    if any("+" in row.set for row in scores):
        parts.append("Sets joined by `+`: one detector per set, each scored on the set that it was not trained on.")
    return parts
