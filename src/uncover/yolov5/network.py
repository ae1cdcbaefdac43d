"""YOLOv5 (v6.0 and later) for any number of channels and classes.

Modules are nested and named as in upstream, so that state dicts are compatible in both directions, and are created in
the same order, so that a seed gives the same weights.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from uncover.config.detectors import UPSTREAM
from uncover.errors import InputError

SCRFD = "scrfd_2.5g"
"""Architecture of SCRFD-2.5G (Guo et al., ICLR 2022): residual blocks without batch norm, with a head of YOLOv5."""
MODELS = (*UPSTREAM, SCRFD)


MULTIPLES = {
    "yolov5n": (0.33, 0.25),
    "yolov5s": (0.33, 0.50),
    "yolov5m": (0.67, 0.75),
    "yolov5l": (1.0, 1.0),
    "yolov5x": (1.33, 1.25),
}
"""Depth and width of upstream's networks, as multiples of `yolov5l`."""


def architecture(model: str) -> dict[str, Any]:
    """The description of a network, as upstream's YAML files have it.

    Args:
        model: One of `MODELS`.

    Returns:
        `depth_multiple`, `width_multiple`, `anchors` (pixels, a list per level), `backbone` and `head`; rows of the
        last two are [from, number, module, arguments].

    Raises:
        InputError: There is no such network.
    """
    if model == SCRFD:
        return _scrfd()
    if model not in MODELS:
        raise InputError(f"network {model}: unknown; expected one of {', '.join(MODELS)}")
    return _yolov5(*MULTIPLES[model])


def count_layers(design: Mapping[str, Any]) -> int:
    """Number of layers of a description, including the head, which is the last layer."""
    return len(design["backbone"]) + len(design["head"])


def _yolov5(depth: float, width: float) -> dict[str, Any]:
    """The layers of models/yolov5*.yaml (YOLOv5 v7.0 by Ultralytics, AGPL-3.0), value for value.

    They are here because the package that ships the files demands more than a gigabyte of other packages.
    """
    backbone = [
        [-1, 1, "Conv", [64, 6, 2, 2]],
        [-1, 1, "Conv", [128, 3, 2]],
        [-1, 3, "C3", [128]],
        [-1, 1, "Conv", [256, 3, 2]],
        [-1, 6, "C3", [256]],
        [-1, 1, "Conv", [512, 3, 2]],
        [-1, 9, "C3", [512]],
        [-1, 1, "Conv", [1024, 3, 2]],
        [-1, 3, "C3", [1024]],
        [-1, 1, "SPPF", [1024, 5]],
    ]
    head = [
        [-1, 1, "Conv", [512, 1, 1]],
        [-1, 1, "nn.Upsample", ["None", 2, "nearest"]],
        [[-1, 6], 1, "Concat", [1]],
        [-1, 3, "C3", [512, False]],
        [-1, 1, "Conv", [256, 1, 1]],
        [-1, 1, "nn.Upsample", ["None", 2, "nearest"]],
        [[-1, 4], 1, "Concat", [1]],
        [-1, 3, "C3", [256, False]],
        [-1, 1, "Conv", [256, 3, 2]],
        [[-1, 14], 1, "Concat", [1]],
        [-1, 3, "C3", [512, False]],
        [-1, 1, "Conv", [512, 3, 2]],
        [[-1, 10], 1, "Concat", [1]],
        [-1, 3, "C3", [1024, False]],
        [[17, 20, 23], 1, "Detect", ["nc", "anchors"]],
    ]
    anchors = [[10, 13, 16, 30, 33, 23], [30, 61, 62, 45, 59, 119], [116, 90, 156, 198, 373, 326]]
    multiples = {"depth_multiple": depth, "width_multiple": width}
    return {"nc": 80, **multiples, "anchors": anchors, "backbone": backbone, "head": head}


