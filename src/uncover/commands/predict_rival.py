"""Find faces in sets with a detector of others: mtcnn, retinaface, viola_jones, or one of `uncover train rival`.

Each SET is a data set (a folder with images/), or a folder of images. DIR gets <name of the SET's folder>.parquet for
each: tables like those of `uncover predict`, with five landmarks of each face where the detector knows them. Where two
boxes overlap by more than --nms-iou the less sure one goes, whatever rule of its own a ready-made detector has. With
--shard it gets shares, as `uncover predict sets` has it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import add_rival_arguments, add_shard_argument, read_shard, tables_of

SUMMARY = "find faces in sets with a detector of others"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="mtcnn, retinaface, viola_jones, yolo11, retinanet, faster_rcnn")
    parser.add_argument("sets", type=Path, nargs="+", metavar="SET", help="data set, or folder of images")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the tables")
    parser.add_argument(
        "--weights",
        type=Path,
        help="folder of `uncover fetch_weights`, or weights.pt of `uncover train rival` (mtcnn, viola_jones: none)",
    )
    parser.add_argument(
        "--nms-iou", type=float, default=0.6, help="IoU of suppression, after the library's own (default: 0.6)"
    )
    add_rival_arguments(parser, "image_size=1280")
    add_shard_argument(parser)


def run(args: argparse.Namespace) -> int:
    from uncover.config.options import check_number
    from uncover.config.rivals import ReadyMade, Rivals
    from uncover.config.values import check_section, read_pairs
    from uncover.console import say
    from uncover.errors import InputError, keeping
    from uncover.images.inputs import find_inputs
    from uncover.metrics.predictions import write_predictions
    from uncover.rivals.fetched import fetched_file
    from uncover.rivals.known import find_rival

    check_number("--nms-iou", args.nms_iou, 0, 1)
    rival = find_rival(args.name)
    settings = check_section(type(getattr(Rivals(), args.name)), read_pairs(args.set), "--set")
    shard = read_shard(args)
    tables = tables_of(args.sets, args.out, shard if args.shard else None)
    if rival.trained and args.weights is None:
        raise InputError(f"{args.name}: needs --weights, the weights.pt of 'uncover train rival {args.name}'")
    if args.weights is not None and not rival.trained and Rivals().weights_of(args.name) is None:
        raise InputError(f"{args.name}: brings its weights along; leave --weights out")
    file = None if args.weights is None else fetched_file(args.weights)
    found = {out: find_inputs([folder], "photo", 3, shard=shard) for out, folder in tables.items()}

    from uncover.detector.device import pick_device
    from uncover.rivals.predict import predict_rival
    from uncover.rivals.weights import load_rival

    weights = None if file is None else load_rival(file)
    find = rival.load(settings, weights, pick_device(args.device), args.nms_iou)
    # What is trained here sees every photo at the size of its training, whatever the photo's own.
    longest = settings.image_size if isinstance(settings, ReadyMade) else None
    about = rival.about(args.name, weights, args.nms_iou)
    if rival.trained and weights is not None:
        about["image_size"] = weights.about.get("image_size")
    written: list[Path] = []
    with keeping(lambda: bool(written)):
        for out, inputs in found.items():
            predictions = predict_rival(find, inputs, about, longest, args.nms_iou)
            predictions.settings.update(shard.settings())
            write_predictions(out, predictions)
            written.append(out)
            say(f"{out}: {len(predictions.boxes)} boxes in {len(predictions.images)} images")
    return 0
