"""Real photos and labels, compared with boxes computed here in plain Python from the files themselves."""

from __future__ import annotations

import json
import math
import random
import struct
import tarfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from uncover.cli import main
from uncover.data.faces import Face, Rejected
from uncover.data.reading import LANDMARK_READERS

Box = tuple[float, float, float, float]
Size = tuple[int, int]

PARTS = {
    "left eye": ["42-47"],
    "right eye": ["36-41"],
    "nose": ["27-35"],
    "whole face": ["0-26"],
    "right face": ["0-7"],
    "left face": ["9-16"],
    "brows": ["17-26"],
    "left eye face": ["42-47", "9-16"],
    "right eye face": ["36-41", "0-7"],
    "eyes nose": ["42-47", "36-41", "27-35"],
    "mouth": ["48-67"],
}
"""First and last index of 68, as the thesis names them."""
PARTS_98 = {
    "left eye": ["68-75"],
    "right eye": ["60-67"],
    "nose": ["51-59"],
    "whole face": ["0-50"],
    "right face": ["0-14"],
    "left face": ["18-32"],
    "brows": ["33-50"],
    "left eye face": ["68-75", "18-32"],
    "right eye face": ["60-67", "0-14"],
    "eyes nose": ["68-75", "60-67", "51-59"],
    "mouth": ["76-95"],
}
CLASSES = ["eyes", "nose", "whole face", "right face", "left face", "brows"]
CLASSES += ["left eye face", "right eye face", "eyes nose", "mouth"]


def numbers(path: Path) -> list[tuple[float, float]]:
    lines = path.read_text().splitlines()
    return [(float(x), float(y)) for x, y in (line.split() for line in lines[3:71])]


def jpeg_size(path: Path) -> Size:
    """Width and height from the start-of-frame marker."""
    content, position = path.read_bytes(), 2
    while True:
        marker, length = content[position + 1], struct.unpack(">H", content[position + 2 : position + 4])[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[position + 5 : position + 9])
            return width, height
        position += 2 + length


def corrected_box(points: list[tuple[float, float]], ranges: list[str], size: Size | None) -> Box | None:
    chosen = []
    for first, last in (span.split("-") for span in ranges):
        for x, y in points[int(first) : int(last) + 1]:
            if not (x == -1 and y == -1):
                chosen.append((abs(x), abs(y)))
    if len(chosen) < 2:
        return None
    left, right = min(x for x, _ in chosen), max(x for x, _ in chosen)
    top, bottom = min(y for _, y in chosen), max(y for _, y in chosen)
    if size is not None:
        left, right = max(left, 0.0), min(right, size[0])
        top, bottom = max(top, 0.0), min(bottom, size[1])
    return (left, top, right, bottom) if right - left >= 1 and bottom - top >= 1 else None


def released_xywh(points: list[tuple[float, float]], ranges: list[str]) -> Box:
    cut = [(int(x), int(y)) for x, y in points]
    survivors = [(abs(x), abs(y)) for x, y in cut if x != -1 and y != -1]
    chosen = []
    for first, last in (span.split("-") for span in ranges):
        chosen += survivors[int(first) : int(last)]  # half-open: the last is lost
    x, y, width, height = cv2.boundingRect(np.array(chosen, np.int32)) if chosen else (0, 0, 0, 0)
    return x + width // 2, y + height // 2, width, height


def faces_of(boxes: pd.DataFrame) -> Iterator[tuple[str, dict[str, tuple[str, Box]]]]:
    """Name of each face, and status and corners of its parts."""
    for name, rows in boxes.groupby("name", sort=True):
        corners = rows[["x1", "y1", "x2", "y2"]].to_numpy()
        yield (
            str(name),
            {
                part: (status, tuple(box.tolist()))
                for part, status, box in zip(rows["part"], rows["status"], corners, strict=True)
            },
        )


def assert_face_is_right(
    parts: str, name: str, found: dict[str, tuple[str, Box]], points: list[tuple[float, float]], size: Size | None
) -> None:
    assert set(found) == set(PARTS)
    for part, (status, box) in found.items():
        if parts == "corrected":
            expected = corrected_box(points, PARTS[part], size)
            assert (status == "kept") == (expected is not None), (name, part)
            assert expected is None or box == expected, (name, part)
        else:
            left, top, right, bottom = box
            centre = ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
            assert status == "kept" and centre == released_xywh(points, PARTS[part]), (name, part)


