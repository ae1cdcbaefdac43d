"""Look for patients' faces in a page: `python -m tests.report.leaks report.html results/demo/datasets/slapi_*`.

A frame is looked for in every picture of the page by its keypoints, which tell where it lies and how large it is drawn.
There, the fine structure of the frame's face must not be found again: what is finer than the cells of a pixelated face.
"""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

EMBEDDED = re.compile(r"data:image/(?:png|jpeg|webp|gif)(?:;[\w=.-]+)*;base64,([A-Za-z0-9+/=]+)")
INTERIOR = 0.7
"""Share of a face's sides that is compared: drawn boxes run along its edges."""

FINE = 16
"""Structure finer than about this part of a face counts: half a cell of a pixelated one."""

LEAK = 0.6
"""Correlation from which a face is there."""

RATIO, KEYPOINTS, COPIES, TURN = 0.8, 6, 8, 0.05
"""Of matches of keypoints; keypoints that place a frame; copies of it in one picture; sine of a turn that none has."""

MOST = 500
"""Keypoints of a frame, the strongest: noise in a dark one has thousands."""


@dataclass(frozen=True)
class Frame:
    """A frame as it was taken.

    Attributes:
        name: For messages.
        image: uint8 (H, W), grey.
        faces: float64 (N, 4) x1 y1 x2 y2, pixels.
    """

    name: str
    image: Grey
    faces: NDArray[np.float64]


def embedded_images(html: str) -> list[Grey]:
    """All pictures of a page, uint8 (H, W), grey."""
    files = (np.frombuffer(base64.b64decode(data), np.uint8) for data in EMBEDDED.findall(html))
    return [image for file in files if (image := cv2.imdecode(file, cv2.IMREAD_GRAYSCALE)) is not None]


def find_leaks(html: str, frames: Sequence[Frame]) -> list[str]:
    """Name the frames whose faces can be seen in a page."""
    sift, strongest = (cv2.SIFT_create(nfeatures=count, contrastThreshold=0.02) for count in (0, MOST))
    known = [(frame, *strongest.detectAndCompute(frame.image, None)) for frame in frames]
    leaks = []
    for number, image in enumerate(embedded_images(html), start=1):
        points, descriptors = sift.detectAndCompute(image, None)
        for frame, own_points, own in known:
            if descriptors is None or own is None or min(len(descriptors), len(own)) < KEYPOINTS:
                continue
            for matrix in _placements(points, descriptors, own_points, own):
                similarity = max((_similarity(image, frame.image, face, matrix) for face in frame.faces), default=0.0)
                if similarity > LEAK:
                    leaks.append(f"picture {number} shows a face of {frame.name} (correlation {similarity:.2f})")
    return leaks


def fine_structure(image: Grey, face_side: float) -> NDArray[np.float32]:
    """An image without what a coarse view of a face of some size would show as well."""
    sharp = image.astype(np.float32)
    return sharp - cv2.GaussianBlur(sharp, (0, 0), max(0.8, face_side / FINE))


def correlation(picture: NDArray[np.float32], template: NDArray[np.float32]) -> float:
    """The highest with any part of a picture; a little noise keeps it defined where the picture is of one colour."""
    noise = np.random.default_rng(0).normal(size=picture.shape).astype(np.float32)
    return float(cv2.matchTemplate(picture + noise, template, cv2.TM_CCOEFF_NORMED).max())


def interior(image: Grey, face: NDArray[np.float64]) -> Grey:
    """The middle of a face; empty for one of a few pixels."""
    middle, half = (face[:2] + face[2:]) / 2, INTERIOR / 2 * (face[2:] - face[:2])
    x1, y1, x2, y2 = np.concatenate([middle - half, middle + half]).round().astype(int).clip(0)
    return image[y1:y2, x1:x2]


