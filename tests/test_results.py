"""Every measured number of the pages agrees with a stored result: docs/results, which has command, commit and date.

A comment `<!-- results: NAME, ... -->` below a paragraph, list or table names the results behind its numbers; below a
heading, it names those of the whole section. Numbers in code spans are settings, which nobody measures.
"""

from __future__ import annotations

import csv
import datetime
import functools
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs/results"
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]

MOST_VALUES = 400
"""Numbers in a result that a page may name; among more of them, nearly any number finds its like."""

NUMBER = r"\d+(?:\.\d+)?e-?\d+|\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?:\.\d+)?(?!\d)|\d*\.\d+|\d+"
UNIT = r"%|(?:s|ms|min|h|[KMGT]i?B|fps|times|seconds|minutes|hours|days|frames a second|images a second)\b|×"
TOKEN = re.compile(rf"(?<![\w.\-/])({NUMBER})(?![\w/]|\.\d)\s*({UNIT})?")
SECTIONS = r"(?i)\bsections? \d[\d.]*\d(?:(?:, | and | to )\d[\d.]*\d)*"
NAMES = "Python|Snakemake|torch|PyTorch|torchvision|MkDocs|pip|uv|CUDA|OpenCV"
VERSIONS = rf"\b(?:{NAMES}) \d[\d.]*(?:(?:, | and | to | or )\d+\.[\d.]*)*"
NAMED = re.compile(r"^\s*<!-- results: ([\w, ]+) -->$")


@dataclass
class Block:
    """Lines of a page that belong together, and the results that they name."""

    line: int
    text: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


def blocks(text: str) -> list[Block]:
    """Paragraphs, lists and tables of a page; without headings and blocks of code."""
    found: list[Block] = [Block(1)]
    section: list[str] = []
    below_heading = in_code = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
            continue
        named = NAMED.match(line)
        if in_code or (not line.strip() and not found[-1].text):
            continue
        if named:
            names = re.split(r",\s*", named[1])
            if below_heading:
                section = names
            else:
                last = next(each for each in reversed(found) if each.text)
                last.names = [*last.names, *names]
            found.append(Block(number + 1, names=list(section)))
        elif line.startswith("#"):
            section, below_heading = [], True
            found.append(Block(number + 1))
            continue
        elif not line.strip():
            found.append(Block(number + 1, names=list(section)))
        else:
            found[-1].text.append(line)
        below_heading = False
    return [block for block in found if block.text]


def numbers(block: Block) -> Iterator[tuple[str, float, int, str]]:
    """Numbers of a block that tell of a measurement: as printed, value, decimals and unit.

    Integers tell of one where they have a unit, and, beside a named result, from 100 on and in the cells of tables.
    """
    text = "\n".join(block.text)
    for what in (
        r"`[^`]*`",
        r"\]\([^)]*\)",
        r"<[^>]*>",
        r"https?://\S+",
        r"\b\d{4}-\d\d-\d\d\b",
        SECTIONS,
        VERSIONS,
        r"\b(?:19|20)\d\d\b",
    ):
        text = re.sub(what, lambda found: "\u00b7" if found[0].startswith("`") else " ", text)
    in_table = block.text[0].lstrip().startswith("|")
    for found in TOKEN.finditer(text):
        printed, unit = found[1], found[2] or ""
        digits, _, exponent = re.sub(r"\s", "", printed).partition("e")
        decimals = len(digits.partition(".")[2]) - int(exponent or 0)
        is_measured = bool("." in digits or exponent or unit)
        if is_measured or (block.names and (in_table or float(digits) >= 100)):
            yield f"{printed} {unit}".strip(), float(digits) * 10.0 ** int(exponent or 0), decimals, unit


def numbers_in(value: Any) -> Iterator[float]:
    """All numbers of a value of JSON, those in strings as well."""
    if isinstance(value, dict):
        for each in value.values():
            yield from numbers_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from numbers_in(each)
    elif isinstance(value, str):
        yield from (float(re.sub(r"\s", "", each)) for each in re.findall(NUMBER, value))
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        yield abs(float(value))


