"""Steps before the first and after the last job of a run, and the record of the run: config, command, code,
environment, machine, seeds, outcome and peak GPU memory.

Each start of Snakemake writes a folder, results/<run>/record/<time>/:
  config.yaml      the merged config, with all defaults
  run.json         everything else
  environment.txt  all installed packages
  changes.patch    differences from the commit, if there are any
  modules.json     definitions behind each digest of code, with which `uncover why` names changes
"""

from __future__ import annotations

import json
import logging
import os
import platform
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

import uncover
from uncover.atomic import check_writable, new_file
from uncover.config.load import laid_over, whole_values
from uncover.config.model import Config
from uncover.errors import InputError
from uncover.paths import RunPaths
from uncover.process import is_alive, number_of, this_process
from uncover.workflow import engine, slurm
from uncover.workflow.digest import code_states
from uncover.workflow.frozen import PARTS, code_state, freeze
from uncover.workflow.gpus import NoAnswer, list_gpus, read_gpu_use

logger = logging.getLogger(__name__)

CONFIG, RUN, ENVIRONMENT, CHANGES, MODULES = (
    "config.yaml",
    "run.json",
    "environment.txt",
    "changes.patch",
    "modules.json",
)
TOLD = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "OMP_WAIT_POLICY", "SLURM_JOB_ID", "CONDA_PREFIX")
"""Environment variables that may affect a run; others are not recorded, for privacy."""


@dataclass(frozen=True)
class RunRecord:
    """One start of Snakemake.

    Attributes:
        folder: Folder of the record.
        about: Content of run.json.
    """

    folder: Path
    about: dict[str, Any]

    @property
    def started(self) -> float:
        """Start, in seconds since 1970."""
        return datetime.fromisoformat(self.about["started"]).timestamp()

    def config(self) -> Config:
        """The config of the run.

        Raises:
            ValidationError: The current code has other keys.
        """
        values = yaml.safe_load((self.folder / CONFIG).read_text(encoding="utf-8"))
        return Config.model_validate(laid_over({}, values, Config))

    def code(self) -> dict[str, dict[str, str]]:
        """State of each definition, by code digest and full name, "package.module:name".

        Raises:
            ValueError: The record was written by an earlier version, which recorded whole modules.
        """
        known = json.loads((self.folder / MODULES).read_text(encoding="utf-8"))
        if any(isinstance(names, str) for names in known["modules"].values()):
            raise ValueError(f"{self.folder / MODULES}: contains states of modules; expected states of definitions")
        states = [
            (f"{module}:{name}" if name else module, state)
            for module, names in known["modules"].items()
            for name, state in names.items()
        ]
        return {digest: dict(states[number] for number in numbers) for digest, numbers in known["digests"].items()}

    @property
    def is_over(self) -> bool:
        """Whether its Snakemake ran on this machine and has ended."""
        number = number_of(self.about["process"])
        return self.about["host"] == platform.node() and number is not None and not is_alive(number)


def begin_record(run_folder: Path, config: Config, checkout: Path, about: Mapping[str, Any]) -> RunRecord:
    """Write the record of a run at its start.

    Args:
        run_folder: Folder of the run, results/<run>.
        config: Merged config.
        checkout: Folder that contains `workflow/`.
        about: Properties of this start of Snakemake: executor, cores, log files, the frozen copy.
    """
    now = datetime.now(UTC)
    folder = _new_folder(Path(RunPaths(run_folder).records), now.strftime("%Y%m%dT%H%M%SZ"))
    values = whole_values(config)
    found: dict[str, Any] = {
        "started": now.isoformat(timespec="milliseconds"),
        "ended": None,
        "outcome": None,
        "command": sys.argv,
        "host": platform.node(),
        "process": this_process(),
        **about,
        "code": {**_git(checkout, folder / CHANGES), "version": uncover.__version__},
        "python": platform.python_version(),
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "gpus": _gpus(),
        "environment": {name: os.environ[name] for name in TOLD if name in os.environ},
        "seeds": dict(_seeds(values, "")),
        "peak_gpu_memory": {},
    }
    packages = sorted({f"{each.name}=={each.version}" for each in metadata.distributions()}, key=str.lower)
    _write(folder / CONFIG, yaml.safe_dump(values, sort_keys=False))
    _write(folder / ENVIRONMENT, "".join(f"{package}\n" for package in packages))
    _write(folder / MODULES, _code_text(*code_states()))
    record = RunRecord(folder, found)
    _write_about(record)
    return record


