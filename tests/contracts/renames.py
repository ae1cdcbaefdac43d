"""What was changed on purpose since the contracts were frozen: old word -> new word.

The frozen files stay as the code of commit fc7c2b2 was. They are read through these tables, so that each deliberate
change is one line here, and any other is a failing test. `compare_runs --renames` reads a run made before through them.
In VERBS, OPTIONS, RULES and CONFIG_KEYS, None in place of a new word stands for a thing that is gone on purpose.
"""

from __future__ import annotations

import json
from typing import Any

from uncover.cli import verbs
from uncover.config.detectors import Hyperparameters
from uncover.config.packaged import ComposedDetector, Composition, PhotoSource

VERBS: dict[str, str | None] = {
    "make_standin": "make_synthetic",
    "predict rival": "predict baseline",
    "rescue_summary rivals": "rescue_summary baselines",
    "table_10 rivals": "table_10 baselines",
    "table_11 rivals": "table_11 baselines",
    "train rival": "train baseline",
}
"""Whole verbs: "predict rival" -> "predict baseline"."""

OPTIONS: dict[str, str | None] = {
    "detect --bridge": "--max-gap",
    "detect --temporal": "--tracking",
    "evolve_generation --start": "--weights",
    "frames --gap": "--min-gap",
    "frames --rate": "--fps",
    "page --captions": None,
    "predict --also": "--second-nms",
    "propose --looks": "--scales",
    "train --start": "--weights",
    "train rival --start": "--weights",
}
"""Options and positionals, of all verbs ("--look") or of one, by its old name ("predict rival --look")."""

RULES: dict[str, str | None] = {
    "collect_rival": "collect_baseline",
    "evaluate_rival": "evaluate_baseline",
    "look_closer": "predict_at_scales",
    "make_standin": "make_synthetic",
    "predict_rival": "predict_baseline",
    "rescue_summary_rivals": "rescue_summary_baselines",
    "table_10_rivals": "table_10_baselines",
    "table_11_rivals": "table_11_baselines",
    "train_rival": "train_baseline",
}
"""Snakemake's rules."""

CONFIG_KEYS: dict[str, str | None] = {
    "detectors.siblings": "detectors.variants",
    "raw.standin": "raw.synthetic",
    "rescue.looks": "rescue.inference_scales",
    "rescue.looks_of": "rescue.scales_of",
    "rivals": "baselines",
    "standin": "synthetic",
}
"""Dotted keys by their beginning: "rivals" stands for "rivals.detectors" too. The longest that fits is taken."""

FILE_DETECTORS = ["yunet", "scrfd_500m", "scrfd_2_5g", "centerface", "blazeface_full", "blazeface_short"]
DETECTORS = ["mtcnn", "retinaface", *FILE_DETECTORS, "viola_jones", "yolo11", "retinanet", "faster_rcnn"]
"""Baseline detectors that were added, whose models are files of others', and all of them."""

RUNS = {"demo": "extended"}
"""Configs that do now what another one did: the demo of that time is `extended` today."""

PATHS: list[tuple[str, str]] = [
    ("closer_look", "multi_scale"),
    ("all_votes", "box_fusion"),
    ("part_votes", "part_fusion"),
    ("covered_faces", "rgb1_occlusion"),
    (r"_look(?=\d)", "_scale"),
    (r"^(tables|figures)/(.*)_rivals", r"\1/\2_baselines"),
    (r"/standin\.json$", "/synthetic.json"),
]
"""Regular expressions and what replaces them, one after the other, in paths below results/<run>/."""

WORDS: list[tuple[str, str]] = [
    ("closer_look", "multi_scale"),
    ("all_votes", "box_fusion"),
    ("part_votes", "part_fusion"),
    ("covered_faces", "rgb1_occlusion"),
    ("covered faces", "occlusion augmentation"),
    ("A closer look, at several sizes", "Multi-scale inference"),
    ("a closer look, at several sizes", "multi-scale inference"),
    ("Votes of the part boxes", "Box fusion of part boxes"),
    ("votes of the part boxes", "box fusion of part boxes"),
    ("Votes of", "Box fusion of"),
    ("votes of", "box fusion of"),
    ('"wished":', '"requested":'),
    ("wished for", "requested"),
    (r"_look(?=\d)", "_scale"),
    ("Votes of the part boxes", "Box fusion of part boxes"),
    ("votes of the part boxes", "box fusion of part boxes"),
    ("Votes of (?=whole-face|both)", "Box fusion of "),
    ("votes of (?=whole-face|both)", "box fusion of "),
    ("A closer look, at several sizes", "Multi-scale inference"),
    ("a closer look, at several sizes", "multi-scale inference"),
    (r'"rival"(?=: ")', '"strategy"'),
    ("stand-in data", "synthetic data"),
    ("rival", "baseline"),
    ("standin", "synthetic"),
]
"""The same in values: choices, defaults and types of options and keys; texts, columns and cells of files of a run."""

