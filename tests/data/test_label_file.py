"""A label file is boxes, or one line that says which row is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from uncover.data.yolo import read_label_file


def label_file(folder: Path, text: str) -> Path:
    path = folder / "a.txt"
    path.write_text(text)
    return path


def test_rows_stay_in_order_and_repeated_ones_are_counted(tmp_path: Path) -> None:
    path = label_file(tmp_path, "9 .5 .5 1 1\n\n 0 0.1 0.2\t0.3 0.4 \n9.0 0.50 .5 1 1.00000001\n")
    file = read_label_file(path)
    assert file.boxes.dtype == np.float32 and file.repeated == 1 and file.problems == ()
    assert np.array_equal(file.boxes, np.array([[9, 0.5, 0.5, 1, 1], [0, 0.1, 0.2, 0.3, 0.4]], np.float32))


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_file_and_none_at_all_hold_no_box(tmp_path: Path, text: str) -> None:
    for path in (label_file(tmp_path, text), tmp_path / "b.txt"):
        file = read_label_file(path, known=[0])
        assert file.boxes.shape == (0, 5) and file.boxes.dtype == np.float32
        assert file.repeated == 0 and file.problems == ()


@pytest.mark.parametrize(
    ("known", "says"),
    [
        (None, "class 1e8 is unknown; expected a whole number from 0 on"),
        ({0: "eyes"}, "class 1e8 is unknown; expected an id that data.yaml names"),
    ],
)
def test_a_class_must_be_known(tmp_path: Path, known: dict[int, str] | None, says: str) -> None:
    path = label_file(tmp_path, "0 .5 .5 1 1\n1e8 .5 .5 1 1")
    assert read_label_file(path, known).problems == (f"{path}, row 2: {says}",)


def test_a_link_to_nowhere_is_no_image_without_labels(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to("moved.txt")
    (problem,) = read_label_file(tmp_path / "a.txt").problems
    assert problem.startswith(f"{tmp_path / 'a.txt'}: links to a file that does not exist")
