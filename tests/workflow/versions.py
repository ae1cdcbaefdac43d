"""Which versions of Snakemake the workflow, `uncover plan` and a cluster work with; `make test-versions` runs it.

Each version gets an environment of its own, with what else is needed from the environment that runs this, and a copy of
the checkout. The cluster is faked: its `sbatch` runs the job before it returns. uv and a package index are needed.

    python -m tests.workflow.versions 9.15.0 9.27.1    # none: those of `engine.TRIED`, and the newest
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.dag.checkout import copy_checkout
from tests.workflow.programs import answer
from uncover.workflow.engine import NO_CLUSTER, SLURM_PLUGIN, TRIED, TRIED_PLUGINS

TINY = ("--configfile", "config/tiny.yaml")
SYNTHETIC, FACES = "results/tiny/raw/wflw/synthetic.json", "results/tiny/faces/wflw.parquet"
ON_CLUSTER = "results/cluster/raw/wflw/synthetic.json"
NOTHING = "Nothing to be done"

Verdict = Callable[[int, str], bool]


@dataclass(frozen=True)
class Environment:
    """A version of Snakemake.

    Attributes:
        folder: Of all that belongs to it.
        version: As `pip` names it.
    """

    folder: Path
    version: str

    @property
    def checkout(self) -> Path:
        return self.folder / "checkout"

    def program(self, name: str, environment: str = "whole") -> str:
        return str(self.folder / environment / "bin" / name)

    def install(self) -> None:
        """Make an environment with Snakemake alone, one with all, and a copy of the checkout."""
        newest = f"snakemake=={self.version}" if self.version != "newest" else "snakemake"
        plugin = f"{SLURM_PLUGIN}=={TRIED_PLUGINS[-1]}"
        for name, packages in (("alone", [newest]), ("whole", [newest, plugin, "pydantic>=2"])):
            place = self.folder / name
            uv("venv", "--python", sys.executable, str(place))
            self.add(name, *packages)
        # Whatever else is needed comes from here, after what stands there.
        (site,) = (self.folder / "whole").glob("lib/*/site-packages")
        (site / "zz_others.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
        copy_checkout(self.checkout)

    def add(self, environment: str, *packages: str) -> None:
        """Install packages into one of the environments."""
        uv("pip", "install", "--python", self.program("python", environment), *packages)

    def run(self, *command: str, programs: Path | None = None) -> tuple[int, str]:
        """Run a command in the checkout.

        Returns:
            Exit code, and all that it printed.
        """
        own = [str(programs)] if programs else []
        path = os.pathsep.join([*own, str(Path(self.program("python")).parent), os.environ["PATH"]])
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SLURM_"))}
        done = subprocess.run(
            command,
            cwd=self.checkout,
            env=kept | {"PATH": path, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.returncode, done.stdout


def uv(*words: str) -> None:
    """Run uv.

    Raises:
        SystemExit: There is none, or it cannot.
    """
    program = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if program is None:
        raise SystemExit("uv: is not installed; make setup")
    done = subprocess.run([program, *words, "--quiet"], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"uv {' '.join(words)}: {done.stderr.strip()}")


def fake_cluster(folder: Path, checkout: Path) -> Path:
    """Programs in SLURM's place, for a cluster of one node without accounting.

    `sbatch` runs the job at once, and notes how many records Snakemake's job has left, before the main process sees
    that it has ended.
    """
    programs = folder / "programs"
    programs.mkdir()
    answer(programs, "sinfo", "echo 'main*|8|64000|1-00:00:00|(null)'")
    answer(programs, "scontrol", "echo 'AccountingStorageType = accounting_storage/none'; echo 'MinJobAge = 300 sec'")
    answer(programs, "scancel", "true")
    answer(programs, "squeue", f'case "$*" in *%T*) cat {folder}/states 2>/dev/null;; esac; true')
    answer(
        programs,
        "sbatch",
        f"""
