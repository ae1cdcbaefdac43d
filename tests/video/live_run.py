"""A run folder that `uncover detect` can work with: networks that are not trained, but find as much as if they were."""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from tests.once import once
from tests.rescue.sets import write_training_set
from uncover.cli import main
from uncover.config.detectors import Input
from uncover.data.parts import CLASS_NAMES, WHOLE_FACE
from uncover.images.letterbox import fit, letterbox
from uncover.images.map_sets import MapSet, read_map_set
from uncover.images.reading import read_source, scale
from uncover.metrics.predictions import Predictions, read_predictions, write_predictions
from uncover.rescue.proposals import write_proposals
from uncover.video import load_networks
from uncover.video.encode import VideoWriter
from uncover.yolov5.inference import InferenceOptions, Predictor
from uncover.yolov5.network import Network, build_network
from uncover.yolov5.weights import Header, save_weights

SIZE, LARGER, SET = 64, 96, "ward"
CLASSES = ("eyes", "nose", "whole face", "brows", "mouth")
NMS_IOU = 0.6
SIZES = [(96, 64)] * 5 + [(64, 96)] * 2 + [(80, 80)]
VARIANTS = {
    "gradcampp": "gradcampp:-2:T2",
    "gradcampp_multiscale": "gradcampp:17,20,23:T2",
    "hirescam_t1": "hirescam:17,20,23:T1",
    "early": "hirescam:13:T2",
}
"""The last one needs a graph, so that the detector's own pass does not do."""

HEATMAP_DETECTORS = {
    "gradcampp_avg": ("gradcampp", "joint"),
    "gradcampp_10": ("gradcampp", "classes"),
    "gradcampp_mean": ("gradcampp", "mean"),
    "gradcampp_whole_face": ("gradcampp", "whole_face"),
    "gradcampp_multiscale_avg": ("gradcampp_multiscale", "joint"),
    "hirescam_t1_avg": ("hirescam_t1", "joint"),
    "early_10": ("early", "classes"),
}
"""Variant and input by name."""

PHOTO_DETECTORS = {
    "rgb1": ("photo", 1),
    "rgb1_occlusion": ("photo", 1),
    "grey": ("grey", 1),
    "parts": ("photo", len(CLASSES)),
}
"""Input and classes by name, of those that look at photos besides rgb10."""

FACES = {
    f"photo{number}": {
        "whole face": (20 + number, 10, 80 + number, 70),
        "left eye": (60 + number, 25, 72 + number, 32),
        "right eye": (28 + number, 25, 40 + number, 32),
        "nose": (42 + number, 30, 58 + number, 50),
        "mouth": (38 + number, 52, 62 + number, 62),
    }
    for number in range(3)
}


