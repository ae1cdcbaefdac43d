"""What `uncover plan` and `why` say of results at hand: warnings of Snakemake, packages that have changed since."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.dag.checkout import REPOSITORY
from tests.dag.conftest import Checkout

MADE = "results/tiny/faces/merl_rav.parquet"


@pytest.fixture(scope="module")
def begun(plain_checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout in which faces were read, and nothing else was done. Do not change it."""
    root = tmp_path_factory.mktemp("begun") / "checkout"
    shutil.copytree(plain_checkout.root, root, symlinks=True)
    checkout = Checkout(root, plain_checkout.python)
    checkout.snakemake(MADE)
    return checkout


@pytest.fixture
def own(begun: Checkout, tmp_path: Path) -> Checkout:
    root = tmp_path / "checkout"
    shutil.copytree(begun.root, root, symlinks=True)
    return Checkout(root, begun.python)


def ask(checkout: Checkout, *words: str) -> tuple[str, str]:
    """Standard output and error of a verb that ends well."""
    command = [str(checkout.python), "-m", "uncover.cli", *words, "--configfile", "config/tiny.yaml"]
    environment = os.environ | {"PYTHONPATH": str(checkout.root / "src")}
    done = subprocess.run(command, cwd=checkout.root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.mark.whole_run
def test_a_lost_record_of_snakemake_is_warned_of(own: Checkout) -> None:
    assert ask(own, "why", MADE) == (f"{MADE}: is up to date (read_faces/merl_rav)\n", "")
    shutil.rmtree(own.root / ".snakemake" / "metadata")
    out, error = ask(own, "why", MADE)
    assert out == f"{MADE}: is up to date (read_faces/merl_rav)\n"
    assert error.startswith("warning: missing provenance: ") and "(make_synthetic, read_faces)" in error
    plan, error = ask(own, "plan", MADE, "--json")
    (warning,) = json.loads(plan)["warnings"]
    assert error.startswith(f"warning: {warning}\n")


@pytest.mark.whole_run
def test_what_the_snakefile_warns_of_is_passed_on(own: Checkout) -> None:
    snakefile = own.root / "workflow" / "rules" / "common.smk"
    text = 'import logging\nlogging.getLogger("snakemake.logging").warning("the disk is old")\n'
    snakefile.write_text(snakefile.read_text(encoding="utf-8") + text, encoding="utf-8")
    assert ask(own, "why", MADE)[1] == "warning: the disk is old\n"


@pytest.mark.whole_run
def test_a_package_of_another_version_in_the_lock_is_told_and_reruns_nothing(own: Checkout) -> None:
    lock = own.root / "envs" / "requirements.txt"
    text = lock.read_text(encoding="utf-8")
    lock.write_text(re.sub(r"(?m)^(pandas|torch)==\S+", r"\1==99.1", text), encoding="utf-8")
    out, _ = ask(own, "why", MADE)
    # No torch has read the faces.
    first, line = out.splitlines()
    assert first == f"{MADE}: is up to date (read_faces/merl_rav)"
    assert re.match(r"  pandas [\d.]+ -> 99.1 \(envs/requirements.txt\) since 2 of the jobs ran", line)
    assert line.endswith("not a reason to rerun them; to rerun them anyway: snakemake --forcerun make_synthetic")
    assert own.planned(MADE) == {}
    values = json.loads(ask(own, "plan", MADE, "--json")[0])
    (other,) = values["other_versions"]
    assert values["jobs"] == 0 and (other["package"], other["locked"], other["jobs"]) == ("pandas", "99.1", 2)


@pytest.mark.whole_run
def test_the_speeds_that_are_shipped_leave_no_time_of_the_thesis_unknown(plain_checkout: Checkout) -> None:
    speeds = str(REPOSITORY / "benchmarks" / "v100.yaml")
    values = plain_checkout.plan("--speeds", speeds, config="config/thesis.yaml")
    assert values["not_known"] == [] and values["gpu_hours"] > 50 and values["hours_by_gpus"]["1"] > values["gpu_hours"]
    alone = plain_checkout.plan()
    assert (
        alone["gpu_hours"] is alone["core_hours"] is alone["critical_path_hours"] is alone["hours_by_gpus"]["1"] is None
    )
    assert alone["at_least"]["jobs"] == 0 and sum(each["jobs"] for each in alone["not_known"]) == alone["jobs"]
