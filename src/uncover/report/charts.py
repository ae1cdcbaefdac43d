"""The charts of the report page: SVG drawn with matplotlib, with the colours of the page and tooltips.

Row names are HTML next to the chart, not part of it: they stay in place while a phone scrolls the chart, and keep
their size at any page width.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from uncover.report.rescue_records import interval_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 19
"""Height of a row in pixels; the style sheet of the page uses the same value."""

ABOVE = 22
"""Space for the axis labels above the rows, in pixels."""

SET_WIDTH = 116, 150
"""Minimum and maximum width of the panel of a set, in pixels; many sets share the width of the screen."""

SETS_WIDTH = 840
COLUMN_WIDTH = 118
SQUARE = 340

GROUPS = {
    "heatmaps": ("The thesis's heatmap detectors", "o"),
    "variant": ("Other heatmaps", "D"),
    "baseline": ("No heatmap: lower threshold and fusion", "s"),
    "control": ("Controls", "X"),
    "ours": ("Ours", "^"),
    "detector": ("Baseline detectors", "v"),
}
"""Groups of the rescue trial in chart order: title and marker. The style sheet of the page defines their colours."""

SIGNS = {"o": "●", "D": "◆", "s": "■", "X": "✖", "^": "▲", "v": "▼"}
"""Text symbol of each marker."""

TOKENS = {
    **{"ink": "#010101", "soft": "#020202", "line": "#030303", "thesis": "#040404"},
    **{group: f"#0101{number:02x}" for number, group in enumerate(GROUPS, start=16)},
}
"""Placeholder colours used for drawing; the SVG gets the page's colour of this name instead."""

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "figure.constrained_layout.use": False,
    "path.simplify": False,
}

PARTS = {
    "RGB detectors": ("baseline", "s", ("table_04", "table_05", "table_06", "table_10")),
    "heatmap detectors": ("heatmaps", "o", ("table_07", "table_08", "table_09", "table_12", "table_13")),
    "data, settings, counts": ("ours", "^", ("table_01", "table_02", "table_03", "table_11", "text")),
}
"""Groups of the overview chart: colour, marker and tables."""

OTHERS = "data, settings, counts"

FRACTIONS = frozenset({"P", "R", "F1", "mAP50", "mAP50_95", "Conf", "Lowest conf"})
TEST_SET = " (Test Set)"
PERCENT = ("Precision (", "Coverage (")


@dataclass(frozen=True)
class Panel:
    """One panel of a chart.

    Attributes:
        title: Title, shown as HTML.
        about: Text below the title.
        svg: The drawing.
    """

    title: str
    about: str
    svg: str


@dataclass(frozen=True)
class Row:
    """Name of a chart row, shown as HTML.

    Attributes:
        title: Text.
        group: Name of its colour; empty for none.
        sign: Its marker as a text symbol.
    """

    title: str
    group: str = ""
    sign: str = ""


@dataclass(frozen=True)
class Chart:
    """A chart: rows, and panels that show a value for each row.

    Attributes:
        label: What the chart shows, in one sentence.
        rows: Row names, from top to bottom.
        panels: Panels, from left to right.
    """

    label: str
    rows: tuple[Row, ...]
    panels: tuple[Panel, ...]