def _scrfd() -> dict[str, Any]:
    """Layers of SCRFD-2.5G in the order of its published graph, which `uncover.yolov5.scrfd` relies on."""
    backbone = [
        *([-1, 1, "ConvReLU", [*arguments]] for arguments in ((12, 3, 2), (12, 3, 1), (24, 3, 1))),
        [-1, 1, "nn.MaxPool2d", [2, 2]],
        [-1, 3, "Residual", [24, 1]],
        [-1, 5, "Residual", [48, 2]],
        [-1, 3, "Residual", [48, 2]],
        [-1, 2, "Residual", [80, 2]],
    ]
    head = [
        *([level, 1, "nn.Conv2d", [24, 1, 1]] for level in (5, 6, 7)),
        [-1, 1, "nn.Upsample", [None, 2, "nearest"]],
        [[9, -1], 1, "Add", []],
        [-1, 1, "nn.Upsample", [None, 2, "nearest"]],
        [[8, -1], 1, "Add", []],
        *([level, 1, "nn.Conv2d", [24, 3, 1]] for level in (14, 12, 10)),
        [15, 1, "nn.Conv2d", [24, 3, 2]],
        [[16, -1], 1, "Add", []],
        [-1, 1, "nn.Conv2d", [24, 3, 2]],
        [[17, -1], 1, "Add", []],
        *([level, 1, "nn.Conv2d", [24, 3, 1]] for level in (19, 21)),
        *([level, 1, "ConvReLU", [64, 3, 1]] for first in (15, 22, 23) for level in (first, -1)),
        [[25, 27, 29], 1, "Detect", ["nc", "anchors", 3]],
    ]
    anchors = [[16, 16, 32, 32], [64, 64, 128, 128], [256, 256, 512, 512]]
    return {"depth_multiple": 1.0, "width_multiple": 1.0, "anchors": anchors, "backbone": backbone, "head": head}


