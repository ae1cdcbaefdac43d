"""What each strategy proposes, on faces whose parts are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rescue.sets import predicted, write_joint_maps, write_training_set
from uncover.cli import main
from uncover.data.parts import CLASS_NAMES, CLASS_OF_PART, PARTS, WHOLE_FACE
from uncover.errors import InputError
from uncover.metrics.detections import Detections
from uncover.metrics.predictions import CORNERS, Predictions, read_predictions, write_predictions
from uncover.report.rescue_names import method_title
from uncover.rescue.evidence import Anatomy, Evidence, into_frame
from uncover.rescue.strategies import STRATEGIES, strategy

FACE = {
    "whole face": (0, 0, 20, 20),
    "left eye": (12, 4, 17, 7),
    "right eye": (3, 4, 8, 7),
    "nose": (8, 5, 12, 12),
    "mouth": (5, 14, 15, 18),
    "brows": (2, 1, 18, 4),
    "left face": (10, 2, 20, 20),
}
IMAGES = ["a.jpg", "b.jpg"]


def anatomy() -> Anatomy:
    """Of the one face above."""
    offsets: dict[int, list[np.ndarray]] = {}
    for part, box in FACE.items():
        if part != "whole face":
            offset = into_frame(np.array([FACE["whole face"]], float), np.array([box], float))[0]
            offsets.setdefault(CLASS_OF_PART[PARTS.index(part)], []).append(offset)
    return Anatomy({part: np.stack(modes) for part, modes in offsets.items()}, np.array([0.2, 0.1, 0.8, 0.9]))


def seen(parts: Sequence[str], image: str = "a.jpg", at: float = 30, size: float = 1, sure: float = 0.5) -> Predictions:
    """Exact boxes of some parts of a face whose corner is at (at, at), `size` times as large as the one above."""
    found = predicted(IMAGES, [(image, sure, tuple(at + size * side for side in FACE[part])) for part in parts])
    class_ids = [CLASS_OF_PART[PARTS.index(part)] for part in parts]
    boxes = found.boxes.assign(class_id=class_ids, **{"class": [CLASS_NAMES[number] for number in class_ids]})
    return Predictions(boxes, found.images, found.settings)


def evidence(rgb10: Predictions, rgb1: Predictions | None = None, **scales: Predictions) -> Evidence:
    return Evidence(rgb10, predicted(IMAGES, []) if rgb1 is None else rgb1, anatomy(), scales)


def proposed(name: str, about: Evidence) -> list[tuple[str, float, list[float]]]:
    boxes = STRATEGIES[name].propose(about).to_pandas(about.images["image"].tolist())
    assert (boxes["class_id"] == WHOLE_FACE).all() and (boxes["class"] == "whole face").all()
    confidence = boxes["confidence"].astype(float)
    return list(zip(boxes["image"], confidence, boxes[list(CORNERS)].to_numpy(float).tolist(), strict=True))


@given(
    parts=st.lists(st.sampled_from(sorted(set(FACE) - {"whole face"})), min_size=1, unique=True),
    at=st.floats(0, 40),
    size=st.floats(0.5, 3),
)
def test_exact_parts_give_back_the_face(parts: list[str], at: float, size: float) -> None:
    found = proposed("part_fusion", evidence(seen(parts, at=at, size=size)))
    face = np.minimum([at, at, at + 20 * size, at + 20 * size], 100)
    if set(parts) not in ({"left eye"}, {"right eye"}):
        image, sure, box = max(found, key=lambda row: row[1])
        assert image == "a.jpg" and box == pytest.approx(face, abs=1e-3)
        assert sure == pytest.approx(0.5 * len(parts) / (1 + 0.5 * len(parts)))
    # An eye counts once, as a left or as a right one.
    assert sum(sure / (1 - sure) for _, sure, _ in found) == pytest.approx(0.5 * len(parts), rel=1e-4)


def test_parts_below_the_lowest_confidence_have_no_vote() -> None:
    assert proposed("part_fusion", evidence(seen(["nose", "mouth"], sure=0.019))) == []
    assert len(proposed("part_fusion", evidence(seen(["nose", "mouth"], sure=0.02)))) == 1


def test_faces_apart_stay_apart() -> None:
    both = [seen(["nose", "mouth"], at=5), seen(["nose", "brows"], at=70, sure=0.4)]
    boxes = pd.concat([one.boxes for one in both], ignore_index=True)
    found = proposed("part_fusion", evidence(Predictions(boxes, both[0].images, {})))
    assert [box for _, _, box in found] == [pytest.approx([5, 5, 25, 25]), pytest.approx([70, 70, 90, 90])]


def test_whole_faces_vote_where_they_may() -> None:
    rgb10 = seen(["whole face", "nose"], at=30)
    rgb1 = predicted(IMAGES, [("a.jpg", 0.25, (30, 30, 50, 50)), ("b.jpg", 0.001, (0, 0, 10, 10))])
    about = evidence(rgb10, rgb1)
    face = pytest.approx([30, 30, 50, 50])
    assert proposed("lower_threshold", about) == [("a.jpg", 0.5, face)]
    assert proposed("part_fusion", about) == [("a.jpg", pytest.approx(0.5 / 1.5), face)]
    assert proposed("face_and_part_fusion", about) == [("a.jpg", pytest.approx(1 / 2), face)]
    (first, second) = proposed("one_class", about)
    assert first == ("a.jpg", 0.25, face) and second[:2] == ("b.jpg", pytest.approx(0.001))
    (first, second) = proposed("box_fusion", about)
    assert first == ("a.jpg", pytest.approx(1.25 / 2.25), face) and second[0] == "b.jpg"


def test_looks_that_agree_add_their_confidences() -> None:
    once = predicted(IMAGES, [("a.jpg", 0.3, (10, 10, 30, 30)), ("b.jpg", 0.2, (0, 0, 20, 20))])
    larger = predicted(IMAGES, [("a.jpg", 0.1, (10, 10, 34, 30)), ("b.jpg", 0.2, (50, 50, 70, 70))])
    found = proposed("multi_scale", evidence(predicted(IMAGES, []), once=once, twice=larger))
    assert found[0] == ("a.jpg", pytest.approx(0.4 / 1.4), pytest.approx([10, 10, 31, 30]))
    assert [(image, round(sure, 4)) for image, sure, _ in found[1:]] == [("b.jpg", 0.1667)] * 2


def test_the_constant_box_is_the_same_everywhere() -> None:
    box = [20, 10, 80, 90]
    assert proposed("constant_box", evidence(predicted(IMAGES, []))) == [(image, 1, box) for image in IMAGES]


def test_nothing_found_nothing_proposed() -> None:
    nothing = predicted(IMAGES, [])
    about = evidence(nothing, twice=nothing)
    assert {name: len(each.propose(about)) for name, each in STRATEGIES.items()} == {
        name: 2 if name == "constant_box" else 0 for name in STRATEGIES
    }


def test_many_sure_parts_stay_apart_in_single_precision() -> None:
    few, many = (seen(["nose"] * number, sure=0.99) for number in (40, 41))
    less, more = (proposed("part_fusion", evidence(found))[0][1] for found in (few, many))
    assert less < more < 1


def test_no_more_boxes_are_proposed_than_a_detector_stores() -> None:
    places = [(number % 20 * 5, number // 20 * 5) for number in range(400)]
    apart = [("a.jpg", 0.1 + 0.001 * number, (x, y, x + 4, y + 4)) for number, (x, y) in enumerate(places)]
    found = proposed("box_fusion", evidence(predicted(IMAGES, [*apart, ("b.jpg", 0.01, (0, 0, 9, 9))])))
    assert [image for image, *_ in found] == ["a.jpg"] * 300 + ["b.jpg"]
    assert min(sure for image, sure, _ in found if image == "a.jpg") == pytest.approx(0.2 / 1.2)


def test_one_more_strategy_is_one_more_function(tmp_path: Path) -> None:
    """It is proposed and named in tables; `STRATEGIES` is all that the Snakefile knows of strategies."""

    @strategy("One more", "ours")
    def added(evidence: Evidence) -> Detections:
        return STRATEGIES["constant_box"].propose(evidence)[:1]

    try:
        assert [image for image, *_ in proposed("added", evidence(predicted(IMAGES, [])))] == ["a.jpg"]
        train = write_training_set(tmp_path / "train", {"a": FACE})
        for name in ("rgb10", "rgb1"):
            write_predictions(tmp_path / name / "val.parquet", seen(["whole face", "nose"]))
        words = [tmp_path / "out", "--train", train]
        words += ["--rgb10", tmp_path / "rgb10/val.parquet", "--rgb1", tmp_path / "rgb1/val.parquet"]
        assert main(["propose", *map(str, words)]) == 0
        assert read_predictions(tmp_path / "out/added/val.parquet").settings["strategy"] == "added"
        assert method_title("added") == "one more"
    finally:
        del STRATEGIES["added"]


def test_evidence_is_about_one_set() -> None:
    with pytest.raises(InputError, match=r"rgb10 and twice differ in images \(2 and 1\)"):
        evidence(predicted(IMAGES, []), twice=predicted(IMAGES[:1], []))


def test_the_command_writes_predictions_of_every_strategy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = write_training_set(tmp_path / "train", {"a": FACE})
    for name in ("rgb10", "rgb1", "look"):
        write_predictions(tmp_path / name / "val.parquet", seen(["whole face", "nose"]))
    words = [tmp_path / "out", "--train", train]
    words += ["--rgb10", tmp_path / "rgb10/val.parquet", "--rgb1", tmp_path / "rgb1/val.parquet"]
    assert main(["propose", *map(str, words)]) == 0
    folders = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert folders == sorted(set(STRATEGIES) - {"multi_scale", "heatmap_boxes"})
    maps = {image: np.zeros((20, 20)) for image in IMAGES}
    maps["a.jpg"][6:10, 6:10] = 1
    write_joint_maps(tmp_path / "maps/val", maps, variant="again")
    further = ["--scales", tmp_path / "look", "--heatmaps", tmp_path / "maps"]
    assert main(["propose", *map(str, words + further)]) == 0
    for name in STRATEGIES:
        stored = read_predictions(tmp_path / f"out/{name}/val.parquet")
        assert stored.images["image"].tolist() == IMAGES and len(stored.boxes) == (2 if name == "constant_box" else 1)
        assert stored.settings["strategy"] == name and stored.class_names == {WHOLE_FACE: "whole face"}
        assert stored.settings["inputs"].keys() == {"rgb10", "rgb1", "look"}
        assert stored.settings["inputs"]["rgb1"]["confidence"] == 0.001
        # All that a trial asks of what it compares.
        assert [stored.settings[key] for key in ("nms_iou", "max_boxes_per_class", "precision")] == [
            0.6,
            300,
            "float32",
        ]
        assert stored.settings["image_size"] == dict.fromkeys(("rgb10", "rgb1", "look"), 160)
        assert stored.settings.get("heatmaps", {}).get("variant") == ("again" if name == "heatmap_boxes" else None)

    def complains(*more: object) -> str:
        capsys.readouterr()
        assert main(["propose", *map(str, words), *map(str, more)]) == 2
        return capsys.readouterr().err

    assert "none: not a folder" in complains("--scales", tmp_path / "none")
    assert "two folders with the same name" in complains("--scales", tmp_path / "look", tmp_path / "look")
    assert "none: not a folder; expected one with a heatmap set" in complains("--heatmaps", tmp_path / "none")
    assert "manifest.parquet: does not exist" in complains("--heatmaps", tmp_path / "look")
    assert "test.parquet: given for only one of" in complains("--rgb1", tmp_path / "test.parquet")
    assert "set val is given twice" in complains("--rgb1", *[tmp_path / "rgb1/val.parquet"] * 2)
    assert "rgb10/val.parquet was stored at 0.6; pass the same value" in complains("--nms-iou", 0.5)
    write_predictions(tmp_path / "rgb1/val.parquet", predicted(IMAGES, [], nms_iou=0.5))
    assert "rgb1/val.parquet: nms_iou is 0.5, but 0.6 in" in complains()
    write_predictions(tmp_path / "rgb1/val.parquet", predicted(["c.jpg"], []))
    assert "rgb10/val.parquet: predictions of rgb10 and rgb1 differ in images" in complains()
