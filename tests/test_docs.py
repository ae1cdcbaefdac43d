"""What the pages for people say exists: links, files, verbs, options, keys of the config, examples of code."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import uncover
from uncover.cli import build_parser, verbs
from uncover.config.load import check_config
from uncover.config.model import Config
from uncover.report import registry
from uncover.rescue.strategies import STRATEGIES

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "config/README.md", *sorted(ROOT.glob("docs/**/*.md"))]
PLACES = (ROOT, ROOT / "src/uncover")

EXAMPLES = """
from __future__ import annotations
from pathlib import Path
import numpy as np, pandas as pd, torch
from matplotlib.figure import Figure
from torch import Tensor
from uncover.baselines.weights import BaselineWeights
from uncover.cam.methods import GradientMethod
from uncover.cam.passes import Segments
from uncover.config.baselines import ReadyMade
from uncover.metrics.detections import Detections, Detector
from uncover.report.figures.style import new_figure
from uncover.report.registry import figure, table
from uncover.report.tables.table import Table
from uncover.rescue.box_fusion import stored
from uncover.rescue.evidence import Evidence
from uncover.rescue.strategies import strategy
"""


def blocks(page: Path, language: str) -> Iterator[str]:
    """Blocks of code of a page, those in lists as well."""
    return map(textwrap.dedent, re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))


def anchors(page: Path) -> set[str]:
    """Headings of a page as links name them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def commands(page: Path) -> Iterator[list[str]]:
    """Words of each call of `uncover` in a page's blocks for the shell."""
    for code in blocks(page, "sh"):
        for line in code.replace("\\\n", " ").splitlines():
            if re.match(r"(\.venv/bin/)?uncover ", line):
                # Of what goes on in the next line, the part before its quotation mark.
                line = line if line.count("'") % 2 == 0 or "$(" in line else line.rpartition("'")[0]
                yield shlex.split(re.sub(r"\$\(.*?\)", "FILES", line), comments=True)[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            file = page.parent / path if path else page
            assert file.exists(), target
            assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_of_the_code_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`((?:[\w-]+/)+[\w-]+\.(?:py|smk|yaml|txt|json))(?::\w+)?`", text):
        # What a user has, or a run makes, is no file of the code.
        if name.endswith((".py", ".smk")) or name.startswith(("config/", "envs/", "benchmarks/")):
            assert any((place / name).exists() for place in PLACES), name
    for name in re.findall(r"(?<![/\w.])uncover(?:\.\w+)+\b", " ".join(re.findall(r"`([^`]+)`", text))):
        module = ROOT / "src" / name.replace(".", "/")
        files = (module, module.with_suffix(".py"), module.parent.with_suffix(".py"))
        assert any(path.exists() for path in files) or name.removeprefix("uncover.") in uncover.__all__, name


def test_commands_have_verbs_and_options_that_are_there() -> None:
    _, parsers = build_parser()
    seen = 0
    for page in PAGES:
        for words in commands(page):
            verb = " ".join(words[:2]) if " ".join(words[:2]) in verbs() else words[0]
            assert verb in parsers, (page.name, words)
            known = parsers[verb]._option_string_actions.keys()
            used = {word for word in words if word.startswith("--")}
            assert used <= known, (page.name, words, used - known)
            seen += 1
    assert seen > 50


def examples_of_configs(page: Path) -> Iterator[dict[str, Any]]:
    """Values of the blocks of a page, of words between backticks that are some, and of --config."""
    for code in blocks(page, "yaml"):
        yield yaml.safe_load(code)
    text = page.read_text(encoding="utf-8")
    for key, value in re.findall(r"`(\w+): (\{[^`]*\})`", text):
        if key in Config.model_fields:
            yield {key: yaml.safe_load(value)}
    for words in re.findall(r"--config '([^']*)'", text):
        # On a command line, capital letters stand for what somebody fills in.
        yield {key: yaml.safe_load(value.replace("HASH", "a" * 64)) for key, value in [words.split("=", 1)]}


def test_examples_of_configs_are_configs(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = 0
    for page in PAGES:
        for values in examples_of_configs(page):
            extended = values.get("extends", "config/thesis.yaml")
            monkeypatch.chdir(ROOT if (ROOT / extended).is_file() else ROOT / "config")
            check_config({"run": "some", **values}, page.name)
            seen += 1
    assert seen > 12


def test_examples_of_code_run() -> None:
    """One more table, figure, baseline, method and strategy, as docs/structure.md has them."""
    registry.load()
    codes = [code for code in blocks(ROOT / "docs/structure.md", "python") if not code.startswith('"')]
    known: tuple[dict[str, Any], ...] = (registry._entries, STRATEGIES)
    before = [set(table) for table in known]
    names: dict[str, object] = {}
    try:
        for code in codes:
            exec(compile(EXAMPLES + code, "docs/structure.md", "exec"), names)
        added = [table.keys() - were for table, were in zip(known, before, strict=True)]
    finally:
        for table, were in zip(known, before, strict=True):
            for name in table.keys() - were:
                del table[name]
    assert added == [{"table_trial_size", "figure_empty"}, {"half_photo"}]
    load = names["load"]
    assert callable(load)
    (found,) = load(None, None, torch.device("cpu")).detect([np.zeros((4, 6, 3), np.uint8)])
    assert found.boxes.tolist() == [[0, 0, 6, 4]]


def test_the_page_of_the_structure_names_every_room() -> None:
    text = (ROOT / "docs/structure.md").read_text(encoding="utf-8").partition("`src/uncover/`, from")[2]
    rooms = {path.parent.name for path in (ROOT / "src/uncover").glob("*/__init__.py")}
    assert rooms == set(re.findall(r"^\| `(\w+)/` \|", text, re.MULTILINE))
