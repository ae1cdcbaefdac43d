"""The report page of a run: a question and its answer, the chapters of the thesis with their tables and figures, and
the comparison of the numbers with the thesis's."""

from __future__ import annotations

import base64
import math
import platform
import re
import struct
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

import uncover
from uncover.atomic import new_file
from uncover.config.values import may_be_told
from uncover.errors import InputError
from uncover.report import registry
from uncover.report.chapters import CHAPTERS, Chapter, Numbers, chapter_of, place_in
from uncover.report.charts import GROUPS, SIGNS, overview, read_numbers, rescue_chart, short, signed, table_chart
from uncover.report.comparison import COLUMNS as COMPARED
from uncover.report.comparison import TEXT
from uncover.report.figures.style import why_not_run
from uncover.report.picture_strip import StripParts, make_strip
from uncover.report.rescue_names import SET_TITLES, method_title, set_title
from uncover.report.rescue_records import at_rate, rate_of, unlabelled
from uncover.report.tables.table import MISSING, NOT_RUN
from uncover.report.titles import BASELINE_TITLES
from uncover.report.verdict import answer, answered, others_sentence, verdict
from uncover.report.videos import video_verdict
from uncover.rescue.trial import BASELINE
from uncover.rescue.trial_record import read_trial
from uncover.tables import read_summary, read_table

TEMPLATE = "page.html.j2"

TABLES = tuple(f"table_{number:02}" for number in range(1, 14))

FIGURES = tuple(f"figure_{number}" for number in range(15, 32))
"""Figures of the thesis that a run computes; figures 1 to 14 show no computed results."""

PACKAGES = (
    *("torch", "torchvision", "yolov5", "facenet-pytorch", "facexlib", "ultralytics"),
    *("numpy", "opencv-python-headless", "pandas", "snakemake"),
)

DENSITY = 1.6
"""Pixels of a figure per pixel of the page if there is space: figures have print resolution."""

PNG = b"\x89PNG\r\n\x1a\n"

NUMBER = re.compile(r"[-+–\d.,%*\s\[\]()/]*")
"""A cell with a number, an interval, or nothing."""

LONG = 10
"""Tables with more rows than this are collapsed: their chart or first line is enough at first."""

RENDERED = "The photos of this run are rendered: they show the method, and are no evidence for photos of people."
"""Warning on the page of a synthetic run."""

NO_NUMBER = re.compile(r"[-+]?(nan|inf|none)", re.IGNORECASE)


@dataclass(frozen=True)
class PageParts:
    """Input files of the page.

    Attributes:
        tables: Tables as Markdown.
        figures: PNG files.
        trial: `rescue_trial.csv`, if the run has one.
        comparison: `comparison.csv`, if the run has one.
        rescues: `rescue.csv` files, in folders named after their detector.
        validations: `summary.json` of evaluations, in folders named `<model>/val/whole_face`.
        trainings: `summary.json` of trainings, in folders named after their detector.
        videos: Record of `uncover evaluate videos`, if the run has one.
        strip: Inputs of the example images at the top, in addition to the trial; None for a page without them.
    """

    tables: Sequence[Path] = ()
    figures: Sequence[Path] = ()
    trial: Path | None = None
    comparison: Path | None = None
    rescues: Sequence[Path] = ()
    validations: Sequence[Path] = ()
    trainings: Sequence[Path] = ()
    videos: Path | None = None
    strip: StripParts | None = None


@dataclass(frozen=True)
class Picture:
    """A figure embedded in the page.

    Attributes:
        name: Stem of its files.
        title: Such as "Figure 17".
        caption: Paragraphs.
        data: PNG, base64.
        width: Pixels.
        height: Pixels.
        left_out: Why the figure is empty and not shown; empty if it is shown.
        shown: Maximum width on the page, in CSS pixels.
    """

    name: str
    title: str
    caption: tuple[str, ...]
    data: str = field(repr=False)
    width: int
    height: int
    left_out: str = ""

    @property
    def shown(self) -> int:
        return round(self.width / DENSITY)


