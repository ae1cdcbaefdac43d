"""Figure 26: which photo it shows, which maps, and where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from uncover.cli import main
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.images.letterbox import fit
from uncover.images.maps import store_maps, write_maps
from uncover.report.figures.heatmaps import choose_photo, draw_heatmap_overlays

WIDTH, HEIGHT = 96, 64
NAMES = ("a/one.png", "a/two.png")
LAYERS = {"gradcampp": [-2], "hirescam_multiscale": [17, 20, 23]}


def photos(**columns: Sequence[object]) -> pd.DataFrame:
    count = len(next(iter(columns.values())))
    given = {"source": "wflw", "width": WIDTH, "height": HEIGHT, "faces": 1, "labelled": True} | columns
    table = pd.DataFrame(given, index=range(count))
    return table.assign(photo=table["name"], image="images/" + table["name"])


def boxes(sizes: dict[str, float]) -> pd.DataFrame:
    own = {"source": "wflw", "part": "whole face", "class_id": WHOLE_FACE, "status": "kept"}
    rows = [own | {"photo": name, "name": name, **middle(side)} for name, side in sizes.items()]
    return pd.DataFrame(rows)


def middle(side: float) -> dict[str, float]:
    """A square in the middle of the photo."""
    x, y = (WIDTH - side) / 2, (HEIGHT - side) / 2
    return {"x1": x, "y1": y, "x2": x + side, "y2": y + side}


def explained(
    names: list[str], classes: dict[str, list[int]], odd: dict[str, bool | None] | None = None
) -> pd.DataFrame:
    """Manifest of a heatmap set: one detection of each of some classes; odd joint maps: inverted, or blank (None)."""
    rows = [
        {
            "image": name,
            "file": str(Path(name).with_suffix(".tif")),
            "detections": [int(number in classes[name]) for number in range(len(CLASS_NAMES))],
            "inverted": [False] * len(CLASS_NAMES) + [(odd or {}).get(name, False)],
        }
        for name in names
    ]
    return pd.DataFrame(rows)


def test_the_photo_has_one_face_of_which_most_is_detected_and_it_is_the_largest_such() -> None:
    names = ["small", "large", "crowd", "undetected", "few parts", "blank", "inverted", "close", "unlabelled"]
    given = photos(name=names, faces=[1, 1, 2, 1, 1, 1, 1, 1, 1])
    sides = {name: {"small": 20.0, "large": 30.0, "close": 60.0}.get(name, 40.0) for name in names[:-1]}
    classes = {name: [0, WHOLE_FACE] for name in names} | {"undetected": [0, 1, 3], "few parts": [WHOLE_FACE]}
    maps = [explained(names, classes), explained(names[::-1], classes, odd={"blank": None, "inverted": True})]
    for rows in (given, given[::-1]):
        assert choose_photo(rows, boxes(sides), maps) == "large"


def test_where_none_fits_some_photo_is_shown() -> None:
    maps = [explained(["a", "b"], {"a": [], "b": []})]
    assert choose_photo(photos(name=["b", "a"]), boxes({"b": 3.0, "a": 3.0}), maps) == "a"


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A data set of two photos, and two heatmap sets of it: the left half, and the upper right cell."""
    dataset = tmp_path / "train"
    for number, name in enumerate(NAMES):
        path = dataset / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((HEIGHT, WIDTH, 3), 60 + 100 * number, np.uint8))
    photos(name=list(NAMES)).drop(columns="name").to_parquet(dataset / "manifest.parquet")
    boxes({NAMES[0]: 20.0, NAMES[1]: 30.0}).to_parquet(dataset / "boxes.parquet")
    frame = fit(WIDTH, HEIGHT, 96, square=True)
    values = {"gradcampp": np.zeros((1, 3, 3), np.float32), "hirescam_multiscale": np.zeros((1, 12, 12), np.float32)}
    values["gradcampp"][0, :, 0] = 0.5
    values["hirescam_multiscale"][0, 2, 11] = 7
    for variant, map_of_it in values.items():
        folder = tmp_path / variant
        for name in NAMES:
            about = {"class_names": ["joint"], "method": variant.split("_")[0], "layers": LAYERS[variant]}
            path = folder / "joint" / Path(name).with_suffix(".tif")
            path.parent.mkdir(parents=True, exist_ok=True)
            write_maps(path, store_maps(map_of_it, frame, about | {"target": "T2", "status": ["map"]}))
        detected = explained(list(NAMES), {name: [WHOLE_FACE] for name in NAMES})
        detected.to_parquet(folder / "manifest.parquet")
    return tmp_path


def arguments(run_folder: Path) -> list[str]:
    return ["--dataset", str(run_folder / "train"), "--heatmaps", *(str(run_folder / name) for name in LAYERS)]


