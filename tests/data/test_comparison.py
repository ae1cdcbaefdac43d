"""The table of what the released scripts change, on boxes whose overlap is known by hand."""

import numpy as np
import pytest

from uncover.data.parts import KEPT, PARTS, TOO_FEW_POINTS, PartBoxes
from uncover.data.released_parts import compare_boxes

LEFT_EYE, RIGHT_EYE, NOSE, MOUTH = (PARTS.index(part) for part in ("left eye", "right eye", "nose", "mouth"))


def all_boxes(faces: int) -> PartBoxes:
    corners = np.tile(np.array([0.0, 0.0, 10.0, 10.0]), (faces, len(PARTS), 1))
    return PartBoxes(corners, np.full((faces, len(PARTS)), KEPT, np.uint8))


def by_class(
    corrected: PartBoxes, released: PartBoxes, shifted: list[bool]
) -> dict[object, dict[str, str | int | float | None]]:
    return {row["Class"]: row for row in compare_boxes(corrected, released, np.array(shifted), "some")}


def test_equal_boxes_are_nowhere_else() -> None:
    rows = by_class(all_boxes(2), all_boxes(2), [True, False])
    assert len(rows) == 10
    assert rows["eyes"]["Boxes"] == 4 and rows["eyes"]["Boxes of shifted faces"] == 2
    for row in rows.values():
        assert (row["Faces"], row["Mean IoU"], row["Elsewhere"], row["Share"], row["Added"]) == ("some", 1, 0, 0, 0)


@pytest.mark.parametrize(
    ("box", "iou", "elsewhere"),
    [
        ((0, 0, 10, 5), 0.5, 0),  # half of it: exactly at the limit
        ((0, 0, 10, 4.9), 0.49, 1),
        ((5, 0, 15, 10), 1 / 3, 1),
        ((10, 0, 20, 10), 0.0, 1),  # they touch
        ((30, 30, 40, 40), 0.0, 1),
        ((0, 0, 0, 0), 0.0, 1),
        ((-5, -5, 15, 15), 0.25, 1),
    ],
)
def test_overlap_of_one_box(box: tuple[float, ...], iou: float, elsewhere: int) -> None:
    released = all_boxes(1)
    released.xyxy[0, NOSE] = box
    row = by_class(all_boxes(1), released, [True])["nose"]
    assert row["Mean IoU"] == pytest.approx(iou)
    assert row["Elsewhere"] == elsewhere == row["Share"] == row["Share of shifted faces"]


def test_boxes_that_only_the_scripts_have_are_counted_apart() -> None:
    corrected, released = all_boxes(2), all_boxes(2)
    corrected.status[0, LEFT_EYE] = TOO_FEW_POINTS
    corrected.xyxy[0, LEFT_EYE] = np.nan
    corrected.status[:, MOUTH] = TOO_FEW_POINTS
    released.xyxy[1, RIGHT_EYE] = (90, 90, 99, 99)
    rows = by_class(corrected, released, [True, False])
    eyes, mouth = rows["eyes"], rows["mouth"]
    assert (eyes["Boxes"], eyes["Elsewhere"], eyes["Added"]) == (3, 1, 1)
    assert eyes["Share"] == pytest.approx(1 / 3) and eyes["Mean IoU"] == pytest.approx(2 / 3)
    assert (eyes["Boxes of shifted faces"], eyes["Share of shifted faces"]) == (1, 0)
    assert (mouth["Boxes"], mouth["Mean IoU"], mouth["Share"], mouth["Added"]) == (0, None, None, 2)
