"""Draw docs/overview.png, the figure of the README: results on real photos, and images of the finished demo.

    python benchmarks/docs_overview.py docs/overview.png

Numbers come from docs/results: `newborns_ap50.csv` and `real_few_rescue_trial.csv`. The images are the
first ones of the demo's report, which are synthetic.
"""

from __future__ import annotations

import argparse
import base64
import io
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from uncover.config.load import load_config
from uncover.report.figures import style
from uncover.report.picture_strip import Case, StripParts, make_strip
from uncover.report.rescue_names import method_title
from uncover.rescue.methods import read_methods
from uncover.workflow.targets import Run

RESULTS = Path("docs/results")
WIDTH, HEIGHT = 9.6, 4.95
COLOURS = {
    "package": style.VERMILLION,
    "ours": style.ORANGE,
    "heatmaps": style.BLUE,
    "baseline": style.GREEN,
    "detector": style.PURPLE,
}
NAMES = {
    "package": "pretrained weights of uncover",
    "ours": "other methods of uncover",
    "heatmaps": "heatmap detectors of the thesis",
    "baseline": "RGB detectors of the thesis",
    "detector": "baseline detectors",
}
TITLES = {"general": "general (uncover)", "nicu": "nicu (uncover)", "mtcnn": "MTCNN", "retinaface": "RetinaFace"}
TITLES |= {"yunet": "YuNet", "scrfd_500m": "SCRFD-500M", "scrfd_2_5g": "SCRFD-2.5G"}
METHODS = ["hirescam_10", "hirescam_avg", "gradcampp_10", "gradcampp_avg", "lower_threshold", "one_class"]
METHODS += ["box_fusion", "rgb1_occlusion", "retinaface", "yunet"]


def main() -> None:
    """Draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--config", type=Path, default=Path("config/demo.yaml"), help="config of the run with the images"
    )
    args = parser.parse_args()
    figure = style.new_figure(WIDTH, HEIGHT)
    run = Run(load_config(args.config))
    strip = make_strip(
        Path(run.paths.rescue_trial),
        StripParts(
            datasets=[Path(each) for each in run.datasets(run.labelled_missed_sets)],
            missed=[Path(each) for each in run.missed(run.labelled_missed_sets)],
            predictions=Path(run.paths.all_predictions),
            heatmaps=Path(run.paths.all_heatmaps),
            methods=read_methods(run.rescue_methods()),
            true_iou=run.config.rescue.true_iou,
            privacy=run.config.report.privacy,
        ),
    )
    assert strip is not None, "the demo has missed faces"
    for number, case in enumerate(strip.cases):
        draw_case(figure, case, 0.1 + number * (WIDTH / 2))
    found = pd.read_csv(RESULTS / "newborns_ap50.csv").sort_values("ap50")
    left = figure.add_axes((1.45 / WIDTH, 0.7 / HEIGHT, 2.95 / WIDTH, 1.8 / HEIGHT))
    kinds = ["package" if name in ("general", "nicu") else "detector" for name in found["detector"]]
    draw_dots(left, [TITLES[name] for name in found["detector"]], found[["ap50", "low", "high"]].to_numpy(), kinds)
    left.set_title("Newborns in intensive care: 58 faces, 65 photos", loc="left", fontsize=9, fontweight="bold", pad=8)
    left.set_xlabel("AP at IoU 0.5")
    trial = pd.read_csv(RESULTS / "real_few_rescue_trial.csv")
    rows = trial[(trial["set"] == "infants") & (trial["fp_per_photo"] == 0.25) & (trial["threshold"] == "set")]
    rows = rows.set_index("method").loc[METHODS]
    right = figure.add_axes((6.45 / WIDTH, 0.7 / HEIGHT, 2.95 / WIDTH, 1.8 / HEIGHT))
    values = rows[["share", "share_low", "share_high"]].to_numpy()
    draw_dots(right, [method_title(name) for name in METHODS], values, list(rows["group"]))
    right.set_title(
        f"Of {rows['faces'].iloc[0]} faces missed by the thesis's first detector", loc="left", fontsize=9,
        fontweight="bold", pad=8, x=-0.42,
    )  # fmt: skip
    right.set_xlabel("share found at 0.25 false positives per photo")
    used = [kind for kind in COLOURS if kind in {*kinds, *rows["group"]}]
    marks = [right.plot([], [], "o", color=COLOURS[kind], label=NAMES[kind])[0] for kind in used]
    figure.legend(handles=marks, loc="lower center", ncols=len(marks), fontsize=7, bbox_to_anchor=(0.5, 0.0))
    figure.savefig(args.out, dpi=170, metadata={"Software": None})
    Image.open(args.out).convert("P", palette=Image.Palette.ADAPTIVE, colors=256).save(args.out, optimize=True)


def draw_case(figure: Figure, case: Case, left: float) -> None:
    """Three images in a row, with a title above them."""
    figure.text(left / WIDTH, 1 - 0.16 / HEIGHT, case.title, fontsize=9, fontweight="bold", va="center")
    side = 1.5
    for number, shot in enumerate(case.shots):
        place = ((left + number * (side + 0.06)) / WIDTH, 1 - (0.32 + side) / HEIGHT, side / WIDTH, side / HEIGHT)
        axes = figure.add_axes(place)
        axes.imshow(np.asarray(Image.open(io.BytesIO(base64.b64decode(shot.data)))), aspect="equal")
        for box in shot.boxes:
            true = box.kind == "true"
            line = {"edgecolor": "white", "linestyle": (0, (4, 2))} if true else {"edgecolor": style.SKY}
            axes.add_patch(Rectangle((box.x, box.y), box.width, box.height, fill=False, linewidth=1.6, **line))
        axes.set_axis_off()
        axes.set_title(shot.title, fontsize=7, y=-0.13, loc="left")


def draw_dots(axes: Axes, names: list[str], values: np.ndarray, kinds: list[str]) -> None:
    """Draw a row per method: a dot with its 95 % interval."""
    for row, ((value, low, high), kind) in enumerate(zip(values, kinds, strict=True)):
        axes.plot([low, high], [row, row], color=COLOURS[kind], linewidth=1.6, alpha=0.55)
        axes.plot([value], [row], "o", color=COLOURS[kind], markersize=4.5)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(-0.01, 1)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.grid(axis="x", color=style.LIGHT, linewidth=0.5)
    axes.tick_params(axis="y", length=0)


if __name__ == "__main__":
    main()
