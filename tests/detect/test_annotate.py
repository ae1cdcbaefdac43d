"""Pictures with the boxes drawn in: no face survives where faces are hidden, and nothing else changes where not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.detect.frames_seen import NAMES, Box, by_detector, by_rescue, seen
from tests.report.leaks import correlation, fine_structure, interior
from tests.report.rescue_records import ASIDE, FACE, SIDE, patterned
from uncover.detect.annotate import COLOURS, annotate, annotate_image, annotate_video
from uncover.detect.follow import Faces, sure_faces
from uncover.detect.parts import Seen
from uncover.detect.run import annotated_paths
from uncover.footage.decode import open_video
from uncover.footage.encode import VideoWriter
from uncover.footage.sources import Sources
from uncover.images.privacy import CELLS, shown
from uncover.parts.geometry import SMALLEST_SIDE

HIDDEN = ("pixelate", "blur")
PHOTO = patterned(1)
SEEN, HIDES = 0.8, 0.3
"""Correlation from which a face is there, and up to which it is not."""


def spotted(*boxes: Box) -> Seen:
    return seen(0, *boxes, second=0.0)


def faces(*boxes: Box) -> Faces:
    return sure_faces(spotted(*boxes), NAMES)


def by_time(*boxes: Box) -> Faces:
    """A face for which only other frames speak."""
    return Faces(
        spotted(*boxes), np.array([ASIDE], np.float32), np.array([0.5], np.float32), ("temporal",), ("temporal",)
    )


def similarity(image: NDArray[np.uint8], photo: NDArray[np.uint8] = PHOTO) -> float:
    """Highest correlation of the face's fine structure with any place of an image."""
    grey, side = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (image, photo)), FACE[2] - FACE[0]
    own, original = (fine_structure(each, side) for each in grey)
    return correlation(own, interior(original, np.array(FACE)))


@pytest.mark.parametrize("privacy", HIDDEN)
@pytest.mark.parametrize(
    "found",
    [
        faces(by_detector(0.9, FACE)),
        faces(by_rescue(0.9, FACE)),
        faces(by_detector(0.9, ASIDE), by_detector(0.06, FACE)),
        faces(by_detector(0.06, FACE)),
        faces(),
        by_time(),
        by_time(by_detector(0.1, ASIDE)),
    ],
    ids=["detector", "rescue", "beside a false box", "not sure", "no box", "time alone", "time and a false box"],
)
def test_no_face_survives(found: Faces, privacy: str) -> None:
    assert similarity(annotate(PHOTO, found, "publish")) > SEEN
    assert similarity(annotate(PHOTO, found, privacy)) < HIDES


@pytest.mark.parametrize("privacy", HIDDEN)
def test_without_a_box_of_its_own_all_of_a_picture_is_hidden(privacy: str) -> None:
    whole = shown(PHOTO, np.zeros((0, 4)), privacy)
    assert (annotate(PHOTO, faces(by_detector(0.1, ASIDE)), privacy) == whole).all()
    drawn = annotate(PHOTO, by_time(by_detector(0.1, FACE)), privacy)
    assert (drawn != whole).any(2).mean() < 0.2 and not (drawn == PHOTO).all(2).mean() > 0.2


def test_what_is_hidden_is_coarse() -> None:
    x1, y1, x2, y2 = map(int, FACE)
    inside = annotate(PHOTO, faces(by_detector(0.9, FACE)), "pixelate")[y1 + 20 : y2 - 20, x1 + 20 : x2 - 20]
    assert len(np.unique(inside.reshape(-1, 3), axis=0)) <= (CELLS + 1) ** 2


