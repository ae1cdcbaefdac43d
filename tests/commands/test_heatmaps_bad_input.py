"""Bad input, end to end: what the commands of heatmap sets say to everything that can be wrong."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import torch
from detector_commands import run
from full_disk import full_disk
from heatmaps_commands import FINE, VARIANTS, WISHES, contents, words

from tests.yolov5.squares import make_set
from uncover.yolov5.weights import read_weights, save_weights

if TYPE_CHECKING:
    from detector_commands import Complaint, Good


def nowhere(data: Path) -> Path:
    return data / "nowhere"


def empty(data: Path) -> Path:
    (data / "empty").mkdir()
    return data / "empty"


def text(data: Path) -> Path:
    (data / "train/images/3.png").write_text("a photo, honestly")
    return data / "train"


def zero_bytes(data: Path) -> Path:
    (data / "train/images/3.png").write_bytes(b"")
    return data / "train"


def same_stem(data: Path) -> Path:
    cv2.imwrite(str(data / "train/images/3.jpg"), np.zeros((72, 96, 3), np.uint8))
    return data / "train"


def ten_channels(data: Path) -> Path:
    make_set(data / "ten", 1, seed=1, channels=10)
    return data / "ten"


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (nowhere, "nowhere: no such folder"),
        (empty, "empty: no image in it; expected files that end in"),
        (text, r"3\.png is not an image in a supported format"),
        (zero_bytes, r"3\.png is empty"),
        (same_stem, r"3\.png: its heatmaps would be 3\.tif, like those of 3\.jpg; rename one of the images"),
        (ten_channels, r"0\.tiff: contains an array of 10 x 72 x 96; expected 3 channels"),
    ],
)
def test_images_that_are_none(
    good: Good, data: Path, tmp_path: Path, complaint: Complaint, images: Callable[[Path], Path], says: str
) -> None:
    line = complaint("heatmaps", *words(good, images(data), tmp_path / "out"))
    assert re.search(says, line) and not list(tmp_path.glob("out/**/*.tif"))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--confidence", "2"], "--confidence 2.0: expected 0 to 1"),
        (["--confidence", "nan"], "--confidence nan: expected 0 to 1"),
        (["--nms-iou", "-1"], "--nms-iou -1.0: expected 0 to 1"),
        (["--batch", "0"], "--batch 0: expected 1 or more"),
        (["--image-size", "100"], "--image-size 100: expected a multiple of 32"),
        (["--image-size", "0"], "--image-size 0: expected 32 or more"),
        (["--device", "cuda:97"], "device cuda:97: torch finds"),
        (["--method", "gradcamp"], "--method gradcamp: key method: expected 'gradcampp'"),
        (["--target", "T3"], "--method gradcampp: key target: expected 'T1'"),
        (["--layer", "24"], "layer 24: is the head, which has no heatmap"),
        (["--layer", "-1"], "layer -1: is the head"),
        (["--layer", "99"], "layer 99: no such layer in the network; expected 0 to 23"),
        (["--layer", "-2", "--layer", "23"], "layer 23: given twice|layer -2: given twice"),
        (["--variant", "fine2"], "--variant fine2: expected NAME=METHOD:LAYERS:TARGET"),
        (["--variant", "a=gradcampp"], "--variant a=gradcampp: expected NAME=METHOD:LAYERS:TARGET"),
        (
            ["--variant", "a=gradcampp:x:T2"],
            "--variant a=gradcampp:x:T2: key layers.0: expected a whole number",
        ),
        (["--variant", "a=gradcampp::T2"], "--variant a=gradcampp::T2: key layers.0"),
        (["--variant", "a=gradcampp:17:T9"], "key target: expected 'T1'"),
        (["--variant", "A/b=gradcampp:17:T2"], "expected a name of lower-case letters, digits and _"),
        (["--variant", FINE], f"--variant {FINE}: another variant has this name"),
        (["--variant", "gradcampp=hirescam:17:T2"], "variant 'gradcampp' has the name of a method"),
        (["--shard", "3/2"], "--shard 3/2: expected"),
        (["--shard", "one"], "--shard one: expected"),
        (["--name", "a/b"], "--name a/b: expected the name of a folder"),
        (["--name", ".."], r"--name \.\.: expected the name of a folder"),
        (["--name", "images"], "--name images: "),
    ],
)
def test_an_impossible_wish_is_refused(
    good: Good, tmp_path: Path, complaint: Complaint, more: list[str], says: str
) -> None:
    line = complaint("heatmaps", *words(good, good.data / "val", tmp_path / "out", *more))
    assert re.search(says, line) and not list(tmp_path.iterdir())


def test_a_method_twice_is_made_once(good: Good, tmp_path: Path) -> None:
    run("heatmaps", *words(good, good.data / "val", tmp_path, "--method", "gradcampp"))
    assert {path.name for path in tmp_path.iterdir()} == set(VARIANTS)


def test_no_method_at_all(good: Good, tmp_path: Path, complaint: Complaint) -> None:
    line = complaint("heatmaps", good.data / "val", tmp_path / "out", "--weights", good.weights)
    assert "no method given; pass at least one, e.g. --method gradcampp" in line


def missing(good: Good, path: Path) -> None:
    pass


def a_folder(good: Good, path: Path) -> None:
    path.mkdir()


def truncated(good: Good, path: Path) -> None:
    path.write_bytes(good.weights.read_bytes()[:-1000])


def garbage(good: Good, path: Path) -> None:
    path.write_bytes(b"garbage" * 99)


def not_numbers(good: Good, path: Path) -> None:
    header, state = read_weights(good.weights)
    state["model.9.cv1.conv.weight"][0] = torch.nan
    save_weights(path, state, header)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (missing, "does not exist"),
        (a_folder, "is a folder"),
        (truncated, "truncated, damaged"),
        (garbage, "is text .*download it again"),
        (not_numbers, "has weights that are not finite"),
    ],
)
def test_bad_weights_are_never_used(
    good: Good, tmp_path: Path, complaint: Complaint, spoil: Callable[[Good, Path], None], says: str
) -> None:
    spoil(good, tmp_path / "bad.pt")
    line = complaint("heatmaps", good.data / "val", tmp_path / "out", "--weights", tmp_path / "bad.pt", *WISHES)
    assert re.search(rf"bad\.pt: .*{says}", line) and not (tmp_path / "out").exists()


def test_out_that_is_in_the_way(good: Good, data: Path, tmp_path: Path, complaint: Complaint) -> None:
    (tmp_path / "file").write_text("mine")
    assert "file: is a file" in complaint("heatmaps", *words(good, data / "val", tmp_path / "file"))
    # Whoever forgets OUT has the last image there.
    given = [data / "val/images/0.png", data / "val/images/1.png", "--weights", good.weights, *WISHES]
    assert "1.png: is a file" in complaint("heatmaps", *given)
    out = data / "val/images/maps"
    assert f"{out}: is among the images in" in complaint("heatmaps", *words(good, data / "val", out))
    assert contents(data) == contents_of_sets(good, data)


def contents_of_sets(good: Good, data: Path) -> dict[str, bytes]:
    return {name: (good.data / name).read_bytes() for name in contents(data)}


def test_what_cannot_be_exported(undisturbed: Path, tmp_path: Path, complaint: Complaint) -> None:
    out = tmp_path / "out"
    assert "no maps; expected a heatmap set" in complaint("heatmaps export", undisturbed, out)
    line = complaint("heatmaps export", undisturbed / "fine", out, "--average", "whole_face")
    assert "no heatmap of the class 'whole face' among light, dark" in line
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/photo.png").write_bytes(b"mine")
    assert "holds files that uncover did not make" in complaint(
        "heatmaps export", undisturbed / "fine", tmp_path / "mine"
    )
    broken = shutil.copytree(undisturbed / "fine", tmp_path / "broken")
    path = broken / "images/2.tif"
    path.write_bytes(path.read_bytes()[:200])
    assert f"{path}" in complaint("heatmaps export", broken, out)
    with full_disk(100):
        assert "File too large" in complaint("heatmaps export", undisturbed / "fine", out)
    assert not out.exists() and sorted(path.name for path in tmp_path.iterdir()) == ["broken", "mine"]


def test_what_cannot_be_collected(undisturbed: Path, tmp_path: Path, complaint: Complaint) -> None:
    assert "nowhere: no such folder" in complaint("heatmaps collect", tmp_path / "nowhere")
    assert "no record of a shard" in complaint("heatmaps collect", undisturbed)
    line = complaint("heatmaps collect", undisturbed / "fine", "--trained-on", tmp_path / "nowhere")
    assert "nowhere: no such folder" in line
    assert list(tmp_path.iterdir()) == []
