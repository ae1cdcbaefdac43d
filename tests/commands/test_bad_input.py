"""Bad input, end to end: what `uncover labels` says, writes and returns for everything that can be wrong."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from bad_items import BAD_ITEMS
from PIL import Image

from uncover.cli import main

if TYPE_CHECKING:
    from conftest import RawData


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
    assert f"read {bad.kept + 1}, kept {bad.kept}, rejected 1; {bad.kept} photos" in summary
    assert_whole(out, bad.kept, 1)


def nothing_usable(raw: RawData) -> None:
    raw.wflw_list(["1 2 3", "4 5 6"])


@pytest.mark.parametrize(
    ("layout", "build", "words"),
    [
        ("wflw", lambda raw: raw.wflw_list([]), "contains no annotation"),
        ("wflw", lambda raw: raw.wflw_list(["", ""]), "contains no annotation"),
        ("wflw", lambda raw: raw.photo("WFLW_images/a.jpg"), "expected the official WFLW download"),
        ("wflw", nothing_usable, "contains nothing usable, 2 rejected; the first: .*row 1: 3 fields; expected 207"),
        ("wflw", lambda raw: raw.merl_rav(["image00001"]), "expected the official WFLW download"),
        ("merl_rav", lambda raw: raw.wflw(["a.jpg"]), "expected a MERL-RAV tree"),
        ("merl_rav", lambda raw: None, "expected a MERL-RAV tree"),
        ("merl_rav", lambda raw: (raw.root / "left/testset").mkdir(parents=True), "contains no annotation"),
        ("300w", lambda raw: raw.photo("a.jpg"), "no .pts file below it"),
        ("300w", lambda raw: raw.write("a.pts", raw.pts(raw.points(68))), "contains nothing usable.* does not exist"),
        ("graded", lambda raw: None, "no image in it"),
        ("graded", lambda raw: (raw.root / "hard/images").mkdir(parents=True), "no image in it"),
        ("graded", lambda raw: raw.write("hard/images/a.jpg", b""), "contains nothing usable.* is empty"),
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
    assert "no photo is left for this data set, 1 of 1 rejected" in outcome.lines[-1]
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
        (["--layout", "300w", "--split", "test=1"], r"a\.pts: has no official part"),
        (["--layout", "graded", "--grade", "hrad"], "no grade 'hrad' .*grades found: hard"),
        (["--layout", "graded", "--split", "test=1"], "--split: "),
        (["--layout", "graded", "--no-photos"], "--no-photos: "),
        (["--layout", "graded", "--photos", "x"], "--photos: "),
        (["--layout", "graded", "--parts", "released"], "--parts: "),
        (["--lay-out", "wflw"], 'no option "--lay-out"; did you mean "--layout"'),
        (["--layout", "wflw", "--strict"], 'no option "--strict"'),
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
    assert outcome.lines[-1].startswith(("uncover labels: error: ", "uncover: error: ", "uncover labels: no option "))
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
    raw.write("hard/labels/a.txt", "0 0.5 0.5 0.2 0.4")
    monkeypatch.chdir(raw.root)
    assert uncover("labels", "--layout", "graded", ".", "../out").code == 0
    monkeypatch.chdir(os.sep)
    assert_whole(tmp_path / "out", 1, 0)
    assert (tmp_path / "out/images/a.jpg").samefile(raw.root / "hard/images/a.jpg")
    assert set(pd.read_parquet(tmp_path / "out/manifest.parquet")["source"]) == {"raw"}
