"""Label files and images as other tools read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from uncover.data.photos import inspect_photo
from uncover.data.yolo import label_lines, place_image, write_data_yaml

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
