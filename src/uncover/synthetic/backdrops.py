"""Backgrounds without faces."""

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.synthetic.scene import Backdrop, Colour
from uncover.synthetic.surfaces import Picture, bgr, blurred, noise

_SKIN_LIKE = np.array([[0.50, 0.62, 0.84], [0.38, 0.50, 0.70], [0.25, 0.36, 0.55], [0.55, 0.68, 0.88]])


def paint(backdrop: Backdrop, width: int, height: int) -> Picture:
    """Paint a background.

    Returns:
        (height, width, 3) float32 BGR in 0..1.
    """
    rng = np.random.default_rng(backdrop.seed)
    first, second = (bgr(colour) for colour in backdrop.colours[:2])
    painter = {
        "studio": _studio, "indoor": _indoor, "outdoor": _outdoor, "lab": _lab, "wall": _studio,
        "incubator": _incubator,
    }[backdrop.kind]  # fmt: skip
    picture = np.ascontiguousarray(painter(rng, width, height, first, second), np.float32)
    for _ in range(backdrop.decoys):
        _decoy(picture, rng)
    if backdrop.blur > 0:
        picture = blurred(picture, backdrop.blur)
    picture *= 1 + 0.02 * noise(rng, height, width, (3, 3))[..., None]
    return np.clip(picture, 0, 1)


def _gradient(rng: np.random.Generator, width: int, height: int, first: Picture, second: Picture) -> Picture:
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    share = 0.5 + 0.5 * np.clip((np.cos(angle) * (x / width - 0.5) + np.sin(angle) * (y / height - 0.5)) * 1.6, -1, 1)
    return (first + (second - first) * share[..., None]).astype(np.float32)


def _studio(rng: np.random.Generator, width: int, height: int, first: Picture, second: Picture) -> Picture:
    picture = _gradient(rng, width, height, first, second)
    stains = noise(rng, height, width, (height / 3, width / 3)) + 0.4 * noise(rng, height, width, (9, 9))
    return np.asarray(picture * (1 + 0.05 * stains[..., None]), np.float32)


