"""Photos that training images are composed of, as a folder holds them, and the batches of such a training.

OUT/images/, OUT/labels/, OUT/data.yaml   a data set in YOLO layout, one class that is used: the whole face
OUT/faces.json                            by image: its group, and outline, frame and cover of each face
OUT/empty/                                pieces of the photos without any face
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
"""Decoded photos that are kept: half a gigabyte at 448 pixels."""

SIZES = 1
"""Keeps the chance that orders the sizes of an epoch apart from the chance that composes its images."""


@functools.lru_cache(KEPT)
def _decoded(path: Path) -> Image:
    pixels = read_image(path, COLOURS)
    pixels.flags.writeable = False
    return pixels


@dataclass(frozen=True)
class StoredPhoto:
    """A photo that is read when it is looked at; attributes are those of `compose.FacePhoto`."""

    group: str
    path: Path
    faces: Sequence[DrawnFace]

    @property
    def pixels(self) -> Image:
        return _decoded(self.path)


class StoredImages(Sequence[Image]):
    """Images that are read when they are looked at."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, number: Any) -> Any:
        return _decoded(self._paths[number])


def face_entry(group: str, faces: Iterable[DrawnFace]) -> dict[str, Any]:
    """What `faces.json` says of an image."""
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
        raise InputError(f"{path}: is spoilt; make the folder again") from None


@dataclass(frozen=True)
class ComposedImages:
    """What a training composes its images of.

    Attributes:
        labelled: The photos with their boxes.
        photos: The same with all that composing needs; those without a face are scenes and backgrounds.
        empty: Pieces of photos without a face.
        covers: Folder of pictures with alpha to lay on faces; None for drawn ones only.
        settings: How images are composed.
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
            folders: Their sets `train`.
            covers: Folder of pictures with alpha.
            settings: How images are composed.

        Raises:
            InputError: A folder is none, or the settings draw from a group that no folder has.
        """
        labelled = read_joined(folders)
        photos = [photo for folder in folders for photo in _read_photos(folder)]
        empty = [path for folder in folders for path in sorted((folder / EMPTY).glob("*")) if is_image(path)]
        empty += [photo.path for photo in photos if not photo.faces]
        groups = {photo.group for photo in photos if photo.faces}
        unknown = sorted(settings.groups() - groups)
        if unknown:
            raise InputError(
                f"composed: draws from {unknown[0]!r}, of which no photo with a face is given; given:"
                f" {', '.join(sorted(groups)) or 'none'}"
            )
        for name in ("close", "scene", "heads"):
            if settings.kinds.get(name, 0) and not any(getattr(settings, name).values()):
                raise InputError(f"composed.{name}: names no source; name one, or set kinds.{name} to 0")
        if not empty:
            raise InputError(
                f"{folders[0]}: no photo or piece without a face in any folder; backgrounds are made of them"
            )
        if covers is not None:
            Pictures(covers)
        return cls(labelled, photos, empty, covers, settings)

    def digest(self) -> str:
        """Of all that a training sees of them."""
        digest = hashlib.sha256(self.labelled.digest().encode())
        for photo in self.photos:
            digest.update(json.dumps([photo.path.name, face_entry(photo.group, photo.faces)]).encode())
        pictures = sorted(self.covers.glob("*.png")) if self.covers else []
        for path in (*self.empty, *pictures):
            digest.update(repr((path.name, path.stat().st_size)).encode())
        return digest.hexdigest()

    def epochs(self, batch: int, image_size: int, seed: int) -> ComposedEpochs:
        """Batches of them.

        Args:
            batch: Images of `image_size` in a step; the number of pixels of a step is about the same for all sizes.
            image_size: In pixels.
            seed: Of all chance.
        """
        return ComposedEpochs(self, batch, image_size, seed)


class ComposedEpochs:
    """Batches of composed images: one seed gives the same ones, whatever came before.

    Attributes:
        steps: Batches of an epoch.
        images: Images of an epoch.
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
        """Go through an epoch.

        Args:
            epoch: Number of the epoch.
            workers: Threads that compose; None takes half the processor's cores, at most 8.

        Yields:
            As `loader.iterate_batches`; the images of a batch have one size, those of the next perhaps another.
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
    """Whole faces of several data sets as one; of names that stand twice, both stand.

    Raises:
        InputError: One is no data set, or none is given.
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
