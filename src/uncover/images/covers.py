"""Draw covers onto faces, in the frame of each face: masks, caps, tubes, tape, eye shields, hands, blankets.

Coordinates are those of `uncover.data.outlines.Frame`: the eyes at (-1, 0) and (1, 0), the mouth at (0, 2), the chin
near (0, 3.5), so a cover fits a face of any size and angle. Boxes are not changed: a covered face keeps the box of the
whole face.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.data.outlines import Frame, Points, place
from uncover.errors import InputError

Image = NDArray[np.uint8]
"""uint8 (H, W, 3), RGB."""

Colour = NDArray[np.float64]
"""float64 (3,), RGB, 0 to 255."""

Cover = Callable[[Image, Frame, np.random.Generator, Image | None], None]
"""Draws on a photo in place; takes the photo, the frame of a face, a random generator, a photo for textures or None."""

SHIFT = 4
"""Fractional bits of coordinates in OpenCV's drawing functions."""

PICTURE_SIDE = 320
"""Longest side, in pixels, to which images of masks and glasses are reduced."""

DARK = np.array([(40, 40, 40), (40, 80, 120)], np.float64)
SKINS = np.array(
    [
        (234, 206, 197),
        (224, 180, 160),
        (210, 160, 130),
        (200, 140, 120),
        (175, 120, 90),
        (130, 85, 60),
        (95, 60, 45),
        (215, 150, 150),
        (215, 185, 140),
    ],
    np.float64,
)
CLOTHS = np.array(
    [
        (245, 245, 245),
        (230, 235, 235),
        (215, 230, 240),
        (170, 200, 225),
        (150, 190, 215),
        (245, 215, 200),
        (240, 220, 170),
        (120, 160, 190),
        (60, 90, 120),
        (60, 60, 60),
        (210, 235, 200),
        (200, 120, 150),
    ],
    np.float64,
)
PLASTICS = np.array(
    [
        (245, 245, 245),
        (235, 235, 230),
        (190, 215, 235),
        (120, 190, 230),
        (60, 160, 200),
        (150, 200, 170),
        (230, 190, 120),
        (210, 200, 200),
        (220, 90, 90),
    ],
    np.float64,
)
TAPES = np.array(
    [(250, 250, 250), (240, 235, 235), (235, 210, 190), (225, 190, 160), (205, 165, 140), (210, 225, 225)], np.float64
)


def draw_colour(rng: np.random.Generator, table: NDArray[np.float64], spread: float = 14) -> Colour:
    """Draw one of a table of colours (N, 3), with a random change of brightness and tint."""
    return np.clip(table[rng.integers(len(table))] * rng.uniform(0.75, 1.05) + rng.normal(0, spread, 3), 0, 255)


def unit(frame: Frame) -> float:
    """Length of one unit of the frame, in pixels."""
    return float(np.sqrt(np.linalg.norm(frame[:, 0]) * np.linalg.norm(frame[:, 1])))


class Layer:
    """A part of an image in which shapes are drawn into one mask and painted together, with soft edges.

    Attributes:
        lo: int (2,), x y of its upper left corner in the image.
        view: That part of the image.
        empty: Whether it is outside the image; then it has no mask.
        mask: uint8, where to paint.
    """

    def __init__(self, image: Image, corners: Points, margin: float = 3) -> None:
        """
        Args:
            image: Image to paint on.
            corners: (N, 2), extreme points of the shapes, in pixels.
            margin: How far shapes extend beyond them, in pixels.
        """
        h, w = image.shape[:2]
        lo = np.floor(corners.min(0) - margin).astype(int).clip(0, [w, h])
        hi = np.ceil(corners.max(0) + margin).astype(int).clip(0, [w, h])
        self.lo, self.view = lo, image[lo[1] : hi[1], lo[0] : hi[0]]
        self.empty = bool((hi - lo < 2).any())
        if not self.empty:
            self.mask = np.zeros(self.view.shape[:2], np.uint8)

    def _fixed(self, points: Points) -> NDArray[np.int32]:
        return np.rint((points - self.lo) * (1 << SHIFT)).astype(np.int32)

    def polygon(self, points: Points) -> None:
        """Add a polygon with corners in pixels of the image."""
        cv2.fillPoly(self.mask, [self._fixed(points)], 255, cv2.LINE_AA, SHIFT)

    def line(self, points: Points, width: float) -> None:
        """Add a line; points and width are in pixels of the image."""
        cv2.polylines(self.mask, [self._fixed(points)], False, 255, max(round(width), 1), cv2.LINE_AA, SHIFT)

    def blend(self, paint: NDArray, alpha: float = 1.0, soft: float = 0.0) -> None:
        """Paint where the mask is.

        Args:
            paint: A colour, or (h, w, 3) of the layer's size.
            alpha: Opacity.
            soft: Blur of the edges, in pixels.
        """
        mask = cv2.GaussianBlur(self.mask, (0, 0), soft) if soft > 0.3 else self.mask
        a = (mask.astype(np.float32) * (alpha / 255))[..., None]
        under = self.view.astype(np.float32)
        np.copyto(self.view, np.clip(under + (np.asarray(paint, np.float32) - under) * a, 0, 255).astype(np.uint8))


