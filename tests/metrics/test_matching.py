"""Matching on boxes whose answer is known by hand."""

import numpy as np

from uncover.metrics.matching import IOUS, match_image

SQUARE = (0, 0, 10, 10)


def predicted(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float64).reshape(-1, 6)


def true(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float64).reshape(-1, 5)


def test_an_overlap_of_exactly_a_half_is_enough_for_a_half() -> None:
    assert match_image(predicted((0, 0, 10, 5, 0.9, 0)), true((0, *SQUARE)))[0].tolist() == [True] + [False] * 9


def test_of_two_boxes_on_one_label_the_surer_is_correct_although_the_other_fits_better() -> None:
    boxes = predicted((0, 0, 10, 8, 0.9, 0), (*SQUARE, 0.8, 0))
    correct = match_image(boxes, true((0, *SQUARE)))
    surer, fitter = correct.T[IOUS <= 0.8].T
    assert surer.all() and not fitter.any()
    # Where the surer one overlaps too little, the other gets the label.
    assert correct[:, IOUS > 0.8].tolist() == [[False] * 3, [True] * 3]


def test_a_box_takes_the_label_that_it_overlaps_most_even_if_another_box_has_it() -> None:
    labels = true((0, *SQUARE), (0, 0, 0, 10, 12))
    boxes = predicted((*SQUARE, 0.9, 0), (*SQUARE, 0.8, 0))
    assert match_image(boxes, labels)[:, 0].tolist() == [True, False]


def test_labels_of_other_classes_do_not_count() -> None:
    boxes = predicted((*SQUARE, 0.9, 1))
    assert not match_image(boxes, true((0, *SQUARE))).any()


def test_nothing_to_match() -> None:
    assert match_image(predicted(), true((0, *SQUARE))).shape == (0, 10)
    assert match_image(predicted((*SQUARE, 0.9, 0)), true()).tolist() == [[False] * 10]
    assert match_image(predicted(), true()).shape == (0, 10)