@pytest.mark.whole_run
@pytest.mark.parametrize("parts", ["corrected", "released"])
def test_every_box_of_every_face_of_the_merl_rav_photos(real: Path, tmp_path: Path, parts: str) -> None:
    out = tmp_path / "out"
    raw = real / "merl_rav"
    assert main(["labels", "--layout", "merl_rav", "--parts", parts, str(raw), str(out)]) == 0
    files = {path.stem: path for path in raw.rglob("*.pts")}
    sizes = {name: jpeg_size(path.with_suffix(".jpg")) for name, path in files.items()}
    counts = json.loads((out / "summary.json").read_text())
    assert len(files) == counts["read"] == 614
    assert counts["read"] == counts["kept"] + counts["rejected"]
    if parts == "corrected":
        assert (counts["kept"], counts["photos"]) == (614, 512)
    lines: dict[str, set[tuple[float, ...]]] = {}
    compared = 0
    for name, found in faces_of(pd.read_parquet(out / "boxes.parquet")):
        points, (width, height) = numbers(files[name]), sizes[name]
        assert_face_is_right(parts, name, found, points, (width, height))
        compared += 1
        for part, (status, (left, top, right, bottom)) in found.items():
            if parts == "released":
                x, y, w, h = released_xywh(points, PARTS[part])
            else:
                x, y, w, h = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
            class_id = CLASSES.index("eyes" if part in ("left eye", "right eye") else part)
            if status == "kept":
                line = (class_id, x / width, y / height, w / width, h / height)
                lines.setdefault(name.partition("_")[0], set()).add(line)
    assert compared == counts["kept"]
    # The label files hold exactly these boxes, of all faces of a photo together.
    assert {path.stem for path in (out / "labels").iterdir()} == set(lines)
    assert len(lines) == counts["photos"]
    for photo, expected in lines.items():
        text = (out / "labels" / f"{photo}.txt").read_text()
        assert {tuple(map(float, line.split())) for line in text.splitlines()} == expected
        assert (out / "images" / f"{photo}.jpg").resolve().is_file()


EVERY = 10


