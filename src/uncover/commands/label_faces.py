"""Make one set of the thesis, such as train, from faces tables and splits: links to photos, and part boxes."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "make the YOLO data set of one set from faces and splits"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to make")
    parser.add_argument("--set", required=True, choices=("train", "val", "test"), help="which photos")
    parser.add_argument("--faces", type=Path, nargs="+", required=True, help="tables of `uncover read_faces`")
    parser.add_argument(
        "--splits",
        type=Path,
        nargs="+",
        required=True,
        help="tables of `uncover split_photos`, in the same order",
    )
    parser.add_argument("--parts", choices=("corrected", "released"), default="corrected", help="rule for part boxes")
    parser.add_argument(
        "--outside",
        choices=("clip", "drop", "drop_as_yolov5"),
        default="clip",
        help="boxes that leave the image",
    )
    parser.add_argument(
        "--poses",
        metavar="POSE,...",
        default="",
        help="label faces of these poses only (MERL-RAV), and leave others in the same photo unlabelled, as released",
    )


def run(args: argparse.Namespace) -> int:
    import pandas as pd

    from uncover.console import say, warn_each
    from uncover.datasets.build import photos_of_faces, write_dataset
    from uncover.datasets.faces_table import read_faces_table
    from uncover.datasets.labels import label_faces
    from uncover.datasets.splits import read_split, take_poses
    from uncover.errors import InputError

    if len(args.faces) != len(args.splits):
        raise InputError(f"{len(args.faces)} tables of faces, {len(args.splits)} of splits; expected pairs")
    chosen = []
    for faces_path, split_path in zip(args.faces, args.splits, strict=True):
        split = read_split(split_path)
        faces = read_faces_table(faces_path)
        if set(split["source"]) != set(faces["source"]):
            raise InputError(f"{split_path}: is no split of {faces_path}; give splits in the order of the faces")
        chosen.append(faces[faces["photo"].isin(split.loc[split["set"] == args.set, "photo"])])
    faces = pd.concat(chosen, ignore_index=True)
    wanted, of_other_poses = take_poses(faces, args.poses.split(",") if args.poses else ())
    labels = label_faces(wanted, args.parts, args.outside)
    rejected = of_other_poses + labels.rejected
    photos = photos_of_faces(wanted, labels.boxes)
    warn_each([f"rejected: {item}" for item in labels.rejected], f"{args.out}/rejected.csv")
    counts = write_dataset(args.out, photos, labels.boxes, rejected, len(faces), int(photos["faces"].sum()))
    say(f"{args.out}: read {counts.read} faces, kept {counts.kept}, rejected {counts.rejected}; {counts.photos} photos")
    return 0
