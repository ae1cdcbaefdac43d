"""Heatmap sets end to end: what the commands make, and how they go on after a kill, a full disk, a bad image."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pandas as pd
import pytest
from detector_commands import run
from full_disk import full_disk
from heatmaps_commands import VARIANTS, WISHES, contents, words

from uncover.cam.heatmaps import NO_DETECTION
from uncover.cam.store import read_manifest
from uncover.cli import main
from uncover.images.reading import read_image

if TYPE_CHECKING:
    from detector_commands import Complaint, Good


def test_a_set_is_made_and_made_only_once(
    good: Good, undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    run("heatmaps", *words(good, good.data / "train", out, "--name", "train"))
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith(f"wrote {out}")]
    assert len(lines) == len(VARIANTS) and all("maps of 6 images, 6 of them new; " in line for line in lines)
    for variant in VARIANTS:
        found = contents(out / variant / "train")
        assert found == contents(undisturbed / variant)
        images = {f"{part}/{number}.tif" for part in ("images", "joint") for number in range(6)}
        assert found.keys() == images | {"shards/1-of-1.parquet", "manifest.parquet", "lint.csv"}
    run("heatmaps", *words(good, good.data / "train", out, "--name", "train"))
    assert "maps of 6 images, 0 of them new; " in capsys.readouterr().err


def test_a_set_of_heatmaps_is_a_data_set(undisturbed: Path) -> None:
    for number in range(6):
        assert read_image(undisturbed / f"fine/images/{number}.tif", 2).shape == (72, 96, 2)
        assert read_image(undisturbed / f"fine/joint/{number}.tif", 1).shape == (72, 96, 1)


def test_where_nothing_is_found_maps_are_blank_and_flagged(good: Good, tmp_path: Path) -> None:
    run("heatmaps", *words(good, good.data / "val", tmp_path, "--confidence", 1))
    table = read_manifest(tmp_path / "gradcampp/manifest.parquet").table
    assert len(table) == 4 and all(list(status) == [NO_DETECTION] * 3 for status in table["status"])
    lint = pd.read_csv(tmp_path / "gradcampp/lint.csv").set_index("class")
    assert list(lint.index) == ["light", "dark", "joint", "all classes"] and (lint["blank"] == 1).all()
    assert not read_image(tmp_path / "gradcampp/images/0.tif", 2).any()
    # Its target needs no detection.
    assert (pd.read_csv(tmp_path / "fine/lint.csv")["blank"] < 1).any()


def test_where_all_maps_are_blank_it_is_said_why_and_what_may_help(
    good: Good, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--weights", good.weights, "--device", "cpu", "--method", "hirescam", "--confidence", 1]
    why = "all maps of 4 of 4 images are blank (4 no detection"
    for shard, code in (([], 3), (["--shard", "1/1"], 0)):
        assert (
            main([str(word) for word in ("heatmaps", good.data / "val", tmp_path / "maps", *options, *shard)]) == code
        )
        said = capsys.readouterr().err
        assert f"{why} of confidence 1.0 or more): lower --confidence (such as 0.05), or use --target T1" in said
    for number, options in enumerate(([], ["--average", "joint"], ["--format", "png"])):
        words = ["heatmaps", "export", tmp_path / "maps/hirescam", tmp_path / f"full{number}", *options]
        assert main([str(word) for word in words]) == 3
        said = capsys.readouterr().err
        count = 4 if "joint" in options else 8
        assert f"full{number}: maps of 4 images; {count} of {count} maps blank" in said and f"{why}): lower" in said


def test_several_sets_are_made_as_one_after_the_other_and_resumed(
    good: Good, data: Path, tmp_path: Path, complaint: Complaint, capsys: pytest.CaptureFixture[str]
) -> None:
    known, alone, out = tmp_path / "known/train", tmp_path / "alone", tmp_path / "out"
    shutil.copytree(data / "train", known)
    for name in ("train", "val"):
        run("heatmaps", *words(good, data / name, alone, "--name", name))
        for variant in VARIANTS:
            run("heatmaps", "collect", alone / variant / name, "--trained-on", known)
    sets = ["heatmaps", "sets", data / "train", data / "val", "--out", out, "--weights", good.weights, *WISHES]
    run(*sets, "--trained-on", known)
    made = contents(out)
    assert made == contents(alone) and any(name.startswith("fine/val/joint/") for name in made)
    capsys.readouterr()
    for name in ("joint/1.tif", "manifest.parquet", "lint.csv", "shards/1-of-1.parquet"):
        (out / "fine/val" / name).unlink()
    run(*sets, "--trained-on", known)
    said = capsys.readouterr().err
    assert "train: maps of 6 images, 0 of them new" in said and "val: maps of 4 images, 1 of them new" in said
    assert contents(out) == made
    # What is wrong with the last set shows before the first is made.
    (data / "val/images/3.png").write_bytes(b"no photo")
    shutil.rmtree(out)
    assert "val/images/3.png is not an image" in complaint("heatmaps sets", *sets[2:]) and not list(out.rglob("*.tif"))
    for folder, says in (
        (data / "nowhere", "nowhere: no such folder"),
        (data / "val/images/1.png", "1.png: is a file; expected the folder of a set"),
        (known, "train: has the name of "),
        (data / "val/images", "images: expected the name of a folder, other than images, joint, shards"),
    ):
        assert says in complaint("heatmaps sets", data / "train", folder, *sets[4:])
        assert not out.exists()


def test_jobs_share_a_set(good: Good, tmp_path: Path, complaint: Complaint) -> None:
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    run("heatmaps", *words(good, good.data / "train", alone, "--batch", 1))
    for number in (3, 1):
        run("heatmaps", *words(good, good.data / "train", shared, "--batch", 1, "--shard", f"{number}/3"))
    assert not (shared / "fine/manifest.parquet").exists()
    line = complaint("heatmaps collect", shared / "fine")
    assert f"{shared}/fine/shards/2-of-3.parquet: does not exist; run 'uncover heatmaps --shard 2/3'" in line
    run("heatmaps", *words(good, good.data / "train", shared, "--batch", 1, "--shard", "2/3"))
    for variant in VARIANTS:
        run("heatmaps", "collect", shared / variant)
        one, three = (contents(out / variant) for out in (alone, shared))
        same = [name for name in one if name.endswith((".tif", ".csv"))]
        assert len(same) == 13 and all(one[name] == three[name] for name in same)


def test_shards_of_different_options_make_no_set(good: Good, tmp_path: Path, complaint: Complaint) -> None:
    run("heatmaps", *words(good, good.data / "train", tmp_path, "--shard", "1/2"))
    run("heatmaps", *words(good, good.data / "train", tmp_path, "--shard", "2/2", "--confidence", 0.02))
    line = complaint("heatmaps collect", tmp_path / "fine")
    assert re.search(r"2-of-2\.parquet: was made with .*confidence.*1-of-2\.parquet; run", line)
    run("heatmaps", *words(good, good.data / "val", tmp_path, "--shard", "2/2"))
    assert "run 'uncover heatmaps' again" in complaint("heatmaps collect", tmp_path / "fine")


def test_an_image_that_is_gone_takes_its_maps_along(good: Good, data: Path, undisturbed: Path, tmp_path: Path) -> None:
    out = shutil.copytree(undisturbed, tmp_path / "out")
    (data / "train/images/3.png").unlink()
    run("heatmaps", *words(good, data / "train", out))
    names = {f"{number}.tif" for number in (0, 1, 2, 4, 5)}
    for variant in VARIANTS:
        assert {path.name for path in (out / variant).glob("*/*.tif")} == names
        assert len(read_manifest(out / variant / "manifest.parquet").table) == 5


def test_images_of_the_training_are_counted(good: Good, data: Path, undisturbed: Path, tmp_path: Path) -> None:
    out = shutil.copytree(undisturbed, tmp_path / "out")
    shutil.copy(data / "train/images/3.png", data / "val/images/under_another_name.png")
    for known, count in ((good.data / "train", 6), (data / "val", 1), (good.data / "val", 0)):
        run("heatmaps", "collect", out / "fine", "--trained-on", known)
        assert (pd.read_csv(out / "fine/lint.csv")["trained_on"] == count).all()
    run("heatmaps", "collect", out / "fine")
    assert contents(out) == contents(undisturbed)


DYING = """
import itertools, os, signal, sys
from uncover.cli import main

