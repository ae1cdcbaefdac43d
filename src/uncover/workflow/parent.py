"""End a job together with the Snakemake that started it: otherwise it would write beside its replacement."""

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
"""Variable with the process to end with, in the format of `uncover.process.this_process`."""

SECONDS_BETWEEN_LOOKS = 2.0
SECONDS_TO_END = 10.0


def end_with_parent() -> None:
    """Start to watch the process in `PARENT`, and end this one when it ends; without the variable, do nothing.

    This process first gets SIGTERM, so that it removes its temporary files, and SIGKILL if it still runs 10 s later.
    """
    parent = number_of(os.environ.get(PARENT, ""))
    if parent is not None:
        threading.Thread(target=_watch, args=(parent,), daemon=True, name="parent").start()


def _watch(parent: int) -> None:
    _wait_for_end(parent)
    with contextlib.suppress(OSError):  # the reader of the log may have ended too
        logger.info("Snakemake has ended: stopping this job")
    os.kill(os.getpid(), signal.SIGTERM)
    # C code may not handle signals for a long time.
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
