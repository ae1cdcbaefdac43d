"""Scores of ready-made detectors: what counts, what counts neither way, recall at a number of false boxes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.once import once
from uncover.errors import InputError
from uncover.metrics.detections import Detections
from uncover.metrics.matching import Matched
from uncover.yolov5 import packaged
from uncover.yolov5.network import build_network
from uncover.yolov5.packaged import Look, package_weights, read_scores, recall_at, score_sets
from uncover.yolov5.weights import Header, save_weights

SIDE = 200
FACES = {"one": [(20, 20, 60, 60, "open"), (100, 100, 108, 109, "open")], "two": [(50, 50, 120, 130, "covered")]}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(out: Path) -> None:
        header = Header(model="yolov5n", channels=3, class_names=("whole face",), class_ids=(2,), image_size=64)
        save_weights(out / "weights.pt", build_network("yolov5n", 3, 1, seed=0).state_dict(), header)

    return once(tmp_path_factory, "packaged", make) / "weights.pt"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A set of two photos and three faces, of which one has under 12 pixels."""
    folder = tmp_path / "test"
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    (folder / "data.yaml").write_text("names: {2: whole face}\n")
    rows, blocks = ["image,number,word,grade"], ["image,block"]
    for name, faces in FACES.items():
        cv2.imwrite(str(folder / f"images/{name}.png"), np.zeros((SIDE, SIDE, 3), np.uint8))
        lines = []
        for number, (x1, y1, x2, y2, word) in enumerate(faces):
            shares = np.array([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]) / SIDE
            lines.append("2 " + " ".join(map(str, shares)))
            rows.append(f"{name}.png,{number},{word},")
        (folder / f"labels/{name}.txt").write_text("\n".join(lines) + "\n")
        blocks.append(f"{name}.png,{name}")
    (folder / "words.csv").write_text("\n".join(rows) + "\n")
    (folder / "blocks.csv").write_text("\n".join(blocks) + "\n")
    return folder


def finding(boxes: list[tuple[str, float, tuple[int, int, int, int]]]) -> Callable[[Path], Look]:
    """Weights that find these boxes, whatever they are: image, confidence, corners."""

    def look(paths: Sequence[Path]) -> list[Detections]:
        rows = [[(sure, *box) for image, sure, box in boxes if image == path.stem] for path in paths]
        tables = [np.array(each, np.float32).reshape(-1, 5) for each in rows]
        return [Detections(table[:, 1:], table[:, 0]) for table in tables]

    return lambda weights: look


def test_small_faces_and_those_of_other_words_count_neither_way(weights: Path, data: Path) -> None:
    exact, small = (20, 20, 60, 60), (100, 100, 108, 109)
    loose = (50, 50, 120, 86)  # IoU 0.45 with the face of the other photo
    found = finding([("one", 0.9, exact), ("one", 0.8, small), ("two", 0.7, loose)])
    rows = {row.faces_scored: row for row in score_sets("some", "set", [(weights, data)], found, 20, turns=4)}
    assert set(rows) == {"all", "covered", "open"} and all(row.turns == 4 for row in rows.values())
    total, own, covered = rows["all"], rows["open"], rows["covered"]
    assert (total.photos, total.faces, total.blocks) == (2, 2, 2)
    # At IoU 0.4 both faces are found and nothing else; at 0.5 the loose box is wrong: half a false box a photo.
    assert total.ap40 > 0.99 and 0.4 < total.ap50 < 0.7 and total.recall == 0.5
    assert own.faces == 1 and own.ap50 > 0.99 and own.recall == 1
    # The exact box lies on a face that does not count here, so that it is no false one.
    assert covered.faces == 1 and covered.ap40 > 0.99 and covered.ap50 == 0


def test_halves_that_others_learnt_from_count_as_one_set(weights: Path, data: Path) -> None:
    found = finding([("one", 0.9, (20, 20, 60, 60))])
    (total, *_) = score_sets("some", "both", [(weights, data), (weights, data)], found, 10)
    assert (total.photos, total.faces, total.blocks) == (4, 4, 4)
    assert total.recall == 0.5


def test_recall_is_read_where_false_boxes_are_few_enough() -> None:
    correct = np.array([[True], [False], [True], [False], [True]])
    sure = np.array([0.9, 0.8, 0.7, 0.6, 0.5], np.float32)
    numbers = np.zeros(5, np.int64)
    matched = Matched(4, correct, sure, numbers, numbers, np.zeros(4, np.int64), np.zeros(4, np.int64))
    # Of four photos a quarter of a false box each is one: the boxes before the second false one count.
    assert recall_at(matched, 0.25) == 0.5
    assert recall_at(matched, 0.0) == 0.25 and recall_at(matched, 1.0) == 0.75


def test_what_cannot_be_packaged_is_told(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scores.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"scores.csv: not a table of scores"):
        read_scores(tmp_path / "scores.csv")
    places = (tmp_path / "out.pt", tmp_path / "out.md", [], tmp_path / "scores.csv", "make it", "2026-01-02")
    with pytest.raises(InputError, match="not from 'uncover train composed'"):
        package_weights(weights, *places)
    settings = {"model": "yolov5n", "composed": {}}
    header = Header(
        model="yolov5n",
        channels=3,
        class_names=("whole face",),
        class_ids=(2,),
        image_size=64,
        training={"settings": settings},
    )
    save_weights(tmp_path / "own.pt", build_network("yolov5n", 3, 1).state_dict(), header)
    monkeypatch.setattr(packaged, "LARGEST", 1000)
    with pytest.raises(InputError, match="bytes in half precision; expected at most 1000"):
        package_weights(tmp_path / "own.pt", *places)
    assert not (tmp_path / "out.pt").exists()
