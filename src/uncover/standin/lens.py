"""What camera and room do to a finished picture: glare, blur, noise, quantisation."""

import cv2
import numpy as np
from numpy.typing import NDArray

from uncover.standin.scene import Lens
from uncover.standin.textures import blurred, noise

_KNEE = 0.68


def photograph(picture: NDArray[np.float32], lens: Lens) -> NDArray[np.uint8]:
    """Turn (height, width, 3) float32 BGR light into an 8-bit photo."""
    rng = np.random.default_rng(lens.seed)
    height, width = picture.shape[:2]
    # Highlights roll off instead of burning out, as in any camera's own processing.
    picture = np.minimum(picture, _KNEE + (1 - _KNEE) * np.tanh((picture - _KNEE) / (1 - _KNEE)))
    if lens.glare > 0:
        picture = _with_glare(picture, lens.glare, rng)
    if lens.defocus > 0.2:
        picture = blurred(picture, lens.defocus)
    if lens.motion > 1:
        streak = _streak(lens.motion, lens.motion_angle)
        picture = np.asarray(cv2.filter2D(picture, -1, streak, borderType=cv2.BORDER_REPLICATE), np.float32)
    grey = picture * 255
    if lens.noise > 0:
        if lens.grain is not None:
            rng = np.random.default_rng(lens.grain)
        grain = rng.standard_normal((height, width, 3), np.float32)
        grain[..., 1:] = 0.6 * grain[..., 1:] + 0.4 * grain[..., :1]
        grey = grey + lens.noise * grain
    return np.clip(grey + 0.5, 0, 255).astype(np.uint8)


def _streak(length: float, angle: float) -> NDArray[np.float32]:
    """Normalised kernel of a straight movement of `length` px in direction `angle` (degrees)."""
    half = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    step = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))]) * length / 2
    ends = np.round((np.array([half, half]) + np.array([-step, step])) * 16).astype(int)
    cv2.line(kernel, ends[0].tolist(), ends[1].tolist(), 1.0, 1, cv2.LINE_AA, 4)
    return kernel / kernel.sum()


def _with_glare(picture: NDArray[np.float32], strength: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Reflections on a plastic wall: a veil, a few bright slanted bars."""
    height, width = picture.shape[:2]
    veil = np.zeros((height, width), np.float32)
    for _ in range(rng.integers(1, 4)):
        x, y = rng.uniform(0, 1, 2) * (width, height)
        turn, long, thin = (
            rng.uniform(0, np.pi),
            rng.uniform(0.2, 0.8) * width,
            rng.uniform(0.01, 0.07) * width,
        )
        axis = np.array([np.cos(turn), np.sin(turn)])
        across = np.array([-axis[1], axis[0]]) * thin
        corners = np.array([x, y]) + np.array([-axis * long / 2 - across, axis * long / 2 - across,
                                              axis * long / 2 + across, -axis * long / 2 + across])  # fmt: skip
        cv2.fillConvexPoly(veil, corners.astype(np.int32), float(rng.uniform(0.5, 1.0)), cv2.LINE_AA)
    veil = blurred(veil, 0.012 * width + 0.5)
    veil = 0.25 * (1 + noise(rng, height, width, (height / 2, width / 2))) * 0.5 + veil
    share = np.clip(strength * veil, 0, 0.85)[..., None]
    return picture * (1 - share) + share * np.array([0.98, 0.97, 0.94], np.float32)
