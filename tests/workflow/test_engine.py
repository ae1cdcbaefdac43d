"""Private names of Snakemake that we rest on: there in the versions tried, and in no other module than `engine`."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest
import snakemake.api  # noqa: F401  # before its other modules, which import each other

import uncover
from uncover.workflow import engine

ROOT = Path(uncover.__file__).parent
SNAKEFILES = [ROOT.parents[1] / "workflow" / "Snakefile", *(ROOT.parents[1] / "workflow" / "rules").glob("*.smk")]
PRIVATE = re.compile(r"(?:workflow|dag|persistence|scheduler|executor|job|rule|api)\._\w+")


def test_the_installed_snakemake_is_one_that_was_tried() -> None:
    assert version("snakemake") in engine.TRIED


@pytest.mark.parametrize(
    ("module", "owner", "names"),
    [
        ("snakemake.workflow", "Workflow", ["_prepare_dag", "_build_dag", "get_rule", "async_run"]),
        ("snakemake.resources", "Resource", ["evaluate", "value"]),
        ("snakemake.settings.types", "ResourceSettings", ["_parsed_default_resources"]),
        (
            "snakemake.persistence",
            "PersistenceBase",
            ["_filter_incomplete_keys", "finished", "metadata", "external_jobids"],
        ),
        ("snakemake.api", "WorkflowApi", ["_workflow"]),
        ("snakemake.dag", "DAG", ["needrun", "needrun_jobs", "reason", "toposorted", "get_job_group"]),
        ("snakemake_executor_plugin_slurm", None, ["query_job_status"]),
    ],
)
def test_names_that_are_not_promised_are_there(module: str, owner: str | None, names: list[str]) -> None:
    place = import_module(module)
    assert all(hasattr(getattr(place, owner) if owner else place, name) for name in names)


def test_only_the_engine_names_what_is_private() -> None:
    files = [*ROOT.rglob("*.py"), *SNAKEFILES]
    found = {file.name for file in files if PRIVATE.search(file.read_text(encoding="utf-8"))}
    assert found == {"engine.py"}