def test_the_figure_is_a_whole_png_and_pdf_and_the_same_each_time(run_folder: Path) -> None:
    for out in ("a", "b"):
        assert main(["figure_26", str(run_folder / out), *arguments(run_folder)]) == 0
    picture = cv2.imread(str(run_folder / "a" / "figure_26.png"))
    assert picture is not None and min(picture.shape[:2]) > 300
    assert (run_folder / "a" / "figure_26.pdf").read_bytes().startswith(b"%PDF")
    for suffix in ("png", "pdf"):
        first, second = (run_folder / out / f"figure_26.{suffix}" for out in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()


def test_the_maps_lie_over_the_photo_where_they_belong_without_the_letterbox(run_folder: Path) -> None:
    panels = draw_heatmap_overlays([run_folder / name for name in LAYERS], run_folder / "train", None).axes
    titles = ["photo (1 of n = 2)", "GradCAM++", "HiResCAM, layers 17, 20, 23"]
    assert [axes.get_title() for axes in panels[:3]] == titles
    photo, left, corner = (np.asarray(axes.images[0].get_array()) for axes in panels[:3])
    assert photo.shape == left.shape == corner.shape == (HEIGHT, WIDTH, 3)
    # The second photo, of the larger face. The letterbox's cells above and below are gone: photo is 96 x 64 of 96 x 96.
    assert (photo == 160).all()
    assert (left[:, -30:] == 160).all() and (left[:, :10] != 160).any(-1).all()
    changed = np.abs(corner.astype(int) - 160).sum(-1)
    rows, columns = np.nonzero(changed > changed.max() / 2)
    assert rows.max() < 12 and columns.min() > WIDTH - 16


def test_nothing_is_shown_of_photos_that_may_show_patients(run_folder: Path) -> None:
    heatmaps, dataset = [run_folder / name for name in LAYERS], run_folder / "train"
    rng = np.random.default_rng(0)
    for name in NAMES:
        cv2.imwrite(str(dataset / "images" / name), rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8))
    table = pd.read_parquet(dataset / "manifest.parquet")
    levels = []
    for sources in (["wflw", "my_ward"], ["my_ward", "my_ward"]):
        table.assign(source=sources).to_parquet(dataset / "manifest.parquet")
        own = boxes({NAMES[0]: 20.0, NAMES[1]: 30.0}).assign(source=sources)
        own.to_parquet(dataset / "boxes.parquet")
        image = draw_heatmap_overlays(heatmaps, dataset, None).axes[0].images[0].get_array()
        levels.append(len(np.unique(np.asarray(image).reshape(-1, 3), axis=0)))
    # The photo of the known data set though its face is smaller; of the others, cells.
    assert levels[0] > 1000 and levels[1] <= 36


def test_no_photo_of_anybody_is_shown_where_all_are_hidden(run_folder: Path) -> None:
    heatmaps, dataset = [run_folder / name for name in LAYERS], run_folder / "train"
    rng = np.random.default_rng(0)
    for name in NAMES:
        cv2.imwrite(str(dataset / "images" / name), rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8))
    photo = draw_heatmap_overlays(heatmaps, dataset, None, "hide-all").axes[0].images[0].get_array()
    assert len(np.unique(np.asarray(photo).reshape(-1, 3), axis=0)) <= 36
    table = pd.read_parquet(dataset / "manifest.parquet")
    table.assign(source="my_ward").to_parquet(dataset / "manifest.parquet")
    boxes({NAMES[0]: 20.0, NAMES[1]: 30.0}).assign(source="my_ward").to_parquet(dataset / "boxes.parquet")
    left_out = draw_heatmap_overlays(heatmaps, dataset, None, "hide-all")
    assert not left_out.axes and "left out (report.privacy: hide-all)" in left_out.texts[0].get_text()


def test_a_photo_can_be_named_and_a_wrong_name_is_one_line(
    run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heatmaps, dataset = [run_folder / name for name in LAYERS], run_folder / "train"
    shown = draw_heatmap_overlays(heatmaps, dataset, NAMES[0]).axes[0].images[0].get_array()
    assert shown is not None and (shown == 60).all()
    assert main(["figure_26", str(run_folder / "out"), *arguments(run_folder), "--photo", "none"]) == 2
    assert "no photo 'none'; set report.figure_26_photo to another id" in capsys.readouterr().err
    (run_folder / "gradcampp" / "joint" / "a" / "two.tif").unlink()
    assert main(["figure_26", str(run_folder / "out"), *arguments(run_folder)]) == 2
    assert "two.tif: " in capsys.readouterr().err
    explained([NAMES[0]], {NAMES[0]: []}).to_parquet(run_folder / "gradcampp" / "manifest.parquet")
    assert main(["figure_26", str(run_folder / "out"), *arguments(run_folder)]) == 2
    assert "gradcampp: lacks heatmaps of photos of" in capsys.readouterr().err
    assert not (run_folder / "out").exists()
