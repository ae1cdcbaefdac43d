"""Bad input, end to end: what `uncover labels` says, writes and returns for everything that can be wrong."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from PIL import Image

from uncover.cli import main

if TYPE_CHECKING:
    from conftest import RawData

LIST = "WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_test.txt"
PTS = "frontal/trainset/image00002.pts"


@dataclass(frozen=True)
class Outcome:
    """What one run of the command said."""

    code: int
    lines: list[str]


Command = Callable[..., Outcome]


@pytest.fixture
def uncover(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command line in this process."""

    def run(*arguments: str | Path) -> Outcome:
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as error:
            code = int(error.code or 0)
        streams = capsys.readouterr()
        assert streams.out == "" and "Traceback" not in streams.err
        return Outcome(code, streams.err.splitlines())

    return run


def rejected_rows(out: Path) -> list[tuple[str, int, str]]:
    with (out / "rejected.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(row["detail"] and "\n" not in row["detail"] for row in rows)
    return [(row["file"], int(row["row"]), row["reason"]) for row in rows]


def assert_whole(out: Path, kept: int, rejected: int) -> None:
    """The data set on disk is complete, agrees with itself, and nothing half-made lies beside it."""
    counts = json.loads((out / "summary.json").read_text())
    assert (counts["read"], counts["kept"], counts["rejected"]) == (kept + rejected, kept, rejected)
    assert sum(counts["rejected by reason"].values()) == rejected
    manifest = pd.read_parquet(out / "manifest.parquet")
    assert counts["photos"] == len(manifest) == len(list((out / "images").iterdir()))
    for row in manifest.to_dict("records"):
        with Image.open(out / row["image"]) as image:
            assert (image.width, image.height) == (row["width"], row["height"])
        for line in (out / row["label"]).read_text().splitlines() if row["labelled"] else ():
            class_id, *shares = line.split()
            assert int(class_id) in range(10) and all(0 <= float(share) <= 1 for share in shares)
    assert [path.name for path in out.parent.iterdir() if path.name.startswith(f".{out.name}")] == []


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
        "wflw", spoil_row(lambda row: [*row[:206], "../../b.jpg"]), (LIST, 2, "malformed_row"), "outside WFLW_images", 2
    ),
    "endless name": Bad(
        "wflw", spoil_row(lambda row: [*row[:206], "b" * 300 + ".jpg"]), (LIST, 2, "missing_photo"), "does not exist", 2
    ),
    "same face twice": Bad("wflw", same_face_twice, (LIST, 2, "duplicate_face"), "stand twice", 1),
    "boxes outside": Bad("wflw", far_outside, (LIST, 2, "no_usable_part"), "no part has", 1),
    "boxes outside, dropped": Bad(
        "wflw", far_outside, (LIST, 2, "outside_image"), "leaves the image", 1, ["--outside", "drop"]
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
        "no part has two usable points",
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
        "graded", spoil_label("0 0.5 0.5 0.1"), ("hard/labels/b.txt", 1, "malformed_row"), "4 values; expected 5", 1
    ),
    "label in pixels": Bad(
        "graded",
        spoil_label("0 0.5 0.5 0.2 0.2\n0 60 40 20 20"),
        ("hard/labels/b.txt", 2, "malformed_row"),
        "between 0 and 1",
        1,
    ),
    "label of another class": Bad(
        "graded", spoil_label("3 0.5 0.5 0.2 0.2"), ("hard/labels/b.txt", 1, "malformed_row"), "class 3 is unknown", 1
    ),
    "label without frame": Bad(
        "graded",
        lambda raw: (raw.photo("hard/images/a.jpg"), raw.write("hard/labels/z.txt", "")),
        ("hard/labels/z.txt", 0, "missing_photo"),
        "no image of this name",
        1,
    ),
    "frame cut": Bad(
        "graded",
        lambda raw: (raw.photo("a.jpg"), raw.write("b.jpg", raw.encoded(raw.picture())[:-300])),
        ("b.jpg", 0, "truncated_photo"),
        "truncated",
        1,
    ),
    "empty grade": Bad(
        "graded",
        lambda raw: (raw.photo("hard/images/a.jpg"), raw.write("easy/images/notes.txt", "")),
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


@pytest.mark.parametrize("name", BAD_ITEMS)
def test_a_bad_item_is_named_and_recorded_and_costs_nothing_else(
    raw: RawData, tmp_path: Path, uncover: Command, name: str
) -> None:
    bad = BAD_ITEMS[name]
    bad.build(raw)
    out = tmp_path / "out"
    outcome = uncover("labels", "--layout", bad.layout, *bad.options, raw.root, out)
    assert outcome.code == 0
    assert rejected_rows(out) == [bad.rejected]
    file, row, _ = bad.rejected
    warning, summary = outcome.lines
    assert warning.startswith(f"warning: rejected: {file}, row {row}: " if row else f"warning: rejected: {file}: ")
    assert bad.words in warning
    assert summary.endswith(f"read {bad.kept + 1}, kept {bad.kept}, rejected 1; {bad.kept} photos")
    assert_whole(out, bad.kept, 1)


def nothing_usable(raw: RawData) -> None:
    raw.wflw_list(["1 2 3", "4 5 6"])


@pytest.mark.parametrize(
    ("layout", "build", "words"),
    [
        ("wflw", lambda raw: raw.wflw_list([]), "no annotation in it"),
        ("wflw", lambda raw: raw.wflw_list(["", ""]), "no annotation in it"),
        ("wflw", lambda raw: raw.photo("WFLW_images/a.jpg"), "expected the official WFLW download"),
        ("wflw", nothing_usable, "nothing usable in it, 2 rejected; the first: .*row 1: 3 fields; expected 207"),
        ("wflw", lambda raw: raw.merl_rav(["image00001"]), "expected the official WFLW download"),
        ("merl_rav", lambda raw: raw.wflw(["a.jpg"]), "expected a MERL-RAV tree"),
        ("merl_rav", lambda raw: None, "expected a MERL-RAV tree"),
        ("merl_rav", lambda raw: (raw.root / "left/testset").mkdir(parents=True), "no annotation in it"),
        ("300w", lambda raw: raw.photo("a.jpg"), "no .pts file below it"),
        ("300w", lambda raw: raw.write("a.pts", raw.pts(raw.points(68))), "nothing usable .* does not exist"),
        ("graded", lambda raw: None, "no image in it"),
        ("graded", lambda raw: (raw.root / "hard/images").mkdir(parents=True), "no image in it"),
        ("graded", lambda raw: raw.write("hard/images/a.jpg", b""), "nothing usable .* is empty"),
        ("graded", lambda raw: (raw.photo("a/images/a.jpg"), raw.write("a/x.json", "{")), "x.json: is not JSON"),
    ],
)
def test_where_nothing_is_usable_one_line_says_why(
    raw: RawData, tmp_path: Path, uncover: Command, layout: str, build: Callable[[RawData], object], words: str
) -> None:
    build(raw)
    outcome = uncover("labels", "--layout", layout, raw.root, tmp_path / "out")
    (line,) = outcome.lines
    assert outcome.code == 2 and line.startswith("uncover labels: error: ") and str(raw.root) in line
    assert re.search(words, line)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw"]


@pytest.mark.parametrize("parts", ["corrected", "released"])
def test_where_every_face_falls_away_at_the_end_nothing_is_written(
    raw: RawData, tmp_path: Path, uncover: Command, parts: str
) -> None:
    raw.photo("WFLW_images/a.jpg")
    raw.wflw_list([raw.row(raw.points(98) + 5000, "a.jpg")])
    outcome = uncover("labels", "--layout", "wflw", "--parts", parts, raw.root, tmp_path / "out")
    assert outcome.code == 2
    assert "nothing is left for this data set, 1 of 1 rejected" in outcome.lines[-1]
    assert not (tmp_path / "out").exists() and sorted(path.name for path in tmp_path.iterdir()) == ["raw"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--layout", "wlfw"], "invalid choice: 'wlfw'"),
        (["--layout", "wflw", "--parts", "right"], "invalid choice: 'right'"),
        (["--layout", "wflw", "--outside", "crop"], "invalid choice: 'crop'"),
        (["--layout", "wflw", "--split", "trian=1"], "set 'trian' is unknown; expected train, val, test"),
        (["--layout", "wflw", "--split", "train=many"], "whole number"),
        (["--layout", "wflw", "--split", "test=1", "--poses", "frontal"], "--poses: wflw has no poses"),
        (["--layout", "wflw", "--split", "test=1", "--no-merge"], "--no-merge: would put one photo"),
        (["--layout", "wflw", "--split", "test=1", "--exclude", "nowhere.txt"], "nowhere.txt: does not exist"),
        (["--layout", "wflw", "--split", "test=1", "--seed", "x"], "invalid int value: 'x'"),
        (["--layout", "wflw", "--poses", "frontal"], "--poses: "),
        (["--layout", "wflw", "--exclude", "some.txt"], "--exclude: .* give --split too"),
        (["--layout", "wflw", "--grade", "hard"], "--grade: wflw has no grades"),
        (["--layout", "merl_rav", "--split", "test=1", "--poses", "fronta"], "pose 'fronta' is unknown"),
        (["--layout", "300w", "--split", "test=1"], r"a\.pts: belongs to no official part"),
        (["--layout", "graded", "--grade", "hrad"], "no grade 'hrad' .*grades found: hard"),
        (["--layout", "graded", "--split", "test=1"], "--split: "),
        (["--layout", "graded", "--no-photos"], "--no-photos: "),
        (["--layout", "graded", "--photos", "x"], "--photos: "),
        (["--layout", "graded", "--parts", "released"], "--parts: "),
        (["--lay-out", "wflw"], "required: --layout"),
        (["--layout", "wflw", "--strict"], "unrecognized arguments: --strict"),
        ([], "required: --layout"),
    ],
)
def test_a_misspelt_or_idle_option_is_refused_before_anything_is_written(
    raw: RawData, tmp_path: Path, uncover: Command, options: list[str], words: str
) -> None:
    raw.wflw(["0--A/a.jpg"])
    raw.merl_rav(["image00001"])
    raw.photo("pairs/a.jpg")
    raw.write("pairs/a.pts", raw.pts(raw.points(68)))
    raw.photo("hard/images/a.jpg")
    root = raw.root / "pairs" if "300w" in options else raw.root
    outcome = uncover("labels", *options, root, tmp_path / "out")
    assert outcome.code == 2
    assert outcome.lines[-1].startswith(("uncover labels: error: ", "uncover: error: "))
    assert re.search(words, outcome.lines[-1])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw"]


