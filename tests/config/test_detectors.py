"""Detectors of the second step: the thesis's four, their variants and the controls."""

from __future__ import annotations

import pytest

from uncover.config.load import check_config
from uncover.config.values import as_pairs, read_pairs
from uncover.errors import InputError


def test_the_four_of_the_thesis_look_at_what_their_names_say() -> None:
    steps = check_config({"run": "r", "heatmaps": {"average": "mean"}}).second_detectors()
    assert {name: (step.heatmaps, step.input) for name, step in list(steps.items())[:4]} == {
        "gradcampp_avg": ("gradcampp", "mean"),
        "hirescam_avg": ("hirescam", "mean"),
        "gradcampp_10": ("gradcampp", "classes"),
        "hirescam_10": ("hirescam", "classes"),
    }
    assert [name for name, step in steps.items() if step.role == "control"] == [
        "drawn_boxes",
        "grey_photo",
        "feature_head",
    ]


def test_a_variant_has_the_settings_of_its_model_but_for_what_it_changes() -> None:
    settings = {"hirescam_avg": {"epochs": 7, "image_size": 96}, "variants": {"small": {"heatmaps": "hirescam"}}}
    settings["variants"]["smaller"] = {"heatmaps": "hirescam", "image_size": 64}
    steps = check_config({"run": "r", "detectors": settings}).second_detectors()
    assert (steps["small"].settings.epochs, steps["small"].settings.image_size) == (7, 96)
    assert (steps["smaller"].settings.epochs, steps["smaller"].settings.image_size) == (7, 64)
    assert steps["small"].settings.model_copy(update={"image_size": 64}) == steps["smaller"].settings


def test_the_feature_head_learns_on_frozen_features_of_the_first_detector() -> None:
    head = check_config({"run": "r"}).second_detectors()["feature_head"]
    assert (head.input, head.start, head.settings.freeze, head.settings.classes) == ("photo", "rgb10", 24, "whole_face")


@pytest.mark.parametrize(
    ("variant", "told"),
    [
        ({"heatmaps": "hirscam"}, "detector mine uses heatmaps 'hirscam', which are not in the run"),
        ({"input": "joint"}, "input: joint requires heatmaps"),
        ({"input": "grey", "heatmaps": "hirescam"}, "input: grey uses no heatmaps"),
        ({"heatmaps": "hirescam", "like": "yolo11"}, "like"),
    ],
)
def test_a_variant_that_cannot_be_is_refused(variant: dict[str, str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        check_config({"run": "r", "detectors": {"variants": {"mine": variant}}})


@pytest.mark.parametrize("name", ["rgb10", "hirescam_avg", "Mine", "a-b"])
def test_a_variant_has_a_name_of_its_own(name: str) -> None:
    with pytest.raises(InputError, match="none of the six detector names"):
        check_config({"run": "r", "detectors": {"variants": {name: {"heatmaps": "hirescam"}}}})


def test_who_looks_closer_learns_from_rgb1_occlusion_where_there_is_one() -> None:
    assert check_config({"run": "r"}).scales_of == "rgb1_occlusion"
    assert check_config({"run": "r", "detectors": {"variants": None}}).scales_of == "rgb1"
    with pytest.raises(InputError, match="scales_of: hirescam_mean is not a detector with input: photo"):
        check_config({"run": "r", "rescue": {"scales_of": "hirescam_mean"}})


def test_boxes_are_drawn_in_maps_of_several_layers_where_there_are_some() -> None:
    own, given = (check_config({"run": "r", "rescue": rescue}).rescue for rescue in ({}, {"heatmap_boxes": "mine"}))
    assert own.boxed_heatmaps(["gradcampp", "hirescam", "gradcampp_multiscale"]) == "gradcampp_multiscale"
    assert own.boxed_heatmaps(["gradcampp", "hirescam"]) == "gradcampp"
    assert given.boxed_heatmaps(["hirescam_t1"]) == "mine"


def test_whoever_gives_one_key_of_a_model_leaves_its_others() -> None:
    config = check_config({"run": "r", "detectors": {"rgb1": {"epochs": 3}, "gradcampp_avg": {"epochs": 4}}})
    assert (config.detectors.rgb1.epochs, config.detectors.rgb1.classes) == (3, "whole_face")
    assert (config.detectors.gradcampp_avg.weights, config.detectors.gradcampp_avg.classes) == ("scratch", "whole_face")
    words = ["run=r", *(word for word in as_pairs(config) if word != "run=r")]
    assert check_config(read_pairs(words, "--settings"), "--settings") == config
