"""Score stored predictions against label files.

PREDICTIONS.parquet is what `uncover predict` leaves. The label files are YOLO's, named like the images; an image
without one counts as background. Their classes are those of the same name in the model: data.yaml or classes.txt of the
data set names them; without, class 0 of frames in the graded layout is the whole face. Prints a table; with --out,
writes the record that tables and figures are made from (summary.json, classes.csv, curves.parquet, confusion.csv).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import add_resampling_arguments, check_resampling_arguments

SUMMARY = "score stored predictions against label files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("predictions", type=Path, metavar="PREDICTIONS.parquet", help="table of `uncover predict`")
    parser.add_argument(
        "--labels", type=Path, required=True, help="folder of label files, or the data set with labels/"
    )
    parser.add_argument(
        "--blocks",
        type=Path,
        metavar="CSV",
        help="which images belong together: a column image, and block, infant, person or video (default: blocks.csv, "
        "manifest.parquet or frames.csv of the data set)",
    )
    parser.add_argument("--out", type=Path, help="folder to write the record to")
    parser.add_argument(
        "--class",
        dest="classes",
        action="append",
        metavar="NAME",
        help="score this class only; may stand several times (default: all that the model knows)",
    )
    add_resampling_arguments(parser)


def run(args: argparse.Namespace) -> int:
    import pandas as pd

    from uncover.atomic import check_replaceable
    from uncover.console import say, warn_each
    from uncover.datasets.blocks import read_blocks
    from uncover.metrics.evaluate import evaluate, scored_classes
    from uncover.metrics.evaluation_text import as_text
    from uncover.metrics.predictions import read_predictions
    from uncover.metrics.truth import TRUTH_COLUMNS, find_labels, read_truth

    check_resampling_arguments(args)
    if args.out is not None:
        check_replaceable(args.out, "evaluate")
    predictions = read_predictions(args.predictions)
    if "classes" in predictions.settings:
        scored_classes(predictions, pd.DataFrame(columns=list(TRUTH_COLUMNS)), args.classes)
    files = find_labels(args.labels, predictions.images["image"])
    truth = read_truth(args.labels, predictions.images, predictions.class_names)
    blocks = read_blocks(args.labels, predictions.images["image"], args.blocks)
    evaluation = evaluate(predictions, truth, args.classes, args.bootstrap, args.seed, blocks)
    evaluation = evaluation.with_unpredicted(len(files.unpredicted))
    warn_each([f"{path}: belongs to no image that was predicted on" for path in files.unpredicted], str(args.labels))
    print(as_text(evaluation))
    if args.out is not None:
        evaluation.write(args.out)
        say(f"{args.out}: summary.json, classes.csv, curves.parquet, confusion.csv")
    return 0
