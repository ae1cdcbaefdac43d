"""Photos for composed training images, stored in a folder, and batches of composed images.

OUT/images/, OUT/labels/, OUT/data.yaml   a data set in YOLO layout, one class that is used: the whole face
OUT/faces.json                            by image: its group, and outline, frame and cover of each face
OUT/empty/                                pieces of the photos without a face
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from uncover.config.packaged import Composition
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.data.yolo import IMAGES
from uncover.errors import InputError
from uncover.image_files import is_image
from uncover.images.compose import Composer, DrawnFace, Shares
from uncover.images.covers import DRAWN, Image, Pictures
from uncover.images.labelled import LabelledImages, read_labelled_images
from uncover.images.loader import AHEAD, MOST_WORKERS, Batch
from uncover.images.reading import COLOURS, read_image
from uncover.threads import cores, in_background

FACES, EMPTY = "faces.json", "empty"
MADE_BY = "expected a folder of 'uncover face_photos', such as OUT/train"

KEPT = 768
"""Maximum number of cached photos: half a gigabyte at 448 pixels."""

SIZES = 1
"""Separates the random order of sizes in an epoch from the random composition of its images."""


@functools.lru_cache(KEPT)
def _decoded(path: Path) -> Image:
    pixels = read_image(path, COLOURS)
    pixels.flags.writeable = False
    return pixels


@dataclass(frozen=True)
class StoredPhoto:
    """A photo that is read on access; attributes as in `compose.FacePhoto`."""

    group: str
    path: Path
    faces: Sequence[DrawnFace]

    @property
    def pixels(self) -> Image:
        return _decoded(self.path)


class StoredImages(Sequence[Image]):
    """Images that are read on access."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, number: Any) -> Any:
        return _decoded(self._paths[number])


def face_entry(group: str, faces: Iterable[DrawnFace]) -> dict[str, Any]:
    """Entry of an image in `faces.json`."""
    return {
        "group": group,
        "faces": [
            {"outline": face.outline.round(2).tolist(), "frame": face.frame.round(3).tolist(), "covered": face.covered}
            for face in faces
        ],
    }


def _read_photos(folder: Path) -> list[StoredPhoto]:
    path = folder / FACES
    try:
        entries: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return [
            StoredPhoto(
                str(entry["group"]),
                folder / IMAGES / name,
                tuple(
                    DrawnFace(np.array(face["outline"], float), np.array(face["frame"], float), bool(face["covered"]))
                    for face in entry["faces"]
                ),
            )
            for name, entry in entries.items()
        ]
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; {MADE_BY}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path}: is damaged; make the folder again") from None


@dataclass(frozen=True)
class ComposedImages:
    """Photos and settings of composed training images.

    Attributes:
        labelled: The photos with their boxes.
        photos: The same photos as input of the composition; those without a face are scenes and backgrounds.
        empty: Pieces of photos without a face.
        covers: Folder of images with alpha to paste onto faces; None for drawn covers only.
        settings: Settings of the composition.
    """

    labelled: LabelledImages
    photos: Sequence[StoredPhoto]
    empty: Sequence[Path]
    covers: Path | None
    settings: Composition

    @classmethod
    def read(cls, folders: Sequence[Path], covers: Path | None, settings: Composition) -> ComposedImages:
        """Read folders of `uncover face_photos`.

        Args:
            folders: Their subfolders `train`.
            covers: Folder of images with alpha.
            settings: Settings of the composition.

        Raises:
            InputError: A folder is invalid, or the settings name a group that no folder contains.
        """
        labelled = read_joined(folders)
        photos = [photo for folder in folders for photo in _read_photos(folder)]
        empty = [path for folder in folders for path in sorted((folder / EMPTY).glob("*")) if is_image(path)]
        empty += [photo.path for photo in photos if not photo.faces]
        groups = {photo.group for photo in photos if photo.faces}
        unknown = sorted(settings.groups() - groups)
        if unknown:
            raise InputError(
                f"composed: draws from {unknown[0]!r}, but no photo with a face is from it; available:"
                f" {', '.join(sorted(groups)) or 'none'}"
            )
        for name in ("close", "scene", "heads"):
            if settings.kinds.get(name, 0) and not any(getattr(settings, name).values()):
                raise InputError(f"composed.{name}: is empty; name a source, or set kinds.{name} to 0")
        if not empty:
            raise InputError(
                f"{folders[0]}: no folder contains a photo or piece without a face; backgrounds require some"
            )
        if covers is not None:
            Pictures(covers)
        return cls(labelled, photos, empty, covers, settings)

    def digest(self) -> str:
        """Digest of all inputs of a training."""
        digest = hashlib.sha256(self.labelled.digest().encode())
        for photo in self.photos:
            digest.update(json.dumps([photo.path.name, face_entry(photo.group, photo.faces)]).encode())
        pictures = sorted(self.covers.glob("*.png")) if self.covers else []
        for path in (*self.empty, *pictures):
            digest.update(repr((path.name, path.stat().st_size)).encode())
        return digest.hexdigest()

    def epochs(self, batch: int, image_size: int, seed: int) -> ComposedEpochs:
        """Batches of composed images.

        Args:
            batch: Images of `image_size` per step; the number of pixels per step is about the same for all sizes.
            image_size: Size in pixels.
            seed: Seed of the composition.
        """
        return ComposedEpochs(self, batch, image_size, seed)