@pytest.mark.parametrize("found_by", COLOURS)
def test_published_pictures_change_at_boxes_and_labels_only(found_by: str) -> None:
    box = np.array([FACE], np.float32)
    found = Faces(spotted(), box, np.array([0.9], np.float32), (found_by,), ("name",))  # type: ignore[arg-type]
    drawn = annotate(PHOTO, found, "publish")
    changed = (drawn != PHOTO).any(2)
    x1, y1, x2, y2 = map(int, FACE)
    for line in (drawn[(y1 + y2) // 2, x1], drawn[y2, (x1 + x2) // 2]):
        assert np.abs(line.astype(int) - COLOURS[found_by]).max() < 30, "no line where the box ends"
    allowed = np.zeros_like(changed)
    allowed[y1 - 3 : y2 + 4, x1 - 3 : x2 + 4] = True
    allowed[y1 + 4 : y2 - 3, x1 + 4 : x2 - 3] = False
    allowed[max(0, y1 - 30) : y1, x1 : x1 + 160] = True
    assert changed.any() and not (changed & ~allowed).any()
    assert (patterned(1) == PHOTO).all(), "the picture itself was changed"


def test_boxes_at_any_border_can_be_drawn() -> None:
    edges = [
        (-20.5, -30, 8, 10),
        (SIDE - 5, SIDE - 5, SIDE + 40, SIDE + 40),
        (0, 0, SIDE, SIDE),
        (5, 5, 5 + SMALLEST_SIDE, 6),
    ]
    for privacy in (*HIDDEN, "publish"):
        assert annotate(PHOTO, faces(*(by_detector(0.5, edge) for edge in edges)), privacy).shape == PHOTO.shape


def test_an_image_is_written_as_it_is_drawn(tmp_path: Path) -> None:
    found = faces(by_detector(0.9, FACE))
    annotate_image(PHOTO, found, "pixelate", tmp_path / "ward" / "a.png.jpg")
    written = cv2.cvtColor(cv2.imread(str(tmp_path / "ward" / "a.png.jpg")), cv2.COLOR_BGR2RGB)
    assert np.abs(written.astype(int) - annotate(PHOTO, found, "pixelate")).mean() < 8
    assert similarity(written) < HIDES


def test_each_source_has_a_copy_of_its_own_and_a_jpeg_keeps_its_name(tmp_path: Path) -> None:
    images = ["x.png", "x.jpg", "x.jpeg", "x.png.jpg", "ward/x.jpg", "bed 1/x.jpg", "X.JPG", "y.heic"]
    videos = {"a.mp4": "", "a.mkv": "", "a.mkv.mp4": "", "rtsp://camera/1": ""}
    paths = annotated_paths(tmp_path, Sources(videos, {name: Path(name) for name in images}))
    below = {name: path.relative_to(tmp_path / "annotated").as_posix() for name, path in paths.items()}
    kept = ["x.jpg", "x.jpeg", "x.png.jpg", "ward/x.jpg", "bed 1/x.jpg", "a.mp4", "a.mkv.mp4"]
    assert {name: below[name] for name in kept} == {name: name for name in kept}
    assert below["y.heic"] == "y.heic.jpg" and below["rtsp://camera/1"] == "rtsp/camera/1.mp4"
    assert below["x.png"] == "x.png (2).jpg" and below["a.mkv"] == "a.mkv (2).mp4"
    assert len({path.lower() for path in below.values()}) == len(images) + len(videos)


@pytest.mark.parametrize("privacy", ["pixelate", "publish"])
def test_a_video_has_the_frames_that_were_looked_at(tmp_path: Path, privacy: str) -> None:
    photos = [patterned(number) for number in range(4)]
    with VideoWriter(tmp_path / "a.mp4", SIDE, SIDE, 5) as writer:
        for photo in photos:
            writer.write(photo)
    boxes = [(by_detector(0.9, FACE),), (), (by_rescue(0.9, FACE),)]
    found = [
        sure_faces(seen(index, *own, second=index / 5), NAMES) for index, own in zip((0, 1, 3), boxes, strict=True)
    ]
    with open_video(tmp_path / "a.mp4") as video:
        told = list(annotate_video(video, found, privacy, tmp_path / "annotated" / "a.mp4"))
    assert told == found
    with open_video(tmp_path / "annotated" / "a.mp4") as video:
        frames = [(frame.second, frame.pixels) for frame in video.frames()]
    assert [second for second, _ in frames] == pytest.approx([0, 0.2, 0.6], abs=1e-4)
    for (_, pixels), index in zip(frames, (0, 1, 3), strict=True):
        likeness = similarity(pixels, photos[index])
        assert likeness > SEEN if privacy == "publish" else likeness < HIDES