@dataclass(frozen=True)
class LiveRun:
    """What was made; not to be changed.

    Attributes:
        folder: The run.
    """

    folder: Path

    @property
    def images(self) -> dict[str, Path]:
        """PNG files by name, as results know them."""
        return {path.name: path for path in sorted((self.folder / "pictures").iterdir())}

    @property
    def confidence(self) -> float:
        """From which the detector finds a face in about half of the pictures, and just none in the others."""
        best = self.stored("rgb10").boxes.query("`class` == 'whole face'").groupby("image")["confidence"].max()
        ordered = np.sort(best.to_numpy())
        return float(ordered[len(ordered) // 2 - 1 : len(ordered) // 2 + 1].mean())

    def weights(self, name: str) -> Path:
        """Of a model."""
        return self.folder / "models" / name / "weights.pt"

    def stored(self, name: str) -> Predictions:
        """Predictions on the pictures, of a model or a baseline."""
        return read_predictions(self.folder / "predictions" / name / f"{SET}.parquet")


class Twins:
    """Makes copies of a network in a fifth of the time of `copy.deepcopy`."""

    def __init__(self, network: Network) -> None:
        self._tensors: list[Tensor] = []
        self._rest = io.BytesIO()
        pickler = pickle.Pickler(self._rest)
        pickler.persistent_id = self._keep  # type: ignore[method-assign]
        pickler.dump(network)

    def another(self) -> Network:
        """A copy that shares nothing with the others."""
        unpickler = pickle.Unpickler(io.BytesIO(self._rest.getvalue()))
        unpickler.persistent_load = self._copy  # type: ignore[method-assign]
        return unpickler.load()

    def _keep(self, thing: object) -> int | None:
        if not isinstance(thing, Tensor):
            return None
        self._tensors.append(thing)
        return len(self._tensors) - 1

    def _copy(self, number: int) -> Tensor:
        tensor = self._tensors[number]
        own = tensor.detach().clone()
        return nn.Parameter(own, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else own


@pytest.fixture(scope="session")
def live_run(one_thread: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRun]:
    """A run: models, pictures, predictions of all of them, heatmap sets, a trial. Each of its weights is read once."""
    run = LiveRun(once(tmp_path_factory, "live_run", _make))
    open_anew = load_networks.open_weights

    @functools.cache
    def read(path: Path) -> tuple[Twins, Header, str]:
        network, header, digest = open_anew(path)
        return Twins(network), header, digest

    def open_weights(path: Path) -> tuple[Network, Header, str]:
        if not path.resolve().is_relative_to(run.folder.resolve()):
            return open_anew(path)
        twins, header, digest = read(path.resolve())
        return twins.another(), header, digest

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load_networks, "open_weights", open_weights)
        yield run


def texture(seed: int, width: int, height: int) -> NDArray[np.uint8]:
    """A picture of coarse and fine spots, uint8 (height, width, 3)."""
    chance = np.random.default_rng(seed)
    fine, coarse = (chance.integers(0, 256, (height // step, width // step, 3), np.uint8) for step in (4, 16))
    both = [Image.fromarray(each).resize((width, height), Image.Resampling.BICUBIC) for each in (fine, coarse)]
    return np.asarray(Image.blend(*both, 0.5))


def write_video(
    path: Path, frames: int = 11, rate: float = 5.0, seed: int = 0, size: tuple[int, int] = (96, 64)
) -> Path:
    """A video of such pictures, each another one."""
    with VideoWriter(path, *size, rate) as writer:
        for number in range(frames):
            writer.write(texture(seed + number, *size))
    return path


def write_trial(path: Path, methods: Mapping[str, tuple[float, int]]) -> None:
    """`rescue_trial.csv`.

    Args:
        path: Of the file.
        methods: Confidence and missed faces found of ten, by name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        names = "set,method,group,fp_per_photo,threshold,confidence,faces,found,false_boxes"
        rows = csv.DictWriter(file, names.split(","))
        rows.writeheader()
        for method, (confidence, found) in methods.items():
            known = {"set": SET, "method": method, "group": "baseline", "fp_per_photo": 0.25}
            rows.writerow(
                known | {"threshold": "val", "confidence": confidence, "faces": 0, "found": 0, "false_boxes": 0}
            )
            rows.writerow(known | {"threshold": "set", "confidence": "", "faces": 10, "found": found, "false_boxes": 1})


def _make(folder: Path) -> None:
    pictures = folder / "pictures"
    pictures.mkdir()
    for number, size in enumerate(SIZES):
        Image.fromarray(texture(number, *size)).save(pictures / f"picture{number}.png")
    write_training_set(folder / "datasets" / "train", FACES)
    run = LiveRun(folder)
    photos = _batch([letterbox(texture(number, *size), fit(*size, SIZE)) for number, size in enumerate(SIZES)])
    _save(run.weights("rgb10"), photos, CLASSES, 1)
    for seed, (name, (kind, classes)) in enumerate(PHOTO_DETECTORS.items(), start=2):
        images = photos if kind == "photo" else photos.mean(1, keepdim=True)
        _save(run.weights(name), images, CLASSES if classes > 1 else CLASSES[2:3], seed, input=kind)
    words = [f"--variant={name}={how}" for name, how in VARIANTS.items()]
    where = [
        pictures,
        folder / "heatmaps",
        "--name",
        SET,
        "--weights",
        run.weights("rgb10"),
        "--device",
        "cpu",
        "--confidence",
        0.1,
    ]
    assert main(["heatmaps", *map(str, where), *words]) == 0
    for seed, (name, (variant, kind)) in enumerate(HEATMAP_DETECTORS.items(), start=30):
        maps = read_map_set(folder / "heatmaps" / variant / SET)
        seen = _batch([_framed(maps, row, kind) for row in range(len(maps.table))])
        _save(run.weights(name), seen, CLASSES[2:3], seed, input=kind, maps=maps.settings, padding=0)
    _predict(run)


def _predict(run: LiveRun) -> None:
    """What the commands of a run would store."""
    pictures = run.folder / "pictures"
    looked_at = {name: pictures for name in ("rgb10", *PHOTO_DETECTORS)}
    looked_at |= {name: run.folder / "heatmaps" / variant / SET for name, (variant, _) in HEATMAP_DETECTORS.items()}
    sized = [(name, name, None) for name in looked_at] + [("rgb1_occlusion_scale1", "rgb1_occlusion", LARGER)]
    for stored, name, size in sized:
        predictor = Predictor(run.weights(name), "cpu", InferenceOptions(0.001, NMS_IOU, 4, size, "float32"))
        found = predictor.predict(predictor.find([looked_at[name]]))
        write_predictions(run.folder / "predictions" / stored / f"{SET}.parquet", found)
    out = run.folder / "predictions"
    rgb10, rgb1, *scales = (out / name for name in ("rgb10", "rgb1", "rgb1_occlusion", "rgb1_occlusion_scale1"))
    given = ([folder / f"{SET}.parquet"] for folder in (rgb10, rgb1))
    heatmaps = run.folder / "heatmaps" / "gradcampp_multiscale"
    write_proposals(out, run.folder / "datasets" / "train", *given, scales, NMS_IOU, heatmaps)


def _framed(maps: MapSet, row: int, kind: Input) -> NDArray[np.uint8]:
    """What a detector of heatmaps sees of one of a set."""
    image = maps.table.iloc[row]
    place = fit(image["width"], image["height"], SIZE)
    channels = len(CLASSES) if kind == "classes" else 1
    source = read_source(maps.place(kind) / image["file"], channels, place, kind)
    return letterbox(scale(source, place), place, 0)


def _batch(images: list[NDArray[np.uint8]]) -> Tensor:
    return torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2).copy()).float() / 255


def _save(path: Path, images: Tensor, names: tuple[str, ...], seed: int, **header: Any) -> None:
    """Weights of a network that finds a few boxes of each class in such images."""
    channels, ids = images.shape[1], [CLASS_NAMES.index(name) for name in names]
    path.parent.mkdir(parents=True)
    about = Header(model="yolov5n", channels=channels, class_names=names, class_ids=ids, image_size=SIZE, **header)
    save_weights(path, _lively(images, len(names), seed).state_dict(), about)


def _lively(images: Tensor, classes: int, seed: int) -> Network:
    network = build_network("yolov5n", images.shape[1], classes, seed=seed).requires_grad_(False)
    # Without the statistics of images hardly anything reaches the last layers.
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    network.train()(images)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            # A little less loud than it could be: else last bits grow from layer to layer, as in no trained network.
            module.running_var *= 1.25
    network.eval()
    network.head.anchors /= 4  # Small boxes, for images are small.
    for convolution, raw in zip(network.head.m, network(images)[1], strict=True):
        # Random weights tell places apart by next to nothing; trained ones do not. Of many classes no more than the
        # 300 boxes that are kept of an image may be likely at all.
        mean, spread = raw.mean((0, 2, 3)), raw.std((0, 2, 3))
        gain = torch.tensor([0.5] * 4 + [3.0 if classes > 1 else 2.0] * (1 + classes)) / spread.clamp(
            min=spread.median()
        )
        convolution.get_parameter("weight").unflatten(0, (3, -1)).mul_(gain[:, :, None, None, None])
        bias = convolution.get_parameter("bias").view(3, -1)
        bias.copy_(gain * (bias - mean))
    seen = torch.cat([level.flatten(0, 3) for level in network(images)[1]])
    # A tenth of the candidates are objects, and each class is found about twice an image.
    objects = seen[:, 4].quantile(0.9)
    passing = seen[seen[:, 4] > objects, 5:].topk(2 * len(images), 0).values[-1]
    for convolution in network.head.m:
        convolution.get_parameter("bias").view(3, -1)[:, 4:].sub_(torch.cat([objects[None], passing]))
    return network


def sha256(path: Path) -> str:
    """Of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def of_class(found: Predictions, image: str, lowest: float = 0.05) -> NDArray[np.float32]:
    """Whole faces of an image from a confidence on: (n, 5) x1 y1 x2 y2, confidence; best first."""
    own = found.boxes[(found.boxes["image"] == image) & (found.boxes["class_id"] == WHOLE_FACE)]
    rows = own[["x1", "y1", "x2", "y2", "confidence"]].to_numpy(np.float32)
    rows = rows[rows[:, 4] >= np.float32(lowest)]
    return rows[np.argsort(-rows[:, 4], kind="stable")]
