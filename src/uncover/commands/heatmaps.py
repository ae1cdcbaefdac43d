"""Class-activation maps, their shards and exported files, and drawn boxes as a control."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from uncover.commands import verb
from uncover.commands._shared_arguments import add_network_arguments, add_shard_argument, offer, read_shard

if TYPE_CHECKING:
    from uncover.cam.shards import ShardMaker, Summary
    from uncover.config.heatmaps import Variant

logger = logging.getLogger(__name__)

METHODS = ("gradcampp", "hirescam", "gradcam", "xgradcam", "layercam", "eigencam", "scorecam")
"""Methods that the help names; `uncover.cam.methods` has all."""

NOTHING_SHOWN = 3
"""Exit code if every map is blank."""


def _heatmaps_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGES", help="data set, folder or image files")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the heatmaps")
    _add_recipe_arguments(parser)
    parser.add_argument(
        "--name",
        default="",
        metavar="SET",
        help="name of the set, as a folder below that of the method (default: none)",
    )
    add_shard_argument(parser)
    _add_running_arguments(parser)


def _add_recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the method: network, layers, score."""
    weights = parser.add_argument(
        "--weights",
        type=Path,
        required=True,
        metavar="FILE",
        help="weights.pt of `uncover train`, or a checkpoint of upstream YOLOv5 (best.pt)",
    )
    offer(weights, (), files=True)
    group = parser.add_argument_group("heatmaps")
    method = group.add_argument(
        "--method",
        action="append",
        default=[],
        metavar="METHOD",
        help=f"{', '.join(METHODS)} and more; can be repeated",
    )
    offer(method, METHODS)
    group.add_argument(
        "--layer",
        type=int,
        action="append",
        metavar="N",
        help="target layer; can be repeated, the maps of several layers are fused (default: -2, the second to last)",
    )
    target = group.add_argument(
        "--target",
        default="T2",
        metavar="SCORE",
        help="score that is explained: T1, T2 or confidence, see docs/heatmaps.md (default: T2)",
    )
    offer(target, ("T1", "T2", "confidence"))
    group.add_argument(
        "--variant",
        action="append",
        default=[],
        metavar="NAME=METHOD:LAYERS:TARGET",
        help="a method with its own layers and score, such as fine=gradcampp:17,20,23:T2; can be repeated",
    )
    group.add_argument(
        "--confidence",
        type=float,
        default=0.25,
        metavar="CONF",
        help="lowest confidence of detections that are explained (default: 0.25)",
    )


def _add_running_arguments(parser: argparse.ArgumentParser) -> None:
    add_network_arguments(parser, "images", nms_iou=0.45, batch=8, precision=False)


@verb("heatmaps", "compute class-activation maps (CAM) of a YOLOv5 for images", _heatmaps_arguments)
def run_heatmaps(args: argparse.Namespace) -> int:
    """Compute class-activation maps (CAM) of a YOLOv5 for every class, with one forward pass per image.

    IMAGES is a data set (a folder with images/), a folder of images, or image files. OUT gets a folder per method,
    OUT/<method>, or OUT/<method>/<SET> with --name SET. It contains:
      images/ joint/    a TIFF per image at the resolution of the network: a channel per class; one channel for all
                        detections together
      manifest.parquet  a row per image: its detections, and the reason of each blank map
      lint.csv          a row per class: shares of blank, saturated and inverted maps

    `uncover heatmaps export` writes maps at the size of the images. The same command resumes a stopped run. --shard 1/4
    ... --shard 4/4 split the images over four jobs; then `uncover heatmaps collect` joins each folder. A folder named
    collect or export is ./collect or ./export. If every map is blank, a warning has the reason and what to try, and the
    exit code is 3.

    Examples:
      uncover heatmaps photos/ heatmaps --weights best.pt --method gradcampp
      uncover heatmaps datasets/val heatmaps --weights best.pt --method hirescam --method eigencam --layer 17 --name val
      uncover heatmaps frame.png heatmaps --weights best.pt --variant fine=gradcampp:17,20,23:T2 --confidence 0.1
    """
    from uncover.cam.store import check_set_folders, check_set_name, collect
    from uncover.images.reading import check_apart, named_images

    variants = _variants(args)
    if args.name:
        check_set_name(args.name, f"--name {args.name}")
    shard = read_shard(args)
    folders = {name: args.out / name / args.name for name in variants}
    check_set_folders(args.out, folders.values())
    images = named_images(args.images)
    check_apart(args.images, args.out)
    maker = _maker(args, variants)
    summary = maker.make(maker.look(images, shard, folders), args.batch)
    if not args.shard:
        for folder in folders.values():
            collect(folder)
    _report(args, summary, folders)
    # One share can be blank as a whole; whether all of them are is known when they are joined.
    nothing = summary.maps and all(count == summary.maps for count in summary.blank.values())
    return NOTHING_SHOWN if nothing and not args.shard else 0


