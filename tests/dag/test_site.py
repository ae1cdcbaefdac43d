"""What jobs ask a cluster for, as dry runs print it: by the config, by defaults of a site, and as far as it allows."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from tests.dag.checkout import REPOSITORY
from tests.dag.conftest import Checkout
from tests.workflow.programs import answer
from uncover.workflow import engine

TARGETS = ("results/tiny/models/rgb1/weights.pt", "results/tiny/predictions/rgb1/hof.parquet")
ON_SLURM = ("--dry-run", "--executor", "slurm", "--jobs", "5")
OF_SNAKEMAKE = re.compile(r"(tmpdir|disk|disk_mb|disk_mib|mem|mem_mib)=")
IMPORTING = """\
module faces:
    snakefile: "{checkout}/workflow/Snakefile"
    config: config
use rule * from faces as faces_*
rule train:
    output: "own.txt"
    resources: mem_mb=7
    shell: "touch {{output}}"
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cluster of two partitions; the file that tells how often it was asked for its nodes."""
    asked = tmp_path / "asked"
    rows = ("main*|64|256000|2-00:00:00|(null)", "short|32|64000|10:00:00|gpu:a100:4")
    answer(tmp_path, "sinfo", f"echo >> {asked}; " + "; ".join(f"echo '{row}'" for row in rows))
    answer(tmp_path, "scontrol", "exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return asked


def asked_by(text: str, rule: str) -> dict[str, str]:
    """Resources of a rule's jobs in what a dry run prints."""
    found = re.search(rf"^ *rule {rule}:\n(?: +.*\n)*? +resources: (.*)", text, re.MULTILINE)
    assert found is not None, text
    words = [word for word in found.group(1).split(", ") if not OF_SNAKEMAKE.match(word)]
    return dict(word.split("=", 1) for word in words)


def test_defaults_of_a_site_count_and_its_partition_limits_the_time(plain_checkout: Checkout, cluster: Path) -> None:
    defaults = ("--default-resources", "slurm_partition=short", "slurm_account=me", "qos=low", "mem_mb=1", "runtime=1")
    text = plain_checkout.snakemake(*TARGETS, *ON_SLURM, *defaults)
    of_site = {"slurm_partition": "short", "slurm_account": "me", "qos": "low"}
    assert asked_by(text, "read_faces") == {"mem_mb": "2000", "runtime": "30"} | of_site
    assert asked_by(text, "predict") == {"mem_mb": "8000", "runtime": "480", "gpu": "1"} | of_site
    # A training goes on where it was, so that the limit of the partition will do.
    assert asked_by(text, "train") == {"mem_mb": "16000", "runtime": "600", "gpu": "1"} | of_site
    assert len(cluster.read_text().splitlines()) == 1


def test_the_config_goes_before_defaults_and_the_command_line_before_both(
    plain_checkout: Checkout, cluster: Path
) -> None:
    words = ("--default-resources", "slurm_partition=short", "slurm_account=me", "nodes=3", "slurm_extra='--x'")
    changes = ("--set-resources", "train:slurm_partition=main", "train:slurm_account=you", "read_faces:gres=gpu:h100:2")
    settings = "cluster={gpu_partition: short, rules: {read_faces: {partition: main, gpu: 1}}}"
    text = plain_checkout.snakemake(*TARGETS, *ON_SLURM, *words, *changes, "--config", settings)
    rest = {"nodes": "3", "slurm_extra": "--x"}
    train = {"mem_mb": "16000", "runtime": "2880", "gpu": "1", "slurm_partition": "main", "slurm_account": "you"}
    assert asked_by(text, "train") == train | rest
    of_predict = {"mem_mb": "8000", "runtime": "480", "gpu": "1", "slurm_partition": "short", "slurm_account": "me"}
    assert asked_by(text, "predict") == of_predict | rest
    # GPUs are asked for once, as whoever starts the run says.
    of_faces = {"mem_mb": "2000", "runtime": "30", "slurm_partition": "main", "slurm_account": "me"}
    assert asked_by(text, "read_faces") == of_faces | rest | {"gres": "gpu:h100:2"}


@pytest.mark.parametrize(
    ("form", "there", "extra"),
    [
        ("gres", {"gres": "gpu:a100:1", "cpus_per_task": "3"}, "--mail-type=END"),
        pytest.param(
            "gpus-per-task",
            {"cpus_per_task": "3"},
            "--mail-type=END --gpus-per-task=a100:1",
            marks=pytest.mark.whole_run,
        ),
    ],
)
def test_gpus_are_asked_for_as_the_site_wants_and_counted_here(
    plain_checkout: Checkout, cluster: Path, form: str, there: dict[str, str], extra: str
) -> None:
    settings = ("--config", f"cluster={{gpu_as: {form}, gpu_model: a100, cpus_per_gpu: 3}}")
    text = plain_checkout.snakemake(
        *TARGETS, *ON_SLURM, *settings, "--default-resources", "slurm_extra='--mail-type=END'"
    )
    asked = {"mem_mb": "16000", "runtime": "2880", "slurm_extra": extra}
    assert asked_by(text, "train") == asked | there
    assert asked_by(text, "read_faces") == {"mem_mb": "2000", "runtime": "30", "slurm_extra": "--mail-type=END"}
    here = asked_by(plain_checkout.snakemake(*TARGETS, "--dry-run", *settings), "train")
    assert here["gpu"] == "1" and not {"gres", "slurm_extra"} & here.keys()


