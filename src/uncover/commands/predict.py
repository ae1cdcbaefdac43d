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
    parser.add_argument(
        "--image-size", type=int, help="longest side of the input, a multiple of 32 (default: that of the training)"
    )
    parser.add_argument("--batch", type=int, default=16, help="images at a time (default: 16)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda:0 (default: a GPU where there is one)")
    parser.add_argument("--precision", choices=("float32", "float16", "bfloat16"), default="float32")


def run(args: argparse.Namespace) -> int:
    import hashlib

    import numpy as np

    from uncover.atomic import check_new_file
    from uncover.console import say
    from uncover.detector.distributed import pick_device
    from uncover.detector.predict import predict
    from uncover.detector.weights import load_weights
    from uncover.errors import InputError
    from uncover.images.named import named_images
    from uncover.images.options import check_inference_options
    from uncover.images.reading import inspect_image
    from uncover.metrics.predictions import write_predictions

    check_inference_options(args.confidence, args.nms_iou, args.batch, args.image_size)
    # Whoever forgets OUT would have the last image overwritten.
    if args.out.suffix != ".parquet":
        raise InputError(f"{args.out}: expected OUT.parquet, the table to write, after the images")
    check_new_file(args.out)
    images = named_images(args.images)
    device = pick_device(args.device)
    network, header = load_weights(args.weights)
    predictions = predict(
        network.to(device),
        header,
        list(images),
        list(images.values()),
        np.array([inspect_image(path, header.channels) for path in images.values()]),
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
    say(f"{args.out}: {len(predictions.boxes)} boxes in {len(images)} images")
    return 0
