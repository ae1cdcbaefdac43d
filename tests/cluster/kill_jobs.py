"""Disturb a run on a SLURM cluster of one node, and compare what it ends with to an undisturbed run, byte for byte.

Run by hand or by CI: python -m tests.cluster.kill_jobs [ROUNDS] [SEED]. Each round waits a random while and then
cancels a random job (scancel), kills Snakemake and starts it again, or kills the node's daemon and starts it again; the
first rounds take each of the three once. Needs what tests/cluster/one_node.py needs.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.cluster import one_node
from tests.cluster.conftest import make_guest
from tests.cluster.guest import Guest, job, kill, queue
from tests.dag.kill_runs import broken_files, contents

LONGEST_WAIT = 60.0
FEWEST_FILES = 5
"""Before there are results, there is nothing to disturb."""


class Disturbed:
    """A run that somebody disturbs."""

    def __init__(self, guest: Guest, chance: random.Random) -> None:
        self.guest, self.chance = guest, chance
        self.process = guest.start()

    def scancel(self) -> str:
        running = queue("--states=RUNNING") or queue()
        if not running:
            return "nothing: no job in the queue"
        number = self.chance.choice(running)
        comment = job(number).get("Comment", "?")
        subprocess.run(["scancel", number], check=True)
        return f"scancel of job {number} ({comment})"

    def kill_snakemake(self) -> str:
        left = len(queue())
        kill(self.process)
        # Some of its jobs end meanwhile, others are still there when the next Snakemake comes.
        time.sleep(self.chance.uniform(0, 8))
        self.guest.must_run("--unlock")
        self.process = self.guest.start()
        return f"SIGKILL of Snakemake, {left} jobs in the queue"

    def restart_slurmd(self) -> str:
        running = len(queue("--states=RUNNING"))
        one_node.restart_slurmd()
        return f"SIGKILL and restart of slurmd, {running} jobs running"


def main(rounds: int = 5, seed: int = 0) -> int:
    chance = random.Random(seed)
    try:
        one_node.start()
    except one_node.Unavailable as error:
        print(f"skipped: no cluster: {error}")
        return 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            return compare(Path(folder), rounds, chance)
    finally:
        one_node.stop()


def compare(folder: Path, rounds: int, chance: random.Random) -> int:
    """Run undisturbed on this machine, disturbed on the cluster; compare."""
    whole, disturbed = make_guest(folder / "whole"), make_guest(folder / "disturbed")
    started = time.monotonic()
    whole.run_here()
    expected = contents(whole.run_folder)
    print(f"undisturbed, without a cluster: {time.monotonic() - started:.0f} s, {len(expected)} files", flush=True)
    started = time.monotonic()
    run = Disturbed(disturbed, chance)
    ways = [run.scancel, run.kill_snakemake, run.restart_slurmd]
    for number in range(rounds):
        until = time.monotonic() + chance.uniform(5, LONGEST_WAIT)
        while time.monotonic() < until or len(contents(disturbed.run_folder)) < FEWEST_FILES:
            if run.process.poll() is not None:
                break
            time.sleep(0.5)
        if run.process.poll() is not None:
            print(f"round {number + 1}: the run has ended ({run.process.returncode})", flush=True)
            break
        done = (ways[number] if number < len(ways) else chance.choice(ways))()
        made = len(contents(disturbed.run_folder))
        broken = list(broken_files(disturbed.run_folder))
        print(f"round {number + 1}: {done}; {made} files there, {len(broken)} broken", flush=True)
        if broken:
            print(*broken, sep="\n")
            return 1
    code = run.process.wait()
    print(f"ended with {code} after {time.monotonic() - started:.0f} s", flush=True)
    if code:
        print(disturbed.said()[-6000:])
        return 1
    found = contents(disturbed.run_folder)
    different = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
    print(f"{len(expected) - len(different)} of {len(expected)} files equal, {len(different)} DIFFERENT")
    print(*different, sep="\n")
    plan = disturbed.must_run("--dry-run")
    nothing_to_do, recorded = "Nothing to be done" in plan, "missing provenance" not in plan
    print(f"a dry run finds {'nothing' if nothing_to_do else 'SOMETHING'} to do", flush=True)
    print(f"records of jobs: {'complete' if recorded else 'MISSING'}")
    return 0 if not different and nothing_to_do and recorded else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
