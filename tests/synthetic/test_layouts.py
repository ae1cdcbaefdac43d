"""Files read back with parsers written here, and the promise of identical bytes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from uncover.cli import main
from uncover.errors import InputError
from uncover.synthetic import layouts

SMALL = {"size": 96, "seed": 3}


def contents(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def read_pts(path: Path) -> np.ndarray:
    lines = path.read_text().splitlines()
    assert lines[:3] == ["version: 1", "n_points:  68", "{"] and lines[-1] == "}"
    return np.array([[float(value) for value in line.split()] for line in lines[3:-1]])


def test_same_seed_same_bytes_and_more_photos_change_nothing(tmp_path: Path) -> None:
    layouts.write_wflw(tmp_path / "a", train=2, test=1, **SMALL)
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        layouts.write_wflw(tmp_path / "b", train=2, test=1, **SMALL)
    finally:
        cv2.setNumThreads(threads)
    layouts.write_wflw(tmp_path / "c", train=2, test=1, size=96, seed=4)
    layouts.write_wflw(tmp_path / "d", train=3, test=2, **SMALL)
    few, again, other, more = (contents(tmp_path / name) for name in "abcd")
    assert few == again
    photos = {name: digest for name, digest in few.items() if name.endswith(".jpg")}
    assert len(photos) == 3 and photos.items() <= more.items()
    assert not set(photos.values()) & set(other.values())


def test_wflw_rows_parse_back(tmp_path: Path) -> None:
    counts = layouts.write_wflw(tmp_path, train=4, test=2, **SMALL)
    rows = []
    for part in ("train", "test"):
        listing = tmp_path / f"WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_{part}.txt"
        rows += listing.read_text().splitlines()
    assert counts.photos == 6 and counts.faces == len(rows) >= 6
    for row in rows:
        fields = row.split()
        assert len(fields) == 196 + 4 + 6 + 1
        points = np.array(fields[:196], float).reshape(98, 2)
        left, top, right, bottom = map(int, fields[196:200])
        height, width = cv2.imread(str(tmp_path / "WFLW_images" / fields[206])).shape[:2]
        assert max(height, width) == 96
        assert 0 <= left < right < width and 0 <= top < bottom < height
        assert set(fields[200:206]) <= {"0", "1"}
        inside = points[(points > 0).all(1) & (points < (width, height)).all(1)]
        assert (inside >= (left, top)).all() and (inside <= (right + 1, bottom + 1)).all()


def test_merl_rav_files(tmp_path: Path) -> None:
    counts = layouts.write_merl_rav(tmp_path, train=10, test=2, **SMALL)
    base = tmp_path / "merl_rav_organized"
    labels = sorted(base.rglob("*.pts"))
    assert {folder.name for folder in base.iterdir()} == {"frontal", "left", "lefthalf", "right", "righthalf"}
    assert len(labels) == counts.faces and len(list(base.rglob("*.jpg"))) == counts.faces
    by_photo: dict[str, list[Path]] = {}
    for label in labels:
        points = read_pts(label)
        assert points.shape == (68, 2)
        assert ((points > 0).all(1) | (points < 0).all(1)).all(), "a point's two signs differ"
        by_photo.setdefault(label.stem.split("_")[0], []).append(label)
    assert len(by_photo) == counts.photos == 12
    for stem, group in by_photo.items():
        expected = [f"{stem}_{k + 1}" for k in range(len(group))] if len(group) > 1 else [stem]
        assert sorted(path.stem for path in group) == expected
        assert len({path.with_suffix(".jpg").read_bytes() for path in group}) == 1
    split = [group for group in by_photo.values() if len({path.parent.name for path in group}) == 2]
    assert len(split) == 1


@pytest.mark.parametrize(
    ("yaw", "folder"), [(0, "frontal"), (40, "lefthalf"), (-40, "righthalf"), (80, "left"), (-80, "right")]
)
def test_pose_folders(yaw: float, folder: str) -> None:
    assert layouts.pose_folder(yaw) == folder


def test_graded_frames_and_web_photos(tmp_path: Path) -> None:
    counts = layouts.write_slapi(tmp_path / "slapi", none=1, easy=1, medium=2, hard=2, **SMALL)
    assert counts == layouts.Counts(6, 6)
    for grade, expected in {"none": 1, "easy": 1, "medium": 2, "hard": 2}.items():
        images = sorted((tmp_path / "slapi" / grade / "images").glob("*.jpg"))
        labels = sorted((tmp_path / "slapi" / grade / "labels").glob("*.txt"))
        assert len(images) == expected and [p.stem for p in images] == [p.stem for p in labels]
        for label in labels:
            (line,) = label.read_text().splitlines()
            number, x, y, width, height = line.split()
            box = np.array([float(x), float(y), float(width), float(height)])
            assert number == "0" and (box > 0).all()
            assert (box[:2] - box[2:] / 2 >= -1e-5).all() and (box[:2] + box[2:] / 2 <= 1 + 1e-5).all()
    layouts.write_preterm_web(tmp_path / "web", photos=2, **SMALL)
    shapes = {cv2.imread(str(path)).shape for path in (tmp_path / "web" / "photos").glob("*.jpg")}
    assert len(shapes) == 2 and len(list((tmp_path / "web" / "labels").glob("*.txt"))) == 2


def test_hand_over_face_frames(tmp_path: Path) -> None:
    layouts.write_hand_over_face(tmp_path, frames=2, size=128, seed=1)
    names = ["frame_0000.jpg", "frame_0001.jpg"]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["blocks.csv", *names]
    rows = (tmp_path / "blocks.csv").read_text().split()
    assert rows == ["image,person", f"{names[0]},person_01", f"{names[1]},person_02"]
    assert cv2.imread(str(tmp_path / "frame_0001.jpg")).shape == (72, 128, 3)


def test_bad_arguments_name_the_argument(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--size 63"):
        layouts.write_hand_over_face(tmp_path, frames=1, size=63, seed=1)
    with pytest.raises(InputError, match="--test -1"):
        layouts.write_wflw(tmp_path, train=1, test=-1, size=64, seed=1)


def test_record_is_repeatable(tmp_path: Path) -> None:
    for name in ("a", "b"):
        words = ["--frames", "2", "--size", "64", "--seed", "5"]
        assert main(["make_synthetic", "hof", str(tmp_path / name), *words]) == 0
    records = [(tmp_path / name / "synthetic.json").read_text() for name in ("a", "b")]
    assert records[0] == records[1]
    record = json.loads(records[0])
    assert record["layout"] == "hof" and record["counts"] == {"photos": 2, "faces": 2}
    assert record["arguments"] == {"frames": 2, "size": 64, "seed": 5, "harder": 0.0} and len(record["sha256"]) == 64


def test_a_count_of_another_layout_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["make_synthetic", "slapi", str(tmp_path / "out"), "--train", "3"]) == 2
    assert "--train: has no effect on slapi" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_videos_are_counted_by_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    words = ("--infants", "1", "--seconds", "1", "--rate", "2", "--size", "64")
    assert main(["make_synthetic", "videos", str(out), *words]) == 0
    record = json.loads((out / "synthetic.json").read_text())
    assert record["arguments"] == {"infants": 1, "seconds": 1, "rate": 2, "size": 64, "seed": 1}
    assert record["counts"] | {"faces": 0} == {"videos": 1, "frames": 2, "faces": 0}
    line = f"wrote {out}: 1 videos, 2 frames, {record['counts']['faces']} faces, "
    assert capsys.readouterr().err.splitlines()[-1].startswith(line)


@pytest.mark.whole_run
def test_harder_test_photos_leave_the_training_photos_and_the_others_as_they_were(tmp_path: Path) -> None:
    counts = {"train": 4, "test": 12, "size": 96, "seed": 3}
    for share in (0.0, 0.5):
        layouts.write_wflw(tmp_path / f"{share}/wflw", **counts, harder=share)
        layouts.write_hand_over_face(tmp_path / f"{share}/hof", frames=8, size=96, seed=3, harder=share)
        grades = {"none": 4, "easy": 4, "medium": 2, "hard": 2}
        layouts.write_slapi(tmp_path / f"{share}/slapi", **grades, size=96, seed=3, harder=share)
    hidden: list[float] = []
    for name in ("wflw", "hof", "slapi"):
        plain, harder = (
            {path: digest for path, digest in contents(tmp_path / f"{share}" / name).items() if path.endswith(".jpg")}
            for share in (0.0, 0.5)
        )
        changed = [path for path in plain if plain[path] != harder[path]]
        assert plain.keys() == harder.keys() and 0 < len(changed) < len(plain), name
        assert not any(path.startswith("none/") for path in changed)
        # Numbers of test photos begin at 50 000.
        assert name != "wflw" or all(int(Path(path).stem.rpartition("_")[2]) > 50_000 for path in changed)
    for share in (0.0, 0.5):
        rows = (tmp_path / f"{share}/wflw").rglob("*_test.txt")
        marks = [line.split()[200:206] for path in rows for line in path.read_text().splitlines()]
        hidden.append(sum(int(each[4]) for each in marks) / len(marks))
    assert hidden[1] > hidden[0] + 0.2, "WFLW's mark of occlusion"


def test_a_share_beyond_one_and_one_of_another_layout_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for layout, share, told in (
        ("wflw", "1.5", "expected a share"),
        ("preterm_web", "0.5", "has no effect on preterm_web"),
    ):
        assert main(["make_synthetic", layout, str(tmp_path / "out"), "--harder", share]) == 2
        assert f"--harder{'' if layout == 'preterm_web' else ' 1.5'}: {told}" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()
