"""Style of figures: two widths, two font sizes, one colour per meaning, panels positioned in inches.

No automatic layout (layout engines, tight bounding boxes), which draws a figure several times: `panels` sets positions
directly, so that equal figures are equal files and are drawn in a fraction of a second.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from uncover.atomic import new_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

SINGLE, DOUBLE = 3.5, 7.16
"""Widths of a figure, in inches: one or both columns of a journal."""

TEXT, SMALL, FINE = 8, 7, 6.5
"""Font sizes in points at these widths: titles and labels; ticks, legends, notes; counts in cells, text on photos."""

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
"""Okabe and Ito's colours, which are distinguishable for colour-blind readers."""

BROWN, NAVY, VIOLET = "#783000", "#000090", "#9018F0"
"""Further colours that are as distinguishable as possible for such readers."""

GREY, LIGHT = "#777777", "#DDDDDD"
"""Colour of the thesis's values and of guide lines."""

PART_COLOURS = {
    "eyes": BLUE,
    "nose": GREEN,
    "whole face": BLACK,
    "right face": VERMILLION,
    "left face": ORANGE,
    "brows": SKY,
    "left eye face": BROWN,
    "right eye face": NAVY,
    "eyes nose": VIOLET,
    "mouth": PURPLE,
}
"""Colour by class name."""

PART_MARKERS = dict(zip(PART_COLOURS, "osD^v<>PXp", strict=True))
"""Line styles, so that curves can be told apart without colour."""

SET_STYLES: dict[str, dict[str, Any]] = {
    "train": {"color": BLUE, "marker": "s", "linestyle": "-"},
    "val": {"color": VERMILLION, "marker": "o", "linestyle": "-", "markerfacecolor": "white"},
}
"""Colours of training photos and of validation photos."""

METHOD_STYLES: dict[str, dict[str, Any]] = {
    "rgb": {"color": BLUE, "marker": "o"},
    "heatmap": {"color": ORANGE, "marker": "s"},
    "rescue": {"color": GREEN, "marker": "D"},
    "online": {"color": PURPLE, "marker": "^"},
    "offline": {"color": BROWN, "marker": "v"},
}
"""Style by detection mode: the RGB detector, the thesis's second step, the best rescue, and tracking."""

THESIS: dict[str, Any] = {"color": GREY}
"""Style of the thesis's values in any figure."""

TRUE, FOUND, FALSE, UNKNOWN, SECOND = "true face", "found", "no labelled face there", "detection", "heatmaps"
BOX_STYLES: dict[str, dict[str, Any]] = {
    TRUE: {"color": "#FFFFFF", "linestyle": (0, (4, 2))},
    FOUND: {"color": SKY, "linestyle": "-"},
    FALSE: {"color": VERMILLION, "linestyle": (0, (1.5, 1))},
    UNKNOWN: {"color": SKY, "linestyle": "-"},
    SECOND: {"color": ORANGE, "linestyle": (0, (3, 1.5))},
}
"""Style by kind of box on a photo; `UNKNOWN` is for photos without labels."""

PACKED = 4
"""zlib compression level of PNG files: half the time of the default 6, and 5 % more bytes."""

SAVING: dict[str, dict[str, Any]] = {"png": {"pil_kwargs": {"compress_level": PACKED}}, "pdf": {}}
"""Arguments of `savefig`, by file format."""

RC: dict[Any, Any] = {
    "font.size": TEXT,
    "font.family": "DejaVu Sans",
    "axes.titlesize": TEXT,
    "axes.labelsize": TEXT,
    "axes.titlepad": 4.0,
    "axes.labelpad": 2.0,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "legend.fontsize": SMALL,
    "legend.title_fontsize": SMALL,
    "legend.frameon": False,
    "legend.borderpad": 0.0,
    "legend.borderaxespad": 0.0,
    "legend.handlelength": 1.6,
    "legend.columnspacing": 1.2,
    "figure.constrained_layout.use": False,
    "pdf.fonttype": 42,
    "pdf.compression": PACKED,
    "figure.dpi": 200,
    "savefig.dpi": 200,
}

