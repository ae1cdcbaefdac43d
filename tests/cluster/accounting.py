"""A database and SLURM's daemon for it, so that `sacct` has something to say of the cluster of one node."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

PROGRAMS = ("mariadbd", "mariadb-install-db", "slurmdbd", "sacctmgr")
PACKAGES = ("slurmdbd", "mariadb-server")
PORTS = (17819, 17820)
OF_SLURM = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port}
AccountingStoragePass={state}/munge.socket"""

SLURMDBD_CONF = """\
{mark}DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={ports[1]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={state}/munge.socket
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={ports[0]}
StorageUser=root
StorageLoc=slurm
PidFile={state}/slurmdbd.pid
LogFile={state}/slurmdbd.log
"""


def start(state: Path, settings: Path, mark: str, host: str) -> None:
    """Start an empty database and the daemon; munge runs already.

    Args:
        state: Folder of all that the cluster writes.
        settings: Folder that SLURM reads.
        mark: First line of our settings.
        host: Name of this machine.
    """
    data = state / "database"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    ours = ("--no-defaults", "--user=root", f"--datadir={data}")
    normal = ("--auth-root-authentication-method=normal", "--skip-test-db")
    subprocess.run(["mariadb-install-db", *ours, *normal], check=True, **quiet)
    reached = (f"--socket={state}/database.socket", f"--port={PORTS[0]}", "--bind-address=127.0.0.1")
    own = (f"--pid-file={state}/mariadbd.pid", "--innodb-buffer-pool-size=64M")
    # In the background of a shell, so that it is nobody's child when it ends.
    subprocess.run(["sh", "-c", '"$@" &', "sh", "mariadbd", *ours, *reached, *own], check=True, **quiet)
    _wait_until(["mariadb-admin", "--no-defaults", reached[0], "ping"], "the database")
    file = settings / "slurmdbd.conf"
    file.write_text(SLURMDBD_CONF.format(mark=mark, host=host, state=state, ports=PORTS))
    file.chmod(0o600)
    subprocess.run(["slurmdbd"], check=True)
    _wait_until(["sacctmgr", "--noheader", "show", "cluster"], "slurmdbd")


def _wait_until(command: list[str], what: str, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while subprocess.run(command, capture_output=True).returncode:
        if time.monotonic() > until:
            raise TimeoutError(f"{what} does not answer")
        time.sleep(0.3)
