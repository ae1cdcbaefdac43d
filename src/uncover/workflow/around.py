"""What happens before the first job of a run and after its last one."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from uncover.atomic import check_writable
from uncover.config.model import Config
from uncover.console import say
from uncover.errors import InputError
from uncover.workflow import engine, slurm
from uncover.workflow.frozen import code_state, freeze
from uncover.workflow.run_record import (
    CONFIG,
    RunRecord,
    begin_record,
    end_record,
    orphans_of,
    read_records,
)

CODE = "code"
CHECKS_REMEMBERED = 3
"""Looks at the queue that SLURM must remember an ended job for, or its end might be missed."""


def before_jobs(workflow: Any, config: Config, run_folder: Path, checkout: Path, state: str) -> RunRecord:
    """Make sure that the jobs can run, that no others are in their way, and that nobody changes them; begin the record.

    Args:
        workflow: Snakemake's, with its jobs planned.
        config: Merged.
        run_folder: results/<run>.
        checkout: Folder of the Snakefile.
        state: Of the code when it was read, as `code_state` has it.

    Raises:
        InputError: Results cannot be written, jobs can never run, or the code has changed meanwhile.
    """
    check_writable(run_folder)
    about: dict[str, Any] = {
        "executor": engine.executor_of(workflow),
        "logs": engine.log_of(workflow),
        "code_folder": str(checkout),
        "queue_name": None,
    }
    if about["executor"] == engine.SLURM:
        about["queue_name"] = engine.name_in_queue(workflow)
        try:
            _before_slurm(workflow, read_records(run_folder))
        except slurm.NoAnswer as error:
            raise InputError(str(error)) from None
    frozen = None
    if config.cluster.freeze == "always" or (config.cluster.freeze == "auto" and not engine.is_local(workflow)):
        if code_state(checkout) != state:
            raise InputError(f"{checkout}: was edited while Snakemake was starting; start again")
        frozen = freeze(checkout, run_folder / CODE)
        about["code_folder"] = str(frozen)
    record = begin_record(run_folder, config, checkout, about)
    if frozen is not None:
        engine.run_from(workflow, frozen.absolute() / "Snakefile", (record.folder / CONFIG).absolute())
        say(f"jobs run from {frozen}; edits of {checkout} do not reach them")
    return record


def after_jobs(record: RunRecord, outcome: str, run_folder: Path) -> None:
    """End the record; what keeps it from being written, such as a full disk, is said and changes nothing else.

    Args:
        record: Of the run.
        outcome: "complete" or "failed".
        run_folder: results/<run>.
    """
    try:
        end_record(record, outcome, run_folder / "logs")
    except OSError as error:
        say(f"warning: {error.filename or record.folder}: {error.strerror}; how the run ended is not written down")


def _before_slurm(workflow: Any, records: Collection[RunRecord]) -> None:
    jobs = engine.jobs_ahead(workflow)
    misfits = slurm.misfits(engine.asked_by(workflow, jobs), slurm.nodes())
    if misfits:
        raise InputError(
            "jobs that this cluster would never run: "
            + "; ".join(misfits)
            + ". Ask for less or elsewhere in the config:"
            " cluster.rules.<rule>, cluster.partition, cluster.gpu, cluster.threads"
        )
    _choose_how_to_follow(workflow)
    orphans = slurm.in_queue(engine.submitted_before(workflow, jobs), orphans_of(records))
    if orphans:
        say(f"SLURM still has {len(orphans)} jobs of a Snakemake that is gone; cancelling them: {' '.join(orphans)}")
        left = slurm.cancel(orphans)
        if left:
            raise InputError(f"SLURM jobs {' '.join(left)} do not end, and would write beside those that come now")


def _choose_how_to_follow(workflow: Any) -> None:
    """`sacct` where it has something to say; the queue where there is no accounting, and long enough a memory."""
    settings = slurm.configuration()
    if slurm.has_accounting(settings):
        engine.understand_cancellations()
        return
    remembered, wait = slurm.seconds_remembered(settings), engine.seconds_between_checks(workflow)
    if remembered < CHECKS_REMEMBERED * wait:
        raise InputError(
            f"this SLURM has no accounting, and forgets a job {remembered} s after its end (MinJobAge): give"
            f" --slurm-init-seconds-before-status-checks {max(1, remembered // CHECKS_REMEMBERED)} or less"
        )
    engine.ask_the_queue(workflow)