@functools.cache
def values(name: str) -> list[float]:
    """Numbers of a stored result."""
    if name == "thesis":
        published = yaml.safe_load((ROOT / "config/published.yaml").read_text(encoding="utf-8"))
        return [*numbers_in(published), *numbers_in(stored(name)["values"])]
    record = stored(name)
    if "values" in record:
        return list(numbers_in(record["values"]))
    with (RESULTS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [number for row in csv.reader(file) for number in numbers_in(row)]


@functools.cache
def stored(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def agrees(value: float, printed: float, decimals: int, unit: str) -> bool:
    """Whether a value, rounded, is what is printed; a share is printed as a percentage."""
    half = 0.5 * 10.0**-decimals * (1 + 1e-6)
    return any(abs(value * factor - printed) <= half for factor in ((1, 100) if unit == "%" else (1,)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_numbers_of_pages_are_those_of_stored_results(page: Path) -> None:
    wrong = []
    for block in blocks(page.read_text(encoding="utf-8")):
        known = [value for name in block.names for value in values(name)]
        wrong += [
            f"{page.name}:{block.line}: {printed}: " + (f"not in {block.names}" if block.names else "names no result")
            for printed, value, decimals, unit in numbers(block)
            if not any(agrees(each, value, decimals, unit) for each in known)
        ]
    assert not wrong, "\n".join(wrong)


def test_results_say_where_they_come_from() -> None:
    files = sorted(RESULTS.glob("*.json"))
    assert files
    for file in files:
        record = json.loads(file.read_text(encoding="utf-8"))
        assert (
            {"command", "commit", "date"}
            <= record.keys()
            <= {*("command", "commit", "date", "machine", "source", "values", "about")}
        ), file.name
        assert record["command"].strip(), file.name
        assert re.fullmatch("[0-9a-f]{7,40}", record["commit"]), file.name
        assert datetime.date.fromisoformat(record["date"]) <= datetime.date.today(), file.name
        assert "values" in record or file.with_suffix(".csv").is_file(), file.name
    for file in RESULTS.glob("*.csv"):
        assert file.with_suffix(".json").is_file(), f"{file.name}: no record of where it comes from"


def test_named_results_are_small_and_all_are_named() -> None:
    texts = [block for page in PAGES for block in blocks(page.read_text(encoding="utf-8"))]
    named = {name for block in texts for name in block.names}
    for name in named - {"thesis"}:
        assert len(set(values(name))) <= MOST_VALUES, name
    sources = " ".join(stored(file.stem).get("source", "") for file in RESULTS.glob("*.json"))
    idle = {file.stem for file in RESULTS.glob("*.json")} - named
    kept = ("rescue_cascade", "table_10_baselines")  # whole tables, which the README tells of
    assert not {name for name in idle if f"{name}.csv" not in sources and not name.endswith(kept)}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("AP50 .74 [.65, .83]\n<!-- results: some -->", []),
        ("AP50 .75\n<!-- results: some -->", ["0.75"]),
        ("AP50 .74", ["0.74"]),
        ("finds 74 % of 120 faces\n<!-- results: some -->", []),
        ("finds 75 % of 121 faces\n<!-- results: some -->", ["75.0", "121.0"]),
        ("takes 4 min", ["4.0"]),
        ("`confidence` of `0.4`, YOLOv5 7.0.14, [page](a.md#9.5), 10 classes, section 5", []),
        ("# 0.9 is a heading\n<!-- results: some -->\nfirst .74\n\nthen .83\n\n# next\n\n.65", ["0.65"]),
        ("| a | 120 |\n| b | 7 |\n<!-- results: some -->", ["7.0"]),
        ("1 234.5 and 12 000 frames\n<!-- results: some -->", ["1234.5", "12000.0"]),
        ("7.4e-6 and 2e-3\n<!-- results: some -->", ["0.002"]),
        ("sections 4.3 and 5.2, section 4.1", []),
        ("```\n0.4 s\n```\nbelow 0.5", ["0.5"]),
    ],
)
def test_what_a_page_may_print(text: str, wrong: list[str]) -> None:
    known = list(numbers_in({"ap50": 0.742, "interval": [0.65, 0.83], "small": 7.41e-6, "text": "120 faces"}))
    found = [
        str(value)
        for block in blocks(text)
        for _, value, decimals, unit in numbers(block)
        if not any(agrees(each, value, decimals, unit) for each in known if block.names)
    ]
    assert found == wrong
