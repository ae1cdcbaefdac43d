"""Turn a raw data set into a YOLO data set: part boxes from landmarks, or whole-face boxes of graded frames.

Layouts:
  wflw       the official download: WFLW_images/ and list_98pt_rect_attr_{train,test}.txt
  merl_rav   <pose>/<split>/imageNNNNN[_k].{jpg,pts}, or the label tree with AFLW's photos (--photos)
  300w       photos with .pts files of 68 points beside them, at any depth
  graded     <grade>/images and <grade>/labels (YOLO, class 0 = face) or a COCO JSON; also a plain folder of frames

OUT gets images/ (links), labels/, data.yaml, manifest.parquet, boxes.parquet, rejected.csv and summary.json.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "make a YOLO data set of facial parts from a raw data set"

LAYOUTS = ("wflw", "merl_rav", "300w", "graded")
SETS = ("train", "val", "test")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--layout", required=True, choices=LAYOUTS)
    parser.add_argument("raw", type=Path, metavar="RAW", help="folder of the raw data set")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to make")
    parser.add_argument("--photos", type=Path, help="folder of the photos, where they do not stand with the labels")
    parser.add_argument(
        "--parts",
        choices=("corrected", "released"),
        default="corrected",
        help="rule for part boxes; released = as in the thesis's scripts, errors included",
    )
    parser.add_argument(
        "--outside",
        choices=("clip", "drop", "drop_as_yolov5"),
        help="boxes that leave the image: clip them (default), or drop the photo; released boxes are "
        "dropped as YOLOv5's loader does",
    )
    parser.add_argument(
        "--no-merge",
        action="store_true",
        help="give each face the photo to itself, as the released scripts do",
    )
    parser.add_argument("--no-photos", action="store_true", help="do not look at photos: write tables only, in pixels")
    parser.add_argument("--grade", help="read this grade of a graded layout only")
    parser.add_argument(
        "--split",
        metavar="SET=COUNT,...",
        help="also split by photo, such as train=6000,val=125,test=794 (or =all)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the split (default 0)")
    parser.add_argument("--poses", metavar="POSE,...", help="split photos with a face of these poses only (MERL-RAV)")
    parser.add_argument("--exclude", type=Path, help="file of photo ids, one a line, that may not stand in val or test")


def run(args: argparse.Namespace) -> int:
    from uncover.atomic import check_replaceable
    from uncover.console import say, warn_each
    from uncover.datasets.build import photos_of_faces, write_dataset
    from uncover.datasets.exclusions import read_exclusions
    from uncover.datasets.frame_labels import label_frames
    from uncover.datasets.frame_sets import read_reviewed_frames
    from uncover.datasets.labels import label_faces
    from uncover.datasets.layouts import LANDMARK_READERS
    from uncover.datasets.reading import read_raw, to_faces_table
    from uncover.datasets.sources import require_folder
    from uncover.datasets.splits import parse_wishes, split_by_photo
    from uncover.parts.boxes import Outside

    _refuse_idle_options(args)
    check_replaceable(args.out, "labels")
    require_folder(args.raw, args.layout)
    if args.photos:
        require_folder(args.photos, "photos")
    review = None
    if args.layout == "graded":
        reading, review = read_reviewed_frames(args.raw, args.grade)
        photos, labels = label_frames(reading, args.raw.resolve().name)
        rejected, read, kept = reading.rejected, len(reading.items) + len(reading.rejected), len(photos)
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
            split = split_by_photo(present, parse_wishes(args.split), args.seed, poses, excluded)
            photos = photos.merge(split[["photo", "set", "reason"]], on="photo")
    warn_each([f"rejected: {item}" for item in rejected], f"{args.out}/rejected.csv")
    counts = write_dataset(args.out, photos, labels.boxes, rejected, read, kept, review)
    say(f"{args.out}: read {counts.read}, kept {counts.kept}, rejected {counts.rejected}; {counts.photos} photos")
    return 0


def _refuse_idle_options(args: argparse.Namespace) -> None:
    """An option that would change nothing is a mistake that somebody would find out late."""
    from uncover.errors import InputError

    landmarks = args.layout != "graded"
    idle = {
        "--grade": (args.grade is not None and landmarks, f"{args.layout} has no grades"),
        "--photos": (args.photos and not landmarks, "graded frames stand with their labels"),
        "--no-photos": (args.no_photos and not landmarks, "labels of graded frames need the frames' sizes"),
        "--parts": (args.parts == "released" and not landmarks, "graded frames have boxes of whole faces only"),
        "--outside": (args.outside and not landmarks, "boxes of graded frames are clipped"),
        "--no-merge": (args.no_merge and not landmarks, "graded frames are never repeated"),
        "--split": (args.split and not landmarks, "graded frames have no official parts to split"),
        "--poses": (args.poses and not args.split, "chooses what to split; give --split too"),
        "--exclude": (args.exclude and not args.split, "keeps photos out of val and test; give --split too"),
    }
    if args.poses and args.layout != "merl_rav":
        raise InputError(f"--poses: {args.layout} has no poses")
    if args.no_merge and args.split:
        raise InputError("--no-merge: would put one photo into several sets of --split; leave one of the two out")
    for option, (useless, why) in idle.items():
        if useless:
            raise InputError(f"{option}: {why}")
