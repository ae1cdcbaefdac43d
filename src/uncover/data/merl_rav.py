"""MERL-RAV: 68 points with three kinds of visibility on AFLW photos (Kumar et al., LUVLi, CVPR 2020).

Two layouts are read. The label tree, `<pose>/<split>/labels/imageNNNNN[_k].pts`, with AFLW's photos in
`flickr/{0,2,3}/imageNNNNN.jpg`; and the organised tree that its authors' script makes of both,
`<pose>/<split>/imageNNNNN[_k].{jpg,pts}`. The suffix `_k` numbers the faces of one photo; in the organised tree
the photo is repeated for each of them. The same photo may occur in several pose folders and in both splits.

Marks: (-x, -y) is an externally occluded point at (x, y); (-1, -1) is a self-occluded point.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from uncover.data.faces import PART_OF_FOLDER, POSES, Face, Rejected, RowError, Visibility, find_photo
from uncover.data.three_hundred_w import parse_pts
from uncover.errors import InputError
from uncover.text_files import read_text

AFLW_FOLDERS = ("0", "2", "3")
NAME = re.compile(r"(?P<photo>image\d+)(?:_\d+)?")


def read_merl_rav(root: Path, photos: Path | None = None) -> Iterator[Face | Rejected]:
    """Read every `.pts` file of a MERL-RAV tree, by pose, split and name.

    Args:
        root: Folder of the pose folders, or its parent.
        photos: AFLW's `flickr` folder or one above it; needed for the label tree only.

    Raises:
        InputError: There is no pose folder.
    """
    tree = _find_tree(root)
    flickr = _find_flickr(photos or root)
    for folder in sorted(tree.iterdir()):
        if folder.name not in POSES and any((folder / split).is_dir() for split in PART_OF_FOLDER):
            detail = f"'{folder.name}' is not a pose; expected {', '.join(POSES)}"
            yield Rejected(folder.relative_to(root).as_posix(), 0, "", "unknown_folder", detail)
    read: dict[str, str] = {}
    for pose in POSES:
        for split, part in PART_OF_FOLDER.items():
            folder = tree / pose / split
            labels = folder / "labels"
            raw_tree = labels.is_dir()
            for path in sorted((labels if raw_tree else folder).glob("*.[pP][tT][sS]")):
                image = _aflw_photo(flickr, path.stem) if raw_tree else find_photo(path.with_suffix(".jpg"))
                annotation = path.relative_to(root).as_posix()
                item = _read_face(path, annotation, image, pose, part)
                if isinstance(item, Face) and read.setdefault(item.name, annotation) != annotation:
                    detail = f"a face of this name was already read from {read[item.name]}; expected one"
                    item = Rejected(annotation, 0, item.photo, "duplicate_name", detail)
                yield item


def _find_tree(root: Path) -> Path:
    candidates = [root, *sorted(folder for folder in root.iterdir() if folder.is_dir())]
    for tree in candidates:
        if any((tree / pose / split).is_dir() for pose in POSES for split in PART_OF_FOLDER):
            return tree
    raise InputError(f"{root}: no <pose>/<split> folder such as frontal/trainset in it; expected a MERL-RAV tree")


def _find_flickr(photos: Path) -> Path:
    for folder in (
        photos,
        photos / "flickr",
        photos / "data" / "flickr",
        photos / "aflw" / "data" / "flickr",
    ):
        if any((folder / name).is_dir() for name in AFLW_FOLDERS):
            return folder
    return photos / "flickr"


def _aflw_photo(flickr: Path, stem: str) -> Path:
    name = stem.partition("_")[0] + ".jpg"
    for folder in AFLW_FOLDERS:
        photo = find_photo(flickr / folder / name)
        if photo.exists():
            return photo
    return flickr / AFLW_FOLDERS[0] / name


def _read_face(path: Path, annotation: str, image: Path, pose: str, part: str) -> Face | Rejected:
    match = NAME.fullmatch(path.stem)
    if match is None:
        detail = f"'{path.name}' is not a MERL-RAV name; expected imageNNNNN.pts or imageNNNNN_k.pts"
        return Rejected(annotation, 0, path.stem, "malformed_name", detail)
    photo = match["photo"]
    try:
        points = parse_pts(read_text(path, "replace"))
    except RowError as error:
        return Rejected(annotation, error.row, photo, "malformed_row", str(error))
    landmarks, visibility = interpret_marks(points)
    return Face(
        photo=photo,
        image=image,
        landmarks=landmarks,
        visibility=visibility,
        part=part,
        name=path.stem,
        annotation=annotation,
        attributes={"pose": pose},
    )


def interpret_marks(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Convert MERL-RAV's marks to positions and visibility.

    Args:
        points: float64 (N, 2), as written in the file.

    Returns:
        Landmarks float64 (N, 2) with NaN where self-occluded, and visibility uint8 (N,).
    """
    negative = (points < 0).any(axis=1)
    self_occluded = (points == -1).all(axis=1)
    visibility = np.where(negative, Visibility.EXTERNALLY_OCCLUDED, Visibility.VISIBLE).astype(np.uint8)
    visibility[self_occluded] = Visibility.SELF_OCCLUDED
    landmarks = np.abs(points)
    landmarks[self_occluded] = np.nan
    return landmarks, visibility
