"""All contact with Snakemake's inside: what a running workflow knows and the few things that we set in it, and what
Snakemake would run, as plain values, for `uncover plan` and `uncover why`.

A plain local run needs no private name of Snakemake. Written for the versions in `TRIED`; tests/workflow/test_engine.py
names what is private, tests/dag and tests/cluster would notice what another version does otherwise.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from uncover.config.load import check_config
from uncover.config.model import Config
from uncover.errors import InputError
from uncover.paths import RunPaths, job_name
from uncover.workflow.digest import ROOT
from uncover.workflow.slurm import Asked

TRIED = ("9.27.1",)
"""Versions of Snakemake whose private names were tried."""

SNAKEFILE = ROOT.parents[1] / "workflow" / "Snakefile"
"""Of the checkout that this code stands in."""

SLURM = "slurm"


def executor_of(workflow: Any) -> str:
    """Name of what runs the jobs: "local", "slurm" or another."""
    return workflow.executor_plugin.name


def is_local(workflow: Any) -> bool:
    """Whether jobs run on this machine."""
    return workflow.local_exec


def is_on_cluster(workflow: Any) -> bool:
    """Whether this is the Snakemake within a job that another one has sent somewhere."""
    return workflow.remote_exec


def only_touches(workflow: Any) -> bool:
    """Whether jobs are only marked as done (--touch)."""
    return workflow.touch


def moved(workflow: Any, path: str) -> str:
    """Where a path of a rule ends up that an importing workflow, or a storage provider, moves elsewhere."""
    return str(workflow.modifier.modify_path(path))


def name_in_queue(workflow: Any) -> str:
    """The name that all SLURM jobs of this run have."""
    return workflow.scheduler._executor.run_uuid


def jobs_ahead(workflow: Any) -> list[Any]:
    """Jobs that are going to be run, and are submitted where there is a cluster."""
    return [job for job in workflow.dag.needrun_jobs() if not job.is_local]


def asked_by(workflow: Any, jobs: Iterable[Any]) -> Iterator[Asked]:
    """What jobs ask for, those of a group together."""
    groups = {workflow.dag.get_job_group(job) or job for job in jobs}
    for job in groups:
        rules = sorted({each.rule.name for each in job} if job.is_group() else {job.rule.name})
        resources = job.resources
        beside_gpus = int(resources.get("cpus_per_gpu") or 0) * int(resources.get("gpu") or 0)
        yield Asked(
            ", ".join(rules[:3]) + (", ..." if len(rules) > 3 else ""),
            beside_gpus or resources.get("_cores", 1),
            int(resources.get("mem_mb") or 0),
            int(resources.get("runtime") or 0),
            int(resources.get("gpu") or 0),
            resources.get("gpu_model"),
            resources.get("slurm_partition"),
        )


def submitted_before(workflow: Any, jobs: Iterable[Any]) -> set[str]:
    """Numbers under which earlier runs submitted these jobs, without seeing their end."""
    return {number for job in jobs for number in workflow.persistence.external_jobids(job)}


def ask_the_queue(workflow: Any) -> None:
    """Follow jobs by `squeue`, not by `sacct`."""
    workflow.executor_settings.status_command = "squeue"


def understand_cancellations() -> None:
    """Follow jobs by `sacct`, which also says who cancelled one.

    The plugin takes "CANCELLED by 1000" for the state of a job that still runs, and would wait for it for ever.
    """
    import snakemake_executor_plugin_slurm as plugin

    query = plugin.query_job_status

    async def query_first_words(command: str, logger: Any) -> tuple[dict[str, str] | None, float | None]:
        states, seconds = await query(command, logger)
        return states and {job: state.partition(" ")[0] for job, state in states.items()}, seconds

    plugin.query_job_status = query_first_words


def seconds_between_checks(workflow: Any) -> int:
    """How long the executor waits before it asks SLURM for the first time."""
    return workflow.executor_settings.init_seconds_before_status_checks


def run_from(workflow: Any, snakefile: Path, config: Path) -> None:
    """Send jobs to another copy of the Snakefile and to a config that nobody edits."""
    workflow.scheduler._executor.snakefile = str(snakefile)
    workflow.config_settings.configfiles = [config]
    workflow.config_settings.config_args = []


def log_of(workflow: Any) -> list[str]:
    """Snakemake's own log files of this run."""
    return [str(path) for path in workflow.logger_manager.get_logfile()]


