"""Figure 15: the landmarks of a face beside the boxes made from them."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "draw figure 15: landmarks and boxes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for figure_15.png and .pdf")
    parser.add_argument(
        "--faces", type=Path, nargs="+", required=True, help="tables of `uncover read_faces`; the first is shown"
    )
    parser.add_argument("--boxes", type=Path, required=True, help="boxes.parquet of a data set made of them")
    parser.add_argument("--photo", help="id of the photo to show")


def run(args: argparse.Namespace) -> int:
    import numpy as np

    from uncover.datasets.boxes_table import read_kept_boxes
    from uncover.datasets.faces_table import landmark_arrays, read_faces_table
    from uncover.datasets.photos import read_upright_rgb
    from uncover.errors import InputError
    from uncover.images.privacy import may_show_patients, shown
    from uncover.parts.classes import CLASS_NAMES
    from uncover.report.figures.landmarks_and_boxes import choose_photo, landmarks_and_boxes
    from uncover.report.figures.style import save_figure

    boxes = read_kept_boxes(args.boxes)
    used = set(boxes["source"])
    tables = [table for path in args.faces if set((table := read_faces_table(path))["source"]) & used]
    # Of patients nothing is shown: the first table without them, or nothing but cells.
    tables.sort(key=lambda table: may_show_patients(table["source"].iloc[0]))
    faces = tables[0]
    boxes = boxes[boxes["source"] == faces["source"].iloc[0]]
    photo = args.photo or choose_photo(faces, boxes)
    of_photo = faces[faces["photo"] == photo]
    if of_photo.empty or not (boxes["photo"] == photo).any():
        raise InputError(f"{args.boxes}: no photo '{photo}' in it; name another one (report.figure_15_photo)")
    landmarks, visibility = landmark_arrays(of_photo)
    kept = boxes[boxes["photo"] == photo]
    image = read_upright_rgb(Path(of_photo["image"].iloc[0]))
    if may_show_patients(faces["source"].iloc[0]):
        image = shown(image, np.empty((0, 4)), "whole-frame")
    save_figure(landmarks_and_boxes(image, landmarks, visibility, kept, CLASS_NAMES), args.out, "figure_15")
    return 0
