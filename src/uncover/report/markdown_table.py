"""Read the Markdown form of a table back, so that a page shows exactly what its reader finds beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from uncover.errors import InputError
from uncover.report.tables.not_run import NOT_RUN
from uncover.report.tables.table import MISSING

NUMBER = re.compile(r"[-+–\d.,%*\s\[\]()/]*")
"""A cell with a number, an interval, or nothing."""

NO_NUMBER = re.compile(r"[-+]?(nan|inf|none)", re.IGNORECASE)


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
