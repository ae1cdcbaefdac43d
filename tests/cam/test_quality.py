"""The lint table counts what was put in, its measures agree with counting pixels, and shards join to a sound set."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from uncover.cam.heatmaps import MAP, NO_DETECTION, NO_EVIDENCE, NOT_FINITE, Heatmaps
from uncover.cam.quality import COLUMNS, are_inverted, are_saturated, lint
from uncover.cam.store import (
    Manifest,
    Row,
    collect,
    describe,
    pack,
    read_manifest,
    tabulate,
    write_files,
    write_manifest,
)
from uncover.errors import InputError
from uncover.images.inputs import Shard
from uncover.images.letterbox import Letterbox, fit

FRAME = fit(200, 100, 128)
"""128 x 64 in a frame of the same size."""


def row(number: int, detections: list[int], status: list[str], saturated: list, inverted: list) -> Row:
    return Row(f"{number}.jpg", f"{number}.tif", 200, 100, f"hash{number}", detections, status, saturated, inverted, 0)


ROWS = [
    row(0, [2, 0], [MAP, NO_DETECTION, MAP], [True, None, False], [False, None, False]),
    row(1, [1, 1], [NO_EVIDENCE, MAP, MAP], [None, False, False], [None, True, True]),
    row(2, [0, 0], [NO_DETECTION] * 3, [None] * 3, [None] * 3),
    row(3, [1, 0], [NOT_FINITE, NO_DETECTION, NOT_FINITE], [None] * 3, [None] * 3),
]
NAMES = ["face", "nose"]
SETTINGS = {"class_names": NAMES, "method": "gradcampp", "images": 4, "names": "same"}


def test_a_set_counted_by_hand() -> None:
    table = lint(tabulate(ROWS, SETTINGS).table, NAMES, {"hash0", "hash3", "other"})
    assert tuple(table.columns) == COLUMNS
    expected = [
        ("face", 4, 4, 3, 3 / 4, 2 / 3, 1, 1, 1 / 1, 0 / 1, 2),
        ("nose", 4, 4, 1, 3 / 4, 0 / 1, 0, 0, 0 / 1, 1 / 1, 2),
        ("joint", 4, 4, 3, 2 / 4, 1 / 3, 0, 1, 0 / 2, 1 / 2, 2),
        ("all classes", 4, 8, 4, 6 / 8, 2 / 4, 1, 1, 1 / 2, 1 / 2, 2),
    ]
    pd.testing.assert_frame_equal(table, pd.DataFrame(expected, columns=list(COLUMNS)), check_dtype=False)
    nothing = lint(tabulate(ROWS[2:3], {}).table, NAMES).set_index("class")
    assert nothing.loc["nose", "blank"] == 1 and nothing["trained_on"].isna().all()
    assert np.isnan(nothing.loc["nose", ["blank_though_detected", "saturated", "inverted"]].astype(float)).all()


@pytest.mark.parametrize("seed", range(20))
def test_inverted_is_what_counting_pixels_says(seed: int) -> None:
    chance = np.random.default_rng(seed)
    width, height = (int(side) for side in chance.integers(40, 400, 2))
    frame = fit(width, height, 128)
    cells = chance.integers(0, 65536, (frame.out_height // 32, frame.out_width // 32)).astype(np.uint16)
    boxes = []
    for _ in range(int(chance.integers(1, 4))):
        # Along cells, so that boxes cut no cell in two different ways.
        x, y = (32 * int(chance.integers(0, side)) for side in cells.shape[::-1])
        boxes.append([x, y, min(x + 32 * int(chance.integers(1, 3)), frame.out_width), min(y + 32, frame.out_height)])
    assert inverted(cells, boxes, frame) == counted(cells, boxes, frame)


@pytest.mark.parametrize("seed", range(20))
def test_inverted_of_a_small_box_anywhere(seed: int) -> None:
    chance = np.random.default_rng(seed)
    cells = chance.integers(0, 65536, (2, 4)).astype(np.uint16)
    x, y = int(chance.integers(0, 120)), int(chance.integers(0, 56))
    box = [x, y, x + int(chance.integers(1, 9)), y + int(chance.integers(1, 9))]
    assert inverted(cells, [box], FRAME) == counted(cells, [box], FRAME)


def inverted(cells: np.ndarray, boxes: list[list[int]], frame: Letterbox) -> bool:
    """Of one class, and so of all."""
    given, classes = np.array(boxes, float).reshape(-1, 4), np.zeros(len(boxes), np.int64)
    one, joint = are_inverted(np.stack([cells, cells]), given, classes, frame)
    assert one == joint
    return bool(one)


def counted(cells: np.ndarray, boxes: list[list[int]], frame: Letterbox) -> bool:
    """Means over the pixels of the photo inside and outside of whole-numbered boxes, each pixel that of its cell."""
    pixels = np.kron(cells.astype(float), np.ones((32, 32)))
    inside, photo = np.zeros(pixels.shape, bool), np.zeros(pixels.shape, bool)
    photo[frame.top : frame.top + frame.inner_height, frame.left : frame.left + frame.inner_width] = True
    for x1, y1, x2, y2 in boxes:
        inside[y1:y2, x1:x2] = True
    inside, outside = inside & photo, ~inside & photo
    return bool(inside.any() and outside.any() and pixels[inside].mean() < pixels[outside].mean())


def test_each_map_is_held_against_its_own_boxes() -> None:
    cells = np.array([[65535, 65535, 0, 0], [65535, 65535, 0, 0]], np.uint16)
    boxes, classes = np.array([[0, 0, 64, 64.0], [64, 0, 128, 32.0]]), np.array([0, 1])
    assert are_inverted(np.stack([cells] * 4), boxes, classes, FRAME).tolist() == [False, True, False, False]


def test_a_map_that_is_low_where_the_box_is_is_inverted() -> None:
    cells = np.array([[65535, 0, 0, 0], [0, 0, 0, 0]], np.uint16)
    assert not inverted(cells, [[0, 0, 32, 32]], FRAME)
    assert inverted(cells, [[64, 0, 128, 64]], FRAME)
    # Nothing is outside of a box that covers all, and nothing inside of no box.
    assert not inverted(cells, [[0, 0, 128, 64]], FRAME)
    assert not inverted(cells, [], FRAME)


def test_saturated_is_more_than_half_near_the_maximum() -> None:
    near = int(np.ceil(0.98 * 65535))
    cells = np.array([[near] * bright + [near - 1] * (8 - bright) for bright in (4, 5, 8)], np.uint16)
    assert are_saturated(cells.reshape(3, 2, 4)).tolist() == [False, True, True]


def test_a_row_is_read_off_the_maps() -> None:
    values = np.zeros((3, 2, 4), np.float32)
    values[0] = 7
    values[2, 0, 3] = 1
    maps = Heatmaps(values, (MAP, NO_DETECTION, MAP), (), 5)
    detections = np.array([[0, 0, 32, 32, 0.9, 0], [32, 0, 64, 32, 0.8, 0]], np.float32)
    files = pack(maps, detections, FRAME, ["face", "nose"], {"key": "k"})
    found = describe("a.jpg", "a.tif", "hash", files)
    assert (found.image, found.file, found.sha256, found.width, found.height) == ("a.jpg", "a.tif", "hash", 200, 100)
    assert found.detections == [2, 0] and found.status == [MAP, NO_DETECTION, MAP] and found.degenerate == 5
    # One face is all over the map; the joint map is bright away from both boxes.
    assert found.saturated == [True, None, False] and found.inverted == [False, None, True]


def test_a_manifest_comes_back_as_it_was(tmp_path: Path) -> None:
    write_manifest(tmp_path / "m.parquet", tabulate(reversed(ROWS), SETTINGS))
    found = read_manifest(tmp_path / "m.parquet")
    assert found.settings == SETTINGS
    for own, expected in zip(found.table.to_dict("records"), ROWS, strict=True):
        plain = {key: list(value) if isinstance(value, np.ndarray) else value for key, value in own.items()}
        assert Row(**plain) == expected


def store(folder: Path, rows: list[Row], shard: Shard, **changes: object) -> Manifest:
    """What a shard leaves."""
    blank = Heatmaps(np.zeros((3, 2, 4), np.float32), (NO_DETECTION,) * 3, (), 0)
    for each in rows:
        write_files(folder, each.file, pack(blank, np.zeros((0, 6), np.float32), FRAME, ["face", "nose"], {}))
    manifest = tabulate(rows, {**SETTINGS, "shard": shard.number, "shards": shard.count, **changes})
    write_manifest(shard.record(folder), manifest)
    return manifest


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A set of two shards."""
    folder = tmp_path / "set"
    store(folder, ROWS[0::2], Shard(1, 2))
    store(folder, ROWS[1::2], Shard(2, 2))
    return folder


