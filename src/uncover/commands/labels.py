"""Convert raw data sets to YOLO layout, and draw their labels."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from uncover.commands import verb
from uncover.commands._shared_arguments import add_class_argument
from uncover.config.catalogue import LANDMARK_LAYOUTS, LAYOUTS

if TYPE_CHECKING:
    import pandas as pd

    from uncover.data.splits import SplitSizes

logger = logging.getLogger(__name__)


PARTLY = 3
"""Exit code if the data set is not what was requested."""


def _labels_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("raw", type=Path, metavar="RAW", help="folder of the raw data set")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    parser.add_argument("--layout", required=True, choices=LAYOUTS, help="layout of RAW, see above")
    parser.add_argument(
        "--photos", type=Path, metavar="DIR", help="folder of the photos, if they are not beside the labels"
    )
    parser.add_argument("--no-photos", action="store_true", help="do not read photos: write tables only, in pixels")
    parser.add_argument("--grade", metavar="GRADE", help="read only this grade of a graded layout")
    add_class_argument(parser)
    parts = parser.add_argument_group("boxes from landmarks")
    parts.add_argument(
        "--parts",
        choices=("corrected", "released"),
        default="corrected",
        help="rule for part boxes: corrected, or released as in the scripts of the thesis with their errors (default:"
        " corrected)",
    )
    parts.add_argument(
        "--outside",
        choices=("clip", "drop", "drop_as_yolov5"),
        help="boxes that extend beyond the image: clip them, or drop the photo (default: clip; with --parts released"
        " drop_as_yolov5, as the loader of upstream YOLOv5 does)",
    )
    parts.add_argument(
        "--no-merge", action="store_true", help="repeat the photo for each of its faces, as the released scripts do"
    )
    split = parser.add_argument_group("split")
    split.add_argument(
        "--split",
        metavar="SET=COUNT,...",
        help="split by photo into sets of so many photos, such as train=6000,val=125,test=794 or test=all",
    )
    split.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the split (default: 0)")
    split.add_argument("--poses", metavar="POSE,...", help="split only photos with a face of these poses (MERL-RAV)")
    split.add_argument(
        "--exclude",
        type=Path,
        metavar="FILE",
        help="file with ids of photos, one per line, to keep out of val and test",
    )


@verb("labels", "convert a raw data set to a YOLO data set", _labels_arguments)
def run_labels(args: argparse.Namespace) -> int:
    """Convert a raw data set to a YOLO data set: part boxes from landmarks, or whole-face boxes of graded frames.

    Layouts of RAW:
      wflw       the official download: WFLW_images/ and list_98pt_rect_attr_{train,test}.txt
      merl_rav   <pose>/<split>/imageNNNNN[_k].{jpg,pts}, or the label tree with the photos of AFLW in --photos
      300w       photos with .pts files of 68 points beside them, in any subfolder
      graded     <grade>/images and <grade>/labels (YOLO, class 0 is the face) or a COCO JSON; also a plain folder of
                 frames, and YOLO, COCO or Pascal VOC exports of Roboflow, CVAT, labelImg, Label Studio and Darknet
                 (--class names the class of the face, if there are several)
      yolo, coco, voc, images   the same, with annotations in this format only, or without annotations

    OUT gets images/ (links), labels/, data.yaml, manifest.parquet, boxes.parquet, rejected.csv and summary.json. The
    exit code is 3 if no photo has a face, or a set of --split gets no photo.

    Examples:
      uncover labels raw/WFLW datasets/wflw --layout wflw --split train=6000,val=125,test=all
      uncover labels frames datasets/frames --layout graded
      uncover labels export.zip_unpacked datasets/ward --layout coco --class face
    """
    from uncover.atomic import check_replaceable
    from uncover.console import warn_each, wrote
    from uncover.data.frame_sets import label_frames, read_reviewed_frames, require_annotations
    from uncover.data.labels import label_faces
    from uncover.data.parts import Outside
    from uncover.data.reading import LANDMARK_READERS, read_raw, to_faces_table
    from uncover.data.sets import photos_of_faces, write_dataset
    from uncover.data.sources import require_folder
    from uncover.data.splits import parse_split_sizes, read_exclusions, split_by_photo

    _refuse_idle_options(args)
    check_replaceable(args.out, "labels")
    require_folder(args.raw, args.layout)
    if args.photos:
        require_folder(args.photos, "photos")
    sizes: SplitSizes = parse_split_sizes(args.split) if args.split else {}
    review = None
    if args.layout not in LANDMARK_LAYOUTS:
        reading, review = read_reviewed_frames(args.raw, args.grade, args.classes)
        require_annotations(reading, args.raw, args.layout)
        photos, labels = label_frames(reading, args.raw.resolve().name)
        rejected, kept = reading.rejected + labels.rejected, len(photos)
        read = kept + len(rejected)
    else:
        items = LANDMARK_READERS[args.layout](args.raw, args.photos)
        faces, rejected = to_faces_table(read_raw(items, args.raw, not args.no_photos), args.layout, not args.no_merge)
        read = len(faces) + len(rejected)
        outside: Outside = args.outside or ("clip" if args.parts == "corrected" else "drop_as_yolov5")
        labels = label_faces(faces, args.parts, outside)
        rejected = rejected + labels.rejected
        photos = photos_of_faces(faces, labels.boxes)
        kept = int(photos["faces"].sum())
        if args.split:
            present = faces[faces["photo"].isin(photos["photo"])]
            excluded = read_exclusions(args.exclude, set(faces["photo"])) if args.exclude else ()
            poses = args.poses.split(",") if args.poses else ()
            split = split_by_photo(present, sizes, args.seed, poses, excluded)
            photos = photos.merge(split[["photo", "set", "reason"]], on="photo")
    warn_each([f"rejected: {item}" for item in rejected], f"{args.out}/rejected.csv")
    counts = write_dataset(args.out, photos, labels.boxes, rejected, read, kept, review)
    unannotated = int((~photos["labelled"].astype(bool)).sum())
    wrote(
        args.out,
        f"read {counts.read}, kept {counts.kept}, rejected {counts.rejected}; {counts.photos} photos"
        + (f", {unannotated} of them not annotated" if unannotated else ""),
        **{name: getattr(counts, name) for name in ("read", "kept", "rejected", "photos")},
        not_annotated=unannotated,
    )
    empty = _report_shortfalls(photos, sizes, args.out)
    if not photos["faces"].sum():
        logger.warning(
            f"{args.out}: NO FACE in {counts.photos} photos, {unannotated} of them not annotated; check that the"
            " annotations are where --layout expects them"
        )
        return PARTLY
    return PARTLY if empty else 0


def _report_shortfalls(photos: pd.DataFrame, sizes: SplitSizes, out: Path) -> bool:
    """Report sets with fewer photos than requested; return whether one has none and is omitted."""
    from uncover.data.splits import shortfalls

    short = shortfalls(photos, sizes) if sizes else {}
    empty = [name for name, requested in sizes.items() if requested != 0 and not (photos["set"] == name).any()]
    for name, (requested, found) in short.items():
        if found:
            logger.info(f"note: {out}: only {found} photos for {name}, {requested} requested")
    for name in empty:
        size = "all" if sizes[name] is None else str(sizes[name])
        logger.warning(
            f"{out}: NO PHOTO for {name}, {size} requested: there is no {name}.txt, nor {name}: in data.yaml"
        )
    return bool(empty)


def _refuse_idle_options(args: argparse.Namespace) -> None:
    """Raise an error for options without effect, which are a mistake."""
    from uncover.errors import InputError

    landmarks = args.layout in LANDMARK_LAYOUTS
    idle = {
        "--grade": (args.grade is not None and landmarks, f"{args.layout} has no grades"),
        "--class": (args.classes and landmarks, f"{args.layout} has only faces"),
        "--photos": (args.photos and not landmarks, "graded frames are beside their labels"),
        "--no-photos": (args.no_photos and not landmarks, "labels of graded frames require the sizes of the frames"),
        "--parts": (args.parts == "released" and not landmarks, "graded frames have only boxes of whole faces"),
        "--outside": (args.outside and not landmarks, "boxes of graded frames are clipped"),
        "--no-merge": (args.no_merge and not landmarks, "graded frames are never repeated"),
        "--split": (args.split and not landmarks, "graded frames have no official parts to split"),
        "--poses": (args.poses and not args.split, "selects photos to split; give --split too"),
        "--exclude": (args.exclude and not args.split, "keeps photos out of val and test; give --split too"),
    }
    if args.poses and args.layout != "merl_rav":
        raise InputError(f"--poses: {args.layout} has no poses")
    if args.no_merge and args.split:
        raise InputError("--no-merge: would put one photo into several sets of --split; omit one of the two")
    for option, (useless, why) in idle.items():
        if useless:
            raise InputError(f"{option}: {why}")


def _overlay_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="data set of `uncover labels`")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for overlay.png and overlay.pdf")
    parser.add_argument("--count", type=int, default=12, metavar="N", help="photos to draw (default: 12)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the choice of photos (default: 0)")


@verb("overlay", "draw photos of a data set with their boxes", _overlay_arguments)
def run_overlay(args: argparse.Namespace) -> int:
    """Draw a sample of the photos of a data set with their boxes, to check labels.

    OUT gets overlay.png and overlay.pdf. Faces are not hidden: do not publish a sheet of patients.

    Examples:
      uncover overlay datasets/wflw check --count 20
    """
    from uncover.atomic import check_writable
    from uncover.console import wrote
    from uncover.data.parts import CLASS_NAMES
    from uncover.data.photos import read_upright_rgb
    from uncover.data.sets import read_kept_boxes, read_manifest
    from uncover.errors import InputError
    from uncover.owner import check_shared
    from uncover.report.figures.labels import Labelled, contact_sheet
    from uncover.report.figures.style import save_figure

    check_writable(args.out)
    check_shared(args.out, "overlay")
    if not (args.dataset / "manifest.parquet").is_file():
        raise InputError(f"{args.dataset}: has no manifest.parquet; expected a data set of `uncover labels`")
    if args.count < 1:
        raise InputError(f"--count {args.count}: expected at least 1")
    photos = read_manifest(args.dataset / "manifest.parquet")
    boxes = read_kept_boxes(args.dataset / "boxes.parquet")
    drawn = photos.sample(min(args.count, len(photos)), random_state=args.seed).sort_values("photo")
    sheet = [
        Labelled(read_upright_rgb(args.dataset / row.image), boxes[boxes["photo"] == row.photo], str(row.photo))
        for row in drawn.itertuples()
    ]
    save_figure(contact_sheet(sheet, CLASS_NAMES), args.out, "overlay")
    drawn_boxes = sum(len(each.boxes) for each in sheet)
    text = f"{len(sheet)} of {len(photos)} photos with {drawn_boxes} boxes"
    wrote(args.out / "overlay.png", text, photos=len(sheet), boxes=drawn_boxes)
    return 0
