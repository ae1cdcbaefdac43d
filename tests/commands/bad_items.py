"""Everything that can be wrong with one item of a raw data set, and what should come of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import RawData

LIST = "WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_test.txt"
PTS = "frontal/trainset/image00002.pts"


def spoil_row(change: Callable[[list[str]], list[str]]) -> Callable[[RawData], None]:
    """Three faces, of which the second row is changed."""

    def build(raw: RawData) -> None:
        rows = raw.wflw(["0--A/a.jpg", "0--A/b.jpg", "0--A/c.jpg"])
        rows[1] = " ".join(change(rows[1].split()))
        raw.wflw_list(rows)

    return build


def spoil_pts(change: Callable[[list[str]], list[str]]) -> Callable[[RawData], None]:
    """Two faces, of which the second file's lines are changed."""

    def build(raw: RawData) -> None:
        raw.merl_rav(["image00001", "image00002"])
        path = raw.root / PTS
        path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")

    return build


def spoil_photo(content: Callable[[RawData, bytes], bytes | None]) -> Callable[[RawData], None]:
    """Two faces on two photos, of which the second is changed, or removed."""

    def build(raw: RawData) -> None:
        raw.wflw(["0--A/a.jpg", "0--A/b.jpg"])
        path = raw.root / "WFLW_images/0--A/b.jpg"
        changed = content(raw, path.read_bytes())
        path.unlink()
        if changed is not None:
            path.write_bytes(changed)

    return build


def spoil_label(text: str) -> Callable[[RawData], None]:
    """Two frames, of which the second has this label file."""

    def build(raw: RawData) -> None:
        raw.photo("hard/images/a.jpg")
        raw.write("hard/labels/a.txt", "0 0.5 0.5 0.2 0.4\n")
        raw.photo("hard/images/b.jpg")
        raw.write("hard/labels/b.txt", text)

    return build


def labelled(raw: RawData, photo: str, label: str) -> None:
    """One good frame with one face."""
    raw.photo(photo)
    raw.write(label, "0 0.5 0.5 0.2 0.4\n")


def same_face_twice(raw: RawData) -> None:
    rows = raw.wflw(["0--A/a.jpg"])
    raw.wflw_list(rows * 2)


def same_name_twice(raw: RawData) -> None:
    raw.merl_rav(["image00001"], "frontal/trainset")
    raw.merl_rav(["image00001"], "left/testset")


def copies_that_differ(raw: RawData) -> None:
    raw.merl_rav(["image00002_1", "image00002_2"])
    raw.photo("frontal/trainset/image00002_2.jpg", width=77)


def far_outside(raw: RawData) -> None:
    rows = raw.wflw(["0--A/a.jpg", "0--A/b.jpg"])
    raw.wflw_list([rows[0], raw.row(raw.points(98) + 5000, "0--A/b.jpg")])


def coco(raw: RawData, name: str, box: list[float]) -> None:
    raw.photo("hard/images/a.jpg")
    raw.photo("hard/images/b.jpg")
    content = {
        "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": name}],
        "annotations": [
            {"id": 7, "image_id": 1, "category_id": 1, "bbox": [10, 10, 30, 30]},
            {"id": 8, "image_id": 2, "category_id": 1, "bbox": box},
        ],
        "categories": [{"id": 1, "name": "face"}],
    }
    raw.write("hard/coco.json", json.dumps(content))


@dataclass(frozen=True)
class Bad:
    """One thing that is wrong beside things that are right."""

    layout: str
    build: Callable[[RawData], object]
    rejected: tuple[str, int, str]
    words: str
    kept: int
    options: list[str] = field(default_factory=list)