def rescue_chart(rows: pd.DataFrame, titles: Mapping[str, str], sets: Mapping[str, str], rate: float) -> Chart | None:
    """Share of the missed faces that each method finds, with one panel per set.

    Args:
        rows: Rows of the trial, one per set and method.
        titles: Titles of the methods.
        sets: Titles of the sets with faces, in panel order.
        rate: False positives per missed photo, for the label of the chart.

    Returns:
        The chart, or None if no set has a missed face.
    """
    rows = rows[rows["set"].isin(list(sets)) & (rows["faces"] > 0)]
    if rows.empty:
        return None
    found = rows.groupby(["group", "method"], sort=False)["found"].sum().reset_index()
    groups = list(GROUPS)
    found = found.assign(place=found["group"].map({name: place for place, name in enumerate(groups)}))
    order = found.sort_values(["place", "found"], ascending=[True, False], kind="stable")
    places = {str(method): place for place, method in enumerate(order["method"])}
    width = min(max(SETS_WIDTH // len(sets), SET_WIDTH[0]), SET_WIDTH[1])
    panels = []
    for number, (name, title) in enumerate(sets.items()):
        own = rows[rows["set"] == name]
        figure, axes = _rows_figure(width, len(places), (0, 1))
        axes.set_xticks([0, 0.5, 1], ["0", "50", "100%"])
        axes.axvline(0.5, color=TOKENS["line"], linewidth=0.8, zorder=0)
        hints: dict[str, list[str]] = {}
        for group, methods in own.groupby("group", sort=False):
            shares = [_Share.of(row) for row in methods.to_dict("records")]
            heights = np.array([places[str(method)] for method in methods["method"]], np.float64)
            _whiskers(axes, [(share.low, share.high, y) for share, y in zip(shares, heights, strict=True)], str(group))
            hints |= _dots(
                axes,
                [share.value for share in shares],
                heights,
                str(group),
                GROUPS[str(group)][1],
                [f"{titles[str(m)]}, {title}: {s}" for m, s in zip(methods["method"], shares, strict=True)],
            )
        about = f"{int(own['faces'].max())} faces, {int(own['photos'].max())} photos"
        panels.append(
            Panel(title, about, _svg(figure, f"rescue{number}", f"{title}: share found by each method", hints))
        )
    named = [
        Row(titles[str(row["method"])], str(row["group"]), SIGNS[GROUPS[str(row["group"])][1]])
        for row in order.to_dict("records")
    ]
    label = (
        f"Share of missed faces found by each method at {rate:g} false positives per missed photo, with 95 % intervals"
    )
    return Chart(label, tuple(named), tuple(panels))


@dataclass(frozen=True)
class _Share:
    value: float
    low: float
    high: float
    found: int
    faces: int

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> _Share:
        low, high = interval_of(row)
        return cls(int(row["found"]) / int(row["faces"]), low, high, int(row["found"]), int(row["faces"]))

    def __str__(self) -> str:
        interval = "" if math.isnan(self.low) else f" [{100 * self.low:.0f}, {100 * self.high:.0f}]"
        return f"{self.found} of {self.faces} ({100 * self.value:.0f} %{interval})"


def table_chart(name: str, numbers: pd.DataFrame) -> Chart:
    """The numbers of one table: one row per row of the thesis's table, a panel per column, thesis as ring, ours as dot.

    Args:
        name: Name of the table.
        numbers: Rows of the comparison, as `read_numbers` returns them.
    """
    rows = list(dict.fromkeys(numbers["row"]))
    places = {row: place for place, row in enumerate(rows)}
    panels = []
    for number, (column, own) in enumerate(numbers.groupby("column", sort=False)):
        column = str(column)
        values = own[["published", "ours"]].to_numpy(np.float64)
        fraction = column in FRACTIONS and np.nanmax(values) <= 1
        top = 1.0 if fraction else 100.0 if column.startswith(PERCENT) else float(np.nanmax(values)) or 1.0
        figure, axes = _rows_figure(COLUMN_WIDTH, len(rows), (0, top))
        axes.set_xticks([0, top / 2, top], ["0", "", _tick(top) + (" %" if column.startswith(PERCENT) else "")])
        heights = np.array([places[row] for row in own["row"]], np.float64)
        _lines(axes, [(*pair, y) for pair, y in zip(values, heights, strict=True)], "line", 1.4)
        shown = own[["low", "high"]].clip(0, top).to_numpy()
        _lines(axes, [(*pair, y) for pair, y in zip(shown, heights, strict=True)], "heatmaps", 3.6, alpha=0.3)
        told = [difference_text(row) for row in own.to_dict("records")]
        told = [f"{row}, {column}: {text}" for row, text in zip(own["row"], told, strict=True)]
        hints = _dots(axes, values[:, 0], heights, "thesis", "o", told, hollow=True)
        here = np.isfinite(values[:, 1])
        ours = [text for text, there in zip(told, here, strict=True) if there]
        hints |= _dots(axes, values[here, 1], heights[here], "heatmaps", "o", ours)
        panels.append(
            Panel(
                column.removesuffix(TEST_SET),
                "",
                _svg(figure, f"{name}{number}", f"{column}: the thesis and ours", hints),
            )
        )
    label = "Thesis (ring) and ours (dot, with its 95 % interval if available)"
    return Chart(label, tuple(Row(row) for row in rows), tuple(panels))


def overview(numbers: pd.DataFrame) -> Chart:
    """All numbers: published value on the x axis, ours on the y axis, missing ones as ticks at the bottom.

    Args:
        numbers: The comparison, as `read_numbers` returns it.
    """
    panels = []
    share = numbers["share"].notna()
    for name, title, about, own in (
        ("shares", "Scores and shares", "percent", numbers[share]),
        ("others", "Counts and settings", "logarithmic; values below 0.01 drawn at 0.01", numbers[~share]),
    ):
        logarithmic = name == "others"
        figure = _figure(SQUARE, SQUARE)
        axes = figure.add_axes((48 / SQUARE, 42 / SQUARE, 1 - 62 / SQUARE, 1 - 54 / SQUARE))
        ends = (0.008, 30000.0) if logarithmic else (-3.0, 103.0)
        axes.set(xlim=ends, ylim=ends, xlabel="thesis", ylabel="ours")
        if logarithmic:
            axes.set(xscale="log", yscale="log")
            ticks = [0.01, 1, 100, 10000]
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_ticks(ticks, ["0.01", "1", "100", "10 000"])
                axis.set_ticks([], minor=True)
        else:
            axes.set_xticks([0, 25, 50, 75, 100])
            axes.set_yticks([0, 25, 50, 75, 100])
        _quiet(axes)
        axes.plot(ends, ends, color=TOKENS["soft"], linewidth=0.9, linestyle=(0, (4, 3)))
        scale = own["share"].fillna(1.0).to_numpy(np.float64) if not logarithmic else np.ones(len(own))
        values = own[["published", "ours", "low", "high"]].to_numpy(np.float64) * scale[:, None]
        if logarithmic:
            values = np.where(np.isfinite(values), values.clip(0.01, ends[1]), values)
        hints: dict[str, list[str]] = {}
        told = [f"{row['title']}: {difference_text(row)}" for row in own.to_dict("records")]
        for part, (colour, marker, _) in PARTS.items():
            of_part = (own["part"] == part).to_numpy()
            there = of_part & np.isfinite(values[:, 1])
            for x, _, low, high in values[there]:
                if math.isfinite(low):
                    axes.plot([x, x], [low, high], color=TOKENS[colour], linewidth=1, alpha=0.25)
            texts = [text for text, wanted in zip(told, there, strict=True) if wanted]
            hints |= _dots(axes, values[there, 0], values[there, 1], colour, marker, texts, size=4.4)
            absent = of_part & ~np.isfinite(values[:, 1])
            bottom = np.full(absent.sum(), ends[0])
            axes.plot(values[absent, 0], bottom, "|", color=TOKENS[colour], markersize=9, clip_on=False, alpha=0.6)
        panels.append(Panel(title, about, _svg(figure, f"overview_{name}", f"{title}: ours against the thesis", hints)))
    label = "Published values (x axis) against ours (y axis); the dashed line marks equal values"
    rows = tuple(Row(part, colour, SIGNS[marker]) for part, (colour, marker, _) in PARTS.items())
    return Chart(label, rows, tuple(panels))


def read_numbers(comparison: pd.DataFrame) -> pd.DataFrame:
    """Prepare the comparison for charts.

    Args:
        comparison: Content of `comparison.csv`.

    Returns:
        Its rows with published, ours, low and high as float64, and the columns share (factor that converts the number
        into percent, NaN if it is not a share), part (key of `PARTS`) and title (table, row and column as text).
    """
    numbers = comparison.copy()
    for name in ("published", "ours", "low", "high"):
        numbers[name] = pd.to_numeric(numbers[name], errors="coerce").astype(np.float64)
    notes = numbers["note"].fillna("").astype(str)
    of_text = numbers["table"] == "text"
    percent = numbers["column"].astype(str).str.startswith(PERCENT)
    percent |= of_text & notes.str.split("; ").map(lambda parts: "percent" in parts)
    # The note of a number from the running text gives its unit only if this run has the number.
    percent |= (
        of_text
        & numbers["row"].astype(str).str.contains("_accuracy|_share$|_f1$|_positive$|_negative$")
        & (numbers["published"] <= 100)
        & ~numbers["row"].astype(str).str.contains("true_|rgb1_|rgb10_false|rgb10_true")
    )
    fraction = numbers["column"].isin(FRACTIONS) & (numbers["published"] <= 1)
    fraction |= of_text & numbers["row"].isin(("best_f1_confidence", "curve_map50", "curve_map50_95"))
    numbers["share"] = np.where(percent, 1.0, np.where(fraction, 100.0, np.nan))
    part_of = {table: part for part, (_, _, tables) in PARTS.items() for table in tables}
    numbers["part"] = numbers["table"].map(part_of).fillna(OTHERS)
    numbers["title"] = [
        f"text, {row['row']}"
        if row["table"] == "text"
        else f"{_table_title(row['table'])}, {row['row']}, {row['column']}"
        for row in numbers.to_dict("records")
    ]
    return numbers


def difference_text(row: Mapping[Any, Any]) -> str:
    """Both values of a comparison row and their difference, as text."""
    if not math.isfinite(row["ours"]):
        return f"thesis {short(row['published'])}, not made in this run"
    interval = f" [{short(row['low'])}, {short(row['high'])}]" if math.isfinite(row["low"]) else ""
    return f"thesis {short(row['published'])}, ours {short(row['ours'])}{interval}, {signed(row)}"


def signed(row: Mapping[Any, Any]) -> str:
    """Our value minus the thesis's, with its sign; empty if this run has no such value."""
    if not math.isfinite(row["ours"]):
        return ""
    difference = row["ours"] - row["published"]
    text = short(abs(difference))
    return "0" if float(text) == 0 else f"{'+' if difference > 0 else '−'}{text}"


def short(value: float) -> str:
    """A number with at most three significant digits; whole numbers are printed in full."""
    if not math.isfinite(value):
        return ""
    return f"{value:.0f}" if value == round(value) or abs(value) >= 1000 else f"{float(f'{value:.3g}'):g}"


def _tick(value: float) -> str:
    """An axis label with as few digits as possible."""
    return f"{value:,.0f}".replace(",", "\u202f") if value >= 1000 else f"{value:.2g}" if value < 10 else f"{value:.0f}"


def _table_title(name: object) -> str:
    return str(name).replace("table_0", "table ").replace("_", " ")


def _figure(width: float, height: float) -> Figure:
    """An empty figure in which one drawing unit is one pixel of the page."""
    import matplotlib
    from matplotlib.figure import Figure

    # Reset the global style: neither a user's matplotlibrc nor an earlier figure may affect the chart.
    matplotlib.rcdefaults()
    matplotlib.rcParams.update(STYLE)
    return Figure(figsize=(width / 72, height / 72), dpi=72)


def _rows_figure(width: float, rows: int, ends: tuple[float, float]) -> tuple[Figure, Axes]:
    """A panel whose rows are as high as those of the page, with the axis labels above."""
    height = ABOVE + rows * ROW
    figure = _figure(width, height)
    axes = figure.add_axes((10 / width, 0, 1 - 30 / width, rows * ROW / height))
    axes.set(xlim=ends, ylim=(rows - 0.5, -0.5))
    axes.xaxis.tick_top()
    axes.set_yticks([])
    _quiet(axes)
    axes.spines["top"].set_visible(True)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.axvline(ends[0], color=TOKENS["line"], linewidth=1, zorder=0)
    return figure, axes


def _quiet(axes: Axes) -> None:
    """Draw the axes in muted colours."""
    for spine in axes.spines.values():
        spine.set_color(TOKENS["line"])
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=TOKENS["soft"], length=3, width=0.8, pad=2)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(TOKENS["soft"])


def _whiskers(axes: Axes, ends: Iterable[tuple[float, float, float]], colour: str) -> None:
    _lines(axes, ends, colour, 2.4, alpha=0.45)


def _lines(axes: Axes, ends: Iterable[tuple[float, float, float]], colour: str, width: float, alpha: float = 1) -> None:
    """Horizontal lines from x to x at height y, as one path; skips lines with a missing end."""
    points: list[tuple[float, float]] = []
    for low, high, y in ends:
        if math.isfinite(low) and math.isfinite(high):
            points += [(low, y), (high, y), (math.nan, math.nan)]
    if points:
        x, heights = zip(*points, strict=True)
        axes.plot(x, heights, color=TOKENS[colour], linewidth=width, alpha=alpha, solid_capstyle="round", clip_on=False)


def _dots(
    axes: Axes,
    x: Sequence[float] | np.ndarray,
    y: np.ndarray,
    colour: str,
    marker: str,
    hints: list[str],
    *,
    size: float = 6.4,
    hollow: bool = False,
) -> dict[str, list[str]]:
    """Draw markers. Returns their tooltips by the id of the group in the drawing."""
    if not len(hints):
        return {}
    name = f"dots{len(axes.lines)}"
    face = "none" if hollow else TOKENS[colour]
    axes.plot(
        x, y, linestyle="", marker=marker, markersize=size, markerfacecolor=face, markeredgecolor=TOKENS[colour],
        markeredgewidth=1.4 if hollow else 0, clip_on=False, gid=name,
    )  # fmt: skip
    return {name: hints}


def _svg(figure: Figure, name: str, label: str, hints: Mapping[str, list[str]]) -> str:
    """The drawing as inline SVG: page colours, ids that are unique in the page, tooltips on markers."""
    import matplotlib

    target = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(target, format="svg", transparent=True, metadata=metadata)
    text = target.getvalue()
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", "", text[text.index("<svg") :], flags=re.S)
    for group, titles in hints.items():
        text = _with_hints(text, group, titles)
    # Referenced elements keep their id, prefixed with the name of this chart; all other ids are removed.
    wanted = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text))
    ids = {each for pair in wanted for each in pair if each}
    text = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in ids else "", text)
    text = re.sub(r'xlink:href="#', f'href="#{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    for token, colour in TOKENS.items():
        text = text.replace(colour, f"var(--{token})")
    width, height = (round(side * 72) for side in figure.get_size_inches())
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    body = text[text.index(">") + 1 :]
    # Text uses the font of the page, at the size it has here.
    body = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", body)
    body = re.sub(r"font-family: [^;\"]*; ?| transform=\"rotate\(-0 [^\"]*\"", "", body)
    body = re.sub(r'<path [^>]*style="fill: none"/>|<g/>|<defs/>', "", body)
    body = re.sub(r"<g>\s*</g>", "", re.sub(r"\s+", " ", body))
    body = re.sub(r">\s+<", "><", body).strip()
    return f'<svg {size} role="img" aria-label="{escape(label)}"><title>{escape(label)}</title>{body}'


def _with_hints(text: str, group: str, titles: Sequence[str]) -> str:
    """Add a <title> to each marker of a group, which browsers show as a tooltip."""
    start = text.index(f'<g id="{group}">')
    end = text.index("</g>\n  ", text.index("<use", start))
    parts = re.split(r"(<use [^>]*)/>", text[start:end])
    uses = len(parts) // 2
    assert uses == len(titles), f"{group}: {uses} markers for {len(titles)} titles"
    told = [
        part if place % 2 == 0 else f"{part}><title>{escape(titles[place // 2])}</title></use>"
        for place, part in enumerate(parts)
    ]
    return text[:start] + "".join(told) + text[end:]