def _rectangle(
    picture: Picture, rng: np.random.Generator, colour: Picture, low: float = 0.08, high: float = 0.45
) -> None:
    height, width = picture.shape[:2]
    w, h = rng.uniform(low, high, 2) * (width, height)
    x, y = rng.uniform(-0.1, 1.0, 2) * (width, height)
    cv2.rectangle(picture, (int(x), int(y)), (int(x + w), int(y + h)), colour.tolist(), -1)
    cv2.rectangle(picture, (int(x), int(y)), (int(x + w), int(y + h)), (colour * 0.7).tolist(), max(1, width // 160))


def _indoor(rng: np.random.Generator, width: int, height: int, first: Picture, second: Picture) -> Picture:
    """A wall with furniture, pictures, shelves and a lamp."""
    picture = _studio(rng, width, height, first, first * 0.85)
    for _ in range(rng.integers(4, 11)):
        _rectangle(
            picture,
            rng,
            np.clip(second * rng.uniform(0.4, 1.4) + rng.uniform(-0.2, 0.2, 3), 0, 1),
        )
    shelf = int(height * rng.uniform(0.2, 0.6))
    x = 0
    while x < width and rng.uniform() < 0.97:
        step = int(width * rng.uniform(0.02, 0.06)) + 2
        top = shelf - int(height * rng.uniform(0.05, 0.16))
        cv2.rectangle(picture, (x, top), (x + step, shelf), rng.uniform(0.1, 0.8, 3).tolist(), -1)
        x += step + int(rng.uniform(0, 2) * step * (rng.uniform() < 0.3))
    lamp = (int(rng.uniform(0, width)), int(rng.uniform(0, 0.4) * height))
    cv2.circle(picture, lamp, max(2, width // 25), (0.75, 0.9, 1.0), -1, cv2.LINE_AA)
    return picture


def _outdoor(rng: np.random.Generator, width: int, height: int, first: Picture, second: Picture) -> Picture:
    """Sky over leaves, with out-of-focus lights."""
    picture = np.empty((height, width, 3), np.float32)
    horizon = int(height * rng.uniform(0.15, 0.6))
    sky, green = bgr((0.85, 0.75, 0.62)), bgr((0.16, 0.34, 0.26)) * rng.uniform(0.7, 1.5)
    picture[:horizon] = sky * 0.6 + first * 0.4
    picture[horizon:] = green * 0.75 + second * 0.25
    leaves = noise(rng, height, width, (14, 14)) + noise(rng, height, width, (5, 5))
    picture *= 1 + 0.28 * leaves[..., None]
    for _ in range(rng.integers(10, 40)):
        centre = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
        colour = np.clip(green * rng.uniform(0.5, 3.0) + rng.uniform(0, 0.2, 3), 0, 1)
        cv2.circle(picture, centre, int(rng.uniform(0.01, 0.06) * width) + 1, colour.tolist(), -1, cv2.LINE_AA)
    return picture


def _lab(rng: np.random.Generator, width: int, height: int, first: Picture, second: Picture) -> Picture:
    """A laboratory: wall, desks, screens, cables."""
    picture = _studio(rng, width, height, first, first * 0.9)
    desk = int(height * rng.uniform(0.5, 0.7))
    picture[desk:] = second * 0.8
    for _ in range(rng.integers(2, 6)):
        w, h = int(width * rng.uniform(0.1, 0.22)), int(height * rng.uniform(0.16, 0.3))
        x = int(rng.uniform(0, width - w))
        cv2.rectangle(picture, (x, desk - h), (x + w, desk), (0.12, 0.12, 0.13), -1)
        glow = rng.uniform(0.2, 0.8, 3).tolist()
        cv2.rectangle(picture, (x + 3, desk - h + 3), (x + w - 3, desk - 3), glow, -1)
    for _ in range(rng.integers(1, 5)):
        points = rng.uniform(0, 1, (4, 2)) * (width, height)
        cv2.polylines(picture, [points.astype(np.int32)], False, (0.1, 0.1, 0.1), 1, cv2.LINE_AA)
    cupboard = int(rng.uniform(0, width))
    cv2.rectangle(picture, (cupboard, 0), (cupboard + width // 6, desk), (first * 0.7).tolist(), -1)
    return picture


def _roll(
    picture: Picture, rng: np.random.Generator, points: NDArray[np.float64], thick: float, colour: Picture
) -> None:
    """A rolled cloth along a curve: a soft shadow, then lighter and lighter cores."""
    path = [points.astype(np.int32)]
    shadow = np.zeros(picture.shape[:2], np.float32)
    cv2.polylines(shadow, path, False, 1.0, max(1, int(1.1 * thick)), cv2.LINE_AA)
    picture *= 1 - 0.45 * blurred(shadow, 0.12 * thick + 0.5)[..., None]
    for share in np.linspace(1.0, 0.15, 9):
        bright = 1.04 - 0.36 * share**2
        cv2.polylines(picture, path, False, (colour * bright).tolist(), max(1, int(thick * share)), cv2.LINE_AA)


def _incubator(rng: np.random.Generator, width: int, height: int, first: Picture, second: Picture) -> Picture:
    """A mattress with a creased sheet, rolled cloths round the infant, plastic rim, cables, a toy."""
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = first
    side = max(width, height)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    if rng.uniform() < 0.5:
        spots = (np.sin(x * 60 / side) * np.sin(y * 60 / side) > 0.72)[..., None]
        picture += spots * (second - first) * 0.5
    creases = noise(rng, height, width, (side / 6, side / 3)) + 0.6 * noise(rng, height, width, (side / 14, side / 8))
    angle = rng.uniform(0, np.pi)
    waves = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 40 / side + 3 * creases)
    picture *= (1 + 0.10 * creases + 0.04 * waves)[..., None]
    for turn in (rng.uniform(0.8, 1.3), rng.uniform(-0.3, 0.3) + np.pi + 1.0):
        theta = np.linspace(turn, turn + rng.uniform(1.2, 2.4), 24)
        reach = rng.uniform(0.42, 0.58)
        centre = np.array([width * rng.uniform(0.4, 0.6), height * rng.uniform(0.4, 0.6)])
        curve = centre + np.stack([np.cos(theta) * width, np.sin(theta) * height], 1) * reach
        _roll(
            picture,
            rng,
            curve,
            side * rng.uniform(0.10, 0.17),
            np.clip(second * rng.uniform(0.8, 1.2), 0, 1),
        )
    if rng.uniform() < 0.6:
        edge = int(height * rng.uniform(0.04, 0.14))
        picture[:edge] = bgr((0.62, 0.60, 0.58))
        picture[edge : edge + 3] = bgr((0.92, 0.92, 0.9))
        picture[edge + 3 : edge + 7] *= 0.72
    for _ in range(rng.integers(1, 4)):
        start, stop = rng.uniform(0, 1, 2) * (width, height), rng.uniform(0, 1, 2) * (width, height)
        t = np.linspace(0, 1, 24)[:, None]
        sag = np.stack([np.sin(t[:, 0] * 5), np.sin(t[:, 0] * np.pi)], 1) * side * 0.07
        tint = [(0.85, 0.85, 0.8), (0.3, 0.3, 0.75), (0.8, 0.55, 0.3), (0.92, 0.92, 0.92)][rng.integers(4)]
        path = [((start + t * (stop - start) + sag) * 16).astype(np.int32)]
        cv2.polylines(picture, path, False, (0.45, 0.45, 0.45), max(2, side // 110), cv2.LINE_AA, 4)
        cv2.polylines(picture, path, False, tint, max(1, side // 170), cv2.LINE_AA, 4)
    if rng.uniform() < 0.45:
        _toy(
            picture,
            rng,
            np.array([rng.uniform(0.05, 0.95) * width, rng.uniform(0.05, 0.95) * height]),
            side * rng.uniform(0.05, 0.09),
        )
    return picture


def _toy(picture: Picture, rng: np.random.Generator, centre: NDArray[np.float64], radius: float) -> None:
    """A plush animal: body, head, ears, legs; no face."""
    colour: Colour = tuple(rng.uniform(0.3, 0.95, 3))
    turn = rng.uniform(0, 2 * np.pi)
    for x, y, size in (
        (0, 0, 1.0),
        (0, -1.3, 0.72),
        (-0.55, -1.85, 0.3),
        (0.55, -1.85, 0.3),
        (-0.9, 0.5, 0.4),
        (0.9, 0.5, 0.4),
    ):
        place = centre + radius * np.array([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)])
        at = (int(place[0]), int(place[1]))
        for share, bright in ((1.06, 0.6), (1.0, 0.85), (0.7, 1.0)):
            shade = tuple(float(c) * bright for c in colour)
            cv2.circle(picture, at, max(1, int(radius * size * share)), shade, -1, cv2.LINE_AA)


def _decoy(picture: Picture, rng: np.random.Generator) -> None:
    """A blob in a skin's colour: an arm, a ball, a pot; never with a face's features."""
    height, width = picture.shape[:2]
    colour = _SKIN_LIKE[rng.integers(len(_SKIN_LIKE))] * rng.uniform(0.75, 1.05)
    centre = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
    axes = (int(width * rng.uniform(0.03, 0.10)) + 1, int(height * rng.uniform(0.05, 0.16)) + 1)
    turn = float(rng.uniform(0, 180))
    for share, bright in ((1.0, 0.72), (0.88, 0.9), (0.6, 1.0)):
        size = (max(1, int(axes[0] * share)), max(1, int(axes[1] * share)))
        cv2.ellipse(picture, centre, size, turn, 0, 360, (colour * bright).tolist(), -1, cv2.LINE_AA)
