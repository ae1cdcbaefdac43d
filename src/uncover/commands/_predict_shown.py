"""Outputs of `uncover predict` besides the table: images with boxes, and a hint if there are no boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uncover.images.inputs import Inputs
    from uncover.metrics.predictions import Predictions
    from uncover.yolov5.inference import Predictor

LOWEST = 0.001
"""Lowest confidence of boxes that are hidden as possible faces, and that count as boxes at all."""
SURE = 0.25
"""Lowest confidence of boxes that are drawn; a table with lower ones only gets a hint."""
FEW = 50
"""Images that are predicted again at a lower threshold if no box was found."""


def above(predictions: Predictions, confidence: float) -> Predictions:
    """The boxes above this confidence, as a prediction with this threshold has them."""
    from dataclasses import replace

    import numpy as np

    boxes = predictions.boxes[predictions.boxes["confidence"] > np.float32(confidence)]
    return replace(predictions, boxes=boxes, settings={**predictions.settings, "confidence": confidence})


def write_csv(path: Path, predictions: Predictions) -> None:
    """Write the boxes as CSV, a row per box."""
    from uncover.atomic import new_file
    from uncover.metrics.predictions import CORNERS

    boxes = predictions.boxes.sort_values(["image", "confidence"], ascending=[True, False], kind="stable")
    boxes = boxes.round({"confidence": 4, **dict.fromkeys(CORNERS, 2)})
    with new_file(path) as temporary:
        boxes.to_csv(temporary, index=False, lineterminator="\n")


def write_pictures(out: Path, inputs: Inputs, predictions: Predictions, confidence: float, privacy: str) -> int:
    """Write every image with its boxes drawn in, as JPEG.

    Args:
        out: Folder to make.
        inputs: The images.
        predictions: Boxes of them: all of confidence `SUSPECT` or more are hidden, parts with the face that may
            surround them, unless `privacy` is "publish".
        confidence: Lowest confidence of boxes that are drawn.
        privacy: As for `shown`; an image without a drawn whole face is hidden as a whole.

    Returns:
        Number of images with a box.
    """
    from uncover.atomic import new_folder
    from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
    from uncover.images.drawing import draw_boxes, write_jpeg
    from uncover.images.privacy import SUSPECT, Cover, shown
    from uncover.images.reading import COLOURS, read_image
    from uncover.metrics.predictions import CORNERS
    from uncover.progress import track

    names = predictions.class_names.values()
    whole = {CLASS_NAMES[WHOLE_FACE]} if CLASS_NAMES[WHOLE_FACE] in names else set(names)
    by_image = dict(iter(predictions.boxes.groupby("image", sort=False)))
    with_box = 0
    with new_folder(out, "predict") as folder:
        images = zip(inputs.names, inputs.paths, _names(inputs.names), strict=True)
        for name, path, picture in track(images, "drawing", len(inputs.names)):
            own = by_image.get(name, predictions.boxes.iloc[:0])
            drawn = own[own["confidence"] >= confidence]
            suspect = own[own["confidence"] >= SUSPECT]
            hidden = suspect if drawn["class"].isin(whole).any() else suspect.iloc[:0]
            photo = read_image(path, COLOURS)
            height, width = photo.shape[:2]
            corners = hidden[list(CORNERS)].to_numpy("float64")
            cover = Cover.of_candidates(corners, hidden["class"].tolist(), width, height) if len(hidden) else None
            pixels = shown(photo, corners, privacy, cover)
            texts = [f"{row['class']} {row['confidence']:.2f}" for _, row in drawn.iterrows()]
            draw_boxes(pixels, drawn[list(CORNERS)].to_numpy("float64"), texts, drawn["class_id"].tolist())
            write_jpeg(folder / picture, pixels)
            with_box += len(drawn) > 0
    return with_box


def _names(images: Sequence[str]) -> list[str]:
    """Names of the JPEG files; two images whose names differ only in their suffix keep it."""
    plain = [str(PurePosixPath(image).with_suffix(".jpg")) for image in images]
    counts = Counter(plain)
    return [name if counts[name] == 1 else f"{image}.jpg" for image, name in zip(images, plain, strict=True)]


def hint(
    predictor: Predictor, inputs: Inputs, predictions: Predictions, confidence: float, classes: Sequence[str] = ()
) -> str:
    """What to try if a table has no box, or only boxes of low confidence; else empty.

    Args:
        predictor: Predicts some images again if there is no box.
        inputs: All images.
        predictions: Boxes of them.
        confidence: Threshold of these.
        classes: Names of the classes that were kept; empty for all.
    """
    if not inputs.names or (predictions.boxes["confidence"] >= SURE).any():
        return ""
    found, where = predictions, "the highest"
    if predictions.boxes.empty:
        if len(inputs.names) > FEW:
            where = f"the highest in the first {FEW} images"
        if confidence > LOWEST:
            found = predictor.predict(inputs.first(FEW), LOWEST).of_classes(classes)
    size = f"--image-size (it was {predictions.settings['image_size']})"
    detected = ", ".join([*(classes or predictions.class_names.values())][:10])
    if found.boxes.empty:
        return (
            f"note: no box of any confidence (classes: {detected}); check that the images are of the kind that the"
            f" detector was trained on, or try {size} or other weights"
        )
    surest = found.boxes.nlargest(1, "confidence").iloc[0]
    said = f"{where} is {surest['confidence']:.3f} ({surest['class']} in {surest['image']})"
    lower = f"a lower --confidence (it was {confidence:g}), " if predictions.boxes.empty else ""
    return f"note: no box of confidence {max(confidence, SURE):g} or more, {said}; try {lower}{size}, or other weights"
