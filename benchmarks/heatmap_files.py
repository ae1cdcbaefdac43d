"""Cost of a heatmap set on disk: time to write it relative to plain inference, size, time to read it."""

from __future__ import annotations

import copy
import os
import statistics
import time
from pathlib import Path

import heatmap_contenders as contenders
import numpy as np
import torch

from uncover.cam.shards import Recipe, ShardMaker
from uncover.images.inputs import Shard
from uncover.images.maps import read_maps, render
from uncover.images.reading import inspect_image, named_images
from uncover.yolov5.inference import FramedImages, infer, to_network
from uncover.yolov5.weights import Header

IMAGES, BATCH = 16, 4
SET_SIZE = 16_000
CPU = torch.device("cpu")


def measure(images: Path, size: int, out: Path, rounds: int) -> dict[str, float]:
    """Write both methods' sets of a few photos, in turn with plain inference of the same files.

    Args:
        images: Folder of photos.
        size: Longest side of the network's input, in pixels.
        out: Empty output folder.
        rounds: Number of rounds.
    """
    candidates = list(named_images([images]).items())[: 16 * IMAGES]
    sizes = np.array([inspect_image(path, 3) for _, path in candidates])
    framed = FramedImages([path for _, path in candidates], sizes, size, 3, 114)
    # The network is adjusted to find a typical number of boxes in these photos.
    group = max(framed.batches(IMAGES), key=len)
    pixels = to_network(np.stack([framed[index] for index in group]), CPU)
    network = contenders.full_size_network(pixels)
    named = dict(candidates[index] for index in group)
    framed = FramedImages(list(named.values()), sizes[group], size, 3, 114)
    classes = tuple(str(number) for number in range(contenders.CLASSES))
    header = Header(
        model="yolov5m", channels=3, class_names=classes, class_ids=tuple(range(len(classes))), image_size=size
    )
    recipe = Recipe(header, "", contenders.variants((-2,)), size, 0.25, 0.45)
    ratios = []
    for number in range(rounds):
        folders = {variant: out / str(number) / variant for variant in recipe.variants}
        maker = ShardMaker(copy.deepcopy(network), recipe, CPU)
        started = time.perf_counter()
        for _ in infer(network, framed, BATCH, CPU):
            pass
        between = time.perf_counter()
        maker.make(maker.look(named, Shard(), folders), BATCH)
        ratios.append((time.perf_counter() - between) / (between - started))
        print(f"round {number + 1}: to disk {ratios[-1]:.3f} times plain inference from files", flush=True)
    folder = next(iter(folders.values()))
    files = sorted(folder.glob("images/**/*.tif"))
    taken = [path.stat().st_size for path in folder.rglob("*.tif")]
    seconds = []
    for path in files * 5:
        started = time.perf_counter()
        render(read_maps(path), "letterbox")
        seconds.append(time.perf_counter() - started)
    return {
        "cost_over_inference_on_disk": statistics.median(ratios),
        "megabytes_per_16000_images": sum(taken) / len(files) * SET_SIZE / 1e6,
        "milliseconds_to_read_and_enlarge": 1000 * statistics.median(seconds),
        "blocks_megabytes_per_16000_images": sum(512 * os.stat(path).st_blocks for path in folder.rglob("*.tif"))
        / len(files)
        * SET_SIZE
        / 1e6,
    }