def _variants(args: argparse.Namespace) -> dict[str, Variant]:
    """The variants in the arguments, whose options are checked.

    Raises:
        InputError: An option is out of range, or a variant is invalid.
    """
    from uncover.config.heatmaps import parse_variants
    from uncover.images.inputs import check_inference_options

    check_inference_options(args.confidence, args.nms_iou, args.batch, args.image_size)
    return parse_variants(args.method, args.layer or [-2], args.target, args.variant)


def _maker(args: argparse.Namespace, variants: Mapping[str, Variant]) -> ShardMaker:
    """The maker of the maps in the arguments.

    Raises:
        InputError: The device does not exist, or the file has no weights.
    """
    from uncover.api.explain import heatmap_maker

    return heatmap_maker(args.weights, variants, args.image_size, args.confidence, args.nms_iou, args.device)


def _report(args: argparse.Namespace, summary: Summary, folders: Mapping[str, Path]) -> None:
    """Report the maps, and how many are blank."""
    from uncover.cam.heatmaps import word_blank
    from uncover.console import wrote

    for variant, count in summary.not_finite.items():
        if count:
            logger.warning(f"{folders[variant]}: {count} maps overflowed and are blank; their status is 'not finite'")
    for variant, folder in folders.items():
        text = f"maps of {summary.images} images, {summary.made} of them new"
        text += f"; {summary.blank[variant]} of {summary.maps} maps blank"
        wrote(folder, text, images=summary.images, made=summary.made, maps=summary.maps, blank=summary.blank[variant])
    for variant, statuses in summary.statuses.items():
        if words := word_blank(statuses, args.confidence):
            logger.warning(f"{folders[variant]}: {words}")


def _heatmaps_sets_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sets", type=Path, nargs="+", metavar="SET", help="data set, or folder of images")
    parser.add_argument("--out", type=Path, required=True, metavar="OUT", help="folder for the heatmaps")
    _add_recipe_arguments(parser)
    _add_trained_on_argument(parser)
    _add_running_arguments(parser)


@verb("heatmaps sets", "compute class-activation maps of a YOLOv5 for several sets", _heatmaps_sets_arguments)
def run_heatmaps_sets(args: argparse.Namespace) -> int:
    """Compute class-activation maps of a YOLOv5 for several sets. The network is loaded once.

    Each SET is a data set (a folder with images/), or a folder of images. OUT gets OUT/<method>/<name of the SET's
    folder> for each, as `uncover heatmaps SET OUT --name NAME` writes it. The same command resumes a stopped run. If
    every map of a set is blank, a warning has the reason; the exit code is still 0.

    Examples:
      uncover heatmaps sets datasets/train datasets/val --out heatmaps --weights best.pt --method gradcampp
    """
    from uncover.cam.store import check_set_folders, check_set_name, collect
    from uncover.errors import InputError, keeping
    from uncover.images.inputs import Shard
    from uncover.images.reading import check_apart, hash_files, named_images

    variants = _variants(args)
    sets: dict[str, Path] = {}
    for folder in args.sets:
        # Links are not resolved: the name of a link is the name that the user gave.
        name = folder.absolute().name
        if folder.is_file():
            raise InputError(f"{folder}: is a file; expected the folder of a set (for files: uncover heatmaps)")
        check_set_name(name, str(folder))
        if name in sets:
            raise InputError(
                f"{folder}: has the name of {sets[name]}, and both would be {name}; give them in separate calls"
            )
        sets[name] = folder
    folders = {name: {variant: args.out / variant / name for variant in variants} for name in sets}
    check_set_folders(args.out, (folder for own in folders.values() for folder in own.values()))
    images = {name: named_images([folder]) for name, folder in sets.items()}
    check_apart(args.sets, args.out)
    known = None if args.trained_on is None else hash_files(named_images([args.trained_on]).values())
    maker = _maker(args, variants)
    # All are read before the network runs on the first: an error in the last one shows at once.
    shares = {name: maker.look(images[name], Shard(), folders[name]) for name in sets}
    done: list[str] = []
    with keeping(lambda: bool(done)):
        for name, share in shares.items():
            summary = maker.make(share, args.batch)
            for folder in folders[name].values():
                collect(folder, known)
            _report(args, summary, folders[name])
            done.append(name)
    return 0


def _heatmaps_collect_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="folder of a heatmap set")
    _add_trained_on_argument(parser)


def _add_trained_on_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trained-on",
        type=Path,
        metavar="DATASET",
        help="training set of the detector: lint.csv counts the images of the set that are in it",
    )


