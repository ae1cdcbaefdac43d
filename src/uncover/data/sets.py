"""Data sets on disk: write a set as a whole, read back its manifest and boxes."""

from __future__ import annotations

import csv
import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd

from uncover.atomic import new_file, new_folder
from uncover.data.blocks import BlockNames, blocks_of_photos
from uncover.data.faces import Rejected
from uncover.data.photos import PhotoInfo
from uncover.data.picked import Review
from uncover.data.yolo import IMAGES, LABELS, count_classes, label_lines, place_image, write_data_yaml
from uncover.errors import InputError
from uncover.progress import track
from uncover.tables import read_table

logger = logging.getLogger(__name__)

MANIFEST_COLUMNS = ("source", "photo", "image", "width", "height", "faces", "labelled")
"""Required columns of a manifest; `block` and `block_kind` identify its block (`uncover.data.blocks`)."""

BOX_COLUMNS = ("source", "photo", "name", "part", "class_id", "x1", "y1", "x2", "y2", "status")
PHOTO_COLUMNS = ("source", "photo", "image", "width", "height", "mode", "orientation", "kind", "pictures", "part")
IGNORED = "ignored"
"""Status of an ignored box, which counts neither as missed nor as false, and the folder of such boxes beside
`labels/`."""
CORNERS = ["x1", "y1", "x2", "y2"]
REJECTED_COLUMNS = tuple(field.name for field in fields(Rejected))


def read_manifest(path: Path) -> pd.DataFrame:
    """Load a data set's manifest.

    Raises:
        InputError: The file is not a `manifest.parquet`.
    """
    return read_table(path, MANIFEST_COLUMNS, "labels")


@dataclass(frozen=True)
class SetLabels:
    """Boxes of a data set.

    Attributes:
        boxes: One row per face and part (`BOX_COLUMNS`; pixels of the upright photo). `status` is "kept", or the reason
            why the part was left out.
        rejected: Faces that are left out, because they have no box or their photo is dropped.
    """

    boxes: pd.DataFrame
    rejected: list[Rejected]


def read_kept_boxes(path: Path) -> pd.DataFrame:
    """Load the boxes of a data set that are in its labels.

    Raises:
        InputError: The file is not a `boxes.parquet`.
    """
    boxes = read_table(path, BOX_COLUMNS, "labels")
    return boxes[boxes["status"] == "kept"]


@dataclass(frozen=True)
class Counts:
    """Number of faces, or of frames if faces are not annotated individually; read = kept + rejected."""

    read: int
    kept: int
    rejected: int
    photos: int


def photos_of_faces(faces: pd.DataFrame, boxes: pd.DataFrame) -> pd.DataFrame:
    """One row per photo with at least one kept face, by source and id, with the number of kept faces.

    Raises:
        InputError: Two raw data sets have a photo with the same id.
    """
    number = boxes.drop_duplicates(["source", "photo", "name"]).groupby(["source", "photo"]).size().rename("faces")
    parts = faces.groupby(["source", "photo"])["part"].agg(lambda part: part.iloc[0] if part.nunique() == 1 else "both")
    photos = faces.drop_duplicates(["source", "photo"])[list(PHOTO_COLUMNS)].drop(columns="part")
    photos = photos.merge(parts, on=["source", "photo"]).merge(number, on=["source", "photo"])
    photos = photos.sort_values(["source", "photo"], kind="stable", ignore_index=True).assign(labelled=True, grade="")
    clash = photos["photo"].str.casefold().duplicated()
    if clash.any():
        photo = photos.loc[clash, "photo"].iloc[0]
        raise InputError(f"photo {photo}: occurs in two raw data sets; rename one of the photos")
    return photos


