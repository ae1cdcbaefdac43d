"""How figures look: one colour per part, one size of type, no display needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from uncover.atomic import new_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PART_COLOURS = {
    "eyes": "#0072B2",
    "nose": "#009E73",
    "whole face": "#000000",
    "right face": "#D55E00",
    "left face": "#E69F00",
    "brows": "#56B4E9",
    "left eye face": "#AA7A00",
    "right eye face": "#9E2A2B",
    "eyes nose": "#7B4FA3",
    "mouth": "#CC79A7",
}
"""By class name; Okabe and Ito's palette, which colour-blind readers can tell apart, and darker kin for unions."""

STYLE: dict[Any, Any] = {
    "font.size": 9,
    "font.family": "DejaVu Sans",
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, sizes in inches, that needs no display and touches no global state but the style."""
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams.update(STYLE)
    return Figure(figsize=(width, height))


def save_figure(figure: Figure, folder: Path, name: str) -> None:
    """Write `<name>.png` and `<name>.pdf`, without dates, so that equal figures are equal files."""
    metadata = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Producer": None, "Creator": None}}
    for suffix, entries in metadata.items():
        with new_file(folder / f"{name}.{suffix}") as path:
            figure.savefig(path, metadata=entries, bbox_inches="tight", pad_inches=0.05)
