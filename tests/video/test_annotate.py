"""Pictures with the boxes drawn in: no face survives where faces are hidden, and nothing else changes where not."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.report.leaks import correlation, fine_structure, interior
from tests.report.rescue_records import ASIDE, FACE, SIDE, patterned
from tests.video.detected import LABELS, Box, by_detector, by_rescue, seen
from uncover.data.parts import SMALLEST_SIDE
from uncover.images.letterbox import fit
from uncover.images.privacy import CELLS, SHAPES, Cover, shown
from uncover.metrics.detections import Detections
from uncover.video.annotate import (
    COLOURS,
    HOLD,
    DelayedFrames,
    LiveDrawing,
    annotate,
    annotate_image,
    annotate_video,
    fitted,
)
from uncover.video.batches import letterboxed
from uncover.video.decode import open_video
from uncover.video.detected_frames import DetectedFrame
from uncover.video.encode import VideoWriter
from uncover.video.faces import FrameFaces, sure_faces
from uncover.video.model import Model
from uncover.video.pipeline import annotated_paths
from uncover.video.sources import Sources
from uncover.yolov5.weights import Header

HIDDEN = ("pixelate", "blur", "solid")
PHOTO = patterned(1)
SEEN, HIDES = 0.8, 0.3
"""Correlation from which a face is there, and up to which it is not."""


def detected(*boxes: Box) -> DetectedFrame:
    return seen(0, *boxes, second=0.0)


def faces(*boxes: Box) -> FrameFaces:
    return sure_faces(detected(*boxes), LABELS)


def by_time(*boxes: Box) -> FrameFaces:
    """A face for which only other frames speak."""
    face = Detections(np.array([ASIDE], np.float32), np.array([0.5], np.float32))
    return FrameFaces(detected(*boxes), face, ("temporal",), ("temporal",))


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
def test_no_face_survives(found: FrameFaces, privacy: str) -> None:
    assert similarity(annotate(PHOTO, found, "publish")) > SEEN
    for shape in SHAPES:
        assert similarity(annotate(PHOTO, found, privacy, shape=shape)) < HIDES


def cover_of(name: str, box: tuple[float, float, float, float], confidence: float) -> Cover:
    """What a detector of two classes leaves of such a candidate and of a sure face elsewhere."""
    decoded = torch.zeros(1, 4, 7)
    for row, (corners, sure, column) in enumerate(
        ((ASIDE, 0.9, 5), (box, confidence, 5 if name == "whole face" else 6))
    ):
        x1, y1, x2, y2 = corners
        decoded[0, row, :5] = torch.tensor([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, 1.0])
        decoded[0, row, column] = sure
    header = Header(model="yolov5n", channels=3, class_names=("whole face", "nose"), class_ids=(2, 1), image_size=SIDE)
    model = Model(torch.nn.Identity(), header, torch.device("cpu"), SIDE, 0.6)  # type: ignore[arg-type]
    (cover,) = model.covers(decoded, [fit(SIDE, SIDE, SIDE)])
    assert cover is not None
    return cover


NOSE = (113.0, 105.0, 143.0, 148.0)


@pytest.mark.parametrize("privacy", HIDDEN)
@pytest.mark.parametrize(
    ("name", "box", "confidence", "hides"),
    [
        ("whole face", FACE, 0.02, True),
        ("whole face", (70, 66, 190, 180), 0.011, True),
        ("nose", NOSE, 0.02, True),
        ("whole face", FACE, 0.001, False),
    ],
)
def test_a_face_beside_a_sure_false_box_is_hidden_by_any_weak_candidate_on_it(
    name: str, box: tuple[float, float, float, float], confidence: float, hides: bool, privacy: str
) -> None:
    beside = seen(0, by_detector(0.9, ASIDE), second=0.0, cover=cover_of(name, box, confidence))
    drawn = annotate(PHOTO, sure_faces(beside, LABELS), privacy)
    assert (similarity(drawn) < HIDES) == hides
    x1, y1, x2, y2 = map(int, FACE)
    same = (drawn == PHOTO).all(2)[y1:y2, x1:x2].mean()
    assert same < 0.02 if hides else same > 0.9
    assert similarity(annotate(PHOTO, sure_faces(seen(0, by_detector(0.9, ASIDE)), LABELS), privacy)) > SEEN
    assert similarity(annotate(PHOTO, sure_faces(beside, LABELS), "whole-frame")) < HIDES


def test_a_place_stays_hidden_for_half_a_second_before_and_after(tmp_path: Path) -> None:
    """A sure false box in every frame; once, in the middle, a network says a little of the true face."""
    face = cover_of("whole face", FACE, 0.02)
    with VideoWriter(tmp_path / "a.mp4", SIDE, SIDE, 5) as writer:
        for _ in range(9):
            writer.write(PHOTO)
    found = [
        sure_faces(seen(n, by_detector(0.9, ASIDE), second=n / 5, cover=face if n == 4 else None), LABELS)
        for n in range(9)
    ]
    with open_video(tmp_path / "a.mp4") as video:
        pictures = list(letterboxed(video.frames(), 64, 0))
    with open_video(tmp_path / "a.mp4") as video:
        assert list(annotate_video(video, found, "pixelate", tmp_path / "b.mp4")) == found
        with LiveDrawing(tmp_path / "live.mp4", video, LABELS, "pixelate", None) as drawing:
            for picture, faces_in_it in zip(pictures, found, strict=True):
                drawing.add(picture, faces_in_it.frame)
    for name in ("b.mp4", "live.mp4"):
        with open_video(tmp_path / name) as video:
            hidden = [similarity(frame.pixels) < HIDES for frame in video.frames()]
        assert hidden == [abs(n - 4) / 5 <= HOLD for n in range(9)]


def test_a_false_box_that_comes_and_goes_brings_nothing_out() -> None:
    """Of five pictures in half a second before and after, three must have something that counts."""
    for counts in range(1, 6):
        sure = (2, 1, 3, 0, 4)[:counts]
        frames = [sure_faces(seen(n, *[by_detector(0.9, ASIDE)] * (n in sure), second=n / 5), LABELS) for n in range(5)]
        held = DelayedFrames[None]("pixelate")
        given = [each for own in frames for each in held.add(None, own)]
        _, own, cover = [*given, *held.rest()][2]
        assert own.frame.index == 2 and cover is not None
        assert cover.cells.all() == (counts < 3), counts
        assert (similarity(annotate(PHOTO, own, "pixelate", cover)) < HIDES) == (counts < 3)


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
    face = Detections(np.array([FACE], np.float32), np.array([0.9], np.float32))
    found = FrameFaces(detected(), face, (found_by,), ("name",))  # type: ignore[arg-type]
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
        sure_faces(seen(index, *own, second=index / 5), LABELS) for index, own in zip((0, 1, 3), boxes, strict=True)
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


@pytest.mark.parametrize(("size", "inside"), [((48, 64), (slice(0, 48), slice(14, 50))), ((128, 96), np.s_[:48, :64])])
def test_pictures_of_another_size_are_fitted_into_the_first(size: tuple[int, int], inside: tuple[slice, slice]) -> None:
    width, height = size
    image = fitted(np.full((height, width, 3), 200, np.uint8), 64, 48)
    wanted = np.zeros((48, 64, 3), np.uint8)
    wanted[inside] = 200
    assert np.array_equal(image, wanted)


def test_no_picture_is_left_out_and_pixels_keep_their_shape(tmp_path: Path) -> None:
    """Pictures a hair apart, and of pixels that are no squares."""
    seconds = [0.0, 0.1, 0.10002, 0.10004, 0.3]
    with VideoWriter(tmp_path / "v.mp4", 96, 64, 10, pixel_aspect=Fraction(4, 3)) as writer:
        for number, second in enumerate(seconds):
            writer.write(patterned(number)[:64, :96], second)
    found = [sure_faces(seen(number, second=second), LABELS) for number, second in enumerate(seconds)]
    with open_video(tmp_path / "v.mp4") as video:
        assert video.pixel_aspect == Fraction(4, 3)
        assert len(list(annotate_video(video, found, "publish", tmp_path / "a.mp4"))) == len(seconds)
    with open_video(tmp_path / "a.mp4") as video:
        assert video.pixel_aspect == Fraction(4, 3) and (video.width, video.height) == (96, 64)
        assert [frame.second for frame in video.frames()] == pytest.approx(seconds, abs=3e-4)