def record_as_main() -> None:
    """Let a job within a cluster write Snakemake's record of what it was made by, as the main process does.

    Otherwise the record is the main process's alone, and missing for ever where that one is killed between a job's end
    and its next look at the queue: no later change of code or settings would rerun the job.
    """
    from snakemake.persistence import PersistenceBase
    from snakemake_interface_executor_plugins.settings import ExecMode

    finished = PersistenceBase.finished

    class AsMain:
        def __init__(self, persistence: Any) -> None:
            self._persistence = persistence
            inner = persistence.dag.workflow
            self.dag = SimpleNamespace(
                workflow=SimpleNamespace(
                    exec_mode=ExecMode.DEFAULT,
                    execution_settings=inner.execution_settings,
                    remote_execution_settings=inner.remote_execution_settings,
                )
            )

        def __getattr__(self, name: str) -> Any:
            return getattr(self._persistence, name)

    async def finished_as_main(self: Any, job: Any) -> None:
        await finished(AsMain(self), job)

    PersistenceBase.finished = finished_as_main


@dataclass(frozen=True)
class Made:
    """What Snakemake has written down of a job that made the outputs at hand.

    Attributes:
        params: Values of the parameters then, as Python writes them.
        inputs: Files that it read.
        command: The rule's command, with its placeholders.
        started: Seconds since 1970.
    """

    params: frozenset[str]
    inputs: frozenset[str]
    command: str | None
    started: float


