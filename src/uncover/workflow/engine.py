"""All contact with Snakemake's inside: what a running workflow knows, and the few things that we set in it.

Written for the pinned version; tests/dag and tests/cluster would notice what another one does otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from uncover.workflow.slurm import Asked

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
