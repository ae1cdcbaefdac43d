"""A SLURM cluster of one node on this machine, for as long as the tests need it.

Run by hand: python -m tests.cluster.one_node start|stop|install. Needs root and Debian's slurm-wlm and munge. SLURM
reads its settings in /etc/slurm, because jobs do not inherit SLURM_CONF; those that are not ours are never overwritten.
The node has two GPUs that are none (/dev/null and /dev/zero), so that asking for one is tried too. What a partition
does not allow is refused at once, and one of the two allows less than the other.
"""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path

from tests.cluster import accounting

SETTINGS = Path("/etc/slurm")
STATE = Path("/var/tmp/uncover-one-node")
MARK = "# Made by the tests of uncover for a cluster of one node; may be removed.\n"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
PACKAGES = ("slurm-wlm", "munge")
MEMORY_MB = 20000
PORTS = (17817, 17818)
FILES = ("slurm.conf", "gres.conf", "slurmdbd.conf")

SLURM_CONF = """\
{mark}ClusterName=onenode
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={state}/munge.socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=bf_interval=1,sched_interval=1,batch_sched_delay=0
{accounting}
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
ReturnToService=2
KillWait=3
MinJobAge=3600
SlurmctldPidFile={state}/slurmctld.pid
SlurmdPidFile={state}/slurmd.pid
SlurmdSpoolDir={state}/spool
StateSaveLocation={state}/state
SlurmctldLogFile={state}/slurmctld.log
SlurmdLogFile={state}/slurmd.log
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SwitchType=switch/none
MpiDefault=none
GresTypes=gpu
EnforcePartLimits=ALL
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:a100:2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=1-00:00:00 State=UP
PartitionName=short Nodes=ALL MaxTime=02:00:00 MaxMemPerNode=3000 State=UP
"""
GRES_CONF = "{mark}Name=gpu Type=a100 File=/dev/null\nName=gpu Type=a100 File=/dev/zero\n"


class Unavailable(Exception):
    """This machine cannot be a cluster; the message says why."""


def check_available() -> None:
    """Make sure that a cluster can be started here.

    Raises:
        Unavailable: It cannot.
    """
    if os.geteuid() != 0:
        raise Unavailable("a cluster of one node needs root")
    absent = _absent(PROGRAMS)
    if absent:
        raise Unavailable(f"not installed: {', '.join(absent)} (Debian: {' '.join(PACKAGES)})")
    for name in FILES:
        file = SETTINGS / name
        if file.exists() and not file.read_text().startswith(MARK):
            raise Unavailable(f"{file}: belongs to another cluster")


def install() -> None:
    """Install Debian's packages where they are missing, and those for accounting where they can be had.

    Raises:
        Unavailable: There is no apt, no root, or no index of packages.
    """
    _install(PROGRAMS, PACKAGES)
    try:
        _install(accounting.PROGRAMS, accounting.PACKAGES)
    except Unavailable as error:
        print(f"no accounting: {error}")


def _install(programs: Collection[str], packages: Collection[str]) -> None:
    if not _absent(programs):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Unavailable(f"cannot install {' '.join(packages)}: needs root and apt-get")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(["apt-get", "update", "-qq"], **quiet)
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    if subprocess.run(command, env=environment, **quiet).returncode:
        raise Unavailable(f"apt-get could not install {' '.join(packages)}")


def _absent(programs: Collection[str]) -> list[str]:
    return [program for program in programs if shutil.which(program) is None]


def start(with_accounting: bool = False) -> None:
    """Start the cluster, empty, and wait until its node takes jobs.

    Args:
        with_accounting: Whether there is a database that `sacct` asks.

    Raises:
        Unavailable: It does not.
    """
    check_available()
    if with_accounting and _absent(accounting.PROGRAMS):
        raise Unavailable(f"not installed: {', '.join(_absent(accounting.PROGRAMS))}")
    stop()
    shutil.rmtree(STATE, ignore_errors=True)
    for folder in (STATE / "state", STATE / "spool", SETTINGS):
        folder.mkdir(parents=True, exist_ok=True)
    # Munge refuses to work below a folder that others may write to, and with a key that they may read.
    STATE.chmod(0o755)
    key = STATE / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    host, cpus = platform.node().split(".")[0], len(os.sched_getaffinity(0))
    kept = (
        accounting.OF_SLURM.format(port=accounting.PORTS[1], state=STATE)
        if with_accounting
        else "AccountingStorageType=accounting_storage/none"
    )
    settings = SLURM_CONF.format(
        mark=MARK, host=host, state=STATE, cpus=cpus, memory=MEMORY_MB, ports=PORTS, accounting=kept
    )
    (SETTINGS / "slurm.conf").write_text(settings)
    (SETTINGS / "gres.conf").write_text(GRES_CONF.format(mark=MARK))
    _run(
        "munged",
        f"--key-file={key}",
        f"--socket={STATE}/munge.socket",
        f"--pid-file={STATE}/munged.pid",
        f"--log-file={STATE}/munged.log",
        f"--seed-file={STATE}/munged.seed",
    )
    if with_accounting:
        accounting.start(STATE, SETTINGS, MARK, host)
    _run("slurmctld")
    _run("slurmd")
    _wait_until_idle()


def restart_slurmd() -> None:
    """Kill the daemon of the node at once and start it again; its jobs go on meanwhile."""
    _kill("slurmd", signal.SIGKILL)
    _run("slurmd")
    _wait_until_idle()


def stop() -> None:
    """Cancel all jobs and end all daemons; remove our settings."""
    if (STATE / "slurmctld.pid").exists():
        subprocess.run(["scancel", "--full", "--user=root"], capture_output=True, timeout=30)
        time.sleep(1)
    for daemon in ("slurmd", "slurmctld", "slurmdbd", "mariadbd", "munged"):
        _kill(daemon, signal.SIGKILL)
    for name in FILES:
        file = SETTINGS / name
        if file.exists() and file.read_text().startswith(MARK):
            file.unlink()


def _wait_until_idle(seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        asked = ["sinfo", "--noheader", "--partition=main", "--format=%T"]
        state = subprocess.run(asked, capture_output=True, text=True).stdout.strip()
        if state in ("idle", "mixed", "allocated"):
            return
        time.sleep(0.5)
    log = (STATE / "slurmctld.log").read_text()[-2000:] if (STATE / "slurmctld.log").exists() else ""
    raise Unavailable(f"the node does not come up: {state or 'no answer'}\n{log}")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise Unavailable(f"{' '.join(command)}: {done.stderr.strip()}")


def _kill(daemon: str, how: signal.Signals) -> None:
    file = STATE / f"{daemon}.pid"
    try:
        process = int(file.read_text())
        os.kill(process, how)
    except (OSError, ValueError):
        return
    while True:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    file.unlink(missing_ok=True)


if __name__ == "__main__":
    try:
        {"start": start, "stop": stop, "install": install}[sys.argv[1]]()
    except Unavailable as error:
        sys.exit(f"{error}")
