"""Read a raw data set: its annotations by the layout's reader, its photos by their headers."""

from __future__ import annotations

import filecmp
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from uncover.datasets.photos import PhotoError, PhotoInfo, inspect_photo
from uncover.errors import InputError
from uncover.faces.face import Face, Frame, Rejected
from uncover.faces.merl_rav import read_merl_rav
from uncover.faces.three_hundred_w import read_300w
from uncover.faces.wflw import read_wflw
from uncover.progress import track

Reader = Callable[[Path, Path | None], Iterator[Face | Rejected]]

LANDMARK_READERS: dict[str, Reader] = {"wflw": read_wflw, "merl_rav": read_merl_rav, "300w": read_300w}
"""By layout: readers of faces with landmarks."""


RAW_DATA = {
    "wflw": "WFLW: WFLW_images/ and WFLW_annotations/, from https://wywu.github.io/projects/LAB/WFLW.html",
    "merl_rav": "MERL-RAV: labels from https://github.com/abhi1kumar/MERL-RAV_dataset, photos from AFLW",
    "300w": "photos with .pts files, from https://ibug.doc.ic.ac.uk/resources/300-W/",
    "aflw": "AFLW's photos, on request from TU Graz: https://www.tugraz.at/institute/icg/research/"
    "team-bischof/learning-recognition-surveillance/downloads/aflw",
    "hof": "Hand Over Face, from http://vlm1.uta.edu/~athitsos/hand_over_face/ (authors: Ghanem, Imran, Athitsos)",
    "slapi": "SLAPI is private to UMC Utrecht; any graded frames in <grade>/images, <grade>/labels will do",
    "preterm_web": "twelve web photos that the thesis does not publish; any photos of infants will do",
}
"""By layout or raw data set: what it is and whom to ask for it."""


def require_folder(raw: Path, layout: str) -> None:
    """Make sure that raw data is there.

    Raises:
        InputError: It is not; the message says where to ask for it.
    """
    if not raw.is_dir():
        raise InputError(f"{raw}: no such folder; expected {RAW_DATA.get(layout, 'a raw data set')}")


@dataclass(frozen=True)
class Photo:
    """One photo of a raw data set.

    Attributes:
        photo: Id, unique within the raw data set, and fit for a file name.
        image: The file; of several copies of one photo, the first.
        info: Its size and kind; None where photos are not looked at.
    """

    photo: str
    image: Path
    info: PhotoInfo | None


@dataclass(frozen=True)
class Reading:
    """All that a raw data set holds. Every face read is either in `items` or in `rejected`.

    Attributes:
        items: Faces or frames, each with the photo that shows it.
        rejected: Faces or photos that cannot be used.
    """

    items: list[tuple[Face | Frame, Photo]]
    rejected: list[Rejected]


def read_raw(items: Iterable[Face | Frame | Rejected], root: Path, look_at_photos: bool = True) -> Reading:
    """Join annotations with their photos.

    Args:
        items: What a reader yields.
        root: Folder of the raw data, for messages.
        look_at_photos: Without it, sizes stay unknown and missing photos unnoticed.

    Raises:
        InputError: There is nothing usable at all.
    """
    annotated: list[Face | Frame] = []
    rejected: list[Rejected] = []
    for item in track(items, f"reading annotations of {root.name}"):
        if isinstance(item, Rejected):
            rejected.append(item)
        else:
            annotated.append(item)
    if not annotated and not rejected:
        raise InputError(f"{root}: no annotation in it; expected at least one face")
    ids = photo_ids({item.photo for item in annotated})
    copies: dict[str, dict[Path, None]] = defaultdict(dict)
    for item in annotated:
        copies[item.photo].setdefault(item.image)
    photos: dict[Path, Photo | PhotoError] = {}
    for key, images in track(copies.items(), f"looking at photos of {root.name}"):
        photos |= _inspect_copies(ids[key], list(images), look_at_photos)
    kept: list[tuple[Face | Frame, Photo]] = []
    for item in annotated:
        photo = photos[item.image]
        if isinstance(photo, PhotoError):
            file = item.annotation or item.photo
            row = item.row if isinstance(item, Face) else 0
            rejected.append(Rejected(file, row, ids[item.photo], photo.reason, str(photo)))
        else:
            kept.append((item, photo))
    if not kept:
        raise InputError(f"{root}: nothing usable in it, {len(rejected)} rejected; the first: {rejected[0]}")
    return Reading(kept, rejected)


def _inspect_copies(photo: str, images: list[Path], look: bool) -> dict[Path, Photo | PhotoError]:
    """Look at a photo that a layout may repeat in several files: the first sound one stands for all equal ones."""
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
            detail = f"photo {image} differs from {first.image}, though the names say that they are one photo"
            found[image] = PhotoError("copies_differ", detail)
        else:
            found[image] = first
    return found


def photo_ids(keys: set[str]) -> dict[str, str]:
    """Short ids for photos: the bare file name where it is unique, else the whole key with `/` as `__`.

    Args:
        keys: Keys of the photos within a raw data set, such as "0--Parade/a.jpg" or "image00019".
    """
    stems = {key: Path(key).stem for key in keys}
    # Some file systems ignore case, so ids that differ in nothing else would be one file there.
    uses = Counter(stem.casefold() for stem in stems.values())
    return {
        key: stem if uses[stem.casefold()] == 1 else key.replace("/", "__").replace(".", "_")
        for key, stem in stems.items()
    }