@pytest.fixture(scope="module", params=[EVERY, pytest.param(1, marks=pytest.mark.whole_run)])
def labels(request: pytest.FixtureRequest, real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every tenth label file, or all of them."""
    folder = tmp_path_factory.mktemp("labels")
    with tarfile.open(real / "merl_rav_labels.tar.xz", "r|xz") as archive:
        # Several times as quick as extractall, which cares for owners and times.
        for number, member in enumerate(member for member in archive if member.isfile()):
            content = archive.extractfile(member)
            if content is not None and number % request.param == 0:
                path = folder / member.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.read())
    return folder


@pytest.fixture(scope="module")
def faces_of_labels(labels: Path) -> list[Face | Rejected]:
    """What the reader of the layout finds, once for both rules."""
    return list(LANDMARK_READERS["merl_rav"](labels, None))


@pytest.mark.whole_run
@pytest.mark.parametrize("parts", ["corrected", "released"])
def test_real_merl_rav_labels_are_read_without_photos(
    labels: Path,
    faces_of_labels: list[Face | Rejected],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    parts: str,
) -> None:
    monkeypatch.setitem(LANDMARK_READERS, "merl_rav", lambda raw, photos: iter(faces_of_labels))
    out = tmp_path / "out"
    arguments = ["--layout", "merl_rav", "--no-photos", "--parts", parts, str(labels), str(out)]
    assert main(["labels", *arguments]) == 0
    counts = json.loads((out / "summary.json").read_text())
    files = {path.stem: path for path in labels.rglob("*.pts")}
    assert len(files) in (math.ceil(19314 / EVERY), 19314)
    assert counts["read"] == counts["kept"] + counts["rejected"] == len(files)
    assert not (out / "images").exists()
    boxes = pd.read_parquet(out / "boxes.parquet")
    kept = sorted(boxes["name"].unique())
    assert len(kept) == counts["kept"] > 0.98 * len(files)
    chosen = random.Random(0).sample(kept, 300)
    assert any("_" in name for name in chosen)
    for name, found in faces_of(boxes[boxes["name"].isin(chosen)]):
        assert_face_is_right(parts, name, found, numbers(files[name]), None)


def test_the_wflw_photos(real: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["labels", "--layout", "wflw", str(real / "wflw"), str(out)]) == 0
    counts = json.loads((out / "summary.json").read_text())
    assert (counts["read"], counts["kept"], counts["photos"]) == (4, 4, 2)
    assert len(list((out / "images").iterdir())) == 2
    rows = {}
    for part in ("train", "test"):
        (path,) = (real / "wflw").rglob(f"list_98pt_rect_attr_{part}.txt")
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            rows[f"{part}_{number:05d}"] = line.split()
    for name, found in faces_of(pd.read_parquet(out / "boxes.parquet")):
        fields = rows.pop(name)
        values = list(map(float, fields[:196]))
        points = list(zip(values[::2], values[1::2], strict=True))
        size = jpeg_size(real / "wflw/WFLW_images" / fields[206])
        for part, (status, box) in found.items():
            expected = corrected_box(points, PARTS_98[part], size)
            assert status == "kept" and box == expected, (name, part)
    assert not rows


def test_1466_real_wflw_rows_parse(real: Path, tmp_path: Path) -> None:
    lists = tmp_path / "wflw/WFLW_annotations/list_98pt_rect_attr_train_test"
    lists.mkdir(parents=True)
    text = (real / "wflw_rows_98pt_test.txt").read_text()
    (lists / "list_98pt_rect_attr_test.txt").write_text(text)
    out = tmp_path / "out"
    assert main(["labels", "--layout", "wflw", "--no-photos", str(tmp_path / "wflw"), str(out)]) == 0
    counts = json.loads((out / "summary.json").read_text())
    assert counts["read"] == len(text.splitlines()) == 1466
    assert counts["kept"] + counts["rejected"] == 1466
    boxes = pd.read_parquet(out / "boxes.parquet")
    rows = text.splitlines()
    for name, found in faces_of(boxes[boxes["name"].isin([f"test_{number:05d}" for number in (1, 700, 1466)])]):
        values = list(map(float, rows[int(name[5:]) - 1].split()[:196]))
        points = list(zip(values[::2], values[1::2], strict=True))
        for part, (status, box) in found.items():
            expected = corrected_box(points, PARTS_98[part], (math.inf, math.inf))  # type: ignore[arg-type]
            assert (status == "kept") == (expected is not None) and (expected is None or box == expected)


@pytest.mark.parametrize("grade", [None, "hard", "medium", "no_occlusion"])
def test_the_graded_frames(real: Path, tmp_path: Path, grade: str | None) -> None:
    raw, out = real / "face_mask", tmp_path / "out"
    options = ["--grade", grade] if grade else []
    assert main(["labels", "--layout", "graded", *options, str(raw), str(out)]) == 0
    grades = [grade] if grade else ["hard", "medium", "no_occlusion"]
    manifest = pd.read_parquet(out / "manifest.parquet")
    counts = json.loads((out / "summary.json").read_text())
    expected = {path.stem: path for name in grades for path in (raw / name / "labels").glob("*.txt")}
    assert counts["read"] == counts["kept"] == counts["photos"] == len(expected) == len(manifest)
    assert set(manifest["grade"]) == set(grades)
    for row in manifest.to_dict("records"):
        label = expected[row["photo"]]
        assert (row["width"], row["height"]) == jpeg_size(label.parent.parent / "images" / f"{label.stem}.jpg")
        theirs = [line.split() for line in label.read_text().splitlines() if line.strip()]
        ours = [line.split() for line in (out / row["label"]).read_text().splitlines()]
        assert row["faces"] == len(theirs) == len(ours)
        for (_, *before), (class_id, *after) in zip(theirs, ours, strict=True):
            assert class_id == "2"
            left, top, right, bottom = edges(before)
            clipped = [max(left, 0), max(top, 0), min(right, 1), min(bottom, 1)]
            assert np.allclose(edges(after), clipped, rtol=0, atol=1e-12)


def edges(values: list[str]) -> Box:
    x, y, width, height = map(float, values)
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def words_of(folder: Path) -> dict[str, list[str]]:
    """Words of each box by photo."""
    return {path.stem: path.read_text().split() for path in sorted((folder / "classes").iterdir())}


def test_real_infants_are_graded_by_the_words_of_their_boxes_and_stand_in_blocks_of_40_numbers(
    real: Path, tmp_path: Path
) -> None:
    raw = real / "infants_njn"
    if not raw.is_dir():
        pytest.skip("no photos of infants")
    common = ["--source", "slapi", "--grade-words", "none=open", "easy=truncated", "hard=covered"]
    common += ["--blocks", "slapi", "infant", "njn_[a-z]+_", "40"]
    manifest = []
    for grade in ("none", "easy", "hard"):
        assert main(["label_frames", str(raw), str(tmp_path / grade), "--grade", grade, *common]) == 0
        manifest.append(pd.read_parquet(tmp_path / grade / "manifest.parquet"))
    table = pd.concat(manifest).set_index("photo")
    words = words_of(raw)
    assert set(table.index) == set(words)
    for photo, said in words.items():
        every = {part for word in said for part in word.split("+")}
        expected = "hard" if "covered" in every else "easy" if "truncated" in every else "none"
        assert (table.loc[photo, "grade"], table.loc[photo, "faces"]) == (expected, len(said)), photo
        kind, number = photo.split("_")[1:]
        first = int(number) // 40 * 40
        assert table.loc[photo, "block"] == f"njn_{kind}_{first}-{first + 39}"


def test_of_real_crowds_faces_of_one_flag_count_from_12_pixels_on(real: Path, tmp_path: Path) -> None:
    raw = real / "wider200"
    if not raw.is_dir():
        pytest.skip("no photos of crowds")
    words = ["--source", "wider", "--layout", "yolo", "--word", "occ1", "--smallest", "12"]
    assert main(["label_frames", str(raw), str(tmp_path / "set"), *words]) == 0
    counted = pd.read_parquet(tmp_path / "set/manifest.parquet").set_index("photo")["faces"]
    for photo, said in words_of(raw).items():
        width, height = jpeg_size(raw / "images" / f"{photo}.jpg")
        rows = [[float(value) for value in row.split()] for row in (raw / "labels" / f"{photo}.txt").open()]
        sides = [min(share_x * width, share_y * height) for _, _, _, share_x, share_y in rows]
        mine = sum(word == "occ1" and side >= 12.05 for word, side in zip(said, sides, strict=True))
        at_most = sum(word == "occ1" and side >= 11.95 for word, side in zip(said, sides, strict=True))
        # A box that leaves the photo is clipped, and may shrink below 12 pixels.
        assert counted[photo] <= at_most and counted[photo] >= mine - 1, photo
    assert counted.sum() == 100
