"""Kalman filter of a face's box. The state is centre, size, and their rates of change. The filter is FilterPy's."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PLACES = 4
"""The first four of the eight state variables are centre x, centre y, log width and log height; the others are their
changes per second."""

STATE = 2 * PLACES
PLACE, VELOCITY = slice(0, STATE * PLACES, STATE + 1), slice((STATE + 1) * PLACES, None, STATE + 1)
OF_VELOCITY, OF_PLACE = slice(PLACES, STATE * PLACES, STATE + 1), slice(STATE * PLACES, None, STATE + 1)
"""Entries of a flattened (8, 8) matrix that couple each place with itself, each velocity with itself, and the two with
each other. All other entries are zero, as the four places are independent."""

LEAST_SIDE = 1.0
"""Smallest width and height in pixels, so that the logarithm is defined; no face is smaller."""

LEAST_CONFIDENCE = 0.05
"""Confidence below which the variance of a box does not grow any further."""


@dataclass(frozen=True)
class Motion:
    """Motion of faces in front of a camera, and precision of a detector's boxes.

    Lengths are in face sizes (the square root of a face's area), so that the settings are independent of distance and
    image size. A velocity drifts and decays (an Ornstein-Uhlenbeck process): over a step much shorter than `memory` it
    is constant, over a long gap the face comes to rest. A step of two seconds equals two steps of one second, so the
    frame rate may vary.

    Attributes:
        speed: Typical speed of a head, face sizes per second (standard deviation). A lying infant turns its head by
            about half a face within a second.
        growth: Typical change of the logarithm of width or height, per second; mostly from turning the head.
        memory: Seconds after which most of a velocity has decayed; about the duration of a head movement.
        place_noise: Standard deviation of the centre of a box of confidence 1, face sizes.
        size_noise: Standard deviation of the logarithm of width and height of a box of confidence 1.
    """

    speed: float = 0.5
    growth: float = 0.2
    memory: float = 0.5
    place_noise: float = 0.05
    size_noise: float = 0.08

    def step(self, seconds: float, size: float) -> tuple[Floats, Floats]:
        """Transition and process noise of a time step.

        Args:
            seconds: Duration of the step, at least 0.
            size: Size of the face, pixels.

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
        """Variances of a measured box: they grow with decreasing confidence, fourfold from 1 to 0.25.

        Args:
            confidence: A number, or float64 (N, 1).
            size: Size of the face, pixels.

        Returns:
            float64 (4,) or (N, 4).
        """
        place, sides = self.place_noise * size, self.size_noise
        return np.array([place, place, sides, sides]) ** 2 / np.maximum(confidence, LEAST_CONFIDENCE)

    def _velocity_deviation(self, size: float) -> Floats:
        return np.array([self.speed * size, self.speed * size, self.growth, self.growth])


def as_measured(boxes: Floats) -> Floats:
    """Convert boxes (..., 4) x1 y1 x2 y2 to centre x, centre y, log width, log height."""
    sides = np.log(np.maximum(boxes[..., 2:] - boxes[..., :2], LEAST_SIDE))
    return np.concatenate([(boxes[..., :2] + boxes[..., 2:]) / 2, sides], axis=-1)


def as_boxes(states: Floats) -> Floats:
    """Convert states (..., 8), or measured places (..., 4), to boxes (..., 4) x1 y1 x2 y2."""
    half = np.exp(states[..., 2:4]) / 2
    return np.concatenate([states[..., :2] - half, states[..., :2] + half], axis=-1)


class FaceFilter:
    """The Kalman filter of one face.

    Attributes:
        F: float64 (8, 8), transition of the last step.
        Q: float64 (8, 8), process noise of the last step.
    """

    def __init__(self, box: Floats, confidence: float, motion: Motion) -> None:
        """Start at a box, with zero velocity.

        Args:
            box: float64 (4,) x1 y1 x2 y2.
            confidence: Confidence of the box.
            motion: Model of the motion.
        """
        # Imported here, because the import takes a good part of a second and most commands do not track.
        from filterpy.kalman import KalmanFilter

        self._motion = motion
        self._filter = KalmanFilter(dim_x=STATE, dim_z=PLACES)
        self._filter.H = np.eye(PLACES, STATE)
        self._filter.x = np.concatenate([as_measured(box), np.zeros(PLACES)])
        self._filter.P = motion.start(confidence, self.size)
        self.F, self.Q = np.eye(STATE), np.zeros((STATE, STATE))

    @property
    def state(self) -> Floats:
        """State, float64 (8,)."""
        return self._filter.x

    @property
    def covariance(self) -> Floats:
        """Covariance of the state, float64 (8, 8)."""
        return self._filter.P

    @property
    def size(self) -> float:
        """Square root of the face's area, pixels."""
        return math.exp((self._filter.x[2] + self._filter.x[3]) / 2)

    @property
    def box(self) -> Floats:
        """Box, float64 (4,) x1 y1 x2 y2; may extend beyond the frame."""
        return as_boxes(self._filter.x)

    def predict(self, seconds: float) -> None:
        """Advance the state in time."""
        self.F, self.Q = self._motion.step(seconds, self.size)
        self._filter.predict(F=self.F, Q=self.Q)

    def distances(self, boxes: Floats, confidence: float | Floats) -> Floats:
        """Squared Mahalanobis distances of boxes from the predicted face.

        Args:
            boxes: float64 (N, 4).
            confidence: float64 (N,), or one number for all.

        Returns:
            float64 (N,).
        """
        noise = self._motion.noise(np.reshape(confidence, (-1, 1)), self.size)
        # The places are independent, so their covariance is diagonal.
        expected = self._filter.P.diagonal()[:PLACES] + noise
        return ((as_measured(boxes) - self._filter.x[:PLACES]) ** 2 / expected).sum(axis=1)

    def update(self, box: Floats, confidence: float, inflation: float = 1.0) -> None:
        """Update the state with a measured box.

        Args:
            box: float64 (4,).
            confidence: Confidence of the box.
            inflation: Factor on the variances of the box.
        """
        noise = self._motion.noise(confidence, self.size) * inflation
        self._filter.update(as_measured(box), R=np.diag(noise))

    def smoothed(self, states: Floats, covariances: Floats, transitions: Floats, noises: Floats) -> Floats:
        """Smooth the states, given all later ones (Rauch, Tung and Striebel).

        Args:
            states: float64 (n, 8), after the update of each frame.
            covariances: float64 (n, 8, 8), after the update of each frame.
            transitions: float64 (n, 8, 8), of the step to each frame; the first is unused.
            noises: float64 (n, 8, 8), of the step to each frame; the first is unused.

        Returns:
            float64 (n, 8).
        """
        # FilterPy's method, not its function of this name, which expects the step from each frame instead.
        return self._filter.rts_smoother(states, covariances, list(transitions), list(noises))[0]