class ComposedEpochs:
    """Batches of composed images; the same seed always gives the same batches.

    Attributes:
        steps: Number of batches per epoch.
        images: Number of images per epoch.
    """

    def __init__(self, source: ComposedImages, batch: int, image_size: int, seed: int) -> None:
        settings = source.settings
        covers = DRAWN if source.covers is None else {**DRAWN, **Pictures(source.covers).covers()}
        shares = Shares(
            settings.close,
            settings.scene,
            settings.heads,
            {str(kind): share for kind, share in settings.kinds.items()},
            settings.covered,
            settings.quarter_turns,
            settings.smallest,
        )
        self._compose = Composer(source.photos, StoredImages(source.empty), covers, shares)
        self._seed, self.images, self._plan = seed, settings.images, list[tuple[int, int]]()
        left = settings.images
        while left:
            size = settings.sizes[len(self._plan) % len(settings.sizes)]
            count = min(left, max(1, round(batch * (image_size / size) ** 2)))
            self._plan.append((size, count))
            left -= count
        self.steps = len(self._plan)

    def batches(self, epoch: int, workers: int | None = None) -> Generator[Batch]:
        """Iterate over an epoch.

        Args:
            epoch: Number of the epoch.
            workers: Number of threads; None uses half the processor's cores, at most 8.

        Yields:
            As `loader.iterate_batches`; the images of a batch have one size, which may differ between batches.
        """
        order = np.random.default_rng([self._seed, epoch, SIZES]).permutation(self.steps)
        plan = [self._plan[number] for number in order]
        threads = workers or max(1, min(MOST_WORKERS, cores() // 2))
        jobs = (
            partial(self._image, epoch, step, number, size)
            for step, (size, count) in enumerate(plan)
            for number in range(count)
        )
        coming = in_background(jobs, AHEAD * max(count for _, count in plan), threads)
        for size, count in plan:
            yield self._batch(size, count, coming)

    @staticmethod
    def _batch(size: int, count: int, coming: Iterator[tuple[Image, NDArray[np.float32]]]) -> Batch:
        pixels, labels = np.empty((count, COLOURS, size, size), np.uint8), [np.zeros((0, 6), np.float32)]
        for row in range(count):
            image, boxes = next(coming)
            pixels[row] = image.transpose(2, 0, 1)
            labels.append(np.column_stack([np.full(len(boxes), row), np.zeros(len(boxes)), boxes]).astype(np.float32))
        return pixels, np.concatenate(labels)

    def _image(self, epoch: int, step: int, number: int, size: int) -> tuple[Image, NDArray[np.float32]]:
        return self._compose(size, np.random.default_rng([self._seed, epoch, step, number]))


def read_joined(folders: Sequence[Path]) -> LabelledImages:
    """Join the whole faces of several data sets; images with equal names are all kept.

    Raises:
        InputError: A folder is not a data set, or none is given.
    """
    if not folders:
        raise InputError("no folder of photos; give at least one")
    sets = [read_labelled_images(folder, (CLASS_NAMES[WHOLE_FACE],)) for folder in folders]
    return replace(
        sets[0],
        paths=[path for each in sets for path in each.paths],
        sizes=np.concatenate([each.sizes for each in sets]),
        labels=[labels for each in sets for labels in each.labels],
    )
