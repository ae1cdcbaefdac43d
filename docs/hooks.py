"""What MkDocs calls to build the site: pages that stand elsewhere or are generated, and the links to them.

The reference comes from docstrings, help texts and the config's model; the page of results from docs/results. Files of
the code have no page, so links to them become their paths.
"""

from __future__ import annotations

import csv
import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"

ELSEWHERE = {
    "index.md": "README.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "reference/configuration.md": "config/README.md",
    "results.md": "docs/results/README.md",
    "cards/general.md": "src/uncover/weights/general.md",
    "cards/nicu.md": "src/uncover/weights/nicu.md",
}
"""Pages of the site by the files that they are."""

HOMES = {source: page for page, source in ELSEWHERE.items()}

PUBLIC = {
    "Detection": ("FaceDetector", "FrameResult", "Detections"),
    "Heatmaps": ("explain", "HeatmapResults", "ImageHeatmaps"),
    "Data sets, training, evaluation": (
        "read_dataset",
        "Dataset",
        "train",
        "TrainedDetector",
        "evaluate",
        "Evaluation",
    ),
    "Errors": ("InputError", "OutOfMemory"),
}
"""Names of `uncover.__all__`, in the order of the reference."""

LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")


TITLES: dict[str, str] = {}
"""Titles of the pages in the navigation, by page."""


def on_config(config: MkDocsConfig) -> None:
    def collect(entries: list[Any]) -> None:
        for entry in entries:
            for title, value in entry.items():
                collect(value) if isinstance(value, list) else TITLES.setdefault(value, title)

    collect(config.nav or [])


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for page, source in ELSEWHERE.items():
        content = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=content + results() if page == "results.md" else content))
    for page, content in (
        ("reference/python.md", python_reference()),
        ("reference/commands.md", command_reference()),
        ("examples.md", examples()),
    ):
        files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Links of a file of the repository, as links of the site; those to files without a page become code."""
    here = page.file.src_uri
    source = ELSEWHERE.get(here, f"docs/{here}")

    def on_site(found: re.Match[str]) -> str:
        mark, text, target = found.groups()
        if "://" in target or target.startswith(("#", "mailto:")):
            return found[0]
        path, _, anchor = target.partition("#")
        place = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if place in HOMES:
            home = HOMES[place]
        elif place.startswith("docs/") and not place.startswith("docs/results/") and place != "docs":
            home = place.removeprefix("docs/")
        else:
            return text if text.startswith("`") else f"{text} (`{place}`)"
        if text == target or re.fullmatch(r"(\w+/)*\w+\.md", text):
            text = TITLES.get(home, text)
        away = posixpath.relpath(home, posixpath.dirname(here) or ".")
        return f"{mark}[{text}]({away}{'#' if anchor else ''}{anchor})"

    parts = re.split(r"(^ *```.*?^ *```)", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if part.lstrip().startswith("```") else LINK.sub(on_site, part) for part in parts)


def python_reference() -> str:
    """The public names, each with its docstring.

    Raises:
        PluginError: A public name is in none of the groups.
    """
    import uncover

    listed = {name for names in PUBLIC.values() for name in names}
    public = {name for name in uncover.__all__ if not name.startswith("__")}
    if listed != public:
        raise PluginError(f"docs/hooks.py: PUBLIC differs from uncover.__all__ in {sorted(listed ^ public)}")
    text = ["# Python reference\n"]
    for title, names in PUBLIC.items():
        text += [f"## {title}\n", *(f"::: uncover.{name}\n" for name in names)]
    return "\n".join(text)


def command_reference() -> str:
    """The help of every command."""
    from uncover import cli

    return cli.reference()


def examples() -> str:
    """The scripts of the folder `examples`, with what their first lines say of them."""
    text = ["# Examples\n\nEach runs as it stands, on small data that it makes itself, or on yours.\n"]
    for path in sorted((ROOT / "examples").glob("*.py")):
        text.append(f"## {path.name}\n\n```python\n{path.read_text(encoding='utf-8').strip()}\n```\n")
    return "\n".join(text)


def results() -> str:
    """Every stored result: which command made it, from which commit, when, and its numbers."""
    text = ["\n## Files\n"]
    for path in sorted(RESULTS.glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        text += [f"### {path.stem}\n", *([record["about"] + "\n"] if "about" in record else [])]
        text += [f"```sh\n{record['command']}\n```\n"]
        told = [
            f"commit `{record['commit']}`",
            record["date"],
            *(record[key] for key in ("machine", "source") if key in record),
        ]
        text += ["; ".join(told) + "\n"]
        rows = list(rows_of(record["values"])) if "values" in record else list(rows_of_table(path.with_suffix(".csv")))
        text += ['??? note "Values"\n', *(f"    {row}" for row in rows), ""]
    return "\n".join(text)


def rows_of(values: dict[str, Any]) -> Iterator[str]:
    """Nested values as rows of a table, one a leaf."""
    yield "| value of | is |"
    yield "| --- | --- |"
    for name, value in leaves(values):
        yield f"| {name} | {json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value} |".replace(
            "\n", " "
        )


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, f"{name}, {key}" if name else str(key))
    elif isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
        for row, each in enumerate(value, 1):
            yield from leaves(each, f"{name} {row}")
    else:
        yield name, value


def rows_of_table(path: Path) -> Iterator[str]:
    """A CSV file as a table."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    yield "| " + " | ".join(header) + " |"
    yield "|" + " --- |" * len(header)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
