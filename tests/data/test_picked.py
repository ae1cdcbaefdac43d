"""The folder of picked frames, and what can be wrong with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.annotations.sets import UNKNOWN, write_set
from uncover.data.frames import read_frames
from uncover.data.picked import PickedFrame, read_boxes, read_picked, stems_of, write_boxes, write_picture
from uncover.errors import InputError


def test_frames_are_read_as_they_were_written(tmp_path: Path) -> None:
    root = write_set(tmp_path / "set", [UNKNOWN, ("hard", [[10, 20, 30, 40]])])
    assert read_picked(root) == [
        PickedFrame("ungraded/images/infant_01_000000.jpg", "infant_01", 0, 0.0, "ungraded", "motion", 0.5),
        PickedFrame("hard/images/infant_01_000010.jpg", "infant_01", 10, 2.0, "hard", "motion", 0.5),
    ]


def test_a_table_of_an_earlier_version_says_of_no_infant(tmp_path: Path) -> None:
    root = write_set(tmp_path / "set", [UNKNOWN])
    (root / "frames.csv").write_text((root / "frames.csv").read_text().replace(",infant\n", "\n").replace(",\n", "\n"))
    assert [item.infant for item in read_picked(root)] == [""]


def test_the_folder_is_a_graded_layout(tmp_path: Path) -> None:
    """Read by the reader of graded frames: no label is no annotation, an empty one no face."""
    root = write_set(tmp_path / "set", [UNKNOWN, ("hard", [[16, 24, 80, 60]]), ("none", [])])
    frames = {frame.grade: frame for frame in read_frames(root)}
    assert frames["ungraded"].boxes is None and frames["none"].boxes is not None and not len(frames["none"].boxes)
    assert np.allclose(frames["hard"].boxes, [[0.1, 0.2, 0.5, 0.5]])


def test_boxes_end_at_the_edge_of_the_frame(tmp_path: Path) -> None:
    item = PickedFrame("easy/images/a_000000.jpg", "a", 0, 0.0, "easy", "first", 0.0)
    write_boxes(np.array([[-5.0, 10.0, 30.0, 130.0]]), (160, 120), tmp_path / item.label)
    assert np.allclose(read_boxes(tmp_path / item.label, (160, 120)), [[0, 10, 30, 120]])
    assert read_boxes(item.find_labels(tmp_path / "elsewhere"), (160, 120)) is None


def test_a_picture_is_written_as_it_is(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8).repeat(16, 0).repeat(16, 1)
    write_picture(pixels, tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as image:
        assert np.abs(np.asarray(image).astype(int) - pixels).mean() < 3


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("grade,", "level,", r"frames\.csv: no column grade"),
        (",10,", ",ten,", r"frames\.csv, row 3: frame 'ten'; expected a whole number of 0 or more"),
        (
            ",motion,0.5000,,\nungraded/images/infant_01_000010",
            "\nungraded/images/infant_01_000010",
            "row 2: 5 values; expected 9: image",
        ),
        (",10,", ",-10,", r"row 3: frame '-10'; expected a whole number of 0 or more"),
        ("ungraded/images/infant_01_000010", "../images/infant_01_000010", r"row 3: image .* does not match grade"),
        (
            ",10,",
            ",11,",
            r"row 3: image .* does not match grade, video and frame \(ungraded/images/infant_01_000011",
        ),
        (
            "000010.jpg,infant_01,10",
            "000000.jpg,infant_01,0",
            r"row 3: infant_01_000000\.jpg occurs twice",
        ),
    ],
)
def test_what_is_wrong_with_the_table_is_one_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    root = write_set(tmp_path / "set", [UNKNOWN, UNKNOWN])
    text = (root / "frames.csv").read_text()
    assert text.count(old) == 1
    (root / "frames.csv").write_text(text.replace(old, new))
    with pytest.raises(InputError, match=words):
        read_picked(root)


def test_a_picture_that_is_gone_is_named(tmp_path: Path) -> None:
    root = write_set(tmp_path / "set", [UNKNOWN])
    (root / "ungraded/images/infant_01_000000.jpg").unlink()
    with pytest.raises(InputError, match=r"row 2: .*infant_01_000000\.jpg does not exist"):
        read_picked(root)
    with pytest.raises(InputError, match=r"expected a folder of 'uncover frames'"):
        read_picked(tmp_path)


@pytest.mark.parametrize("other", ["two/a.mp4", "one/a.avi", "two/A.mp4", "one/a.mp4"])
def test_videos_whose_frames_would_have_one_name_are_refused(other: str) -> None:
    assert stems_of([Path("one/a.mp4"), Path("two/b.mp4")]).keys() == {"a", "b"}
    with pytest.raises(InputError, match=rf"^{other}: its frames would be named as those of one/a\.mp4"):
        stems_of([Path("one/a.mp4"), Path(other)])