replace, calls = os.replace, itertools.count()

def die(*names):
    if next(calls) == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*names)

os.replace = die
main(sys.argv[2:])
"""


@pytest.mark.parametrize("at", [9, pytest.param(25, marks=pytest.mark.whole_run)])
def test_a_killed_run_goes_on_where_it_was(good: Good, undisturbed: Path, tmp_path: Path, at: int) -> None:
    """Killed between the files of a map, and between the records of the two variants."""
    out = tmp_path / "out"
    given = [str(word) for word in ("heatmaps", *words(good, good.data / "train", out))]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", DYING, str(at), *given], env=environment, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert len([path for path in out.rglob("*.tif") if not path.name.startswith(".")]) <= min(at, 24)
    assert not list(out.glob("*/manifest.parquet"))
    kept = {path: path.stat().st_mtime_ns for path in out.glob("*/images/*.tif") if not path.name.startswith(".")}
    run(*given)
    # Also what the killed process left of a file is gone.
    assert {name: text for name, text in contents(out).items() if "/." not in name} == contents(undisturbed)
    assert not [path for path in out.rglob(".*.tif")]
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())


@pytest.mark.parametrize("longest", [10, 900, 3000])
def test_a_full_disk_is_one_line_and_the_run_goes_on(
    good: Good, undisturbed: Path, tmp_path: Path, complaint: Complaint, longest: int
) -> None:
    """Too small for any map, for those of the classes, and for the record of the shard."""
    out = tmp_path / "out"
    with full_disk(longest):
        line = complaint("heatmaps", *words(good, good.data / "train", out))
    assert str(out) in line and "File too large" in line
    assert not [path for path in out.rglob("*.tif") if path.stat().st_size > longest]
    assert not [path for path in out.rglob("*") if path.name.startswith(".")]
    run("heatmaps", *words(good, good.data / "train", out))
    assert contents(out) == contents(undisturbed)


def test_a_spoilt_image_is_named_and_the_others_are_kept(
    good: Good, data: Path, tmp_path: Path, complaint: Complaint
) -> None:
    out, spoilt = tmp_path / "out", data / "train/images/4.jpg"
    content = cv2.imencode(".jpg", cv2.imread(str(data / "train/images/4.png")))[1].tobytes()
    (data / "train/images/4.png").unlink()
    # Its header is whole: only decoding shows what is wrong.
    spoilt.write_bytes(content[:-60])
    line = complaint("heatmaps", *words(good, data / "train", out))
    assert re.search(r"train/images/4\.jpg:? cannot be decoded", line)
    assert not list(out.glob("*/shards/*"))
    spoilt.write_bytes(content)
    run("heatmaps", *words(good, data / "train", out))
    assert len(list(out.glob("fine/images/*.tif"))) == 6


def test_maps_are_exported_at_full_size(undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    run("heatmaps", "export", undisturbed / "fine", out)
    assert f"{out}: maps of 6 images" in capsys.readouterr().err
    for number in range(6):
        name = f"{number}.tif"
        assert np.array_equal(read_image(out / name, 2), read_image(undisturbed / "fine/images" / name, 2))
    run(
        "heatmaps", "export", undisturbed / "fine", out, "--format", "png", "--frame", "letterbox", "--average", "joint"
    )
    picture = cv2.imread(str(out / "0.png"), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (64, 64) and not (out / "0.tif").exists()