BAD_ITEMS = {
    "short row": Bad("wflw", spoil_row(lambda row: row[1:]), (LIST, 2, "malformed_row"), "206 fields; expected 207", 2),
    "long row": Bad("wflw", spoil_row(lambda row: ["1", *row]), (LIST, 2, "malformed_row"), "208 fields", 2),
    "nothing but a name": Bad("wflw", spoil_row(lambda row: row[-1:]), (LIST, 2, "malformed_row"), "1 fields", 2),
    "not a number": Bad("wflw", spoil_row(lambda row: ["x", *row[1:]]), (LIST, 2, "malformed_row"), "'x'", 2),
    "decimal comma": Bad("wflw", spoil_row(lambda row: ["1,5", *row[1:]]), (LIST, 2, "malformed_row"), "'1,5'", 2),
    "nan": Bad("wflw", spoil_row(lambda row: ["nan", *row[1:]]), (LIST, 2, "malformed_row"), "finite number", 2),
    "inf": Bad("wflw", spoil_row(lambda row: ["inf", *row[1:]]), (LIST, 2, "malformed_row"), "finite number", 2),
    "bad attribute": Bad(
        "wflw", spoil_row(lambda row: [*row[:205], "7", row[206]]), (LIST, 2, "malformed_row"), "expected 0 or 1", 2
    ),
    "photo outside": Bad(
        "wflw",
        spoil_row(lambda row: [*row[:206], "../../b.jpg"]),
        (LIST, 2, "malformed_row"),
        "is not in WFLW_images",
        2,
    ),
    "endless name": Bad(
        "wflw", spoil_row(lambda row: [*row[:206], "b" * 300 + ".jpg"]), (LIST, 2, "missing_photo"), "does not exist", 2
    ),
    "same face twice": Bad("wflw", same_face_twice, (LIST, 2, "duplicate_face"), "occur twice", 1),
    "boxes outside": Bad("wflw", far_outside, (LIST, 2, "no_usable_part"), "no part has", 1),
    "boxes outside, dropped": Bad(
        "wflw", far_outside, (LIST, 2, "outside_image"), "extends beyond the image", 1, ["--outside", "drop"]
    ),
    "missing photo": Bad("wflw", spoil_photo(lambda raw, old: None), (LIST, 2, "missing_photo"), "does not exist", 1),
    "empty photo": Bad("wflw", spoil_photo(lambda raw, old: b""), (LIST, 2, "empty_photo"), "is empty", 1),
    "truncated photo": Bad(
        "wflw", spoil_photo(lambda raw, old: old[: len(old) * 2 // 3]), (LIST, 2, "truncated_photo"), "truncated", 1
    ),
    "text as photo": Bad(
        "wflw", spoil_photo(lambda raw, old: b"<html>"), (LIST, 2, "unreadable_photo"), "not an image", 1
    ),
    "too few points": Bad(
        "merl_rav", spoil_pts(lambda lines: [*lines[:50], *lines[51:]]), (PTS, 0, "malformed_row"), "67 points", 1
    ),
    "too many points": Bad(
        "merl_rav", spoil_pts(lambda lines: [*lines[:-1], "1 2", "}"]), (PTS, 0, "malformed_row"), "69 points", 1
    ),
    "wrong count": Bad(
        "merl_rav",
        spoil_pts(lambda lines: [lines[0], "n_points: 98", *lines[2:]]),
        (PTS, 2, "malformed_row"),
        "n_points 98; expected 'n_points: 68'",
        1,
    ),
    "word in points": Bad(
        "merl_rav",
        spoil_pts(lambda lines: [*lines[:9], "1 left", *lines[10:]]),
        (PTS, 10, "malformed_row"),
        "'left'",
        1,
    ),
    "nan in points": Bad(
        "merl_rav", spoil_pts(lambda lines: [*lines[:9], "nan 1", *lines[10:]]), (PTS, 10, "malformed_row"), "'nan'", 1
    ),
    "three numbers": Bad(
        "merl_rav",
        spoil_pts(lambda lines: [*lines[:9], "1 2 3", *lines[10:]]),
        (PTS, 10, "malformed_row"),
        "3 values",
        1,
    ),
    "file cut": Bad("merl_rav", spoil_pts(lambda lines: lines[:30]), (PTS, 0, "malformed_row"), "truncated", 1),
    "file empty": Bad("merl_rav", spoil_pts(lambda lines: [""]), (PTS, 0, "malformed_row"), "is empty", 1),
    "nothing visible": Bad(
        "merl_rav",
        spoil_pts(lambda lines: [*lines[:3], *["-1 -1"] * 68, "}"]),
        (PTS, 0, "no_usable_part"),
        "no part has at least two usable points",
        1,
    ),
    "odd name": Bad(
        "merl_rav",
        lambda raw: raw.merl_rav(["image00001", "copy of image00002"]),
        ("frontal/trainset/copy of image00002.pts", 0, "malformed_name"),
        "expected imageNNNNN.pts",
        1,
    ),
    "same name twice": Bad(
        "merl_rav", same_name_twice, ("left/testset/image00001.pts", 0, "duplicate_name"), "already", 1
    ),
    "copies differ": Bad(
        "merl_rav", copies_that_differ, ("frontal/trainset/image00002_2.pts", 0, "copies_differ"), "differs from", 1
    ),
    "label of four": Bad(
        "graded", spoil_label("0 0.5 0.5 0.1"), ("hard/labels/b.txt", 1, "malformed_row"), "4 values; expected five", 1
    ),
    "label in pixels": Bad(
        "graded",
        spoil_label("0 0.5 0.5 0.2 0.2\n0 60 40 20 20"),
        ("hard/labels/b.txt", 2, "malformed_row"),
        "from 0 to 1",
        1,
    ),
    "label of another class": Bad(
        "graded", spoil_label("3 0.5 0.5 0.2 0.2"), ("hard/labels/b.txt", 1, "malformed_row"), "class 3 is unknown", 1
    ),
    "label without frame": Bad(
        "graded",
        lambda raw: (labelled(raw, "hard/images/a.jpg", "hard/labels/a.txt"), raw.write("hard/labels/z.txt", "")),
        ("hard/labels/z.txt", 0, "missing_photo"),
        "no image of this name",
        1,
    ),
    "frame cut": Bad(
        "graded",
        lambda raw: (labelled(raw, "a.jpg", "a.txt"), raw.write("b.jpg", raw.encoded(raw.picture())[:-300])),
        ("b.jpg", 0, "truncated_photo"),
        "truncated",
        1,
    ),
    "empty grade": Bad(
        "graded",
        lambda raw: (labelled(raw, "hard/images/a.jpg", "hard/labels/a.txt"), raw.write("easy/images/notes.md", "")),
        ("easy/images", 0, "empty_folder"),
        "no image in it",
        1,
    ),
    "COCO box without area": Bad(
        "graded",
        lambda raw: coco(raw, "b.jpg", [10, 10, 0, 9]),
        ("hard/coco.json", 2, "malformed_row"),
        "annotation 8: bbox [10, 10, 0, 9]; expected x, y, width, height",
        1,
    ),
    "COCO image missing": Bad(
        "graded", lambda raw: coco(raw, "z.jpg", [10, 10, 9, 9]), ("hard/coco.json", 0, "missing_photo"), "'z.jpg'", 2
    ),
}