def test_shards_are_joined(stored: Path) -> None:
    collected = collect(stored, ["hash0"])
    manifest = read_manifest(stored / "manifest.parquet")
    assert list(manifest.table["image"]) == [each.image for each in ROWS] and "shard" not in manifest.settings
    written = pd.read_csv(stored / "lint.csv")
    pd.testing.assert_frame_equal(written, lint(tabulate(ROWS, SETTINGS).table, NAMES, ["hash0"]), check_dtype=False)
    assert collected.removed == 0
    before = (stored / "manifest.parquet").read_bytes(), (stored / "lint.csv").read_bytes()
    collect(stored, ["hash0"])
    assert before == ((stored / "manifest.parquet").read_bytes(), (stored / "lint.csv").read_bytes())


def test_the_manifest_is_the_same_whatever_the_number_of_shards(stored: Path, tmp_path: Path) -> None:
    store(tmp_path / "one", ROWS, Shard(1, 1))
    for folder in (stored, tmp_path / "one"):
        collect(folder)
    for name in ("manifest.parquet", "lint.csv"):
        assert (stored / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_unknown_training_images_leave_the_column_empty(stored: Path) -> None:
    collect(stored)
    assert pd.read_csv(stored / "lint.csv")["trained_on"].isna().all()


def test_maps_of_images_that_are_gone_are_removed(stored: Path) -> None:
    others = ("old.tif", "sub/old.tif", ".0.99.tmp.tif")
    for part in ("images", "joint"):
        (stored / part / "sub").mkdir()
        for name in others:
            shutil.copy(stored / part / "0.tif", stored / part / name)
    (stored / "images/notes.txt").write_text("mine")
    (stored / "shards/.1-of-4.99.tmp.parquet").write_bytes(b"left by a killed process")
    collect(stored)
    assert sorted(path.name for path in (stored / "shards").iterdir()) == ["1-of-2.parquet", "2-of-2.parquet"]
    assert not (stored / "joint/sub").exists()
    left = sorted(path.name for path in (stored / "images").iterdir() if path.is_file())
    assert left == ["0.tif", "1.tif", "2.tif", "3.tif", "notes.txt"]


def no_record(folder: Path) -> None:
    shutil.rmtree(folder / "shards")


def no_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def one_missing(folder: Path) -> None:
    Shard(2, 2).record(folder).unlink()


def other_settings(folder: Path) -> None:
    store(folder, ROWS[1::2], Shard(2, 2), method="hirescam")


def other_images(folder: Path) -> None:
    store(folder, ROWS[1::2], Shard(2, 2), names="others")


def repeated(folder: Path) -> None:
    store(folder, ROWS[0::2], Shard(2, 2))


def another_split(folder: Path) -> None:
    store(folder, ROWS, Shard(1, 1))


def truncated(folder: Path) -> None:
    path = Shard(1, 2).record(folder)
    path.write_bytes(path.read_bytes()[:-50])


def of_others(folder: Path) -> None:
    pd.DataFrame({"image": ["a"]}).to_parquet(Shard(1, 2).record(folder))


def without_settings(folder: Path) -> None:
    path = Shard(1, 2).record(folder)
    pd.read_parquet(path).to_parquet(path)


def no_map(folder: Path) -> None:
    (folder / "images/3.tif").unlink()


def no_joint_map(folder: Path) -> None:
    (folder / "joint/3.tif").unlink()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (no_record, "set: no record of a shard; expected a heatmap set"),
        (no_folder, "set: no such folder; expected a heatmap set"),
        (one_missing, r"shards/2-of-2\.parquet: does not exist; run 'uncover heatmaps --shard 2/2'"),
        (other_settings, r"2-of-2\.parquet: was made with .*method.*1-of-2\.parquet; run 'uncover heatmaps' again"),
        (other_images, r"2-of-2\.parquet: .*; run 'uncover heatmaps' again"),
        (repeated, r"list .* of 4 images; run 'uncover heatmaps' again"),
        (another_split, "belongs to another split than"),
        (truncated, r"1-of-2\.parquet: is not a Parquet file"),
        (of_others, r"1-of-2\.parquet: no column file; expected a table of 'uncover heatmaps'"),
        (without_settings, r"1-of-2\.parquet: has no settings of heatmaps"),
        (no_map, r"images/3\.tif: does not exist, although its shard is complete"),
        (no_joint_map, r"joint/3\.tif: does not exist, although its shard is complete"),
    ],
)
def test_shards_that_make_no_set(stored: Path, spoil: Callable[[Path], None], says: str) -> None:
    spoil(stored)
    with pytest.raises(InputError, match=says) as caught:
        collect(stored)
    assert "\n" not in str(caught.value)
    assert not (stored / "manifest.parquet").exists() and not (stored / "lint.csv").exists()


def test_settings_are_json(stored: Path) -> None:
    import pyarrow.parquet as pq

    collect(stored)
    metadata = pq.read_schema(stored / "manifest.parquet").metadata
    assert json.loads(metadata[b"uncover"])["class_names"] == ["face", "nose"]
