"""What every rule owes, and how many jobs each config makes."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable

import pytest

from tests.dag.conftest import Checkout
from tests.dag.dry_run import DryRun

NUMBERED_TABLES = [f"table_{number:02}" for number in range(1, 14)]
VARIANTS_TABLES = [f"table_{number}_variants" for number in ("07", "08", "09", "12", "13")]
OTHER_TABLES = ["table_parts", "table_val_counts", "table_hof", "table_heatmaps", "rescue_summary"]
BASELINE_TABLES = ["table_10_baselines", "table_11_baselines", "table_web", "rescue_summary_baselines"]
FIGURES = [f"figure_{number}" for number in range(15, 32)]
# One of two detectors is scored on all parts too.
EVALUATED = dict.fromkeys(["evaluate", "evaluate_rgb1", "evaluate_rgb_tables", "evaluate_rgb1_tables"], 1)
# Three heatmap detectors of the extended demo are variants, one of ours learns from occlusion augmentation. Two
# baselines need nothing but their packages.
SYNTHETIC_JOBS = {
    "make_synthetic": 5,
    "read_faces": 2,
    "split_photos": 2,
    "label_faces": 4,
    "label_frames": 6,
    "evolve_generation": 2,
    "evolution_history": 1,
    "train": 2 + 4 + 3 + 1,
    **dict.fromkeys(["predict", "predict_rgb_tables"], 2),
    **EVALUATED,
    **dict.fromkeys(["make_heatmaps_learned", "make_heatmaps_tested"], 1),
    "find_missed": 1,
    "predict_second": 4 + 3 + 1,
    "evaluate_second": 4 + 3 + 1,
    **dict.fromkeys(["predict_baseline", "evaluate_baseline"], 2),
    **dict.fromkeys(
        ["predict_at_scales", "propose_faces", "rescue_trial", "rescue_cascade", "comparison", "report_page"], 1
    ),
    **dict.fromkeys(
        [*NUMBERED_TABLES, *VARIANTS_TABLES, *OTHER_TABLES, *BASELINE_TABLES, *FIGURES, "figure_rescue"], 1
    ),
}
# Five ways to look at three videos; each infant is left out once, of the initial weights and of two counts of frames
# with the backbone free and frozen.
EXTENDED_JOBS = SYNTHETIC_JOBS | {
    "make_synthetic": 6,
    "detect_videos": 5,
    "fine_tune": 3 * (1 + 2 * 2),
    **dict.fromkeys(["evaluate_videos", "table_videos", "figure_videos"], 1),
    **dict.fromkeys(["pick_frames", "label_picked", "learning_curve", "figure_learning_curve"], 1),
}
# Without all of that, and without variants.
DEMO_JOBS = {rule: count for rule, count in SYNTHETIC_JOBS.items() if rule not in VARIANTS_TABLES} | {
    "train": 2 + 4,
    "predict_second": 4,
    "evaluate_second": 4,
}
# Ten variants, three controls, one of ours; the first detector's boxes are drawn for train and for what is tried.
ALL_VARIANTS = 10 + 3 + 1
REAL_JOBS = {rule: count for rule, count in SYNTHETIC_JOBS.items() if rule != "make_synthetic"} | {
    "import_weights": 1,
    "evolve_generation": 42,
    "make_heatmaps": 8 + 4,
    "collect_heatmaps": 2,
    "train": 2 + 4 + ALL_VARIANTS,
    "predict_train": 1,
    "draw_boxes": 1 + 8,
    "predict_second": 4 + ALL_VARIANTS,
    "evaluate_second": 4 + ALL_VARIANTS,
    "fetch_weights": 4,
    "train_baseline": 3,
    "predict_baseline": 6,
    "evaluate_baseline": 6,
}
TINY_JOBS = SYNTHETIC_JOBS | {
    "label_frames": 4,
    "train": 2 + 4 + 2,
    "predict_train": 1,
    "draw_boxes": 1 + 6,
    "predict_second": 4 + 2,
    "evaluate_second": 4 + 2,
}
SHARDS = ("make_heatmaps", "collect_heatmaps")
ABSENT = ("table_hof", "table_09", "table_09_variants", "figure_21", "table_web")
SAMPLE_JOBS = {
    rule: count for rule, count in REAL_JOBS.items() if rule not in (*ABSENT, *SHARDS, "evolve_generation")
} | {
    "label_frames": 3,
    "draw_boxes": 1 + 6,
    "fetch_weights": 1,
}
del SAMPLE_JOBS["evolution_history"]


# A hundred times the data: two kinds of heatmaps and one variant, no search; sets in shares.
OF_VARIANTS = [
    *VARIANTS_TABLES,
    "predict_train",
    "make_heatmaps_learned",
    "draw_boxes",
    "evolve_generation",
    "evolution_history",
    "train_baseline",
]
HUNDREDFOLD_JOBS = {rule: count for rule, count in REAL_JOBS.items() if rule not in OF_VARIANTS} | {
    "train": 2 + 4 + 1,
    "make_heatmaps": 64 + 8 + 4 + 4 + 20,
    "collect_heatmaps": 5,
    **dict.fromkeys(["predict", "predict_rgb_tables"], 8 * 2),
    **dict.fromkeys(["collect_predictions", "collect_rgb_tables"], 2),
    "predict_at_scales": 8,
    "predict_second": 8 * 5,
    "collect_second": 5 + 1,
    "fetch_weights": 1,
    "predict_baseline": 8 * 3,
    **dict.fromkeys(["collect_baseline", "evaluate_baseline"], 3),
    "evaluate_second": 5,
}
CONFIGS = {
    "tiny": TINY_JOBS,
    "demo": DEMO_JOBS,
    "extended": EXTENDED_JOBS,
    "thesis": REAL_JOBS,
    "as_released": REAL_JOBS,
    "real_sample": SAMPLE_JOBS,
    "hundredfold": HUNDREDFOLD_JOBS,
}


@pytest.fixture(scope="module", params=CONFIGS)
def dry_run(request: pytest.FixtureRequest, dry_run_of: Callable[[str], DryRun]) -> DryRun:
    """Of each config, without any raw data."""
    return dry_run_of(request.param)


def test_each_config_plans_its_jobs_without_any_raw_data(dry_run: DryRun) -> None:
    assert Counter(rule for rule, _ in dry_run.jobs) == CONFIGS[dry_run.run]


def test_every_job_has_log_benchmark_and_resources_and_no_path_is_written_twice(dry_run: DryRun) -> None:
    written: Counter[str] = Counter()
    for rule, fields in dry_run.jobs:
        assert fields["log"].startswith(f"results/{dry_run.run}/logs/{rule}"), rule
        assert fields["benchmark"].startswith(f"results/{dry_run.run}/benchmarks/{rule}"), rule
        asked = dict(word.split("=", 1) for word in fields["resources"].split(", "))
        assert int(asked["mem_mb"]) > 0 and int(asked["runtime"]) > 0, rule
        written.update([*fields["output"].split(", "), fields["log"], fields["benchmark"]])
    assert {path: count for path, count in written.items() if count > 1} == {}
    assert all(path.startswith(f"results/{dry_run.run}/") for path in written)


def test_what_computes_with_a_network_asks_for_a_gpu_and_nothing_else_does(dry_run: DryRun) -> None:
    asking = {rule for rule, fields in dry_run.jobs if "gpu=" in fields["resources"]}
    networks = {"train", "evolve_generation", "predict", "predict_rgb_tables", "predict_train", "predict_second"}
    networks |= {"make_heatmaps", "make_heatmaps_learned", "make_heatmaps_tested"}
    networks |= {"predict_at_scales", "train_baseline", "predict_baseline", "detect_videos", "fine_tune"}
    # The tiny run has such baselines as demand one, and one that cannot use it.
    assert asking == networks & CONFIGS[dry_run.run].keys()
    of_baselines = {
        re.sub(r".*=", "", fields["wildcards"].split(", ")[0]): "gpu=" in fields["resources"]
        for rule, fields in dry_run.jobs
        if rule == "predict_baseline"
    }
    assert of_baselines == {name: name != "viola_jones" for name in of_baselines} and "viola_jones" in of_baselines
    shared = [fields["resources"] for rule, fields in dry_run.jobs if rule == "train"]
    assert all(("gpu=8" in words and "nodes=1" in words) == (dry_run.run == "hundredfold") for words in shared)


def test_all_that_is_compared_is_stored_at_one_overlap_and_tables_4_to_6_have_their_own(dry_run: DryRun) -> None:
    """A threshold from val counts on other sets only where non-maximum suppression was the same."""
    overlaps, shares = overlaps_of(dry_run), re.compile(r"/shards/[^/]+(?=\.parquet)")
    stored = {shares.sub("", path): overlap for path, overlap in overlaps.items()}
    root = f"results/{dry_run.run}"
    apart = {path for path in stored if path.startswith(f"{root}/rgb_tables/predictions/")}
    assert {stored[path] for path in apart} == {"0.5"} and {stored[path] for path in stored.keys() - apart} == {"0.6"}
    assert {f"{root}{path.removeprefix(f'{root}/rgb_tables')}" for path in apart} < stored.keys() - apart
    readers: dict[str, set[str]] = {rule: set() for rule, _ in dry_run.jobs}
    for rule, fields in dry_run.jobs:
        readers[rule] |= {shares.sub("", path) for path in fields.get("input", "").split(", ") if path in stored}
    assert {rule for rule, read in readers.items() if read & apart} == {"evaluate_rgb_tables", "evaluate_rgb1_tables"}
    assert readers["propose_faces"] and readers["find_missed"] and readers["evaluate_second"]
    # Before weights are fetched, nobody knows what else these read.
    known = dry_run.run in ("tiny", "demo")
    assert all(readers[rule] or not known for rule in ("rescue_trial", "rescue_cascade", "table_11_baselines"))
    scores = {rule: fields["input"] for rule, fields in dry_run.jobs if "/metrics/" in fields.get("input", "")}
    of_tables = [f"table_0{number}" for number in (4, 5, 6)] + [f"figure_{number}" for number in (17, 18, 19, 20)]
    at_half = {rule for rule, given in scores.items() if f"{root}/rgb_tables/" in given}
    assert at_half == ({*of_tables, "table_val_counts", "comparison"} & CONFIGS[dry_run.run].keys())


def test_what_is_not_at_hand_is_said_once_before_anything_runs(dry_run: DryRun) -> None:
    lacks_nothing, lacks_weights = ("tiny",), ("demo", "extended")
    notes = re.findall(
        r"^note: missing inputs.*\n((?:  .*\n)+)(outputs that cannot be made)?", dry_run.text, re.MULTILINE
    )
    assert len(notes) == (dry_run.run not in lacks_nothing)
    for lines, lost in notes:
        assert bool(lost) == (dry_run.run not in lacks_weights)
        assert ("  raw.merl_rav: " in lines) == bool(lost) and "  weights.retinaface: " in lines


def overlaps_of(dry_run: DryRun) -> dict[str, str]:
    """IoU of non-maximum suppression of all predictions that commands store, by path."""
    found: dict[str, str] = {}
    for block in re.split(r"\n\n", dry_run.text):
        command = re.search(r"^Shell command: uncover (predict (?!collect)|propose ).*", block, re.MULTILINE)
        if command:
            words = command.group(0).split()
            also = words[words.index("--also") + 1 :] if "--also" in words else ["", "-"]
            output = re.search(r"^ *output: (.*)", block, re.MULTILINE)
            assert output is not None
            for path in output.group(1).split(", "):
                found[path] = also[0] if path.startswith(f"{also[1]}/") else words[words.index("--nms-iou") + 1]
    return found


def test_every_job_is_a_command_that_can_be_run_by_hand(dry_run: DryRun) -> None:
    commands = re.findall(r"^Shell command: (.+)$", dry_run.text, re.MULTILINE)
    assert len([command for command in commands if command.startswith("uncover ")]) == len(list(dry_run.jobs))


def test_every_option_is_a_word_of_its_own(dry_run: DryRun) -> None:
    """What rules hand to the shell is quoted, and would be one word otherwise."""
    commands = re.findall(r"^Shell command: (.+)$", dry_run.text, re.MULTILINE)
    words = [word for command in commands for word in shlex.split(command)]
    assert [word for word in words if " " in word and "--" in word] == []


def test_a_misspelt_key_is_one_line_that_names_it(plain_checkout: Checkout) -> None:
    (plain_checkout.root / "config" / "wrong.yaml").write_text("run: wrong\nsplits: {sed: 3}\n", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"key splits.sed is unknown; did you mean splits.seed\?"):
        plain_checkout.snakemake("--dry-run", config="config/wrong.yaml")


def test_the_demo_is_the_default(plain_checkout: Checkout) -> None:
    plan = plain_checkout.snakemake("--dry-run", "results/demo/raw/wflw/synthetic.json", config=None)
    assert "output: results/demo/raw/wflw/synthetic.json" in plan


def test_one_value_can_be_changed_on_the_command_line(plain_checkout: Checkout) -> None:
    words = ("results/demo/splits/wflw.parquet", "--dry-run", "--printshellcmds", "--config", "splits={seed: 3}")
    plan = plain_checkout.snakemake(*words, config=None)
    assert "--split train=all,val=14,test=64 --procedure by_photo --seed 3" in plan


def test_an_entry_on_the_command_line_joins_those_of_the_config_or_takes_one_away(plain_checkout: Checkout) -> None:
    variants = "detectors={variants: {mine: {input: grey}, hirescam_t1_avg: null, rgb1_occlusion: null}}"
    (plain_checkout.root / "config" / "copy.yaml").write_text("extends: extended.yaml\nrun: copy\n", encoding="utf-8")
    plan = plain_checkout.snakemake("--dry-run", "--config", variants, config="config/copy.yaml")
    trained = set(re.findall(r"^ *output: results/copy/models/(\w+)/weights", plan, re.MULTILINE))
    kept = {"gradcampp_multiscale_avg", "hirescam_multiscale_avg", "mine"}
    assert trained - {"rgb10", "rgb1", "gradcampp_avg", "hirescam_avg", "gradcampp_10", "hirescam_10"} == kept


def test_the_demo_leaks_into_no_other_config(plain_checkout: Checkout) -> None:
    (plain_checkout.root / "config" / "bare.yaml").write_text("run: bare\nraw: {wflw: wflw}\n", encoding="utf-8")
    plan = plain_checkout.snakemake("--dry-run", "--printshellcmds", config="config/bare.yaml")
    assert "make_synthetic" not in plan
    assert "--split train=all,val=all,test=all" in plan
