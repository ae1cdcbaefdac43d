"""Nothing that a person made, and nothing that another command made, is replaced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from uncover.atomic import check_new_file, new_folder
from uncover.errors import InputError
from uncover.owner import check_shared, maker_of


def make(out: Path, maker: str, names: tuple[str, ...] = ("a.txt",)) -> None:
    with new_folder(out, maker) as folder:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(f"of {maker}")


def content(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


SET = ("data.yaml", "images/1.jpg", "images/2.jpg", "labels/1.txt")


def add_file(out: Path) -> None:
    (out / "notes.md").write_text("mine")


def add_folder(out: Path) -> None:
    (out / "hard/images").mkdir(parents=True)


def correct_label(out: Path) -> None:
    (out / "labels/1.txt").write_text("0 .5 .5 .1 .1")


def add_label(out: Path) -> None:
    (out / "labels/2.txt").write_text("0 .5 .5 .1 .1")


def add_image(out: Path) -> None:
    (out / "images/3.jpg").write_text("mine")


def import_annotations(out: Path) -> None:
    (out / "imports.csv").write_text("file,sha256\n")


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (add_file, r"contains notes\.md, not written by uncover"),
        (add_folder, "contains hard, not written by uncover"),
        (correct_label, "its labels were edited"),
        (add_label, "its labels were edited"),
        (add_image, "contains 1 images not written by uncover"),
        (import_annotations, "contains imported annotations"),
    ],
)
def test_where_a_person_worked_nothing_is_replaced(tmp_path: Path, work: Callable[[Path], None], words: str) -> None:
    out = tmp_path / "out"
    make(out, "labels", SET)
    make(out, "labels", SET)
    work(out)
    before = content(out)
    for maker in ("labels", "frames"):
        with pytest.raises(InputError, match=words if maker == "labels" else r"imported|made by 'uncover labels'"):
            make(out, maker)
    assert content(out) == before


def test_what_is_missing_since_keeps_nobody_from_making_it_again(tmp_path: Path) -> None:
    """Snakemake removes the outputs that a rule declares before it makes them again."""
    out = tmp_path / "out"
    make(out, "labels", SET)
    (out / "data.yaml").unlink()
    (out / ".snakemake_timestamp").touch()
    make(out, "labels", SET)
    assert (out / "data.yaml").exists()


@pytest.mark.parametrize(
    ("maker", "files"),
    [
        ("train", ("weights.pt", "results.csv", "summary.json")),
        ("train", (".resume/0123/state.pt",)),
        ("detect", ("boxes.parquet", "frames.parquet", "summary.json")),
        ("heatmaps", ("gradcampp/manifest.parquet", "gradcampp/lint.csv")),
        ("labels", ("manifest.parquet", "boxes.parquet")),
    ],
)
def test_folders_without_a_marker_are_known_by_their_files(tmp_path: Path, maker: str, files: tuple[str, ...]) -> None:
    out = tmp_path / "out"
    for name in files:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).touch()
    assert maker_of(out) == maker
    check_shared(out, maker, files)
    with pytest.raises(InputError, match=rf"out: was made by 'uncover {maker}' and would be replaced; give another"):
        check_shared(out, "overlay", files)
    with pytest.raises(InputError, match=r"was made by|holds files that uncover did not make"):
        make(out, "frames")
    assert {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()} == set(files)


def test_a_marker_of_an_earlier_version_names_no_command(tmp_path: Path) -> None:
    """What it says is made again by the command whose files it has; nobody can tell for others."""
    for name, files in (("set", ("manifest.parquet", "boxes.parquet")), ("pictures", ("a.png",))):
        make(tmp_path / name, "", files)
        (tmp_path / name / ".uncover").write_text("Made by uncover, which replaces this folder as a whole.\n")
    for maker in ("make_synthetic", "frames"):
        with pytest.raises(InputError, match="was made by 'uncover labels'"):
            make(tmp_path / "set", maker)
    for maker in ("labels", "train"):
        (tmp_path / "set/.uncover").write_text("Made by uncover, which replaces this folder as a whole.\n")
        make(tmp_path / "set", maker, ("manifest.parquet", "boxes.parquet"))
    make(tmp_path / "pictures", "heatmaps export")


def test_files_of_others_are_not_replaced_in_a_folder_that_is_added_to(tmp_path: Path) -> None:
    (tmp_path / "notes.md").touch()
    check_shared(tmp_path, "train", ("weights.pt",))
    (tmp_path / "weights.pt").touch()
    with pytest.raises(InputError, match=r"its weights\.pt was not written by 'uncover train'"):
        check_shared(tmp_path, "train", ("weights.pt",))


def test_a_file_of_a_whole_folder_is_not_replaced_alone(tmp_path: Path) -> None:
    make(tmp_path / "set", "labels", ("boxes.parquet",))
    (tmp_path / "set/own.parquet").touch()
    for name in ("other.parquet", "own.parquet"):
        check_new_file(tmp_path / "set" / name)
    with pytest.raises(InputError, match=r"boxes\.parquet: is in a folder made by 'uncover labels'"):
        check_new_file(tmp_path / "set/boxes.parquet")
