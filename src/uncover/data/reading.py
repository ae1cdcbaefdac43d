"""Read a raw data set: annotations with the reader of its layout, photos by their headers."""

from __future__ import annotations

import filecmp
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from uncover.data.faces import COLUMNS, Face, FrameFaces, Rejected
from uncover.data.merl_rav import read_merl_rav
from uncover.data.photos import PhotoError, PhotoInfo, inspect_photo
from uncover.data.three_hundred_w import read_300w
from uncover.data.wflw import read_wflw
from uncover.errors import InputError
from uncover.image_files import log_first_of_several
from uncover.progress import track

LANDMARK_READERS: dict[str, Callable[[Path, Path | None], Iterator[Face | Rejected]]] = {
    "wflw": read_wflw,
    "merl_rav": read_merl_rav,
    "300w": read_300w,
}
"""Readers of faces with landmarks by layout (`uncover.config.catalogue.LANDMARK_LAYOUTS`)."""


@dataclass(frozen=True)
class Photo:
    """One photo of a raw data set.

    Attributes:
        photo: Id, unique within the raw data set and valid as a file name.
        image: The file; if the photo has several copies, the first.
        info: Its size and format; None if photos are not inspected.
    """

    photo: str
    image: Path
    info: PhotoInfo | None


@dataclass(frozen=True)
class Reading:
    """Content of a raw data set. Each face read is either in `items` or in `rejected`.

    Attributes:
        items: Faces or frames, each with its photo.
        rejected: Faces or photos that cannot be used.
    """

    items: list[tuple[Face | FrameFaces, Photo]]
    rejected: list[Rejected]


def read_raw(items: Iterable[Face | FrameFaces | Rejected], root: Path, look_at_photos: bool = True) -> Reading:
    """Join annotations with their photos.

    Args:
        items: Output of a reader.
        root: Folder of the raw data, for errors.
        look_at_photos: Whether to inspect photos; if not, sizes stay unknown and missing photos are not noticed.

    Raises:
        InputError: No annotation is usable.
    """
    annotated: list[Face | FrameFaces] = []
    rejected: list[Rejected] = []
    for item in track(items, f"reading annotations of {root.name}"):
        if isinstance(item, Rejected):
            rejected.append(item)
        else:
            annotated.append(item)
    if not annotated and not rejected:
        raise InputError(f"{root}: contains no annotation; expected at least one face")
    ids = photo_ids({item.photo for item in annotated})
    copies: dict[str, dict[Path, None]] = defaultdict(dict)
    for item in annotated:
        copies[item.photo].setdefault(item.image)
    photos: dict[Path, Photo | PhotoError] = {}
    for key, images in track(copies.items(), f"inspecting photos of {root.name}"):
        photos |= _inspect_copies(ids[key], list(images), look_at_photos)
    log_first_of_several(
        {photo.image: photo.info.pictures for photo in photos.values() if isinstance(photo, Photo) and photo.info}
    )
    kept: list[tuple[Face | FrameFaces, Photo]] = []
    for item in annotated:
        photo = photos[item.image]
        if isinstance(photo, PhotoError):
            file = item.annotation or item.photo
            row = item.row if isinstance(item, Face) else 0
            rejected.append(Rejected(file, row, ids[item.photo], photo.reason, str(photo)))
        else:
            kept.append((item, photo))
    if not kept:
        raise InputError(f"{root}: contains nothing usable, {len(rejected)} rejected; the first: {rejected[0]}")
    return Reading(kept, rejected)


def _inspect_copies(photo: str, images: list[Path], look: bool) -> dict[Path, Photo | PhotoError]:
    """Inspect a photo that a layout may repeat in several files: the first valid file represents all equal ones."""
    if not look:
        return {image: Photo(photo, images[0], None) for image in images}
    found: dict[Path, Photo | PhotoError] = {}
    first: Photo | None = None
    for image in images:
        try:
            info = inspect_photo(image)
        except PhotoError as error:
            found[image] = error
            continue
        if first is None:
            first = Photo(photo, image, info)
        if image != first.image and not filecmp.cmp(image, first.image, shallow=False):
            detail = f"photo {image} differs from {first.image}, although their names mark them as one photo"
            found[image] = PhotoError("copies_differ", detail)
        else:
            found[image] = first
    return found


def photo_ids(keys: set[str]) -> dict[str, str]:
    """Short ids for photos: the bare file name if it is unique, else the whole key with `/` replaced by `__`.

    Args:
        keys: Keys of the photos within a raw data set, e.g. "0--Parade/a.jpg" or "image00019".
    """
    ids = {key: Path(key).stem for key in keys}
    ids = _distinct(ids, lambda key: key.replace("/", "__").replace(".", "_"))
    # "a.b" and "a_b" still collide, which is rare enough for an ugly name.
    return _distinct(ids, lambda key: f"{ids[key]}_{hashlib.sha256(key.encode()).hexdigest()[:12]}")


def _distinct(ids: Mapping[str, str], rename: Callable[[str], str]) -> dict[str, str]:
    # Some file systems ignore case, so ids must differ in more than case.
    uses = Counter(name.casefold() for name in ids.values())
    return {key: name if uses[name.casefold()] == 1 else rename(key) for key, name in ids.items()}


def to_faces_table(reading: Reading, source: str, merge: bool = True) -> tuple[pd.DataFrame, list[Rejected]]:
    """Convert a reading to a table with one row per face.

    Args:
        reading: Faces with their photos.
        source: Name of the raw data set.
        merge: Whether faces of one photo share it. If not, each face gets a copy of the photo with its own id, as in
            the released scripts for WFLW.

    Returns:
        The table (`COLUMNS`; landmarks as flat lists of 2 N floats in pixels of the upright photo, NaN where
        self-occluded), and all rejected faces, including those of the reading.
    """
    rows: list[dict[str, object]] = []
    rejected = list(reading.rejected)
    seen: set[tuple[str, bytes]] = set()
    faces_so_far: Counter[str] = Counter()
    for face, photo in reading.items:
        assert isinstance(face, Face), "frames have no landmarks"
        key = (photo.photo, face.landmarks.tobytes())
        if key in seen:
            detail = f"the same {len(face.landmarks)} points occur twice for photo {photo.photo}; kept once"
            rejected.append(Rejected(face.annotation, face.row, photo.photo, "duplicate_face", detail))
            continue
        seen.add(key)
        faces_so_far[photo.photo] += 1
        rows.append(
            {
                "source": source,
                "photo": photo.photo if merge else f"{photo.photo}__{faces_so_far[photo.photo]}",
                "image": str(photo.image),
                "width": photo.info.width if photo.info else 0,
                "height": photo.info.height if photo.info else 0,
                "mode": photo.info.mode if photo.info else "",
                "orientation": photo.info.orientation if photo.info else 0,
                "kind": photo.info.kind if photo.info else "",
                "pictures": photo.info.pictures if photo.info else 0,
                "part": face.part,
                "name": face.name,
                "annotation": face.annotation,
                "row": face.row,
                "attributes": json.dumps(dict(face.attributes), sort_keys=True),
                "landmarks": face.landmarks.ravel(),
                "visibility": face.visibility,
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS)), rejected
