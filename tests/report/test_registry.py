"""A table or figure is declared once, beside its function: the DAG, the command line and the page then know it."""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from tests.dag.checkout import copy_checkout
from uncover.cli import verbs
from uncover.report import command_line, registry
from uncover.report.command_line import Option
from uncover.report.tables.table import NOBODY, read_not_run

ADDED_TABLE = '''
"""A table that a test adds."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from uncover.report.registry import figure, table
from uncover.report.tables.table import Table


@table(
    "table_added",
    "one more table",
    caption="How many rows a record has.",
    inputs=lambda run: {"trial": run.paths.rescue_trial},
)
def rows(trial: Path, more: int = 0) -> Table:
    """Count.

    Args:
        trial: Record of the trial.
        more: To be added.
    """
    return Table("table_added", "Rows", pd.DataFrame({"Rows": [len(pd.read_csv(trial)) + more]}))
'''
ADDED_FIGURE = '''
"""A figure that a test adds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from uncover.report.figures.style import new_figure
from uncover.report.registry import figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@figure(
    "figure_added",
    "one more figure",
    caption="Nothing but a frame; said by a test.",
    inputs=lambda run: {"trial": run.paths.rescue_trial},
)
def nothing(trial: Path) -> Figure:
    """Draw nothing."""
    return new_figure(1, 1)
'''


def uncover(python: Path, root: Path, *words: str) -> str:
    """What the `uncover` of a checkout prints."""
    done = subprocess.run(
        [python, "-m", "uncover.cli", *words],
        env={"PYTHONPATH": str(root / "src"), "PATH": "/usr/bin:/bin", "HOME": str(root)},
        cwd=root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_one_more_table_or_figure_is_one_more_module(python: Path, tmp_path: Path) -> None:
    copy_checkout(tmp_path)
    (tmp_path / "src/uncover/report/tables/added.py").write_text(ADDED_TABLE, encoding="utf-8")
    (tmp_path / "src/uncover/report/figures/added.py").write_text(ADDED_FIGURE, encoding="utf-8")
    # The command line.
    listed = uncover(python, tmp_path, "steps")
    assert "    table_added " in listed and "draw figure: one more figure" in listed
    text = uncover(python, tmp_path, "table_added", "--help")
    assert "--more N" in text and "uncover table_added tables --trial results/demo/metrics/rescue_trial.csv" in text
    (tmp_path / "trial.csv").write_text("a\n1\n2\n", encoding="utf-8")
    uncover(python, tmp_path, "table_added", "out", "--trial", "trial.csv", "--more", "3")
    assert (tmp_path / "out/table_added.csv").read_text(encoding="utf-8") == "Rows\n5\n"
    uncover(python, tmp_path, "figure_added", "out", "--trial", "trial.csv")
    assert (tmp_path / "out/figure_added.pdf").is_file()
    # The page.
    words = ("--tables", "out/table_added.md", "--figures", "out/figure_added.png")
    uncover(python, tmp_path, "page", "out/report.html", "--run", "test", *words)
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert 'id="table_added"' in page and "Nothing but a frame; said by a test." in page
    # The DAG.
    words = ("-n", "--quiet", "rules", "--cores", "1", "--configfile", "config/tiny.yaml")
    done = subprocess.run(
        [python, "-m", "snakemake", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    counts = [line.split() for line in told.splitlines()]
    assert ["table_added", "1"] in counts and ["figure_added", "1"] in counts


def test_the_source_says_the_same_as_the_declarations() -> None:
    loaded = registry.load()
    assert {name: (each.kind, each.title, each.function.__module__) for name, each in loaded.items()} == {
        name: each[:3] for name, each in registry.declared().items()
    }
    assert {name for name, each in registry.declared().items() if each.is_command} <= set(verbs().values())
    assert all(registry.entry(each.command).function is each.function for each in loaded.values())


def test_a_name_is_declared_once() -> None:
    registry.load()
    with pytest.raises(ValueError, match="table_04 is declared by uncover"):
        registry.table("table_04", "4: again", caption="", inputs=lambda run: {})(registry.load)


Named = Annotated[Mapping[str, str], Option("NAME=WORD", "+", extends=True, read=read_not_run)]


def all_kinds(
    one: Path,
    several: Sequence[Path],
    pair: tuple[Path, Path],
    any_number: Sequence[Path] = (),
    number: float = 0.5,
    choice: Literal["a", "b"] = "a",
    perhaps: Path | None = None,
    named: Named = NOBODY,
    *,
    fixed: str = "",
) -> None:
    """Take what a signature may have.

    Args:
        one: A file.
        several: IoU of some, which is
            100 %.
        number: Of nothing.

    Raises:
        InputError: Never.
    """


def declared(function: Any) -> registry.Entry:
    return registry.Entry("table", "table_x", "x", "", function, lambda run: {}, lambda run: {}, {"fixed": "f"},
                          "table_x", 0, False)  # fmt: skip


def test_a_signature_becomes_options() -> None:
    parser = argparse.ArgumentParser()
    entry = declared(all_kinds)
    command_line.add_arguments(parser, entry)
    words = ["out", "--one", "1", "--several", "2", "3", "--pair", "4", "5", "--named", "a=b", "--named", "c=d"]
    args = parser.parse_args(words)
    assert args.one == Path("1") and args.several == [Path("2"), Path("3")] and args.pair == [Path("4"), Path("5")]
    assert args.any_number == [] and args.number == 0.5 and args.perhaps is None and args.named == ["a=b", "c=d"]
    told = " ".join(parser.format_help().split())
    assert "a file" in told and "IoU of some, which is 100 %" in told and "of nothing (default: 0.5)" in told
    assert "--fixed" not in told and "Never" not in told
    for missing in ("--one", "--several", "--pair"):
        left = words[: words.index(missing)] + words[words.index(missing) + (2 if missing == "--one" else 3) :]
        with pytest.raises(SystemExit):
            parser.parse_args(left)


def test_arguments_are_read_and_given_back_as_words() -> None:
    taken: list[dict[str, Any]] = []

    class Written:
        def write(self, folder: Path) -> None:
            taken.append({"folder": folder})

    def function(named: Annotated[int, Option("NAME=N", "+", read=len)], *, fixed: str) -> Written:
        taken.append({"named": named, "fixed": fixed})
        return Written()

    entry = declared(function)
    command_line.run(entry, argparse.Namespace(out=Path("out"), named=["a=1", "b=2"]))
    assert taken == [{"named": 2, "fixed": "f"}, {"folder": Path("out")}]
    assert command_line.words_of("true_iou", 0.5) == ["--true-iou", "0.5"]
    assert command_line.words_of("named", {"a": 1, "b": 2}) == ["--named", "a=1", "b=2"]
    assert command_line.words_of("sets", ["x", Path("y")]) == ["--sets", "x", "y"]
    assert [word for empty in ("", None, [], {}) for word in command_line.words_of("any", empty)] == []
