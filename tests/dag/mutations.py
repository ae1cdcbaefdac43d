"""Changes of code, config and files, and exactly the jobs, by rule, that each makes run again in the tiny run."""

from __future__ import annotations

PAGE = {"comparison": 1, "report_page": 1}
TRIED = dict.fromkeys(["rescue_trial", "rescue_summary", "figure_rescue"], 1)
VARIANTS_TABLES = dict.fromkeys([f"table_{number}_variants" for number in ("07", "08", "09", "12", "13")], 1)
SECOND_TABLES = dict.fromkeys(["table_07", "table_08", "table_09", "table_12", "table_13"], 1) | VARIANTS_TABLES
# Every detector alone and with rescue; all that is counted of the baselines; what they are shown.
CASCADE = dict.fromkeys(["rescue_cascade", "rescue_summary_baselines"], 1)
BASELINES_SCORED = {"evaluate_baseline": 2, "table_10_baselines": 1, **CASCADE}
BASELINES_COMPARED = {**BASELINES_SCORED, "table_11_baselines": 1, "table_web": 1}
BASELINES_PREDICTED = {"predict_baseline": 2, "figure_23": 1, **BASELINES_COMPARED}
# Whatever changes the second step's detectors, or what they are tried on.
SECOND_SCORED = {"evaluate_second": 6, "figure_31": 1, **SECOND_TABLES, **TRIED, **CASCADE, **PAGE}
SECOND_PREDICTED = {"predict_second": 6, "figure_21": 1, **SECOND_SCORED}
TRAINING_FIGURES = dict.fromkeys(["figure_27", "figure_28", "figure_29", "figure_30"], 1)
SCORED = {
    **dict.fromkeys(["table_04", "table_05", "table_06", "table_10", "table_val_counts"], 1),
    **dict.fromkeys(["figure_17", "figure_18", "figure_19", "figure_20"], 1),
    **PAGE,
}
# Five of the six detectors of the second step look at heatmaps, one at drawn boxes.
EXPLAINED = {
    **dict.fromkeys(["make_heatmaps_learned", "make_heatmaps_tested"], 1),
    "train": 5,
    "find_missed": 1,
    "propose_faces": 1,
    **SECOND_PREDICTED,
    "predict_second": 5,
    **TRAINING_FIGURES,
    **BASELINES_SCORED,
    **dict.fromkeys(["table_heatmaps", "figure_26", "table_11"], 1),
}
DRAWN = {"draw_boxes": 7, "train": 6, "predict_second": 6}
EVALUATED = dict.fromkeys(["evaluate", "evaluate_rgb_tables", "evaluate_rgb1", "evaluate_rgb1_tables"], 1)
LOOKED_AGAIN = {"predict_at_scales": 1, "propose_faces": 1}
PREDICTED = {
    **dict.fromkeys(["predict", "predict_rgb_tables"], 2),
    "predict_train": 1,
    **EVALUATED,
    "table_hof": 1,
    "find_missed": 1,
    "table_11": 1,
    **SCORED,
    **SECOND_PREDICTED,
    **LOOKED_AGAIN,
    **BASELINES_COMPARED,
    "draw_boxes": 7,
    "train": 1,
}
TRAINED = {
    "evolve_generation": 2,
    "evolution_history": 1,
    **PREDICTED,
    **EXPLAINED,
    "train": 8,
    "predict_second": 6,
    **dict.fromkeys(["table_03", "figure_24", "figure_25"], 1),
}
RGB1 = {
    "train": 1,
    "predict": 1,
    "predict_rgb_tables": 1,
    **dict.fromkeys(["evaluate_rgb1", "evaluate_rgb1_tables"], 1),
    **dict.fromkeys(["table_06", "table_val_counts", "table_hof", "figure_25"], 1),
    **dict.fromkeys(["table_10_baselines", "table_11_baselines", "table_web"], 1),
    **CASCADE,
    **LOOKED_AGAIN,
    **TRIED,
    **PAGE,
}
LABELS = {"label_faces": 4, "table_02": 1, "figure_15": 1, "figure_16": 1, **TRAINED, **BASELINES_PREDICTED}
FRAMES = {
    "label_frames": 4,
    "table_01": 1,
    "predict": 2,
    **dict.fromkeys(["evaluate", "evaluate_rgb1"], 1),
    "table_hof": 1,
    "make_heatmaps_tested": 1,
    "draw_boxes": 3,
    "find_missed": 1,
    **dict.fromkeys(["table_heatmaps", "table_10", "table_11"], 1),
    **SECOND_PREDICTED,
    **LOOKED_AGAIN,
    **BASELINES_PREDICTED,
    "figure_22": 1,
}
FIGURES = dict.fromkeys([f"figure_{number}" for number in range(15, 32)], 1) | {
    "figure_rescue": 1,
    "report_page": 1,
}
SPLITS = {"split_photos": 2, **LABELS}

