"""What `uncover labels` makes of good data: merging, splits, frames, files."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pandas as pd
import pytest
import yaml

from uncover.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import RawData


def labels(raw: RawData, out: Path, *arguments: str) -> dict:
    """Run the command and return its summary."""
    assert main(["labels", *arguments, str(raw.root), str(out)]) == 0
    return json.loads((out / "summary.json").read_text())


def lines_of(out: Path, photo: str) -> list[str]:
    return (out / "labels" / f"{photo}.txt").read_text().splitlines()


def test_faces_of_one_photo_share_one_label_file_and_the_photo_stands_once(raw: RawData, tmp_path: Path) -> None:
    raw.merl_rav(["image00001_1", "image00001_2", "image00002"])
    counts = labels(raw, tmp_path / "out", "--layout", "merl_rav")
    assert (counts["read"], counts["kept"], counts["photos"]) == (3, 3, 2)
    assert sorted(path.name for path in (tmp_path / "out/images").iterdir()) == ["image00001.jpg", "image00002.jpg"]
    assert [len(lines_of(tmp_path / "out", f"image0000{number}")) for number in (1, 2)] == [22, 11]
    manifest = pd.read_parquet(tmp_path / "out/manifest.parquet").set_index("photo")
    assert list(manifest["faces"]) == [2, 1]
    assert counts["boxes"]["eyes"] == 6 and counts["boxes"]["mouth"] == 3


def test_without_merging_each_face_has_an_image_of_its_own(raw: RawData, tmp_path: Path) -> None:
    raw.wflw(["0--A/a.jpg", "0--A/a.jpg", "0--A/b.jpg"])
    counts = labels(raw, tmp_path / "out", "--layout", "wflw", "--no-merge")
    assert (counts["kept"], counts["photos"]) == (3, 3)
    images = sorted((tmp_path / "out/images").iterdir())
    assert [path.name for path in images] == ["a__1.jpg", "a__2.jpg", "b__1.jpg"]
    assert images[0].samefile(images[1])
    assert [len(lines_of(tmp_path / "out", path.stem)) for path in images] == [11, 11, 11]


def test_a_split_lists_each_photo_once(raw: RawData, tmp_path: Path) -> None:
    raw.wflw([f"0--A/{number}.jpg" for number in range(4)], "train")
    raw.wflw([f"1--B/{number + 10}.jpg" for number in range(5)], "test")
    raw.write("exclude.txt", "10  # a crowd\n")
    out = tmp_path / "out"
    options = ["--split", "train=all,val=2,test=1", "--seed", "3", "--exclude", str(raw.root / "exclude.txt")]
    labels(raw, out, "--layout", "wflw", *options)
    lists = {name: (out / f"{name}.txt").read_text().splitlines() for name in ("train", "val", "test")}
    assert {name: len(lines) for name, lines in lists.items()} == {"train": 4, "val": 2, "test": 1}
    together = [line for lines in lists.values() for line in lines]
    assert len(set(together)) == 7 and "./images/10.jpg" not in together
    assert all((out / line).is_file() for line in together)
    manifest = pd.read_parquet(out / "manifest.parquet")
    assert manifest.set_index("photo").loc["10", "reason"] == "excluded"
    assert (manifest["reason"] == "surplus").sum() == 1
    data = yaml.safe_load((out / "data.yaml").read_text())
    assert {name: data[name] for name in lists} == {name: f"{name}.txt" for name in lists}


def test_frames_nobody_labelled_have_no_label_file_and_those_without_face_an_empty_one(
    raw: RawData, tmp_path: Path
) -> None:
    for name in ("face", "none", "unseen"):
        raw.photo(f"hard/images/{name}.jpg")
    raw.write("hard/labels/face.txt", "0 0.5 0.5 0.2 0.4\n0 0.25 0.5 0.8 0.4\n")
    raw.write("hard/labels/none.txt", "")
    counts = labels(raw, tmp_path / "out", "--layout", "graded")
    assert (counts["read"], counts["kept"]) == (3, 3)
    assert sorted(path.name for path in (tmp_path / "out/labels").iterdir()) == ["face.txt", "none.txt"]
    assert lines_of(tmp_path / "out", "none") == []
    first, second = ([float(value) for value in line.split()] for line in lines_of(tmp_path / "out", "face"))
    assert first == pytest.approx([2, 0.5, 0.5, 0.2, 0.4])
    assert second == pytest.approx([2, 0.325, 0.5, 0.65, 0.4]), "cut at the border"
    manifest = pd.read_parquet(tmp_path / "out/manifest.parquet").set_index("photo")
    assert dict(manifest["labelled"]) == {"face": True, "none": True, "unseen": False}
    assert dict(manifest["faces"]) == {"face": 2, "none": 0, "unseen": 0}
    assert set(manifest["grade"]) == {"hard"}


def test_rejected_csv_is_there_with_its_columns_even_when_nothing_is_rejected(raw: RawData, tmp_path: Path) -> None:
    raw.merl_rav(["image00001"])
    labels(raw, tmp_path / "out", "--layout", "merl_rav")
    with (tmp_path / "out/rejected.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["file", "row", "photo", "reason", "detail"]]


def test_without_photos_only_tables_are_written(raw: RawData, tmp_path: Path) -> None:
    raw.write("left/testset/labels/image00001.pts", raw.pts(raw.points(68)))
    labels(raw, tmp_path / "out", "--layout", "merl_rav", "--no-photos")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {".uncover", "manifest.parquet", "boxes.parquet", "rejected.csv", "summary.json"}


def test_the_same_data_gives_the_same_files_whatever_stood_in_out(raw: RawData, tmp_path: Path) -> None:
    raw.merl_rav(["image00001_1", "image00001_2", "image00002"])
    out = tmp_path / "out"
    labels(raw, out, "--layout", "merl_rav")
    before = {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    (out / "labels/stale.txt").write_text("0 0 0 0 0")
    labels(raw, out, "--layout", "merl_rav")
    assert {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_stages_one_by_one_give_what_labels_gives(raw: RawData, tmp_path: Path) -> None:
    raw.merl_rav(["image00001_1", "image00001_2", "image00002"], "frontal/trainset")
    raw.merl_rav(["image00003", "image00004"], "frontal/testset")
    raw.merl_rav(["image00005"], "left/testset")
    raw.write("frontal/testset/image00006.pts", "")
    faces, split, numbers = tmp_path / "faces.parquet", tmp_path / "split.parquet", tmp_path / "split.json"
    rejected = tmp_path / "rejected.csv"
    assert main(["read_faces", "--layout", "merl_rav", str(raw.root), str(faces), str(rejected)]) == 0
    assert "image00006.pts,0,image00006,malformed_row,is empty" in rejected.read_text()
    sizes = "train=all,val=9,test=1"
    poses = ["--poses", "frontal,righthalf"]
    assert main(["split_photos", str(faces), str(split), str(numbers), "--split", sizes, *poses]) == 0
    told = json.loads(numbers.read_text())
    assert told["requested"] == {"train": None, "val": 9, "test": 1}
    assert told["got"] == {"train": 2, "val": 1, "test": 1} and told["unused"] == {"other_pose": 1}
    whole = tmp_path / "whole"
    labels(raw, whole, "--layout", "merl_rav", "--split", sizes, *poses)
    manifest = pd.read_parquet(whole / "manifest.parquet").set_index("photo")
    for name, photos in (("train", 2), ("val", 1), ("test", 1)):
        out = tmp_path / name
        arguments = ["--set", name, "--faces", str(faces), "--splits", str(split)]
        assert main(["label_faces", str(out), *arguments]) == 0
        assert json.loads((out / "summary.json").read_text())["photos"] == photos
        for path in (out / "labels").iterdir():
            assert manifest.loc[path.stem, "set"] == name
            assert path.read_bytes() == (whole / "labels" / path.name).read_bytes()


def prepared(raw: RawData, tmp_path: Path) -> tuple[str, str]:
    raw.wflw(["0--A/a.jpg"], "train")
    faces, split = str(tmp_path / "faces.parquet"), str(tmp_path / "split.parquet")
    assert main(["read_faces", "--layout", "wflw", str(raw.root), faces, str(tmp_path / "rejected.csv")]) == 0
    assert main(["split_photos", faces, split, str(tmp_path / "split.json"), "--split", "train=all,val=3"]) == 0
    return faces, split


def test_a_shortfall_is_a_note_or_an_error(raw: RawData, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faces, _ = prepared(raw, tmp_path)
    assert "note: " in (said := capsys.readouterr().err) and "only 0 photos for val, 3 requested" in said
    out = tmp_path / "strict.parquet"
    assert main(["split_photos", faces, str(out), str(tmp_path / "s.json"), "--split", "val=3", "--strict"]) == 2
    assert "only 0 photos for val, 3 requested" in capsys.readouterr().err
    assert not out.exists() and not (tmp_path / "s.json").exists()


def test_a_set_without_photos_is_refused(raw: RawData, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faces, split = prepared(raw, tmp_path)
    capsys.readouterr()
    out = tmp_path / "val"
    assert main(["label_faces", str(out), "--set", "val", "--faces", faces, "--splits", split]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no photo is left for this data set" in line and not out.exists()


def test_tables_of_faces_and_splits_come_in_pairs(
    raw: RawData, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces, split = prepared(raw, tmp_path)
    capsys.readouterr()
    arguments = ["--set", "train", "--faces", faces, faces, "--splits", split]
    assert main(["label_faces", str(tmp_path / "train"), *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "2 tables of faces, 1 of splits" in line


def test_two_raw_data_sets_with_a_photo_of_one_name_are_refused(
    raw: RawData, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces, split = prepared(raw, tmp_path)
    other = tmp_path / "other.parquet"
    other_split = tmp_path / "other_split.parquet"
    pd.read_parquet(faces).assign(source="other").to_parquet(other)
    pd.read_parquet(split).assign(source="other").to_parquet(other_split)
    capsys.readouterr()
    arguments = ["--set", "train", "--faces", faces, str(other), "--splits"]
    assert main(["label_faces", str(tmp_path / "train"), *arguments, split, split]) == 2
    assert "split.parquet: is not a split of " in capsys.readouterr().err
    assert main(["label_faces", str(tmp_path / "train"), *arguments, split, str(other_split)]) == 2
    assert "photo a: occurs in two raw data sets" in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["", "images/"])
def test_plain_frames_become_a_set_without_labels(raw: RawData, tmp_path: Path, folder: str) -> None:
    for number in range(3):
        raw.photo(f"{folder}{number}.png")
    out = tmp_path / "hof"
    assert main(["label_frames", str(raw.root), str(out), "--source", "hof"]) == 0
    manifest = pd.read_parquet(out / "manifest.parquet")
    assert list(manifest["photo"]) == ["0", "1", "2"] and not manifest["labelled"].any()
    assert set(manifest["source"]) == {"hof"}
    assert len(list((out / "images").iterdir())) == 3 and not list((out / "labels").iterdir())


def test_an_out_that_must_not_be_replaced_is_refused_before_anything_is_read(
    raw: RawData, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw.wflw(["0--Parade/a.jpg"])
    raw.wflw_list(["short row"], "train")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.docx").write_text("years of work")
    assert main(["labels", "--layout", "wflw", str(raw.root), str(mine)]) == 2
    said = capsys.readouterr().err
    assert "holds files that uncover did not make" in said and "rejected" not in said
    assert [path.name for path in mine.iterdir()] == ["thesis.docx"]


def test_an_overlay_says_what_it_wrote(raw: RawData, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw.merl_rav(["image00001", "image00002", "image00003"])
    labels(raw, tmp_path / "out", "--layout", "merl_rav")
    capsys.readouterr()
    assert main(["overlay", str(tmp_path / "out"), str(tmp_path / "look"), "--count", "2"]) == 0
    said = capsys.readouterr().err
    assert said.startswith(f"wrote {tmp_path / 'look' / 'overlay.png'}: 2 of 3 photos with 22 boxes, ")
    assert {path.name for path in (tmp_path / "look").iterdir()} == {"overlay.png", "overlay.pdf"}


def test_photos_of_phones_and_animations_become_what_every_tool_reads(
    raw: RawData, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    for name, kind in (("IMG_1.HEIC", "HEIF"), ("b.jfif", "JPEG"), ("c.AVIF", "AVIF"), ("d.png", "JPEG")):
        raw.write(name, raw.encoded(raw.picture(), kind))
    frames = [raw.picture(), raw.picture(mode="L").convert("RGB")]
    raw.write("e.gif", raw.encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    raw.write("f.pdf", b"%PDF")
    # Nobody labelled a face, which is told by the exit code.
    assert main(["labels", "--layout", "graded", str(raw.root), str(tmp_path / "out")]) == 3
    counts = json.loads((tmp_path / "out/summary.json").read_text())
    assert (counts["read"], counts["kept"]) == (5, 5)
    images = {path.name: path.is_symlink() for path in (tmp_path / "out/images").iterdir()}
    assert images == {"IMG_1.png": False, "b.jpg": True, "c.png": False, "d.png": True, "e.png": False}
    said = capsys.readouterr().err
    assert "skipped 1 files that are not images: 1 .pdf (such as f.pdf)" in said
    assert "1 image files contain several images" in said and "e.gif: 2); only the first of each" in said


@pytest.mark.parametrize("with_empty_labels", [False, True])
def test_a_set_without_a_face_cannot_be_overlooked(
    raw: RawData, tmp_path: Path, capsys: pytest.CaptureFixture[str], with_empty_labels: bool
) -> None:
    for name in ("a", "b"):
        raw.photo(f"{name}.jpg")
        raw.write(f"labelme/{name}.json", '{"shapes": []}')
        if with_empty_labels:
            raw.write(f"labels/{name}.txt", "")
    assert main(["labels", "--layout", "graded", str(raw.root), str(tmp_path / "out")]) == 3
    told = capsys.readouterr().err
    assert (
        f"NO FACE in 2 photos, {0 if with_empty_labels else 2} of them not annotated; check that the annotations"
        in told
    )
    assert "skipped 2 .json files" in told and told.count("labelme/a.json, labelme/b.json\n") == 1
    assert (tmp_path / "out/manifest.parquet").is_file()


def test_classes_of_frames_are_chosen_by_name(raw: RawData, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw.photo("train/images/a.jpg")
    raw.write("train/labels/a.txt", "0 0.5 0.5 0.2 0.4\n1 0.5 0.5 0.4 0.4\n")
    raw.write("data.yaml", "train: ../train/images\nval: ../train/images\nnames: [with_mask, without_mask]\n")
    assert main(["labels", "--layout", "graded", str(raw.root), str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "has the classes with_mask, without_mask; none of them is clearly the whole face" in line
    counts = labels(raw, tmp_path / "out", "--layout", "graded", "--class", "with_mask", "--class", "without_mask")
    assert counts["boxes"]["whole face"] == 2
    counts = labels(raw, tmp_path / "out", "--layout", "graded", "--class", "With_Mask")
    assert counts["boxes"]["whole face"] == 1
    assert main(["labels", "--layout", "wflw", "--class", "face", str(raw.root), str(tmp_path / "other")]) == 2
    assert "--class: wflw has only faces" in capsys.readouterr().err


@pytest.mark.parametrize("size", ["all", "9"])
def test_a_set_of_a_split_that_gets_no_photo_cannot_be_overlooked(
    raw: RawData, tmp_path: Path, capsys: pytest.CaptureFixture[str], size: str
) -> None:
    raw.wflw(["0--A/a.jpg", "0--A/b.jpg"], "train")
    raw.wflw(["1--B/c.jpg"], "test")
    split = f"train=5,val={size},test=1"
    assert main(["labels", "--layout", "wflw", "--split", split, str(raw.root), str(tmp_path / "out")]) == 3
    told = capsys.readouterr().err
    assert f"NO PHOTO for val, {size} requested: there is no val.txt" in told
    assert "only 2 photos for train, 5 requested" in told
    assert not (tmp_path / "out/val.txt").exists()
