"""Draw all figures of finished runs for docs/figures.md, and write that page.

    python benchmarks/docs_figures.py docs/figures.md results/real_sample results/demo
    python benchmarks/docs_figures.py docs/figures.md                   # titles and captions only, no drawing

Each figure is drawn from the first run that has its inputs. Photos of people are hidden (`report.privacy: hide-all`),
because the page may be redistributed and the photos may not. Synthetic photos are shown as in the run.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from uncover.cli import main, verb_of
from uncover.config.catalogue import HIDE_ALL
from uncover.config.load import load_config
from uncover.config.model import Config
from uncover.config.values import as_pairs, may_be_told
from uncover.errors import InputError
from uncover.report import registry
from uncover.report.command_line import words_of
from uncover.report.figures import style
from uncover.report.page import FIGURES
from uncover.workflow.run_record import CONFIG, read_records
from uncover.workflow.targets import Run

COLOURS = 256
"""Number of colours of an image on the page, which halves its file size."""

KEPT = (
    *("#FFFFFF", style.BLACK, style.ORANGE, style.SKY, style.GREEN),
    *(style.YELLOW, style.BLUE, style.VERMILLION, style.PURPLE),
)
"""Colours with a meaning, which are kept even if few pixels have them."""

PUBLISHED = Path(__file__).parents[1] / "config" / "published.yaml"
CONFIGS = Path(__file__).parents[1] / "config"

INTRODUCTION = """# Figures

Every run writes these figures as PNG (`200` dpi) and PDF to `results/<run>/figures/`. `snakemake figure_17` makes a
single one. They are ready for print: one column (`3.5` inches) or two (`7.16` inches) wide, type of `6.5` to `8`
points, colours that are distinguishable with colour blindness, and the number of photos behind each figure.

"""

HIDDEN = """Photos of people are hidden completely on this page (`report.privacy: hide-all`), because the data sets may
not be redistributed, and photos of patients are left out; boxes, points and heatmaps are in place. The figures of your
own runs show photos as [their privacy setting](data_sets.md) allows.

"""

COLUMNS = 3
"""Columns of the gallery."""

FROM = "Source: "
"""Start of the line below a caption that names the run."""


@dataclass(frozen=True)
class Source:
    """A finished run.

    Attributes:
        folder: Folder of the run.
        run: Models, sets and files of the run.
        commit: Commit of the code.
        day: Date of its start.
        is_whole: Whether it is complete.
    """

    folder: Path
    run: Run
    commit: str
    day: str
    is_whole: bool

    @classmethod
    def of(cls, folder: Path) -> Source:
        """The run in a folder, from its last record."""
        records = read_records(folder)
        if not records:
            raise InputError(f"{folder}: contains no run record; expected the folder of a run, e.g. results/demo")
        last = records[-1]
        commit = str(last.about["code"]["commit"])[:7]
        run, whole = Run(load_config(last.folder / CONFIG)), last.about["outcome"] == "complete"
        return cls(folder, run, commit, str(last.about["started"])[:10], whole)

    @property
    def is_synthetic(self) -> bool:
        return self.run.config.raw.synthetic

    @property
    def told(self) -> str:
        """The run in a sentence: config, differences from the config file of that name, commit and date."""
        name = self.run.config.run
        own = {pair for pair in as_pairs(self.run.config) if may_be_told(pair) and not pair.startswith("raw.")}
        plain = set(as_pairs(config)) if (config := config_of(name, self.commit)) else set()
        changes = sorted(pair.replace("=", ": ") for pair in own - plain) if plain else []
        without = sorted(
            change.removesuffix(": null").rpartition(".")[2] for change in changes if is_taken_away(change)
        )
        words = [f"`{change}`" for change in changes if not is_taken_away(change)]
        words += [f"without the variants {', '.join(without)}"] if without else []
        but = f" with {', '.join(words)}" if words else ""
        data = "synthetic photos" if self.is_synthetic else "photos of people"
        where = f" and `config/{name}.yaml`{but}" if plain else f", run `{name}`"
        made = "made" if self.is_whole else "started, not finished yet,"
        return f"`{self.folder}`: {data}; {made} on {self.day} with commit {self.commit}{where}"


def config_of(name: str, commit: str) -> Config | None:
    """The config file of a name at a commit; None if there was none."""
    packed = subprocess.run(["git", "-C", str(CONFIGS), "archive", commit, "."], capture_output=True)
    if packed.returncode:
        return None
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as files:
            files.extractall(folder, filter="data")
        path = Path(folder, f"{name}.yaml")
        return load_config(path) if path.is_file() else None


def is_taken_away(change: str) -> bool:
    """Whether a setting removes a variant of the detectors."""
    return change.startswith("detectors.variants.") and change.endswith(": null") and change.count(".") == 2


def draw(name: str, source: Source, folder: Path) -> str | None:
    """Draw a figure of a run into a folder; returns the reason if it cannot be drawn, else None."""
    entry = registry.entry(name)
    files = entry.inputs(source.run)
    if files is None:
        return "not in this run"
    paths = [path for each in files.values() for path in ([each] if isinstance(each, str) else each)]
    if lacking := [path for path in paths if not Path(path).exists()]:
        return f"{lacking[0]} is not made yet"
    given = {key: each for key, each in files.items() if key in entry.parameters} | dict(entry.options(source.run))
    if "privacy" in given and not source.is_synthetic:
        given["privacy"] = HIDE_ALL
    words = [word for key, value in given.items() for word in words_of(key, value)]
    published = ["--published", str(PUBLISHED)] if "published" in entry.parameters else []
    if main([*verb_of(entry.command).split(), str(folder), *words, *published]):
        return "could not be drawn"
    return style.why_not_run(folder / f"{name}.png")


def shrink(picture: Path, out: Path) -> None:
    """Write an image with fewer colours."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(picture) as opened:
        full = opened.convert("RGB")
        others = COLOURS - len(KEPT)
        palette = full.quantize(others, dither=Image.Dither.NONE).getpalette() or []
        palette += [value for colour in KEPT for value in ImageColor.getrgb(colour)]
        few = Image.fromarray(_nearest(np.asarray(full), np.array(palette).reshape(-1, 3)), "P")
        few.putpalette(palette)
        few.save(out, optimize=True, dpi=opened.info["dpi"])


