"""Find boxes in images with a trained detector.

IMAGES is a data set (a folder with images/), a folder of images, or image files. OUT is a Parquet table with one row
per box: image, class, confidence, and the box in pixels of the original image.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "find boxes in images with a trained detector"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGES", help="data set, folder or image files")
    parser.add_argument("out", type=Path, metavar="OUT.parquet", help="table to write")
    parser.add_argument("--weights", type=Path, required=True, help="weights.pt of a training")
    parser.add_argument("--confidence", type=float, default=0.001, help="lowest confidence kept (default: 0.001)")
    parser.add_argument("--nms-iou", type=float, default=0.6, help="IoU of non-maximum suppression (default: 0.6)")
    parser.add_argument("--image-size", type=int, help="longest side of the input (default: that of the training)")
    parser.add_argument("--batch", type=int, default=16, help="images at a time (default: 16)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda:0 (default: a GPU where there is one)")
    parser.add_argument("--precision", choices=("float32", "float16", "bfloat16"), default="float32")


def run(args: argparse.Namespace) -> int:
    import hashlib
    import os

    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import numpy as np

    from uncover.console import say
    from uncover.datasets.yolo import IMAGES
    from uncover.detector.distributed import pick_device
    from uncover.detector.predict import predict
    from uncover.detector.weights import load_weights
    from uncover.images.reading import inspect_image, list_images
    from uncover.metrics.predictions import write_predictions

    device = pick_device(args.device)
    network, header = load_weights(args.weights)
    folder = args.images[0] / IMAGES if (args.images[0] / IMAGES).is_dir() else args.images[0]
    paths = list_images(folder) if len(args.images) == 1 else list(args.images)
    names = [path.relative_to(folder).as_posix() if folder.is_dir() else path.name for path in paths]
    predictions = predict(
        network.to(device),
        header,
        names,
        paths,
        np.array([inspect_image(path, header.channels) for path in paths]),
        args.confidence,
        args.nms_iou,
        device,
        args.batch,
        args.image_size,
        args.precision,
    )
    with args.weights.open("rb") as file:
        predictions.settings["weights"] = hashlib.file_digest(file, "sha256").hexdigest()
    write_predictions(args.out, predictions)
    say(f"{args.out}: {len(predictions.boxes)} boxes in {len(paths)} images")
    return 0
