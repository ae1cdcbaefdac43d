"""A job on a workstation waits for a GPU of its own; whoever edits the code meanwhile does not change it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.dag.conftest import Checkout
from tests.dag.held_gpu import Background, held_gpu

pytestmark = pytest.mark.whole_run

PREDICTIONS, TABLE = "results/tiny/predictions/rgb1/hof.parquet", "results/tiny/tables/table_hof.csv"
LOG = "results/tiny/logs/predict/rgb1.log"


@pytest.fixture
def unmade(own_checkout: Checkout) -> Checkout:
    """A run in which a table and the predictions behind it are to be made again."""
    for path in (PREDICTIONS, TABLE, LOG):
        (own_checkout.root / path).unlink()
    return own_checkout


def test_a_job_waits_while_another_holds_the_only_gpu_and_edits_do_not_reach_it(
    unmade: Checkout, finished_checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held_gpu(monkeypatch, tmp_path):
        run = Background(lambda: unmade.snakemake(TABLE, "--config", "cluster={freeze: always}"))
        run.wait_for("waiting for a free GPU", unmade.root / LOG)
        for path in ("src/uncover/report/tables/table.py", "config/published.yaml", "workflow/bin/uncover"):
            (unmade.root / path).write_text("this would stop every job")
        assert not (unmade.root / PREDICTIONS).exists()
    run.join()
    assert (unmade.root / TABLE).read_bytes() == (finished_checkout.root / TABLE).read_bytes()
    last = sorted(unmade.root.glob("results/tiny/record/*/run.json"))[-1]
    assert json.loads(last.read_text())["code_folder"].startswith("results/tiny/code/")