def _nearest(picture: NDArray[np.uint8], palette: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Index of the exactly nearest colour of each pixel: Pillow's approximation turns a white page grey."""
    packed = picture.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1], np.int64)
    colours, where = np.unique(packed, return_inverse=True)
    own = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1)
    parts = np.array_split(own, len(own) // 10_000 + 1)
    places = [((part[:, None] - palette[None]) ** 2).sum(axis=2).argmin(axis=1) for part in parts]
    return np.concatenate(places).astype(np.uint8)[where].reshape(packed.shape)


def title_of(name: str) -> str:
    """The heading of a figure on the page."""
    title = registry.entry(name).title
    return f"Figure {title}" if title[0].isdigit() else title.capitalize()


def caption_of(name: str) -> str:
    """The caption of a figure; its numbers are settings, so they are printed as code."""
    parts = re.split("(`[^`]*`)", "\n\n".join(registry.entry(name).caption.split("\n")))
    code = [part if part.startswith("`") else re.sub(r"\d+\.\d+|\d+ %", r"`\g<0>`", part) for part in parts]
    return "".join(code)


def gallery(pictures: Sequence[tuple[str, str]]) -> str:
    """A table of thumbnails that link to the sections below.

    Args:
        pictures: Title and path of each.
    """
    cells = []
    for title, path in pictures:
        anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        cells.append(f"[![{title}]({path})](#{anchor}) {title}")
    rows = [cells[at : at + COLUMNS] for at in range(0, len(cells), COLUMNS)]
    lines = ["| " * COLUMNS + "|", "| --- " * COLUMNS + "|"]
    lines += ["| " + " | ".join([*row, *[""] * (COLUMNS - len(row))]) + " |" for row in rows]
    return "\n".join(lines) + "\n\n"


def sections(names: Sequence[str], sources: Sequence[Source], out: Path) -> Iterator[str]:
    """The section of each figure; also writes the images."""
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            title = title_of(name)
            yield f"## {title}\n\n"
            for source in sources:
                why = draw(name, source, Path(scratch))
                if why is None:
                    shrink(Path(scratch) / f"{name}.png", out / f"{name}.png")
                    yield f"![{title}]({out.name}/{name}.png)\n\n"
                    yield f"{caption_of(name)}\n\n{FROM}`{source.folder}`.\n\n"
                    break
                yield f"Not available in `{source.folder}`: {why}.\n\n"


def rewrite_text(page: Path) -> None:
    """Update introduction, gallery, titles and captions of the page; keep its images and the list of runs."""
    about, *old = re.split(r"^## (.*)\n\n", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text, pictures = "", []
    for title, section in zip(old[::2], old[1::2], strict=True):
        found = re.search(rf"(?s)^(.*?)!\[.*?\]\((.*?/(\w+)\.png)\)\n.*^({FROM}[^\n]*)$", section, re.MULTILINE)
        if found is None:
            text += f"## {title}\n\n{section}"
            continue
        before, picture, name, source = found.groups()
        pictures.append((title_of(name), picture))
        text += f"## {title_of(name)}\n\n{before}![{title_of(name)}]({picture})\n\n{caption_of(name)}\n\n{source}\n\n"
    opening = INTRODUCTION + (HIDDEN if "hide-all" in about else "") + gallery(pictures)
    page.write_text(opening + about[about.index("Drawn on") :] + text.rstrip("\n") + "\n", encoding="utf-8")


def write_page(page: Path, runs: Sequence[Path]) -> None:
    """Draw all figures, and write the page."""
    sources = [Source.of(folder) for folder in runs]
    others = sorted(name for name, each in registry.declared().items() if each.kind == "figure" and name not in FIGURES)
    commit = subprocess.run(
        ["git", "-C", str(CONFIGS), "rev-parse", "--short=7", "HEAD"], capture_output=True, text=True, check=True
    )
    text = HIDDEN if any(not source.is_synthetic for source in sources) else ""
    text += f"Drawn on {datetime.now(UTC):%Y-%m-%d} at commit {commit.stdout.strip()} with\n\n"
    text += f"```sh\nmake docs-figures RUN='{' '.join(map(str, runs))}'\n```\n\nfrom these runs:\n\n"
    text += "".join(f"- {source.told}.\n" for source in sources) + "\n"
    text += "".join(sections([*FIGURES, *others], sources, page.with_suffix("")))
    page.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    rewrite_text(page)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path, help="Markdown file to write; its images go into a folder of the same name")
    parser.add_argument(
        "runs",
        type=Path,
        nargs="*",
        help="folders of finished runs, the preferred one first; none updates the text only",
    )
    args = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        if args.runs:
            write_page(args.page, args.runs)
        else:
            rewrite_text(args.page)
