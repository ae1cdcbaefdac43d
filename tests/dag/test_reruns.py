"""Reruns follow meaning: a table of changes, and exactly the rules that each makes run again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.dag.conftest import Checkout

LABELS = {"label_faces": 4, "table_02": 1, "figure_15": 1, "figure_16": 1}
SPLITS = {"split_photos": 2, **LABELS}

CODE_CHANGES = {
    "part boxes": ("src/uncover/parts/boxes.py", "FEWEST_POINTS = 2", "FEWEST_POINTS = 3", LABELS | {"table_parts": 1}),
    "index sets": ("src/uncover/parts/schemes.py", "((0, 26),)", "((0, 25),)", LABELS | {"table_parts": 1}),
    "splits": ("src/uncover/datasets/splits.py", '"surplus"', '"left over"', SPLITS),
    "frames": ("src/uncover/faces/frames.py", "FACE_CLASS = 0", "FACE_CLASS = 1", {"label_frames": 6, "table_01": 1}),
    "one figure": ("src/uncover/report/figures/label_statistics.py", "BINS = 50", "BINS = 40", {"figure_16": 1}),
    "figure style": (
        "src/uncover/report/figures/style.py",
        '"savefig.dpi": 200',
        '"savefig.dpi": 150',
        {"figure_15": 1, "figure_16": 1},
    ),
    "whom to ask for data": ("src/uncover/datasets/sources.py", "on request from TU Graz", "from TU Graz", {}),
    "what is said on the way": ("src/uncover/console.py", "MOST_LINES = 20", "MOST_LINES = 30", {}),
}

CONFIG_CHANGES = {
    "seed of the splits": ("splits:", "splits:\n  seed: 7", SPLITS),
    "rule for boxes": ("run: tiny", "run: tiny\nlabels: {outside: drop}", LABELS),
    "one size of the stand-in": ("  hof: 2", "  hof: 3", {"make_standin": 1, "label_frames": 1, "table_01": 1}),
    "a later stage": ("run: tiny", "run: tiny\nheatmaps: {padding: 114}", {}),
}


def test_a_second_run_finds_nothing_to_do(finished_checkout: Checkout) -> None:
    assert finished_checkout.planned() == {}


def test_comments_docstrings_and_formatting_rerun_nothing(own_checkout: Checkout) -> None:
    modules = sorted((own_checkout.root / "src").rglob("*.py"))
    assert len(modules) > 40
    for module in modules:
        text = module.read_text(encoding="utf-8")
        module.write_text(text.replace('"""', '"""Reworded: ', 1) + "\n\n# a new comment\n", encoding="utf-8")
    assert own_checkout.planned() == {}


@pytest.mark.parametrize("change", CODE_CHANGES)
def test_a_change_of_code_reruns_exactly_what_imports_it(own_checkout: Checkout, change: str) -> None:
    path, old, new, expected = CODE_CHANGES[change]
    own_checkout.edit(path, old, new)
    assert own_checkout.planned() == expected


@pytest.mark.parametrize("change", CONFIG_CHANGES)
def test_a_change_of_config_reruns_exactly_what_uses_it(own_checkout: Checkout, change: str) -> None:
    old, new, expected = CONFIG_CHANGES[change]
    own_checkout.edit("config/tiny.yaml", old, new)
    assert own_checkout.planned() == expected


def test_one_table_can_be_made_again_alone(own_checkout: Checkout) -> None:
    table = own_checkout.root / "results/tiny/tables/table_02.csv"
    before = table.read_bytes()
    table.unlink()
    assert own_checkout.planned("results/tiny/tables/table_02.csv") == {"table_02": 1}
    own_checkout.snakemake("results/tiny/tables/table_02.csv")
    assert table.read_bytes() == before


def test_a_fresh_run_elsewhere_makes_the_same_bytes(
    plain_checkout: Checkout, finished_checkout: Checkout, tmp_path: Path
) -> None:
    root = tmp_path / "checkout"
    shutil.copytree(plain_checkout.root, root, symlinks=True)
    Checkout(root).snakemake()
    kinds = ("*.csv", "*.md", "*.txt", "*.png", "*.parquet", "*.jpg")
    files = [path for kind in kinds for path in sorted((finished_checkout.root / "results").rglob(kind))]
    assert len(files) > 100
    for path in files:
        assert (root / path.relative_to(finished_checkout.root)).read_bytes() == path.read_bytes(), path