@pytest.mark.parametrize("layout", ["wflw", "merl_rav", "300w", "graded"])
@pytest.mark.parametrize("kind", ["nowhere", "a file"])
def test_a_wrong_raw_path_is_refused(tmp_path: Path, uncover: Command, layout: str, kind: str) -> None:
    raw = tmp_path / "raw"
    if kind == "a file":
        raw.write_text("")
    outcome = uncover("labels", "--layout", layout, raw, tmp_path / "out")
    (line,) = outcome.lines
    assert outcome.code == 2 and line.startswith(f"uncover labels: error: {raw}: no such folder; expected ")
    assert not (tmp_path / "out").exists()


def test_a_photo_folder_that_is_not_there_is_refused(raw: RawData, tmp_path: Path, uncover: Command) -> None:
    raw.wflw(["0--A/a.jpg"])
    nowhere = tmp_path / "nowhere"
    outcome = uncover("labels", "--layout", "wflw", "--photos", nowhere, raw.root, tmp_path / "out")
    (line,) = outcome.lines
    assert outcome.code == 2 and f"{nowhere}: no such folder" in line


@pytest.mark.parametrize("kind", ["a file", "foreign", "below a file", "the raw data"])
def test_a_wrong_out_is_refused_and_left_as_it_was(raw: RawData, tmp_path: Path, uncover: Command, kind: str) -> None:
    raw.wflw(["0--A/a.jpg"])
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/thesis.tex").write_text("mine")
    out = {
        "a file": tmp_path / "file",
        "foreign": tmp_path / "folder",
        "below a file": tmp_path / "file/out",
        "the raw data": raw.root,
    }[kind]
    before = sorted(tmp_path.rglob("*"))
    outcome = uncover("labels", "--layout", "wflw", raw.root, out)
    (line,) = outcome.lines
    assert outcome.code == 2 and line.startswith("uncover labels: error: ") and str(tmp_path) in line
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_text() == (tmp_path / "folder/thesis.tex").read_text() == "mine"