@verb("heatmaps collect", "join the shards of heatmap sets", _heatmaps_collect_arguments)
def run_heatmaps_collect(args: argparse.Namespace) -> int:
    """Join the shards of heatmap sets: write the manifest and the lint table of each.

    FOLDER is a folder that `uncover heatmaps --shard` wrote, such as OUT/gradcampp/train. It gets manifest.parquet (a
    row per image: detections, and the reason of each blank map) and lint.csv (a row per class: shares of blank,
    saturated and inverted maps). Maps of images that are no longer in the set are removed.

    Examples:
      uncover heatmaps collect heatmaps/gradcampp/train heatmaps/hirescam/train --trained-on datasets/train
    """
    from uncover.atomic import check_writable
    from uncover.cam.heatmaps import word_blank
    from uncover.cam.store import collect
    from uncover.console import wrote
    from uncover.images.reading import hash_files, named_images

    for folder in args.folders:
        if folder.exists():
            check_writable(folder)
    known = None if args.trained_on is None else hash_files(named_images([args.trained_on]).values())
    for folder in args.folders:
        collected = collect(folder, known)
        removed = f", removed {collected.removed} files of other images" if collected.removed else ""
        images = len(collected.manifest.table)
        wrote(folder, f"{images} images{removed}", images=images, removed=collected.removed)
        statuses = [list(status)[:-1] for status in collected.manifest.table["status"]]
        if words := word_blank(statuses, collected.manifest.settings.get("confidence")):
            logger.warning(f"{folder}: {words}")
    return 0


def _heatmaps_export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder of the heatmap set")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    parser.add_argument("--format", choices=("tiff", "png"), default="tiff", help="file format (default: tiff)")
    parser.add_argument(
        "--frame",
        choices=("original", "letterbox"),
        default="original",
        help="size of the maps: that of the image, or of the network's input with its padding (default: original)",
    )
    parser.add_argument(
        "--average",
        choices=("joint", "mean", "whole_face"),
        help="write one map per image: of all detections (joint), the mean of the classes, or the whole face (default:"
        " a map per class)",
    )


@verb("heatmaps export", "write heatmaps as images, at the size of the photos", _heatmaps_export_arguments)
def run_heatmaps_export(args: argparse.Namespace) -> int:
    """Write the maps of a heatmap set as 8-bit images (0 to 255) at the size of the photos.

    FOLDER is a heatmap set, such as OUT/gradcampp. OUT gets a TIFF per image with a channel per class; with --format
    png, a folder per class with a file per image; with --average, a file with one channel per image. The exit code is 3
    if every map is blank.

    Examples:
      uncover heatmaps export heatmaps/gradcampp full_size
      uncover heatmaps export heatmaps/gradcampp joint --format png --average joint
    """
    from uncover.atomic import check_replaceable
    from uncover.cam.export import export
    from uncover.cam.heatmaps import MAP, word_blank
    from uncover.console import wrote

    check_replaceable(args.out, "heatmaps export")
    statuses = export(args.folder, args.out, args.format, args.frame, args.average)
    maps = [status for own in statuses for status in own]
    blank = len(maps) - maps.count(MAP)
    text = f"maps of {len(statuses)} images; {blank} of {len(maps)} maps blank"
    wrote(args.out, text, images=len(statuses), maps=len(maps), blank=blank)
    if words := word_blank(statuses, None):
        logger.warning(f"{args.folder}: {words}, and run 'uncover heatmaps' again")
    return NOTHING_SHOWN if blank == len(maps) else 0


def _draw_boxes_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--predictions",
        type=Path,
        required=True,
        metavar="P.parquet",
        help="table of `uncover predict` with the boxes of the first detector",
    )
    parser.add_argument(
        "--confidence",
        type=float,
        default=0.25,
        metavar="CONF",
        help="lowest confidence of drawn boxes (default: 0.25)",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder to write to, such as heatmaps/drawn_boxes/val"
    )


@verb("draw_boxes", "draw a detector's boxes as if they were heatmaps", _draw_boxes_arguments)
def run_draw_boxes(args: argparse.Namespace) -> int:
    """Draw the boxes of the first detector as blobs, in the layout of a heatmap set but without gradients.

    A detector that is trained on these is a control for heatmap detectors. DIR gets images/ (a channel per class),
    joint/ (all classes in one) and manifest.parquet.

    Examples:
      uncover draw_boxes --predictions predictions/rgb10/val.parquet --out heatmaps/drawn_boxes/val
    """
    from uncover.atomic import check_replaceable
    from uncover.cam.heatmaps import MAP
    from uncover.config.values import check_number
    from uncover.console import wrote
    from uncover.rescue.drawn import draw_set

    check_number("--confidence", args.confidence, 0, 1)
    check_replaceable(args.out, "draw_boxes")
    table = draw_set(args.predictions, args.confidence, args.out).table
    blank = sum(status[-1] != MAP for status in table["status"])
    wrote(args.out, f"boxes of {len(table)} images, {blank} of them without a box", images=len(table), blank=blank)
    return 0
