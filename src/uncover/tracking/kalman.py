"""A face's box as the state of a Kalman filter: centre, size, and how fast both change. The filter is FilterPy's."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PLACES = 4
"""Of the state's eight numbers, the first four are centre x, centre y, log width and log height; the others are their
changes per second."""

STATE = 2 * PLACES
PLACE, VELOCITY = slice(0, STATE * PLACES, STATE + 1), slice((STATE + 1) * PLACES, None, STATE + 1)
OF_VELOCITY, OF_PLACE = slice(PLACES, STATE * PLACES, STATE + 1), slice(STATE * PLACES, None, STATE + 1)
"""Where a flattened (8, 8) matrix ties each place to itself, each velocity to itself, and one to the other; it is zero
elsewhere, as no place or velocity tells of another's."""

LEAST_SIDE = 1.0
"""Pixels: a box without width or height has no logarithm, and no face is smaller."""

LEAST_CONFIDENCE = 0.05
"""Confidence below which a box does not become less precise any more."""


@dataclass(frozen=True)
class Motion:
    """How faces move in front of a camera, and how precise a detector's boxes are.

    Lengths are in face sizes (the root of a face's area), so that near and far faces, and small and large pictures,
    need no settings of their own. A velocity wanders and is forgotten (an Ornstein-Uhlenbeck process): over a step much
    shorter than `memory` it is constant, over a long gap the face comes to rest. A step of two seconds is exactly two
    steps of one second, so the frame rate may vary.

    Attributes:
        speed: Usual speed of a head, face sizes per second (standard deviation). A lying infant turns its head by about
            half a face within a second.
        growth: Usual change of the logarithm of width or height, per second; most comes from turning the head.
        memory: Seconds after which most of a velocity is forgotten; a movement of the head lasts about so long.
        place_noise: Standard deviation of a sure box's centre, face sizes.
        size_noise: Standard deviation of the logarithm of a sure box's width and height.
    """

    speed: float = 0.5
    growth: float = 0.2
    memory: float = 0.5
    place_noise: float = 0.05
    size_noise: float = 0.08

    def step(self, seconds: float, size: float) -> tuple[Floats, Floats]:
        """Transition and process noise of a step in time.

        Args:
            seconds: Length of the step, 0 or more.
            size: Of the face, pixels.

        Returns:
            float64 (8, 8) transition F, float64 (8, 8) covariance Q.
        """
        past = seconds / self.memory
        lost = -math.expm1(-past)
        lost_twice = -math.expm1(-2 * past)
        variance = self._velocity_deviation(size) ** 2
        transition, covariance = np.zeros(STATE**2), np.zeros(STATE**2)
        transition[PLACE] = 1.0
        transition[OF_VELOCITY] = lost * self.memory
        transition[VELOCITY] = 1 - lost
        covariance[PLACE] = variance * (2 * past - 4 * lost + lost_twice) * self.memory**2
        covariance[OF_VELOCITY] = covariance[OF_PLACE] = variance * lost**2 * self.memory
        covariance[VELOCITY] = variance * lost_twice
        return transition.reshape(STATE, STATE), covariance.reshape(STATE, STATE)

    def start(self, confidence: float, size: float) -> Floats:
        """Covariance of the state after a first box, float64 (8, 8)."""
        return np.diag(np.concatenate([self.noise(confidence, size), self._velocity_deviation(size) ** 2]))

    def noise(self, confidence: float | Floats, size: float) -> Floats:
        """Variances of a measured box: they grow as its confidence falls, fourfold from 1 to 0.25.

        Args:
            confidence: One, or float64 (N, 1).
            size: Of the face, pixels.

        Returns:
            float64 (4,) or (N, 4).
        """
        place, sides = self.place_noise * size, self.size_noise
        return np.array([place, place, sides, sides]) ** 2 / np.maximum(confidence, LEAST_CONFIDENCE)

    def _velocity_deviation(self, size: float) -> Floats:
        return np.array([self.speed * size, self.speed * size, self.growth, self.growth])


