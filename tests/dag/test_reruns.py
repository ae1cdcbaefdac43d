"""Reruns follow meaning: each change of tests/dag/mutations.py makes run again what it says, and nothing else."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.dag.conftest import Checkout
from tests.dag.mutations import CODE_CHANGES, CONFIG_CHANGES, FILE_CHANGES
from tests.quick_python import server, write_client
from uncover.workflow.plan import NEW

pytestmark = pytest.mark.whole_run


def test_a_second_run_finds_nothing_to_do(finished_checkout: Checkout) -> None:
    assert finished_checkout.planned() == {}


def test_comments_docstrings_and_formatting_rerun_nothing(replanned: Checkout) -> None:
    modules = sorted((replanned.root / "src").rglob("*.py"))
    assert len(modules) > 40
    for module in modules:
        text = module.read_text(encoding="utf-8")
        module.write_text(text.replace('"""', '"""Reworded: ', 1) + "\n\n# a new comment\n", encoding="utf-8")
    assert replanned.planned() == {}


@pytest.mark.parametrize("change", CODE_CHANGES)
def test_a_change_of_code_reruns_exactly_what_imports_it(replanned: Checkout, change: str) -> None:
    path, old, new, expected = CODE_CHANGES[change]
    replanned.edit(path, old, new)
    jobs, causes = replanned.foretold()
    module = path.removeprefix("src/").removesuffix(".py").replace("/", ".")
    assert jobs == expected
    assert causes.keys() == expected.keys() and len(set().union(*causes.values())) == bool(expected)
    assert all(re.fullmatch(rf"{module}:\w+ changed", cause) for own in causes.values() for cause in own)


@pytest.mark.parametrize("change", CONFIG_CHANGES)
def test_a_change_of_config_reruns_exactly_what_uses_it(replanned: Checkout, change: str) -> None:
    old, new, expected, field = CONFIG_CHANGES[change]
    replanned.edit("config/tiny.yaml", old, new)
    jobs, causes = replanned.foretold()
    assert jobs == expected
    assert {cause for own in causes.values() for cause in own if not cause.startswith((field, NEW))} == set()


@pytest.mark.parametrize("change", FILE_CHANGES)
def test_a_change_of_a_file_of_ours_reruns_exactly_what_reads_it(replanned: Checkout, change: str) -> None:
    path, old, new, name, expected = FILE_CHANGES[change]
    replanned.edit(path, old, new)
    jobs, causes = replanned.foretold()
    assert jobs == expected and causes == {rule: {f"{name} changed"} for rule in expected}


def test_what_is_foretold_is_what_snakemake_plans(replanned: Checkout) -> None:
    replanned.edit("config/tiny.yaml", "rgb1: {<<: *rgb,", "rgb1: {<<: *rgb, seed: 5,")
    replanned.edit("src/uncover/report/figures/style.py", '"savefig.dpi": 200', '"savefig.dpi": 150')
    (replanned.root / "results/tiny/tables/table_01.md").unlink()
    assert replanned.foretold()[0] == replanned.planned()


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
    # Everything that has a byte of its own, but one of the two detectors is enough.
    targets = ["tables/table_01.csv", "tables/table_02.csv", "figures/figure_15.png", "figures/figure_16.png"]
    targets += ["tables/table_06.csv", "predictions/rgb1/hof.parquet"]
    # A server of its own, which hashes strings in another way.
    python = write_client(tmp_path)
    with server(python):
        Checkout(root, python).snakemake(*(f"results/tiny/{target}" for target in targets))
    kinds = ("*.csv", "*.md", "*.txt", "*.png", "*.parquet", "*.jpg", "*.pt")
    files = [path for kind in kinds for path in sorted((root / "results").rglob(kind)) if "record" not in path.parts]
    assert len(files) > 100
    # A training's record says how long it took.
    timed = {"results.csv"}
    for path in files:
        if path.name not in timed:
            assert (finished_checkout.root / path.relative_to(root)).read_bytes() == path.read_bytes(), path