def end_record(record: RunRecord, outcome: str, logs: Path) -> None:
    """Add the end of the run, its outcome and the peak GPU memory of its jobs.

    Args:
        record: Record of the run.
        outcome: "complete" or "failed".
        logs: Folder of the logs of its jobs, from which GPU memory is read.
    """
    record.about["ended"] = datetime.now(UTC).isoformat(timespec="milliseconds")
    record.about["outcome"] = outcome
    record.about["peak_gpu_memory"] = read_gpu_use(logs, record.started)
    _write_about(record)


def read_records(run_folder: Path) -> list[RunRecord]:
    """All records of a run, in order of start; incomplete ones of a killed Snakemake are skipped."""
    records = []
    for path in sorted(Path(RunPaths(run_folder).records).glob(f"*/{RUN}")):
        try:
            records.append(RunRecord(path.parent, json.loads(path.read_text(encoding="utf-8"))))
        except ValueError:
            continue
    return records


def _new_folder(parent: Path, name: str) -> Path:
    for number in range(1, 1000):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(parent / name)


def _code_text(digests: Mapping[str, Sequence[str]], states: Mapping[str, str]) -> str:
    """States of definitions by module, and for each digest their indices in that order, because names are long."""
    modules: dict[str, dict[str, str]] = {}
    for part, state in states.items():
        module, _, name = part.partition(":")
        modules.setdefault(module, {})[name] = state
    parts = (f"{module}:{name}" if name else module for module, names in modules.items() for name in names)
    numbers = {part: number for number, part in enumerate(parts)}
    known = {"digests": {digest: [numbers[part] for part in parts] for digest, parts in digests.items()}}
    return json.dumps(known | {"modules": modules}, separators=(",", ":"))


def _write_about(record: RunRecord) -> None:
    _write(record.folder / RUN, json.dumps(record.about, indent=2) + "\n")


def _write(path: Path, text: str) -> None:
    with new_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _git(checkout: Path, patch: Path) -> dict[str, Any]:
    """Commit, and whether the code differs from it; the difference is saved so that results can be reproduced."""
    commit = _ask_git(checkout, "rev-parse", "HEAD")
    if commit is None:
        return {"commit": None, "changed": None}
    changes = _ask_git(checkout, "diff", "HEAD", "--", *PARTS) or ""
    new = _ask_git(checkout, "ls-files", "--others", "--exclude-standard", "--", *PARTS) or ""
    if changes or new:
        _write(patch, changes + "".join(f"# not in git: {name}\n" for name in new.split("\n") if name))
    return {"commit": commit.strip(), "changed": bool(changes or new)}