def write_dataset(
    out: Path,
    photos: pd.DataFrame,
    boxes: pd.DataFrame,
    rejected: Sequence[Rejected],
    read: int,
    kept: int,
    review: Review | None = None,
    maker: str = "labels",
    names: Mapping[str, BlockNames] | None = None,
) -> Counts:
    """Write a data set as a whole or not at all.

    Args:
        out: Folder to create: `images/`, `labels/`, `data.yaml`, `manifest.parquet`, `boxes.parquet`, `rejected.csv`,
            `summary.json`.
        photos: One row per photo, as returned by `photos_of_faces`. An optional column `set` becomes a list
            `<set>.txt` of images. Width 0 means that photos were not inspected; then only tables are written. The block
            of each photo is looked up in the tables around its file (`uncover.data.blocks`).
        boxes: Boxes of these photos (`uncover.data.sets.BOX_COLUMNS`).
        rejected: Rejected faces or frames.
        read: Number of faces or frames read.
        kept: Number of those in the data set.
        review: For picked frames, the number of reviewed ones.
        maker: Words of the command; commands that only make data sets may replace each other's output.
        names: Blocks that are encoded in the names of photos, by source.

    Raises:
        InputError: No photo is left, or a table of blocks is invalid.
        RuntimeError: read = kept + rejected does not hold (a bug).
    """
    if photos.empty:
        first = f"; the first: {rejected[0]}" if rejected else ""
        raise InputError(f"{out}: no photo is left for this data set, {len(rejected)} of {read} rejected{first}")
    counts = Counts(read=read, kept=kept, rejected=len(rejected), photos=len(photos))
    if counts.read != counts.kept + counts.rejected:
        raise RuntimeError(f"{out}: read {counts.read}, but kept {counts.kept} and rejected {counts.rejected}")
    of_source = [(names or {}).get(source) for source in photos["source"]]
    blocks, notes = blocks_of_photos(photos["image"].tolist(), of_source)
    for note in notes:
        logger.info(f"note: {out}: {note}")
    photos = pd.concat([photos.reset_index(drop=True), blocks], axis=1)
    with new_folder(out, maker) as folder:
        if (photos["width"] > 0).all():
            photos = _write_images_and_labels(photos, boxes, folder, out)
        photos.to_parquet(folder / "manifest.parquet", index=False)
        boxes.to_parquet(folder / "boxes.parquet", index=False)
        write_rejected(rejected, folder / "rejected.csv")
        left_out = boxes.loc[boxes["status"] != "kept", "status"].value_counts()
        reasons = Counter(item.reason for item in rejected)
        summary = asdict(counts) | {
            "rejected by reason": dict(sorted(reasons.items())),
            "boxes": count_classes(boxes),
            "boxes left out": {str(status): int(left_out[status]) for status in sorted(left_out.index)},
        }
        if review is not None:
            summary["frames"] = review.as_json()
        (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return counts


def _write_images_and_labels(photos: pd.DataFrame, boxes: pd.DataFrame, folder: Path, out: Path) -> pd.DataFrame:
    (folder / IMAGES).mkdir()
    (folder / LABELS).mkdir()
    kept = boxes[boxes["status"] == "kept"]
    boxes_by_photo = dict(iter(kept.groupby(["source", "photo"], sort=False)))
    ignored = boxes[boxes["status"] == IGNORED]
    ignored_by_photo = dict(iter(ignored.groupby(["source", "photo"], sort=False)))
    images, labels = [], []
    for row in track(photos.to_dict("records"), f"writing {out.name}"):
        info = PhotoInfo(**{field.name: row[field.name] for field in fields(PhotoInfo)})
        name = place_image(Path(row["image"]), info, row["photo"], folder / IMAGES, out / IMAGES)
        images.append(f"{IMAGES}/{name}")
        labels.append(f"{LABELS}/{row['photo']}.txt" if row["labelled"] else "")
        if row["labelled"]:
            key = row["source"], row["photo"]
            mine = {LABELS: boxes_by_photo.get(key, kept.iloc[:0]), IGNORED: ignored_by_photo.get(key)}
            for place, own in mine.items():
                if own is not None:
                    (folder / place).mkdir(exist_ok=True)
                    lines = label_lines(own["class_id"], own[CORNERS].to_numpy(), row["width"], row["height"])
                    text = "".join(f"{line}\n" for line in lines)
                    (folder / place / f"{row['photo']}.txt").write_text(text, encoding="utf-8")
    photos = photos.rename(columns={"image": "original"})
    photos.insert(2, "image", images)
    photos.insert(3, "label", labels)
    sets = {"val": IMAGES, "train": IMAGES}
    if "set" in photos:
        used = sorted(name for name in photos["set"].unique() if name)
        sets = {name: f"{name}.txt" for name in used}
        for name in used:
            lines = [f"./{image}\n" for image in photos.loc[photos["set"] == name, "image"]]
            (folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8")
    write_data_yaml(folder, sets)
    return photos


def write_rejected(rejected: Sequence[Rejected], path: Path) -> None:
    """Write one row per rejected face or photo, with the reason."""
    with new_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, REJECTED_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(item) for item in rejected)
