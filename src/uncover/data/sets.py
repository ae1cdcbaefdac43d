"""A data set on disk: written as a whole, its manifest and boxes read back."""

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
"""That every manifest has; `block` and `block_kind` say what a photo belongs to (`uncover.data.blocks`)."""

BOX_COLUMNS = ("source", "photo", "name", "part", "class_id", "x1", "y1", "x2", "y2", "status")
PHOTO_COLUMNS = ("source", "photo", "image", "width", "height", "mode", "orientation", "kind", "pictures", "part")
IGNORED = "ignored"
"""Status of a box that is neither to be found nor wrong to find, and the folder of such boxes beside `labels/`."""
CORNERS = ["x1", "y1", "x2", "y2"]
REJECTED_COLUMNS = tuple(field.name for field in fields(Rejected))


def read_manifest(path: Path) -> pd.DataFrame:
    """Load a data set's manifest.

    Raises:
        InputError: It is no `manifest.parquet`.
    """
    return read_table(path, MANIFEST_COLUMNS, "labels")


@dataclass(frozen=True)
class SetLabels:
    """Boxes of a data set.

    Attributes:
        boxes: One row per face and part (`BOX_COLUMNS`; pixels of the upright photo). `status` is "kept", or says why
            the part was left out.
        rejected: Faces that lose their place, because they have no box or their photo is dropped.
    """

    boxes: pd.DataFrame
    rejected: list[Rejected]


def read_kept_boxes(path: Path) -> pd.DataFrame:
    """Load the boxes of a data set that stand in its labels.

    Raises:
        InputError: It is no `boxes.parquet`.
    """
    boxes = read_table(path, BOX_COLUMNS, "labels")
    return boxes[boxes["status"] == "kept"]


@dataclass(frozen=True)
class Counts:
    """Items are faces where faces are annotated one by one, and frames elsewhere; read = kept + rejected."""

    read: int
    kept: int
    rejected: int
    photos: int


def photos_of_faces(faces: pd.DataFrame, boxes: pd.DataFrame) -> pd.DataFrame:
    """One row per photo that keeps a face, by source and id, with the number of faces it keeps.

    Raises:
        InputError: Two raw data sets have a photo of the same id.
    """
    number = boxes.drop_duplicates(["source", "photo", "name"]).groupby(["source", "photo"]).size().rename("faces")
    parts = faces.groupby(["source", "photo"])["part"].agg(lambda part: part.iloc[0] if part.nunique() == 1 else "both")
    photos = faces.drop_duplicates(["source", "photo"])[list(PHOTO_COLUMNS)].drop(columns="part")
    photos = photos.merge(parts, on=["source", "photo"]).merge(number, on=["source", "photo"])
    photos = photos.sort_values(["source", "photo"], kind="stable", ignore_index=True).assign(labelled=True, grade="")
    clash = photos["photo"].str.casefold().duplicated()
    if clash.any():
        photo = photos.loc[clash, "photo"].iloc[0]
        raise InputError(f"photo {photo}: two raw data sets have a photo of this name; rename one of them")
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
    """Write a data set as a whole, or not at all.

    Args:
        out: Folder to make: `images/`, `labels/`, `data.yaml`, `manifest.parquet`, `boxes.parquet`, `rejected.csv`,
            `summary.json`.
        photos: One row per photo, as `photos_of_faces` gives it; a column `set`, if there is one, becomes a list
            `<set>.txt` of images. Width 0 means that photos were not looked at: then only tables are written. What a
            photo belongs to is looked up in the tables around its file (`uncover.data.blocks`).
        boxes: Boxes of these photos (`uncover.data.sets.BOX_COLUMNS`).
        rejected: What did not make it.
        read: Faces or frames read in all.
        kept: Those that stand in the data set.
        review: Of picked frames, how many somebody has looked at.
        maker: Words of the command; all that only make data sets are one to `new_folder`.
        names: By source, what the names of photos tell of that.

    Raises:
        InputError: Nothing is left to write, or a table of what belongs together is none.
        RuntimeError: read = kept + rejected does not hold, which is our fault.
    """
    if photos.empty:
        first = f"; the first: {rejected[0]}" if rejected else ""
        raise InputError(f"{out}: nothing is left for this data set, {len(rejected)} of {read} rejected{first}")
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
    """Write one row per face or photo that did not make it, with its reason."""
    with new_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, REJECTED_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(item) for item in rejected)
