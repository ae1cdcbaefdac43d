"""Label files and images as other tools read them, and what is wrong with some rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from uncover.data.faces import RowError
from uncover.data.photos import inspect_photo
from uncover.data.yolo import label_lines, parse_yolo, place_image, read_label_file, write_data_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import RawData


edges = st.floats(0, 1, allow_nan=False)


@given(
    st.integers(1, 9000),
    st.integers(1, 9000),
    st.lists(st.tuples(st.integers(0, 9), edges, edges, edges, edges), max_size=12),
)
def test_label_text_parses_back_to_the_boxes(
    width: int, height: int, drawn: list[tuple[int, float, float, float, float]]
) -> None:
    classes = [class_id for class_id, *_ in drawn]
    boxes = [(min(a, c) * width, min(b, d) * height, max(a, c) * width, max(b, d) * height) for _, a, b, c, d in drawn]
    lines = label_lines(classes, np.array(boxes, np.float64).reshape(-1, 4), width, height)
    assert len(lines) == len(set(lines)) <= len(drawn)
    expected = set()
    for class_id, (left, top, right, bottom) in zip(classes, boxes, strict=True):
        centre = ((left + right) / 2 / width, (top + bottom) / 2 / height)
        expected.add((class_id, *centre, (right - left) / width, (bottom - top) / height))
    found = {(int(line.split()[0]), *map(float, line.split()[1:])) for line in lines}
    assert found == expected
    assert all(0 <= value <= 1 for row in found for value in row[1:])


def test_an_image_that_all_tools_read_alike_is_a_link_that_works_from_its_final_place(
    raw: RawData, tmp_path: Path
) -> None:
    photo = raw.photo("deep/below/A.JPG")
    (tmp_path / "building/images").mkdir(parents=True)
    name = place_image(photo, inspect_photo(photo), "a", tmp_path / "building/images", tmp_path / "far/out/images")
    assert name == "a.jpg"
    (tmp_path / "far").mkdir()
    (tmp_path / "building").rename(tmp_path / "far/out")
    link = tmp_path / "far/out/images/a.jpg"
    assert link.is_symlink() and not link.readlink().is_absolute() and link.samefile(photo)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize(("mode", "kind"), [("RGB", "JPEG"), ("CMYK", "JPEG"), ("I;16", "PNG")])
def test_an_image_that_tools_disagree_about_becomes_an_upright_png(
    raw: RawData, tmp_path: Path, mode: str, kind: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = raw.write(f"a.{kind.lower()}", raw.encoded(raw.picture(60, 40, mode), kind, exif=exif))
    info = inspect_photo(photo)
    name = place_image(photo, info, "a", tmp_path, tmp_path)
    if mode == "RGB" and orientation == 1:
        assert name == "a.jpeg" and (tmp_path / name).is_symlink()
        return
    assert name == "a.png" and not (tmp_path / name).is_symlink()
    with Image.open(photo) as image:
        upright = ImageOps.exif_transpose(image)
        if mode == "I;16":
            expected = np.rint(np.asarray(upright, np.float64) / 257).astype(np.uint8)
        else:
            expected = np.asarray(upright.convert("RGB"))
    seen = cv2.imread(str(tmp_path / name), cv2.IMREAD_UNCHANGED)
    assert seen is not None and seen.shape == (info.height, info.width, 3) and seen.dtype == np.uint8
    assert np.array_equal(seen[..., ::-1], expected if expected.ndim == 3 else expected[..., None].repeat(3, axis=2))


def test_data_yaml_names_ten_classes_and_its_sets(tmp_path: Path) -> None:
    write_data_yaml(tmp_path, {"train": "train.txt", "val": "images"})
    content = yaml.safe_load((tmp_path / "data.yaml").read_text())
    assert (content["path"], content["train"], content["val"]) == (".", "train.txt", "images")
    assert content["names"][0] == "eyes" and content["names"][2] == "whole face" and len(content["names"]) == 10


shares = st.floats(0, 1, allow_nan=False)
sides = st.floats(1e-6, 1, allow_nan=False)


@given(st.lists(st.tuples(shares, shares, sides, sides), max_size=6))
def test_yolo_boxes_come_back(boxes: list[tuple[float, float, float, float]]) -> None:
    found = parse_yolo("".join(f"0 {x!r} {y!r} {w!r} {h!r}\n" for x, y, w, h in boxes))
    assert found.shape == (len(boxes), 4) and found.dtype == np.float64
    assert found.tolist() == [[x - w / 2, y - h / 2, x + w / 2, y + h / 2] for x, y, w, h in boxes]


@pytest.mark.parametrize(
    ("text", "row", "words"),
    [
        ("0 0.5 0.5 0.1", 1, ["4 values", "expected five"]),
        ("0 0.5 0.5 0.1 0.1 0.9", 1, ["6 values", "expected five", "confidence"]),
        ("0 0.5 0.5 0.1 0.1\n\n0 0.5 0.5 0.1 x", 3, ["not five numbers"]),
        ("face 0.5 0.5 0.1 0.1", 1, ["not five numbers"]),
        ("1 0.5 0.5 0.1 0.1", 1, ["class 1 is unknown", "0"]),
        ("nan 0.5 0.5 0.1 0.1", 1, ["not a finite number"]),
        ("0 0.5 0.5 nan 0.1", 1, ["not a finite number"]),
        ("0 inf 0.5 0.1 0.1", 1, ["not a finite number"]),
        ("0 0.5 0.5 0.1 1.01", 1, ["from 0 to 1"]),
        ("0 -0.1 0.5 0.1 0.1", 1, ["from 0 to 1"]),
        ("0 320 240 64 48", 1, ["from 0 to 1"]),
        ("0 0.5 0.5 0 0.1", 1, ["sides above 0"]),
    ],
)
def test_a_malformed_yolo_row_is_named(text: str, row: int, words: list[str]) -> None:
    with pytest.raises(RowError) as caught:
        parse_yolo(text)
    assert caught.value.row == row
    for word in words:
        assert word in str(caught.value)


@given(st.one_of(st.text(), st.lists(st.sampled_from(["0", "0.5", "1", "2", "nan", "\n", "x"])).map(" ".join)))
def test_no_text_raises_anything_but_a_row_error(text: str) -> None:
    try:
        boxes = parse_yolo(text)
    except RowError as error:
        assert 1 <= error.row <= len(text.splitlines()) and "\n" not in str(error)
    else:
        assert boxes.shape == (sum(1 for line in text.splitlines() if line.split()), 4)


def label_file(folder: Path, text: str) -> Path:
    path = folder / "a.txt"
    path.write_text(text)
    return path


def test_rows_stay_in_order_and_repeated_ones_are_counted(tmp_path: Path) -> None:
    path = label_file(tmp_path, "9 .5 .5 1 1\n\n 0 0.1 0.2\t0.3 0.4 \n9.0 0.50 .5 1 1.00000001\n")
    file = read_label_file(path)
    assert file.boxes.dtype == np.float32 and file.repeated == 1 and file.problems == ()
    assert np.array_equal(file.boxes, np.array([[9, 0.5, 0.5, 1, 1], [0, 0.1, 0.2, 0.3, 0.4]], np.float32))


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_file_and_none_at_all_hold_no_box(tmp_path: Path, text: str) -> None:
    for path in (label_file(tmp_path, text), tmp_path / "b.txt"):
        file = read_label_file(path, known=[0])
        assert file.boxes.shape == (0, 5) and file.boxes.dtype == np.float32
        assert file.repeated == 0 and file.problems == ()


@pytest.mark.parametrize(
    ("known", "says"),
    [
        (None, "class 1e8 is unknown; expected a whole number of 0 or more"),
        ({0: "eyes"}, "class 1e8 is unknown; expected an id that data.yaml names"),
    ],
)
def test_a_class_must_be_known(tmp_path: Path, known: dict[int, str] | None, says: str) -> None:
    path = label_file(tmp_path, "0 .5 .5 1 1\n1e8 .5 .5 1 1")
    assert read_label_file(path, known).problems == (f"{path}, row 2: {says}",)


def test_a_link_to_nowhere_is_no_image_without_labels(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to("moved.txt")
    (problem,) = read_label_file(tmp_path / "a.txt").problems
    assert problem.startswith(f"{tmp_path / 'a.txt'}: links to a file that does not exist")