def _placements(points: Sequence, descriptors: NDArray, own_points: Sequence, own: NDArray) -> Iterator[NDArray]:
    """Where a frame lies in a picture: float64 (2, 3) matrices from its pixels to the picture's."""
    # A matcher's objects, one for each of a large picture's keypoints and each frame, take most of the time otherwise.
    apart = (own**2).sum(axis=1) - 2 * descriptors @ own.T + (descriptors**2).sum(axis=1, keepdims=True)
    best, second = np.partition(apart, 1, axis=1)[:, :2].T
    (rows,) = np.nonzero(best < RATIO**2 * second)
    good = [*zip(rows, apart[rows].argmin(axis=1), strict=True)]
    for _ in range(COPIES):
        if len(good) < KEYPOINTS:
            return
        there = np.float32([points[each].pt for each, _ in good])
        here = np.float32([own_points[each].pt for _, each in good])
        matrix, inliers = cv2.estimateAffinePartial2D(here, there, ransacReprojThreshold=3)
        if matrix is None or inliers.sum() < KEYPOINTS:
            return
        if matrix[0, 0] > 0 and abs(matrix[0, 1]) < TURN * matrix[0, 0]:
            yield matrix
        good = [each for each, inlier in zip(good, inliers.ravel(), strict=True) if not inlier]


def _similarity(image: Grey, frame: Grey, face: NDArray[np.float64], matrix: NDArray) -> float:
    """Correlation of a face's fine structure with that of the picture around the place where it should be."""
    scale = float(matrix[0, 0])
    # Chance matches may place a frame anywhere, and make it larger than all of the picture.
    if (INTERIOR * scale * (face[2:] - face[:2]) > image.shape[::-1]).any():
        return 0.0
    size = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
    scaled = cv2.resize(frame, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    side = float((face[2:] - face[:2]).max()) * scale
    template = interior(fine_structure(scaled, side), face * scale)
    if min(template.shape) < FINE or template.std() < 1:
        return 0.0
    margin = 4 + side / 8
    corner = interior_corner(face * scale) + matrix[:, 2]
    x1, y1 = np.floor(corner - margin).astype(int).clip(0)
    x2, y2 = np.ceil(corner + template.shape[::-1] + margin).astype(int)
    if min(np.subtract(image[y1:y2, x1:x2].shape, template.shape)) < 0:
        return 0.0
    # What is coarse there is told by what lies around it, and not by the rest of a large picture.
    reach = 5 + round(4 * side / FINE)
    top, left = np.maximum((y1 - reach, x1 - reach), 0)
    around = fine_structure(image[top : y2 + reach, left : x2 + reach], side)
    return correlation(around[y1 - top :, x1 - left :][: y2 - y1, : x2 - x1], template)


def interior_corner(face: NDArray[np.float64]) -> NDArray[np.float64]:
    """Upper left corner of `interior`, x and y."""
    return (face[:2] + face[2:]) / 2 - INTERIOR / 2 * (face[2:] - face[:2])


def read_frames(dataset: Path) -> list[Frame]:
    """Frames and true faces of a data set."""
    frames = []
    for path in sorted((dataset / "images").rglob("*.*")):
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        label = (dataset / "labels" / path.relative_to(dataset / "images")).with_suffix(".txt")
        rows = np.loadtxt(label, ndmin=2)[:, 1:] if label.is_file() and label.read_text().strip() else np.zeros((0, 4))
        corners = np.concatenate([rows[:, :2] - rows[:, 2:] / 2, rows[:, :2] + rows[:, 2:] / 2], axis=1)
        frames.append(Frame(f"{dataset.name}/{path.name}", image, corners * np.tile(image.shape[::-1], 2)))
    return frames


def main(page: Path, datasets: Sequence[Path]) -> int:
    """Say which faces are seen, if any."""
    frames = [frame for dataset in datasets for frame in read_frames(dataset)]
    html = page.read_text(encoding="utf-8")
    leaks = find_leaks(html, frames)
    print("\n".join(leaks) or f"{page}: no face of {len(frames)} frames in its {len(embedded_images(html))} pictures")
    return 1 if leaks else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]))
