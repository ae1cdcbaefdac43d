"""The recipe of the ready-made detectors from end to end, in small: photos, trainings, scores, weights, card."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from tests.test_weights import SECTIONS
from uncover.cli import main
from uncover.images.composed import ComposedEpochs
from uncover.synthetic.layouts import write_merl_rav, write_slapi
from uncover.yolov5.weights import read_weights

TINY = [
    "model=yolov5n",
    "image_size=64",
    "batch=4",
    "nominal_batch=4",
    "least_warmup_steps=2",
    "composed.sizes=[32,64]",
]
SHARES = [f"composed.{kind}.{name}=1.0" for kind in ("close", "scene") for name in ("merl_rav", "graded")]


def run(*words: object) -> int:
    return main([str(word) for word in words])


@pytest.fixture
def place(one_thread: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with rendered photos, prepared for trainings, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    write_merl_rav(tmp_path / "raw/merl_rav", train=5, test=3, size=96, seed=2)
    write_slapi(tmp_path / "raw/graded", none=2, easy=2, medium=2, hard=2, size=96, seed=3)
    for name, words in {
        "merl_rav": ["layout=merl_rav", "hold_out=official", "younger=1"],
        "graded": ["layout=graded", "held_out=0.5", "covered=[hard]"],
    }.items():
        assert run("face_photos", f"raw/{name}", f"photos/{name}", "--group", name, "--set", *words) == 0
    # Scenes without a face, as real photos have them in their corners.
    for folder in ("merl_rav", "graded"):
        cv2.imwrite(str(tmp_path / f"photos/{folder}/train/empty/plain.jpg"), np.full((80, 80, 3), 120, np.uint8))
    return tmp_path


def train(out: str, *settings: str) -> int:
    photos = ["--photos", "photos/merl_rav/train", "photos/graded/train", "--val", "photos/graded/test"]
    heads = ["composed.heads.younger=1.0", "composed.images=12"]
    return run("train", "composed", out, *photos, "--device", "cpu", "--set", *TINY, *SHARES, *heads, *settings)


@pytest.mark.whole_run
def test_the_recipe_from_photos_to_packaged_weights(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("whole", "epochs=2", "slow_layers=10", "slow_rate=0.1") == 0
    # Stopped in its second epoch, it goes on after the first, and ends with the very same weights.
    batches = ComposedEpochs.batches

    def stop(self: ComposedEpochs, epoch: int, workers: int | None = None):
        if epoch == 1:
            raise KeyboardInterrupt
        return batches(self, epoch, workers)

    monkeypatch.setattr(ComposedEpochs, "batches", stop)
    assert train("stopped", "epochs=2", "slow_layers=10", "slow_rate=0.1") > 128
    monkeypatch.setattr(ComposedEpochs, "batches", batches)
    capsys.readouterr()
    assert train("stopped", "epochs=2", "slow_layers=10", "slow_rate=0.1") == 0
    assert "resuming after epoch 1 of 2" in capsys.readouterr().err
    assert (place / "stopped/weights.pt").read_bytes() == (place / "whole/weights.pt").read_bytes()
    # Biases, and weights of the first layers, learn at their own rates; at the end hardly at all.
    record = pd.read_csv(place / "whole/results.csv")
    assert len(record) == 2 and record["x/lr0"].iloc[-1] < 0.001

    words = ["--score", "tiny", "graded", "whole/weights.pt", "photos/graded/test"]
    words += ["--score", "tiny", "both", "whole/weights.pt", "photos/graded/test"]
    words += ["stopped/weights.pt", "photos/merl_rav/test", "--bootstrap", "20", "--device", "cpu"]
    assert run("score_packaged", "scores.csv", *words) == 0
    assert run("score_packaged", "turned.csv", *words, "--turns", "1", "4") == 0
    turned = pd.read_csv(place / "turned.csv")
    table = pd.read_csv(place / "scores.csv")
    pd.testing.assert_frame_equal(turned[turned["turns"] == 1].reset_index(drop=True), table)
    again = turned[turned["turns"] == 4].reset_index(drop=True)
    assert again["faces"].tolist() == table["faces"].tolist() and (again["ap50"] != table["ap50"]).any()
    scores = table.set_index(["set", "faces_scored"])
    photos = {name: len(list((place / f"photos/{name}/test/images").iterdir())) for name in ("graded", "merl_rav")}
    assert scores.loc[("graded", "all"), "photos"] == photos["graded"]
    assert scores.loc[("both", "all"), "photos"] == photos["graded"] + photos["merl_rav"]
    assert (scores["ap40"] >= scores["ap50"] - 1e-6).all()

    made = ["--photos", "photos/merl_rav", "photos/graded", "--scores", "scores.csv", "--command", "make it"]
    assert run("package_weights", "whole/weights.pt", "packed/tiny.pt", *made, "--date", "2026-01-02") == 0
    (header, state), (before, own) = read_weights(place / "packed/tiny.pt"), read_weights(place / "whole/weights.pt")
    assert header == before and header.class_ids == (2,) and str(place) not in header.model_dump_json()
    assert all(value.dtype == torch.float16 for value in state.values() if value.is_floating_point())
    for name, value in state.items():
        torch.testing.assert_close(value.float(), own[name].float(), rtol=2e-3, atol=1e-4)
    card = (place / "packed/tiny.md").read_text()
    for text in (
        "2026-01-02",
        "`make it`",
        "Licence: research",
        "no photo of an infant",
        "`slow_layers=10`",
    ):
        assert text in card, text
    assert re.findall("^## (.*)$", card, re.MULTILINE) == SECTIONS
    assert re.search(rf"\| graded \| all \| {photos['graded']} \|", card)
    assert "Sets joined by `+`" not in card and "Second pass" not in card
    counts = json.loads((place / "photos/merl_rav/summary.json").read_text())["counts"]
    assert f"| merl_rav | {counts['train']} | {counts['train_faces']} | 0 | {counts['younger']} |" in card


def test_a_detector_goes_on_from_another_and_bad_words_are_told(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("first", "epochs=1") == 0
    words = ["--photos", "photos/graded/train", "--val", "photos/graded/test", "--start", "first/weights.pt"]
    only = [
        "composed.close.graded=1",
        "composed.kinds={mosaic: 0, scene: 0, heads: 0}",
        "composed.images=4",
        "epochs=1",
        "cool_down=1",
    ]
    assert run("train", "composed", "second", *words, "--device", "cpu", "--set", *TINY, *only) == 0
    assert json.loads((place / "second/summary.json").read_text())["settings"]["cool_down"] == 1
    assert run("train", "composed", "near", *words, "--device", "cpu", "--set", *TINY, *only, "learnt_share=0.25") == 0
    first, second, near = (read_weights(place / name / "weights.pt")[1] for name in ("first", "second", "near"))
    for name, value in near.items():
        torch.testing.assert_close(value, torch.lerp(first[name].float(), second[name].float(), 0.25).to(value.dtype))
    capsys.readouterr()
    for wrong, told in {
        "composed.close.nobody=1": "draws from 'nobody', but no photo with a face is from it; available: graded",
        "composed.kinds={close: 0, scene: 0, heads: 0, nothing: 0}": "expected a weight above 0 for a kind",
        "composed.sizes=[50]": "key composed.sizes: expected multiples of 32",
        "processes=2": "composed images are made by one process",
    }.items():
        assert run("train", "composed", "third", *words, "--set", *TINY, *only, wrong) == 2
        assert told in capsys.readouterr().err
    assert run("score_packaged", "scores.csv", "--score", "tiny", "graded", "second/weights.pt") == 2
    assert "expected DETECTOR SET WEIGHTS DATA [WEIGHTS DATA ...]" in capsys.readouterr().err