for word in "$@"; do case "$word" in --wrap=*) job="${{word#--wrap=}}";; esac; done
cd {checkout}
number=$(( $(cat {folder}/states 2>/dev/null | wc -l) + 1 ))
state=COMPLETED
SLURM_JOB_ID=$number SLURM_CPUS_ON_NODE=8 sh -c "$job" > {folder}/job.log 2>&1 < /dev/null || state=FAILED
find .snakemake/metadata -type f 2>/dev/null | wc -l > {folder}/records
echo "$number|$state" >> {folder}/states
echo $number""",
    )
    answer(programs, "srun", 'while [ "${1#-}" != "$1" ]; do shift; done; exec "$@"')
    return programs


def checks(environment: Environment) -> Iterator[tuple[str, bool, str]]:
    """Try everything.

    Yields:
        What was tried, whether it works, and what was printed.
    """
    snakemake, alone = environment.program("snakemake"), environment.program("snakemake", "alone")
    # The program finds the package beside it.
    uncover = str(environment.checkout / "workflow" / "bin" / "uncover")
    programs = fake_cluster(environment.folder, environment.checkout)

    def tried(what: str, verdict: Verdict, *command: str, cluster: bool = False) -> tuple[str, bool, str]:
        code, text = environment.run(*command, programs=programs if cluster else None)
        return what, verdict(code, text) and "Traceback" not in text, text

    def fine(code: int, _: str) -> bool:
        return code == 0

    def says(pattern: str, expected: int = 0) -> Verdict:
        return lambda code, text: code == expected and re.search(pattern, text) is not None

    dry = (alone, "-n", "--cores", "1", *TINY)
    yield tried("Snakemake alone", says(r"has no cv2, numpy, .* -m pip install", 1), *dry)
    asked = re.search(r" -m pip install (.*)", environment.run(*dry)[1])
    if asked:
        environment.add("alone", *shlex.split(asked[1]))
        yield tried("Snakemake with what it asked for", fine, *dry)
    yield tried("dry run", says(r"(?m)^all +1$"), snakemake, "-n", "--cores", "2")
    profile = ("--workflow-profile", "workflow/profiles/default")
    yield tried("a target with the profile", fine, snakemake, SYNTHETIC, "--cores", "2", *profile, *TINY)
    yield tried("a target", fine, snakemake, FACES, "--cores", "2", *TINY)
    kept = list(environment.checkout.glob("results/tiny/record/*"))
    yield "files and records", (environment.checkout / FACES).is_file() and len(kept) == 2, ""
    yield tried("nothing to do", says(NOTHING), snakemake, "-n", FACES, "--cores", "2", *TINY)
    yield tried("uncover plan", says(r"results/tiny: \d+ jobs"), uncover, "plan", *TINY)
    yield tried("uncover why", says("is up to date"), uncover, "why", FACES, *TINY)
    changed = ("--config", "synthetic={seed: 4}")
    yield tried("uncover why, changed", says(r"synthetic\.seed 3 -> 4"), uncover, "why", FACES, *TINY, *changed)
    slurm = ("--executor", "slurm", "--jobs", "2", "--slurm-init-seconds-before-status-checks", "1")
    run = ("--config", "run=cluster")
    yield tried("SLURM, dry run", fine, snakemake, "-n", *slurm, *TINY, cluster=True)
    before = sum(file.is_file() for file in environment.checkout.glob(".snakemake/metadata/**/*"))
    submit = (snakemake, ON_CLUSTER, *slurm, *TINY, *run)
    if environment.run(snakemake, "--version")[1].strip() in NO_CLUSTER:
        yield tried("SLURM, which it cannot", says("cannot run jobs on a cluster", 2), *submit, cluster=True)
        return
    what, works, text = tried("SLURM", fine, *submit, cluster=True)
    job = environment.folder / "job.log"
    yield what, works, text + (job.read_text() if job.is_file() else "")
    if works:
        after = int((environment.folder / "records").read_text())
        yield "SLURM, the job's own record", after > before, f"{before} records before, {after} after the job"
    yield tried("SLURM, nothing to do", says(NOTHING), snakemake, "-n", ON_CLUSTER, "--cores", "1", *TINY, *run)


def main() -> int:
    """Try versions and print what works.

    Returns:
        1 where anything does not.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="*", help="of Snakemake")
    parser.add_argument("--verbose", action="store_true", help="print what failed said")
    args = parser.parse_args()
    failed = []
    for version in args.versions or [*TRIED, "newest"]:
        with tempfile.TemporaryDirectory() as folder:
            environment = Environment(Path(folder), version)
            environment.install()
            _, text = environment.run(environment.program("snakemake"), "--version")
            print(f"Snakemake {text.strip()}", flush=True)
            for what, works, text in checks(environment):
                print(f"  {'ok    ' if works else 'FAILED'} {what}", flush=True)
                if not works:
                    failed.append(f"{version}: {what}")
                    print(text if args.verbose else "    " + "\n    ".join(text.splitlines()[-5:]), flush=True)
    print("\n".join(["everything works"] if not failed else ["failed:", *failed]))
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