def _ask_git(checkout: Path, *words: str) -> str | None:
    try:
        answer = subprocess.run(["git", "-C", str(checkout), *words], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout if answer.returncode == 0 else None


def _gpus() -> list[str] | str:
    try:
        return [str(gpu) for gpu in list_gpus()]
    except NoAnswer as error:
        return str(error)


def _seeds(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, int]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _seeds(value, f"{prefix}{key}.")
        elif key == "seed" and isinstance(value, int):
            yield f"{prefix}{key}", value


def orphans_of(records: Iterable[RunRecord]) -> set[str]:
    """Job names, in the queue, of runs whose Snakemake has ended."""
    return {record.about["queue_name"] for record in records if record.about.get("queue_name") and record.is_over}


CHECKS_REMEMBERED = 3
"""SLURM must remember an ended job for this many queries of the queue, or its end might be missed."""


def before_jobs(
    workflow: Any, config: Config, run_folder: Path, checkout: Path, state: str, logs: Iterable[str] = ()
) -> RunRecord:
    """Check that the jobs can run, cancel orphaned jobs, freeze the code, and write the record.

    Args:
        workflow: Snakemake's workflow, with its jobs planned.
        config: Merged config.
        run_folder: Folder of the run, results/<run>.
        checkout: Folder that contains `workflow/`.
        state: State of the code when it was read, as returned by `code_state`.
        logs: Log files of Snakemake for this run.

    Raises:
        InputError: Results cannot be written, jobs can never run, the code has changed in the meantime, or a cluster
            needs internals of Snakemake that differ in this version.
    """
    check_writable(run_folder)
    local = engine.is_local(workflow)
    if not local:
        engine.check_cluster()
    about: dict[str, Any] = {
        "executor": engine.executor_of(workflow),
        "logs": list(map(str, logs)),
        "code_folder": str(checkout),
        "queue_name": None,
    }
    if about["executor"] == engine.SLURM:
        with engine.private_names("a run on SLURM"):
            about["queue_name"] = engine.name_in_queue(workflow)
            try:
                _before_slurm(workflow, read_records(run_folder))
            except slurm.NoAnswer as error:
                raise InputError(str(error)) from None
    frozen = None
    if config.cluster.freeze == "always" or (config.cluster.freeze == "auto" and not local):
        if code_state(checkout) != state:
            raise InputError(f"{checkout}: edited while Snakemake was starting; start Snakemake again")
        frozen = freeze(checkout, Path(RunPaths(run_folder).code))
        about["code_folder"] = str(frozen)
    record = begin_record(run_folder, config, checkout, about)
    if frozen is not None:
        with engine.private_names("a frozen copy of the code (cluster.freeze: never turns it off)"):
            engine.run_from(workflow, frozen.absolute() / "workflow" / "Snakefile", (record.folder / CONFIG).absolute())
        logger.info(f"jobs run from {frozen}; edits of {checkout} do not reach them")
    return record


def after_jobs(record: RunRecord, outcome: str, run_folder: Path) -> None:
    """Complete the record; if it cannot be written, e.g. on a full disk, only log a warning.

    Args:
        record: Record of the run.
        outcome: "complete" or "failed".
        run_folder: Folder of the run, results/<run>.
    """
    try:
        end_record(record, outcome, Path(RunPaths(run_folder).logs))
    except OSError as error:
        logger.warning(f"{error.filename or record.folder}: {error.strerror}; the outcome of the run is not recorded")


def _before_slurm(workflow: Any, records: Collection[RunRecord]) -> None:
    jobs = engine.jobs_ahead(workflow)
    site = engine.site_told()
    misfits = slurm.misfits(engine.asked_by(workflow, jobs), (site and site.nodes) or slurm.nodes())
    if misfits:
        raise InputError(
            "this cluster can never run some jobs: "
            + "; ".join(misfits)
            + ". Reduce the request or change the partition in the config:"
            " cluster.rules.<rule>, cluster.partition, cluster.gpu, cluster.threads"
        )
    _choose_how_to_follow(workflow)
    orphans = slurm.in_queue(engine.submitted_before(workflow, jobs), orphans_of(records))
    if orphans:
        logger.info(f"cancelling {len(orphans)} SLURM jobs of an earlier Snakemake that has ended: {' '.join(orphans)}")
        left = slurm.cancel(orphans)
        if left:
            raise InputError(
                f"SLURM jobs {' '.join(left)} of an earlier Snakemake do not end after scancel, and new jobs would"
                " write the same files; start again when they have ended"
            )


def _choose_how_to_follow(workflow: Any) -> None:
    """Track jobs with `sacct`, or with `squeue` if accounting is off and the queue remembers jobs long enough."""
    settings = slurm.configuration()
    if slurm.has_accounting(settings):
        engine.understand_cancellations()
        return
    remembered, wait = slurm.seconds_remembered(settings), engine.seconds_between_checks(workflow)
    if remembered < CHECKS_REMEMBERED * wait:
        raise InputError(
            f"SLURM accounting is off, and the queue forgets a job {remembered} s after its end (MinJobAge): pass"
            f" --slurm-init-seconds-before-status-checks {max(1, remembered // CHECKS_REMEMBERED)} or less"
        )
    engine.ask_the_queue(workflow)
