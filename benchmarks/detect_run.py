"""Inputs of `bench_detect`: a video of full size, and a run with untrained networks."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import torch
from heatmap_contenders import lively_network
from numpy.typing import NDArray

from uncover.data.parts import CLASS_NAMES
from uncover.progress import track
from uncover.rescue.trial import COLUMNS
from uncover.synthetic.compose import compose
from uncover.synthetic.infants import incubator
from uncover.synthetic.scene import rng_of
from uncover.video.encode import VideoWriter
from uncover.yolov5.network import Network, build_network
from uncover.yolov5.weights import Header, open_weights, save_weights

WIDTH, HEIGHT, RATE = 1920, 1080, 25.0
INFANTS, FIELDS = 12, 16
"""Number of images that the video pans over, and of noise fields added to them in random order."""

QUALITY = 23
"""x264's constant rate factor; with the noise about 4 Mbit/s, as from cameras."""

NOISE = 3.0
"""Standard deviation of sensor noise, in grey levels."""


def make_video(folder: Path, frames: int, width: int = WIDTH, height: int = HEIGHT) -> Path:
    """Write a video that pans over rendered infants in incubators, a new one every second, unless it exists.

    Args:
        folder: Folder of the video.
        frames: Number of frames.
        width: Width of the video; smaller videos are cropped from the middle of a full-size frame and scaled down.
        height: Height of the video.
    """
    size = "" if (width, height) == (WIDTH, HEIGHT) else f"_{width}x{height}"
    path = folder / f"detect_{frames}{size}.mp4"
    if path.is_file():
        return path
    rng = np.random.default_rng(0)
    noises = [_noise(rng) for _ in range(FIELDS)]
    stills = [still(number) for number in track(range(INFANTS), "rendering infants")]
    across = min(WIDTH, HEIGHT * width // height)
    with VideoWriter(path, width, height, RATE, quality=QUALITY) as writer:
        for number in track(range(frames), "writing the video"):
            wide = stills[number // round(RATE) % INFANTS]
            left = round((wide.shape[1] - WIDTH) * (0.5 + 0.5 * np.sin(number / 9)))
            noise = noises[rng.integers(FIELDS)]
            picture = (wide[:HEIGHT, left : left + WIDTH] + noise).clip(0, 255).astype(np.uint8)
            picture = picture[:, (WIDTH - across) // 2 : (WIDTH + across) // 2]
            if size:
                picture = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
            writer.write(picture)
    return path


def make_run(folder: Path, model: str, size: int) -> Path:
    """Write a run with untrained networks that find about as many boxes as trained ones.

    Args:
        folder: Folder to create.
        model: Model size, such as yolov5m.
        size: Longest side of the input, in pixels.
    """
    images = torch.from_numpy(np.stack([cv2.resize(still(number), (size, size)) for number in range(2)]))
    shares = images.permute(0, 3, 1, 2).float().div(255)
    numbers = tuple(range(len(CLASS_NAMES)))
    ten = Header(model=model, channels=3, class_names=CLASS_NAMES, class_ids=numbers, image_size=size)
    _save(folder, "rgb10", lively_network(shares, model), ten)
    whole = {"class_names": ("whole face",), "class_ids": (2,)}
    one = Header(model=model, channels=3, image_size=size, **whole)
    _save(folder, "rgb1_occlusion", build_network(model, 3, 1, seed=0), one)
    digest = open_weights(folder / "models/rgb10/weights.pt")[2]
    maps = {"variant": "gradcampp", "method": "gradcampp", "layers": [-2], "target": "T2", "model": digest}
    maps |= {"confidence": 0.25, "nms_iou": 0.45, "class_names": list(CLASS_NAMES)}
    second = Header(model=model, channels=1, image_size=size, padding=0, input="joint", maps=maps, **whole)
    _save(folder, "gradcampp_avg", build_network(model, 1, 1, seed=0), second)
    row = {"set": "hard", "method": "rgb1_occlusion", "group": "ours", "fp_per_photo": 0.25, "faces": 1, "found": 1}
    (folder / "metrics").mkdir()
    with (folder / "metrics/rescue_trial.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows([row | {"threshold": way, "confidence": 0.25, "false_boxes": 0} for way in ("val", "set")])
    return folder


def _save(folder: Path, name: str, network: Network, header: Header) -> None:
    place = folder / "models" / name
    place.mkdir(parents=True)
    save_weights(place / "weights.pt", network.state_dict(), header)


def _noise(rng: np.random.Generator) -> NDArray[np.int16]:
    """Noise of one frame, int16 (H, W, 3), at the resolution of colours on a sensor."""
    return rng.normal(0, NOISE, (HEIGHT // 2, WIDTH // 2, 3)).repeat(2, 0).repeat(2, 1).round().astype(np.int16)


def still(number: int) -> NDArray[np.uint8]:
    """An image of a rendered infant, wider than the video, uint8 RGB."""
    photo = compose(incubator(rng_of(0, "bench detect", number), 480, ("none", "easy", "medium", "hard")[number % 4]))
    wide = cv2.resize(photo.picture, (2000, 1500), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(wide[210 : 210 + HEIGHT, :, ::-1])
