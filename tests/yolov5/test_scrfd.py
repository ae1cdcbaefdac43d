"""SCRFD-2.5G's published weights below a head of YOLOv5: beside the published graph, run by OpenCV."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from uncover.errors import InputError
from uncover.yolov5.network import SCRFD, build_network
from uncover.yolov5.scrfd import state_of_onnx
from uncover.yolov5.weights import Header, initialise, load_weights, open_weights, save_weights

SIZE = 640


@pytest.fixture(scope="module")
def graph(real: Path) -> Path:
    return real / "weights" / "scrfd_2.5g_kps.onnx"


def test_layers_meet_at_the_three_strides() -> None:
    network = build_network(SCRFD, 3, 1, seed=0).eval()
    candidates, raw = network(torch.zeros(1, 3, 64, 96))
    assert network.head.stride.tolist() == [8, 16, 32]
    assert [level.shape for level in raw] == [(1, 2, 8, 12, 6), (1, 2, 4, 6, 6), (1, 2, 2, 3, 6)]
    assert candidates.shape == (1, 2 * (96 + 24 + 6), 6)


def test_file_keeps_weights_in_half_precision(tmp_path: Path) -> None:
    network = build_network(SCRFD, 3, 1, seed=1)
    header = Header(model=SCRFD, channels=3, class_names=("face",), class_ids=(0,), image_size=SIZE)
    save_weights(tmp_path / "w.pt", {name: value.half() for name, value in network.state_dict().items()}, header)
    loaded, read = load_weights(tmp_path / "w.pt")
    assert read == header
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, network.state_dict()[name].half().float())


def test_head_of_another_number_of_anchors_stays_new() -> None:
    other = build_network(SCRFD, 1, 2, anchors=3, seed=1)
    left = initialise(other, build_network(SCRFD, 3, 1, seed=2).state_dict())
    assert [name for name in left if "anchors" not in name] == [f"model.30.m.{level}" for level in range(3)]


@pytest.mark.parametrize("name", ["scrfd_500m_kps.onnx", "yunet_n_640_640.onnx"])
def test_other_graphs_are_refused(real: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"{name}: .*SCRFD-2.5G"):
        open_weights(real / "weights" / name)


def test_damaged_graph_is_refused(graph: Path) -> None:
    with pytest.raises(InputError, match=r"bad.onnx: .*SCRFD-2.5G"):
        state_of_onnx(graph.read_bytes()[:100_000], "bad.onnx")


def test_says_what_the_published_graph_says(graph: Path, real: Path) -> None:
    photo = cv2.imread(str(sorted((real / "face_mask" / "no_occlusion" / "images").glob("*.jpg"))[0]))
    square = np.full((SIZE, SIZE, 3), 114, np.uint8)
    gain = 480 / max(photo.shape[:2])
    small = cv2.resize(photo, None, fx=gain, fy=gain)
    square[80 : 80 + len(small), 80 : 80 + small.shape[1]] = small

    published = cv2.dnn.readNetFromONNX(str(graph))
    published.setInput(cv2.dnn.blobFromImage(square, 1 / 128, None, (127.5,) * 3, swapRB=True))
    outputs = published.forward(published.getUnconnectedOutLayersNames())
    named = dict(zip(published.getUnconnectedOutLayersNames(), outputs, strict=True))

    network, header, _ = open_weights(graph)
    assert header.model == SCRFD
    # Zeros around a photo are grey for the published graph, and black for us.
    first: torch.nn.Conv2d = network.model[0][0]  # type: ignore[index,assignment]
    first.padding = (0, 0)
    network.model[0] = torch.nn.Sequential(torch.nn.ConstantPad2d(1, 127.5 / 255), network.model[0])
    image = torch.from_numpy(np.ascontiguousarray(square[:, :, ::-1])).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        raw = network(image)[1]
    faces = 0
    for level, stride in enumerate((8, 16, 32)):
        scores = named[f"out{level}"].reshape(SIZE // stride, SIZE // stride, 2)
        ours = raw[level][0].permute(1, 2, 0, 3)
        np.testing.assert_allclose(ours[..., 4].sigmoid(), scores, atol=1e-4)
        # Distances of the sides from the cell's corner, in cells; boxes of both have about the same sides.
        low_x, low_y, high_x, high_y = named[f"out{3 + level}"].reshape(*scores.shape, 4).transpose(3, 0, 1, 2)
        sure = scores > 0.6
        faces += sure.sum()
        anchors = network.head.anchors[level]
        for axis, low, high in ((0, low_x, high_x), (1, low_y, high_y)):
            side = ((ours[..., 2 + axis].sigmoid() * 2) ** 2 * anchors[:, axis]).numpy()
            middle = (ours[..., axis].sigmoid() * 2 - 0.5).numpy()
            assert (np.abs(side / (low + high) - 1)[sure] < 0.35).all()
            near = sure & (np.abs((high - low) / 2 - 0.5) < 0.75)
            np.testing.assert_allclose(middle[near], ((high - low) / 2)[near], atol=0.15)
    assert faces > 0
