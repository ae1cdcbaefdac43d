"""Frames and their videos: by the list they were picked with, else by their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.yolov5.picked_frames import VIDEOS, make_picked
from uncover.data.frame_sets import make_frame_set
from uncover.errors import InputError
from uncover.images.grouped import read_annotated_images, read_grouped_images


@pytest.fixture
def picked(tmp_path: Path) -> Path:
    """Frames as they were picked, which may be spoilt."""
    make_picked(tmp_path / "picked")
    return tmp_path / "picked"


def groups_of(picked: Path) -> dict[str, str]:
    make_frame_set(picked, picked.parent / "set", "picked")
    return read_grouped_images(picked.parent / "set").groups


def test_groups_are_those_of_the_list(picked: Path) -> None:
    table = (picked / "frames.csv").read_text()
    (picked / "frames.csv").write_text(table.replace("infant_03,", "the third,"))
    groups = groups_of(picked)
    assert len(groups) == sum(VIDEOS.values())
    assert groups["infant_03_000010.png"] == "the third" and groups["infant_01_000000.png"] == "infant_01"


def test_without_a_list_names_up_to_the_last_underscore_count(picked: Path) -> None:
    (picked / "frames.csv").unlink()
    assert set(groups_of(picked).values()) == set(VIDEOS)


def test_a_frame_that_was_graded_since_is_still_found_in_the_list(picked: Path) -> None:
    for kind, suffix in (("images", "png"), ("labels", "txt")):
        (picked / "hard" / kind).mkdir(parents=True)
        name = f"infant_02_000010.{suffix}"
        (picked / "ungraded" / kind / name).rename(picked / "hard" / kind / name)
    table = (picked / "frames.csv").read_text()
    (picked / "frames.csv").write_text(table.replace("infant_02_000010.png,infant_02", "infant_02_000010.png,other"))
    assert groups_of(picked)["infant_02_000010.png"] == "other"


def test_frames_that_nobody_annotated_stay_out_and_those_without_a_face_do_not(
    picked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (picked / "frames.csv").unlink()
    (picked / "ungraded/labels/infant_01_000000.txt").unlink()
    groups = groups_of(picked)
    assert "infant_01_000000.png" not in groups and "infant_01_000040.png" in groups
    assert "left out 1 of 12 frames that are not annotated (no label file)" in capsys.readouterr().err
    for path in (picked / "ungraded/labels").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="none of its 12 frames is annotated"):
        groups_of(picked)


def test_videos_of_one_infant_go_together_and_what_is_assumed_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_picked(tmp_path / "picked", {"infant_01_a": 2, "infant_01_b": 3, "ward_7": 2, "ward_8": 2, "ward_9": 2})
    picked = tmp_path / "picked"
    assert set(groups_of(picked).values()) == {"infant_01", "ward_7", "ward_8", "ward_9"}
    said = capsys.readouterr().err
    assert "by their names, infant_01_a, infant_01_b are all of infant_01; they stay together" in said
    assert "the infant in ward_7, ward_8, ward_9 is unknown; each video counts as one infant of its own" in said
    (picked / "infants.csv").write_text("video,infant\nward_7.mp4,Mia\nward_8.mp4,Mia\nward_9,infant_01\n")
    assert set(groups_of(picked).values()) == {"infant_01", "Mia"}
    assert "the infant in" not in capsys.readouterr().err
    # Without frames.csv, names of frames say of which video they are, and the list of infants still counts.
    (picked / "frames.csv").unlink()
    assert set(groups_of(picked).values()) == {"infant_01", "Mia"}
    (picked / "infants.csv").unlink()
    assert set(groups_of(picked).values()) == {"infant_01", "ward_7", "ward_8", "ward_9"}
    (tmp_path / "set/infants.csv").write_text("video,infant\nward_7,Mia\nward_8,Mia\n")
    frames = read_grouped_images(tmp_path / "set")
    assert set(frames.groups.values()) == {"infant_01", "Mia", "ward_9"}
    assert [frames.kind_of(group) for group in ("infant_01", "Mia", "ward_9")] == ["infant", "infant", "video"]
    capsys.readouterr()
    assert frames.group_named("ward_8") == "Mia" and frames.group_named("nobody") == "nobody"
    assert "ward_8 belongs to the infant Mia; its 2 videos stay together" in capsys.readouterr().err


def test_an_infant_that_is_filled_in_later_counts_though_the_manifest_does_not_know(picked: Path) -> None:
    assert set(groups_of(picked).values()) == set(VIDEOS)
    lines = (picked / "frames.csv").read_text().splitlines()
    rows = [
        f"{line},{'infant' if not number else 'Mia' if 'infant_02' in line else ''}"
        for number, line in enumerate(lines)
    ]
    (picked / "frames.csv").write_text("\n".join(rows).replace("infant_03,", "infant_02_again,") + "\n")
    groups = read_grouped_images(picked.parent / "set").groups
    assert set(groups.values()) == {"infant_01", "Mia", "infant_02"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("image,video", "image,film", "expected the columns image and video"),
        ("infant_02_000010.png,infant_02", "infant_02_000010.png,", "row 8: infant_02_000010: no video"),
        ("infant_02_000010.png,infant_02", "infant_01_000000.png,other", "row 8: .*'infant_01' and 'other'"),
    ],
)
def test_a_spoilt_list_is_named(picked: Path, old: str, new: str, says: str) -> None:
    path = picked / "frames.csv"
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=f"frames.csv[:,] {says}"):
        groups_of(picked)


def test_a_name_that_says_of_no_video_is_an_error(tmp_path: Path) -> None:
    make_picked(tmp_path / "picked", listed=False)
    for kind, suffix in (("images", "png"), ("labels", "txt")):
        folder = tmp_path / "picked" / "ungraded" / kind
        (folder / f"infant_01_000000.{suffix}").rename(folder / f"7.{suffix}")
    with pytest.raises(InputError, match=r"7\.png: its name contains no video or infant"):
        groups_of(tmp_path / "picked")


def as_before(picked: Path) -> None:
    """The table of an earlier version, which does not say who reviewed a frame."""
    lines = (picked / "frames.csv").read_text().splitlines()
    (picked / "frames.csv").write_text("\n".join(line.rpartition(",")[0] for line in lines))


def test_a_data_set_of_an_earlier_version_brings_no_unreviewed_boxes(
    picked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Made then, its labels may be a detector's; those that somebody corrected in it since are his."""
    make_frame_set(picked, tmp_path / "set", "picked")
    as_before(picked)
    with pytest.raises(InputError, match="none of its 12 images is annotated or reviewed"):
        read_grouped_images(tmp_path / "set")
    (tmp_path / "set/labels/infant_02_000000.txt").write_text("2 0.5 0.5 0.25 0.25\n")
    capsys.readouterr()
    assert list(read_grouped_images(tmp_path / "set").groups) == ["infant_02_000000.png"]
    assert "left out 11 of 12 images that are picked frames without review" in capsys.readouterr().err


def test_a_folder_of_one_grade_is_no_way_round(picked: Path, tmp_path: Path) -> None:
    as_before(picked)
    with pytest.raises(InputError, match="0 frames reviewed, 12 only proposed, 0 not looked at"):
        make_frame_set(picked / "ungraded", tmp_path / "set", "picked")


def test_pictures_of_frames_without_a_label_are_not_without_a_face(picked: Path) -> None:
    """Whoever writes a data.yaml of his own into the folder: trainers take these for pictures of nobody."""
    (picked / "data.yaml").write_text("path: .\ntrain: ungraded/images\nval: ungraded/images\nnames: [face]\n")
    (picked / "ungraded/labels/infant_01_000000.txt").unlink()
    assert len(read_annotated_images(picked, subset="train")) == sum(VIDEOS.values()) - 1