def light_of(view: Image) -> float:
    """Brightness of a place, 0.35 to 1.15, to light covers accordingly."""
    return float(np.clip(0.25 + 0.75 * view[::4, ::4].mean() / 130, 0.35, 1.15))


def cloth(rng: np.random.Generator, h: int, w: int, tint: Colour | None = None) -> NDArray[np.float32]:
    """A texture with folds, and sometimes a pattern: float32 (h, w, 3)."""
    base = draw_colour(rng, CLOTHS) if tint is None else tint
    if rng.random() < 0.12 and tint is None:
        base = rng.uniform(0, 255, 3)
    if h * w > 40000:  # folds are broad: half the pixels suffice
        half = cloth(rng, h // 2, w // 2, base)
        grain = rng.normal(0, 3, (h, w, 1)).astype(np.float32)
        return np.asarray(cv2.resize(half, (w, h), interpolation=cv2.INTER_LINEAR), np.float32) + grain
    small = rng.normal(0, 1, (max(h // 24, 2) + 2, max(w // 24, 2) + 2)).astype(np.float32)
    folds = cv2.resize(small, (w, h), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.6:
        angle, pitch = rng.uniform(0, np.pi), rng.uniform(0.02, 0.25)
        y, x = np.ogrid[:h, :w]
        folds = folds + np.sin((x * np.cos(angle) + y * np.sin(angle)) * pitch + folds * rng.uniform(0, 2)).astype(
            np.float32
        ) * rng.uniform(0, 1.5)
    out = base.astype(np.float32) * (1 + folds * rng.uniform(0.01, 0.09))[..., None]
    if rng.random() < 0.2:  # stripes, checks or dots
        period, other = rng.uniform(4, 30), np.clip(base + rng.normal(0, 60, 3), 0, 255).astype(np.float32)
        angle = rng.uniform(0, np.pi)
        y, x = np.ogrid[:h, :w]
        a = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / period)
        b = np.sin((y * np.cos(angle) - x * np.sin(angle)) * 2 * np.pi / period)
        kind = rng.integers(3)
        on = (a > rng.uniform(-0.3, 0.8)) if kind == 0 else (a + b > 1.0) if kind == 1 else ((a > 0.3) | (b > 0.3))
        on = np.broadcast_to(on, (h, w))
        out[on] = out[on] * 0.3 + other * 0.7
    return out


def piece(rng: np.random.Generator, other: Image, h: int, w: int) -> Image:
    """A piece of another photo, stretched to a size."""
    oh, ow = other.shape[:2]
    ch, cw = max(int(oh * rng.uniform(0.1, 0.5)), 2), max(int(ow * rng.uniform(0.1, 0.5)), 2)
    y, x = rng.integers(0, oh - ch + 1), rng.integers(0, ow - cw + 1)
    return np.asarray(cv2.resize(other[y : y + ch, x : x + cw], (w, h)), np.uint8)


def texture(rng: np.random.Generator, other: Image | None, h: int, w: int, from_photo: float = 0.3) -> NDArray:
    return piece(rng, other, h, w) if other is not None and rng.random() < from_photo else cloth(rng, h, w)


def curve(points: Points, count: int = 24) -> Points:
    """A smooth line through or near points (Bezier)."""
    t = np.linspace(0, 1, count)[:, None]
    level = [np.broadcast_to(p, (count, 2)) for p in points]
    while len(level) > 1:
        level = [a + (b - a) * t for a, b in pairwise(level)]
    return level[0]


def tube_along(image: Image, line: Points, width: float, paint: Colour, alpha: float) -> None:
    """A round, shiny tube along a line in pixels."""
    layer = Layer(image, line, width)
    if layer.empty:
        return
    light = light_of(layer.view)
    layer.line(line, width)
    layer.blend(paint * light * 0.8, alpha)
    if width >= 2.5:
        for share, gain, strength in ((0.6, 1.0, alpha * 0.7), (0.25, 1.3, 0.6)):
            layer.mask[:] = 0
            layer.line(line + width * 0.08, width * share)
            layer.blend(np.minimum(paint * gain * light, 255), strength)


def tube(image: Image, frame: Frame, rng: np.random.Generator, other: Image | None) -> None:
    """A tube from nose or mouth to outside the face, with tape over the lip or on the cheek."""
    scale = unit(frame)
    paint, width = draw_colour(rng, PLASTICS), rng.uniform(0.1, 0.4) * scale
    for _ in range(rng.choice([1, 1, 1, 2])):
        start = np.array([rng.normal(0, 0.25), rng.choice([1.15, 2.0]) + rng.normal(0, 0.12)])
        side = rng.choice([-1, 1])
        far = np.array([side * rng.uniform(2, 6), rng.uniform(-4, 7)])
        middle = np.array([side * rng.uniform(0.5, 2.2), start[1] + rng.uniform(-1.2, 1.2)])
        line = place(frame, curve(np.array([start, middle, (middle + far) / 2 + rng.normal(0, 0.8, 2), far])))
        tube_along(image, line, width, paint, rng.uniform(0.55, 1))
    if rng.random() < 0.65:
        strip(
            image,
            frame,
            rng,
            np.array([rng.normal(0, 0.3), rng.uniform(1.4, 1.75)]),
            rng.uniform(0.8, 1.6),
            rng.uniform(0.18, 0.4),
            rng.normal(0, 0.2),
        )
    if rng.random() < 0.4:
        tapes(image, frame, rng, other)


def cannula(image: Image, frame: Frame, rng: np.random.Generator, other: Image | None) -> None:
    """A line over both cheeks that meets under the nose."""
    paint, width = draw_colour(rng, PLASTICS), rng.uniform(0.07, 0.22) * unit(frame)
    dip = rng.uniform(1.0, 1.45)
    half = np.array([[0, dip], [1.2, dip + 0.2], [2.2, rng.uniform(0.2, 1.2)], [3.0, rng.uniform(-1, 2)]])
    for side in (-1, 1):
        tube_along(image, place(frame, curve(half * [side, 1])), width, paint, rng.uniform(0.6, 1))
        if rng.random() < 0.5:
            strip(
                image,
                frame,
                rng,
                np.array([side * 1.35, dip + 0.1]),
                rng.uniform(0.3, 0.7),
                rng.uniform(0.2, 0.5),
                rng.normal(0, 0.4),
            )


def pressure_mask(image: Image, frame: Frame, rng: np.random.Generator, other: Image | None) -> None:
    """A block on the nose with two wide hoses and straps (CPAP)."""
    scale, paint = unit(frame), draw_colour(rng, PLASTICS)
    strap = draw_colour(rng, CLOTHS)
    for side in (-1, 1):
        line = place(
            frame,
            curve(
                np.array([[side * 0.3, 1.0], [side * 1.5, rng.uniform(0.4, 1.3)], [side * 2.8, rng.uniform(-0.6, 1)]])
            ),
        )
        tube_along(image, line, rng.uniform(0.2, 0.45) * scale, strap, 1)
    w, h = rng.uniform(0.45, 0.9), rng.uniform(0.4, 0.8)
    body = np.array(
        [[-w, 1 - h * 0.3], [-w * 0.5, 1 - h], [w * 0.5, 1 - h], [w, 1 - h * 0.3], [w * 0.8, 1 + h], [-w * 0.8, 1 + h]]
    )
    layer = Layer(image, place(frame, body))
    if not layer.empty:
        layer.polygon(place(frame, body))
        layer.blend(paint * light_of(layer.view), rng.uniform(0.6, 1), scale * 0.05)
    up = rng.choice([-1, 1]) * rng.uniform(2, 5)
    for x in (-0.35, 0.35):
        way = np.array([[x, 1.0], [x * 1.4, 1 + up * 0.3], [x * 2 + rng.normal(0, 0.5), 1 + up]])
        line = place(frame, curve(way))
        tube_along(image, line, rng.uniform(0.25, 0.5) * scale, paint, rng.uniform(0.6, 1))


def strip(
    image: Image, frame: Frame, rng: np.random.Generator, at: Points, long: float, high: float, angle: float
) -> None:
    """A piece of tape."""
    c, s = np.cos(angle), np.sin(angle)
    corners = (
        np.array([[-long, -high], [long, -high], [long, high], [-long, high]]) / [1, 1] * rng.uniform(0.9, 1.1, (4, 2))
    )
    corners = place(frame, corners @ np.array([[c, s], [-s, c]]) + at)
    layer = Layer(image, corners)
    if not layer.empty:
        layer.polygon(corners)
        layer.blend(draw_colour(rng, TAPES) * light_of(layer.view), rng.uniform(0.45, 1), 0.02 * unit(frame))


def tapes(image: Image, frame: Frame, rng: np.random.Generator, other: Image | None) -> None:
    for _ in range(rng.integers(1, 4)):
        at = np.array([rng.choice([-1, 1]) * rng.uniform(0.6, 1.7), rng.uniform(0.4, 2.4)])
        strip(image, frame, rng, at, rng.uniform(0.3, 0.9), rng.uniform(0.15, 0.5), rng.uniform(0, np.pi))


def eye_shield(image: Image, frame: Frame, rng: np.random.Generator, other: Image | None) -> None:
    """A band or two pads over the eyes, as under phototherapy lamps."""
    w, h, y = rng.uniform(1.7, 2.5), rng.uniform(0.5, 1.0), rng.normal(0, 0.15)
    paint = draw_colour(rng, TAPES if rng.random() < 0.7 else CLOTHS)
    if rng.random() < 0.15:
        paint = draw_colour(rng, DARK)
    a = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    round_ = np.column_stack(
        [np.sign(np.cos(a)) * abs(np.cos(a)) ** 0.5 * w, np.sign(np.sin(a)) * abs(np.sin(a)) ** 0.6 * h + y]
    )
    if rng.random() < 0.3:
        shapes = [np.column_stack([np.cos(a) * 0.85 + side, np.sin(a) * h * 0.9 + y]) for side in (-1, 1)]
    else:
        round_[:, 1] += rng.uniform(0, 0.3) * (np.abs(round_[:, 0]) < 0.4) * (round_[:, 1] > y) * -1  # nose
        shapes = [round_]
    for side in (-1, 1):
        if rng.random() < 0.6:
            tube_along(
                image,
                place(frame, np.array([[side * w * 0.9, y], [side * 3.2, y + rng.normal(0, 0.3)]])),
                rng.uniform(0.2, 0.8) * unit(frame),
                paint,
                1,
            )
    for shape in shapes:
        corners = place(frame, shape)
        layer = Layer(image, corners)
        if not layer.empty:
            layer.polygon(corners)
            h_, w_ = layer.view.shape[:2]
            layer.blend(cloth(rng, h_, w_, paint) * light_of(layer.view), rng.uniform(0.85, 1), 0.03 * unit(frame))


def hand(image: Image, frame: Frame, rng: np.random.Generator, other: Image | None, at: Points | None = None) -> None:
    """Fingers, the back of a hand and an arm that reach onto the face from outside."""
    scale = unit(frame)
    tip = np.array([rng.uniform(-1.5, 1.5), rng.uniform(-1.2, 3.0)]) if at is None else at
    angle = rng.uniform(0, 2 * np.pi)
    way = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-way[1], way[0]])
    size = rng.uniform(0.35, 1.3)  # own small fist to an adult's hand
    skin = draw_colour(rng, SKINS)
    if rng.random() < 0.5:  # the skin colour of the face
        h, w = image.shape[:2]
        x, y = np.rint(place(frame, np.array([[0, 0.9]]))[0]).astype(int).clip([2, 2], [w - 3, h - 3])
        skin = image[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).mean(0) * rng.uniform(0.8, 1.15)
    fingers = rng.integers(2, 6)
    knuckles = tip + way * size * rng.uniform(1.4, 2.4)
    wrist = knuckles + way * size * rng.uniform(1.2, 2.2)
    arm = wrist + way * rng.uniform(2, 6)
    # arm and back of the hand
    layers = [
        (np.array([wrist, arm]), size * rng.uniform(0.9, 1.5)),
        (np.array([knuckles, wrist]), size * rng.uniform(1.5, 2.0)),
    ]
    spread = rng.uniform(0.0, 0.35)
    for k in range(fingers):
        off = (k - (fingers - 1) / 2) * size * 0.46
        end = (
            tip
            + across * off * (1 + spread)
            + way * size * (abs(k - (fingers - 1) / 2) * 0.18 + rng.uniform(-0.15, 0.3))
        )
        bend = (end + knuckles) / 2 + across * off * 0.8 + rng.normal(0, 0.1, 2) * size
        layers.append((curve(np.array([knuckles + across * off * 0.8, bend, end]), 8), size * rng.uniform(0.4, 0.5)))
    lightness = None
    for line, width in layers:
        pixels, thick = place(frame, line), max(width * scale, 1)
        layer = Layer(image, pixels, thick)
        if layer.empty:
            continue
        lightness = light_of(layer.view) if lightness is None else lightness
        own = skin * (lightness if at is None else 1) * rng.uniform(0.94, 1.05)
        for share, gain in ((1.0, 0.72), (0.86, 0.9), (0.6, 1.0), (0.3, 1.06)):
            if share < 1 and thick * share < 2:
                break
            layer.mask[:] = 0
            layer.line(pixels - (thick * (1 - share) * 0.1), thick * share)
            layer.blend(np.minimum(own * gain, 255), 1.0, thick * 0.04)


def blanket(image: Image, frame: Frame, rng: np.random.Generator, other: Image | None) -> None:
    """Cloth over everything beyond a wavy line across the face."""
    if rng.random() < 0.75:
        angle, depth = rng.normal(0, 0.35), rng.uniform(0.9, 3.0)  # from below
    else:
        angle, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 2.0)
    c, s = np.cos(angle), np.sin(angle)
    x = np.linspace(-6, 6, 25)
    edge = np.column_stack([x, depth + np.cumsum(rng.normal(0, 0.07, 25)) + 0.08 * np.sin(x * rng.uniform(1, 4))])
    far = rng.uniform(3.5, 7)
    shape = np.concatenate([edge, [[6, depth + far], [-6, depth + far]]]) - np.array([0, 1])
    corners = place(frame, shape @ np.array([[c, s], [-s, c]]) + [0, 1])
    layer = Layer(image, corners)
    if layer.empty:
        return
    layer.polygon(corners)
    h, w = layer.view.shape[:2]
    paint = texture(rng, other, h, w, 0.25) * light_of(layer.view)
    layer.blend(paint, 1.0, rng.uniform(0, 0.06) * unit(frame))


def shaded(image: Image, line: Points, width: float, skin: Colour) -> None:
    """A limb along a line in pixels, darker at its edges."""
    layer = Layer(image, line, width)
    if layer.empty:
        return
    for share, gain in ((1.0, 0.78), (0.85, 0.93), (0.6, 1.0), (0.3, 1.05)):
        if share < 1 and width * share < 2:
            break
        layer.mask[:] = 0
        layer.line(line - width * (1 - share) * 0.1, width * share)
        layer.blend(np.minimum(skin * gain, 255), 1.0, width * 0.06)


def body(image: Image, frame: Frame, rng: np.random.Generator, other: Image | None, skin: Colour | None = None) -> None:
    """A bare trunk with arms, legs, electrodes and a nappy below a head: body parts that are not a face."""
    scale = unit(frame)
    skin = draw_colour(rng, SKINS) if skin is None else skin * rng.uniform(0.85, 1.1)
    lean = rng.normal(0, 0.25)
    c, s = np.cos(lean), np.sin(lean)
    turn = np.array([[c, s], [-s, c]])
    neck = np.array([0.0, 3.0])

    def at(points: Sequence[Sequence[float]] | Points) -> Points:
        return place(frame, (np.asarray(points, np.float64) - neck) @ turn + neck)

    wide, long = rng.uniform(1.9, 2.9), rng.uniform(4.5, 7)
    for side in (-1, 1):
        if rng.random() < 0.85:
            elbow = [side * rng.uniform(2.8, 5), rng.uniform(2.5, 7)]
            hand_ = [elbow[0] + rng.normal(0, 1.8), elbow[1] + rng.normal(-0.5, 2)]
            shaded(
                image,
                at(curve(np.array([[side * wide * 0.8, 4.2], elbow, hand_]), 10)),
                rng.uniform(0.9, 1.4) * scale,
                skin * rng.uniform(0.93, 1.05),
            )
        if rng.random() < 0.7:
            knee = [side * rng.uniform(1.5, 4), 4 + long + rng.uniform(0, 2.5)]
            foot = [knee[0] + rng.normal(0, 1.5), knee[1] + rng.uniform(0, 3)]
            shaded(
                image,
                at(curve(np.array([[side * wide * 0.5, 3.5 + long], knee, foot]), 10)),
                rng.uniform(1.1, 1.7) * scale,
                skin * rng.uniform(0.93, 1.05),
            )
    shaded(
        image,
        at(curve(np.array([[0, 3.6 + wide], [rng.normal(0, 0.3), 4 + long / 2], [0, 3.6 + long]]), 8)),
        2 * wide * scale,
        skin,
    )
    if rng.random() < 0.5:  # nappy
        low = 3.2 + long
        shape = at(
            [
                [-wide, low - 1],
                [wide, low - 1],
                [wide * 0.9, low + 0.6],
                [0.5, low + 1.8],
                [-0.5, low + 1.8],
                [-wide * 0.9, low + 0.6],
            ]
        )
        layer = Layer(image, shape)
        if not layer.empty:
            layer.polygon(shape)
            vh, vw = layer.view.shape[:2]
            layer.blend(cloth(rng, vh, vw, draw_colour(rng, TAPES)) * light_of(layer.view), 1.0, 0.05 * scale)
    elif rng.random() < 0.3:  # a shirt
        layer = Layer(image, at([[-wide, 3.8], [wide, 3.8 + long]]), wide * scale)
        if not layer.empty:
            layer.line(at([[0, 3.9 + wide], [0, 3.2 + long]]), 2.1 * wide * scale)
            vh, vw = layer.view.shape[:2]
            layer.blend(texture(rng, other, vh, vw, 0.2) * light_of(layer.view), 1.0, 0.05 * scale)
    for _ in range(rng.integers(0, 4)):  # electrodes and their wires
        spot = np.array([rng.uniform(-wide, wide) * 0.8, rng.uniform(4.5, 3 + long)])
        tube_along(
            image,
            at(curve(np.array([spot, spot + rng.normal(0, 2, 2), spot + rng.normal(0, 6, 2)]))),
            rng.uniform(0.05, 0.15) * scale,
            draw_colour(rng, PLASTICS),
            1,
        )
        a = np.linspace(0, 2 * np.pi, 14, endpoint=False)
        ring = at(spot + np.column_stack([np.cos(a), np.sin(a)]) * rng.uniform(0.25, 0.6))
        layer = Layer(image, ring)
        if not layer.empty:
            layer.polygon(ring)
            layer.blend(draw_colour(rng, TAPES) * light_of(layer.view), 1.0)


def cap(image: Image, frame: Frame, rng: np.random.Generator, other: Image | None) -> None:
    """A knitted cap or a hood: cloth above a line over the forehead."""
    edge, dip = rng.uniform(-1.9, -0.55), rng.uniform(-0.2, 0.35)
    w, top = rng.uniform(2.3, 3.0), rng.uniform(3.4, 5.0)
    t = np.linspace(0, np.pi, 16)
    dome = np.column_stack([-np.cos(t) * w, edge - np.sin(t) * (top + edge)])[::-1]
    low = np.column_stack(
        [
            np.linspace(-w, w, 12),
            edge + dip * (1 - np.linspace(-1, 1, 12) ** 2) + rng.uniform(0, 1.0) * np.linspace(-1, 1, 12) ** 2,
        ]
    )
    shape = place(frame, np.concatenate([low, dome]) + np.array([rng.normal(0, 0.15), 0]))
    layer = Layer(image, shape)
    if layer.empty:
        return
    layer.polygon(shape)
    h, w_ = layer.view.shape[:2]
    layer.blend(texture(rng, other, h, w_, 0.15) * light_of(layer.view), 1.0, rng.uniform(0, 0.05) * unit(frame))
    if rng.random() < 0.5:
        tube_along(image, place(frame, low), rng.uniform(0.25, 0.6) * unit(frame), draw_colour(rng, CLOTHS), 1)


def cloth_mask(image: Image, frame: Frame, rng: np.random.Generator, other: Image | None) -> None:
    """A drawn mask over nose and mouth, sometimes below the nose or the chin."""
    top = rng.choice([0.5, 0.5, 0.5, 1.3, 2.2]) + rng.normal(0, 0.12)
    w, chin = rng.uniform(1.5, 2.15), rng.uniform(3.2, 3.9)
    shape = np.array(
        [
            [-w, top + rng.uniform(0.1, 0.5)],
            [-0.45, top],
            [0.45, top],
            [w, top + rng.uniform(0.1, 0.5)],
            [w * 0.95, top + (chin - top) * 0.55],
            [w * 0.5, chin],
            [-w * 0.5, chin],
            [-w * 0.95, top + (chin - top) * 0.55],
        ]
    )
    corners = place(frame, shape)
    strap = draw_colour(rng, CLOTHS)
    for side, i, j in ((-1, 0, 7), (1, 3, 4)):
        for k in (i, j):
            tube_along(
                image,
                place(frame, np.array([shape[k], [side * rng.uniform(2.1, 2.7), rng.uniform(-0.2, 0.9)]])),
                0.07 * unit(frame),
                strap,
                1,
            )
    layer = Layer(image, corners)
    if layer.empty:
        return
    layer.polygon(corners)
    h, w_ = layer.view.shape[:2]
    layer.blend(texture(rng, other, h, w_, 0.2) * light_of(layer.view), 1.0, 0.03 * unit(frame))


def patch(image: Image, frame: Frame, rng: np.random.Generator, other: Image | None) -> None:
    """A blob or rectangle of another photo or cloth."""
    at = np.array([rng.uniform(-1.8, 1.8), rng.uniform(-1.5, 3.2)])
    n = rng.integers(4, 12)
    a = (
        np.sort(rng.uniform(0, 2 * np.pi, n))
        if rng.random() < 0.5
        else np.linspace(0, 2 * np.pi, 5)[:4] + rng.uniform(0, 1)
    )
    corners = place(frame, at + np.column_stack([np.cos(a) * rng.uniform(0.7, 2.2), np.sin(a) * rng.uniform(0.7, 2.2)]))
    layer = Layer(image, corners)
    if layer.empty:
        return
    layer.polygon(corners)
    h, w = layer.view.shape[:2]
    layer.blend(texture(rng, other, h, w, 0.6), 1.0, rng.uniform(0, 1.5))


class Pictures:
    """Images with alpha that are warped onto faces: masks, glasses, hats.

    Attributes:
        masks: uint8 (h, w, 4) each, cropped to their visible part.
        glasses: uint8 (h, w, 4) each, cropped to their visible part.
        hats: uint8 (h, w, 4) each, cropped to their visible part.
    """

    def __init__(self, folder: Path) -> None:
        """
        Args:
            folder: PNG files; "glasses" or "hat" in the name gives the kind, all others are masks.

        Raises:
            InputError: A file is not an image with alpha, or there is none.
        """
        self.masks: list[Image] = []
        self.glasses: list[Image] = []
        self.hats: list[Image] = []
        paths = sorted(folder.glob("*.png"))
        if not paths:
            raise InputError(f"{folder}: contains no PNG file; expected images of masks, glasses or hats with alpha")
        for path in paths:
            kind = self.glasses if "glasses" in path.name else self.hats if "hat" in path.name else self.masks
            kind.append(_read_picture(path))

    def covers(self) -> dict[str, Cover]:
        """Available covers, by name."""
        kinds: dict[str, tuple[Sequence[Image], Cover]] = {
            "mask": (self.masks, self.put_mask),
            "glasses": (self.glasses, self.put_glasses),
            "hat": (self.hats, self.put_hat),
        }
        return {name: cover for name, (pictures, cover) in kinds.items() if pictures}

    def put_mask(self, image: Image, frame: Frame, rng: np.random.Generator, other: Image | None) -> None:
        """A mask over nose and mouth, sometimes below the nose or the chin."""
        top = rng.choice([0.45, 0.45, 0.45, 1.25, 2.0]) + rng.normal(0, 0.12)
        w, chin = rng.uniform(1.9, 2.35), rng.uniform(3.3, 3.9)
        _warp_onto(image, frame, _one(self.masks, rng), _quad(-w, top, w, chin) + rng.normal(0, 0.08, (4, 2)), rng)

    def put_glasses(self, image: Image, frame: Frame, rng: np.random.Generator, other: Image | None) -> None:
        """Glasses."""
        w, h, y = rng.uniform(1.9, 2.4), rng.uniform(0.55, 0.85), rng.normal(0.1, 0.08)
        _warp_onto(image, frame, _one(self.glasses, rng), _quad(-w, y - h, w, y + h) + rng.normal(0, 0.06, (4, 2)), rng)

    def put_hat(self, image: Image, frame: Frame, rng: np.random.Generator, other: Image | None) -> None:
        """A hat with a brim."""
        w, low = rng.uniform(2.8, 4.2), rng.uniform(-1.3, -0.3)
        _warp_onto(
            image, frame, _one(self.hats, rng), _quad(-w, low - w * 1.3, w, low) + rng.normal(0, 0.1, (4, 2)), rng
        )


def _read_picture(path: Path) -> Image:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3 or picture.shape[2] != 4 or not picture[..., 3].any():
        raise InputError(f"{path}: expected a PNG with alpha and at least some visible pixels")
    picture = cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA)
    x, y, w, h = cv2.boundingRect((picture[..., 3] > 20).astype(np.uint8))
    picture = picture[y : y + h, x : x + w]
    gain = min(PICTURE_SIDE / max(w, h), 1)
    size = (max(round(w * gain), 1), max(round(h * gain), 1))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _one(pictures: Sequence[Image], rng: np.random.Generator) -> Image:
    return pictures[int(rng.integers(len(pictures)))]