def as_measured(boxes: Floats) -> Floats:
    """Boxes (..., 4) x1 y1 x2 y2 as centre x, centre y, log width, log height."""
    sides = np.log(np.maximum(boxes[..., 2:] - boxes[..., :2], LEAST_SIDE))
    return np.concatenate([(boxes[..., :2] + boxes[..., 2:]) / 2, sides], axis=-1)


def as_boxes(states: Floats) -> Floats:
    """States (..., 8), or measured places (..., 4), as boxes (..., 4) x1 y1 x2 y2."""
    half = np.exp(states[..., 2:4]) / 2
    return np.concatenate([states[..., :2] - half, states[..., :2] + half], axis=-1)


class FaceFilter:
    """The Kalman filter of one face.

    Attributes:
        F: float64 (8, 8), transition of the last step.
        Q: float64 (8, 8), process noise of the last step.
    """

    def __init__(self, box: Floats, confidence: float, motion: Motion) -> None:
        """Start at a box that does not move as far as is known.

        Args:
            box: float64 (4,) x1 y1 x2 y2.
            confidence: Of the box.
            motion: How faces move.
        """
        # Its import takes a good part of a second, which commands without a track need not wait.
        from filterpy.kalman import KalmanFilter

        self._motion = motion
        self._filter = KalmanFilter(dim_x=STATE, dim_z=PLACES)
        self._filter.H = np.eye(PLACES, STATE)
        self._filter.x = np.concatenate([as_measured(box), np.zeros(PLACES)])
        self._filter.P = motion.start(confidence, self.size)
        self.F, self.Q = np.eye(STATE), np.zeros((STATE, STATE))

    @property
    def state(self) -> Floats:
        """float64 (8,)."""
        return self._filter.x

    @property
    def covariance(self) -> Floats:
        """float64 (8, 8)."""
        return self._filter.P

    @property
    def size(self) -> float:
        """Root of the face's area, pixels."""
        return math.exp((self._filter.x[2] + self._filter.x[3]) / 2)

    @property
    def box(self) -> Floats:
        """float64 (4,) x1 y1 x2 y2, maybe out of the frame."""
        return as_boxes(self._filter.x)

    def predict(self, seconds: float) -> None:
        """Let time pass."""
        self.F, self.Q = self._motion.step(seconds, self.size)
        self._filter.predict(F=self.F, Q=self.Q)

    def distances(self, boxes: Floats, confidence: float | Floats) -> Floats:
        """Squared Mahalanobis distances from where the face is expected.

        Args:
            boxes: float64 (N, 4).
            confidence: float64 (N,), or one for all.

        Returns:
            float64 (N,).
        """
        noise = self._motion.noise(np.reshape(confidence, (-1, 1)), self.size)
        # No place is tied to another, so their covariance is diagonal.
        expected = self._filter.P.diagonal()[:PLACES] + noise
        return ((as_measured(boxes) - self._filter.x[:PLACES]) ** 2 / expected).sum(axis=1)

    def update(self, box: Floats, confidence: float, inflation: float = 1.0) -> None:
        """Learn a box.

        Args:
            box: float64 (4,).
            confidence: Of the box.
            inflation: Factor on the variances that its confidence gives it.
        """
        noise = self._motion.noise(confidence, self.size) * inflation
        self._filter.update(as_measured(box), R=np.diag(noise))

    def smoothed(self, states: Floats, covariances: Floats, transitions: Floats, noises: Floats) -> Floats:
        """What the states were, now that the later ones are known (Rauch, Tung and Striebel).

        Args:
            states: float64 (n, 8), after each frame's update.
            covariances: float64 (n, 8, 8), likewise.
            transitions: float64 (n, 8, 8), of the step to each frame; the first is not used.
            noises: float64 (n, 8, 8), likewise.

        Returns:
            float64 (n, 8).
        """
        # The method of the class, as FilterPy's function of this name takes the step from each frame instead.
        return self._filter.rts_smoother(states, covariances, list(transitions), list(noises))[0]
