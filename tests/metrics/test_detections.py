"""The one type for boxes: rows, joining, suppression, tables, files, pictures; and the one IoU."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.errors import InputError
from uncover.metrics import detections
from uncover.metrics.detections import Detections, box_iou, iou, nms, suppress_without_torchvision
from uncover.metrics.predictions import LANDMARKS, read_predictions

SQUARE = [0, 0, 10, 10]


def random_boxes(count: int, seed: int = 0, side: float = 60) -> np.ndarray:
    chance = np.random.default_rng(seed)
    corner = chance.random((count, 2)) * side
    return np.concatenate([corner, corner + chance.random((count, 2)) * side], axis=1)


def found(count: int = 5, images: int | None = None, seed: int = 0) -> Detections:
    """Boxes with every attribute."""
    chance = np.random.default_rng(seed)
    return Detections(
        boxes=random_boxes(count, seed).astype(np.float32),
        confidence=chance.random(count).astype(np.float32),
        classes=chance.integers(0, 3, count),
        landmarks=chance.random((count, 5, 2)).astype(np.float32),
        found_by=np.arange(count, dtype=np.int8),
        image=None if images is None else chance.integers(0, images, count),
    )


def assert_equal(one: Detections, other: Detections) -> None:
    for name in ("boxes", "confidence", "classes", "landmarks", "found_by", "image"):
        first, second = getattr(one, name), getattr(other, name)
        assert (first is None) == (second is None), name
        if first is not None:
            np.testing.assert_array_equal(first, second, name)
            assert first.dtype == second.dtype, name


@pytest.mark.parametrize(
    ("other", "overlap"),
    [
        (SQUARE, 1.0),
        ([5, 0, 15, 10], 1 / 3),
        ([0, 0, 10, 5], 0.5),
        ([10, 0, 20, 10], 0.0),
        ([20, 20, 30, 30], 0.0),
        ([-10, -10, 20, 20], 1 / 9),
        ([5, 5, 5, 5], 0.0),
    ],
)
def test_intersection_over_union(other: list[int], overlap: float) -> None:
    assert box_iou(np.array([SQUARE]), np.array([other]))[0, 0] == pytest.approx(overlap, abs=1e-6)
    assert iou(np.array(SQUARE, np.float64), np.array(other, np.float64)) == pytest.approx(overlap, abs=1e-12)


def test_boxes_without_area_have_no_overlap() -> None:
    nothing = np.zeros((1, 4))
    assert box_iou(nothing, nothing)[0, 0] == 0 and iou(nothing, nothing)[0] == 0


def test_iou_leaves_its_boxes_alone_and_keeps_their_precision() -> None:
    boxes = random_boxes(7)
    before = boxes.copy()
    assert iou(boxes[:, None], boxes[None]).dtype == np.float64
    assert iou(boxes.astype(np.float32), boxes.astype(np.float32)).dtype == np.float32
    assert box_iou(boxes, boxes).dtype == np.float32
    np.testing.assert_array_equal(boxes, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_suppression_keeps_what_no_better_box_covers(dtype: type) -> None:
    boxes = random_boxes(80, 3).astype(dtype)
    confidence = np.round(np.random.default_rng(4).random(80), 1).astype(dtype)
    kept: list[int] = []
    for row in np.argsort(-confidence, kind="stable"):
        if not kept or (iou(boxes[row], boxes[kept]) <= dtype(0.4)).all():
            kept.append(int(row))
    assert nms(boxes, confidence, 0.4).tolist() == kept


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("spread", [1.0, 30.0])
def test_suppression_without_torchvision_keeps_the_same_rows(dtype: torch.dtype, spread: float) -> None:
    """Overlaps of small integers often equal the threshold; scores of two digits often equal each other."""
    operator = pytest.importorskip("torchvision.ops").nms
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        corner, sides = (torch.rand(2, 150, 2, generator=generator, dtype=dtype) * 20).unbind()
        corner, sides = (corner.round(), sides.round()) if seed % 2 else (corner * spread, sides)
        boxes = torch.cat((corner, corner + sides), 1)
        scores = torch.rand(150, generator=generator, dtype=dtype).mul(100).round() / 100
        for threshold in (0.0, 0.3, 0.45, 0.5, 0.7, 1.0):
            expected = operator(boxes, scores, threshold)
            assert torch.equal(suppress_without_torchvision(boxes, scores, threshold), expected)
            assert torch.equal(suppress_without_torchvision(boxes, scores, threshold, 7), expected[:7])
    none = suppress_without_torchvision(boxes[:0], scores[:0], 0.5)
    assert none.shape == (0,) and none.dtype == torch.int64


@pytest.mark.parametrize(
    "error", [None, RuntimeError("operator torchvision::nms does not exist"), OSError("libc10_cuda.so: no such file")]
)
def test_suppression_goes_on_with_a_torchvision_that_does_not_load(
    error: Exception | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expected = nms(random_boxes(50), np.linspace(0, 1, 50), 0.4)

    class Broken:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name.partition(".")[0] == "torchvision":
                raise error or ModuleNotFoundError(f"No module named {name!r}", name=name)

    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    monkeypatch.setattr(logging.getLogger("uncover"), "propagate", True)
    detections._torchvision_operator.cache_clear()
    try:
        with caplog.at_level("INFO"):
            np.testing.assert_array_equal(nms(random_boxes(50), np.linspace(0, 1, 50), 0.4), expected)
    finally:
        detections._torchvision_operator.cache_clear()
    said = {record.message for record in caplog.records if "torchvision does not fit torch" in record.message}
    assert len(said) == (error is not None) and all(str(error) in line for line in said)


def test_suppression_tells_classes_and_images_apart() -> None:
    same = np.array([SQUARE] * 6, np.float32)
    confidence = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], np.float32)
    classes, image = np.array([0, 0, 1, 0, 1, 1]), np.array([1, 1, 1, 0, 0, 0])
    assert len(Detections(same, confidence).nms(0.5)) == 1
    left = Detections(same, confidence, classes, image=image).nms(0.5)
    np.testing.assert_array_equal(left.confidence, confidence[[5, 3, 2, 1]])
    assert left.image is not None and left.image.tolist() == [0, 0, 1, 1]
    assert len(Detections.empty().nms(0.5)) == 0


def test_rows_are_taken_by_mask_slice_and_number() -> None:
    some = found(5)
    mask = np.array([True, False, True, False, False])
    assert_equal(some[mask], some[[0, 2]])
    assert_equal(some[:2], some[np.array([0, 1])])
    assert_equal(some[-1], some[4:])
    assert len(some[[]]) == 0 and len(some) == 5
    assert_equal(Detections.concatenate([some[:2], some[2:2], some[2:]]), some)
    assert len(Detections.concatenate([])) == 0


def test_attributes_have_a_value_for_every_box() -> None:
    with pytest.raises(ValueError, match=r"confidence: shape \(2,\); expected \(1,\)"):
        Detections(np.zeros((1, 4), np.float32), np.zeros(2, np.float32))
    with pytest.raises(ValueError, match=r"landmarks: shape \(1, 10\)"):
        Detections(np.zeros((1, 4), np.float32), np.zeros(1, np.float32), landmarks=np.zeros((1, 10), np.float32))
    with pytest.raises(ValueError, match="expected the same"):
        Detections.concatenate([found(2), Detections(np.zeros((1, 4), np.float32), np.zeros(1, np.float32))])


def test_confidence_is_compared_as_it_is_stored() -> None:
    confidence = np.array([0.4, 0.7, 0.9], np.float32)
    assert len(Detections(np.zeros((3, 4), np.float32), confidence).with_confidence(0.7)) == 2


def test_boxes_by_class_and_image() -> None:
    some = found(20, images=4)
    assert some.classes is not None and some.image is not None
    assert len(some.of_class(1)) == int((some.classes == 1).sum())
    faces = Detections(some.boxes, some.confidence)
    assert len(faces.of_class(WHOLE_FACE)) == 20 and len(faces.of_class(WHOLE_FACE + 1)) == 0
    by_image = some.by_image(6)
    assert [len(each) for each in by_image] == np.bincount(some.image, minlength=6).tolist()
    assert by_image[0].image is None
    np.testing.assert_array_equal(by_image[2].found_by, np.flatnonzero(some.image == 2))
    ranked = some.sorted()
    assert ranked.image is not None and (np.diff(ranked.image) >= 0).all()
    np.testing.assert_array_equal(ranked.by_image(4)[1].confidence, -np.sort(-by_image[1].confidence))


def test_boxes_end_at_the_edge_and_grow_with_their_image() -> None:
    boxes = np.array([[-5, -5, 5, 5], [20, 0, 30, 10], [2, 2, 4, 4]], np.float32)
    inside = Detections(boxes, np.ones(3, np.float32)).clipped(10, 8)
    np.testing.assert_array_equal(inside.boxes, np.array([[0, 0, 5, 5], [2, 2, 4, 4]], np.float32))
    grown = found(3).scaled(2, 3)
    np.testing.assert_array_equal(grown.boxes, found(3).boxes * np.array([2, 3, 2, 3], np.float32))
    assert grown.landmarks is not None and grown.landmarks.dtype == np.float32


def test_a_table_and_back() -> None:
    names = ["a.jpg", "b.jpg", "c.jpg"]
    some = found(8, images=3)
    table = some.to_pandas(names)
    assert table.columns[:4].tolist() == ["image", "class", "class_id", "confidence"]
    assert f"{LANDMARKS[0]}_x" in table
    assert_equal(Detections.from_pandas(table, names), some)
    alone = Detections(some.boxes, some.confidence).to_pandas()
    assert alone["class"].unique().tolist() == [CLASS_NAMES[WHOLE_FACE]] and "image" not in alone
    assert len(Detections.empty().to_pandas(names)) == 0


def test_a_file_of_predictions_and_back(tmp_path: Path) -> None:
    images = pd.DataFrame({"image": ["a.jpg", "b.jpg", "c.jpg"], "width": 640, "height": 480})
    some = found(8, images=3).sorted()
    settings = {"model": "m", "confidence": 0.001, "classes": {"0": "one", "1": "two", "2": "three"}}
    some.to_parquet(tmp_path / "set.parquet", images, settings)
    stored = read_predictions(tmp_path / "set.parquet")
    assert stored.settings == settings and stored.boxes["class"].isin(["one", "two", "three"]).all()
    back = Detections.from_parquet(tmp_path / "set.parquet")
    np.testing.assert_array_equal(back.boxes, some.boxes)
    np.testing.assert_array_equal(back.landmarks, some.landmarks)
    np.testing.assert_array_equal(back.image, some.image)
    with pytest.raises(InputError, match="does not exist"):
        Detections.from_parquet(tmp_path / "no.parquet")


def test_boxes_are_equal_by_value_and_come_one_by_one() -> None:
    some = found(3)
    assert some == found(3) and some != found(3, seed=1) and some != some[:2] and some != 3
    one, two, three = some
    assert Detections.concatenate([one, two, three]) == some and two == some[1]
    with pytest.raises(IndexError):
        some[3]


def test_boxes_know_their_image_and_the_names_of_their_classes(tmp_path: Path) -> None:
    pixels = np.zeros((60, 80, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "photo.png"), pixels)
    own = replace(found(3), shown=tmp_path / "photo.png", class_names={0: "cat", 1: "dog"})
    assert set(own.to_pandas()["class"]) <= {"cat", "dog", "class 2"}
    for figure in (own.plot(), own[:2].sorted().plot(), found(3).plot(str(tmp_path / "photo.png"))):
        assert figure.axes[0].get_xlim() == (-0.5, 79.5)
        assert figure._repr_png_()[:4] == b"\x89PNG"
    assert own.scaled(2, 2).shown is None
    for image, message in ((None, "have no image"), (tmp_path / "absent.png", "absent.png")):
        with pytest.raises(InputError, match=message):
            found(3).plot(image)


def test_boxes_are_drawn_on_their_image(tmp_path: Path) -> None:
    figure = found(3).plot(np.zeros((60, 80, 3), np.uint8))
    (axes,) = figure.axes
    assert len(axes.patches) == 3 and len(axes.lines) == 3
    classes, sure = found(3).class_ids, found(3).confidence
    texts = [f"{CLASS_NAMES[number]} {value:.2f}" for number, value in zip(classes, sure, strict=True)]
    assert [text.get_text() for text in axes.texts] == texts
    figure.savefig(tmp_path / "faces.png")
    assert (tmp_path / "faces.png").stat().st_size
    assert len(Detections.empty().plot(np.zeros((60, 80), np.uint8)).axes[0].patches) == 0
