"""No digest misses code that runs: commands are traced, and whatever function they enter is in their closure."""

from __future__ import annotations

import ast
import functools
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from uncover import commands
from uncover.cli import build_parser
from uncover.metrics.predictions import CORNERS, Predictions, write_predictions
from uncover.report import registry
from uncover.workflow.digest import ROOT, TALK, code_digest, our_code

VERBS = commands.load()
PUBLISHED = str(ROOT.parents[1] / "config" / "published.yaml")
SETS = ("val", "merl", "wflw")
STEPS = {
    # Each reads what those before it have left in the folder.
    "make_synthetic": "wflw raw --train 2 --test 1 --size 96 --seed 3",
    "read_faces": "--layout wflw raw faces.parquet rejected.csv",
    "split_photos": "faces.parquet splits.parquet splits.json --split train=all,val=1,test=all",
    "label_faces": "train --set train --faces faces.parquet --splits splits.parquet",
    "figure_16": "figures --manifest train/manifest.parquet --boxes train/boxes.parquet",
    "table_parts": "tables --faces faces.parquet",
    "evaluate": "found.parquet --labels train --bootstrap 5 --out val/all",
    "table_04": f"tables --published {PUBLISHED} --summaries " + " ".join(f"{name}/all/summary.json" for name in SETS),
}


@functools.cache
def statements_of(file: Path) -> list[ast.stmt]:
    return ast.parse(file.read_text(encoding="utf-8")).body


@functools.cache
def definition_of(code: CodeType) -> str | None:
    """Top-level definition whose code this is, as "module:name"; None for code of others and of modules themselves."""
    file = Path(code.co_filename)
    if not file.is_relative_to(ROOT) or code.co_name == "<module>":
        return None
    module = ".".join(["uncover", *file.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__")
    for node in statements_of(file):
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
        if first <= code.co_firstlineno <= (node.end_lineno or 0):
            name = getattr(node, "name", None)
            # Lambdas and comprehensions of an assignment have no name of their own.
            return f"{module}:{name}" if name else None
    raise AssertionError(f"{code} stands in no statement of {file}")


def is_of_import(frame: FrameType | None) -> bool:
    """Whether a frame runs because a module of the package is being loaded."""
    while frame is not None:
        if frame.f_code.co_name == "<module>" and Path(frame.f_code.co_filename).is_relative_to(ROOT):
            return True
        frame = frame.f_back
    return False


def entered_by(command: str, words: list[str]) -> set[str]:
    """Definitions of the package whose code a command runs, but for those that are told of on the way."""
    entered: set[str] = set()
    # By identity, as code takes long to compare: this is asked at every call of anything.
    settled: dict[int, CodeType] = {}

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event != "call" or id(frame.f_code) in settled:
            return
        name = definition_of(frame.f_code)
        if name is None or name.partition(":")[0] in TALK or name in entered:
            settled[id(frame.f_code)] = frame.f_code
            return
        if is_of_import(frame):
            return
        caller = frame.f_back and definition_of(frame.f_back.f_code)
        if caller is None or caller.partition(":")[0] not in TALK:
            entered.add(name)

    _, parsers = build_parser({command})
    args = parsers[command].parse_args(words)
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        assert not args.run(args)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return entered


@pytest.fixture(scope="module")
def entered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, set[str]]]:
    """What each of the steps enters."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(tmp_path_factory.mktemp("traced"))
        entered = {}
        for command, words in STEPS.items():
            if command == "evaluate":
                write_found(Path("train"), Path("found.parquet"))
            if command == "table_04":
                for name in SETS[1:]:
                    shutil.copytree("val", name)
            entered[command] = entered_by(command, words.split())
        yield entered


def write_found(dataset: Path, out: Path) -> None:
    """Predictions of a detector that finds one box in every image, about where a face is."""
    manifest = pd.read_parquet(dataset / "manifest.parquet")
    images = manifest[["image", "width", "height"]].assign(image=[Path(image).name for image in manifest["image"]])
    boxes = images.assign(confidence=np.float32(0.9), **{"class": "whole face", "class_id": 2})
    boxes = boxes.assign(**dict(zip(CORNERS, (20.0, 20.0, 76.0, 76.0), strict=True)))
    about = {"classes": {"2": "whole face"}, "confidence": 0.001, "nms_iou": 0.6}
    about |= {"max_boxes_per_class": 300, "precision": "float32", "image_size": 96}
    write_predictions(out, Predictions(boxes[["image", "class", "class_id", "confidence", *CORNERS]], images, about))


@pytest.mark.parametrize("command", STEPS)
def test_all_that_a_command_enters_is_in_its_digest(entered: dict[str, set[str]], command: str) -> None:
    code = registry.entry(command).code if command in registry.declared() else VERBS[command].code
    closure = set(our_code().closure(*code))
    assert len(entered[command]) > 5 and (command not in VERBS or VERBS[command].code[1] in entered[command])
    # What is registered by a decorator of the package stands under its module's name.
    assert {name for name in entered[command] if name not in closure and name.partition(":")[0] not in closure} == set()


def test_a_definition_that_is_left_out_would_be_noticed(entered: dict[str, set[str]]) -> None:
    assert not entered["label_faces"] <= set(our_code().closure(*VERBS["label_frames"].code))
    assert code_digest(*VERBS["label_faces"].code) != code_digest(*VERBS["label_frames"].code)