CONFIGS = ("tiny", "demo", "thesis", "as_released", "real_sample", "hundredfold")
# One job for several sets of a detector.
JOBS = {
    "predict": dict.fromkeys(CONFIGS, 2) | {"hundredfold": 8 * 2},
    "predict_rgb_tables": dict.fromkeys(CONFIGS, 2) | {"hundredfold": 8 * 2},
    "collect_predictions": {"hundredfold": 2},
    "collect_rgb_tables": {"hundredfold": 2},
    **dict.fromkeys(["evaluate", "evaluate_rgb_tables"], dict.fromkeys(CONFIGS, 1)),
    "find_missed": dict.fromkeys(CONFIGS, 1),
    "predict_train": dict.fromkeys(("tiny", "thesis", "as_released", "real_sample"), 1),
    **dict.fromkeys(["evaluate_rgb1", "evaluate_rgb1_tables", "make_heatmaps_tested"], dict.fromkeys(CONFIGS, 1)),
    "make_heatmaps_learned": dict.fromkeys(CONFIGS, 1),
    "make_heatmaps": {"thesis": 12, "as_released": 12, "hundredfold": 100},
    "collect_heatmaps": {"thesis": 2, "as_released": 2, "hundredfold": 5},
}
"""Of a rule in each config."""
_KIND, _TABLE = r"/heatmaps/(?!drawn_boxes/)\w+/", r"/(lint\.csv|manifest\.parquet)"
_IN_ONE_JOB = "(tiny|demo|real_sample)"
MOVED: list[tuple[str, str]] = [
    (r".*/predictions/rgb10/train\.parquet", "predict_train"),
    (r"\w+/metrics/rgb1/\w+/whole_face/.*", "evaluate_rgb1"),
    (r".*/rgb_tables/metrics/rgb1/.*", "evaluate_rgb1_tables"),
    # The rest is shared by several jobs.
    (f"{_IN_ONE_JOB}{_KIND}(train|val){_TABLE}", "make_heatmaps_learned"),
    (f"(thesis|as_released){_KIND}val{_TABLE}", "make_heatmaps_learned"),
    (rf"{_IN_ONE_JOB}{_KIND}\w+{_TABLE}", "make_heatmaps_tested"),
    (rf"(thesis|as_released){_KIND}(?!train|hof)\w+{_TABLE}", "make_heatmaps_tested"),
    (rf"hundredfold{_KIND}(slapi_\w+|preterm_web){_TABLE}", "make_heatmaps_tested"),
]
"""Regular expressions of "CONFIG/path", old names, and the rule that makes these outputs today; the first that fits
counts. A rule that is left without any is gone on purpose."""

FIGURE_PRIVACY = ["pixelate", "blur", "whole-frame", "publish", "leave-out", "hide-all"]
CHANGED: dict[str, dict[str, Any]] = {
    # An option of all commands.
    "plan --json": {"default": None},
    # Names of ready-made weights too.
    "detect --weights": {"type": None},
    "heatmaps --weights": {"type": None},
    "detect --out": {"required": None},
    "detect --privacy": {"choices": ["pixelate", "mosaic", "blur", "solid", "whole-frame", "publish"]},
    "predict --privacy": {"choices": ["pixelate", "mosaic", "blur", "solid", "whole-frame", "publish"]},
    # That of the detector.
    "detect --confidence": {"default": None},
    "predict --weights": {"type": None},
    "predict sets --weights": {"type": None},
    "key baselines.detectors": {
        "default": DETECTORS,
        "type": json.dumps({"items": {"enum": DETECTORS, "type": "string"}, "type": "array"}),
    },
    "labels --layout": {"choices": ["wflw", "merl_rav", "300w", "graded", "yolo", "coco", "voc", "images"]},
    "split_photos --procedure": {"choices": ["by_photo", "released", "all_to_test"]},
    # A figure may leave photos of patients out; infants may be left out together.
    **{f"{name} --privacy": {"choices": FIGURE_PRIVACY} for name in ("figure_22", "figure_23", "figure_rescue")},
    "fine_tune --leave-out": {"nargs": "+"},
    # Folders or words.
    "key raw.grades": {
        "type": json.dumps(
            {
                "additionalProperties": {"anyOf": [{"type": "string"}, {"items": {"type": "string"}, "type": "array"}]},
                "propertyNames": {"enum": ["none", "easy", "medium", "hard"]},
                "type": "object",
            }
        )
    },
    **{f"rule {config}/{rule}": {"jobs": count} for rule, counts in JOBS.items() for config, count in counts.items()},
    "key report.privacy": {"type": json.dumps({"enum": FIGURE_PRIVACY, "type": "string"})},
}
"""Details that differ on purpose, under the new name; None removes one: {"train --device": {"default": "cpu"}},
{"rule train": {"jobs": 9}}, {"rule demo/train": {"jobs": 9}}, {"key run": {"default": "mine"}}."""

