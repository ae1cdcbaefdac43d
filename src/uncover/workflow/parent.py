"""A job ends with the Snakemake that started it: one that outlived it would write beside the job that comes next."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import threading
import time

from uncover.process import is_alive, number_of

logger = logging.getLogger(__name__)

PARENT = "UNCOVER_PARENT"
"""Variable that holds the process to end with, as `uncover.process.this_process` names it."""

SECONDS_BETWEEN_LOOKS = 2.0
SECONDS_TO_END = 10.0


def end_with_parent() -> None:
    """From here on, end this process as soon as the one that `PARENT` names is gone; without it, do nothing.

    It is told to end first, so that it removes its temporary files, and killed if it has not ended some seconds later.
    """
    parent = number_of(os.environ.get(PARENT, ""))
    if parent is not None:
        threading.Thread(target=_watch, args=(parent,), daemon=True, name="parent").start()


def _watch(parent: int) -> None:
    _wait_for_end(parent)
    with contextlib.suppress(OSError):  # whoever listened may be gone too
        logger.info("Snakemake is gone: ending")
    os.kill(os.getpid(), signal.SIGTERM)
    # Code in C may not look at signals for long.
    time.sleep(SECONDS_TO_END)
    os.kill(os.getpid(), signal.SIGKILL)


def _wait_for_end(process: int) -> None:
    if hasattr(os, "pidfd_open"):
        try:
            file = os.pidfd_open(process)
        except ProcessLookupError:
            return
        except OSError:  # a container that does not allow it
            pass
        else:
            select.select([file], [], [])
            return
    while is_alive(process):
        time.sleep(SECONDS_BETWEEN_LOOKS)