# Missed photos are counted without any.
INTERVALS = {
    **EVALUATED,
    **dict.fromkeys(["table_hof", "table_11"], 1),
    **SCORED,
    **SECOND_SCORED,
    **BASELINES_COMPARED,
}
OVERLAID = {"figure_26": 1, "figure_21": 1, "report_page": 1}
CODE_CHANGES = {
    "part boxes": ("src/uncover/data/parts.py", "FEWEST_POINTS = 2", "FEWEST_POINTS = 3", LABELS | {"table_parts": 1}),
    "index sets": ("src/uncover/data/parts.py", "((0, 26),)", "((0, 25),)", LABELS | {"table_parts": 1}),
    "splits": ("src/uncover/data/splits.py", '"surplus"', '"left over"', SPLITS),
    "frames": ("src/uncover/data/frames.py", "SHOWN = 3", "SHOWN = 4", FRAMES),
    "one figure": (
        "src/uncover/report/figures/labels.py",
        "BINS = 50",
        "BINS = 40",
        {"figure_16": 1, "report_page": 1},
    ),
    "figure style": (
        "src/uncover/report/figures/style.py",
        '"savefig.dpi": 200',
        '"savefig.dpi": 150',
        FIGURES,
    ),
    "loss": ("src/uncover/yolov5/loss.py", "FOCAL_ALPHA = 0.25", "FOCAL_ALPHA = 0.5", TRAINED),
    "learning rate": (
        "src/uncover/yolov5/optimizer.py",
        "LEAST_WARMUP_STEPS = 100",
        "LEAST_WARMUP_STEPS = 9",
        TRAINED,
    ),
    "what is predicted": ("src/uncover/yolov5/inference.py", 'kind="stable", ', "", PREDICTED),
    "intervals": ("src/uncover/metrics/intervals.py", "LEVEL = 0.95", "LEVEL = 0.9", INTERVALS),
    "what is explained": ("src/uncover/cam/targets.py", "BEST = 10", "BEST = 9", EXPLAINED),
    "one method": ("src/uncover/cam/methods.py", "EPSILON = 1e-6", "EPSILON = 1e-5", EXPLAINED),
    "what counts as saturated": ("src/uncover/cam/quality.py", "0.98, 0.5", "0.9, 0.5", EXPLAINED | DRAWN),
    "colours of heatmaps": ("src/uncover/cam/export.py", "OPAQUE = 0.8", "OPAQUE = 0.7", OVERLAID),
    "whom to ask for data": ("src/uncover/data/sources.py", "on request from TU Graz", "from TU Graz", {}),
    # Whoever reads a section of the config depends on that one alone; the page tells the settings of all.
    "a section of the config": (
        "src/uncover/config/cluster.py",
        "Upper limit of the requested memory in MB.",
        "Largest requested memory in MB.",
        PAGE,
    ),
    "what is said on the way": ("src/uncover/console.py", "MOST_LINES = 20", "MOST_LINES = 30", {}),
}

