"""Missing inputs are reported before anything runs, with the outputs that cannot be made without them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dag.checkout import TINY
from tests.dag.mutations import FRAMES, HOF, TRAINED
from uncover.baselines.fetched import Fetched, write_fetched
from uncover.config.load import check_config, load_config
from uncover.report import registry
from uncover.workflow.absent import absent, absent_text
from uncover.workflow.targets import Run

REPOSITORY = Path(__file__).parents[2]
FOLDERS = ("wflw/WFLW_images", "merl_rav/frontal", "hof/frames", "preterm_web/images")
GRADES = ("slapi/none/images", "slapi/hard/images")
HASH = "a" * 64


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all raw data of the tiny run."""
    for folder in (*FOLDERS, *GRADES):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tiny(root: Path, **sections: Any) -> Run:
    """The tiny run, on downloads."""
    values = yaml.safe_load(TINY) | sections
    names = ("wflw", "merl_rav", "hof", "slapi", "preterm_web")
    values["raw"] = {"folder": str(root), **{name: name for name in names}, "grades": values["raw"]["grades"]}
    return Run(check_config(values))


def inputs_of(run: Run) -> dict[str, Any]:
    return {name: given for name, each in registry.load().items() if (given := each.inputs(run)) is not None}


def told(run: Run) -> str:
    return absent_text(run, inputs_of(run))


def blocked(text: str, run: Run) -> set[str]:
    """Tables and figures that a note names."""
    names = set(inputs_of(run))
    lines = [line.strip() for line in text.splitlines() if line.startswith(("  tables: ", "  figures: "))]
    return {word for line in lines for word in line.partition(": ")[2].split(", ") if word in names}


def test_nothing_is_said_where_everything_is_at_hand(root: Path) -> None:
    assert told(tiny(root)) == ""
    assert told(Run(check_config(yaml.safe_load(TINY)))) == ""


# Snakemake says which tables hang on a set: tests/dag/test_reruns.py has it plan these jobs after a change of the set.
@pytest.mark.parametrize(
    ("gone", "jobs"), [(["hof"], HOF), (["hof", "slapi", "preterm_web"], FRAMES)], ids=["one set", "all frames"]
)
def test_what_hangs_on_raw_data_that_is_not_there_is_what_snakemake_makes_of_it(
    gone: list[str], jobs: dict[str, int], root: Path
) -> None:
    for name in gone:
        (root / name).rename(root / f"{name} elsewhere")
    run = tiny(root)
    text = told(run)
    assert blocked(text, run) == set(inputs_of(run)) & set(jobs)
    for name in gone:
        assert f"raw.{name}: {root / name} does not exist (" in text
    sets = [name for name in run.sets if name.startswith(tuple(gone))]
    assert f"  sets: {', '.join(sets)}\n" in text
    assert "detectors: none of them" in text


def test_without_start_weights_nothing_is_made_that_looks_through_a_network(root: Path) -> None:
    parts = {"model": "yolov5n", "weights": "coco"}
    values = yaml.safe_load(TINY)["detectors"]
    detectors = {**values, "rgb10": values["rgb10"] | parts, "rgb1": values["rgb1"] | parts}
    run = tiny(root, detectors=detectors, weights={"yolov5n": {"path": "n.pt"}})
    text = told(run)
    assert "weights.yolov5n: n.pt does not exist, and no url is set; needed for rgb10, rgb1" in text
    assert blocked(text, run) == set(inputs_of(run)) & set(TRAINED)
    assert "  detectors: all 8\n" in text and "  sets: none of them\n" in text
    Path("n.pt").touch()
    assert told(run) == ""  # a file of YOLOv5 needs no hash, as it runs no code


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (None, "weights.retinaface: no such entry in the config; RetinaFace is left out"),
        ({"path": "there.pth"}, r"there.pth is not opened without a sha256; .* \(sha256sum FILE\); RetinaFace is left"),
        ({"path": "a.pth", "sha256": HASH}, "a.pth does not exist, and no url is set; RetinaFace is left out"),
        ({"path": "a.pth", "url": "http://b/a"}, "http://b/a is not fetched without a sha256; .*is left out"),
        (
            {"url": "http://b/a", "sha256": HASH},
            "weights.retinaface: no path is set; it is fetched from http://b/a\n",
        ),
        ({"path": "there.pth", "sha256": HASH}, None),
    ],
)
def test_weights_of_a_baseline_are_at_hand_fetched_or_missed(
    weights: dict[str, str] | None, message: str | None, root: Path
) -> None:
    (root / "there.pth").touch()
    given = {} if weights is None else {"retinaface": weights}
    run = tiny(root, baselines={"detectors": ["mtcnn", "retinaface"]}, weights=given)
    text = told(run)
    assert "cannot be made" not in text
    if message is None:
        assert text == ""
    else:
        assert len(text.splitlines()) == 2
        assert re.search(message, text)
    if weights is not None:
        write_fetched(Path(run.paths.fetched_weights("retinaface")), Fetched("", 1))
        assert told(run) == ""  # whatever became of the file since


def test_a_data_set_of_ones_own_its_photos_a_grade_and_videos(root: Path) -> None:
    (root / "slapi/hard/images").rmdir()
    (root / "empty").mkdir()
    (root / "file").touch()
    (root / "landmarks/a").mkdir(parents=True)
    own = {
        "ward": {"path": "empty", "layout": "yolo"},
        "file": {"path": "file", "layout": "images"},
        "more": {"path": "landmarks", "photos": "photos", "layout": "merl_rav", "use": "test"},
    }
    run = tiny(root, data_sets=own)
    found = {each.key: str(each) for each in absent(run)}
    assert found == {
        "raw.grades.hard": f"raw.grades.hard: {root}/slapi/hard/images does not exist; set the key to null to skip"
        " this grade",
        "data_sets.ward": f"data_sets.ward: {root}/empty is empty; needed for ward",
        "data_sets.file": f"data_sets.file: {root}/file cannot be read (Not a directory); needed for file",
        "data_sets.more.photos": f"data_sets.more.photos: {root}/photos does not exist; needed for more",
    }
    text = told(run)
    assert "  sets: more, slapi_hard, ward, file\n" in text
    raw = {"folder": str(root), "wflw": "wflw", "videos": "clips"}
    videos = Run(
        check_config({"run": "a", "raw": raw, "baselines": {"detectors": []}, "weights": {"yolov5m": {"path": "m"}}})
    )
    assert f"{root}/clips contains no video with a CSV file of true boxes beside it; videos are skipped" in told(videos)


def test_of_the_thesis_with_nothing_at_hand_nothing_can_be_made_but_all_weights_can_be_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(load_config(REPOSITORY / "config/thesis.yaml"))
    monkeypatch.chdir(tmp_path)
    text = told(run)
    for line in ("  sets: all 10\n", "  detectors: all 23\n", "  tables: all ", "  figures: all "):
        assert line in text
    weights = [line for line in text.splitlines() if line.startswith("  weights.")]
    assert len(weights) == 5 and all("it is fetched from https://" in line for line in weights)
