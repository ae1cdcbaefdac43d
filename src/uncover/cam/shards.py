"""Make the heatmaps of a set of images, or of a shard of it, so that several jobs can share a set.

Files are written image by image while the network runs on the next ones; an interrupted job resumes at the image
where it stopped. All variants of an image come from one pass, and existing files are not made again.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from uncover.cam.engine import Explainer
from uncover.cam.heatmaps import MAP, NOT_FINITE, Heatmaps
from uncover.cam.store import Row, describe, file_names, find_files, pack, tabulate, write_files, write_manifest
from uncover.config.heatmaps import Variant
from uncover.errors import keeping, needs_memory
from uncover.images.inputs import Shard
from uncover.images.letterbox import Letterbox
from uncover.images.reading import hash_file, inspect_image, log_animations
from uncover.progress import track
from uncover.threads import cores, in_background
from uncover.yolov5.inference import SMALLER, FramedImages, batch_in_words, read_ahead, to_network
from uncover.yolov5.network import Network
from uncover.yolov5.weights import Header


@dataclass(frozen=True)
class Recipe:
    """Settings of heatmaps.

    Attributes:
        header: Header of the weights file.
        model: sha256 of the weights file.
        variants: Kinds of heatmap, by name.
        image_size: Longest side of the network's input, in pixels.
        confidence: Lowest confidence of a detection whose class has a map.
        nms_iou: IoU of the non-maximum suppression of those detections.
        code: Digest of the program code; a different one makes all maps again.
    """

    header: Header
    model: str
    variants: Mapping[str, Variant]
    image_size: int
    confidence: float
    nms_iou: float
    code: str = ""

    @property
    def class_names(self) -> list[str]:
        """Class names by channel."""
        return list(self.header.class_names)

    def settings(self, variant: str) -> dict[str, Any]:
        """Everything that changes the maps of a variant, as JSON values."""
        return {
            "variant": variant,
            **self.variants[variant].model_dump(mode="json"),
            "model": self.model,
            "network": self.header.model,
            "class_names": self.class_names,
            "image_size": self.image_size,
            "confidence": self.confidence,
            "nms_iou": self.nms_iou,
            "code": self.code,
        }

    def about(self, variant: str, image: str) -> dict[str, Any]:
        """Metadata of an image's files on how they were made; short, because there are many files.

        Args:
            variant: Name of the variant.
            image: sha256 of the image file.
        """
        settings = self.settings(variant)
        return {name: settings[name] for name in ("variant", "method", "layers", "target", "model")} | {
            "key": self.key(variant, image)
        }

    def key(self, variant: str, image: str) -> str:
        """Digest of everything that the heatmaps of an image depend on; files with another key are made again.

        Args:
            variant: Name of the variant.
            image: sha256 of the image file.
        """
        content = json.dumps([self.settings(variant), image], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Summary:
    """Counts of a finished shard.

    Attributes:
        images: Images of the shard.
        made: Images with newly made files; all files of the others existed.
        maps: Maps of all classes and images, per variant.
        blank: Number of blank maps, by variant.
        not_finite: Number of maps that are blank because they overflowed, by variant.
        statuses: By variant, for each image the status of each class's map: "map", or why it is blank.
        seconds: Time of the network and of writing.
    """

    images: int
    made: int
    maps: int
    blank: dict[str, int]
    not_finite: dict[str, int]
    statuses: dict[str, list[list[str]]]
    seconds: float


@dataclass(frozen=True)
class Item:
    """An image of a shard.

    Attributes:
        name: Name of the image.
        file: Name of its maps.
        path: Image file.
        size: Width and height, in pixels.
        sha256: sha256 of the image file.
    """

    name: str
    file: str
    path: Path
    size: tuple[int, int]
    sha256: str


@dataclass(frozen=True)
class Share:
    """A shard of a set before the network runs.

    Attributes:
        folders: Folder of the heatmap set, by variant.
        shard: Which of the images it has.
        files: Names of the maps of all images of the set, by image name.
        items: Images of the shard.
        rows: Manifest rows of existing maps for each image, by variant.
    """

    folders: Mapping[str, Path]
    shard: Shard
    files: Mapping[str, str]
    items: list[Item]
    rows: list[dict[str, Row]]


class ShardMaker:
    """Makes shards of heatmap sets, a folder per variant."""

    def __init__(self, network: Network, recipe: Recipe, device: torch.device) -> None:
        """
        Args:
            network: Network on `device`; must not be used afterwards.
            recipe: Settings of the heatmaps.
            device: Device of the network.

        Raises:
            InputError: A variant has an invalid layer.
        """
        self._recipe, self._device, self._wrote = recipe, device, False
        network.fuse()

        @functools.cache
        def explainer(names: tuple[str, ...]) -> Explainer:
            variants = {name: recipe.variants[name] for name in names}
            return Explainer(network, variants, recipe.confidence, recipe.nms_iou)

        self._explainer = explainer
        explainer(tuple(recipe.variants))

    def look(self, images: Mapping[str, Path], shard: Shard, folders: Mapping[str, Path]) -> Share:
        """Read the images of a shard, and find existing maps.

        Args:
            images: Files of all images of the set, by name.
            shard: Which of them to make.
            folders: Folder of the heatmap set, by variant.

        Raises:
            InputError: An image cannot be read, or two images would share a file.
        """
        files = file_names(sorted(images))
        names = shard.take(list(files))
        with ThreadPoolExecutor(cores()) as pool:
            inspections = pool.map(lambda name: self._inspect(name, files[name], images[name], folders), names)
            inspected = list(track(inspections, "reading images", len(names)))
        log_animations(images[name] for name in names)
        return Share(folders, shard, files, [item for item, _ in inspected], [found for _, found in inspected])

    def make(self, share: Share, batch: int) -> Summary:
        """Make the missing maps of a shard, and its records.

        Args:
            share: Result of `look`.
            batch: Maximum number of images at a time.

        Raises:
            OutOfMemory: A batch does not fit into memory; finished files are kept.
        """
        started = time.monotonic()
        rows = [{**found} for found in share.rows]
        made = sum(len(found) < len(share.folders) for found in rows)
        _forget_records(share)
        jobs = self._jobs(share, batch)
        with keeping(lambda: self._wrote or any(rows)):
            for index, fresh in track(in_background(jobs, batch), "making heatmaps", made):
                rows[index] |= fresh
        self._write_records(share, rows)
        statuses = {variant: [found[variant].status[:-1] for found in rows] for variant in share.folders}
        maps = {variant: [*itertools.chain.from_iterable(own)] for variant, own in statuses.items()}
        return Summary(
            len(rows),
            made,
            len(rows) * len(self._recipe.class_names),
            {variant: len(own) - own.count(MAP) for variant, own in maps.items()},
            {variant: own.count(NOT_FINITE) for variant, own in maps.items()},
            statuses,
            time.monotonic() - started,
        )

    def _inspect(self, name: str, file: str, path: Path, folders: Mapping[str, Path]) -> tuple[Item, dict[str, Row]]:
        """An image's data that the network does not provide, and its rows of existing maps by variant."""
        recipe = self._recipe
        size = inspect_image(path, recipe.header.channels)
        item = Item(name, file, path, size, hash_file(path))
        found = {}
        for variant, folder in folders.items():
            files = find_files(folder, file, len(recipe.class_names), recipe.key(variant, item.sha256))
            if files is not None:
                found[variant] = describe(name, file, item.sha256, files)
        return item, found

    def _jobs(self, share: Share, batch: int) -> Iterator[Callable[[], tuple[int, dict[str, Row]]]]:
        """Run the network; yields, for each image with missing maps, the job that writes them and returns its rows."""
        recipe, header, items = self._recipe, self._recipe.header, share.items
        sizes = np.array([item.size for item in items], np.int64).reshape(-1, 2)
        paths = [item.path for item in items]
        framed = FramedImages(paths, sizes, recipe.image_size, header.channels, header.padding)
        # Keep batches as they are even if some images are done: other batches would change the last bits of maps.
        missing = [set(recipe.variants) - found.keys() for found in share.rows]
        groups = [group for group in framed.batches(batch) if any(missing[index] for index in group)]
        for group, pixels in read_ahead(framed, groups):
            wanted = set.union(*(missing[index] for index in group))
            explain = self._explainer(tuple(name for name in recipe.variants if name in wanted))
            with needs_memory(batch_in_words(pixels.shape, self._device), SMALLER):
                explanation = explain(to_network(pixels, self._device))
            for place, index in enumerate(group):
                if missing[index]:
                    heatmaps = {name: explanation.maps[name][place] for name in sorted(missing[index])}
                    found = explanation.detections[place].float().cpu().numpy()
                    yield functools.partial(self._write, share, index, framed.frames[index], heatmaps, found)

    def _write(
        self, share: Share, index: int, frame: Letterbox, heatmaps: Mapping[str, Heatmaps], found: NDArray[np.float32]
    ) -> tuple[int, dict[str, Row]]:
        item, rows = share.items[index], {}
        for variant, maps in heatmaps.items():
            about = self._recipe.about(variant, item.sha256)
            files = pack(maps, found, frame, self._recipe.class_names, about)
            write_files(share.folders[variant], item.file, files)
            rows[variant] = describe(item.name, item.file, item.sha256, files)
            self._wrote = True
        return index, rows

    def _write_records(self, share: Share, rows: list[dict[str, Row]]) -> None:
        shard, of_set = share.shard, _of_set(share.files)
        for variant, folder in share.folders.items():
            settings = {**self._recipe.settings(variant), **of_set, "shard": shard.number, "shards": shard.count}
            write_manifest(shard.record(folder), tabulate((found[variant] for found in rows), settings))


def _forget_records(share: Share) -> None:
    """Remove records, which mark shards as complete: this shard's until it is done, and those of other splits."""
    for folder in share.folders.values():
        Shard.forget(folder, but=share.shard.count)
        share.shard.record(folder).unlink(missing_ok=True)


def _of_set(names: Iterable[str]) -> dict[str, object]:
    """What the shards of a set must have in common, so that each image is in exactly one of them."""
    ordered = list(names)
    return {"images": len(ordered), "names": hashlib.sha256("\n".join(ordered).encode()).hexdigest()[:16]}
