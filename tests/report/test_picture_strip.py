"""The page's first pictures: which photos they are, what is drawn on them, and what is said of them."""

from __future__ import annotations

import base64
import hashlib
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.report.rescue_records import ASIDE, FACE, SIDE, trial_row, write_boxes, write_set, write_trial
from uncover.images.letterbox import fit
from uncover.images.maps import store_maps, write_maps
from uncover.report.picture_strip import Strip, StripParts, make_strip
from uncover.rescue.methods import read_methods

IMAGES = [f"photo{number}.png" for number in range(4)]
METHODS = {"hirescam_avg": "heatmaps", "gradcampp_avg": "heatmaps", "box_fusion": "ours"}


def first_by_hash(name: str, images: list[str]) -> str:
    return min(images, key=lambda image: hashlib.sha256(f"{name}/{image}".encode()).hexdigest())


def write_run(run: Path, found: dict[str, dict[str, list[str]]]) -> None:
    """A run: by set and method, in which photos it meets the face; elsewhere it has a box beside it."""
    rows = []
    for name, methods in found.items():
        write_set(run, name, IMAGES)
        for method, group in METHODS.items():
            own = methods.get(method, [])
            write_boxes(run, method, name, IMAGES, {image: [FACE if image in own else ASIDE] for image in IMAGES})
            rows.append(trial_row(name, method, group, len(own), 4))
    write_trial(run / "trial.csv", rows)


def strip_of(run: Path, names: list[str], words: list[str] | None = None, privacy: str = "pixelate") -> Strip | None:
    methods = read_methods(words or [f"{name}={group}" for name, group in METHODS.items()])
    datasets, missed = ([run / "datasets" / name for name in names], [run / "missed" / f"{name}.csv" for name in names])
    parts = StripParts(datasets, missed, run / "predictions", run / "heatmaps", methods, 0.5, privacy)
    return make_strip(run / "trial.csv", parts)


def test_a_rescued_photo_stands_beside_one_that_the_four_do_not_find_and_a_hash_chooses_both(tmp_path: Path) -> None:
    found = {"hirescam_avg": IMAGES[:2], "gradcampp_avg": [IMAGES[1]], "box_fusion": IMAGES}
    write_run(tmp_path, {"slapi_hard": found, "wflw": found})
    strip = strip_of(tmp_path, ["slapi_hard", "wflw"])
    assert strip is not None
    rescued, not_rescued = strip.cases
    # Photos that anybody may see come before frames of patients.
    chosen = first_by_hash("wflw", IMAGES[:2])
    also = ["box fusion of both RGB models"] + (["GradCAM++ (avg)"] if chosen == IMAGES[1] else [])
    assert rescued.text == f"WFLW test photos: HiResCAM (avg) found the face. Also found by {' and '.join(also)}."
    assert not_rescued.text == (
        "WFLW test photos: none of the thesis's four found the face, but box fusion of both RGB models did."
    )
    assert "of 8 missed photos" in strip.note and "labelled face, and none in 4" in strip.note
    shots = rescued.shots
    assert [shot.title for shot in shots] == ["missed photo", "HiResCAM (avg)"]
    assert [[box.kind for box in shot.boxes] for shot in shots] == [["true"], ["true", "heatmaps"]]
    box = shots[-1].boxes[1]
    assert (box.x, box.y, box.x + box.width, box.y + box.height) == FACE and box.label == "0.50"
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(shots[0].data))), np.float64)
    photo = np.asarray(Image.open(tmp_path / "datasets" / "wflw" / "images" / chosen), np.float64)
    assert picture.shape == photo.shape == (SIDE, SIDE, 3) and np.abs(picture - photo).mean() < 12
    assert strip == strip_of(tmp_path, ["wflw", "slapi_hard"])


def test_where_nothing_is_found_that_is_said_and_sets_that_may_not_be_shown_are_named(tmp_path: Path) -> None:
    write_run(tmp_path, {"slapi_hard": {}, "wflw": {}})
    strip = strip_of(tmp_path, ["slapi_hard", "wflw"], privacy="leave-out")
    assert strip is not None and len(strip.cases) == 1
    assert strip.cases[0].text == "WFLW test photos: no method found the face."
    assert strip.cases[0].shots[-1].title == "nothing found" and "of 4 missed photos" in strip.note
    assert "Photos of Graded frames, hard are left out (report.privacy: leave-out)." in strip.note
    assert strip_of(tmp_path, ["slapi_hard"], privacy="leave-out") is None


def test_where_all_photos_are_to_be_hidden_those_of_everybody_are_and_patients_are_left_out(tmp_path: Path) -> None:
    write_run(tmp_path, {"slapi_hard": {}, "wflw": {}})
    plain, hidden = (strip_of(tmp_path, ["slapi_hard", "wflw"], privacy=each) for each in ("leave-out", "hide-all"))
    assert plain is not None and hidden is not None
    assert "Photos of Graded frames, hard are left out (report.privacy: hide-all)." in hidden.note
    details = []
    for strip in (plain, hidden):
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(strip.cases[0].shots[0].data))), np.float64)
        details.append(np.abs(np.diff(picture, axis=1)).mean())
    assert details[1] < 0.3 * details[0]
    assert strip_of(tmp_path, ["slapi_hard"], privacy="hide-all") is None


@pytest.mark.parametrize("blank", [False, True])
def test_the_heatmap_that_the_detector_looks_at_lies_over_the_photo(blank: bool, tmp_path: Path) -> None:
    """A map that is bright on the left: there, the picture has the map's colours; a blank one finds nothing."""
    write_run(tmp_path, {"wflw": {"hirescam_avg": IMAGES, "gradcampp_avg": [], "box_fusion": []}})
    lists = tmp_path / "missed" / "wflw.csv"
    pd.read_csv(lists).assign(**{"hirescam:joint": not blank}).to_csv(lists, index=False)
    folder = tmp_path / "heatmaps" / "hirescam" / "wflw"
    values = np.zeros((1, 8, 8), np.float32)
    values[0, :, :4] = 0 if blank else 1
    about = {"method": "hirescam", "layers": [-2], "class_names": ["joint"], "status": ["map"]}
    for image in IMAGES:
        target = folder / "joint" / Path(image).with_suffix(".tif")
        target.parent.mkdir(parents=True, exist_ok=True)
        write_maps(target, store_maps(values, fit(SIDE, SIDE, 256), about))
    files = [str(Path(image).with_suffix(".tif")) for image in IMAGES]
    pd.DataFrame({"image": IMAGES, "file": files}).to_parquet(folder / "manifest.parquet")
    words = ["hirescam_avg=heatmaps:hirescam:joint", "gradcampp_avg=heatmaps", "box_fusion=ours"]
    strip = strip_of(tmp_path, ["wflw"], words)
    assert strip is not None
    (case,) = strip.cases
    assert case.shots[1].title == ("HiResCAM heatmap: blank" if blank else "HiResCAM heatmap")
    heat = np.asarray(Image.open(io.BytesIO(base64.b64decode(case.shots[1].data))), np.float64)
    colour = np.abs(heat - heat.mean(axis=2, keepdims=True)).mean(axis=(0, 2))
    left, right = colour[: SIDE // 2 - 40].mean(), colour[SIDE // 2 + 40 :].mean()
    assert right < 4 and (left < 4 if blank else left > 20)
    assert case.title == ("Not rescued" if blank else "Rescued from its heatmap")
