"""Anchors: left alone where they fit, otherwise as good as those that upstream's search finds."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from uncover.yolov5 import anchors as module
from uncover.yolov5.anchors import best_recall, check_anchors, fit_anchors
from uncover.yolov5.network import architecture

if TYPE_CHECKING:
    from conftest import Upstream

GIVEN = np.array(architecture("yolov5n")["anchors"], np.float32).reshape(3, 3, 2)
SIZE = 640


def labelled(sides: np.ndarray, width: int = SIZE, height: int = SIZE) -> Any:
    """A photo per ten boxes; `sides` in pixels of a photo of this size."""
    shares = sides / [width, height]
    boxes = np.column_stack([np.zeros(len(sides)), np.full((len(sides), 2), 0.5), shares]).astype(np.float32)
    labels = [boxes[start : start + 10] for start in range(0, len(boxes), 10)]
    sizes = np.tile(np.array([[width, height]]), (len(labels), 1))
    return SimpleNamespace(sizes=sizes, labels=labels, shapes=sizes.astype(float))


def odd_sides(count: int = 600, seed: int = 0) -> np.ndarray:
    """Long flat boxes and tiny ones, which upstream's anchors do not fit."""
    chance = np.random.default_rng(seed)
    sides = np.exp(chance.normal(3, 1.2, (count, 2)))
    sides[: count // 2] *= [4, 0.3]
    return sides.clip(0.5, SIZE)


def test_anchors_that_fit_stay(capsys: pytest.CaptureFixture[str]) -> None:
    fitting = np.repeat(GIVEN.reshape(-1, 2), 10, axis=0)
    assert check_anchors(labelled(fitting), GIVEN, SIZE, 4.0) is None
    # Shares of a smaller photo are the same share of the network's input.
    assert check_anchors(labelled(fitting / 4, SIZE // 4, SIZE // 4), GIVEN, SIZE, 4.0) is None
    assert capsys.readouterr().err == ""


def test_anchors_that_do_not_fit_are_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    data = labelled(odd_sides())
    fitted = check_anchors(data, GIVEN, SIZE, 4.0, seed=3)
    assert fitted is not None and fitted.shape == GIVEN.shape and fitted.dtype == np.float32
    assert (np.diff(fitted.prod(2).ravel()) >= 0).all() and (fitted >= 2).all()
    sides = odd_sides().astype(np.float32)
    recalls = [best_recall(sides, each.reshape(-1, 2), 4.0) for each in (GIVEN, fitted)]
    assert recalls[0] < 0.9 < recalls[1]
    said = capsys.readouterr().err
    assert "of 600 boxes" in said and "using the fitted anchors" in said

    again = check_anchors(data, GIVEN, SIZE, 4.0, seed=3)
    assert again is not None and np.array_equal(again, fitted)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_as_good_as_upstreams_search(upstream: Upstream) -> None:
    data, sides = labelled(odd_sides()), odd_sides().astype(np.float32)
    np.random.seed(0)
    random.seed(0)
    theirs = upstream.fit_anchors(data, 9, SIZE, 4.0, 300, verbose=False)
    ours = fit_anchors(sides, 9, SIZE, 4.0, np.random.default_rng(0))
    assert ours.shape == theirs.shape
    assert best_recall(sides, ours, 4.0) >= best_recall(sides, theirs, 4.0) - 0.01


def test_recall_by_hand() -> None:
    sides = np.array([[10, 10], [39, 10], [41, 10], [10, 2.6], [0, 5]], np.float32)
    assert best_recall(sides, np.array([[10.0, 10.0]], np.float32), 4.0) == pytest.approx(3 / 5)
    both = np.array([[10.0, 10.0], [40.0, 10.0]], np.float32)
    assert best_recall(sides, both, 4.0) == pytest.approx(4 / 5)
    assert best_recall(np.zeros((0, 2), np.float32), both, 4.0) == 1


@pytest.mark.parametrize("sides", [np.full((40, 2), 3.0), np.array([[3.0, 500.0]] * 4), np.full((40, 2), 1.0)])
def test_boxes_too_few_or_too_alike_to_cluster(monkeypatch: pytest.MonkeyPatch, sides: np.ndarray) -> None:
    monkeypatch.setattr(module, "GENERATIONS", 20)
    found = check_anchors(labelled(sides), GIVEN * 10, SIZE, 2.0)
    assert found is None or np.isfinite(found).all()
    assert np.isfinite(fit_anchors(sides.astype(np.float32), 9, SIZE, 4.0, np.random.default_rng(0))).all()


def test_worse_ones_are_not_taken(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "fit_anchors", lambda *_: np.full((9, 2), 5000.0, np.float32))
    assert check_anchors(labelled(odd_sides()), GIVEN, SIZE, 4.0) is None
    assert "using the given anchors" in capsys.readouterr().err