def test_a_failed_run_leaves_the_old_data_set_alone(raw: RawData, tmp_path: Path, uncover: Command) -> None:
    raw.wflw(["0--A/a.jpg"])
    out = tmp_path / "out"
    assert uncover("labels", "--layout", "wflw", raw.root, out).code == 0
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    raw.wflw_list(["1 2 3"])
    assert uncover("labels", "--layout", "wflw", raw.root, out).code == 2
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_more_than_twenty_warnings_are_cut_short_and_all_recorded(
    raw: RawData, tmp_path: Path, uncover: Command
) -> None:
    rows = raw.wflw(["0--A/a.jpg"])
    raw.wflw_list([*rows, *(f"{number} 2 3" for number in range(30))])
    out = tmp_path / "out"
    outcome = uncover("labels", "--layout", "wflw", raw.root, out)
    assert len(outcome.lines) == 22
    assert outcome.lines[20] == f"warning: 10 more like these: {out}/rejected.csv"
    assert [row for _, row, _ in rejected_rows(out)] == list(range(2, 32))
    assert_whole(out, 1, 30)


def exif(orientation: int) -> Image.Exif:
    content = Image.Exif()
    content[0x0112] = orientation
    return content


GOOD_PHOTOS: dict[str, Callable[[RawData], bytes]] = {
    "greyscale": lambda raw: raw.encoded(raw.picture(mode="L")),
    "CMYK": lambda raw: raw.encoded(raw.picture(mode="CMYK")),
    "16-bit": lambda raw: raw.encoded(raw.picture(mode="I;16"), "PNG"),
    "transparent": lambda raw: raw.encoded(raw.picture(mode="RGBA"), "PNG"),
    "palette": lambda raw: raw.encoded(raw.picture(mode="P"), "PNG"),
    "rotated": lambda raw: raw.encoded(raw.picture(90, 120), exif=exif(6)),
    "mirrored": lambda raw: raw.encoded(raw.picture(), exif=exif(2)),
    "trailing zeros": lambda raw: raw.encoded(raw.picture()) + bytes(4096),
}


