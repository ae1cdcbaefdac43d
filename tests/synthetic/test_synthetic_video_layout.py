"""Files of videos read back with PyAV and the csv module."""

import csv
from pathlib import Path

import av
import numpy as np
import pytest

from uncover.data.video_truth import read_video_truth
from uncover.errors import InputError
from uncover.synthetic.scene import rng_of
from uncover.synthetic.videos import VideoCounts, incubator_video, write_videos

SMALL = {"seconds": 3, "rate": 3, "size": 64}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, VideoCounts]:
    root = tmp_path_factory.mktemp("videos")
    return root, write_videos(root, infants=2, seed=3, **SMALL)


def test_same_seed_same_bytes_and_more_infants_change_nothing(
    written: tuple[Path, VideoCounts], tmp_path: Path
) -> None:
    write_videos(tmp_path / "one", infants=1, seed=3, **SMALL)
    write_videos(tmp_path / "other", infants=1, seed=4, **SMALL)
    for name in ("infant_01.mp4", "infant_01.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (written[0] / name).read_bytes()
        assert (tmp_path / "other" / name).read_bytes() != (written[0] / name).read_bytes()


def test_each_frame_has_its_row(written: tuple[Path, VideoCounts]) -> None:
    root, counts = written
    assert sorted(path.name for path in root.iterdir()) == [
        "infant_01.csv", "infant_01.mp4", "infant_02.csv", "infant_02.mp4",
    ]  # fmt: skip
    faces = 0
    for number in (1, 2):
        with av.open(str(root / f"infant_{number:02}.mp4")) as container:
            frames = list(container.decode(video=0))
        with (root / f"infant_{number:02}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0]) == ["frame", "second", "x1", "y1", "x2", "y2", "grade", "event"]
        assert len(frames) == len(rows) == 9 and (frames[0].width, frames[0].height) == (64, 48)
        assert [float(frame.time) for frame in frames] == pytest.approx(
            [float(row["second"]) for row in rows], abs=1e-4
        )
        faces += sum(bool(row["x1"]) for row in rows)
        read = read_video_truth(root / f"infant_{number:02}.csv")
        assert read["frame"].tolist() == list(range(9)) and read["event"].tolist() == [row["event"] for row in rows]
    assert counts == VideoCounts(2, 18, faces)


def test_the_video_shows_what_was_drawn(written: tuple[Path, VideoCounts]) -> None:
    plan = incubator_video(rng_of(3, "videos", 1), 64, 3)
    with av.open(str(written[0] / "infant_02.mp4")) as container:
        shown = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    for index in (0, 4):
        drawn = plan.frame_at(index / 3, index).photo.picture
        # Colours have half the resolution, so brightness is compared.
        error = shown[index].astype(float).mean(2) - drawn.astype(float).mean(2)
        assert np.sqrt((error**2).mean()) < 4


def test_bad_arguments_name_the_argument(tmp_path: Path) -> None:
    for name, value in (("infants", -1), ("seconds", 0), ("rate", 0), ("size", 63)):
        arguments = {"infants": 1, "seed": 1, **SMALL, name: value}
        with pytest.raises(InputError, match=f"--{name} {value}"):
            write_videos(tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()