def write_page(out: Path, run: str, parts: PageParts, settings: Sequence[str], facts: Mapping[str, str]) -> None:
    """Write the page.

    Args:
        out: HTML file to write.
        run: Name of the run.
        parts: Input files.
        settings: Settings that differ from the defaults, as `key=value`.
        facts: Further lines on how the run was made, by heading.

    Raises:
        InputError: A file is not valid.
    """
    trainings = {path.absolute().parent.name: path for path in parts.trainings}
    sentences = verdict(
        parts.trial,
        {path.absolute().parent.name: path for path in parts.rescues},
        {path.absolute().parents[2].name: path for path in parts.validations},
        trainings,
    )
    # Sorted by name, so that the variants of a table follow it; tables of one file keep their order.
    tables = [
        table for path in sorted(parts.tables, key=lambda path: path.stem) for table in read_markdown_tables(path)
    ]
    figures = [picture(path) for path in sorted(parts.figures, key=lambda path: path.stem)]
    made = {path.stem for path in (*parts.tables, *parts.figures)}
    numbers = _numbers(parts.comparison)
    lines = {
        "rescue": sentences,
        "baselines": others_sentence(parts.trial),
        "videos": video_verdict(parts.videos),
    }
    text = render(
        run=run,
        answer=answer(parts.trial),
        answered=" ".join(filter(None, (answered(parts.trial), RENDERED if "raw.synthetic=true" in settings else ""))),
        strip=make_strip(parts.trial, parts.strip) if parts.trial and parts.strip else None,
        rescue=_rescue_chart(parts.trial),
        chapters=[
            chapter
            for each in CHAPTERS
            if (chapter := _chapter(each, tables, figures, numbers, made, lines.get(each.key, [])))
        ],
        groups={group: (title, SIGNS[marker]) for group, (title, marker) in GROUPS.items()},
        places={table.name for table in tables},
        missing=[_title(name) for name in (*TABLES, *FIGURES) if name not in made],
        comparison=None if numbers is None else _compared(numbers),
        facts={**_versions(), **facts},
        trainings=_trainings(trainings),
        settings=[_pair(word) for word in settings if may_be_told(word)],
    )
    with new_file(out) as path:
        path.write_text(text, encoding="utf-8")


