"""Everything that can be wrong with the data sets and weights of a detector, and what is said of it."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import torch

from uncover.yolov5.network import build_network
from uncover.yolov5.weights import load_weights, save_weights

Spoil = Callable[[Path], object]


def image(content: bytes) -> Spoil:
    """The fourth of six photos has this content."""
    return lambda data: (data / "train/images/3.png").write_bytes(content)


def jpeg(change: Callable[[bytes], bytes]) -> Spoil:
    """The fourth of six photos is a JPEG whose bytes are changed."""

    def spoil(data: Path) -> None:
        path = data / "train/images/3.png"
        content = cv2.imencode(".jpg", cv2.imread(str(path)))[1].tobytes()
        path.unlink()
        path.with_suffix(".jpg").write_bytes(change(content))

    return spoil


def labels(text: str) -> Spoil:
    """The labels of the fourth of six photos."""
    return lambda data: (data / "train/labels/3.txt").write_text(text)


def names(text: str, part: str = "val") -> Spoil:
    """The classes of a set."""
    return lambda data: (data / part / "data.yaml").write_text(text)


def emptied(folder: str) -> Spoil:
    """A folder without a file."""
    return lambda data: [path.unlink() for path in (data / folder).iterdir()]


def gone(place: str) -> Spoil:
    """A file or folder that is not there."""
    return lambda data: shutil.rmtree(data / place) if (data / place).is_dir() else (data / place).unlink()


def link_to_nowhere(data: Path) -> None:
    gone("train/images/3.png")(data)
    (data / "train/images/3.png").symlink_to("moved.png")


ROW = r"train/labels/3\.txt, row 2: "
BAD_SETS: dict[str, tuple[Spoil, str]] = {
    "truncated JPEG": (jpeg(lambda content: content[: len(content) // 2]), r"3\.jpg cannot be decoded: .* truncated"),
    "JPEG spoilt inside": (
        jpeg(lambda content: content[:400] + bytes(200) + content[600:]),
        r"3\.jpg: cannot be decoded .*; fix or remove the image",
    ),
    "garbage": (image(b"\0garbage" * 99), r"3\.png is not an image in a supported format; fix or remove"),
    "text as photo": (image(b"<html>"), r"3\.png is not an image"),
    "zero bytes": (image(b""), r"3\.png is empty; fix or remove"),
    "link to nowhere": (link_to_nowhere, r"3\.png does not exist"),
    "unknown class": (
        labels("0 .5 .5 .1 .1\n7 .5 .5 .1 .1"),
        ROW + "class 7 is unknown; expected an id that data.yaml",
    ),
    "NaN": (labels("0 .5 .5 .1 .1\n0 nan .5 .1 .1"), ROW + "'0 nan .5 .1 .1' .* not a finite number"),
    "out of range": (labels("0 .5 .5 .1 .1\n0 1.5 .5 .1 .1"), ROW + ".* expected shares of the image from 0 to 1"),
    "four columns": (labels("0 .5 .5 .1 .1\n0 .5 .5 .1"), ROW + "4 values; expected five"),
    "no numbers": (labels("0 .5 .5 .1 .1\n0 .5 .5 .1 x"), ROW + ".* are not five numbers"),
    "empty train": (emptied("train/images"), "train/images: no image in it; expected files that end in"),
    "empty val": (emptied("val/images"), "val/images: no image in it"),
    "train without labels": (gone("train/labels"), "train: no box in the labels of 6 images"),
    "val without labels": (emptied("val/labels"), "val: no box in the labels of 4 images"),
    "no data.yaml": (gone("train/data.yaml"), r"train/data\.yaml: no such file; expected a data set"),
    "no val": (gone("val"), "data: no validation set; expected .* --val DATA"),
    "nothing at all": (gone("."), "data: no such folder; expected a data set"),
    "other names": (names("names: {0: dark, 1: light}"), "val: its classes are not those of .*train; .* data.yaml"),
    "other ids": (names("names: {0: light, 2: dark}"), r"val/labels/0\.txt, row 2: class 1 is unknown"),
    "no names": (names("path: ."), r"val/data\.yaml: has no class names"),
}

Make = Callable[[Path, Path], object]
"""Writes a bad weights file, given a good one."""


def edited(change: Callable[[dict[str, Any]], object]) -> Make:
    """Good weights, of whose content something is changed."""

    def make(good: Path, bad: Path) -> None:
        content = torch.load(good, weights_only=True)
        change(content)
        torch.save(content, bad)

    return make


def header(**changes: object) -> Make:
    """Good weights of which the header says something else."""
    return edited(lambda content: content.update(header=json.dumps(json.loads(content["header"]) | changes)))


def flipped(good: Path, bad: Path) -> None:
    content = bytearray(good.read_bytes())
    content[len(content) // 2] ^= 1
    bad.write_bytes(content)


def another_network(good: Path, bad: Path) -> None:
    described = load_weights(good)[1].model_copy(update={"model": "yolov5s"})
    save_weights(bad, build_network("yolov5s", 3, 2, seed=0).state_dict(), described)


def no_numbers(content: dict[str, Any]) -> None:
    content["state"]["model.0.conv.weight"].fill_(float("nan"))


EXPECTED = "expected weights of 'uncover train' or 'uncover import_weights'"
BAD_WEIGHTS: dict[str, tuple[Make, str]] = {
    "truncated": (lambda good, bad: bad.write_bytes(good.read_bytes()[:-5000]), f"truncated, damaged .*{EXPECTED}"),
    "a flipped bit": (flipped, "truncated, damaged"),
    "zero bytes": (lambda good, bad: bad.touch(), "is empty"),
    "pickle": (
        lambda good, bad: bad.write_bytes(pickle.dumps({"a": 1})),
        "is a Python pickle not written by torch",
    ),
    "pickle of torch": (
        lambda good, bad: torch.save(torch.nn.Linear(2, 2), bad),
        "not a YOLOv5 detector but torch.nn.modules.linear.Linear",
    ),
    "foreign content": (
        lambda good, bad: torch.save({"epoch": 3}, bad),
        "not a YOLOv5 detector but a dict of epoch",
    ),
    "no state": (edited(lambda content: content.update(state=None)), "not a weights file of uncover"),
    "other version": (edited(lambda content: content.update(version=99)), "has format version 99"),
    "unknown network": (header(model="yolov9"), "network yolov9: unknown; expected one of yolov5n"),
    "too few names": (header(class_names=["a"]), "invalid header"),
    "impossible padding": (header(padding=999), "invalid header"),
    "other channels": (header(channels=10), "does not match a yolov5n with 10 channels and 2 classes .3 input"),
    "layers missing": (edited(lambda content: content.update(state={})), r"does not match .*no matching .model"),
    "no numbers": (edited(no_numbers), "has weights that are not finite"),
}
