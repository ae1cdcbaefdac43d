"""Make class-activation maps of a YOLOv5: why it finds what it finds, for every class, from one pass per image.

IMAGES is a data set (a folder with images/), a folder of images, or image files. OUT gets a folder per method, or
OUT/<method>/<SET> with --name SET; in it:
  images/ joint/    a TIFF per image: a channel per class; one channel for all detections together (native resolution)
  manifest.parquet  a row per image: detections, and which maps are blank and why
  lint.csv          a row per class: shares of blank, saturated and inverted maps
Whoever is stopped goes on where he was when the same command is given again. Several jobs share a set with
--shard 1/4 ... --shard 4/4; afterwards `uncover heatmaps collect` joins each folder. Full-size maps: `uncover heatmaps
export`. A folder named collect or export is given as ./collect. Where every map is blank, a line says why and what to
try, and the exit code is 3.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from uncover.commands._shared_arguments import add_shard_argument, read_shard

SUMMARY = "make class-activation maps of a YOLOv5 for many images"
NOTHING_SHOWN = 3
"""Exit code where every map is blank."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGES", help="data set, folder or image files")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the maps")
    parser.add_argument(
        "--weights", type=Path, required=True, help="weights.pt of a training, or a checkpoint of YOLOv5 itself"
    )
    parser.add_argument(
        "--method",
        action="append",
        default=[],
        help="gradcampp, hirescam, gradcam, xgradcam, layercam, eigencam, scorecam and more; may be repeated",
    )
    parser.add_argument(
        "--layer",
        type=int,
        action="append",
        metavar="N",
        help="target layer of the methods; may be repeated, maps of several are fused (default: -2)",
    )
    parser.add_argument("--target", default="T2", help="score that is explained: T1, T2 or confidence (default: T2)")
    parser.add_argument(
        "--variant",
        action="append",
        default=[],
        metavar="NAME=METHOD:LAYERS:TARGET",
        help="a method with layers and target of its own, such as fine=gradcampp:17,20,23:T2; may be repeated",
    )
    parser.add_argument("--confidence", type=float, default=0.25, help="lowest confidence explained (default: 0.25)")
    parser.add_argument("--nms-iou", type=float, default=0.45, help="IoU of non-maximum suppression (default: 0.45)")
    parser.add_argument(
        "--image-size", type=int, help="longest side of the input, a multiple of 32 (default: that of the training)"
    )
    parser.add_argument("--name", default="", metavar="SET", help="name of the set")
    add_shard_argument(parser)
    parser.add_argument("--batch", type=int, default=8, help="images at a time (default: 8)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda:0 (default: a GPU where there is one)")


def run(args: argparse.Namespace) -> int:
    import re

    from uncover.atomic import check_writable
    from uncover.config.heatmaps import parse_variants
    from uncover.console import say
    from uncover.detector.device import pick_device
    from uncover.detector.weights import open_weights
    from uncover.errors import InputError
    from uncover.heatmaps.heatmaps import word_blank
    from uncover.heatmaps.shards import Recipe, ShardMaker
    from uncover.heatmaps.store import PLACES, collect
    from uncover.images.named import check_apart, named_images
    from uncover.images.options import check_inference_options
    from uncover.owner import check_shared
    from uncover.workflow.digest import code_digest

    check_inference_options(args.confidence, args.nms_iou, args.batch, args.image_size)
    if not re.fullmatch(r"[\w-][\w.-]*|", args.name) or args.name in PLACES:
        raise InputError(f"--name {args.name}: expected the name of a folder, other than {', '.join(PLACES)}")
    variants = parse_variants(args.method, args.layer or [-2], args.target, args.variant)
    shard = read_shard(args)
    folders = {name: args.out / name / args.name for name in variants}
    check_shared(args.out, "heatmaps")
    for folder in folders.values():
        check_writable(folder)
        check_shared(folder, "heatmaps", ("manifest.parquet", "lint.csv"))
    images = named_images(args.images)
    check_apart(args.images, args.out)
    device = pick_device(args.device)
    network, header, model = open_weights(args.weights)
    recipe = Recipe(
        header,
        model,
        variants,
        args.image_size or header.image_size,
        args.confidence,
        args.nms_iou,
        code_digest("uncover.heatmaps.shards"),
    )
    summary = ShardMaker(network.to(device), recipe, folders, device).make(images, shard, args.batch)
    if not args.shard:
        for folder in folders.values():
            collect(folder)
    for name, count in summary.not_finite.items():
        if count:
            say(f"warning: {folders[name]}: {count} maps overflowed and are blank; their status is 'not finite'")
    there = summary.images - summary.made
    blank = ", ".join(f"{name} {count}" for name, count in summary.blank.items())
    say(
        f"{args.out}: maps of {summary.made} images made, {there} were there, in {summary.seconds:.1f} s;"
        f" blank, of {summary.maps} maps each: {blank}"
    )
    for name, statuses in summary.statuses.items():
        if words := word_blank(statuses, args.confidence):
            say(f"warning: {folders[name]}: {words}")
    # The shares of a set may be blank one by one; whether all of it is, shows when they are joined.
    nothing = summary.maps and all(count == summary.maps for count in summary.blank.values())
    return NOTHING_SHOWN if nothing and not args.shard else 0