def test_less_time_than_a_rule_that_starts_anew_thinks_right_is_told(plain_checkout: Checkout, cluster: Path) -> None:
    answer(cluster.parent, "sinfo", "echo '2|64|256000|2:00:00|(null)'")
    words = (
        "--default-resources",
        "slurm_partition=2",
        "--config",
        "cluster={gpu: false, rules: {train: {runtime: 90}}}",
    )
    text = plain_checkout.snakemake(*TARGETS, *ON_SLURM, *words)
    assert [asked_by(text, rule)["runtime"] for rule in ("train", "predict", "read_faces")] == ["90", "120", "30"]
    notes = [line for line in text.splitlines() if line.startswith("note: ")]
    assert notes == ["note: predict requests 120 minutes instead of 480: the time limit of its partition"]


def test_where_no_cluster_answers_a_dry_run_knows_no_limits(plain_checkout: Checkout, cluster: Path) -> None:
    answer(cluster.parent, "sinfo", "exit 1")
    text = plain_checkout.snakemake(*TARGETS, *ON_SLURM)
    assert asked_by(text, "train") == {"mem_mb": "16000", "runtime": "2880", "gpu": "1"}


@pytest.fixture
def importing(plain_checkout: Checkout, tmp_path: Path) -> Path:
    """Another workflow, which imports ours and has a rule of the same name as one of ours."""
    file = tmp_path / "importing.smk"
    file.write_text(IMPORTING.format(checkout=plain_checkout.root), encoding="utf-8")
    return file


@pytest.mark.whole_run
def test_settings_of_a_rule_are_found_by_its_own_name_also_in_a_module(
    plain_checkout: Checkout, importing: Path
) -> None:
    settings = "cluster={rules: {train: {mem_mb: 111}, evaluate_baseline: {mem_mb: 222}, table_web: {runtime: 3}}}"
    words = ("-s", str(importing), "--dry-run", "--config", settings)
    text = plain_checkout.snakemake("faces_all", *words, config="config/demo.yaml")
    assert asked_by(text, "faces_train")["mem_mb"] == "111"
    assert asked_by(text, "faces_evaluate_baseline")["mem_mb"] == "222"
    assert asked_by(text, "faces_evaluate_second")["mem_mb"] == "4000"
    assert asked_by(text, "faces_table_web")["runtime"] == "3"
    assert asked_by(plain_checkout.snakemake("train", *words), "train") == {"mem_mb": "7"}


def test_a_rule_of_another_workflow_is_none_of_ours(plain_checkout: Checkout, importing: Path) -> None:
    settings = "cluster={rules: {faces_train: {mem_mb: 111}}}"
    with pytest.raises(AssertionError, match=r"cluster\.rules\.faces_train: no rule of this run; did you mean"):
        plain_checkout.snakemake("faces_all", "-s", str(importing), "--dry-run", "--config", settings)


@pytest.mark.whole_run
def test_jobs_within_an_allocation_take_gpus_of_their_own_and_those_sent_to_a_cluster_do_not(
    plain_checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Checkout(tmp_path / "checkout", plain_checkout.python)
    shutil.copytree(plain_checkout.root, own.root, symlinks=True)
    told = own.root / "results/tiny/raw/wflw/synthetic.json"
    answer(own.root / "workflow" / "bin", "uncover", f'echo "slots $UNCOVER_GPU_SLOTS" > {told}')
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    words = (str(told.relative_to(own.root)), "--force")
    own.snakemake(*words)
    assert told.read_text() == "slots 1\n"
    own.snakemake(*words, "--mode", "remote")
    assert told.read_text() == "slots \n"


def test_each_rule_asks_under_its_own_name() -> None:
    for file in (REPOSITORY / "workflow" / "rules").glob("*.smk"):
        text = file.read_text(encoding="utf-8")
        blocks = re.split(r"^ *(?=(?:use )?(?:rule|checkpoint)\b.*:$)", text, flags=re.MULTILINE)[1:]
        for block in blocks:
            name = re.match(r"(?:use rule \w+ as|rule|checkpoint) ?(\w*)", block)
            asked = re.search(r"\*\*needs\(\s*(?:\"(\w+)\"|(name)),", block)
            assert name is not None
            # What is made again in other shares asks for the same under the same name.
            if "localrule: True" not in block and not name.group(1).endswith(engine.AS_BEFORE):
                assert asked is not None and (asked.group(1) or "") == name.group(1), (file.name, block[:60])
