"""An import changes the folder as a whole or not at all."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.data.annotations.sets import UNKNOWN, digest_of, states_of, summary_of, write_set
from uncover.data.annotations import importing
from uncover.data.annotations.cvat import write_cvat
from uncover.data.annotations.importing import import_annotations
from uncover.data.picked import read_picked
from uncover.errors import InputError

NAMES = [f"infant_01_0000{number}0.jpg" for number in range(2)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An export that grades both frames of a set, and finds a face in the first."""
    graded = write_set(tmp_path / "graded", [("hard", [[10, 10, 50, 50]]), ("none", [])])
    write_cvat(states_of(graded), "graded", tmp_path / "export.xml")
    return tmp_path / "export.xml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_set(tmp_path / "set", [("ungraded", [[1, 1, 9, 9]]), UNKNOWN])


@pytest.mark.parametrize("step", ["write_boxes", "write_frames", "write_rejected", "_add_to_imports"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_a_killed_import_leaves_the_old_folder_whole(
    root: Path, file: Path, step: str, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest_of(root)

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(importing, step, fail)
    with pytest.raises(error):
        import_annotations(root, file, "face")
    assert digest_of(root) == before
    assert sorted(path.name for path in root.parent.iterdir()) == ["export.xml", "graded", "set"]


def test_what_somebody_else_put_there_stays(root: Path, file: Path) -> None:
    (root / "notes.txt").write_text("by hand")
    (root / "hard/images").mkdir(parents=True)
    (root / "hard/images/own.jpg").write_bytes(b"own")
    import_annotations(root, file, "face")
    assert (root / "notes.txt").read_text() == "by hand" and (root / "hard/images/own.jpg").read_bytes() == b"own"


def test_the_infant_that_somebody_filled_in_stays(root: Path, file: Path) -> None:
    table = (root / "frames.csv").read_text().replace("0.5000,,\n", "0.5000,,Mia\n", 1)
    (root / "frames.csv").write_text(table)
    (root / "infants.csv").write_text("video,infant\nother,Noah\n")
    import_annotations(root, file, "face")
    assert [(item.grade, item.infant) for item in read_picked(root)] == [("hard", "Mia"), ("none", "")]
    assert (root / "infants.csv").is_file()


def test_pictures_move_with_their_bytes_and_leave_nothing_behind(root: Path, file: Path) -> None:
    before = digest_of(root)
    import_annotations(root, file, "face")
    after = digest_of(root)
    assert after[f"hard/images/{NAMES[0]}"] == before[f"ungraded/images/{NAMES[0]}"]
    assert not [name for name in after if name.startswith("ungraded/")]


def test_each_import_has_a_row_and_frames_are_accounted_for(root: Path, file: Path) -> None:
    for _ in range(2):
        import_annotations(root, file, "face")
    rows = list(csv.DictReader((root / "imports.csv").open()))
    assert [(row["file"], row["updated"], row["moved"]) for row in rows] == [
        ("export.xml", "2", "2"),
        ("export.xml", "2", "0"),
    ]
    assert all(int(row["updated"]) + int(row["spoilt"]) + int(row["untouched"]) == 2 for row in rows)


def test_a_box_that_was_removed_in_the_tool_is_removed_here(root: Path, file: Path) -> None:
    text = file.read_text()
    assert text.count("<box") == 1
    for grade, wanted in (("ungraded", ("ungraded", [])), ("hard", ("hard", []))):
        lines = [line.replace(">hard<", f">{grade}<") for line in text.splitlines() if "<box" not in line]
        file.write_text("\n".join(lines))
        import_annotations(root, file, "face")
        assert summary_of(root)[NAMES[0]] == wanted
        assert (root / f"{grade}/labels/{NAMES[0]}").with_suffix(".txt").read_text() == "", "looked at, and no face"


def test_a_file_of_no_known_kind_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"coco\.txt: expected an export of CVAT"):
        import_annotations(root, tmp_path / "coco.txt", "face")


@pytest.mark.parametrize("suffix", [".xml", ".zip", ".json"])
def test_a_file_that_is_not_there_is_named(root: Path, tmp_path: Path, suffix: str) -> None:
    with pytest.raises(InputError, match=rf"nowhere\{suffix}: does not exist"):
        import_annotations(root, tmp_path / f"nowhere{suffix}", "face")