def render(**values: Any) -> str:
    """Render the template with autoescaping."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = _words
    return environment.get_template(TEMPLATE).render(**values)


def _words(text: str) -> str:
    """Text as HTML: names between backticks become code, and a percent sign never starts a line."""
    from markupsafe import Markup, escape

    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))).replace(" %", "\u00a0%"))


def picture(path: Path) -> Picture:
    """Read a figure, with its caption if it is declared.

    Raises:
        InputError: The file is not a PNG.
    """
    content = path.read_bytes() if path.is_file() else b""
    if not content.startswith(PNG) or len(content) < 24:
        raise InputError(f"{path}: not a PNG file; expected a figure of this run")
    width, height = struct.unpack(">II", content[16:24])
    data = base64.b64encode(content).decode("ascii")
    caption = registry.entry(path.stem).caption.splitlines() if path.stem in registry.declared() else ()
    why = why_not_run(path) or ""
    return Picture(path.stem, _title(path.stem), tuple(caption), data, width, height, why)


def _chapter(
    chapter: Chapter,
    tables: Sequence[ShownTable],
    figures: Sequence[Picture],
    numbers: pd.DataFrame | None,
    made: Collection[str],
    lines: Sequence[str],
) -> dict[str, Any] | None:
    """Template values of a chapter; None if the chapter is optional and empty."""
    blocks: list[dict[str, Any]] = []
    items: list[ShownTable | Picture] = [*tables, *figures]
    own = [item for item in items if chapter_of(item.name, _declared_chapter(item.name)) == chapter.key]
    for item in sorted(own, key=lambda item: (place_in(chapter, item.name), item.name.split("_")[:2])):
        if isinstance(item, ShownTable):
            blocks.append({"kind": "table", "table": item, **_beside_thesis(item.name, numbers)})
        elif item.left_out:
            blocks.append({"kind": "left_out", "name": item.name, "title": item.title, "why": item.left_out})
        elif blocks and blocks[-1]["kind"] == "figures":
            blocks[-1]["figures"].append(item)
        else:
            blocks.append({"kind": "figures", "figures": [item]})
    absent = [_title(name) for name in (*TABLES, *FIGURES) if name in chapter.names and name not in made]
    if chapter.beyond and not blocks and not lines and chapter.key != "rescue":
        return None
    return {
        "key": chapter.key,
        "title": chapter.title,
        "short": chapter.short,
        "text": chapter.text,
        "found": chapter.found(Numbers(numbers)),
        "lines": lines,
        "blocks": blocks,
        "absent": absent,
        "links": [(item.name, _short_title(item.name)) for item in own if _short_title(item.name)],
    }


def _declared_chapter(name: str) -> str:
    # Further tables of one file have its name and a number.
    names = (name, name.rpartition("_")[0])
    declared = next((each for each in names if each in registry.declared()), None)
    return registry.entry(declared).chapter if declared else ""


def _short_title(name: str) -> str:
    """Such as "T 7", for lists of links; empty for tables and figures that the thesis does not have."""
    if name not in (*TABLES, *FIGURES):
        return ""
    kind, _, number = name.partition("_")
    return f"{kind[0].upper()} {number.lstrip('0')}"


def _beside_thesis(name: str, numbers: pd.DataFrame | None) -> dict[str, Any]:
    """Chart and list of a table's numbers next to the thesis's, if the thesis has any."""
    own = numbers[numbers["table"] == name] if numbers is not None else None
    if own is None or own.empty:
        return {"chart": None, "numbers": [], "ours": 0}
    ours = int(own["ours"].notna().sum())
    return {"chart": table_chart(name, own) if ours else None, "numbers": _lines(own), "ours": ours}


def _rescue_chart(trial: Path | None) -> dict[str, Any] | None:
    """Chart of all methods, and notes on sets that have no panel in it."""
    if trial is None:
        return None
    table = read_trial(trial)
    rows = at_rate(table)
    faces = rows.groupby("set")["faces"].max()
    names = [*SET_TITLES, *sorted(set(rows["set"]) - SET_TITLES.keys())]
    sets = {name: _short_set(name) for name in names if faces.get(name, 0) > 0}
    methods = {str(name): _short_method(str(name)) for name in rows["method"].unique()}
    chart = rescue_chart(rows, methods, sets, rate_of(table) or 0.0)
    unlabelled_photos = unlabelled(table)
    nothing = [set_title(name) for name in names if name in faces and not faces[name] and name not in unlabelled_photos]
    notes = [f"No missed photo, or no face in the missed photos: {', '.join(nothing)}."] if nothing else []
    unknown = [f"{set_title(name)} ({photos} photos)" for name, photos in unlabelled_photos.items() if photos]
    notes += [f"Missed photos without labels (no share of faces): {', '.join(unknown)}."] if unknown else []
    return None if chart is None and not notes else {"chart": chart, "notes": notes}


def _title(name: str) -> str:
    kind, _, rest = name.partition("_")
    return f"{kind.capitalize()} {rest.lstrip('0')}" if rest.isdecimal() else name.replace("_", " ").capitalize()


def _short_set(name: str) -> str:
    """Short title of a set."""
    return set_title(name).removesuffix(" test photos").replace("Graded frames, ", "Graded: ")


def _short_method(name: str) -> str:
    """Short title of a method."""
    title = method_title(name).replace("box fusion of ", "fusion: ")
    return "lower threshold" if name == BASELINE else title


def _numbers(path: Path | None) -> pd.DataFrame | None:
    return None if path is None else read_numbers(read_table(path, COMPARED, "comparison"))


def _compared(numbers: pd.DataFrame) -> dict[str, Any]:
    """Summary of the comparison by table, the notes that all numbers share, and the numbers of the running text."""
    # Notes that all numbers share are shown once.
    notes = [_notes(note) for note in numbers["note"]]
    common = sorted(set.intersection(*notes)) if notes else []
    groups = []
    for name, own in numbers.groupby("table", sort=False):
        known = own[own["ours"].notna()]
        bounded = known[known["low"].notna()]
        within = bounded[(bounded["low"] <= bounded["published"]) & (bounded["published"] <= bounded["high"])]
        points = ((known["ours"] - known["published"]) * known["share"]).dropna()
        groups.append(
            {
                "name": str(name),
                "title": "Running text" if name == TEXT else _title(str(name)),
                "all": len(own),
                "ours": len(known),
                "within": f"{len(within)} of {len(bounded)}" if len(bounded) else MISSING,
                "median": f"{points.median():+.1f}".replace("-", "−") if len(points) else MISSING,
            }
        )
    return {
        "chart": overview(numbers),
        "groups": groups,
        "text": _lines(numbers[numbers["table"] == TEXT]),
        "ours": int(numbers["ours"].notna().sum()),
        "all": len(numbers),
        "comparable": bool((numbers["comparable"].astype(str) == "True").all()),
        "why": "; ".join(common),
    }


def _lines(numbers: pd.DataFrame) -> list[dict[str, str]]:
    """Rows of the comparison, formatted."""
    lines = []
    for row in numbers.to_dict("records"):
        interval = "" if math.isnan(row["low"]) else f"{short(row['low'])}–{short(row['high'])}"
        values = {name: short(row[name]) or MISSING for name in ("published", "ours")}
        lines.append(
            {
                "row": str(row["row"]),
                "column": str(row["column"]),
                **values,
                "interval": interval,
                "difference": signed(row) or MISSING,
            }
        )
    return lines


def _notes(note: object) -> set[str]:
    return {part for part in str(note).split("; ") if part not in ("", MISSING, "nan")}


def _versions() -> dict[str, str]:
    found = {"uncover": uncover.__version__, "Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {"Made with": ", ".join(f"{name} {version}" for name, version in found.items())}


def _trainings(paths: Mapping[str, Path]) -> list[dict[str, object]]:
    """One row per detector: settings and duration of its training."""
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
                "mAP50 at best epoch": f"{summary['best']['metrics/mAP_0.5']:.3f}",
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
    """A table as shown on the page.

    Attributes:
        name: Stem of its files, such as "table_07_variants".
        title: Title, one line.
        columns: Column headings.
        rows: Cells, one per column.
        notes: Footnotes.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]

    @property
    def run_rows(self) -> tuple[tuple[str, ...], ...]:
        """Rows of detectors that were run."""
        return tuple(row for row in self.rows if NOT_RUN not in row)

    @property
    def not_run(self) -> tuple[str, ...]:
        """Names of the rows of detectors that were not run."""
        rows = [
            [cell for cell in row if cell not in (NOT_RUN, MISSING, "–", "")] for row in self.rows if NOT_RUN in row
        ]
        titles = BASELINE_TITLES.values()
        return tuple(next((cell for cell in row if cell in titles), " ".join(row)) for row in rows)

    @property
    def is_long(self) -> bool:
        """Whether the table is collapsed at first."""
        return len(self.run_rows) > LONG

    @property
    def words(self) -> tuple[bool, ...]:
        """For each column, whether it contains text."""
        if not self.rows:
            return (True,) * len(self.columns)
        return tuple(
            not all(cell in (MISSING, NOT_RUN) or NUMBER.fullmatch(cell) for cell in column)
            for column in zip(*self.rows, strict=True)
        )


def read_markdown_tables(path: Path) -> list[ShownTable]:
    """Load the tables of a Markdown file.

    Raises:
        InputError: The file does not exist or has no table, or a table has no title.
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
    """Titles of a Markdown file, each with the nodes below it."""
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
