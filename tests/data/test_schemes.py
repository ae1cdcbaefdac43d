"""The index sets, written out once more by hand from the thesis and the two annotation schemes."""

import pytest

from uncover.data.parts import CLASS_NAMES, CLASS_OF_PART, PARTS, WHOLE_FACE, part_indices

RIGHT_EYE_68 = [36, 37, 38, 39, 40, 41]
LEFT_EYE_68 = [42, 43, 44, 45, 46, 47]
NOSE_68 = [27, 28, 29, 30, 31, 32, 33, 34, 35]
RIGHT_FACE_68 = [0, 1, 2, 3, 4, 5, 6, 7]
LEFT_FACE_68 = [9, 10, 11, 12, 13, 14, 15, 16]
BROWS_68 = [17, 18, 19, 20, 21, 22, 23, 24, 25, 26]
MOUTH_68 = [48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67]

RIGHT_EYE_98 = [60, 61, 62, 63, 64, 65, 66, 67]
LEFT_EYE_98 = [68, 69, 70, 71, 72, 73, 74, 75]
NOSE_98 = [51, 52, 53, 54, 55, 56, 57, 58, 59]
RIGHT_FACE_98 = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]
LEFT_FACE_98 = [18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32]
JAW_98 = [*RIGHT_FACE_98, 15, 16, 17, *LEFT_FACE_98]
BROWS_98 = [33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50]
MOUTH_98 = [76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95]

BY_HAND = {
    (68, "right eye"): RIGHT_EYE_68,
    (68, "left eye"): LEFT_EYE_68,
    (68, "nose"): NOSE_68,
    (68, "whole face"): [*RIGHT_FACE_68, 8, *LEFT_FACE_68, *BROWS_68],
    (68, "right face"): RIGHT_FACE_68,
    (68, "left face"): LEFT_FACE_68,
    (68, "brows"): BROWS_68,
    (68, "left eye face"): [*LEFT_EYE_68, *LEFT_FACE_68],
    (68, "right eye face"): [*RIGHT_EYE_68, *RIGHT_FACE_68],
    (68, "eyes nose"): [*RIGHT_EYE_68, *LEFT_EYE_68, *NOSE_68],
    (68, "mouth"): MOUTH_68,
    (98, "right eye"): RIGHT_EYE_98,
    (98, "left eye"): LEFT_EYE_98,
    (98, "nose"): NOSE_98,
    (98, "whole face"): [*JAW_98, *BROWS_98],
    (98, "right face"): RIGHT_FACE_98,
    (98, "left face"): LEFT_FACE_98,
    (98, "brows"): BROWS_98,
    (98, "left eye face"): [*LEFT_EYE_98, *LEFT_FACE_98],
    (98, "right eye face"): [*RIGHT_EYE_98, *RIGHT_FACE_98],
    (98, "eyes nose"): [*RIGHT_EYE_98, *LEFT_EYE_98, *NOSE_98],
    (98, "mouth"): MOUTH_98,
}


@pytest.mark.parametrize(("points", "part"), BY_HAND)
def test_a_part_is_made_of_the_points_that_the_thesis_names(points: int, part: str) -> None:
    assert sorted(part_indices(points)[part]) == sorted(BY_HAND[points, part])


@pytest.mark.parametrize("points", [68, 98])
def test_there_are_eleven_parts_in_the_order_of_label_files(points: int) -> None:
    assert tuple(part_indices(points)) == PARTS
    assert len(PARTS) == len(set(PARTS)) == 11


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(KeyError):
        part_indices(21)


def test_class_ids_are_those_of_the_thesis() -> None:
    assert CLASS_NAMES == (
        "eyes", "nose", "whole face", "right face", "left face",
        "brows", "left eye face", "right eye face", "eyes nose", "mouth",
    )  # fmt: skip
    assert WHOLE_FACE == 2
    assert dict(zip(PARTS, CLASS_OF_PART, strict=True)) == {
        "left eye": 0,
        "right eye": 0,
        "nose": 1,
        "whole face": 2,
        "right face": 3,
        "left face": 4,
        "brows": 5,
        "left eye face": 6,
        "right eye face": 7,
        "eyes nose": 8,
        "mouth": 9,
    }
