"""Class-activation maps, their shards and files, and the control that draws boxes instead."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from uncover.commands import verb
from uncover.commands._shared_arguments import add_shard_argument, read_shard

if TYPE_CHECKING:
    from uncover.cam.shards import ShardMaker, Summary
    from uncover.config.heatmaps import Variant

logger = logging.getLogger(__name__)

NOTHING_SHOWN = 3
"""Exit code where every map is blank."""


def _heatmaps_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGES", help="data set, folder or image files")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the maps")
    _add_recipe_arguments(parser)
    parser.add_argument("--name", default="", metavar="SET", help="name of the set")
    add_shard_argument(parser)
    _add_running_arguments(parser)


def _add_recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments that say what maps are made of."""
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


def _add_running_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batch", type=int, default=8, help="images at a time (default: 8)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda:0 (default: a GPU where there is one)")


@verb("heatmaps", "make class-activation maps of a YOLOv5 for many images", _heatmaps_arguments)
def run_heatmaps(args: argparse.Namespace) -> int:
    """Make class-activation maps of a YOLOv5: why it finds what it finds, for every class, from one pass per image.

    IMAGES is a data set (a folder with images/), a folder of images, or image files. OUT gets a folder per method, or
    OUT/<method>/<SET> with --name SET; in it:
      images/ joint/    a TIFF per image, at native resolution: a channel per class; one for all detections together
      manifest.parquet  a row per image: detections, and which maps are blank and why
      lint.csv          a row per class: shares of blank, saturated and inverted maps
    The same command resumes a stopped run where it was. Several jobs share a set with --shard 1/4 ... --shard 4/4;
    afterwards `uncover heatmaps collect` joins each folder. Full-size maps: `uncover heatmaps export`. A folder named
    collect or export is given as ./collect. Where every map is blank, a line says why and what to try, and the exit
    code is 3.
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
    _tell(args, args.out, summary, folders)
    # The shares of a set may be blank one by one; whether all of it is, shows when they are joined.
    nothing = summary.maps and all(count == summary.maps for count in summary.blank.values())
    return NOTHING_SHOWN if nothing and not args.shard else 0


def _variants(args: argparse.Namespace) -> dict[str, Variant]:
    """What the arguments ask for, whose options are checked.

    Raises:
        InputError: An option is beyond its limits, or a variant is none.
    """
    from uncover.config.heatmaps import parse_variants
    from uncover.images.inputs import check_inference_options

    check_inference_options(args.confidence, args.nms_iou, args.batch, args.image_size)
    return parse_variants(args.method, args.layer or [-2], args.target, args.variant)


def _maker(args: argparse.Namespace, variants: Mapping[str, Variant]) -> ShardMaker:
    """What makes the maps that the arguments ask for.

    Raises:
        InputError: The device is not here, or the file holds no weights.
    """
    from uncover.api.explain import heatmap_maker

    return heatmap_maker(args.weights, variants, args.image_size, args.confidence, args.nms_iou, args.device)


def _tell(args: argparse.Namespace, name: Path | str, summary: Summary, folders: Mapping[str, Path]) -> None:
    """Say what was made, and what of it is blank."""
    from uncover.cam.heatmaps import word_blank

    for variant, count in summary.not_finite.items():
        if count:
            logger.warning(f"{folders[variant]}: {count} maps overflowed and are blank; their status is 'not finite'")
    there = summary.images - summary.made
    blank = ", ".join(f"{variant} {count}" for variant, count in summary.blank.items())
    logger.info(
        f"{name}: maps of {summary.made} images made, {there} were there, in {summary.seconds:.1f} s;"
        f" blank, of {summary.maps} maps each: {blank}"
    )
    for variant, statuses in summary.statuses.items():
        if words := word_blank(statuses, args.confidence):
            logger.warning(f"{folders[variant]}: {words}")


def _heatmaps_sets_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sets", type=Path, nargs="+", metavar="SET", help="data set, or folder of images")
    parser.add_argument("--out", type=Path, required=True, metavar="OUT", help="folder for the maps")
    _add_recipe_arguments(parser)
    _add_trained_on_argument(parser)
    _add_running_arguments(parser)


@verb("heatmaps sets", "make class-activation maps of a YOLOv5 for several sets", _heatmaps_sets_arguments)
def run_heatmaps_sets(args: argparse.Namespace) -> int:
    """Make class-activation maps of a YOLOv5 for several sets: the network is loaded once.

    Each SET is a data set (a folder with images/), or a folder of images. OUT gets OUT/<method>/<name of the SET's
    folder> for each, as `uncover heatmaps SET OUT --name NAME` writes it. The same command resumes a stopped run where
    it was. Where every map of a set is blank, a line says why; the exit code stays 0.
    """
    from uncover.cam.store import check_set_folders, check_set_name, collect
    from uncover.errors import InputError, keeping
    from uncover.images.inputs import Shard
    from uncover.images.reading import check_apart, hash_files, named_images

    variants = _variants(args)
    sets: dict[str, Path] = {}
    for folder in args.sets:
        # Links stay: whoever linked a folder named it so.
        name = folder.absolute().name
        if folder.is_file():
            raise InputError(f"{folder}: is a file; expected sets, which are folders (for files: uncover heatmaps)")
        check_set_name(name, str(folder))
        if name in sets:
            raise InputError(f"{folder}: has the name of {sets[name]}, and both would be {name}; give them apart")
        sets[name] = folder
    folders = {name: {variant: args.out / variant / name for variant in variants} for name in sets}
    check_set_folders(args.out, (folder for own in folders.values() for folder in own.values()))
    images = {name: named_images([folder]) for name, folder in sets.items()}
    check_apart(args.sets, args.out)
    known = None if args.trained_on is None else hash_files(named_images([args.trained_on]).values())
    maker = _maker(args, variants)
    # All are looked at before the network works on the first: what is wrong with the last one shows at once.
    shares = {name: maker.look(images[name], Shard(), folders[name]) for name in sets}
    done: list[str] = []
    with keeping(lambda: bool(done)):
        for name, share in shares.items():
            summary = maker.make(share, args.batch)
            for folder in folders[name].values():
                collect(folder, known)
            _tell(args, name, summary, folders[name])
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
        help="images that the detector was trained on: the lint table counts those of the set",
    )


@verb("heatmaps collect", "join the shards of heatmap sets", _heatmaps_collect_arguments)
def run_heatmaps_collect(args: argparse.Namespace) -> int:
    """Join the shards of heatmap sets: write the manifest and the lint table of each.

    FOLDER is what `uncover heatmaps --shard` wrote to, down to the variant and the set, such as OUT/gradcampp/train.
    It gets manifest.parquet (a row per image: detections, and which maps are blank and why) and lint.csv (a row per
    class: shares of blank, saturated and inverted maps). Maps of images that are no longer in the set are removed.
    """
    from uncover.atomic import check_writable
    from uncover.cam.heatmaps import word_blank
    from uncover.cam.store import collect
    from uncover.images.reading import hash_files, named_images

    for folder in args.folders:
        if folder.exists():
            check_writable(folder)
    known = None if args.trained_on is None else hash_files(named_images([args.trained_on]).values())
    for folder in args.folders:
        collected = collect(folder, known)
        removed = f", {collected.removed} files of others removed" if collected.removed else ""
        logger.info(f"{folder}: {len(collected.manifest.table)} images{removed}")
        statuses = [list(status)[:-1] for status in collected.manifest.table["status"]]
        if words := word_blank(statuses, collected.manifest.settings.get("confidence")):
            logger.warning(f"{folder}: {words}")
    return 0


def _heatmaps_export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder of the heatmap set")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to make")
    parser.add_argument("--format", choices=("tiff", "png"), default="tiff", help="of the files (default: tiff)")
    parser.add_argument(
        "--frame",
        choices=("original", "letterbox"),
        default="original",
        help="size of the image, or of what the network saw of it, padding included (default: original)",
    )
    parser.add_argument(
        "--average",
        choices=("joint", "mean", "whole_face"),
        help="one map per image: that of all scores' sum, the mean of the classes' maps, or the whole face's",
    )


@verb("heatmaps export", "write the maps of a heatmap set at full size", _heatmaps_export_arguments)
def run_heatmaps_export(args: argparse.Namespace) -> int:
    """Write the maps of a heatmap set at full size, 8 bits, each from 0 to 255.

    FOLDER is a heatmap set, such as OUT/gradcampp. OUT gets a TIFF per image with a channel per class; or, as PNG, a
    folder per class with a file per image; or with --average a file of one channel per image. Where every map is
    blank, the exit code is 3.
    """
    from uncover.atomic import check_replaceable
    from uncover.cam.export import export
    from uncover.cam.heatmaps import MAP, word_blank

    check_replaceable(args.out, "heatmaps export")
    statuses = export(args.folder, args.out, args.format, args.frame, args.average)
    maps = [status for own in statuses for status in own]
    blank = len(maps) - maps.count(MAP)
    logger.info(f"{args.out}: maps of {len(statuses)} images; blank, of {len(maps)} maps: {blank}")
    if words := word_blank(statuses, None):
        logger.warning(f"{args.folder}: {words}, and run 'uncover heatmaps' again")
    return NOTHING_SHOWN if blank == len(maps) else 0


def _draw_boxes_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--predictions", type=Path, required=True, help="the first detector's, a table of `uncover predict`"
    )
    parser.add_argument("--confidence", type=float, default=0.25, help="lowest of a box that is drawn (default: 0.25)")
    parser.add_argument("--out", type=Path, required=True, help="folder to make, such as heatmaps/drawn_boxes/val")


@verb("draw_boxes", "draw a detector's boxes as if they were heatmaps", _draw_boxes_arguments)
def run_draw_boxes(args: argparse.Namespace) -> int:
    """Draw the first detector's own boxes as blobs: a set like one of heatmaps, but made without any gradient.

    A detector that is trained on these is a control: only what heatmap detectors find beyond it is due to heatmaps.
    OUT gets images/ (a channel per class), joint/ (all classes in one) and manifest.parquet, as a heatmap set has
    them.
    """
    from uncover.atomic import check_replaceable
    from uncover.cam.heatmaps import MAP
    from uncover.config.values import check_number
    from uncover.rescue.drawn import draw_set

    check_number("--confidence", args.confidence, 0, 1)
    check_replaceable(args.out, "draw_boxes")
    table = draw_set(args.predictions, args.confidence, args.out).table
    blank = sum(status[-1] != MAP for status in table["status"])
    logger.info(f"{args.out}: boxes of {len(table)} photos drawn, {blank} of them without any")
    return 0
