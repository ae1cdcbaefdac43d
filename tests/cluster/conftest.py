"""These tests start a SLURM cluster on this machine: `make test-cluster` runs them, `make test` does not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster import one_node
from tests.cluster.guest import Guest
from tests.dag.checkout import copy_checkout, smaller

collect_ignore_glob = [] if "UNCOVER_CLUSTER" in os.environ else ["test_*.py"]

# Of the node of the tests, which has few processors, and GPUs that are none.
OF_CLUSTER = {
    "threads": 1,
    "most_mem_mb": 12000,
    "longest": 600,
    "rules": {
        "train": {"mem_mb": 2000},
        "predict_at_scales": {"mem_mb": 1500},
        **{rule: {"mem_mb": 1500} for rule in ("predict", "predict_rgb_tables", "predict_second", "predict_baseline")},
        **{rule: {"mem_mb": 1500} for rule in ("make_heatmaps_learned", "make_heatmaps_tested")},
    },
}


@pytest.fixture(scope="session", autouse=True)
def cluster() -> Iterator[None]:
    """A cluster of one node."""
    try:
        one_node.start()
    except one_node.Unavailable as error:
        pytest.skip(f"no cluster: {error}")
    yield
    one_node.stop()


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Guest]:
    """A checkout without results, whose jobs go to the cluster."""
    guest = make_guest(tmp_path / "checkout")
    yield guest
    guest.end()


@pytest.fixture(scope="session")
def long_guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """The same, for the run that all of the session share."""
    guest = make_guest(tmp_path_factory.mktemp("long") / "checkout")
    yield guest
    guest.end()


def make_guest(root: Path) -> Guest:
    """A copy of the checkout with a config for the cluster."""
    copy_checkout(root)
    (root / "config" / "guest.yaml").write_text(yaml.safe_dump({**smaller(), "cluster": OF_CLUSTER}), encoding="utf-8")
    return Guest(root)