NOT_RUN = "not run: "
"""Prefix of the PNG comment of an empty figure, before the reason; pages show a line instead of such a figure."""


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, sizes in inches; needs no display and changes no global state but the style."""
    import matplotlib
    from matplotlib.figure import Figure

    # Reset the global style: neither a user's matplotlibrc nor an earlier chart may affect the figure.
    matplotlib.rcdefaults()
    matplotlib.rcParams.update(RC)
    return Figure(figsize=(width, height))


def panels(
    figure: Figure,
    rows: int,
    columns: int,
    *,
    left: float,
    right: float,
    bottom: float,
    top: float,
    apart: tuple[float, float] = (0.0, 0.0),
    **more: Any,
) -> NDArray[Any]:
    """Axes in a grid (rows, columns); all lengths in inches.

    Args:
        figure: Figure to add them to.
        rows: Number of rows.
        columns: Number of columns.
        left: Margin.
        right: Margin.
        bottom: Margin.
        top: Margin.
        apart: Space between columns, and between rows.
        more: Further arguments of `Figure.subplots`.
    """
    wide, high = figure.get_size_inches()
    each = (wide - left - right - (columns - 1) * apart[0]) / columns
    tall = (high - bottom - top - (rows - 1) * apart[1]) / rows
    place = {"left": left / wide, "right": 1 - right / wide, "bottom": bottom / high, "top": 1 - top / high}
    place |= {"wspace": apart[0] / each, "hspace": apart[1] / tall}
    axes: NDArray[Any] = figure.subplots(rows, columns, squeeze=False, gridspec_kw=place, **more)
    return axes


def letter(axes: Axes, number: int, title: str = "") -> None:
    """Write the letter of a panel, "a" for 0, with a title next to it."""
    axes.annotate(
        "abcdefghijklmnopqrstuvwxyz"[number], (0, 1), (0, 4), xycoords="axes fraction", textcoords="offset points",
        fontsize=TEXT, fontweight="bold", va="bottom",
    )  # fmt: skip
    axes.annotate(
        title, (0, 1), (10, 4), xycoords="axes fraction", textcoords="offset points", fontsize=TEXT, va="bottom"
    )


def place_colour_bar(figure: Figure, picture: Any, axes: Axes, label: str, apart: float = 0.06) -> Axes:
    """A colour bar to the right of a panel, equally high, without making the panel narrower."""
    wide, _ = figure.get_size_inches()
    box = axes.get_position()
    bar = figure.add_axes((box.x1 + apart / wide, box.y0, 0.09 / wide, box.height))
    figure.colorbar(picture, cax=bar, label=label)
    bar.tick_params(length=2)
    return bar


def counted(number: int, what: str) -> str:
    """Such as "1 detection", "2 detections" or "1,204 boxes"."""
    plural = f"{what}es" if what.endswith("x") else f"{what}s"
    return f"{number:,} {what if number == 1 else plural}"


def n_of(*counts: tuple[int, str]) -> str:
    """Counts of a figure, such as "n = 60 photos, 81 faces"."""
    return f"n = {', '.join(counted(*each) for each in counts)}"


def interval(low: float, high: float, digits: int = 2) -> str:
    """A 95 % interval, such as "0.71–0.78"."""
    return f"{low:.{digits}f}–{high:.{digits}f}"


def not_run(what: str, reason: str) -> Figure:
    """An empty figure that states why, as text and in the comment of its file.

    Args:
        what: What cannot be shown.
        reason: Reason, in one line.
    """
    import textwrap

    text = f"{what}: {reason}"
    lines = textwrap.wrap(text, 100)
    figure = new_figure(DOUBLE, 0.5 + 0.16 * len(lines))
    figure.text(0.5, 0.5, "\n".join(lines), ha="center", va="center", fontsize=TEXT)
    figure.set_label(f"{NOT_RUN}{' '.join(text.split())}")
    return figure


def why_not_run(png: Path) -> str | None:
    """The reason in the file of an empty figure; None if the figure is not empty or the file is not an image."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(png) as picture:
            comment = str(picture.info.get("Comment", ""))
    except UnidentifiedImageError:
        return None
    return comment.removeprefix(NOT_RUN) if comment.startswith(NOT_RUN) else None


def save_figure(figure: Figure, folder: Path, name: str) -> None:
    """Write `<name>.png` and `<name>.pdf` without dates, so that equal figures are equal files."""
    metadata: dict[str, dict[str, Any]] = {
        "png": {"Software": None},
        "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
    }
    told = str(figure.get_label())
    if told.startswith(NOT_RUN):
        metadata["png"]["Comment"] = told
        metadata["pdf"]["Subject"] = told
    for suffix, entries in metadata.items():
        with new_file(folder / f"{name}.{suffix}") as path:
            figure.savefig(path, metadata=entries, **SAVING[suffix])
