"""Small procedural textures: noise, hair, knitwear, cloth."""

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.standin.scene import Colour
from uncover.standin.surface import Texture

Picture = NDArray[np.float32]


def bgr(colour: Colour) -> Picture:
    """A colour as a (3,) float32 array."""
    return np.asarray(colour, np.float32)


def blurred(picture: Picture, radius: float) -> Picture:
    """A picture after a Gaussian blur of standard deviation `radius` px."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), radius), np.float32)


def resized(picture: Picture, width: int, height: int, interpolation: int = cv2.INTER_LINEAR) -> Picture:
    """A picture at another size."""
    return np.asarray(cv2.resize(picture, (width, height), interpolation=interpolation), np.float32)


def moved(picture: Picture, right: float, down: float) -> Picture:
    """A picture shifted by so many px, its border repeated."""
    height, width = picture.shape[:2]
    shift = np.array([[1, 0, right], [0, 1, down]], np.float32)
    return np.asarray(cv2.warpAffine(picture, shift, (width, height), borderMode=cv2.BORDER_REPLICATE), np.float32)


def scaled(colour: Colour, factor: float) -> Colour:
    """A colour, brighter or darker."""
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


def noise(rng: np.random.Generator, height: int, width: int, cell: tuple[float, float]) -> Picture:
    """(height, width) float32 smooth noise in about -1..1 whose features measure `cell` (vertical, horizontal) px."""
    rows, columns = max(2, round(height / cell[0])), max(2, round(width / cell[1]))
    coarse = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
    return resized(coarse, width, height, cv2.INTER_CUBIC)


def to_texture(picture: Picture) -> Texture:
    """A float BGR picture in 0..1 as uint8."""
    return np.clip(picture * 255, 0, 255).astype(np.uint8)


def hair(rng: np.random.Generator, colour: Colour, size: int = 192) -> Texture:
    """Strands that run down the texture."""
    strands = noise(rng, size, size, (size / 5, 1.4)) + 0.7 * noise(rng, size, size, (size / 2, 6))
    glow = 1 + 0.33 * strands + 0.12 * noise(rng, size, size, (20, 60))
    return to_texture(glow[..., None] * bgr(colour) + 0.02)


def knit(rng: np.random.Generator, colour: Colour, stripe: Colour, stripes: int = 0, size: int = 192) -> Texture:
    """Ribs that run down, with stripes across."""
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    ribs = 0.86 + 0.14 * np.sin(columns * (2 * np.pi / 4.8)) * (0.8 + 0.2 * np.sin(rows * (2 * np.pi / 5)))
    share = (np.sin(rows * (2 * np.pi * stripes / size)) > 0.3)[..., None] if stripes else np.zeros((1, 1, 1))
    base = bgr(colour) * (1 - share) + bgr(stripe) * share
    return to_texture((base * (ribs + 0.06 * noise(rng, size, size, (9, 9)))[..., None]).astype(np.float32))


def cloth(rng: np.random.Generator, colour: Colour, stripe: Colour, pattern: str = "weave", size: int = 256) -> Texture:
    """Cloth whose `pattern` is plain, weave, stripes, checks or dots, with soft folds in its shading."""
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    if pattern == "stripes":
        share = (np.sin(columns * 0.22) > 0.35).astype(np.float32)
    elif pattern == "checks":
        share = 0.5 * (np.sin(columns * 0.2) > 0) + 0.5 * (np.sin(rows * 0.2) > 0)
    elif pattern == "dots":
        share = ((np.sin(columns * 0.25) * np.sin(rows * 0.25)) > 0.6).astype(np.float32)
    else:
        share = np.zeros_like(rows)
    share = blurred(share.astype(np.float32), 0.8)[..., None]
    base = bgr(colour) * (1 - share) + bgr(stripe) * share
    folds = 1 + 0.12 * noise(rng, size, size, (70, 40)) + 0.05 * noise(rng, size, size, (3, 3))
    if pattern != "plain":
        folds = folds + 0.04 * np.sin(rows * 1.6) * np.sin(columns * 1.6)
    return to_texture(base * folds[..., None])