class Conv(nn.Module):
    """Convolution, batch norm, SiLU; keeps the spatial size unless there is a stride."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, padding: int | None = None) -> None:
        super().__init__()
        padding = kernel // 2 if padding is None else padding
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03)
        self.act = nn.SiLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(self.conv(x)))


class ConvReLU(nn.Sequential):
    """Convolution with a bias, and ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """Two convolutions with a shortcut, which is pooled and projected if the size changes (ResNet-D)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.cv1 = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.cv2 = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.AvgPool2d(stride, stride, ceil_mode=True), nn.Conv2d(inputs, outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu_(self.cv2(torch.relu_(self.cv1(x))) + self.shortcut(x))


class Add(nn.Module):
    """The sum of two layers."""

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return first + second


class Bottleneck(nn.Module):
    """Two convolutions, with a shortcut around them."""

    def __init__(self, width: int, shortcut: bool) -> None:
        super().__init__()
        self.cv1 = Conv(width, width)
        self.cv2 = Conv(width, width, 3)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = self.cv2(self.cv1(x))
        return x + y if self.shortcut else y


class C3(nn.Module):
    """A chain of bottlenecks in parallel with a plain convolution."""

    def __init__(self, inputs: int, outputs: int, repeats: int, shortcut: bool = True) -> None:
        super().__init__()
        hidden = outputs // 2
        self.cv1 = Conv(inputs, hidden)
        self.cv2 = Conv(inputs, hidden)
        self.cv3 = Conv(2 * hidden, outputs)
        self.m = nn.Sequential(*(Bottleneck(hidden, shortcut) for _ in range(repeats)))

    def forward(self, x: Tensor) -> Tensor:
        return self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), 1))


class SPPF(nn.Module):
    """Maxima over growing neighbourhoods, concatenated."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        hidden = inputs // 2
        self.cv1 = Conv(inputs, hidden)
        self.cv2 = Conv(4 * hidden, outputs)
        self.m = nn.MaxPool2d(kernel, stride=1, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        pooled = [self.cv1(x)]
        for _ in range(3):
            pooled.append(self.m(pooled[-1]))
        return self.cv2(torch.cat(pooled, 1))


class Concat(nn.Module):
    """Channels of several layers, one after the other."""

    def forward(self, *levels: Tensor) -> Tensor:
        return torch.cat(levels, 1)


class Detect(nn.Module):
    """The head: a convolution per level (1x1 in YOLOv5 itself), and the decoding of its outputs.

    Attributes:
        anchors: float32 (levels, anchors, 2), width and height in cells of the level.
        stride: float32 (levels,), pixels per cell.
        classes: Number of classes.
    """

    anchors: Tensor
    stride: Tensor

    def __init__(
        self, classes: int, anchors: Tensor, strides: Sequence[float], widths: Sequence[int], kernel: int = 1
    ) -> None:
        super().__init__()
        self.classes = classes
        self.register_buffer("stride", torch.tensor(strides, dtype=torch.float32), persistent=False)
        self.register_buffer("anchors", anchors / self.stride.view(-1, 1, 1))
        self.m = nn.ModuleList()
        for width, step in zip(widths, strides, strict=True):
            convolution = nn.Conv2d(width, anchors.shape[1] * (5 + classes), kernel, padding=kernel // 2)
            self.m.append(convolution)
            with torch.no_grad():
                # Initial biases: eight objects per photo of 640 pixels, and rare classes.
                bias = convolution.bias.view(anchors.shape[1], 5 + classes)  # type: ignore[union-attr]
                bias[:, 4] += math.log(8 / (640 / step) ** 2)
                bias[:, 5:] += math.log(0.6 / (classes - 0.99999))

    def forward(self, *levels: Tensor) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        raw = []
        for convolution, level in zip(self.m, levels, strict=True):
            batch, _, height, width = level.shape
            values = convolution(level).view(batch, self.anchors.shape[1], 5 + self.classes, height, width)
            raw.append(values.permute(0, 1, 3, 4, 2).contiguous())
        return raw if self.training else (self.decode(raw), raw)

    def decode(self, raw: Sequence[Tensor]) -> Tensor:
        """Raw levels (B, A, H, W, 5 + classes) as (B, N, 5 + classes): xc yc w h in pixels, objectness, classes."""
        decoded = []
        for values, anchors, stride in zip(raw, self.anchors, self.stride, strict=True):
            # Mixed precision is too coarse for pixel coordinates.
            values = values.to(torch.promote_types(values.dtype, torch.float32))
            batch, count, height, width, size = values.shape
            y, x = (torch.arange(side, device=values.device, dtype=values.dtype) - 0.5 for side in (height, width))
            corner = torch.stack(torch.meshgrid(x, y, indexing="xy"), 2)
            centre, sides, scores = values.sigmoid().split((2, 2, 1 + self.classes), 4)
            centre = (centre * 2 + corner) * stride
            sides = (sides * 2) ** 2 * (anchors * stride).view(1, count, 1, 1, 2)
            decoded.append(torch.cat((centre, sides, scores), 4).view(batch, -1, size))
        return torch.cat(decoded, 1)


class Network(nn.Module):
    """A YOLOv5.

    Attributes:
        model: The layers; the last one is the head.
        sources: Input layers of each layer; -1 is the images.
        frozen: Number of frozen layers, from the first one on.
    """

    def __init__(self, design: Mapping[str, Any], channels: int, classes: int, anchors: Tensor) -> None:
        super().__init__()
        self.frozen = 0
        self.model = nn.Sequential()
        self.sources: list[tuple[int, ...]] = []
        widths, strides = {-1: channels}, {-1: 1.0}
        for number, (source, repeats, kind, arguments) in enumerate([*design["backbone"], *design["head"]]):
            listed = [source] if isinstance(source, int) else source
            sources = tuple(number + each if each < 0 else each for each in listed)
            inputs, stride = [widths[each] for each in sources], strides[sources[0]]
            width = sum(inputs)
            if kind in ("Conv", "C3", "SPPF"):
                width = math.ceil(arguments[0] * design["width_multiple"] / 8) * 8
            elif kind in ("ConvReLU", "Residual", "nn.Conv2d"):
                width = arguments[0]
            elif kind == "Add":
                width = inputs[0]
            layer: nn.Module
            match kind, arguments:
                case "Conv", [_, kernel, step, *padding]:
                    layer = Conv(inputs[0], width, kernel, step, *padding)
                    stride *= step
                case "C3", [_, *shortcut]:
                    repeats = max(round(repeats * design["depth_multiple"]), 1)
                    layer = C3(inputs[0], width, repeats, *shortcut)
                case "SPPF", [_, kernel]:
                    layer = SPPF(inputs[0], width, kernel)
                case "nn.Upsample", [_, factor, mode]:
                    layer = nn.Upsample(None, factor, mode)
                    stride /= factor
                case "Concat", _:
                    layer = Concat()
                case "ConvReLU", [_, kernel, step]:
                    layer = ConvReLU(inputs[0], width, kernel, step)
                    stride *= step
                case "nn.Conv2d", [_, kernel, step]:
                    layer = nn.Conv2d(inputs[0], width, kernel, step, kernel // 2)
                    stride *= step
                case "Residual", [_, step]:
                    blocks = [
                        Residual(inputs[0], width, step),
                        *(Residual(width, width, 1) for _ in range(repeats - 1)),
                    ]
                    layer = nn.Sequential(*blocks)
                    stride *= step
                case "nn.MaxPool2d", [kernel, step]:
                    layer = nn.MaxPool2d(kernel, step)
                    stride *= step
                case "Add", _:
                    layer = Add()
                case "Detect", [_, _, *kernel]:
                    layer = Detect(classes, anchors, [strides[each] for each in sources], inputs, *kernel)
                case _:
                    raise ValueError(f"layer {number}: {kind} {arguments} is no part of YOLOv5 v6.0 and later")
            self.model.append(layer)
            self.sources.append(sources)
            widths[number], strides[number] = width, stride

    @property
    def head(self) -> Detect:
        """The last layer."""
        return self.model[-1]  # type: ignore[return-value]

    def forward(self, images: Tensor) -> Any:
        """Detect objects.

        Args:
            images: float (B, C, H, W), shares of 255; sides are multiples of 32.

        Returns:
            In training mode the raw levels, a list of (B, A, h, w, 5 + classes). In evaluation mode a pair: all
            candidates decoded, (B, N, 5 + classes) with xc yc w h in pixels of `images`, and the raw levels.
        """
        outputs: Mapping[int, Any] = {-1: images}
        if self.frozen:
            with torch.no_grad():
                outputs = self.run(outputs, stop=self.frozen)
        return self.run(outputs, self.frozen)[len(self.model) - 1]

    def run(
        self, outputs: Mapping[int, Any], start: int = 0, stop: int | None = None, keep: Collection[int] = ()
    ) -> dict[int, Any]:
        """Run some of the layers, so that a pass can stop at a layer and continue from there.

        Args:
            outputs: Outputs of earlier layers by number; -1 is the images.
            start: First layer to run.
            stop: Layer after the last one to run; None runs to the end.
            keep: Layers whose output is returned even if no later layer needs it.

        Returns:
            Outputs of the last layer run, of those to keep, and of those that later layers need.
        """
        outputs = dict(outputs)
        for number in range(start, len(self.model) if stop is None else stop):
            outputs[number] = self.model[number](*(outputs[source] for source in self.sources[number]))
            needed = {number, *keep}.union(*self.sources[number + 1 :])
            outputs = {layer: output for layer, output in outputs.items() if layer in needed}
        return outputs

    def freeze(self, layers: int) -> Network:
        """Freeze the weights and running statistics of the first layers; no gradients are computed for them."""
        self.frozen = layers
        self.model[:layers].requires_grad_(False)
        return self.train(self.training)

    def train(self, mode: bool = True) -> Network:
        """Set the mode; frozen layers stay in evaluation mode, so that they do not update statistics."""
        super().train(mode)
        self.model[: self.frozen].eval()
        return self

    def fuse(self) -> Network:
        """Fold batch norms into convolutions: same outputs, faster, no further training."""
        for module in self.eval().modules():
            if isinstance(module, Conv) and isinstance(module.bn, nn.BatchNorm2d):
                module.conv = nn.utils.fuse_conv_bn_eval(module.conv, module.bn)
                module.bn = nn.Identity()
        return self


def build_network(
    model: str, channels: int, classes: int, anchors: Tensor | int | None = None, seed: int | None = None
) -> Network:
    """Build a network with new weights.

    Args:
        model: One of `MODELS`.
        channels: Channels of an image.
        classes: Number of classes.
        anchors: Float32 (levels, anchors, 2), widths and heights in pixels; or their number per level; None uses
            upstream's.
        seed: Seed of the weights; None draws them from torch's global generator.

    Raises:
        InputError: There is no such network.
    """
    design = architecture(model)
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.default_generator.manual_seed(seed)
        return Network(design, channels, classes, _choose_anchors(design["anchors"], anchors))


def _choose_anchors(given: Sequence[Sequence[float]], asked: Tensor | int | None) -> Tensor:
    if isinstance(asked, Tensor):
        return asked
    anchors = torch.tensor(given).view(len(given), -1, 2).float()
    if asked is None or asked == anchors.shape[1]:
        return anchors
    # A different number: spread evenly over the same range of sizes.
    sizes = anchors.flatten(0, 1).log().T[None]
    spread = nn.functional.interpolate(sizes, len(given) * asked, mode="linear", align_corners=True)
    return spread[0].T.exp().view(len(given), asked, 2)