def _quad(left: float, top: float, right: float, low: float) -> Points:
    return np.array([[left, top], [right, top], [right, low], [left, low]])


def _warp_onto(image: Image, frame: Frame, picture: Image, quad: Points, rng: np.random.Generator) -> None:
    """Warp the corners of an image (left top, right top, right bottom, left bottom) to points of the frame."""
    corners = place(frame, quad)
    layer = Layer(image, corners, 1)
    if layer.empty:
        return
    h, w = picture.shape[:2]
    matrix = cv2.getPerspectiveTransform(_quad(0, 0, w, h).astype(np.float32), (corners - layer.lo).astype(np.float32))
    warped = cv2.warpPerspective(picture, matrix, layer.view.shape[1::-1], flags=cv2.INTER_LINEAR)
    layer.mask = np.ascontiguousarray(warped[..., 3])
    paint = warped[..., :3].astype(np.float32)
    if rng.random() < 0.5:
        paint *= rng.uniform(0.6, 1.1, 3).astype(np.float32)
    layer.blend(paint * light_of(layer.view))


DRAWN: dict[str, Cover] = {
    "cloth_mask": cloth_mask,
    "cap": cap,
    "tube": tube,
    "cannula": cannula,
    "pressure_mask": pressure_mask,
    "tapes": tapes,
    "eye_shield": eye_shield,
    "hand": hand,
    "blanket": blanket,
    "patch": patch,
}
"""Covers that are drawn without an image, by name."""

SHARES = {
    "mask": 0.16,
    "cloth_mask": 0.08,
    "glasses": 0.05,
    "hat": 0.04,
    "cap": 0.1,
    "tube": 0.11,
    "cannula": 0.06,
    "pressure_mask": 0.05,
    "tapes": 0.05,
    "eye_shield": 0.08,
    "hand": 0.2,
    "blanket": 0.08,
    "patch": 0.07,
}
"""Relative frequency of each cover."""


def cover_face(
    image: Image, frame: Frame, rng: np.random.Generator, covers: dict[str, Cover], other: Image | None = None
) -> list[str]:
    """Draw one or two covers onto a face.

    Args:
        image: Image to paint on.
        frame: Frame of the face.
        rng: Random generator.
        covers: Names and functions; names are keys of `SHARES`.
        other: Photo for textures.

    Returns:
        Names of the drawn covers.
    """
    names = list(covers)
    shares = np.array([SHARES[name] for name in names])
    count = min(int(rng.choice([1, 1, 2])), len(names))
    chosen = [str(name) for name in rng.choice(names, count, replace=False, p=shares / shares.sum())]
    for name in chosen:
        covers[name](image, frame, rng, other)
    return chosen