PACKAGED_VERBS = {
    "face_photos": "PHOTOS OUT --group --teacher --device --set",
    "train composed": "OUT --photos --val --covers --weights --device --workers --set",
    "score_packaged": "OUT.csv --score --tables --image-size --turns --bootstrap --device",
    "package_weights": "WEIGHTS OUT.pt --photos --scores --command --date",
}
"""Of the ready-made detectors, with their options."""

HEATMAP_OPTIONS = [
    "--weights",
    "--method",
    "--layer",
    "--target",
    "--variant",
    "--confidence",
    "--nms-iou",
    "--image-size",
]
HEATMAP_OPTIONS += ["--batch", "--device"]

NEW: dict[str, list[str]] = {
    "verbs": ["compare", "completion", "evaluate sets", "heatmaps sets", "missed sets", "steps", *PACKAGED_VERBS],
    "options": [
        *(f"{verb} {option}" for verb in verbs() for option in ("--verbose", "--quiet", "--json")),
        "completion SHELL",
        *(f"compare {name}" for name in ("RUN_A", "RUN_B", "--out", "--bootstrap", "--seed")),
        "fine_tune --true-iou",
        *("make_synthetic --harder", "summary --tables"),
        *(f"{figure} --privacy" for figure in ("figure_15", "figure_21", "figure_26")),
        *(f"figure_{number} --summary" for number in (24, 25, 27, 28, 29, 30)),
        "predict sets --second-nms",
        *(
            f"evaluate sets {name}"
            for name in ("OUT", "--predictions", "--datasets", "--parts", "--bootstrap", "--seed")
        ),
        *(f"missed sets {name}" for name in ("OUT", "--predictions", "--heatmaps", "--datasets", "--confidence")),
        *(f"heatmaps sets {name}" for name in ("SET", "--out", "--trained-on", *HEATMAP_OPTIONS)),
        *(f"detect {name}" for name in ("--detector", "--detector-weights", "--shape", "--preview")),
        *(f"{verb} {name}" for verb, names in PACKAGED_VERBS.items() for name in names.split()),
        *("label_frames --class", "label_frames --layout", "read_faces --source", "split_photos --any-part"),
        *(f"label_frames --{name}" for name in ("only", "word", "smallest", "grade-words")),
        *(f"page --{name}" for name in ("datasets", "missed", "predictions", "heatmaps", "methods")),
        *("page --true-iou", "page --privacy"),
        *(f"{verb} --blocks" for verb in ("label_frames", "label_faces", "split_photos")),
    ],
    "rules": [],
    "keys": [
        *(f"baselines.{name}.turns" for name in ("mtcnn", "retinaface", "viola_jones")),
        *(f"baselines.{name}" for name in FILE_DETECTORS),
        *(f"baselines.{name}.{key}" for name in FILE_DETECTORS for key in ("confidence", "image_size", "turns")),
        *("packaged", *(f"packaged.{key}" for key in ("covers", "crossed", "detectors", "infants", "sources"))),
        *(f"packaged.sources.*.{key}" for key in PhotoSource.model_fields),
        *(f"packaged.detectors.*.{key}" for key in ComposedDetector.model_fields),
        *(f"packaged.detectors.*.composed.{key}" for key in Composition.model_fields),
        *(f"packaged.detectors.*.hyperparameters.{key}" for key in Hyperparameters.model_fields),
        "synthetic.harder",
        "cluster.gpu_as",
        "cluster.container",
        "data_sets",
        *(f"data_sets.*.{key}" for key in ("path", "layout", "use", "photos", "grade", "classes", "split")),
        *(f"data_sets.*.{key}" for key in ("only", "words", "smallest", "blocks")),
        *(f"{place}.{key}" for place in ("data_sets.*.blocks", "raw.blocks.*") for key in ("kind", "name", "every")),
        "raw.blocks",
        *(f"finetune.{key}" for key in ("further", "photos", "parts", "image_size")),
        *(f"data_sets.*.split.{name}" for name in ("train", "val", "test")),
    ],
    "paths": [],
}
"""What the frozen files do not know, under its new name; options as "VERB --option"; paths, and rules' places in a
config, as regular expressions of "CONFIG/path" and "CONFIG/rule"."""

# Of sets that no other job shares.
GONE: list[str] = [r".*/heatmaps/\w+/\w+/shards/1-of-1\.parquet"]
"""Regular expressions of "CONFIG/path", old names: outputs that no rule makes any more, on purpose."""