@pytest.mark.parametrize("kind", GOOD_PHOTOS)
@pytest.mark.parametrize("layout", ["wflw", "graded"])
def test_an_unusual_photo_is_accepted_upright_and_in_its_right_size(
    raw: RawData, tmp_path: Path, uncover: Command, kind: str, layout: str
) -> None:
    content = GOOD_PHOTOS[kind](raw)
    if layout == "wflw":
        raw.wflw(["0--A/a.jpg"])
        raw.write("WFLW_images/0--A/a.jpg", content)
    else:
        raw.write("hard/images/a.jpg", content)
        raw.write("hard/labels/a.txt", "0 0.5 0.5 0.2 0.4\n")
    out = tmp_path / "out"
    outcome = uncover("labels", "--layout", layout, raw.root, out)
    assert outcome.code == 0 and len(outcome.lines) == 1, outcome.lines
    assert_whole(out, 1, 0)
    (image,) = (out / "images").iterdir()
    with Image.open(image) as placed:
        assert placed.size == (120, 90)
        assert placed.getexif().get(0x0112, 1) == 1
        assert placed.mode in ("RGB", "L", "P", "RGBA")


def test_relative_paths_are_taken_from_the_working_folder(
    raw: RawData, tmp_path: Path, uncover: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw.photo("hard/images/a.jpg")
    monkeypatch.chdir(raw.root)
    assert uncover("labels", "--layout", "graded", ".", "../out").code == 0
    monkeypatch.chdir(os.sep)
    assert_whole(tmp_path / "out", 1, 0)
    assert (tmp_path / "out/images/a.jpg").samefile(raw.root / "hard/images/a.jpg")
    assert set(pd.read_parquet(tmp_path / "out/manifest.parquet")["source"]) == {"raw"}
