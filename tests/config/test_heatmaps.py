"""Variants of heatmaps: those of the methods, and those with names of their own."""

from __future__ import annotations

from typing import get_args

from uncover.config.heatmaps import MULTISCALE, Heatmaps, Method, Target, Variant


def test_by_default_both_methods_of_the_thesis_and_variants_of_several_layers_and_all_candidates() -> None:
    assert Heatmaps().named() == {
        "gradcampp": Variant(method="gradcampp", layers=(-2,), target="T2"),
        "hirescam": Variant(method="hirescam", layers=(-2,), target="T2"),
        "gradcampp_multiscale": Variant(method="gradcampp", layers=MULTISCALE),
        "hirescam_multiscale": Variant(method="hirescam", layers=MULTISCALE),
        "gradcampp_t1": Variant(method="gradcampp", layers=MULTISCALE, target="T1"),
        "hirescam_t1": Variant(method="hirescam", layers=MULTISCALE, target="T1"),
    }


def test_methods_share_layers_and_target_and_variants_have_their_own() -> None:
    own = Variant(method="layercam", layers=(9,), target="confidence")
    assert Heatmaps(methods=("gradcam",), layers=(20, 23), target="T1", variants={"fine": own}).named() == {
        "gradcam": Variant(method="gradcam", layers=(20, 23), target="T1"),
        "fine": own,
    }


def test_the_config_knows_the_methods_and_targets_that_there_are() -> None:
    from uncover.cam.methods import METHODS
    from uncover.cam.targets import TARGETS

    assert set(get_args(Method)) == set(METHODS)
    assert set(get_args(Target)) == set(TARGETS)
