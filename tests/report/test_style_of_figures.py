"""Every figure fits a column and can be read there: type, labels, what meets what, and colours for all readers."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray
from PIL import Image

from tests.report import records
from uncover.data.parts import CLASS_NAMES, CLASS_OF_PART, PARTS
from uncover.metrics.intervals import Rate
from uncover.metrics.predictions import CORNERS
from uncover.report import registry
from uncover.report.figures.baseline_detections import (
    POINTS,
    Panel,
    ScoredDetections,
    baseline_detections,
    sentence,
)
from uncover.report.figures.heatmaps import heatmap_overlays, rescued_frame
from uncover.report.figures.labels import label_statistics, landmarks_and_boxes
from uncover.report.figures.rescue_gallery import KINDS, rescue_gallery
from uncover.report.figures.rescue_gallery import Panel as MissedPhoto
from uncover.report.figures.scores import F1Curve, confusion_matrix, f1_confidence, missed_f1
from uncover.report.figures.style import (
    BOX_STYLES,
    DOUBLE,
    FINE,
    METHOD_STYLES,
    PART_COLOURS,
    PART_MARKERS,
    SET_STYLES,
    SINGLE,
    UNKNOWN,
    new_figure,
    not_run,
    panels,
    save_figure,
    why_not_run,
)
from uncover.report.figures.training import LOOKS, learning_curve, training_record
from uncover.report.figures.videos import STATES, videos_figure
from uncover.report.records import ConfusionTable, read_f1_curves
from uncover.report.tables.second_step import GRADES
from uncover.report.titles import THESIS_MODELS

CHANCE = np.random.default_rng(0)


def photo(width: int = 90, height: int = 80) -> NDArray[np.uint8]:
    return CHANCE.integers(0, 255, (height, width, 3), np.uint8)


def draw_labels(name: str, folder: Path) -> Figure:
    boxes = pd.DataFrame({"source": "wflw", "photo": "a", "part": PARTS, "class_id": CLASS_OF_PART})
    boxes = boxes.assign(x1=10.0, y1=10.0, x2=50.0, y2=50.0)
    if name == "figure_15":
        visibility = np.array([[0] * 40 + [1] * 28], np.uint8)
        return landmarks_and_boxes(photo(), CHANCE.uniform(10, 50, (1, 68, 2)), visibility, boxes, CLASS_NAMES)
    sizes = pd.DataFrame(
        {"source": "wflw", "photo": [f"{number}" for number in range(1000)], "width": 90, "height": 80}
    )
    many = pd.concat([boxes.assign(photo=f"{number}") for number in range(1000)])
    return label_statistics(many, sizes, CLASS_NAMES)


def draw_scores(name: str, folder: Path) -> Figure:
    if name == "figure_17":
        peaks = {each: (0.3 + 0.05 * number, 0.9) for number, each in enumerate(CLASS_NAMES)}
        curves = read_f1_curves(records.write_curves(folder, peaks))
        return f1_confidence(curves, 0.4, 0.69, 0.373, "n = 14,580 photos, 160,380 boxes")
    if name == "figure_31":
        curve = F1Curve(np.linspace(0, 1, 50), np.linspace(0.9, 0, 50), 0.123, 0.88, 1204, 1204)
        of = {(model, grade): curve for model in THESIS_MODELS for grade in GRADES}
        thesis = {key: {"Conf": 0.592, "F1": 0.79} for key in of}
        return missed_f1(of | {next(iter(of)): "no missed frame\nwith a heatmap"}, thesis)
    counts = CHANCE.integers(10_000, 29_160, (11, 11))
    table = ConfusionTable((*CLASS_NAMES, "background"), counts)
    return confusion_matrix(table, "MERL-RAV test set", Rate(0.7462, 0.712, 0.78), 0.747, 14_580)


def draw_training(name: str, folder: Path) -> Figure:
    released = records.training_rows(300, best=250) if name == "figure_24" else None
    loss = 0.0 if name == "figure_25" else 0.02
    return training_record(records.training_rows(120, 99, loss), released, {"train": 14_580, "val": 1623})


def draw_learning_curve(name: str, folder: Path) -> Figure:
    rows = [
        {"count": count, "freeze": freeze, "seed": 0, "group": f"infant_{group}", "group_kind": "infant"}
        | {"trained_on": min(count, 90), "frames_scored": 120, "faces": 100, "confidence": 0.4, "true_iou": 0.5}
        | dict.fromkeys(("ap50", "recall"), 0.3 + 0.1 * group)
        for count, freeze, group in itertools.product((0, 5, 10, 25, 100), (0, 10), range(3))
    ]
    return learning_curve(pd.DataFrame(rows))


def draw_photos(name: str, folder: Path) -> Figure:
    box = np.array([[30.0, 20.0, 60.0, 60.0]], np.float32)
    if name == "figure_21":
        found = pd.DataFrame(box, columns=list(CORNERS)).assign(confidence=0.87)
        map_of = np.zeros((80, 90), np.uint8)
        return rescued_frame(photo(), [("GradCAM++", map_of, found), ("HiResCAM", map_of, found[:0])], 0.4, 1204)
    if name == "figure_26":
        heat = np.full((80, 90), 99, np.uint8)
        return heatmap_overlays(photo(), [("GradCAM++, layers 17, 20, 23", heat), ("HiResCAM", heat)], 14_580)
    if name == "figure_rescue":
        panel = MissedPhoto(photo(), dict.fromkeys(KINDS, box.astype(np.float64)))
        title = (
            "Graded frames, medium, n = 1,204 missed photos, 6 shown\nmost faces found: box fusion (12 of 1,204 faces)"
        )
        return rescue_gallery({title: [panel] * 6, title.replace("medium", "hard"): [panel] * 4}, ["my_ward"])
    points = CHANCE.uniform(30, 60, (1, 5, 2)).astype(np.float32)
    detections = ScoredDetections(box, np.array([0.9], np.float32), points, box.astype(np.float64), np.array([True]))
    shown = [Panel(photo(*size), 9999, detections) for size in ((90, 80), (60, 90), (120, 80), (64, 96), (90, 90))]
    return baseline_detections(shown, sentence("RetinaFace", "Graded frames, none covered", 0.5, [detections] * 14_580))


def draw_videos(name: str, folder: Path) -> Figure:
    modes, events = ["rgb", "heatmap", "rescue", "online", "offline"], ["still", "nurse", "no_face"]
    parts = [("all", "all"), *(("event", each) for each in events), ("grade", "none"), ("grade", "hard")]
    scores = pd.DataFrame(
        {"mode": mode, "video": "all", "by": by, "part": part}
        | {f"{what}{end}": number + offset for what, number in (("recall", 0.5), ("false_per_minute", 150.0))
           for end, offset in (("", 0.0), ("_low", -0.1), ("_high", 0.1))}
        for mode in modes for by, part in parts
    )  # fmt: skip
    outcomes = pd.DataFrame(
        {"mode": mode, "video": f"infant_{video}", "second": second, "seconds": 1.0, "event": events[second // 20]}
        | {"grade": "none", "face": second < 40, "found_by": "rgb" if second % 7 else "none", "false_boxes": second % 2}
        for mode in modes for video in range(5) for second in range(60)
    )  # fmt: skip
    return videos_figure(scores, outcomes)


FIGURES: dict[str, Callable[[str, Path], Figure]] = {
    **dict.fromkeys(("figure_15", "figure_16"), draw_labels),
    **dict.fromkeys((f"figure_{number}" for number in (17, 18, 19, 20, 31)), draw_scores),
    **dict.fromkeys(("figure_21", "figure_22", "figure_23", "figure_26", "figure_rescue"), draw_photos),
    **dict.fromkeys((f"figure_{number}" for number in (24, 25, 27, 28, 29, 30)), draw_training),
    "figure_learning_curve": draw_learning_curve,
    "figure_videos": draw_videos,
}
ALIKE = {"figure_19", "figure_20", "figure_23", "figure_27", "figure_28", "figure_29", "figure_30"}
"""Drawn by the same function as another, of records of the same kind."""


def drawn_texts(figure: Figure) -> list[tuple[Text, Bbox]]:
    """All texts that are drawn, ticks and legends too, and where, in pixels."""
    found: dict[Text, Bbox] = {}
    draw = Text.draw

    def noted(text: Text, renderer: object, *args: object, **more: object) -> None:
        if text.get_visible() and text.get_text().strip():
            found[text] = Text.get_window_extent(text, renderer)  # type: ignore[arg-type]
        draw(text, renderer, *args, **more)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", noted)
        figure.draw_without_rendering()
    return list(found.items())


def is_number(text: str) -> bool:
    return text.replace("−", "-").replace(",", "").lstrip("-").replace(".", "", 1).isdecimal()


def is_labelled(axes: Axes, which: str) -> bool:
    """Whether numbers at the ticks of an axis have a name beside them."""
    axis = getattr(axes, f"{which}axis")
    shown = [each.get_text() for each in axis.get_ticklabels() if each.get_visible() and each.get_text()]
    numbers = axis.get_visible() and any(map(is_number, shown)) and axis.get_tick_params().get("labelbottom", True)
    return not numbers or bool(axis.get_label().get_text())


def faults(figure: Figure) -> Iterator[str]:
    """Why a figure cannot stand in a column as it is."""
    if figure.get_size_inches()[0] not in (SINGLE, DOUBLE):
        yield f"width {figure.get_size_inches()[0]}"
    texts = drawn_texts(figure)
    for text, place in texts:
        if text.get_fontsize() < FINE:
            yield f"small: {text.get_text()!r}"
        low, high = figure.bbox.min - 0.5, figure.bbox.max + 0.5
        if (place.min < low).any() or (place.max > high).any():
            yield f"outside: {text.get_text()!r}"
    for (one, first), (other, second) in itertools.combinations(texts, 2):
        common = Bbox.intersection(first, second)
        # Boxes around texts have room above and below the letters.
        if common is not None and min(common.width, common.height) > 2:
            yield f"overlap: {one.get_text()!r}, {other.get_text()!r}"
    with_data = [axes for axes in figure.axes if axes.axison and (axes.lines or axes.collections or axes.images)]
    for axes in figure.axes:
        for legend in [axes.get_legend()] if axes.get_legend() is not None else []:
            if any(legend.get_window_extent().overlaps(each.bbox) for each in with_data):
                yield "a legend over data"
    yield from (f"no {which} label" for axes in with_data for which in "xy" if not is_labelled(axes, which))


def test_every_declared_figure_is_drawn_here() -> None:
    assert FIGURES.keys() == {name for name, each in registry.declared().items() if each.kind == "figure"}


def test_the_page_of_the_docs_tells_of_every_figure_and_is_small() -> None:
    page = Path(__file__).parents[2] / "docs" / "figures.md"
    text = page.read_text(encoding="utf-8")
    pictures = list(page.with_suffix("").glob("*.png"))
    for name, each in registry.declared().items():
        if each.kind != "figure":
            continue
        title = f"Figure {each.title}" if each.title[0].isdigit() else each.title.capitalize()
        assert f"## {title}\n" in text, f"{name}: run make docs-figures"
        # Numbers of captions are code on the page.
        caption = registry.entry(name).caption.partition("\n")[0].replace("`", "")
        assert caption in text.replace("`", ""), f"{name}: run python benchmarks/docs_figures.py docs/figures.md"
    assert {f"figures/{path.name}" for path in pictures} == set(re.findall(r"\]\((figures/.*?)\)", text))
    assert sum(path.stat().st_size for path in pictures) < 2_000_000


@pytest.mark.parametrize("name", [name for name in FIGURES if name not in ALIKE])
def test_a_figure_fits_a_column_and_can_be_read_there(name: str, tmp_path: Path) -> None:
    assert list(faults(FIGURES[name](name, tmp_path))) == []


def test_faults_are_found() -> None:
    figure = new_figure(5, 3)
    ((axes,),) = panels(figure, 1, 1, left=0.5, right=0.5, bottom=0.5, top=0.5)
    axes.plot([0, 1], [0, 1], label="line")
    axes.legend(loc="center")
    axes.set_ylabel("share")
    for x, words, size in ((0.5, "one", 8), (0.5, "two", 8), (0.99, "far too wide", 8), (0.1, "tiny", 5)):
        figure.text(x, 0.95, words, fontsize=size)
    told = ["width 5.0", "outside: 'far too wide'", "small: 'tiny'", "overlap: 'one', 'two'"]
    assert sorted(map(str, faults(figure))) == sorted([*told, "a legend over data", "no x label"])


@pytest.mark.parametrize("width", [SINGLE, DOUBLE])
def test_files_are_as_wide_as_the_column(width: float, tmp_path: Path) -> None:
    figure = new_figure(width, 1)
    # Far outside: it must not make the file any wider.
    figure.text(2, 0.5, "outside")
    save_figure(figure, tmp_path, "a")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width == round(width * 200) and picture.info["dpi"] == pytest.approx((200, 200), abs=0.1)
        assert "Comment" not in picture.info
    assert f"/MediaBox [ 0 0 {width * 72:g} 72 ]".encode() in (tmp_path / "a.pdf").read_bytes()
    assert why_not_run(tmp_path / "a.png") is None


def test_a_figure_without_anything_to_show_says_why_in_its_file(tmp_path: Path) -> None:
    save_figure(not_run("RetinaFace was not run", "weights.retinaface:\nno such file"), tmp_path, "a")
    told = "RetinaFace was not run: weights.retinaface: no such file"
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.info["Comment"] == f"not run: {told}"
    assert why_not_run(tmp_path / "a.png") == told
    (tmp_path / "b.png").write_bytes(b"no picture")
    assert why_not_run(tmp_path / "b.png") is None


SEEN_BY = {
    "all": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""Machado, Oliveira and Fernandes (2009), severity 1: what becomes of linear RGB."""

XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1, 1.08883])


def lab(colour: str, reader: str) -> NDArray[np.float64]:
    """CIE L*a*b* of a colour as readers of a kind see it."""
    values = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    x = XYZ @ np.clip(np.asarray(SEEN_BY[reader]) @ linear, 0, 1) / WHITE
    f = np.where(x > 216 / 24389, np.cbrt(x), (24389 / 27 * x + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def nearest(colours: Sequence[str]) -> float:
    """Least distance between two colours of a palette, for any reader; about 2 can just be told apart side by side."""
    return min(
        float(np.linalg.norm(lab(one, reader) - lab(other, reader)))
        for one, other in itertools.combinations(colours, 2)
        for reader in SEEN_BY
    )


PALETTES = {
    "parts": list(PART_COLOURS.values()),
    "sets": [style["color"] for style in SET_STYLES.values()],
    "ways to detect": [style["color"] for style in METHOD_STYLES.values()],
    "boxes and landmarks": [
        *(style["color"] for kind, style in BOX_STYLES.items() if kind not in (UNKNOWN, "heatmaps")),
        *(style["color"] for style in POINTS.values()),
    ],
    "boxes of the gallery": [BOX_STYLES[kind]["color"] for _, kind, _ in KINDS.values()],
    "states of videos": [colour for colour, _ in STATES.values()],
    "fine-tunings": [str(look["color"]) for look in LOOKS],
}


@pytest.mark.parametrize("name", PALETTES)
def test_colours_differ_for_colour_blind_readers(name: str) -> None:
    assert nearest(PALETTES[name]) > 15


def test_distances_are_those_of_the_literature() -> None:
    assert lab("#FF0000", "all") == pytest.approx([53.24, 80.09, 67.20], abs=0.02)
    # Red and green of equal lightness: far apart for most readers, hardly for deuteranopes.
    red, green = "#C85A5A", "#8C8C46"
    apart = [np.linalg.norm(lab(red, reader) - lab(green, reader)) for reader in ("all", "deuteranopia")]
    assert apart[0] > 45 and apart[1] < 25
    # What the figures had before: two parts that one reader in twenty took for one.
    assert nearest(["#D55E00", "#AA7A00"]) < 5


def test_curves_differ_without_colour() -> None:
    for styles in (SET_STYLES, METHOD_STYLES, dict(enumerate(LOOKS)), POINTS):
        assert len({style["marker"] for style in styles.values()}) == len(styles)
    # Where nobody labelled a photo, its boxes are drawn as those that are found.
    lines = [str(style["linestyle"]) for kind, style in BOX_STYLES.items() if kind != UNKNOWN]
    assert len(set(lines)) == len(lines)
    assert set(PART_MARKERS) == set(PART_COLOURS) == set(CLASS_NAMES)
    assert len(set(PART_MARKERS.values())) == len(PART_MARKERS)
