"""The page of a run: all tables and figures with their captions, and how the numbers compare to the thesis."""

from __future__ import annotations

import base64
import platform
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

import uncover
from uncover.atomic import new_file
from uncover.config.values import may_be_told
from uncover.errors import InputError
from uncover.report import registry
from uncover.report.comparison import COLUMNS as COMPARED
from uncover.report.tables.table import MISSING, NOT_RUN
from uncover.report.verdict import verdict
from uncover.report.videos import video_verdict
from uncover.tables import read_summary, read_table

TEMPLATE = "page.html.j2"

TABLES = tuple(f"table_{number:02}" for number in range(1, 14))

FIGURES = tuple(f"figure_{number}" for number in range(15, 32))
"""Of the thesis; its figures 1 to 14 show nothing that is computed."""

RESCUE = ("rescue", "figure_rescue")
"""What the names of the rescue's own tables and figure begin with."""

VIDEOS = ("table_video", "figure_video", "table_learning", "figure_learning")
"""What the names of all that is made from videos begin with."""

PACKAGES = (
    *("torch", "torchvision", "yolov5", "facenet-pytorch", "facexlib", "ultralytics"),
    *("numpy", "opencv-python-headless", "pandas", "snakemake"),
)

DENSITY = 1.6
"""Pixels of a figure per pixel of the page, where there is room: figures are made for print."""

PNG = b"\x89PNG\r\n\x1a\n"

NUMBER = re.compile(r"[-+–\d.,%*\s\[\]()/]*")
"""A cell with a number, an interval, or nothing."""

NO_NUMBER = re.compile(r"[-+]?(nan|inf|none)", re.IGNORECASE)


@dataclass(frozen=True)
class PageParts:
    """Files that the page is made of.

    Attributes:
        tables: Tables in their Markdown form.
        figures: PNG files.
        trial: `rescue_trial.csv`, if the run has one.
        comparison: `comparison.csv`, if the run has one.
        rescues: `rescue.csv`, in folders named as their detector.
        validations: `summary.json` of evaluations, in folders named `<model>/val/whole_face`.
        trainings: `summary.json` of trainings, in folders named as their detector.
        videos: Record of `uncover evaluate videos`, if the run has one.
    """

    tables: Sequence[Path] = ()
    figures: Sequence[Path] = ()
    trial: Path | None = None
    comparison: Path | None = None
    rescues: Sequence[Path] = ()
    validations: Sequence[Path] = ()
    trainings: Sequence[Path] = ()
    videos: Path | None = None


@dataclass(frozen=True)
class Picture:
    """A figure, embedded.

    Attributes:
        name: Stem of its files.
        title: Such as "Figure 17".
        caption: Paragraphs.
        data: PNG, base64.
        width: Pixels.
        height: Pixels.
        shown: Width on the page, in its pixels, where there is room.
    """

    name: str
    title: str
    caption: tuple[str, ...]
    data: str = field(repr=False)
    width: int
    height: int

    @property
    def shown(self) -> int:
        return round(self.width / DENSITY)


def write_page(out: Path, run: str, parts: PageParts, settings: Sequence[str], facts: Mapping[str, str]) -> None:
    """Make the page from files.

    Args:
        out: HTML file to write.
        run: Name of the run.
        parts: What it is made of.
        settings: `key=value` words of all settings that are not the defaults.
        facts: Further lines on how the run was made, by what they are.

    Raises:
        InputError: A file is not what it should be.
    """
    trainings = {path.absolute().parent.name: path for path in parts.trainings}
    sentences = verdict(
        parts.trial,
        {path.absolute().parent.name: path for path in parts.rescues},
        {path.absolute().parents[2].name: path for path in parts.validations},
        trainings,
    )
    # By name, so that a table's variants follow it; those of one file stay as they stand there.
    tables = [
        table for path in sorted(parts.tables, key=lambda path: path.stem) for table in read_markdown_tables(path)
    ]
    figures = [picture(path) for path in parts.figures]
    made = {path.stem for path in (*parts.tables, *parts.figures)}
    text = render(
        run=run,
        verdict=sentences,
        rescue=[table for table in tables if table.name.startswith(RESCUE)],
        gallery=[each for each in figures if each.name.startswith(RESCUE)],
        videos={
            "verdict": video_verdict(parts.videos),
            "tables": [each for start in VIDEOS for each in tables if each.name.startswith(start)],
            "figures": [each for start in VIDEOS for each in figures if each.name.startswith(start)],
        },
        tables=_in_order(tables, TABLES),
        figures=_in_order(figures, FIGURES),
        missing=[_title(name) for name in (*TABLES, *FIGURES) if name not in made],
        comparison=_compared(parts.comparison),
        facts={**_versions(), **facts},
        trainings=_trainings(trainings),
        settings=[_pair(word) for word in settings if may_be_told(word)],
    )
    with new_file(out) as path:
        path.write_text(text, encoding="utf-8")


def render(**values: Any) -> str:
    """Fill the template; everything is escaped."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(TEMPLATE).render(**values)


def picture(path: Path) -> Picture:
    """Read a figure, with its caption if it is a declared one.

    Raises:
        InputError: It is no PNG file.
    """
    content = path.read_bytes() if path.is_file() else b""
    if not content.startswith(PNG) or len(content) < 24:
        raise InputError(f"{path}: is no PNG file; expected a figure of this run")
    width, height = struct.unpack(">II", content[16:24])
    data = base64.b64encode(content).decode("ascii")
    caption = registry.entry(path.stem).caption.splitlines() if path.stem in registry.declared() else ()
    return Picture(path.stem, _title(path.stem), tuple(caption), data, width, height)


def _in_order(items: Sequence[Any], names: Sequence[str]) -> list[Any]:
    """The thesis's first, each followed by its variants, then the others; those of other sections stand there."""
    left = [item for item in items if not item.name.startswith((*RESCUE, *VIDEOS))]
    own = [item for name in names for item in sorted(left, key=lambda item: item.name) if item.name.startswith(name)]
    return own + [item for item in left if item not in own]


