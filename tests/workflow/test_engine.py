"""Names of Snakemake that it does not promise: in one module, and one line or an answer without them where they differ.

Runs without them are in tests/dag/test_installations.py; `tests.workflow.versions` tries the versions themselves.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import snakemake.api  # before its other modules, which import each other
import snakemake_executor_plugin_slurm as plugin
from snakemake.dag import DAG
from snakemake.exceptions import WorkflowError
from snakemake.persistence import PersistenceBase
from snakemake.workflow import Workflow

import uncover
from uncover import cli
from uncover.errors import InputError
from uncover.workflow import engine

ROOT = Path(uncover.__file__).parent
CHECKOUT = ROOT.parents[1]
SNAKEFILES = [CHECKOUT / "Snakefile", CHECKOUT / "workflow" / "Snakefile", *(CHECKOUT / "workflow").glob("rules/*.smk")]
PRIVATE = re.compile(r"(?:workflow|dag|persistence|scheduler|executor|job|rule|api)\._\w+")
DOCUMENTED = {"basedir", "cores", "current_basedir", "source_path"}
SET = {"default_target"}
"""What is set and not asked for; where it were nothing to Snakemake, its first rule would be the default."""


def code_of(file: Path) -> str:
    return "\n".join(line.partition("#")[0] for line in file.read_text(encoding="utf-8").splitlines())


def asked_of_the_workflow(file: Path) -> set[str]:
    return set(re.findall(r"(?<![\w./])workflow\.(?!html)(\w+)", code_of(file)))


def test_the_installed_versions_are_ones_that_were_tried() -> None:
    assert version("snakemake") in engine.TRIED and version(engine.SLURM_PLUGIN) in engine.TRIED_PLUGINS


def test_the_lowest_version_is_the_same_everywhere_and_the_docs_name_those_tested() -> None:
    (lowest,) = re.findall(r'^min_version\("(.*)"\)', SNAKEFILES[1].read_text(encoding="utf-8"), re.MULTILINE)
    assert f'"snakemake>={lowest}",' in (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    assert f"\nsnakemake>={lowest}\n" in (CHECKOUT / "envs" / "requirements.in").read_text(encoding="utf-8")
    docs = (CHECKOUT / "docs" / "workflow.md").read_text(encoding="utf-8").replace("`", "")
    assert f"| {lowest} or later" in docs and f"tested: {', '.join(engine.TRIED)} |" in docs
    assert f"{engine.NO_CLUSTER[0]} to {engine.NO_CLUSTER[-1]}" in docs
    assert f"{engine.SLURM_PLUGIN} {', '.join(engine.TRIED_PLUGINS)} |" in docs


@pytest.mark.parametrize(
    ("module", "owner", "names"),
    [
        ("snakemake.workflow", "Workflow", ["_prepare_dag", "_build_dag", "is_main_process", "local_exec", "rules"]),
        ("snakemake.workflow", "Workflow", ["remote_exec", "touch", "executor_plugin"]),
        ("snakemake.persistence", "PersistenceBase", ["incomplete", "finished", "metadata", "external_jobids"]),
        ("snakemake.workflow", "Workflow", ["get_rule", "async_run", "dryrun"]),
        ("snakemake.resources", "Resource", ["evaluate", "value"]),
        ("snakemake.settings.types", "ResourceSettings", ["_parsed_default_resources"]),
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


@pytest.mark.parametrize("file", SNAKEFILES, ids=lambda file: str(file.relative_to(CHECKOUT)))
def test_snakefiles_ask_for_what_is_documented_alone(file: Path) -> None:
    assert asked_of_the_workflow(file) <= DOCUMENTED | SET
    imported = re.findall(r"^\s*(?:from|import) (snakemake\S*)", code_of(file), re.MULTILINE)
    assert set(imported) <= {"snakemake.exceptions", "snakemake.utils"}


def test_other_modules_ask_the_workflow_for_nothing() -> None:
    files = [file for file in ROOT.rglob("*.py") if file.name != "engine.py"]
    assert {file.name: names for file in files if (names := asked_of_the_workflow(file))} == {}


def test_without_private_names_the_answers_are_those_of_this_machine(caplog: pytest.LogCaptureFixture) -> None:
    bare = SimpleNamespace()
    assert (engine.executor_of(bare), engine.is_main(bare), engine.is_on_cluster(bare)) == ("local", True, False)
    assert not engine.only_touches(bare) and engine.rule_names(bare) == []
    assert engine.config_files(bare) == [] and engine.given_values(bare) == {} and engine.moved(bare, "a") == "a"
    assert engine.is_local(bare) and "the executor of jobs: uses internals of Snakemake" in caplog.text


def test_settings_of_software_that_are_elsewhere_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = SimpleNamespace(basedir="somewhere")
    assert not engine.uses_containers(bare) and engine.main_snakefile(bare) == Path("somewhere", "Snakefile")
    engine.ignore_environments(bare)
    engine.ignore_environments(SimpleNamespace(dag_settings=SimpleNamespace()))
    for name in ("snakemake.settings.types", "snakemake.settings.enums"):
        monkeypatch.setitem(sys.modules, name, None)
    assert not engine.uses_containers(bare)
    engine.ignore_environments(bare)


def test_names_that_stand_for_something_else_count_as_absent() -> None:
    other = SimpleNamespace(local_exec=lambda: False, is_main_process=lambda: False, touch=print, remote_exec=print)
    assert engine.is_local(other) and engine.is_main(other) and not engine.only_touches(other)
    assert not engine.is_on_cluster(other)


def test_an_executor_that_is_named_says_where_jobs_run() -> None:
    slurm, local = (SimpleNamespace(executor_plugin=SimpleNamespace(name=name)) for name in ("slurm", "local"))
    assert not engine.is_local(slurm) and engine.is_local(local)
    assert not engine.is_local(SimpleNamespace(local_exec=False)) and engine.is_local(SimpleNamespace(local_exec=True))


@pytest.mark.parametrize("files", [[], ["config/tiny.yaml"]])
def test_config_files_that_were_given(files: list[str]) -> None:
    assert engine.has_configfile(SimpleNamespace(config_settings=SimpleNamespace(configfiles=files)), {}) == bool(files)


def test_config_files_that_are_not_told_are_taken_from_what_is_there(caplog: pytest.LogCaptureFixture) -> None:
    assert not engine.has_configfile(SimpleNamespace(), {}) and not caplog.text
    assert engine.has_configfile(SimpleNamespace(), {"run": "a"})
    assert "does not report whether a config file was passed: config/demo.yaml is not used" in caplog.text


def test_cores_are_none_where_none_were_named() -> None:
    class Report:
        @property
        def cores(self) -> int:
            raise WorkflowError("--cores")

    assert engine.cores_of(SimpleNamespace(cores=6)) == 6
    assert engine.cores_of(SimpleNamespace(cores=6, remote_exec=True)) is None
    assert engine.cores_of(Report()) is None


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of one rule."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engine, "SNAKEFILE", tmp_path / "Snakefile")
    engine.SNAKEFILE.write_text(
        "configfile: 'small.yaml'\n"
        "from uncover.config.load import check_config\n"
        "CONFIG = check_config(config)\n"
        "rule made:\n    output: 'results/a/made'\n    shell: 'touch {output}'\n"
    )
    (tmp_path / "small.yaml").write_text("run: a\n")
    return tmp_path


async def awaited(*_: object) -> None:
    """What used to be called."""


def needs_more(self: object, one: object, more: object) -> None:
    """What used to be called with less."""


def nothing(*_: object, **__: object) -> None:
    """What used to return something."""


def test_a_plan_is_one_where_nothing_differs(small: Path) -> None:
    (job,) = engine.read_plan(["made"]).ahead
    assert (job.rule, job.outputs, job.incomplete) == ("made", ("results/a/made",), False)


@pytest.mark.parametrize(
    ("owner", "name", "other"),
    [
        (Workflow, "_prepare_dag", None),
        (Workflow, "_prepare_dag", needs_more),
        (Workflow, "_build_dag", awaited),
        (snakemake.api, "SnakemakeApi", None),
        (snakemake.api.WorkflowApi, "_workflow", None),
        (DAG, "toposorted", None),
        (DAG, "toposorted", nothing),
        (DAG, "reason", nothing),
        (DAG, "needrun", needs_more),
        (PersistenceBase, "metadata", needs_more),
        (PersistenceBase, "metadata", lambda *_: [1]),
    ],
)
def test_a_plan_that_cannot_be_had_is_one_line(
    small: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    owner: Any,
    name: str,
    other: Callable[..., object] | None,
) -> None:
    if other is None:
        monkeypatch.delattr(owner, name)
    else:
        monkeypatch.setattr(owner, name, other)
    assert cli.main(["plan", "made"]) == 2
    line = capsys.readouterr().err.strip()
    assert line.startswith("uncover plan: error: the plan of a run: uses internals of Snakemake") and "\n" not in line
    assert f"snakemake {version('snakemake')}" in line and f"tested with Snakemake {', '.join(engine.TRIED)}" in line
    assert f"pip install snakemake=={engine.TRIED[-1]}" in line


def test_a_module_that_is_no_more_is_one_line_and_no_snakemake_at_all_another(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "snakemake.settings.enums", None)
    assert cli.main(["plan", "made"]) == 2
    assert "uses internals of Snakemake, which differ in" in capsys.readouterr().err
    # Which the command line says itself.
    with pytest.raises(ModuleNotFoundError), engine.private_names("the plan of a run"):
        raise ModuleNotFoundError(name="snakemake")


def test_an_error_of_a_snakefile_is_no_matter_of_versions(small: Path) -> None:
    with (small / "Snakefile").open("a") as file:
        file.write("None.missing\n")
    with pytest.raises(AttributeError, match="missing"):
        engine.read_plan(["made"])


@pytest.mark.parametrize("record", [{}, {"params": ["1"], "input": ["a"], "code": "touch", "starttime": 3.0}])
def test_records_of_earlier_snakemakes_are_dictionaries(
    small: Path, monkeypatch: pytest.MonkeyPatch, record: dict[str, Any]
) -> None:
    monkeypatch.setattr(PersistenceBase, "metadata", lambda *_: record)
    (job,) = engine.read_plan(["made"]).jobs
    assert job.made == (engine.Made(frozenset("1"), frozenset("a"), "touch", 3.0) if record else None)


def test_what_is_replaced_is_what_was_tried() -> None:
    assert engine.FINISHED[engine.source_state(PersistenceBase.finished)]
    assert engine.source_state(plugin.query_job_status) == engine.QUERY


def test_records_are_left_alone_and_said_where_snakemake_writes_them_otherwise(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine.check_cluster()
    assert not caplog.text
    monkeypatch.setattr(PersistenceBase, "finished", awaited)
    engine.record_as_main()
    assert PersistenceBase.finished is awaited
    engine.check_cluster()
    assert "records provenance differently from Snakemake" in caplog.text
    assert "later changes of code or settings do not rerun jobs" in caplog.text and "--forcerun FILE" in caplog.text


def test_a_snakemake_that_fails_on_clusters_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "version", lambda _: "9.14.3")
    with pytest.raises(InputError, match=r"Snakemake 9\.14\.3 cannot run jobs on a cluster.* pip install snakemake==9"):
        engine.check_cluster()


def test_cancellations_are_left_alone_and_said_where_the_plugin_asks_otherwise(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(plugin, "query_job_status", awaited)
    engine.understand_cancellations()
    assert plugin.query_job_status is awaited
    assert "may wait for ever for a cancelled job" in caplog.text


@pytest.mark.parametrize("name", ["query_job_status", "Executor.check_active_jobs"])
def test_cancellations_are_said_where_the_plugin_has_no_such_name(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    owner, _, last = name.rpartition(".")
    monkeypatch.delattr(getattr(plugin, owner) if owner else plugin, last)
    engine.understand_cancellations()
    assert "may wait for ever for a cancelled job" in caplog.text


def test_cancellations_that_the_plugin_understands_are_left_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(plugin, "query_job_status")
    monkeypatch.setattr(plugin.Executor, "job_stati", awaited, raising=False)
    engine.understand_cancellations()
    assert not hasattr(plugin, "query_job_status") and not caplog.text