@dataclass(frozen=True)
class PlannedJob:
    """A job of the DAG.

    Attributes:
        number: Place among the jobs of the plan.
        rule: Name.
        name: Rule and wildcards, such as "train/rgb10", as in the names of logs and benchmarks.
        wildcards: By name.
        params: By name, as Python writes them.
        inputs: Files that it reads.
        outputs: Files that it writes.
        missing: Those of them that are not there.
        unmade: Those of the missing ones that never were.
        incomplete: Whether a killed job has left them.
        newer: Inputs that somebody changed after the outputs were made.
        command: As of `Made`.
        made: What is known of how the outputs at hand were made; None for new ones.
        benchmark: Where its time and memory are written.
        threads: Processors.
        gpus: GPUs.
        minutes: Time that it asks for.
        needs: Numbers of the jobs that run before it.
        runs: Whether it would be run.
        forced: Because somebody asked for it.
    """

    number: int
    rule: str
    name: str
    wildcards: dict[str, str]
    params: dict[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    missing: tuple[str, ...]
    unmade: tuple[str, ...]
    incomplete: bool
    newer: tuple[str, ...]
    command: str | None
    made: Made | None
    benchmark: Path | None
    threads: int
    gpus: int
    minutes: int
    needs: tuple[int, ...] = field(default=())
    runs: bool = True
    forced: bool = False


@dataclass(frozen=True)
class Plan:
    """A DAG: all jobs behind some targets, and the config that they come from."""

    config: Config
    jobs: list[PlannedJob]

    @property
    def run_folder(self) -> Path:
        """results/<run>."""
        return Path(RunPaths.of_run(self.config.run).root)

    @property
    def ahead(self) -> list[PlannedJob]:
        """Jobs that would be run; the target rule is none of them."""
        return [job for job in self.jobs if job.runs]

    def maker(self, path: str) -> PlannedJob | None:
        """The job that makes a file, among the jobs behind the targets."""
        return next((job for job in self.jobs if path in job.outputs), None)


def read_plan(targets: Sequence[str], configs: Sequence[Path] = (), changes: dict[str, Any] | None = None) -> Plan:
    """Ask Snakemake for the DAG behind some targets, in the working folder.

    Args:
        targets: Files or rules; none stands for everything.
        configs: Config files, as --configfile takes them; none stands for the demo.
        changes: Values that replace some of theirs, as --config takes them.

    Raises:
        InputError: This is no checkout, or the working folder is another one; a config does not hold; nothing makes a
            target.
    """
    if not SNAKEFILE.is_file():
        raise InputError(f"{SNAKEFILE}: does not exist; the workflow needs a clone of the repository, not the package")
    # Digests of code would be those of other files than the jobs would run.
    here = Path("workflow", "Snakefile")
    if here.is_file() and Path("src", "uncover").is_dir() and not here.samefile(SNAKEFILE):
        raise InputError(
            f"this is the uncover of {SNAKEFILE.parents[1]}, not of the checkout here; give workflow/bin/uncover"
        )
    for path in configs:
        if not path.is_file():
            raise InputError(f"{path}: does not exist; expected a config file")

    from snakemake.api import SnakemakeApi
    from snakemake.exceptions import MissingRuleException, RuleException, WorkflowError
    from snakemake.settings.enums import Quietness
    from snakemake.settings.types import (
        ConfigSettings,
        DAGSettings,
        OutputSettings,
        ResourceSettings,
    )

    told = io.StringIO()
    try:
        # Whatever Snakemake prints is its own dry run's; errors arrive as exceptions.
        with (
            contextlib.redirect_stderr(told),
            SnakemakeApi(OutputSettings(dryrun=True, quiet={Quietness.ALL})) as api,
        ):
            settings = ConfigSettings(configfiles=list(configs), config=changes or {})
            workflow_api = api.workflow(ResourceSettings(), config_settings=settings, snakefile=SNAKEFILE)
            dag_api = workflow_api.dag(DAGSettings(targets=set(targets), force_incomplete=True))
            workflow = dag_api.workflow_api._workflow
            workflow._prepare_dag(forceall=False, ignore_incomplete=True, lock_warn_only=True)
            workflow._build_dag()
            config = check_config(dict(workflow.globals["config"]))
            return Plan(config, list(_jobs(workflow, Path(RunPaths.of_run(config.run).benchmarks))))
    except MissingRuleException:
        names = ", ".join(targets)
        raise InputError(
            f"{names}: no rule makes it; expected a file of this run, results/<run>/..., or a rule"
        ) from None
    except (WorkflowError, RuleException) as error:
        raise InputError(" ".join(str(error).split()) or told.getvalue().strip()) from None


def _jobs(workflow: Any, benchmarks: Path) -> Iterator[PlannedJob]:
    dag = workflow.dag
    ordered = [job for level in dag.toposorted() for job in level if job.output]
    numbers = {job: number for number, job in enumerate(ordered)}
    for job in ordered:
        needs = sorted(numbers[other] for other in dag.dependencies[job] if other in numbers and dag.needrun(other))
        yield _job(workflow, job, numbers[job], tuple(needs), benchmarks)


def _job(workflow: Any, job: Any, number: int, needs: tuple[int, ...], benchmarks: Path) -> PlannedJob:
    persistence, reason = workflow.persistence, workflow.dag.reason(job)
    outputs = tuple(map(str, job.output))
    missing = tuple(path for path in outputs if not Path(path).exists())
    records = {str(path): persistence.metadata(path) for path in job.output}
    known = {path: each for path, each in records.items() if each is not None and each.params is not None}
    record = next(iter(known.values()), None)
    made = None
    if record is not None:
        made = Made(frozenset(record.params), frozenset(record.input or ()), record.code, record.starttime or 0.0)
    # All our parameters are plain values, which Snakemake stores as Python writes them.
    stored = {repr(value) for value in job.non_derived_params}
    params = {str(name): repr(value) for name, value in job.params.items()}
    marked = persistence._filter_incomplete_keys(outputs)
    wildcards = {str(name): str(value) for name, value in job.wildcards.items()}
    return PlannedJob(
        number=number,
        rule=job.rule.name,
        name=job_name(Path(str(job.benchmark)), benchmarks) if job.benchmark else job.rule.name,
        wildcards=wildcards,
        params={name: value for name, value in params.items() if value in stored},
        inputs=tuple(map(str, job.input)),
        outputs=outputs,
        missing=missing,
        unmade=tuple(path for path in missing if path not in known),
        incomplete=bool(marked),
        newer=tuple(sorted(map(str, reason.updated_input - reason.updated_input_run))),
        command=job.rule.shellcmd,
        made=made,
        benchmark=Path(str(job.benchmark)) if job.benchmark else None,
        threads=int(job.threads),
        gpus=int(job.resources.get("gpu") or 0),
        minutes=int(job.resources.get("runtime") or 0),
        needs=needs,
        runs=workflow.dag.needrun(job),
        forced=bool(reason.forced),
    )