FACES_COUNTED = dict.fromkeys(["table_11", "table_11_baselines", "table_web", "figure_22", "figure_23"], 1)
# Sets without landmarks are looked at together.
HOF = {
    **{rule: count for rule, count in FRAMES.items() if rule != "figure_22"},
    "make_synthetic": 1,
    "label_frames": 1,
}
MORE_TO_TEST = {
    **HOF,
    "draw_boxes": 4,
}
del MORE_TO_TEST["make_synthetic"], MORE_TO_TEST["table_01"]
# All variants of a set are made in one pass, so their manifests are new, and what rests on them.
ANOTHER_VARIANT = EXPLAINED
SECOND_RETRAINED = {"train": 6, **SECOND_PREDICTED, **TRAINING_FIGURES}
ANOTHER_GENERATION = {"evolve_generation": 1, "evolution_history": 1, "table_03": 1, **PAGE}
SHOWN = dict.fromkeys([*(f"figure_{number}" for number in (15, 21, 22, 23, 26)), "figure_rescue"], 1)
CONFIG_CHANGES = {
    "seed of the splits": ("splits:", "splits:\n  seed: 7", SPLITS, "splits.seed 0 -> 7"),
    "rule for boxes": ("run: tiny", "run: tiny\nlabels: {outside: drop}", LABELS, "labels.outside clip -> drop"),
    "one size of the synthetic data": ("  hof: 2", "  hof: 3", HOF, "synthetic.hof 2 -> 3"),
    "one model": ("rgb1: {<<: *rgb,", "rgb1: {<<: *rgb, seed: 5,", RGB1, "detectors.rgb1.seed 0 -> 5"),
    # It is looked at together with others, but nothing learns from it.
    "a test set more": (
        "run: tiny",
        "run: tiny\ndata_sets: {ward: {path: ward, layout: images}}",
        MORE_TO_TEST,
        "data_sets",
    ),
    "one more generation": ("generations: 2", "generations: 3", ANOTHER_GENERATION, "evolution.generations 2 -> 3"),
    "which candidates are explained": (
        "confidence: 0.001",
        "confidence: 0.002",
        EXPLAINED | DRAWN,
        "heatmaps.confidence 0.001 -> 0.002",
    ),
    "one more variant": (
        "variants: null",
        'variants: {"*": null, again: {method: hirescam, layers: [23]}}',
        ANOTHER_VARIANT,
        "heatmaps.variants",
    ),
    "images in one pass": ("target: T1", "target: T1, batch: 2", {}, ""),
    # What is made stays as it was made.
    "shards of heatmaps": ("target: T1", "target: T1, shards: 2", {}, ""),
    "shards of some heatmaps": ("target: T1", "target: T1, shards: {train: 3}", {}, ""),
    "shards of predictions": ("{bootstrap: 10}", "{bootstrap: 10, shards: 3}", {}, ""),
    "shards and what changes a result": (
        "target: T1, confidence: 0.001",
        "target: T1, confidence: 0.002, shards: 2",
        EXPLAINED | DRAWN,
        "heatmaps.confidence 0.001 -> 0.002",
    ),
    "photo of a figure": (
        "run: tiny",
        "run: tiny\nreport: {figure_26_photo: a}",
        {"figure_26": 1, **PAGE},
        "report.figure_26_photo null -> a",
    ),
    "around heatmaps": ("target: T1", "target: T1, padding: 114", SECOND_RETRAINED, "heatmaps.padding 0 -> 114"),
    "what counts as true": (
        "run: tiny",
        "run: tiny\nrescue: {true_iou: 0.6}",
        SECOND_SCORED | BASELINES_SCORED | FACES_COUNTED,
        "rescue.true_iou 0.5 -> 0.6",
    ),
    "where jobs go": ("run: tiny", "run: tiny\ncluster: {partition: gpu, rules: {train: {mem_mb: 9}}}", {}, ""),
    "privacy": (
        "run: tiny",
        "run: tiny\nreport: {privacy: publish}",
        SHOWN | PAGE,
        "report.privacy pixelate -> publish",
    ),
}

FILE_CHANGES = {
    "what the thesis prints": (
        "config/published.yaml",
        "value: 14601",
        "value: 14602",
        "config/published.yaml",
        {
            **dict.fromkeys(["table_02", "table_03", "table_04", "table_05", "table_06", "table_07", "table_08"], 1),
            **dict.fromkeys(["table_09", "table_10", "table_11", "table_12", "table_13"], 1),
            **dict.fromkeys(["table_val_counts", "table_hof", "figure_31"], 1),
            **dict.fromkeys(["figure_17", "figure_18", "figure_19", "figure_20"], 1),
            **PAGE,
        },
    ),
    "a caption": (
        "src/uncover/report/tables/heatmap_detectors.py",
        "The four heatmap detectors on val and both",
        "Four heatmap detectors on val and both",
        "caption of table_07",
        {"report_page": 1},
    ),
    "the page": (
        "src/uncover/report/page.html.j2",
        "macro grid(columns,",
        "macro grid( columns,",
        "src/uncover/report/page.html.j2",
        {"report_page": 1},
    ),
}
