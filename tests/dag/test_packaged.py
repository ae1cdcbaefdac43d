"""The rules of the ready-made detectors: which photos each learns from, and what it is scored on."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.dag.checkout import REPOSITORY
from tests.dag.conftest import Checkout
from uncover.config.load import check_config, load_config
from uncover.config.packaged import ComposedDetector
from uncover.errors import InputError
from uncover.workflow.work import GIGAFLOPS, Work

CONFIG = "config/real.yaml"
INFANTS = "infants"


def test_every_step_is_planned_and_general_sees_no_infant(plain_checkout: Checkout) -> None:
    text = plain_checkout.snakemake("packaged", "--dry-run", "--printshellcmds", config=CONFIG)
    counts = dict(re.findall(r"^(\w+) +(\d+)$", text, re.MULTILINE))
    expected = {"face_photos": "12", "train_composed": "4", "score_packaged": "2", "package_weights": "2"}
    assert {rule: counts.get(rule) for rule in expected} == expected
    trainings = dict(re.findall(r"uncover train composed results/real/models/(\w+) (.*?) --val", text))
    assert set(trainings) == {"general", "nicu", "nicu_a", "nicu_b"}
    assert INFANTS not in trainings["general"]
    for half, other in (("a", "b"), ("b", "a")):
        own = set(re.findall(rf"face_photos/({INFANTS}\w+)/train", trainings[f"nicu_{half}"]))
        assert own == {f"infants_njn_{half}", f"infants_more_{half}"}
        score = rf"models/nicu_{half}/weights.pt results/real/face_photos/infants_njn_{half}/test"
        assert re.search(score, text) and not re.search(score.replace(f"njn_{half}", f"njn_{other}"), text)


def test_a_detector_that_may_not_see_infants_learns_from_none_of_them() -> None:
    values = yaml.safe_load((REPOSITORY / CONFIG).read_text(encoding="utf-8"))
    values["packaged"]["detectors"]["general"]["composed"]["close"]["infants_njn"] = 0.1
    with pytest.raises(InputError, match=r"infants_njn is one of packaged\.infants; set infants: true"):
        check_config(values)


def test_a_training_counts_as_the_pixels_of_its_images() -> None:
    config = load_config(REPOSITORY / CONFIG)
    recipe = config.packaged.detectors["general"].model_dump()
    composed = {**recipe["composed"], "images": 1000, "sizes": (320, 640)}
    recipe |= {"epochs": 3, "composed": composed}
    packaged = config.packaged.model_copy(update={"detectors": {"general": ComposedDetector(**recipe)}})
    work = Work(config.model_copy(update={"packaged": packaged}))
    # Of five images four are of a quarter of the pixels: 0.4 of 3 000 images, three times the work of looking at them.
    expected = 3 * 0.4 * 3000 * GIGAFLOPS["scrfd_2.5g"] / GIGAFLOPS["yolov5m"]
    assert work.of("train_composed", {"packaged": "general"}) == pytest.approx(expected)
    assert work.of_name("train_composed/general") == pytest.approx(expected)


def test_scores_are_made_on_nothing_that_was_learnt_from() -> None:
    packaged = load_config(REPOSITORY / CONFIG).packaged
    scored = {(detector, name) for detector, name, _ in packaged.scores()}
    assert {name for detector, name in scored if detector == "general"} >= {"mask_ilc", "wider200", "infants_njn"}
    assert ("nicu", "infants_njn_a+infants_njn_b") in scored and ("nicu", "infants_njn") not in scored
    assert not any(detector.startswith("nicu_") for detector, _ in scored)