def _title(name: str) -> str:
    kind, _, rest = name.partition("_")
    return f"{kind.capitalize()} {rest.lstrip('0')}" if rest.isdecimal() else name.replace("_", " ").capitalize()


def _compared(path: Path | None) -> dict[str, Any] | None:
    """The comparison by table, and what is to be said of all of it."""
    if path is None:
        return None
    table = read_table(path, COMPARED, "comparison").astype(object)
    table = table.where(table.notna(), MISSING)
    rows = table.to_dict("records")
    ours = sum(row["ours"] != MISSING for row in rows)
    # What is said of every number is said once.
    notes = [{part for part in str(row["note"]).split("; ") if part not in ("", MISSING)} for row in rows]
    common = sorted(set.intersection(*notes)) if notes else []
    groups: dict[str, list[dict[str, str]]] = {}
    for row, own in zip(rows, notes, strict=True):
        interval = "" if MISSING in (row["low"], row["high"]) else f"{_short(row['low'])}–{_short(row['high'])}"
        cells = {
            "row": str(row["row"]),
            "column": str(row["column"]),
            "published": _short(row["published"]),
            "ours": _short(row["ours"]),
            "interval": interval,
            "note": "; ".join(sorted(own - set(common))),
        }
        groups.setdefault(_title(str(row["table"])), []).append(cells)
    comparable = all(str(row["comparable"]) == "True" for row in rows)
    return {"groups": groups, "ours": ours, "all": len(rows), "comparable": comparable, "why": "; ".join(common)}


def _short(value: object) -> str:
    """A number with at most four digits that count, but whole numbers whole."""
    try:
        number = float(str(value))
    except ValueError:
        return str(value)
    return f"{number:.0f}" if number == int(number) or abs(number) >= 1000 else f"{number:.4g}"


def _versions() -> dict[str, str]:
    found = {"uncover": uncover.__version__, "Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {"Made with": ", ".join(f"{name} {version}" for name, version in found.items())}


def _trainings(paths: Mapping[str, Path]) -> list[dict[str, object]]:
    """A row per detector: what it is, and how long it learnt."""
    rows: list[dict[str, object]] = []
    for model, path in paths.items():
        keys = ("model", "channels", "train_images", "epochs_run", "best_epoch", "best", "seconds", "settings")
        summary = read_summary(path, keys, "train")
        rows.append(
            {
                "detector": model,
                "network": summary["model"],
                "channels": summary["channels"],
                "input": f"{summary['settings']['image_size']} px",
                "images": summary["train_images"],
                "epochs": summary["epochs_run"],
                "best epoch": summary["best_epoch"],
                "mAP50 then": f"{summary['best']['metrics/mAP_0.5']:.3f}",
                "seed": summary["settings"]["seed"],
                "seconds": f"{summary['seconds']:.0f}",
            }
        )
    return rows


def _pair(word: str) -> tuple[str, str]:
    key, _, value = word.partition("=")
    return key, value


@dataclass(frozen=True)
class ShownTable:
    """A table as people read it.

    Attributes:
        name: Stem of its files, such as "table_07_variants".
        title: One line.
        columns: Headings.
        rows: Cells, as many as there are columns.
        notes: Footnotes.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]

    @property
    def words(self) -> tuple[bool, ...]:
        """For each column, whether it holds anything but numbers."""
        if not self.rows:
            return (True,) * len(self.columns)
        return tuple(
            not all(cell in (MISSING, NOT_RUN) or NUMBER.fullmatch(cell) for cell in column)
            for column in zip(*self.rows, strict=True)
        )


def read_markdown_tables(path: Path) -> list[ShownTable]:
    """Load the Markdown file of a table, or of several below each other.

    Raises:
        InputError: There is no such file, no table in it, or a table without a title.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; expected a table of this run") from None
    tables: list[ShownTable] = []
    for title, nodes in _sections(path, text):
        rows = [
            tuple(cell.children[0].content if cell.children else "" for cell in row.children)
            for node in nodes
            if node.type == "table"
            for row in node.walk()
            if row.type == "tr"
        ]
        if not rows:
            raise InputError(f"{path}: no table below '{title}'; expected rows of '| cells |'")
        notes = [
            " ".join(part.content for part in item.walk() if part.type == "inline")
            for node in nodes
            if node.type == "ordered_list"
            for item in node.children
        ]
        tables.append(
            ShownTable(
                name=f"{path.stem}_{len(tables) + 1}" if tables else path.stem,
                title=title,
                columns=rows[0],
                rows=tuple(tuple(MISSING if NO_NUMBER.fullmatch(cell) else cell for cell in row) for row in rows[1:]),
                notes=tuple(notes),
            )
        )
    return tables


def _sections(path: Path, text: str) -> list[tuple[str, list[SyntaxTreeNode]]]:
    """Titles of a Markdown file, each with what stands below it."""
    parts: list[tuple[str, list[SyntaxTreeNode]]] = []
    for node in SyntaxTreeNode(MarkdownIt("commonmark").enable("table").parse(text)).children:
        if node.type == "heading":
            parts.append((node.children[0].content, []))
        elif not parts:
            break
        else:
            parts[-1][1].append(node)
    if not parts:
        raise InputError(f"{path}: no title and table in it; expected '# title', then rows of '| cells |'")
    return parts
